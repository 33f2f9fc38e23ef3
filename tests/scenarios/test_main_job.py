"""The main job through the front door: a real server, the offline model, real sandboxes.

Over each store: the embedded one, and the functions of `convex/` on the loopback host.
"""

import html
import io
import time
import zipfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from agents.templates import get_template
from agents.types import Framework
from bot.adapters import DATABASE
from bot.render.sse import to_wire
from tests.fakes.convex import shared_host
from tests.fakes.server import Frame, Server, serving
from tests.fakes.server import frames as frames_of
from tests.fakes.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPT = "A kanban board for a bike shop"
WORDS = "Kanban board for a bike shop"
ODD = "O'Brien's \"café\" <b>& co"
SAMPLE = set(get_template(Framework.REACT).sample_order)


@dataclass(frozen=True)
class Version:
    """What a finished task left behind."""

    frames: list[Frame]
    files: dict[str, bytes]

    @property
    def task_id(self) -> str:
        return str(self.frames[0].data["taskId"])

    @property
    def project_id(self) -> str:
        return str(self.frames[0].data["projectId"])

    @property
    def complete(self) -> dict[str, Any]:
        return self.frames[-1].data


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "convex"])
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    distant = request.param == "convex"
    settings = shared_host().settings("main-job") if distant else {}
    async with serving(tmp_path_factory.mktemp("main") / "data", **settings) as running:
        yield running
        assert (running.data_dir / DATABASE).exists() is not distant


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def first(server: Server) -> Version:
    frames = await server.generate(PROMPT, framework="react")
    return Version(frames, await files_of(server, frames[0].data["projectId"]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def second(server: Server, first: Version) -> Version:
    """A follow-up on the first version."""
    frames = await server.generate("Make the accent colour green", projectId=first.project_id)
    return Version(frames, await files_of(server, first.project_id))


async def files_of(server: Server, project_id: str) -> dict[str, bytes]:
    """The project's current files, each one downloaded."""
    root = f"/api/projects/{project_id}/files"
    paths = [file["path"] for file in (await server.get(root))["files"]]
    return {path: await server.download(f"{root}/{path}") for path in paths}


async def page_of(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.text()


async def seen(stream: AsyncIterator[Frame], kind: str, field: str) -> str:
    """Read on to the next frame of this type; its field."""
    async for frame in stream:
        if frame.type == kind:
            return str(frame.data[field])
    raise AssertionError(f"the stream ended without another {kind}")


# --- from the sentence to the app ---------------------------------------------------------------


async def test_the_stream_begins_with_the_task_and_ends_with_complete(first: Version) -> None:
    types = [frame.type for frame in first.frames]
    assert (types[0], types[-1]) == ("task", "complete")
    assert [frame.is_terminal for frame in first.frames].count(True) == 1
    written = [f.data["filePath"] for f in first.frames if f.type == "file"]
    assert set(written) == SAMPLE
    verdicts = {f.data["step"]: f.data["ok"] for f in first.frames if f.type == "validation"}
    assert verdicts == {"lint": True, "build": True, "preview": True}


async def test_every_event_of_the_log_is_one_frame_in_order(server: Server, first: Version) -> None:
    log = await server.recorded(first.task_id)
    assert [recorded.seq for recorded in log] == list(range(1, len(log) + 1))
    shown = [recorded.seq for recorded in log if to_wire(recorded) is not None]
    assert [frame.seq for frame in first.frames] == shown
    assert await server.follow(first.task_id) == first.frames


async def test_a_reader_that_comes_back_gets_what_it_has_not_seen(
    server: Server, first: Version
) -> None:
    for seen_until in (1, len(first.frames) // 2, len(first.frames) - 1):
        last_seen = first.frames[seen_until - 1].seq
        assert await server.follow(first.task_id, last_seen) == first.frames[seen_until:]
    url = f"/api/stream-progress?taskId={first.task_id}&after={first.frames[-1].seq}"
    async with server.http.get(url) as answer:
        assert answer.status == 204, "there is nothing more to come back for"


async def test_the_preview_link_answers_with_the_persons_words(first: Version) -> None:
    status, page = await page_of(first.complete["previewUrl"])
    assert status == 200
    assert WORDS in page
    assert first.complete["title"] == WORDS


async def test_complete_holds_the_whole_app(server: Server, first: Version) -> None:
    shown = {path: content.encode() for path, content in first.complete["files"].items()}
    assert shown == first.files
    assert set(first.files) >= SAMPLE | set(get_template(Framework.REACT).files)
    progress = await server.get(f"/api/tasks/{first.task_id}")
    assert (progress["status"], progress["files"]) == ("complete", first.complete["files"])


# --- a follow-up, and back ----------------------------------------------------------------------


async def test_a_follow_up_changes_one_file_and_keeps_the_rest(
    first: Version, second: Version
) -> None:
    assert {p for p in first.files if first.files[p] != second.files.get(p)} == {"src/theme.css"}
    assert set(first.files) == set(second.files)
    assert [f.data["filePath"] for f in second.frames if f.type == "file"] == ["src/theme.css"]


async def test_the_new_preview_shows_the_change(second: Version) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(second.complete["previewUrl"]) as answer:
            page, at = await answer.text(), answer.url
        assert WORDS in page
        sheet = page.partition('rel="stylesheet"')[2].partition('href="')[2].partition('"')[0]
        async with http.get(at.join(URL(sheet))) as answer:
            assert (answer.status, "#15803d" in await answer.text()) == (200, True)


async def test_restore_brings_the_old_version_back_byte_for_byte(
    server: Server, first: Version, second: Version
) -> None:
    root = f"/api/projects/{first.project_id}"
    await server.post(f"{root}/restore", {"fragmentId": first.complete["fragmentId"]})
    assert await files_of(server, first.project_id) == first.files
    status, _ = await server.post(f"{root}/restore", {"fragmentId": second.complete["fragmentId"]})
    assert status == 200
    assert await files_of(server, first.project_id) == second.files


async def test_the_archive_holds_exactly_the_files(server: Server, second: Version) -> None:
    raw = await server.download(f"/api/projects/{second.project_id}/archive.zip")
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        held = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert held == await files_of(server, second.project_id)


# --- leaving and stopping -----------------------------------------------------------------------


async def test_a_client_that_leaves_comes_back_to_its_task_and_odd_words_build(
    server: Server,
) -> None:
    body = {"prompt": ODD, "framework": "react"}
    seen: list[Frame] = []
    async with (
        server.http.post("/api/generate", json=body) as answer,
        aclosing(frames_of(answer)) as stream,
    ):
        while not (seen and seen[-1].type == "file"):
            seen.append(await anext(stream))
        answer.close()
    newest = (await server.get("/api/projects"))["projects"][0]
    rest = await server.follow(newest["taskId"], seen[-1].seq)
    assert rest[-1].type == "complete"
    assert [*seen, *rest] == await server.follow(newest["taskId"])
    status, page = await page_of(rest[-1].data["previewUrl"])
    assert status == 200
    assert ODD in html.unescape(page)
    assert "<b>" not in page


async def test_cancel_ends_a_task_within_two_seconds_and_leaves_nothing(server: Server) -> None:
    started = await server.start(PROMPT, framework="react")
    stream = server.frames(started.task_id)
    sandbox_id = await seen(stream, "sandbox", "sandboxId")
    while await seen(stream, "status", "message") != "Checking: build":
        pass
    await until(lambda: bool(server.processes(sandbox_id)))
    asked_at = time.monotonic()
    status, _ = await server.post(f"/api/tasks/{started.task_id}/cancel")
    last = [frame async for frame in stream][-1]
    assert (status, last.type) == (202, "cancelled")
    assert time.monotonic() - asked_at < 2.0
    await until(lambda: server.processes(sandbox_id) == [])
    await until(lambda: not any(box.name.endswith(sandbox_id) for box in server.boxes()))
    assert await server.post(f"/api/tasks/{started.task_id}/cancel") == (
        200,
        {"taskId": started.task_id, "status": "cancelled"},
    )


# --- what cannot be done ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code", "field", "says"),
    [
        ({"prompt": ""}, 400, "bad_request", "prompt", "empty"),
        ({"prompt": " \n\t "}, 400, "bad_request", "prompt", "empty"),
        ({"prompt": "x" * 200_000}, 400, "bad_request", "prompt", "at most 20,000"),
        ({"prompt": "x" * 1_200_000}, 413, "too_large", None, "larger than 1 MiB"),
        ({}, 400, "bad_request", "prompt", "missing"),
        ({"prompt": "A board", "projectId": "proj_none"}, 404, "not_found", None, "project"),
        (
            {"prompt": "A board", "framework": "cobol"},
            *(400, "unsupported_framework", "framework", "cobol"),
        ),
        ('{"prompt": "A board"', 400, "bad_request", None, "not valid JSON"),
        ("", 400, "bad_request", None, "not valid JSON"),
        ("[1]", 400, "bad_request", None, "JSON object"),
        (b"\xff\xfe", 400, "bad_request", None, "not valid JSON"),
        ({"prompt": 7}, 400, "bad_request", "prompt", "prompt"),
        ({"prompt": "A board", "framework": ["react"]}, 400, "bad_request", "framework", "string"),
        ({"prompt": "A board", "projectId": 1}, 400, "bad_request", "projectId", "string"),
        (
            {"prompt": "A board", "conversationHistory": [{"role": "god", "content": ""}]},
            *(400, "bad_request", "conversationHistory.0.role", "'user' or 'assistant'"),
        ),
    ],
)
async def test_a_request_that_cannot_be_done_says_why_and_starts_nothing(
    server: Server, body: Any, status: int, code: str, field: str | None, says: str
) -> None:
    before = await server.get("/api/projects")
    answered, said = await server.post("/api/generate", body)
    error = said["error"]
    assert (answered, error["code"], error.get("field")) == (status, code, field)
    assert says in error["message"]
    assert await server.get("/api/projects") == before


@pytest.mark.parametrize(
    "path", ["/api/tasks/task_none", "/api/projects/proj_none", "/api/stream-progress?taskId=none"]
)
async def test_what_does_not_exist_is_not_found(server: Server, path: str) -> None:
    async with server.http.get(path) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "not_found")


# --- another framework, and the way out ---------------------------------------------------------


async def test_svelte_builds_too_and_a_graceful_stop_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data") as server:
        frames = await server.generate(PROMPT, framework="svelte")
        assert frames[-1].type == "complete"
        status, page = await page_of(frames[-1].data["previewUrl"])
        assert (status, WORDS in page) == (200, True)
        assert server.processes()
        assert await server.stop() == 0
        assert (server.processes(), server.boxes()) == ([], [])
        assert server.complaints == []


async def test_the_server_never_logged_an_error(server: Server) -> None:
    assert server.complaints == []

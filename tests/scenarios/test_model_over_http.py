"""A real server with a model behind HTTP: what it streams, what it gets wrong, what it runs."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agents.models import FIXER
from tests.fakes.openrouter import (
    FakeOpenRouter,
    Frame,
    Hold,
    Seen,
    call_frames,
    files,
    files_arguments,
    stream,
    text,
    tool_call,
)
from tests.fakes.quick_app import WORDS, quick_app
from tests.fakes.server import Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

DONE = text("All done. <task_summary>A page.</task_summary>")
SUMMARY = text('{"title": "Bikes", "summary": "A page.", "suggestions": []}')
OUTPUT_CHARS = 24_000
TRICKS = [
    "../outside.txt",
    "src/../../outside.txt",
    "/var/lib/zapdev-outside.txt",
    "~/outside.txt",
    "C:\\outside.txt",
    "..\\outside.txt",
    "src/..",
    ".git/hooks/post-commit",
    ".env",
    ".npmrc",
    "node_modules/vite/outside.js",
    "src/\u202eoutside.txt",
    "link/outside.txt",
]


def generates(seen: Seen) -> bool:
    return bool(seen.tools) and not fixes(seen)


def fixes(seen: Seen) -> bool:
    return bool(seen.body["model"] == FIXER.id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[FakeOpenRouter]:
    async with FakeOpenRouter() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    model: FakeOpenRouter, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("model") / "data"
    async with serving(folder, OPENROUTER_BASE_URL=model.base_url) as running:
        yield running
        assert running.complaints == []


@pytest.fixture(autouse=True)
def script(model: FakeOpenRouter) -> None:
    """Each test begins with a model that can only summarize."""
    model.clear()
    model.always(SUMMARY, when=lambda seen: not seen.tools)


def told(model: FakeOpenRouter) -> list[str]:
    """The tool results that the model was shown, in order."""
    [last] = [seen for seen in model.requests if generates(seen)][-1:]
    return [m["content"] for m in last.body["messages"] if m["role"] == "tool"]


async def test_file_1_is_shown_and_on_disk_before_file_2_has_begun(
    server: Server, model: FakeOpenRouter
) -> None:
    go = asyncio.Event()
    app = {"src/one.ts": "export const one = 1;\n", **quick_app()}
    arguments = files_arguments(app)
    whole = arguments.index("}, ") + 1
    pieces = call_frames("createOrUpdateFiles", arguments[:whole])
    rest = call_frames("createOrUpdateFiles", arguments[whole:])[1:]
    held: list[Frame] = [*pieces, Hold(go), *rest]
    model.reply(stream(held, "tool_calls"), DONE, when=generates)

    started = await server.start("A page", framework="react")
    sandbox_id, order = "", []
    async for frame in server.frames(started.task_id):
        if frame.type == "sandbox":
            sandbox_id = frame.data["sandboxId"]
        if frame.type == "file":
            order.append(frame.data["filePath"])
        if order == ["src/one.ts"] and not go.is_set():
            folder = server.app(sandbox_id)
            assert (folder / "src/one.ts").read_text() == app["src/one.ts"]
            assert WORDS not in (folder / "index.html").read_text()
            go.set()
    assert order == list(app)
    assert frame.type == "complete"


async def test_a_flood_and_a_command_without_end_are_results_like_any_other(
    server: Server, model: FakeOpenRouter
) -> None:
    flood = {"command": "yes zapdev | head -c 50000000"}
    endless = {"command": "while true; do sleep 1; done", "timeoutMs": 1000}
    model.reply(
        tool_call("terminal", json.dumps(flood)),
        tool_call("terminal", json.dumps(endless)),
        files(quick_app()),
        DONE,
        when=generates,
    )
    frames = await server.generate("A page", framework="react")
    assert frames[-1].type == "complete"
    said = told(model)
    assert said[0].startswith("Exit code 0")
    assert "left out" in said[0]
    assert len(said[0]) < OUTPUT_CHARS + 200
    assert said[1].startswith("Stopped after 1 s: the command did not end.")
    finished = [f.data["ok"] for f in frames if f.type == "tool" and f.data["state"] == "finished"]
    assert finished == [True, False, True]
    assert max(len(json.dumps(frame.data)) for frame in frames[:-1]) < 10_000


async def test_path_tricks_are_refused_one_by_one_and_nothing_lands_outside(
    server: Server, model: FakeOpenRouter
) -> None:
    link = {"command": "ln -s .. link"}
    tricks = [tool_call("createOrUpdateFiles", files_arguments({path: "x"})) for path in TRICKS]
    model.reply(
        tool_call("terminal", json.dumps(link)), *tricks, files(quick_app()), DONE, when=generates
    )
    frames = await server.generate("A page", framework="react")
    assert frames[-1].type == "complete"
    [sandbox_id] = [frame.data["sandboxId"] for frame in frames if frame.type == "sandbox"]
    box = server.app(sandbox_id).parent
    found = [path for path in box.rglob("*outside*") if "node_modules" not in path.parts]
    assert [path.relative_to(box).as_posix() for path in found] in ([], ["app/link/outside.txt"])
    places = [box.parent, Path.home(), Path("/var/lib")]
    assert not [path for place in places for path in place.glob("*outside.txt")]
    assert (server.app(sandbox_id) / ".npmrc").read_text() != "x"
    assert not (server.app(sandbox_id) / "node_modules/vite/outside.js").exists()
    results = [f.data["ok"] for f in frames if f.type == "tool" and f.data["state"] == "finished"]
    assert results[1 : len(TRICKS)] == [False] * (len(TRICKS) - 1)
    assert set(frames[-1].data["files"]) & set(TRICKS[:-1]) <= {".npmrc"}
    assert all(said for said in told(model))


async def test_the_fixer_repairs_a_broken_build(server: Server, model: FakeOpenRouter) -> None:
    page = '<!doctype html><h1>Bikes</h1><script type="module" src="/src/main.ts"></script>\n'
    app = {**quick_app(), "index.html": page}
    broken = {**app, "src/main.ts": "export const one = ;\n"}
    model.reply(files(broken), DONE, when=generates)
    model.reply(files({"src/main.ts": "console.log('repaired');\n"}), DONE, when=fixes)
    frames = await server.generate("A page", framework="react")
    assert frames[-1].type == "complete"
    builds = [f.data["ok"] for f in frames if f.type == "validation" and f.data["step"] == "build"]
    assert builds == [False, True]
    [asked] = [seen for seen in model.requests if fixes(seen)][:1]
    assert "export const one = ;" in asked.last["content"]
    assert "src/main.ts" in asked.last["content"]
    assert frames[-1].data["files"]["src/main.ts"] == "console.log('repaired');\n"

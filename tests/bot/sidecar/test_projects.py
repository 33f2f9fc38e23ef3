import asyncio
import io
import zipfile
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from tests.fakes.sidecar import RunningSidecar
from tests.fakes.worker import APP, ICON

TRICKS = [
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "src/%2e%2e/package.json",
    "%2fetc%2fpasswd",
    "src%5cApp.tsx",
    "src//App.tsx",
    "./package.json",
    "package.json%00",
    "package.json%0d%0aX-Evil:%201",
    "PACKAGE.JSON",
    ".env",
    "~/.ssh/id_rsa",
    "C:/Windows/win.ini",
    "%ff%fe",
]


async def status_of(http: ClientSession, path: str) -> int:
    """Send the path exactly as it is spelled."""
    async with http.get(URL(path, encoded=True)) as answer:
        return answer.status


async def test_a_new_project_is_listed_while_it_waits_and_when_it_is_ready(
    sidecar: RunningSidecar,
) -> None:
    started = await sidecar.start_task("A kanban board for a bike shop")
    [waiting] = (await sidecar.get("/api/projects"))["projects"]
    assert waiting["projectId"] == started["projectId"]
    assert waiting["taskId"] == started["taskId"]
    assert (waiting["status"], waiting["head"], waiting["framework"]) == ("pending", None, None)
    await sidecar.worker.take()
    head = await sidecar.worker.build(preview_url="http://127.0.0.1:4000/")
    [ready] = (await sidecar.get("/api/projects"))["projects"]
    assert (ready["status"], ready["head"], ready["framework"]) == ("complete", head, "react")
    assert ready["title"] == "Bike shop board"
    assert ready["previewUrl"] == "http://127.0.0.1:4000/"


async def test_a_projects_detail_has_its_tasks_and_conversation(sidecar: RunningSidecar) -> None:
    project_id = (await sidecar.built_project())["projectId"]
    await sidecar.start_task("Add due dates", projectId=project_id)
    detail = await sidecar.get(f"/api/projects/{project_id}")
    assert [task["prompt"] for task in detail["tasks"]] == ["Add due dates", "A kanban board"]
    said = [(message["role"], message["content"]) for message in detail["messages"]]
    assert said[:3] == [
        ("USER", "A kanban board"),
        ("ASSISTANT", "The board is ready."),
        ("USER", "Add due dates"),
    ]


async def test_files_are_listed_with_size_and_hash_and_read_as_plain_text(
    sidecar: RunningSidecar,
) -> None:
    project_id = (await sidecar.built_project())["projectId"]
    listed = (await sidecar.get(f"/api/projects/{project_id}/files"))["files"]
    assert [file["path"] for file in listed] == sorted(APP)
    assert {file["path"]: file["bytes"] for file in listed} == {p: len(c) for p, c in APP.items()}
    for path, content in APP.items():
        async with sidecar.http.get(f"/api/projects/{project_id}/files/{path}") as answer:
            assert await answer.read() == content
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_page_among_the_files_is_never_served_as_a_page(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task()
    await sidecar.worker.take()
    await sidecar.worker.build({"index.html": b"<script>alert(1)</script>", "a.bin": b"\xff\x00"})
    at = f"/api/projects/{started['projectId']}/files"
    async with sidecar.http.get(f"{at}/index.html") as answer:
        assert answer.content_type == "text/plain"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    async with sidecar.http.get(f"{at}/a.bin") as answer:
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_path_trick_finds_nothing(sidecar: RunningSidecar, trick: str) -> None:
    project_id = (await sidecar.built_project())["projectId"]
    answer = await send_raw(sidecar, f"/api/projects/{project_id}/files/{trick}")
    assert answer.startswith(("HTTP/1.1 404", "HTTP/1.1 400"))
    assert "X-Evil" not in answer.partition("\r\n\r\n")[0]
    assert "root:" not in answer


async def send_raw(sidecar: RunningSidecar, path: str) -> str:
    """The path on the wire as it is spelled: no client cleans it up."""
    host, port = sidecar.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


async def test_names_with_brackets_spaces_and_umlauts_are_found(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task()
    await sidecar.worker.take()
    names = ["app/[...slug]/page.tsx", "src/größe 1.ts", "a%20b.txt", "src/@x/#1?.ts"]
    await sidecar.worker.build({name: name.encode() for name in names})
    for name in names:
        at = URL(f"/api/projects/{started['projectId']}/files").joinpath(*name.split("/"))
        async with sidecar.http.get(at) as answer:
            assert await answer.text() == name


async def test_the_archive_holds_the_app_and_is_reproducible(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task()
    await sidecar.worker.take()
    files = {**APP, "public/icon.png": ICON}
    await sidecar.worker.build(files)
    bodies = []
    for _ in range(2):
        async with sidecar.http.get(f"/api/projects/{started['projectId']}/archive.zip") as answer:
            assert answer.content_type == "application/zip"
            disposition = answer.headers["Content-Disposition"]
            assert disposition == 'attachment; filename="bike-shop-board.zip"'
            bodies.append(await answer.read())
    assert bodies[0] == bodies[1]
    with zipfile.ZipFile(io.BytesIO(bodies[0])) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == {
            f"bike-shop-board/{path}": content for path, content in files.items()
        }


async def test_before_the_first_build_there_are_no_files_and_no_archive(
    sidecar: RunningSidecar,
) -> None:
    project_id = (await sidecar.start_task())["projectId"]
    assert await sidecar.get(f"/api/projects/{project_id}/files") == {"files": []}
    assert await sidecar.get(f"/api/projects/{project_id}/fragments") == {
        "head": None,
        "fragments": [],
    }
    assert await status_of(sidecar.http, f"/api/projects/{project_id}/archive.zip") == 404
    assert await status_of(sidecar.http, f"/api/projects/{project_id}/files/a.txt") == 404


async def restore(sidecar: RunningSidecar, project_id: str, fragment_id: str) -> tuple[int, Any]:
    async with sidecar.http.post(
        f"/api/projects/{project_id}/restore", json={"fragmentId": fragment_id}
    ) as answer:
        return answer.status, await answer.json()


async def test_restore_brings_an_old_version_back_byte_for_byte(sidecar: RunningSidecar) -> None:
    project_id = (await sidecar.built_project())["projectId"]
    archive = f"/api/projects/{project_id}/archive.zip"
    async with sidecar.http.get(archive) as answer:
        before = await answer.read()
    await sidecar.start_task("Change it", projectId=project_id)
    await sidecar.worker.take()
    await sidecar.worker.build({"src/App.tsx": b"changed"})
    listed = await sidecar.get(f"/api/projects/{project_id}/fragments")
    newest, first = listed["fragments"]
    assert listed["head"] == newest["fragmentId"]

    status, made = await restore(sidecar, project_id, first["fragmentId"])
    assert (status, made["fragment"]["restoredFrom"]) == (200, first["fragmentId"])
    async with sidecar.http.get(archive) as answer:
        assert await answer.read() == before
    listed = await sidecar.get(f"/api/projects/{project_id}/fragments")
    assert len(listed["fragments"]) == 3
    assert listed["head"] == made["fragment"]["fragmentId"]


async def test_restoring_while_a_task_runs_is_409_and_changes_nothing(
    sidecar: RunningSidecar,
) -> None:
    project_id = (await sidecar.built_project())["projectId"]
    head = (await sidecar.get(f"/api/projects/{project_id}"))["head"]
    await sidecar.start_task("Change it", projectId=project_id)
    await sidecar.worker.take()
    status, body = await restore(sidecar, project_id, head)
    assert (status, body["error"]["code"]) == (409, "seq_conflict")
    assert (await sidecar.get(f"/api/projects/{project_id}"))["head"] == head


async def test_restoring_what_is_not_there_is_404_and_names_it(sidecar: RunningSidecar) -> None:
    project_id = (await sidecar.built_project())["projectId"]
    other = await sidecar.built_project()
    foreign = (await sidecar.get(f"/api/projects/{other['projectId']}"))["head"]
    for fragment_id in ("frag_nobody", foreign):
        status, body = await restore(sidecar, project_id, fragment_id)
        assert (status, body["error"]["message"]) == (404, "There is no such project or version.")
    async with sidecar.http.post(f"/api/projects/{project_id}/restore", json={}) as answer:
        assert (await answer.json())["error"]["field"] == "fragmentId"


@pytest.mark.parametrize("tail", ["", "/files", "/files/a", "/archive.zip", "/fragments"])
async def test_an_unknown_project_is_404_everywhere(sidecar: RunningSidecar, tail: str) -> None:
    assert await status_of(sidecar.http, f"/api/projects/proj_nobody{tail}") == 404

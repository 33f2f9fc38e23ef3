"""Apps that keep to no rule of HTTP: what they say to one visitor reaches no other, nor passes for ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from agents.types import ProjectId, SandboxId
from bot.services.app_hosts import AppHosts
from bot.services.previews import Awake
from bot.services.tasks import LOCAL_OWNER
from bot.store.port import Project
from tests.bot.sidecar.test_apps import PAGE, App, Stage
from tests.fakes.previews import ScriptedPreviews
from tests.fakes.sidecar import running_sidecar


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    previews, hosts = ScriptedPreviews(), AppHosts("https://{key}.apps.test")
    async with running_sidecar(
        tmp_path / "zapdev.db", previews=previews, app_hosts=hosts
    ) as sidecar:
        started = await sidecar.built_project()
        project_id = ProjectId(started["projectId"])
        previews.project = await sidecar.store.project(LOCAL_OWNER, project_id)
        yield Stage(App(), previews, sidecar)


@asynccontextmanager
async def _an_app_that_answers(stage: Stage, words: bytes) -> AsyncIterator[list[int]]:
    """The same words to whatever comes, body or not; yields by which connection each head came."""
    heads: list[int] = []
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        mine = len(connections)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                heads.append(mine)
                writer.write(words)
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stage.previews.standing = Awake(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield heads
    for connection in connections:
        connection.close()
    server.close()
    await server.wait_closed()


async def test_what_is_left_in_a_connection_reaches_no_other_visitor(stage: Stage) -> None:
    async with _an_app_that_answers(
        stage, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ) as heads:
        for _ in range(3):
            assert (await stage.ask())[::2] == (200, "ok")
        assert heads == [1, 2, 3]


async def test_an_app_that_switches_unasked_gives_no_answer(stage: Stage) -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with _an_app_that_answers(stage, switched):
        for headers in ({}, PAGE, {"Connection": "upgrade", "Upgrade": "h2c"}):
            assert (await stage.ask(headers=headers))[0] == 502
    assert stage.previews.opened == 0


async def test_who_woke_it_meanwhile_is_not_forgotten_for_what_broke_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ScriptedPreviews` sees to it that it is asked about the project as it is now."""
    ask = stage.previews.runs_at

    async def runs_at(project: Project) -> str | None:
        url = await ask(project)
        stage.previews.project = replace(project, sandbox_id=SandboxId("newer"))
        return url

    monkeypatch.setattr(stage.previews, "runs_at", runs_at)
    async with _an_app_that_answers(stage, b"no HTTP\r\n\r\n"):
        assert (await stage.ask(headers=PAGE))[0] == 502
    assert stage.previews.opened == 1

"""A whole sidecar on loopback for tests: real server, real store, a worker that tests play."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from agents.system import RandomIds, SystemClock
from bot.feed import Feed, Hub
from bot.services.metering import Meter, Quotas
from bot.services.projects import ProjectService
from bot.services.tasks import TaskService
from bot.sidecar.app import Info, SidecarDeps, create_app, runner_of
from bot.store.port import Store
from bot.store.sqlite import SqliteStore
from tests.fakes.metering import UNMETERED
from tests.fakes.worker import ScriptedWorker

INFO = Info(
    version="0.1.0",
    model="offline",
    offline=True,
    sandbox="local",
    models=("auto", "openai/gpt-4o"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One SSE frame as a client sees it."""

    seq: int
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.data["type"])


@dataclass(frozen=True, slots=True)
class RunningSidecar:
    """A server that answers at `url`, and what stands behind it."""

    url: str
    store: Store
    worker: ScriptedWorker
    http: aiohttp.ClientSession
    runner: web.AppRunner

    async def start_task(self, prompt: str = "A kanban board", **body: Any) -> dict[str, str]:
        """Start a task without following it; answers `{taskId, projectId}`."""
        async with self.http.post(
            "/api/generate",
            json={"prompt": prompt, **body},
            headers={"Accept": "application/json"},
        ) as answer:
            assert answer.status == 202, await answer.text()
            started: dict[str, str] = await answer.json()
            return started

    async def built_project(self) -> dict[str, str]:
        """A project with one finished version."""
        started = await self.start_task()
        await self.worker.take()
        await self.worker.build()
        return started

    async def get(self, path: str) -> Any:
        """A JSON answer that must be 200."""
        async with self.http.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    def cut(self) -> None:
        """Every connection breaks, as when a cable is pulled."""
        assert self.runner.server is not None
        for connection in self.runner.server.connections:
            connection.force_close()


@asynccontextmanager
async def running_sidecar(
    at: Path | Store,
    *,
    port: int = 0,
    quotas: Quotas = UNMETERED,
    reads_designs: bool = False,
    **changes: Any,
) -> AsyncIterator[RunningSidecar]:
    """Serve on loopback (0: any free port) over the store `at` a path, or over an open one.

    `quotas` hold for who is signed in; `changes` go to the deps.
    """
    async with AsyncExitStack() as stack:
        hub = Hub()
        clock, ids = SystemClock(), RandomIds()
        store: Store
        if isinstance(at, Path):
            store = await SqliteStore.open(at, clock=clock, ids=ids, waker=hub)
            stack.push_async_callback(store.close)
        else:
            store = at

        async def ready() -> Mapping[str, str | None]:
            await store.check()
            return {"store": None}

        deps = SidecarDeps(
            tasks=TaskService(store, hub, Meter(store, clock, quotas), reads_designs=reads_designs),
            projects=ProjectService(store, ids),
            feed=Feed(store, hub, clock),
            ready=ready,
            info=INFO,
        )
        runner = runner_of(create_app(replace(deps, **changes)), shutdown_timeout=5)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, bound = runner.addresses[0][:2]
        url = f"http://{host}:{bound}"
        http = await stack.enter_async_context(aiohttp.ClientSession(url))
        yield RunningSidecar(url, store, ScriptedWorker(store), http, runner)


async def frames(answer: aiohttp.ClientResponse) -> AsyncIterator[Frame]:
    """The frames of a stream, in order; comments are skipped. Written after the standard."""
    seq, data = 0, ""
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            seq = int(line[4:])
        elif line.startswith("data: "):
            data += line[6:]
        elif not line and data:
            yield Frame(seq, json.loads(data))
            data = ""


async def read_all(answer: aiohttp.ClientResponse) -> list[Frame]:
    """Every frame until the stream ends."""
    return [frame async for frame in frames(answer)]

"""An app that was built once, and what its preview link may wake; time is the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agents.ports import CommandResult, Page, Sandbox
from agents.revival import Reviver
from agents.sandbox.manager import SandboxManager
from agents.system import RandomIds
from agents.testing import FakeClock, InMemorySandbox, InMemorySandboxProvider
from agents.types import OwnerId, ProjectId, TaskKind
from bot.services.previews import Previews, Standing, Waking
from bot.store.port import NewTask, Project
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.worker import ScriptedWorker

ANN = OwnerId("ann")


@dataclass
class LivingPages:
    """Answers as long as a sandbox lives that has been served. Implements `PageFetcher`."""

    provider: InMemorySandboxProvider
    status: int = 200
    gone: Page | None = None
    asked: list[float] = field(default_factory=list)

    async def get(self, url: str, *, timeout_s: float) -> Page | None:
        self.asked.append(timeout_s)
        await asyncio.sleep(0)
        living = [s for s in self.provider.sandboxes.values() if s.served and not s.lost]
        return Page(self.status, "<h1>Bikes</h1>") if living else self.gone


@dataclass
class Shore:
    """An app that was built once, and everything that may wake it."""

    clock: FakeClock
    store: SqliteStore
    provider: InMemorySandboxProvider
    manager: SandboxManager
    pages: LivingPages
    previews: Previews
    project_id: ProjectId
    building: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def hold_the_build(self) -> None:
        """Commands wait for `go_on` from now on."""

        async def wait(sandbox: Sandbox, command: str) -> CommandResult:
            del sandbox, command
            self.building.set()
            await self.go_on.wait()
            return CommandResult(0, "")

        self.provider.on_command = wait

    async def project(self) -> Project:
        return await self.store.project(ANN, self.project_id)

    async def open(self) -> Standing:
        return await self.previews.open(await self.project())

    async def woken(self) -> Standing:
        """Ask again until it does not wake any more, as the page does."""
        standing = await self.open()
        for _ in range(500):
            if not isinstance(standing, Waking):
                return standing
            await self.clock.advance(0.1)
            await asyncio.sleep(0.002)
            standing = await self.open()
        raise AssertionError("it never woke")

    @property
    def living(self) -> list[InMemorySandbox]:
        return [s for s in self.provider.sandboxes.values() if not s.lost]

    async def build(self, files: dict[str, bytes]) -> None:
        """Another version, by a worker elsewhere."""
        kind = TaskKind.GENERATE
        await self.store.enqueue(NewTask(ANN, kind, "A board", project_id=self.project_id))
        worker = ScriptedWorker(self.store)
        await worker.take()
        await worker.build(files)


@asynccontextmanager
async def open_shore(*, pauses: bool = False) -> AsyncIterator[Shore]:
    """With `pauses` its sandboxes can be paused."""
    clock = FakeClock()
    store = await SqliteStore.open(MEMORY, clock=clock, ids=RandomIds())
    row = await store.enqueue(NewTask(ANN, TaskKind.GENERATE, "A board"))
    worker = ScriptedWorker(store)
    await worker.take()
    await worker.build({"src/App.tsx": b"bikes", "package.json": b"{}"})
    provider = InMemorySandboxProvider(pauses=pauses)
    manager = SandboxManager(provider, clock)
    pages = LivingPages(provider)
    previews = Previews(store, manager, Reviver(manager, pages, clock))
    yield Shore(clock, store, provider, manager, pages, previews, row.project_id)
    await previews.close()
    await manager.close()
    await store.close()

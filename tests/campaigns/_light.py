"""The program put together as in `bot.bootstrap`, but for npm: its sandboxes are in memory.

Store, leases, journal, pace, worker, feed, services, sidecar and the OpenRouter client are the
real ones, so that hundreds of tasks cost minutes and still show what the whole does.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from aiohttp import web

from agents.client import Endpoint, OpenRouterLLM
from agents.models import DEFAULT_CATALOG
from agents.ports import Toolkit
from agents.sandbox.manager import SandboxManager
from agents.system import RandomIds, SystemClock
from bot.bootstrap import DISTANT_PACE, DISTANT_POLLING
from bot.feed import Feed, Hub
from bot.services.projects import ProjectService
from bot.services.tasks import TaskService
from bot.services.worker import Pace, Worker, WorkerParts
from bot.sidecar.app import SidecarDeps, create_app, runner_of
from bot.store.port import Store
from tests.campaigns._effects import CountedSandboxes, Ledger, UnhurriedPage
from tests.fakes.sidecar import INFO

OpenStore = Callable[[Hub], Awaitable[Store]]
"""Opens the store that is to be used; the hub is its waker."""


@dataclass(frozen=True, slots=True)
class LightProgram:
    """What runs in this process. The worker runs nothing until its `run` is awaited."""

    store: Store
    hub: Hub
    feed: Feed
    tasks: TaskService
    projects: ProjectService
    worker: Worker

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the sidecar on a free loopback port while inside; answers its address."""
        deps = SidecarDeps(
            tasks=self.tasks, projects=self.projects, feed=self.feed, ready=self._ready, info=INFO
        )
        runner = runner_of(create_app(deps), shutdown_timeout=5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()

    async def _ready(self) -> Mapping[str, str | None]:
        await self.store.check()
        return {"store": None}


@asynccontextmanager
async def light_program(
    open_store: OpenStore, model: Endpoint, ledger: Ledger, *, distant: bool, slots: int = 2
) -> AsyncIterator[LightProgram]:
    """Put everything together over this store and model; `distant` chooses the pace."""
    async with AsyncExitStack() as stack:
        clock, ids, hub = SystemClock(), RandomIds(), Hub()
        store = await open_store(hub)
        stack.push_async_callback(store.close)
        sandboxes = CountedSandboxes(ledger)
        stack.push_async_callback(sandboxes.close)
        manager = SandboxManager(sandboxes, clock)
        stack.push_async_callback(manager.close)
        llm = OpenRouterLLM(model)
        stack.push_async_callback(llm.aclose)
        kit = Toolkit(llm, manager, UnhurriedPage(), store, clock, ids)
        pace = replace(DISTANT_PACE if distant else Pace(), slots=slots)
        parts = WorkerParts(store, hub, kit, manager, DEFAULT_CATALOG, clock, ids, pace)
        yield LightProgram(
            store=store,
            hub=hub,
            feed=Feed(store, hub, clock, DISTANT_POLLING if distant else None),
            tasks=TaskService(store, hub),
            projects=ProjectService(store, ids),
            worker=Worker(parts),
        )

"""A week in which nobody looks, then somebody follows the link: the app is back, whole, and soon.

Real apps in real sandboxes here, and at a stand-in for E2B on loopback, where a sandbox sleeps, or is
gone altogether; the week is a clock set forward. Beside it, in the same run and without anything of
the links' own, the time that a copy of the template and a start (build, server, first page) take.
`ratio` is the quickest wake of each kind against the quickest of those at the same place; `wrong` names
what did not come back as it was. SIZE is how many weeks each place sees.
"""

import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents.http_pages import HttpPages
from agents.revival import Reviver
from agents.sandbox.e2b import E2BSandboxProvider
from agents.sandbox.local import LocalOptions, LocalSandboxProvider
from agents.sandbox.manager import Sandboxes, SandboxManager
from agents.system import RandomIds
from agents.templates import get_template
from agents.types import Framework, ProjectId, TaskId, TaskKind
from bot.config import Settings
from bot.services.previews import Awake, Previews, Standing
from bot.services.tasks import LOCAL_OWNER
from bot.store.port import NewTask
from bot.store.sqlite import MEMORY, SqliteStore
from tests.agents.sandbox.at_e2b import account_of
from tests.fakes.e2b.server import StandIn, serving_e2b
from tests.fakes.e2b.templates import offer
from tests.fakes.jumping_clock import JumpingClock
from tests.fakes.quick_app import quick_app
from tests.fakes.waiting import until, until_async
from tests.fakes.worker import ScriptedWorker

DEFAULT_SIZE = 3
DAY_S = 86_400.0
WAKES_S = 300.0
LIMIT = 1.1
TEMPLATE = get_template(Framework.REACT)
WORDS = "Kanban board for a bike shop"


@dataclass
class Findings:
    """Seconds by place and kind, and what was wrong."""

    took_s: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, began: float) -> None:
        self.took_s.setdefault(what, []).append(time.monotonic() - began)
        print(f"{what}: {self.took_s[what][-1]:.1f} s", file=sys.stderr)

    def quickest(self, what: str) -> float:
        return min(self.took_s[what])


@dataclass
class World:
    """One app, its sandboxes and its link."""

    clock: JumpingClock
    store: SqliteStore
    provider: Sandboxes
    previews: Previews
    pages: HttpPages
    project_id: ProjectId

    async def open(self) -> Standing:
        return await self.previews.open(await self.store.project(LOCAL_OWNER, self.project_id))

    async def woken(self) -> str:
        """Follow the link as its waiting page does; answers the app's page."""

        async def is_awake() -> bool:
            return isinstance(await self.open(), Awake)

        await until_async(is_awake, WAKES_S)
        project = await self.store.project(LOCAL_OWNER, self.project_id)
        page = await self.pages.get(project.preview_url or "", timeout_s=10)
        return page.body if page is not None and page.status == 200 else ""

    async def copy_and_start(self) -> None:
        """What it would take without links: a sandbox, the app's files, a build, a page."""
        sandbox = await self.provider.create(Framework.REACT, task_id=TaskId("task_beside"))
        await sandbox.write(app())
        assert (await sandbox.run(TEMPLATE.build, timeout_s=WAKES_S)).ok
        url = await sandbox.serve(TEMPLATE.preview, port=TEMPLATE.port)

        async def answers() -> bool:
            page = await self.pages.get(url, timeout_s=10)
            return page is not None and page.status == 200

        await until_async(answers, WAKES_S)
        await sandbox.close()


def app() -> dict[str, bytes]:
    """An app that the template's own tools build in a second: the copy and the start count."""
    return {**TEMPLATE.files, **{path: text.encode() for path, text in quick_app(WORDS).items()}}


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Each place, as often as SIZE says; `seed` and `store` change nothing."""
    found = Findings()
    with tempfile.TemporaryDirectory(prefix="zapdev-week-", dir="/var/tmp") as folder:
        for _ in range(size):
            await _here(Path(folder), found)
            await _at_e2b(found)
    ratio = {
        kind: round(found.quickest(kind) / found.quickest(f"{kind.split()[0]} copy and start"), 2)
        for kind in ("local gone", "e2b asleep", "e2b gone")
    }
    return {
        "ok": not found.wrong and max(ratio.values()) <= LIMIT,
        "weeks": size,
        "wrong": found.wrong,
        "ratio": ratio,
        "quickest_s": {what: round(found.quickest(what), 1) for what in found.took_s},
    }


async def _here(folder: Path, found: Findings) -> None:
    clock = JumpingClock()
    options = LocalOptions(cache=Settings().cache_dir / "templates", allow_unisolated=True)
    provider = LocalSandboxProvider(
        folder / "sandboxes", clock=clock, ids=RandomIds(), options=options
    )
    async with _world(provider, clock) as world:
        await _compare(world, found, "local")
        sandbox_id = (await world.store.project(LOCAL_OWNER, world.project_id)).sandbox_id
        assert sandbox_id is not None
        await _let_a_week_pass(clock)

        async def is_gone() -> bool:
            return await provider.connect(sandbox_id) is None

        await until_async(is_gone)
        await _wake(world, found, "local gone")


async def _at_e2b(found: Findings) -> None:
    clock = JumpingClock()
    async with serving_e2b() as cloud:
        await offer(cloud, Framework.REACT)
        provider = E2BSandboxProvider(account_of(cloud), clock=clock)
        async with _world(provider, clock) as world:
            await _compare(world, found, "e2b")
            [sandbox] = cloud.running
            await _let_a_week_pass(clock, cloud)
            await until(lambda: sandbox.state == "paused")
            await _wake(world, found, "e2b asleep")
            if sandbox.state != "running" or len(cloud.running) != 1:
                found.wrong.append("e2b asleep: it was not the same sandbox that woke")
            await _let_a_week_pass(clock, cloud)
            await until(lambda: sandbox.state == "paused")
            await cloud.kill(sandbox)
            await _wake(world, found, "e2b gone")


async def _compare(world: World, found: Findings, place: str) -> None:
    """The first time it is awake, and then beside it a copy and a start."""
    if WORDS not in await world.woken():
        found.wrong.append(f"{place}: it never ran")
    began = time.monotonic()
    await world.copy_and_start()
    found.add(f"{place} copy and start", began)


async def _wake(world: World, found: Findings, what: str) -> None:
    began = time.monotonic()
    page = await world.woken()
    found.add(what, began)
    kept = await world.store.project(LOCAL_OWNER, world.project_id)
    sandbox = await world.provider.connect(kept.sandbox_id) if kept.sandbox_id else None
    files = {} if sandbox is None else await sandbox.tree()
    if WORDS not in page or any(files.get(path) != content for path, content in app().items()):
        found.wrong.append(f"{what}: it is not what it was")


async def _let_a_week_pass(clock: JumpingClock, cloud: StandIn | None = None) -> None:
    for _ in range(7):
        clock.jump(DAY_S)
        if cloud is not None:
            await cloud.advance(DAY_S)


@asynccontextmanager
async def _world(provider: Sandboxes, clock: JumpingClock) -> AsyncIterator[World]:
    store = await SqliteStore.open(MEMORY, clock=clock, ids=RandomIds())
    row = await store.enqueue(NewTask(LOCAL_OWNER, TaskKind.GENERATE, WORDS))
    worker = ScriptedWorker(store)
    await worker.take()
    await worker.build(app())
    manager = SandboxManager(provider, clock)
    async with HttpPages() as pages:
        previews = Previews(store, manager, Reviver(manager, pages, clock))
        try:
            yield World(clock, store, provider, previews, pages, row.project_id)
        finally:
            await previews.close()
            await manager.close()
            await provider.close()
            await store.close()

"""Who has which sandbox, and for how long."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agents.errors import ProviderUnavailable, SandboxFull, SandboxLost
from agents.sandbox.manager import LIFETIME_S, SandboxManager
from agents.testing import FakeClock, InMemorySandbox, InMemorySandboxProvider, settle
from agents.types import Framework, ProjectId, SandboxId, TaskId
from tests.agents.sandbox.tiny import TASK, tiny_template

ONE, TWO, THREE = ProjectId("p1"), ProjectId("p2"), ProjectId("p3")


class World:
    """A manager over in-memory sandboxes, of which there is room for four."""

    def __init__(self, *, pauses: bool = False) -> None:
        self.clock = FakeClock()
        self.provider = InMemorySandboxProvider(
            templates=tiny_template, max_sandboxes=4, pauses=pauses
        )
        self.manager = SandboxManager(self.provider, self.clock, capacity=2)

    async def acquire(self, files: dict[str, bytes] | None = None) -> InMemorySandbox:
        sandbox = await self.manager.acquire(Framework.REACT, files, TASK)
        return self.provider.sandboxes[sandbox.id]

    async def keep(self, project: ProjectId) -> InMemorySandbox:
        sandbox = await self.acquire()
        await self.manager.keep(project, sandbox)
        return sandbox


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.manager.close()


@pytest.fixture
async def sleepy() -> AsyncIterator[World]:
    """The same, where sandboxes can be paused."""
    world = World(pauses=True)
    yield world
    await world.manager.close()


async def test_without_files_a_sandbox_starts_from_the_template(world: World) -> None:
    assert (await world.acquire()).files == dict(tiny_template().files)


async def test_with_files_a_sandbox_holds_exactly_these(world: World) -> None:
    files = {"package.json": b"{}", "src/mine.ts": b"mine"}
    assert await (await world.acquire(files)).tree() == files


async def test_an_app_without_files_is_empty(world: World) -> None:
    assert await (await world.acquire({})).tree() == {}


async def test_every_task_gets_its_own_sandbox(world: World) -> None:
    await world.keep(ONE)
    assert await world.acquire() is not await world.acquire()


class Doomed:
    """A provider whose sandboxes are lost as soon as they are made."""

    def __init__(self) -> None:
        self.made: list[InMemorySandbox] = []

    async def create(self, framework: Framework, *, task_id: TaskId) -> InMemorySandbox:
        del task_id
        sandbox = InMemorySandbox(SandboxId("s"), tiny_template(framework))
        await sandbox.close()
        self.made.append(sandbox)
        return sandbox

    async def connect(self, sandbox_id: SandboxId) -> InMemorySandbox | None:
        return next((sandbox for sandbox in self.made if sandbox.id == sandbox_id), None)

    async def lives_elsewhere(self, sandbox_id: SandboxId) -> bool:
        del sandbox_id
        return False

    async def close(self) -> None:
        self.made.clear()


async def test_a_sandbox_that_dies_while_it_is_filled_is_lost() -> None:
    manager = SandboxManager(Doomed(), FakeClock())
    with pytest.raises(SandboxLost):
        await manager.acquire(Framework.REACT, {"a": b""}, TASK)


async def test_a_failing_provider_is_the_callers_to_retry(world: World) -> None:
    world.provider.failures.append(ProviderUnavailable("busy"))
    with pytest.raises(ProviderUnavailable):
        await world.acquire()
    await world.acquire()


async def test_a_kept_sandbox_is_found_by_its_project(world: World) -> None:
    sandbox = await world.keep(ONE)
    assert world.manager.kept(ONE) is sandbox
    assert world.manager.kept(TWO) is None


async def test_keeping_another_closes_the_former_one(world: World) -> None:
    former = await world.keep(ONE)
    latter = await world.keep(ONE)
    assert (former.lost, latter.lost) == (True, False)
    assert world.manager.kept(ONE) is latter


async def test_keeping_the_same_sandbox_again_leaves_it_open(world: World) -> None:
    sandbox = await world.keep(ONE)
    await world.manager.keep(ONE, sandbox)
    assert not sandbox.lost


async def test_beyond_the_capacity_the_least_recently_used_is_closed(world: World) -> None:
    one, two = await world.keep(ONE), await world.keep(TWO)
    world.manager.kept(ONE)
    three = await world.keep(THREE)
    assert (one.lost, two.lost, three.lost) == (False, True, False)


async def test_a_kept_sandbox_closes_an_hour_after_its_last_use(world: World) -> None:
    sandbox = await world.keep(ONE)
    await world.clock.advance(LIFETIME_S - 60)
    world.manager.kept(ONE)
    await world.clock.advance(LIFETIME_S - 60)
    assert world.manager.kept(TWO) is None
    lost_before = sandbox.lost
    await world.clock.advance(60)
    assert (lost_before, sandbox.lost) == (False, True)
    assert world.manager.kept(ONE) is None


async def test_each_kept_sandbox_has_its_own_hour(world: World) -> None:
    one = await world.keep(ONE)
    await world.clock.advance(600)
    two = await world.keep(TWO)
    await world.clock.advance(LIFETIME_S - 600)
    assert (one.lost, two.lost) == (True, False)
    await world.clock.advance(600)
    assert two.lost


async def test_a_sandbox_kept_after_all_have_expired_expires_too(world: World) -> None:
    await world.keep(ONE)
    await world.clock.advance(LIFETIME_S)
    late = await world.keep(TWO)
    await world.clock.advance(LIFETIME_S)
    assert late.lost


async def test_a_dropped_sandbox_is_closed(world: World) -> None:
    sandbox = await world.keep(ONE)
    await world.manager.drop(ONE, sandbox)
    await world.manager.drop(ONE, sandbox)
    assert sandbox.lost
    assert world.manager.kept(ONE) is None


async def test_kept_sandboxes_give_way_where_a_task_finds_no_room(world: World) -> None:
    one, two = await world.keep(ONE), await world.keep(TWO)
    busy = [await world.acquire() for _ in range(3)]
    assert (one.lost, two.lost) == (True, False)
    assert not any(sandbox.lost for sandbox in busy)


async def test_with_only_busy_sandboxes_a_full_house_is_full(world: World) -> None:
    for _ in range(4):
        await world.acquire()
    with pytest.raises(SandboxFull):
        await world.acquire()


async def test_closing_closes_what_is_kept_and_not_what_tasks_use(world: World) -> None:
    kept, busy = await world.keep(ONE), await world.acquire()
    await world.manager.close()
    await world.manager.close()
    assert (kept.lost, busy.lost) == (True, False)
    assert world.clock.sleeping == 0


# --- where sandboxes can be paused -------------------------------------------------------


async def test_beyond_the_capacity_the_least_recently_used_sleeps(sleepy: World) -> None:
    one = await sleepy.keep(ONE)
    await sleepy.keep(TWO)
    await sleepy.keep(THREE)
    assert set(sleepy.provider.paused) == {one.id}
    woken = await sleepy.manager.find(one.id)
    assert woken is not None
    assert await woken.tree() == one.files


async def test_an_hour_after_its_last_use_one_sleeps(sleepy: World) -> None:
    one = await sleepy.keep(ONE)
    await sleepy.clock.advance(LIFETIME_S)
    assert set(sleepy.provider.paused) == {one.id}
    assert sleepy.manager.kept(ONE) is None


async def test_what_gives_way_where_a_task_finds_no_room_sleeps(sleepy: World) -> None:
    one = await sleepy.keep(ONE)
    for _ in range(4):
        await sleepy.acquire()
    assert set(sleepy.provider.paused) == {one.id}


async def test_what_another_has_replaced_is_closed_and_sleeps_not(sleepy: World) -> None:
    former = await sleepy.keep(ONE)
    latter = await sleepy.keep(ONE)
    await sleepy.manager.drop(ONE, latter)
    assert (former.lost, latter.lost) == (True, True)
    assert sleepy.provider.paused == {}


async def test_closing_tells_what_is_gone_and_leaves_asleep_what_can_sleep(
    world: World, sleepy: World
) -> None:
    gone, asleep = await world.keep(ONE), await sleepy.keep(ONE)
    assert await world.manager.close() == {ONE: gone.id}
    assert await sleepy.manager.close() == {}
    assert set(sleepy.provider.paused) == {asleep.id}


async def test_another_sandbox_than_the_one_that_is_meant_is_not_dropped(world: World) -> None:
    former = await world.keep(ONE)
    kept = await world.keep(ONE)
    await world.manager.drop(ONE, former)
    assert world.manager.kept(ONE) is kept
    assert not kept.lost


async def test_what_is_leaving_when_everything_ends_is_seen_to_its_end_and_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = await world.keep(ONE)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def close() -> None:
        begun.set()
        await go_on.wait()
        sandbox.lost = True

    monkeypatch.setattr(sandbox, "close", close)
    await world.clock.advance(LIFETIME_S)
    await asyncio.wait_for(begun.wait(), 5)
    closing = asyncio.ensure_future(world.manager.close())  # noqa: TID251
    await settle()
    go_on.set()
    assert await closing == {ONE: sandbox.id}
    assert sandbox.lost

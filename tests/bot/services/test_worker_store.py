"""The worker when its lease is gone, or when the store is away or refuses."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from agents import events as e
from agents.errors import LeaseLost, StoreError, StoreUnavailable
from agents.types import TaskStatus
from bot.store.port import LEASE_S
from tests.fakes.pipelines import say, write
from tests.fakes.waiting import until
from tests.fakes.worker import ScriptedWorker
from tests.fakes.workshop import (
    APP,
    DONE,
    ONCE,
    QUICK,
    HangingLLM,
    Workshop,
    attempts,
    failure,
    open_workshop,
    scripted,
)

NEVER = 10_000.0
DOWN = StoreUnavailable("down")


@pytest.fixture
async def world() -> AsyncGenerator[Workshop, None]:
    async with open_workshop() as workshop:
        yield workshop


async def test_an_app_the_store_refuses_ends_the_task_and_closes_the_sandbox(
    world: Workshop,
) -> None:
    world.store.failures = {"finish": [StoreError("too many files")]}
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        assert failure(await world.last(row)).code == "store_error"
        await until(lambda: world.open_sandboxes == 0)


async def test_an_event_the_store_refuses_still_ends_the_task(world: Workshop) -> None:
    async with world.worker(scripted(say("x" * 1_000_000))):
        row = await world.start()
        assert failure(await world.last(row)).code == "store_error"
        await until(lambda: world.open_sandboxes == 0)


async def test_a_worker_that_lost_its_lease_writes_nothing_more(world: Workshop) -> None:
    world.pace = replace(QUICK, heartbeat_s=NEVER, slots=1)  # so that it cannot claim it again
    llm = HangingLLM(rest=[write(APP), DONE])
    async with world.worker(llm) as worker:
        row = await world.start()
        await llm.hangs.wait()
        await world.time.advance(LEASE_S)
        other = ScriptedWorker(world.store, name="other")
        await other.take()
        llm.go.set()
        await until(lambda: worker.running == 0)
        await other.build()
        log = await world.events(row)
    alone = await world.start("Another")
    await other.take()
    await other.build()
    reference = await world.events(alone)
    mine = next(i for i, event in enumerate(log) if getattr(event, "worker_id", "") == "other")
    assert [event.kind for event in log[mine:]] == [event.kind for event in reference[1:]]
    assert world.open_sandboxes == 0


async def test_the_heartbeat_ends_work_whose_lease_is_gone(world: Workshop) -> None:
    world.store.failures = {"renew": []}
    llm = HangingLLM()
    async with world.worker(llm) as worker:
        row = await world.start()
        await llm.hangs.wait()
        world.store.failures["renew"] = [LeaseLost("stale")]
        await until(lambda: worker.running == 0)
        assert not any(r.is_terminal for r in await world.store.read(row.id))
        assert world.open_sandboxes == 0


async def test_a_store_that_comes_back_is_waited_for(world: Workshop) -> None:
    world.store.failures = {
        "claim": [DOWN, DOWN],
        "append": [DOWN, DOWN, DOWN],
        "renew": [DOWN, DOWN],
    }
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        log = await world.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1]
    assert not any(world.store.failures.values())


async def test_an_end_that_could_not_be_written_is_reached_again_after_the_lease(
    world: Workshop,
) -> None:
    world.store.failures = {"finish": [DOWN]}
    async with world.worker(scripted(ONCE, write(APP), DONE)) as worker:
        row = await world.start()
        await until(lambda: "echo once" in world.commands and worker.running == 0)
        assert world.open_sandboxes == 0
        assert (await world.row(row)).status is TaskStatus.RUNNING
        await world.time.advance(LEASE_S)
        log = await world.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1, 2]
    assert world.commands.count("echo once") == 1

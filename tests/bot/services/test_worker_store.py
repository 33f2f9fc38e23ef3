"""The worker when its lease is gone, or when the store is away or refuses."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from agents import events as e
from agents.errors import LeaseLost, StoreError, StoreUnavailable
from agents.retry import OUTLAST
from agents.types import TaskStatus
from bot.services import held_task
from bot.services.tasks import LOCAL_OWNER
from bot.services.worker import Pace
from bot.store.port import LEASE_S
from tests.fakes.pipelines import say, write
from tests.fakes.waiting import in_time, until, until_async
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
        other = ScriptedWorker(world.store, name="other")

        async def taken_over() -> bool:
            await world.time.advance(LEASE_S)  # an append under way keeps the lease once more
            return await other.take_any()

        await until_async(taken_over)
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


async def test_what_a_holder_writes_outlasts_a_store_that_is_away(world: Workshop) -> None:
    world.store.failures = {method: [DOWN, DOWN] for method in ("append", "put", "finish")}
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        log = await world.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1]
    assert not any(world.store.failures.values())


async def test_an_end_whose_answer_was_lost_counts(world: Workshop) -> None:
    world.store.lost_answers = Counter(append=2, finish=1)
    async with world.worker(scripted(write(APP), DONE)) as worker:
        row = await world.start()
        assert isinstance(await world.last(row), e.TaskCompleted)
        await until(lambda: worker.running == 0)
        assert world.open_sandboxes == 1, "the preview lives on"


async def test_an_end_whose_answer_was_lost_is_not_taken_for_that_of_a_successor(
    world: Workshop,
) -> None:
    other = ScriptedWorker(world.store, name="other")
    world.pace = replace(QUICK, heartbeat_s=NEVER, slots=1)
    world.store.failures = {"finish": [DOWN]}
    async with world.worker(scripted(write(APP), DONE)) as worker:
        row = await world.start()
        await until(lambda: not world.store.failures["finish"])
        await world.time.advance(LEASE_S)
        await other.take()
        await until(lambda: worker.running == 0)
        assert world.open_sandboxes == 0
        await other.build()
    project = await world.store.project(LOCAL_OWNER, row.project_id)
    assert project.head == f"frag_{row.id}", "the successor's"


async def test_minutes_without_the_store_neither_end_a_task_nor_move_it(world: Workshop) -> None:
    clock = world.clock = world.time
    world.pace = Pace(heartbeat_s=5, busy_poll_s=2, idle_poll_s=2)
    llm, calls = HangingLLM(rest=[write(APP), DONE]), world.store.calls
    async with world.worker(llm) as worker:
        row = await world.start()
        await llm.hangs.wait()
        await until(lambda: calls["renew"] > 0 and calls["claim"] > 1 and clock.sleeping > 1)
        world.store.away = True
        await clock.advance(9 * 60)
        world.store.away, before = False, calls.copy()
        await clock.advance(2)
        await until(lambda: calls["check"] > before["check"])
        await clock.advance(3)
        await until(lambda: calls["renew"] > before["renew"])
        await clock.advance(7)
        await until(lambda: calls["claim"] > before["claim"])
        assert (await world.row(row)).epoch == worker.running == 1
        llm.go.set()
        await in_time(clock, lambda: worker.running == 0)
    log = await world.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1]


async def test_an_end_that_cannot_be_written_for_long_is_reached_again_after_the_lease(
    world: Workshop,
) -> None:
    clock = world.clock = world.time
    world.pace = Pace(heartbeat_s=5)
    world.store.failures = {"finish": [DOWN] * 1_000}
    async with world.worker(scripted(ONCE, write(APP), DONE)) as worker:
        row = await world.start()
        await in_time(clock, lambda: len(world.store.failures["finish"]) < 1_000)
        began = clock.monotonic()
        await in_time(clock, lambda: worker.running == 0, step_s=5)
        assert clock.monotonic() - began == pytest.approx(OUTLAST.limit_s, abs=10)
        assert world.open_sandboxes == 0
        assert (await world.row(row)).status is TaskStatus.RUNNING
        world.store.failures.clear()
        await in_time(clock, lambda: world.open_sandboxes == 1 and worker.running == 0)
    log = await world.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1, 2]
    assert world.commands.count("echo once") == 1


async def test_a_persons_stop_does_not_wait_for_what_cannot_be_written(world: Workshop) -> None:
    world.store.failures = {"put": [DOWN] * 1_000}
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        await until(lambda: len(world.store.failures["put"]) < 999)
        await world.service.cancel(LOCAL_OWNER, row.id, by="ann")
        assert await world.last(row) == e.TaskCancelled(by="ann")


@pytest.mark.parametrize("waiting_for", ["append", "put", "finish"])
async def test_a_graceful_stop_does_not_wait_for_a_store_that_is_away(
    world: Workshop, waiting_for: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_task, "HAND_BACK_S", 0.05)
    world.store.failures = {waiting_for: [DOWN] * 1_000}
    async with world.worker(scripted(write(APP), DONE)):
        row = await world.start()
        await until(lambda: len(world.store.failures[waiting_for]) < 999)
        world.store.away = True
    assert world.open_sandboxes == 0
    world.store.away = False
    world.store.failures.clear()
    await world.time.advance(LEASE_S)
    async with world.worker(scripted(write(APP), DONE)):
        assert isinstance(await world.last(row), e.TaskCompleted)

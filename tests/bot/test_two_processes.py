"""Two processes on one store: each has its own connection, hub, feed and worker."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents import events as e
from agents.testing import FakeClock, settle
from agents.types import TaskStatus
from bot.services import held_task
from bot.services.tasks import LOCAL_OWNER
from bot.services.worker import Pace
from bot.store.port import LEASE_S
from tests.fakes.pipelines import write
from tests.fakes.waiting import until, until_async
from tests.fakes.workshop import (
    APP,
    DONE,
    ONCE,
    HangingLLM,
    Workshop,
    attempts,
    open_workshop,
    scripted,
)

NEVER_S = 10_000.0
DEAF = Pace(heartbeat_s=NEVER_S, busy_poll_s=NEVER_S, idle_poll_s=NEVER_S)
"""Neither polls nor renews: what happens in time is due to something else."""


@pytest.fixture
def time() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def here(tmp_path: Path, time: FakeClock) -> AsyncIterator[Workshop]:
    async with open_workshop(tmp_path / "zapdev.db", time) as workshop:
        yield workshop


@pytest.fixture
async def there(here: Workshop, tmp_path: Path, time: FakeClock) -> AsyncIterator[Workshop]:
    async with open_workshop(tmp_path / "zapdev.db", time) as workshop:
        yield workshop


async def test_a_follower_sees_all_of_a_task_that_another_process_runs(
    here: Workshop, there: Workshop
) -> None:
    async with there.worker(scripted(ONCE, write(APP), DONE)):
        row = await here.start()
        seen = await here.events(row)
    assert isinstance(seen[-1], e.TaskCompleted)
    assert seen == await there.events(row)
    assert (len(there.provider.sandboxes), len(here.provider.sandboxes)) == (1, 0)


async def test_a_stop_asked_here_ends_the_task_there_within_a_heartbeat(
    here: Workshop, there: Workshop, time: FakeClock
) -> None:
    there.clock, there.pace = time, replace(DEAF, heartbeat_s=5.0)
    llm = HangingLLM()
    async with there.worker(llm):
        row = await there.start()
        await llm.hangs.wait()
        await until(lambda: there.store.calls["renew"] == 1)
        await settle()
        await here.service.cancel(LOCAL_OWNER, row.id, by="ann")
        assert (await here.row(row)).status is TaskStatus.RUNNING
        await time.advance(5.0)
        await here.becomes(row, TaskStatus.CANCELLED)
        assert await here.last(row) == e.TaskCancelled(by="ann")
        await until(lambda: there.open_sandboxes == 0)


async def test_a_worker_that_is_fenced_off_writes_nothing_more_and_closes_its_sandbox(
    here: Workshop, there: Workshop, time: FakeClock
) -> None:
    there.pace = replace(DEAF, slots=1)
    llm = HangingLLM(ONCE, rest=[write(APP), DONE])
    async with there.worker(llm) as fenced:
        row = await there.start()
        await llm.hangs.wait()
        async with here.worker(scripted(write(APP), DONE)) as taker:

            async def taken_over() -> bool:
                held = await here.row(row)
                ends = held.lease_until
                if held.epoch == 1 and ends is not None and ends > time.now():
                    await time.advance(LEASE_S)  # an append under way keeps the lease once more
                return taker.running > 0

            await until_async(taken_over)
            log = await here.events(row)
        llm.go.set()
        await until(lambda: fenced.running == 0)
    assert there.open_sandboxes == 0
    assert await here.events(row) == log
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1, 2]


async def test_a_dead_workers_task_is_taken_over_exactly_when_its_lease_ends(
    here: Workshop, there: Workshop, time: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_task, "HAND_BACK_S", 0.0)
    there.pace, here.clock, here.pace = DEAF, time, DEAF
    llm = HangingLLM(ONCE)
    async with there.worker(llm):
        row = await there.start()
        await llm.hangs.wait()
        there.store.away = True  # it ends as if it was killed: nothing is handed back
    await time.advance(1)
    async with here.worker(scripted(write(APP), DONE)) as successor:
        await until(lambda: here.store.calls["claim"] == time.sleeping == 1)
        await time.advance(LEASE_S - 1.001)
        await settle()
        assert here.store.calls["claim"] == 1, "it knows when to ask again"
        await time.advance(0.001)
        await until(lambda: successor.running == 1)
        log = await here.events(row)
    assert isinstance(log[-1], e.TaskCompleted)
    assert attempts(log) == [1, 2]
    assert (len(there.commands), here.commands.count("echo once")) == (1, 0)

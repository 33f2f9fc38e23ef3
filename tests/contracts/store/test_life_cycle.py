"""The life of tasks as a state machine: whatever happens in whatever order, the contract holds."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from agents.errors import LeaseLost, SeqConflict
from agents.events import NoticeGiven
from agents.task_state import fold
from agents.testing import FakeClock, SequentialIds
from agents.types import ProjectId, TaskId, TaskKind, TaskStatus, WorkerId
from bot.store.port import LEASE_S, MAX_ATTEMPTS, Claim, Idle, Lease, NewTask
from tests.contracts.store.adapters import ADAPTERS, OWNER, Adapter, cancelled, completed, failed

ENDINGS = {"completed": completed(), "failed": failed(), "cancelled": cancelled()}


@dataclass
class Expected:
    """What the model says a task is. `expires` is None while nobody holds it."""

    project: ProjectId
    order: int
    status: TaskStatus = TaskStatus.PENDING
    epoch: int = 0
    attempts: int = 0
    seq: int = 1
    run_after: float = 0.0
    expires: float | None = None
    cancel: bool = False
    lease: Lease | None = None
    stale: list[Lease] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return not self.status.is_terminal

    def end(self, status: TaskStatus, events: int = 1) -> None:
        self.status, self.seq, self.cancel = status, self.seq + events, False
        self.drop()

    def drop(self) -> None:
        if self.lease is not None:
            self.stale.append(self.lease)
        self.lease, self.expires = None, None


class LifeCycle(RuleBasedStateMachine):
    tasks = Bundle("tasks")

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.stack = AsyncExitStack()
        self.model: dict[TaskId, Expected] = {}
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        opening = adapter(folder, self.clock, SequentialIds())
        self.store = self.runner.run(self.stack.enter_async_context(opening))

    @override
    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @property
    def time(self) -> float:
        return self.clock.monotonic()

    @rule(target=tasks)
    def enqueue_new(self) -> TaskId:
        return self._enqueue(None)

    @rule(target=tasks, earlier=tasks)
    def enqueue_follow_up(self, earlier: TaskId) -> TaskId:
        return self._enqueue(self.model[earlier].project)

    def _enqueue(self, project: ProjectId | None) -> TaskId:
        new = NewTask(owner=OWNER, kind=TaskKind.GENERATE, prompt="x", project_id=project)
        row = self.runner.run(self.store.enqueue(new))
        self.model[row.id] = Expected(row.project_id, len(self.model), run_after=self.time)
        return row.id

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def claim(self, worker: str) -> None:
        claim = self.runner.run(self.store.claim(WorkerId(worker)))
        expected = self._expect_claim()
        if expected is None:
            assert isinstance(claim, Idle)
            assert claim.due_s == pytest.approx(self._expect_due())
            return
        assert isinstance(claim, Claim)
        task = self.model[expected]
        assert claim.task.id == expected
        task.drop()
        task.status, task.epoch, task.attempts = (
            TaskStatus.RUNNING,
            task.epoch + 1,
            task.attempts + 1,
        )
        task.lease, task.expires = claim.lease, self.time + LEASE_S
        assert (claim.lease.epoch, claim.task.attempts) == (task.epoch, task.attempts)
        assert [recorded.seq for recorded in claim.log] == list(range(1, task.seq + 1))

    def _expect_claim(self) -> TaskId | None:
        """The task a claim must give; those it must end on the way are ended in the model."""
        while claimable := {i: task for i, task in self.model.items() if self._claimable(task)}:
            task_id = min(claimable, key=lambda each: claimable[each].order)
            task = claimable[task_id]
            if task.cancel:
                task.end(TaskStatus.CANCELLED)
            elif task.attempts >= MAX_ATTEMPTS:
                task.end(TaskStatus.FAILED)
            else:
                return task_id
        return None

    def _expect_due(self) -> float | None:
        """When the first of those that wait may run."""
        due = [
            (task.run_after if task.expires is None else task.expires) - self.time
            for task in self.model.values()
            if task.open and not self._blocked(task)
        ]
        return min(due, default=None)

    def _claimable(self, task: Expected) -> bool:
        if task.status is TaskStatus.RUNNING:
            return task.expires is not None and task.expires <= self.time
        due = task.cancel or task.run_after <= self.time
        return task.open and due and not self._blocked(task)

    def _blocked(self, task: Expected) -> bool:
        return any(
            other.open and other.project == task.project and other.order < task.order
            for other in self.model.values()
        )

    @rule(seconds=st.sampled_from([0.5, 5.0, LEASE_S - 1, LEASE_S]))
    def pass_time(self, seconds: float) -> None:
        self.runner.run(self.clock.advance(seconds))

    @rule(task_id=tasks, offset=st.sampled_from([0, 0, 0, -1, 1]), count=st.integers(1, 3))
    def append(self, task_id: TaskId, offset: int, count: int) -> None:
        task = self.model[task_id]
        if task.lease is None:
            return
        work = self.store.append(task.lease, task.seq + offset, [NoticeGiven(message="n")] * count)
        if offset:
            with pytest.raises(SeqConflict):
                self.runner.run(work)
        else:
            task.seq += count
            task.expires = self.time + LEASE_S
            assert self.runner.run(work) == task.seq

    @rule(task_id=tasks)
    def renew(self, task_id: TaskId) -> None:
        task = self.model[task_id]
        if task.lease is not None:
            asked = self.runner.run(self.store.renew(task.lease))
            assert asked == ("ann" if task.cancel else None)
            task.expires = self.time + LEASE_S

    @rule(task_id=tasks, delay_s=st.sampled_from([0.0, 2.0]), used=st.integers(0, 1))
    def hand_back(self, task_id: TaskId, delay_s: float, used: int) -> None:
        task = self.model[task_id]
        if task.lease is None:
            return
        count = bool(used)
        self.runner.run(self.store.hand_back(task.lease, delay_s=delay_s, count_attempt=count))
        task.drop()
        task.status, task.run_after = TaskStatus.PENDING, self.time + delay_s
        task.attempts -= 1 - used

    @rule(task_id=tasks, how=st.sampled_from(sorted(ENDINGS)))
    def finish(self, task_id: TaskId, how: str) -> None:
        task = self.model[task_id]
        if task.lease is not None:
            ending = ENDINGS[how]
            last = self.runner.run(self.store.finish(task.lease, task.seq, ending))
            task.end(ending.status)
            assert last == task.seq

    @rule(task_id=tasks)
    def request_cancel(self, task_id: TaskId) -> None:
        task = self.model[task_id]
        row = self.runner.run(self.store.request_cancel(OWNER, task_id, by="ann"))
        if task.status is TaskStatus.PENDING:
            task.end(TaskStatus.CANCELLED)
        elif task.status is TaskStatus.RUNNING:
            task.cancel = True
        assert row.status is task.status

    @precondition(lambda self: any(task.stale for task in self.model.values()))
    @rule(task_id=tasks)
    def write_with_a_stale_lease(self, task_id: TaskId) -> None:
        task = self.model[task_id]
        for lease in task.stale:
            for work in (
                self.store.append(lease, task.seq, [NoticeGiven(message="zombie")]),
                self.store.finish(lease, task.seq, failed()),
                self.store.hand_back(lease, delay_s=0, count_attempt=True),
            ):
                with pytest.raises(LeaseLost):
                    self.runner.run(work)
            with pytest.raises(LeaseLost):
                self.runner.run(self.store.renew(lease))

    @invariant()
    def the_store_agrees_with_the_model(self) -> None:
        for task_id, task in self.model.items():
            row = self.runner.run(self.store.task(OWNER, task_id))
            assert (row.status, row.last_seq, row.epoch) == (task.status, task.seq, task.epoch)
            assert (row.attempts, row.cancel_by) == (task.attempts, "ann" if task.cancel else None)

    @invariant()
    def logs_have_no_gap_and_end_once(self) -> None:
        for task_id, task in self.model.items():
            log = self.runner.run(self.store.read(task_id))
            assert [recorded.seq for recorded in log] == list(range(1, task.seq + 1))
            terminals = [recorded.seq for recorded in log if recorded.is_terminal]
            assert terminals == ([task.seq] if task.status.is_terminal else [])
            if task.status.is_terminal:
                assert fold(task_id, log).status is task.status

    @invariant()
    def a_project_runs_at_most_one_task(self) -> None:
        running = [t.project for t in self.model.values() if t.status is TaskStatus.RUNNING]
        assert len(running) == len(set(running))


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS.keys())
def test_the_contract_holds_over_any_life_of_tasks(adapter: Adapter) -> None:
    """The machine's rules and invariants assert; this checks that they ran."""

    class Machine(LifeCycle):
        def __init__(self) -> None:
            super().__init__(adapter)

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None)
    )

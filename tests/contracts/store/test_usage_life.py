"""Credits as a ledger: whatever happens in whatever order, they are reserved, settled, given back.

The model counts for itself. The store has to agree after every step: no window holds more than its
allowance let in, nothing is negative, a refund gives back exactly what was taken, and what is
added up is what the logs tell.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from agents.errors import CreditsUsedUp, LeaseLost, QuotaExceeded, SeqConflict, TooManyTasks
from agents.events import UsageRecorded
from agents.task_state import fold
from agents.testing import FakeClock, SequentialIds
from agents.types import TaskId, TaskKind, TaskStatus, Usage, WorkerId
from bot.store.port import LEASE_S, MAX_ATTEMPTS, Claim, Lease, NewTask
from bot.store.usage_port import WINDOW, Tally, Terms
from tests.contracts.store.adapters import ADAPTERS, OWNER, Adapter, cancelled, completed, failed

ENDINGS = {"completed": completed(), "failed": failed(), "cancelled": cancelled()}
HOUR_S = 3_600.0


@dataclass
class Line:
    """What the model says of a task."""

    at: datetime
    credits: int
    kind: TaskKind
    status: TaskStatus = TaskStatus.PENDING
    attempts: int = 0
    seq: int = 1
    expires: float | None = None
    asked_to_stop: bool = False
    lease: Lease | None = None
    used: Usage = Usage()

    @property
    def counts(self) -> bool:
        return self.status not in (TaskStatus.FAILED, TaskStatus.CANCELLED)

    def end(self, status: TaskStatus) -> None:
        self.status, self.seq, self.lease, self.expires = status, self.seq + 1, None, None


class Ledger(RuleBasedStateMachine):
    tasks = Bundle("tasks")

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.stack = AsyncExitStack()
        self.lines: dict[TaskId, Line] = {}
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        opening = adapter(folder, self.clock, SequentialIds())
        self.store = self.runner.run(self.stack.enter_async_context(opening))
        self.begun = self.clock.now()

    @override
    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def counted(self) -> list[Line]:
        """The lines whose credits count now, the oldest first."""
        start = self.clock.now() - WINDOW
        counted = [each for each in self.lines.values() if each.counts and each.at > start]
        return sorted((each for each in counted if each.credits), key=lambda each: each.at)

    @property
    def opened(self) -> int:
        return sum(not line.status.is_terminal for line in self.lines.values())

    # --- accepting -----------------------------------------------------------------------

    @rule(
        target=tasks,
        kind=st.sampled_from([TaskKind.GENERATE, TaskKind.GENERATE, TaskKind.FIX]),
        allowance=st.sampled_from([1, 3, 3, 3, 5]),
        max_open=st.sampled_from([None, None, 2, 4]),
    )
    def start(self, kind: TaskKind, allowance: int, max_open: int | None) -> TaskId | None:
        takes = 0 if kind is TaskKind.FIX else 1
        terms = Terms(credits=takes, allowance=allowance, max_open=max_open)
        origin = f"start {len(self.lines)}"
        new = NewTask(owner=OWNER, kind=kind, prompt="x", origin=origin, terms=terms)
        used = sum(line.credits for line in self.counted())
        refusal: type[QuotaExceeded] | None = None
        if takes and used + takes > allowance:
            refusal = CreditsUsedUp
        elif max_open is not None and self.opened >= max_open:
            refusal = TooManyTasks
        if refusal is None:
            row = self.runner.run(self.store.enqueue(new))
            self.lines[row.id] = Line(self.clock.now(), takes, kind)
            return row.id
        with pytest.raises(refusal) as refused:
            self.runner.run(self.store.enqueue(new))
        if refusal is CreditsUsedUp:
            freed = self.counted()[used - allowance].at + WINDOW
            wait_s = (freed - self.clock.now()).total_seconds()
            assert refused.value.retry_after_s == pytest.approx(wait_s)
        return None

    @rule(task_id=tasks)
    def start_again(self, task_id: TaskId | None) -> None:
        """The same request a second time is its first task, whatever is left."""
        if task_id is not None:
            line = self.lines[task_id]
            number = list(self.lines).index(task_id)
            terms = Terms(credits=1, allowance=0, max_open=0)
            new = NewTask(OWNER, line.kind, "x", origin=f"start {number}", terms=terms)
            assert self.runner.run(self.store.enqueue(new)).id == task_id

    # --- working -------------------------------------------------------------------------

    @rule(task_id=tasks, worker=st.sampled_from(["w1", "w2"]))
    def claim(self, task_id: TaskId | None, worker: str) -> None:
        """Take it, take it over, or end it where that was asked for or it was lost too often."""
        if task_id is None:
            return
        line = self.lines[task_id]
        lost = line.expires is not None and line.expires <= self.clock.monotonic()
        free = line.status is TaskStatus.PENDING or lost
        answer = self.runner.run(self.store.claim(WorkerId(worker), only=task_id))
        if not free:
            assert not isinstance(answer, Claim)
        elif line.asked_to_stop:
            line.end(TaskStatus.CANCELLED)
        elif line.attempts >= MAX_ATTEMPTS:
            line.end(TaskStatus.FAILED)
        else:
            assert isinstance(answer, Claim)
            line.status, line.attempts, line.lease = (
                TaskStatus.RUNNING,
                line.attempts + 1,
                answer.lease,
            )
            line.expires = self.clock.monotonic() + LEASE_S

    @rule(
        task_id=tasks,
        tokens=st.integers(0, 10_000),
        quarters=st.integers(0, 8),
        billable=st.booleans(),
    )
    def call_the_model(
        self, task_id: TaskId | None, tokens: int, quarters: int, *, billable: bool
    ) -> None:
        line = self.lines.get(task_id) if task_id is not None else None
        if line is None or line.lease is None:
            return
        used = Usage(prompt_tokens=tokens, completion_tokens=1, cost_usd=quarters / 4)
        event = UsageRecorded(model="m", usage=used, billable=billable)
        with pytest.raises(SeqConflict):
            self.runner.run(self.store.append(line.lease, line.seq + 1, [event]))
        line.seq = self.runner.run(self.store.append(line.lease, line.seq, [event]))
        line.used += used
        line.expires = self.clock.monotonic() + LEASE_S

    @rule(task_id=tasks, used=st.booleans())
    def hand_back(self, task_id: TaskId | None, *, used: bool) -> None:
        line = self.lines.get(task_id) if task_id is not None else None
        if line is not None and line.lease is not None:
            work = self.store.hand_back(line.lease, delay_s=0, count_attempt=used)
            self.runner.run(work)
            line.status, line.lease, line.expires = TaskStatus.PENDING, None, None
            line.attempts -= not used

    # --- ending --------------------------------------------------------------------------

    @rule(task_id=tasks, how=st.sampled_from(sorted(ENDINGS)))
    def finish(self, task_id: TaskId | None, how: str) -> None:
        line = self.lines.get(task_id) if task_id is not None else None
        if line is None or line.lease is None:
            return
        lease, seq = line.lease, line.seq
        self.runner.run(self.store.finish(lease, seq, ENDINGS[how]))
        line.end(ENDINGS[how].status)
        for again in ENDINGS.values():
            with pytest.raises((LeaseLost, SeqConflict)):
                self.runner.run(self.store.finish(lease, seq, again))

    @rule(task_id=tasks)
    def stop(self, task_id: TaskId | None) -> None:
        if task_id is None:
            return
        line = self.lines[task_id]
        self.runner.run(self.store.request_cancel(OWNER, task_id, by="ann"))
        if line.status is TaskStatus.PENDING:
            line.end(TaskStatus.CANCELLED)
        elif line.status is TaskStatus.RUNNING:
            line.asked_to_stop = True

    @rule(seconds=st.sampled_from([1.0, LEASE_S, 5 * HOUR_S, 11 * HOUR_S, 24 * HOUR_S]))
    def pass_time(self, seconds: float) -> None:
        self.runner.run(self.clock.advance(seconds))

    # --- what holds ----------------------------------------------------------------------

    @invariant()
    def the_store_counts_as_the_model_does(self) -> None:
        counted = self.counted()
        spent = self.runner.run(self.store.spent(OWNER, self.begun))
        assert spent.credits == sum(line.credits for line in counted)
        assert spent.next_back_at == (counted[0].at + WINDOW if counted else None)
        assert spent.since == _tally(list(self.lines.values()))
        day = self.clock.now() - WINDOW
        assert spent.day == _tally([line for line in self.lines.values() if line.at > day])

    @rule()
    def read_the_logs(self) -> None:
        """What is added up is what they tell."""
        logged = Usage()
        for task_id, line in self.lines.items():
            state = fold(task_id, self.runner.run(self.store.read(task_id)))
            assert state.usage == line.used
            assert state.status.is_terminal == line.status.is_terminal
            logged += state.usage
        spent = self.runner.run(self.store.spent(OWNER, self.begun - timedelta(days=1)))
        assert spent.since.usage == logged


def _tally(lines: list[Line]) -> Tally:
    used = sum((line.used for line in lines), Usage())
    return Tally(sum(line.counts and line.kind is not TaskKind.FIX for line in lines), used)


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS.keys())
def test_credits_are_neither_lost_nor_made_over_any_life_of_tasks(adapter: Adapter) -> None:
    """The machine's rules and invariants assert; this checks that they ran."""

    class Machine(Ledger):
        def __init__(self) -> None:
            super().__init__(adapter)

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=20, stateful_step_count=40, deadline=None)
    )

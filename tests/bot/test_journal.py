"""The journal: a running task's events on their way into the log."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.background import Background
from agents.errors import LeaseLost, SeqConflict, StoreError, StoreUnavailable
from agents.events import Event, NoticeGiven, Recorded, TextStreamed
from agents.retry import OUTLAST
from agents.testing import FakeClock, settle
from agents.types import TaskId, WorkerId
from bot.feed import BATCH, FLUSH_S, TEXT_CHARS, JournalWriter
from bot.store.port import Lease

LEASE = Lease(TaskId("task_1"), WorkerId("w"), 1)


class ListLog:
    """A log in a list, at seq 1; appends pass its gate. `failures` are raised by the next appends, in order.

    A failure with `lands` in it is raised after the append took place: its answer was lost.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.batches: list[list[Event]] = []
        self.failures: list[Exception] = []
        self.tries = 0
        self.inside = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.one_at_a_time = False

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    async def append(self, lease: Lease, expected_seq: int, events: Sequence[Event]) -> int:
        assert lease == LEASE
        assert self.inside == 0, "two appends at once"
        self.tries += 1
        self.inside += 1
        try:
            await self.gate.wait()
            if self.one_at_a_time:
                self.gate.clear()
            await asyncio.sleep(0)
        finally:
            self.inside -= 1
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None and "lands" not in str(failure):
            raise failure
        if expected_seq != 1 + len(self.events):
            raise SeqConflict(f"at {1 + len(self.events)}")
        self.batches.append(list(events))
        if failure is not None:
            raise failure
        return expected_seq + len(events)

    async def read(self, task_id: TaskId, *, after: int = 0, limit: int = 500) -> list[Recorded]:
        return [
            Recorded(task_id=task_id, seq=seq, at=self._clock.now(), event=event)
            for seq, event in enumerate(self.events, 2)
            if seq > after
        ][:limit]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log(clock: FakeClock) -> ListLog:
    return ListLog(clock)


@pytest.fixture
def journal(log: ListLog, clock: FakeClock) -> JournalWriter:
    return JournalWriter(log, LEASE, 1, clock)


def text(content: str) -> TextStreamed:
    return TextStreamed(content=content)


def note(message: str) -> NoticeGiven:
    return NoticeGiven(message=message)


async def test_events_are_durable_after_thirty_milliseconds(
    journal: JournalWriter, log: ListLog, clock: FakeClock
) -> None:
    journal.record(note("a"))
    await settle()
    await clock.advance(FLUSH_S * 0.9)
    journal.record(note("b"))
    assert log.batches == []
    await clock.advance(FLUSH_S * 0.2)
    assert log.batches == [[note("a"), note("b")]]
    assert journal.seq == 3


async def test_a_store_that_costs_by_the_call_is_written_less_often(
    log: ListLog, clock: FakeClock
) -> None:
    journal = JournalWriter(log, LEASE, 1, clock, flush_s=0.3)
    journal.record(note("a"))
    await settle()
    await clock.advance(0.29)
    assert log.batches == []
    await clock.advance(0.02)
    assert log.batches == [[note("a")]]


async def test_two_kilobytes_of_text_do_not_wait(journal: JournalWriter, log: ListLog) -> None:
    journal.record(text("x" * (TEXT_CHARS - 1)))
    await settle()
    assert log.batches == []
    journal.record(text("y"))
    await settle()
    assert log.batches == [[text("x" * (TEXT_CHARS - 1) + "y")]]


async def test_adjacent_text_is_one_event_and_order_is_kept(
    journal: JournalWriter, log: ListLog
) -> None:
    for event in (text("a"), text("b"), note("1"), text("c"), note("2"), text("d"), text("e")):
        journal.record(event)
    await journal.flush()
    assert log.events == [text("ab"), note("1"), text("c"), note("2"), text("de")]


async def test_a_flush_covers_what_was_recorded_before_it_and_waits_for_no_more(
    journal: JournalWriter, log: ListLog
) -> None:
    background = Background()
    log.one_at_a_time = True
    log.gate.clear()
    journal.record(note("1"))
    first = background.start(journal.flush(), name="first")
    await settle()
    journal.record(note("2"))
    second = background.start(journal.flush(), name="second")
    await settle()
    assert (first.done(), second.done()) == (False, False)
    log.gate.set()
    await settle()
    assert (first.done(), second.done()) == (True, False)
    log.gate.set()
    await second
    assert log.batches == [[note("1")], [note("2")]]


async def test_a_flush_with_nothing_recorded_writes_nothing(
    journal: JournalWriter, log: ListLog
) -> None:
    await journal.flush()
    journal.record(note("1"))
    await journal.flush()
    await journal.flush()
    assert log.tries == 1


async def test_a_cancelled_flush_loses_nothing(journal: JournalWriter, log: ListLog) -> None:
    background = Background()
    log.gate.clear()
    journal.record(note("1"))
    flushing = background.start(journal.flush(), name="flush")
    await settle()
    flushing.cancel()
    await asyncio.wait({flushing})
    log.gate.set()
    journal.record(note("2"))
    await journal.flush()
    assert log.events == [note("1"), note("2")]


async def test_a_lost_lease_makes_everything_after_it_raise(
    journal: JournalWriter, log: ListLog
) -> None:
    log.failures = [LeaseLost("taken over")]
    journal.record(note("1"))
    for _ in range(3):
        with pytest.raises(LeaseLost):
            await journal.flush()
        with pytest.raises(LeaseLost):
            journal.record(note("2"))
    assert (log.tries, log.events) == (1, [])
    await journal.close()


async def test_an_absent_store_is_asked_again_and_order_is_kept(
    journal: JournalWriter, log: ListLog, clock: FakeClock
) -> None:
    background = Background()
    log.failures = [StoreUnavailable("away")] * 5
    journal.record(note("1"))
    flushing = background.start(journal.flush(), name="flush")
    await settle()
    journal.record(note("2"))
    await clock.advance(10)
    await flushing
    await journal.flush()
    assert log.batches == [[note("1")], [note("2")]]
    assert journal.seq == 3


async def test_what_piled_up_is_written_in_parts(journal: JournalWriter, log: ListLog) -> None:
    events = [NoticeGiven(message=str(number)) for number in range(2 * BATCH + 1)]
    for event in events:
        journal.record(event)
    await journal.flush()
    assert [len(batch) for batch in log.batches] == [BATCH, BATCH, 1]
    assert log.events == events


async def test_an_append_whose_answer_was_lost_is_not_written_twice(
    journal: JournalWriter, log: ListLog, clock: FakeClock
) -> None:
    background = Background()
    log.failures = [StoreUnavailable("it lands, but the answer is lost")]
    journal.record(note("1"))
    flushing = background.start(journal.flush(), name="flush")
    await settle()
    await clock.advance(1)
    await flushing
    journal.record(note("2"))
    await journal.flush()
    assert log.events == [note("1"), note("2")]
    assert journal.seq == 3


async def test_a_store_that_stays_away_is_reported_in_the_end(
    journal: JournalWriter, log: ListLog, clock: FakeClock
) -> None:
    background = Background()
    log.failures = [StoreUnavailable("away")] * 1_000
    journal.record(note("1"))
    flushing = background.start(journal.flush(), name="flush")
    await settle()
    await clock.advance(OUTLAST.limit_s - OUTLAST.cap_s)
    assert not flushing.done(), "less than ten minutes are no reason to give up"
    await clock.advance(OUTLAST.cap_s)
    with pytest.raises(StoreUnavailable):
        await flushing
    with pytest.raises(StoreUnavailable):
        journal.record(note("2"))


async def test_an_event_that_the_store_refuses_is_reported(
    journal: JournalWriter, log: ListLog
) -> None:
    log.failures = [StoreError("too large")]
    journal.record(note("1"))
    with pytest.raises(StoreError, match="too large"):
        await journal.flush()


async def test_after_close_nothing_is_written_and_nothing_runs(
    journal: JournalWriter, log: ListLog, clock: FakeClock
) -> None:
    background = Background()
    log.gate.clear()
    journal.record(note("1"))
    flushing = background.start(journal.flush(), name="flush")
    await settle()
    await journal.close()
    await journal.close()
    with pytest.raises(LeaseLost):
        await flushing
    with pytest.raises(LeaseLost):
        journal.record(note("2"))
    log.gate.set()
    await clock.advance(1)
    assert log.events == []
    assert clock.sleeping == 0


EVENTS = st.one_of(st.text(max_size=40).map(text), st.text(max_size=5).map(note), st.just("flush"))


@given(script=st.lists(EVENTS, max_size=40))
def test_whatever_is_recorded_arrives_whole_and_in_order(script: list[Event | str]) -> None:
    async def play() -> list[Event]:
        clock = FakeClock()
        log = ListLog(clock)
        journal = JournalWriter(log, LEASE, 1, clock)
        for place, action in enumerate(script):
            if isinstance(action, str):
                await journal.flush()
                assert flat(log.events) == flat(script[:place])
            else:
                journal.record(action)
        await journal.flush()
        assert journal.seq == 1 + len(log.events)
        await journal.close()
        return log.events

    assert flat(asyncio.run(play())) == flat(script)


def flat(events: Sequence[Event | str]) -> list[str]:
    """Texts as characters and notes as a whole: merged or not, it reads the same."""
    found: list[str] = []
    for event in events:
        if isinstance(event, TextStreamed):
            found.extend(event.content)
        elif isinstance(event, NoticeGiven):
            found.append(f"note {event.message}")
    return found

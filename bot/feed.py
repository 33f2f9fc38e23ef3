"""Append to a task's log, and follow it from any cursor, across processes.

Within a process a `Hub` wakes readers at once; what other processes append is found by polling.
An event is durable before any reader can see it.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from agents.background import Background
from agents.errors import LeaseLost, StoreUnavailable
from agents.events import Event, Recorded, TextStreamed
from agents.ports import Clock
from agents.types import TaskId
from bot.store.port import EventLog, Lease

POLL_S = 0.25
PAGE = 500

FLUSH_S = 0.03
TEXT_CHARS = 2_048
RETRY_STOP = stop_after_attempt(20)
RETRY_WAIT = wait_exponential(multiplier=0.05, max=2.0)
"""An absent store is asked again for about half a minute: by then the lease is lost anyway."""


class Hub:
    """In-process news by topic. Implements `bot.store.port.Waker`; use it on one event loop."""

    def __init__(self) -> None:
        self._bells: dict[str, set[asyncio.Event]] = {}

    def notify(self, topic: str) -> None:
        """Ring every bell of the topic."""
        for bell in self._bells.get(topic, ()):
            bell.set()

    @property
    def topics(self) -> int:
        """How many topics anybody listens to."""
        return len(self._bells)

    @contextmanager
    def listen(self, topic: str) -> Iterator[asyncio.Event]:
        """A bell of one's own. Clear it, look, then wait on it: so no news is missed."""
        bell = asyncio.Event()
        self._bells.setdefault(topic, set()).add(bell)
        try:
            yield bell
        finally:
            bells = self._bells[topic]
            bells.remove(bell)
            if not bells:
                del self._bells[topic]


async def wait_for_bell(bell: asyncio.Event, clock: Clock, at_most_s: float) -> None:
    """Return when the bell has rung, or after that time; the bell stays as it is."""
    if bell.is_set():
        return
    background = Background()
    ringing = background.start(bell.wait(), name="bell")
    sleeping = background.start(clock.sleep(at_most_s), name="bell-timeout")
    try:
        await asyncio.wait({ringing, sleeping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await background.stop()


class Feed:
    """Reads logs as they grow."""

    def __init__(self, log: EventLog, hub: Hub, clock: Clock, poll_s: float = POLL_S) -> None:
        self._log = log
        self._hub = hub
        self._clock = clock
        self._poll_s = poll_s

    async def follow(self, task_id: TaskId, after: int = 0) -> AsyncGenerator[list[Recorded], None]:
        """Yield the events with `seq > after`, in order, each once, in batches as they come.

        Ends after the terminal event, and at once when `after` is that event. A task that does
        not exist is waited for. Raises: StoreUnavailable; follow again from the last seq seen.
        """
        if await self._ended_at(task_id, after):
            return
        with self._hub.listen(task_id) as bell:
            while True:
                bell.clear()
                batch = await self._log.read(task_id, after=after, limit=PAGE)
                if batch:
                    after = batch[-1].seq
                    yield batch
                    if batch[-1].is_terminal:
                        return
                if len(batch) < PAGE:
                    await wait_for_bell(bell, self._clock, self._poll_s)

    async def _ended_at(self, task_id: TaskId, seq: int) -> bool:
        if seq < 1:
            return False
        there = await self._log.read(task_id, after=seq - 1, limit=1)
        return bool(there) and there[0].is_terminal


class JournalWriter:
    """Implements `agents.ports.Journal` for the holder of a lease: one append at a time, in order.

    Events are written 30 ms after the first of them, or at 2 KB of text, or at `flush`; adjacent
    texts become one event. While the store is unavailable they wait. When an append fails for
    good (LeaseLost, or the store stays away) every later `record` and `flush` raises its error.
    """

    def __init__(self, log: EventLog, lease: Lease, seq: int, clock: Clock) -> None:
        self._log = log
        self._lease = lease
        self._seq = seq
        self._clock = clock
        self._background = Background()
        self._pending: list[Event] = []
        self._text_chars = 0
        self._urgent = asyncio.Event()
        self._landed = asyncio.Event()
        self._recorded = 0
        self._durable = 0
        self._flusher: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def seq(self) -> int:
        """The last durable seq: what `finish` expects after a `flush`."""
        return self._seq

    def record(self, event: Event) -> None:
        """Queue an event. Raises what the last append failed with, if it did."""
        self._check()
        self._queue(event)
        self._recorded += 1
        if self._text_chars >= TEXT_CHARS:
            self._urgent.set()
        self._flusher = self._running_flusher()

    async def flush(self) -> None:
        """Return once everything recorded so far is durable.

        Raises: LeaseLost, SeqConflict (someone else wrote with this lease), StoreUnavailable,
        StoreError (an event over the store's limit).
        """
        target = self._recorded
        while self._durable < target:
            self._check()
            self._urgent.set()
            self._flusher = self._running_flusher()
            landed = self._background.start(self._landed.wait(), name="journal-landed")
            try:
                await asyncio.wait({landed, self._flusher}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                landed.cancel()
        self._check()

    async def close(self) -> None:
        """Stop; what was not flushed is forgotten. Never raises, twice is fine.

        Whoever still records or flushes is told LeaseLost.
        """
        self._closed = True
        await self._background.stop()
        if self._flusher is not None and not self._flusher.cancelled():
            self._flusher.exception()  # seen: whoever closes does not ask for it any more

    def _check(self) -> None:
        """Raise what the flusher died of, if it did."""
        if self._closed:
            raise LeaseLost("the journal is closed")
        if self._flusher is not None and self._flusher.done():
            self._flusher.result()

    def _queue(self, event: Event) -> None:
        last = self._pending[-1] if self._pending else None
        if not isinstance(event, TextStreamed):
            self._pending.append(event)
            return
        self._text_chars += len(event.content)
        if isinstance(last, TextStreamed) and len(last.content) < TEXT_CHARS:
            self._pending[-1] = TextStreamed(content=last.content + event.content)
        else:
            self._pending.append(event)

    def _running_flusher(self) -> asyncio.Task[None]:
        if self._flusher is None or self._flusher.done():
            return self._background.start(self._drain(), name="journal-flush")
        return self._flusher

    async def _drain(self) -> None:
        """Append until nothing is pending."""
        while self._pending:
            await wait_for_bell(self._urgent, self._clock, FLUSH_S)
            self._urgent.clear()
            batch, self._pending, self._text_chars = self._pending, [], 0
            through = self._recorded
            self._seq = await self._append(batch)
            self._durable = through
            self._landed.set()
            self._landed = asyncio.Event()
        self._urgent.clear()

    async def _append(self, batch: Sequence[Event]) -> int:
        """Append, again and again while the store is away.

        An append whose answer was lost may have landed: look before the next try.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailable),
            stop=RETRY_STOP,
            wait=RETRY_WAIT,
            sleep=self._clock.sleep,
            reraise=True,
        ):
            with attempt:
                if attempt.retry_state.attempt_number > 1 and await self._has_landed(batch):
                    return self._seq + len(batch)
                return await self._log.append(self._lease, self._seq, batch)
        raise AssertionError("tenacity re-raises when it stops")

    async def _has_landed(self, batch: Sequence[Event]) -> bool:
        there = await self._log.read(self._lease.task_id, after=self._seq, limit=len(batch))
        return [recorded.event for recorded in there] == list(batch)

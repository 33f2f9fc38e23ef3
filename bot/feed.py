"""Append to a task's log, and follow it from any cursor, across processes.

Within a process a `Hub` wakes readers at once, and they share what is read; what other processes
append is found by polling. An event is durable before any reader can see it.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from agents.background import Background
from agents.errors import LeaseLost, SeqConflict
from agents.events import Event, Recorded, TextStreamed
from agents.ports import Clock
from agents.retry import OUTLAST, with_retry
from agents.types import TaskId
from bot.store.encoding import clean_event
from bot.store.port import EventLog, Lease

PAGE = 500

BATCH = 500
"""So many events go in one append: after an outage there may be more."""

FLUSH_S = 0.03
TEXT_CHARS = 2_048


@dataclass(frozen=True, slots=True)
class Polling:
    """How a log that others append to is read: waits in seconds, and what is kept of it.

    While nothing comes the wait doubles from `first_s` to `longest_s`. What is written in this
    process is rung for, and each ring that brings news doubles the wait up to `heard_s`; news
    that nobody rang for sets it back. `keep`: how many of the newest events followers share.
    """

    first_s: float = 0.25
    longest_s: float = 0.25
    heard_s: float = 0.25
    keep: int = 2_000


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
    """Follows logs as they grow. All followers of a task share one reader of the store."""

    def __init__(
        self, log: EventLog, hub: Hub, clock: Clock, polling: Polling | None = None
    ) -> None:
        self._log = log
        self._hub = hub
        self._clock = clock
        self._polling = polling or Polling()
        self._tails: dict[TaskId, _Tail] = {}

    async def follow(self, task_id: TaskId, after: int = 0) -> AsyncGenerator[list[Recorded], None]:
        """Yield the events with `seq > after`, in order, each once, in batches as they come.

        Ends after the terminal event, and at once when `after` is that event. A task that does
        not exist is waited for. Raises: StoreUnavailable; follow again from the last seq seen.
        """
        cursor = max(after - 1, 0)  # one back, to see whether `after` was the end
        async with self._sharing(task_id, cursor) as tail:
            while True:
                batch = await tail.read(cursor)
                cursor = batch[-1].seq
                if news := [recorded for recorded in batch if recorded.seq > after]:
                    yield news
                if batch[-1].is_terminal:
                    return

    @asynccontextmanager
    async def _sharing(self, task_id: TaskId, cursor: int) -> AsyncIterator["_Tail"]:
        """The task's tail, made by its first follower and ended with its last."""
        tail = self._tails.get(task_id)
        if tail is None:
            tail = _Tail(self._log, self._hub, self._clock, self._polling, task_id, cursor)
            self._tails[task_id] = tail
        tail.followers += 1
        tail.look()  # whoever comes sees at once what is there now
        try:
            yield tail
        finally:
            tail.followers -= 1
            if tail.followers == 0:
                del self._tails[task_id]
                await tail.close()


class _Tail:
    """The newest events of one log, read once for all its followers.

    It reads on only when a follower has seen everything, so slow ones hold nobody up and cost no
    memory: who falls behind what is kept reads the store for itself until it has caught up.
    """

    def __init__(
        self,
        log: EventLog,
        hub: Hub,
        clock: Clock,
        polling: Polling,
        task_id: TaskId,
        cursor: int,
    ) -> None:
        self.followers = 0
        self._listening = ExitStack()
        self._bell = self._listening.enter_context(hub.listen(task_id))
        self._log = log
        self._clock = clock
        self._polling = polling
        self._task_id = task_id
        self._cursor = self._kept_after = cursor
        self._events: list[Recorded] = []
        self._wait_s = polling.first_s
        self._asked = False
        self._reading: asyncio.Task[None] | None = None
        self._background = Background()

    async def read(self, after: int) -> list[Recorded]:
        """The events behind the cursor; waits for the first. Raises: StoreUnavailable."""
        while True:
            if after < self._kept_after:
                batch = await self._log.read(self._task_id, after=after, limit=PAGE)
            else:
                start = bisect_right(self._events, after, key=lambda recorded: recorded.seq)
                batch = self._events[start : start + PAGE]
            if batch:
                return batch
            await self._more()

    async def _more(self) -> None:
        """Return when there is news. A follower that leaves meanwhile does not end it for others."""
        if self._reading is None or self._reading.done():
            self._reading = self._background.start(self._read_on(), name="feed-tail")
        reading = self._reading
        await asyncio.wait({reading})
        reading.result()

    def look(self) -> None:
        """Read at once, and learn nothing from it about who writes."""
        self._asked = True
        self._bell.set()

    async def _read_on(self) -> None:
        while True:
            await wait_for_bell(self._bell, self._clock, self._wait_s)
            rang, asked, self._asked = self._bell.is_set(), self._asked, False
            self._bell.clear()
            batch = await self._log.read(self._task_id, after=self._cursor, limit=PAGE)
            if not asked:
                self._learn(rang=rang, news=bool(batch))
            if batch:
                self._add(batch)
                return

    def _learn(self, *, rang: bool, news: bool) -> None:
        """Set the next wait, as `Polling` says."""
        polling = self._polling
        if news:
            self._wait_s = min(self._wait_s * 2, polling.heard_s) if rang else polling.first_s
        elif not rang:
            self._wait_s = max(self._wait_s, min(self._wait_s * 2, polling.longest_s))

    def _add(self, batch: Sequence[Recorded]) -> None:
        self._events += batch
        self._cursor = batch[-1].seq
        if len(batch) == PAGE:
            self.look()  # there may be more
        if (excess := len(self._events) - self._polling.keep) > 0:
            self._kept_after = self._events[excess - 1].seq
            del self._events[:excess]

    async def close(self) -> None:
        """Stop reading."""
        self._listening.close()
        await self._background.stop()
        if self._reading is not None and not self._reading.cancelled():
            self._reading.exception()  # seen: nobody is left to ask for it


class JournalWriter:
    """Implements `agents.ports.Journal` for the holder of a lease: one append at a time, in order.

    Events are written `flush_s` after the first of them, or at 2 KB of text, or at `flush`;
    adjacent texts become one event. While the store is unavailable they wait, up to ten minutes.
    When an append fails for good (LeaseLost, or the store stays away) every later `record` and
    `flush` raises its error.
    """

    def __init__(
        self, log: EventLog, lease: Lease, seq: int, clock: Clock, flush_s: float = FLUSH_S
    ) -> None:
        self._log = log
        self._lease = lease
        self._seq = seq
        self._clock = clock
        self._flush_s = flush_s
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
            await wait_for_bell(self._urgent, self._clock, self._flush_s)
            self._urgent.clear()
            batch = [clean_event(event) for event in self._pending]
            self._pending, self._text_chars = [], 0
            through = self._recorded
            for start in range(0, len(batch), BATCH):
                self._seq = await self._append(batch[start : start + BATCH])
            self._durable = through
            self._landed.set()
            self._landed = asyncio.Event()
        self._urgent.clear()

    async def _append(self, batch: Sequence[Event]) -> int:
        """Append, again and again while the store is away.

        An append whose answer was lost may have landed: look before the next try.
        """
        tried = False

        async def append() -> int:
            nonlocal tried
            if tried and await self._has_landed(batch):
                return self._seq + len(batch)
            was_tried, tried = tried, True
            try:
                return await self._log.append(self._lease, self._seq, batch)
            except SeqConflict:  # the first try may have landed while we looked
                if was_tried and await self._has_landed(batch):
                    return self._seq + len(batch)
                raise

        return await with_retry(OUTLAST, append, clock=self._clock)

    async def _has_landed(self, batch: Sequence[Event]) -> bool:
        there = await self._log.read(self._lease.task_id, after=self._seq, limit=len(batch))
        return [recorded.event for recorded in there] == list(batch)

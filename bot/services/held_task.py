"""A task as the holder of its lease writes it: its events, its end, or that it is given back.

A store that is away is outlasted: waiting costs less than the work done again. Only giving back
is not worth a wait, as a shutdown waits for it and the lease ends by itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from agents.errors import LeaseLost, SeqConflict, StoreError, StoreUnavailable
from agents.events import Event
from agents.logger import create_logger
from agents.ports import Blobs, Clock
from agents.retry import OUTLAST, with_retry
from agents.types import BlobHash, TaskStatus
from bot.feed import JournalWriter
from bot.store.encoding import clean_event
from bot.store.port import Claim, Ending, EventLog, Lease, Queue

HAND_BACK_S = 2.0

log = create_logger(__name__)


class HolderStore(Queue, EventLog, Protocol):
    """The roles of a store that a holder writes on."""


class HeldTask:
    """One claim, from its first event to its end. `journal` is for who runs the task.

    `saw` is told of all events, once they are durable.
    """

    def __init__(
        self,
        store: HolderStore,
        claim: Claim,
        clock: Clock,
        flush_s: float,
        saw: Callable[[Sequence[Event]], None],
    ) -> None:
        self.claim = claim
        self._store = store
        self._clock = clock
        self._saw = saw
        last_seq = claim.log[-1].seq if claim.log else 0
        log = _WatchedLog(store, saw)
        self.journal = JournalWriter(log, claim.lease, last_seq, clock, flush_s)

    async def end(self, ending: Ending) -> bool:
        """Write the end; answers whether it counted.

        Raises: StoreError, when the store refuses the events before it or the new version. A bad
        end is written all the same, without what the journal could not write.
        """
        ending = replace(ending, events=tuple(map(clean_event, ending.events)))
        unwritten = () if ending.status is TaskStatus.COMPLETE else (StoreError,)
        try:
            with suppress(*unwritten):
                await self.journal.flush()
            await with_retry(OUTLAST, lambda: self._finish(ending), clock=self._clock)
        except (LeaseLost, SeqConflict):
            log.warning("lease lost", action="finish")
            return False
        except StoreUnavailable:
            log.exception("store unavailable", action="finish")
            return False
        self._saw(ending.events)
        log.info("task ended", status=ending.status)
        return True

    async def _finish(self, ending: Ending) -> None:
        """An end whose answer was lost looks like a lost lease when it is written again."""
        try:
            await self._store.finish(self.claim.lease, self.journal.seq, ending)
        except (LeaseLost, SeqConflict):
            if not await self._has_ended(ending):
                raise

    async def _has_ended(self, ending: Ending) -> bool:
        there = await self._store.read(self.claim.task.id, after=self.journal.seq)
        return [recorded.event for recorded in there] == list(ending.events)

    async def hand_back(self, *, delay_s: float, count_attempt: bool) -> None:
        """Make the task claimable again, if the store answers in time. Never raises."""
        try:
            async with asyncio.timeout(HAND_BACK_S):
                await self.journal.flush()
                await self._store.hand_back(
                    self.claim.lease, delay_s=delay_s, count_attempt=count_attempt
                )
        except (LeaseLost, SeqConflict):
            log.info("nothing to hand back")  # it had just ended, or is another worker's
        except (StoreError, TimeoutError):
            log.warning("hand back failed")  # the lease ends by itself

    async def close(self) -> None:
        """Write nothing more."""
        await self.journal.close()


class _WatchedLog:
    """Implements `EventLog`: another one, and tells what has been written there."""

    def __init__(self, log: EventLog, saw: Callable[[Sequence[Event]], None]) -> None:
        self._log = log
        self._saw = saw
        self.read = log.read

    async def append(self, lease: Lease, expected_seq: int, events: Sequence[Event]) -> int:
        seq = await self._log.append(lease, expected_seq, events)
        self._saw(events)
        return seq


class LastingBlobs:
    """Implements `agents.ports.Blobs` for who holds a lease: outlasts an absence of the store."""

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock

    async def put(self, contents: Sequence[bytes]) -> list[BlobHash]:
        return await with_retry(OUTLAST, lambda: self._blobs.put(contents), clock=self._clock)

    async def get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        return await with_retry(OUTLAST, lambda: self._blobs.get(hashes), clock=self._clock)

"""Who reads a stream, and what ends their reading before the task ends.

A stream outlives the token it was opened with, which is good for a minute. So it ends after a while,
and at once when its reader's session or account has ended; then it asks for a new token. The cursor
is the reader's, so nothing is missed or told twice.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from agents.errors import StoreError
from agents.logger import create_logger
from bot.services.principals import Principal
from bot.services.sign_outs import SignOuts, marks_of

log = create_logger(__name__)


class Ending(StrEnum):
    """Why a stream ends though its task goes on. The values are for programs."""

    SERVER_STOPS = "server_stops"
    STREAM_EXPIRED = "stream_expired"
    SESSION_ENDED = "session_ended"


@dataclass(frozen=True, slots=True, eq=False)
class Watcher:
    """One open stream; `over` is set when it has to end."""

    marks: frozenset[str]
    over: asyncio.Future[Ending]

    def end(self, why: Ending) -> None:
        """The first reason counts."""
        if not self.over.done():
            self.over.set_result(why)


class Watchers:
    """Every open stream of this process."""

    def __init__(self) -> None:
        self._open: set[Watcher] = set()
        self._stopping = False

    @contextmanager
    def watching(self, principal: Principal, limit_s: float | None) -> Iterator[Watcher]:
        """One reader while inside; for at most `limit_s`, if a limit is given."""
        loop = asyncio.get_running_loop()
        watcher = Watcher(marks_of(principal), loop.create_future())
        timer = None
        if limit_s is not None:
            timer = loop.call_later(limit_s, watcher.end, Ending.STREAM_EXPIRED)
        if self._stopping:
            watcher.end(Ending.SERVER_STOPS)
        self._open.add(watcher)
        try:
            yield watcher
        finally:
            self._open.discard(watcher)
            if timer is not None:
                timer.cancel()

    def stop(self) -> None:
        """All end, and so does whoever comes now."""
        self._stopping = True
        for watcher in self._open:
            watcher.end(Ending.SERVER_STOPS)

    @property
    def marks(self) -> frozenset[str]:
        """By which the sessions and accounts of all readers would be known to have ended."""
        return frozenset().union(*(watcher.marks for watcher in self._open))

    def sign_out(self, marks: Collection[str]) -> int:
        """End the streams of these sessions and accounts; answers how many there were."""
        theirs = [watcher for watcher in self._open if not watcher.marks.isdisjoint(marks)]
        for watcher in theirs:
            watcher.end(Ending.SESSION_ENDED)
        return len(theirs)


async def keep_signing_out(watchers: Watchers, sign_outs: SignOuts) -> None:
    """End the streams of those who were signed out anywhere, until cancelled."""
    while True:
        await asyncio.sleep(sign_outs.every_s)
        try:
            ended = await sign_outs.among(watchers.marks)
        except StoreError as error:
            log.info("sign-outs not looked for", reason=str(error))
            continue
        watchers.sign_out(ended)

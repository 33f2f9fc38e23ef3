"""Work that goes on after an acknowledgement: ours, never Bolt's, which nobody waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from agents.background import Background
from agents.logger import create_logger

log = create_logger(__name__)

T = TypeVar("T")

GRACE_S = 3.0
"""How long what was begun may still take when the process ends."""


class Work:
    """What listeners have begun."""

    def __init__(self) -> None:
        self._background = Background()
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run it; whoever holds the answer sees its error."""
        task = self._background.start(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def begin(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Run what nobody asks about any more; a defect is logged."""
        _ = self.start(_logged(work, name), name=name)

    async def begin_and_wait(
        self, work: Coroutine[Any, Any, None], *, at_most_s: float, name: str
    ) -> None:
        """The same, and wait for it a moment; what takes longer goes on."""
        await asyncio.wait({self.start(_logged(work, name), name=name)}, timeout=at_most_s)

    async def settled(self) -> None:
        """Until nothing is under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Let it come to its end for a moment, then stop it; what was accepted is in the store."""
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE_S)
        await self._background.stop()


async def _logged(work: Coroutine[Any, Any, None], name: str) -> None:
    """A boundary: nobody else would hear of the error."""
    try:
        await work
    except Exception:
        log.exception("work failed", work=name)

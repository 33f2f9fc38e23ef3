"""The real clock, which a test may set forward while everything else goes on in real time."""

import asyncio
import time
from datetime import datetime, timedelta

from agents.system import SystemClock


class JumpingClock:
    """Implements `agents.ports.Clock`."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._jumped = asyncio.Event()

    def now(self) -> datetime:
        return SystemClock().now() + timedelta(seconds=self._ahead_s)

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead_s

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._jumped.wait()
            except TimeoutError:
                pass

    def jump(self, seconds: float) -> None:
        """From now on it is so much later; who slept longer than that goes on sleeping."""
        self._ahead_s += seconds
        jumped, self._jumped = self._jumped, asyncio.Event()
        jumped.set()

"""A clock on which waiting takes no time: it moves on at once and remembers every wait."""

import asyncio
from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 1, tzinfo=UTC)


class InstantClock:
    """Implements `agents.ports.Clock`."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self._elapsed = 0.0

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self._elapsed += max(0.0, seconds)
        await asyncio.sleep(0)

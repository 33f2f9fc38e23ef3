"""How often a method may be called: tiers per method and workspace, on a clock of the test's."""

import asyncio
import math
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from typing import Final

from agents.ports import Clock
from agents.system import SystemClock

MINUTE_S: Final = 60.0
TIER_1, TIER_2, TIER_3, TIER_4, SPECIAL = 1, 20, 50, 100, 600
"""Calls in a minute. SPECIAL: "hundreds per minute", by the Java SDK's limiter."""
POSTS_PER_MINUTE: Final = 300
POST_BURST: Final = 4
"""Messages that one channel takes at once; then it is one a second."""


class ScaledClock:
    """A clock that goes `scale` times as fast as the real one. Implements `agents.ports.Clock`."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._real = SystemClock()
        self._start, self._began = self._real.now(), self._real.monotonic()

    def now(self) -> datetime:
        return self._start.astimezone(UTC) + timedelta(seconds=self.monotonic() - self._began)

    def monotonic(self) -> float:
        return self._began + (self._real.monotonic() - self._began) * self._scale

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._scale)


class Window:
    """At most `most` in any stretch of `seconds`."""

    def __init__(self, most: int, seconds: float = MINUTE_S) -> None:
        self.most, self.seconds = most, seconds
        self._taken: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until one more is allowed; nothing when it is now."""
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) < self.most:
            return 0.0
        return self._taken[len(self._taken) - self.most] + self.seconds - now

    def take(self, now: float) -> None:
        self._taken.append(now)


class RateLimits:
    """Which calls get 429. What is refused does not count."""

    def __init__(self, clock: Clock, *, is_on: bool = True) -> None:
        self._clock = clock
        self.is_on = is_on
        self._limits: dict[str, int] = {}
        self._windows: dict[tuple[str | None, ...], Window] = {}
        self.refused: defaultdict[str, int] = defaultdict(int)

    def limit(self, method: str, per_minute: int) -> None:
        """Another limit for a method from now on."""
        self._limits[method] = per_minute
        self._windows = {key: w for key, w in self._windows.items() if key[0] != method}

    def refuse(self, method: str, tier: int, team: str, channel: str | None) -> int | None:
        """Count the call, or answer the seconds of `Retry-After`."""
        if not self.is_on:
            return None
        now = self._clock.monotonic()
        windows = self._windows_of(method, tier, team, channel)
        wait = max(window.wait(now) for window in windows)
        if wait > 0:
            self.refused[method] += 1
            return max(1, math.ceil(wait))
        for window in windows:
            window.take(now)
        return None

    def _windows_of(self, method: str, tier: int, team: str, channel: str | None) -> list[Window]:
        per_minute = self._limits.get(method, tier)
        windows = [self._window((method, team), per_minute)]
        if method == "chat.postMessage":
            bursts = (method, team, channel, "burst")
            windows.append(self._window(bursts, POST_BURST, float(POST_BURST)))
        return windows

    def _window(self, key: tuple[str | None, ...], most: int, seconds: float = MINUTE_S) -> Window:
        return self._windows.setdefault(key, Window(most, seconds))

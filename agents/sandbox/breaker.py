"""Not asking again at once what has just failed several times in a row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.errors import ProviderTimeout, ProviderUnavailable, ZapdevError
from agents.ports import Clock

FAILURES = 3
REST_S = 10.0


class Breaker:
    """Opens after three failures in a row; then, every ten seconds, one caller may try.

    So a task ends in seconds, with the reason, rather than in minutes, and an overloaded provider
    gets the rest it needs. Only silence and outages count: a refusal is an answer.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._failures = 0
        self._resting_until = 0.0

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Raises: ProviderUnavailable at once while open; what the work inside raises."""
        now = self._clock.monotonic()
        if self._failures >= FAILURES and now < self._resting_until:
            raise self._refusal()
        self._resting_until = now + REST_S  # of those who come meanwhile, once it has been open
        try:
            yield
        except (ProviderTimeout, ProviderUnavailable):
            self._failures += 1
            self._resting_until = self._clock.monotonic() + REST_S
            raise
        except ZapdevError:
            self._failures = 0
            raise
        else:
            self._failures = 0

    def _refusal(self) -> ProviderUnavailable:
        error = ProviderUnavailable(f"{self._name} has failed {self._failures} times in a row")
        error.key = f"sandbox_{error.key}"
        return error

"""Waiting for something to be seen, with a limit; tests never sleep for luck."""

import asyncio
from collections.abc import Awaitable, Callable

from agents.testing import FakeClock

LIMIT_S = 20.0


async def until(seen: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Return once `seen()`; raises TimeoutError after the limit."""
    async with asyncio.timeout(limit_s):
        while not seen():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.002)


async def until_async(seen: Callable[[], Awaitable[bool]], limit_s: float = LIMIT_S) -> None:
    """As `until`, for what has to be asked."""
    async with asyncio.timeout(limit_s):
        while not await seen():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.01)


async def in_time(clock: FakeClock, seen: Callable[[], bool], *, step_s: float = 0.25) -> None:
    """As `until`, with the clock going on meanwhile, step by step."""
    async with asyncio.timeout(LIMIT_S):
        while not seen():
            await clock.advance(step_s)
            await asyncio.sleep(0.002)

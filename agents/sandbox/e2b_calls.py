"""Calls to E2B that end in our time, whatever the SDK does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from agents.background import Background
from agents.sandbox.e2b_errors import translate

T = TypeVar("T")

ANSWER_S = 15.0
"""How long a small request may take. E2B answers most in well under a second."""


class Calls:
    """Runs each call in a task of its own.

    The SDK's timeouts do not cover everything: a frozen host was seen to hold a read for twice its
    `request_timeout`, and a command without a timeout for good. It also turns a cancellation into
    errors of its own on some ways, so the caller's waiting is kept apart from the call.
    """

    def __init__(self, answer_s: float = ANSWER_S) -> None:
        self._background = Background()
        self.answer_s = answer_s

    async def make(self, work: Coroutine[Any, Any, T], *, within_s: float | None = None) -> T:
        """What `work` answers; at the deadline (`answer_s`), or when cancelled, it is given up.

        Raises: ProviderTimeout, and the other errors of `e2b_errors.translate`.
        """
        limit_s = self.answer_s if within_s is None else within_s
        task = self._background.start(work, name="E2B call")
        task.add_done_callback(_see)
        try:
            await asyncio.wait({task}, timeout=limit_s)
            if not task.done():
                raise translate(TimeoutError(f"no answer within {limit_s:g} s"))
            try:
                return task.result()
            except (Exception, asyncio.CancelledError) as error:
                raise translate(error) from error
        finally:
            task.cancel()

    async def close(self) -> None:
        """Give up what is still under way."""
        await self._background.stop()


def _see(task: asyncio.Task[Any]) -> None:
    """Whoever waited has seen the error, or has gone."""
    if not task.cancelled():
        task.exception()

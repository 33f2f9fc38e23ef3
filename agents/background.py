"""The one starter of background work: nothing runs that nobody waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """A set of running tasks that one owner ends together."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run `work` concurrently; whoever holds the answer sees its error."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """As `start`, for work that answers nothing and handles its own errors."""
        _ = self.start(work, name=name)

    async def stop(self) -> None:
        """Cancel what still runs and wait until it is gone. Errors were the holders' to see."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

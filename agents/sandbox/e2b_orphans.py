"""Ends sandboxes at E2B that nobody can want any more.

A process that is killed leaves its sandboxes running; E2B pauses them within the hour, and keeps
what is paused without limit. Three kinds are surely nobody's: those of a task for which another process
has a newer one, those that E2B made without our hearing of it and that nobody asks for any more, and
those that have been paused for two weeks: a preview is then made anew from stored files.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from e2b import AsyncSandbox, SandboxInfo, SandboxQuery, SandboxState

from agents.errors import ZapdevError
from agents.logger import create_logger
from agents.ports import Clock
from agents.sandbox.e2b_calls import Calls
from agents.types import Framework, TaskId

log = create_logger(__name__)

FRAMEWORK = "zapdev"
"""The key in a sandbox's metadata that says it is ours; its value is the framework."""
_TASK = "zapdev-task"
_OWNER = "zapdev-owner"
_KIND = "zapdev-kind"
_CREATION = "zapdev-creation"
_APP = "app"
FORGOTTEN_AFTER = timedelta(days=14)
_AT_ONCE = timedelta(seconds=15)
"""Less than a lease takes to end, so that a dead worker's sandbox is always older."""
_PAGES = 20


class Orphans:
    """Looks for them on behalf of one process, `owner`."""

    def __init__(self, options: Mapping[str, Any], calls: Calls, clock: Clock, owner: str) -> None:
        self._options = dict(options)
        self._calls = calls
        self._clock = clock
        self._owner = owner

    def marks(self, framework: Framework, task_id: TaskId, creation: str) -> dict[str, str]:
        """What a new sandbox's metadata has to say; `creation` names what asked for it."""
        marks = {FRAMEWORK: framework.value, _TASK: task_id, _CREATION: creation}
        return {**marks, _OWNER: self._owner, _KIND: _APP}

    async def end_former(self, task_id: TaskId, began_at: datetime) -> None:
        """End what other processes had made for a task before we began on it. Never raises.

        Of two that begin at once, neither ends the other's.
        """
        before = began_at - _AT_ONCE

        def is_former(info: SandboxInfo) -> bool:
            return info.metadata.get(_OWNER) != self._owner and info.started_at < before

        await self._end(SandboxQuery(metadata={_TASK: task_id}), is_former)

    async def end_unheard(self, creation: str) -> None:
        """End what this has made, as nobody knows of it. Never raises."""
        await self._end(SandboxQuery(metadata={_CREATION: creation}), lambda _: True)

    async def end_forgotten(self) -> None:
        """End what has been paused for two weeks. Never raises."""
        paused = SandboxQuery(metadata={_KIND: _APP}, state=[SandboxState.PAUSED])
        await self._end(paused, self._is_old)

    def _is_old(self, info: SandboxInfo) -> bool:
        return info.end_at < self._clock.now() - FORGOTTEN_AFTER

    async def _end(self, query: SandboxQuery, is_orphan: Callable[[SandboxInfo], bool]) -> None:
        try:
            orphans = [info async for info in self._find(query) if is_orphan(info)]
            for info in orphans:
                await self._calls.make(AsyncSandbox.kill(info.sandbox_id, **self._options))
                log.info("orphan ended", sandbox=info.sandbox_id)
        except ZapdevError as error:  # the next look finds them again
            log.info("orphans not ended", reason=str(error)[:300])

    async def _find(self, query: SandboxQuery) -> AsyncIterator[SandboxInfo]:
        paginator = AsyncSandbox.list(query=query, limit=100, **self._options)
        for _ in range(_PAGES):
            if not paginator.has_next:
                return
            for info in await self._calls.make(paginator.next_items()):
                yield info

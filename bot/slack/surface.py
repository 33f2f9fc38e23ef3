"""Keeps the live messages of one workspace, for as long as this process holds it.

One process does this for a workspace at a time, by a lock in the store. What is not delivered is a
row there, so whoever has the lock next goes on with the same messages, finals first.
"""

import asyncio

from agents.background import Background
from agents.errors import StoreUnavailable
from agents.logger import create_logger
from bot.slack.door import CALL_S
from bot.slack.errors import NotHeld, WorkspaceGone
from bot.slack.messages import Messages, SurfaceParts, SurfaceStore, workspace_topic

__all__ = ["Surface", "SurfaceParts", "SurfaceStore", "workspace_topic"]

log = create_logger(__name__)

LOCK_S = 30.0
RENEW_S = 10.0
STANDBY_S = 5.0
_AWAY_S = 2.0


class Surface:
    """One workspace's live messages, for as long as this process holds them."""

    def __init__(self, parts: SurfaceParts, team_id: str) -> None:
        self._parts = parts
        self._team_id = team_id
        self._lock = f"slack-writer:{team_id}"
        self._held_until = float("-inf")

    async def run(self) -> None:
        """Hold the workspace and write. Returns when Slack has closed it to us."""
        parts = self._parts
        while True:
            wait_s = STANDBY_S
            try:
                if await self._hold():
                    try:
                        await self._write()
                    finally:
                        await parts.store.release(self._lock, parts.holder)
            except StoreUnavailable:
                log.warning("store unavailable", action="hold workspace")
                wait_s = _AWAY_S
            except WorkspaceGone as error:
                log.warning(
                    "workspace gone: nothing is written there until a restart",
                    team_id=self._team_id,
                    reason=str(error),
                )
                return
            await parts.clock.sleep(wait_s)

    async def _hold(self) -> bool:
        """Counted from before the question, so that we know of the end before anybody else."""
        parts = self._parts
        asked_at = parts.clock.monotonic()
        held = await parts.store.hold(self._lock, parts.holder, for_s=LOCK_S)
        self._held_until = asked_at + LOCK_S if held else float("-inf")
        return held

    async def _write(self) -> None:
        """Everything at once, until the lock is lost or something of it ends."""
        background = Background()
        messages = Messages(self._parts, self._team_id, self.check_held)
        work = {
            background.start(messages.writer.run(), name="slack-writer"),
            background.start(messages.look(), name="slack-look"),
            background.start(messages.keep_time(), name="slack-time"),
            background.start(self._keep(), name="slack-lock"),
        }
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await background.stop()
            await messages.close()

    async def _keep(self) -> None:
        """Return when the lock is lost, or had lapsed: somebody else may have written meanwhile."""
        clock, wait_s = self._parts.clock, RENEW_S
        while True:
            await clock.sleep(wait_s)
            has_lapsed = clock.monotonic() >= self._held_until
            try:
                if not await self._hold() or has_lapsed:
                    return
                wait_s = RENEW_S
            except StoreUnavailable:
                log.warning("store unavailable", action="keep workspace")
                wait_s = _AWAY_S

    def check_held(self) -> None:
        """What is sent now lands while the workspace is still ours. Raises: NotHeld."""
        if self._parts.clock.monotonic() >= self._held_until - CALL_S:
            raise NotHeld("this workspace is not held any more")

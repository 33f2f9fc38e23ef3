"""Keeps the live messages of workspaces, of each for as long as this process holds it.

One process does this for a workspace at a time, by a lock in the store. What is not delivered is a
row there, so whoever has the lock next goes on with the same messages, finals first. A workspace
where nothing is open is nobody's, and costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable

from agents.background import Background
from agents.errors import StoreError, StoreUnavailable
from agents.logger import create_logger
from bot.feed import wait_for_bell
from bot.slack.door import CALL_S
from bot.slack.errors import NotHeld, WorkspaceGone
from bot.slack.installations import TOKEN_S
from bot.slack.messages import SLACK_TOPIC, Messages, SurfaceParts

log = create_logger(__name__)

LOCK_S = 30.0
RENEW_S = 10.0
STANDBY_S = 5.0
"""How often one asks for what another process holds."""

GONE_S = 60.0
"""How often a workspace is tried that does not take our token."""

_AWAY_S = 2.0
_DEFECT_S = 5.0


Farewell = Callable[[str], Awaitable[bool]]
"""Sees to a workspace that does not take our token: whether the app is not there any more."""


class Surfaces:
    """A surface for each workspace with open messages."""

    def __init__(self, parts: SurfaceParts, farewell: Farewell | None = None) -> None:
        self._parts = parts
        self._farewell = farewell
        self._running: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        parts, background = self._parts, Background()
        try:
            with parts.hub.listen(SLACK_TOPIC) as bell:
                while True:
                    bell.clear()
                    wait_s = await self._look(background)
                    await wait_for_bell(bell, parts.clock, wait_s)
        finally:
            await background.stop()

    async def _look(self, background: Background) -> float:
        """Start what is open and nobody's here; answers how long to wait for the next look.

        A boundary: a defect, or a store that refuses, must not end all messages for good.
        """
        parts = self._parts
        try:
            open_now = await parts.store.open_workspaces()
        except StoreUnavailable:
            log.warning("store unavailable", action="look for workspaces")
            return _AWAY_S
        except Exception:
            log.exception("workspaces not looked for")
            return _DEFECT_S
        wait_s, now = parts.look_s, parts.clock.monotonic()
        for team_id in open_now:
            due_s = self._not_before.get(team_id, now) - now
            if team_id in self._running:
                continue
            if due_s > 0:
                wait_s = min(wait_s, due_s)
            else:
                work = self._keep(team_id)
                self._running[team_id] = background.start(work, name="slack-surface")
        self._not_before = {team_id: at for team_id, at in self._not_before.items() if at > now}
        return wait_s

    async def _keep(self, team_id: str) -> None:
        """A boundary: a defect is logged, and the surface begins anew from the store."""
        parts, wait_s = self._parts, 0.0
        try:
            if not await Surface(parts, team_id).run():
                wait_s = STANDBY_S
        except StoreUnavailable:
            log.warning("store unavailable", action="hold workspace")
            wait_s = _AWAY_S
        except WorkspaceGone as error:
            wait_s = await self._after(team_id, error)
        except Exception:
            log.exception("live messages stopped", team_id=team_id)
            wait_s = _DEFECT_S
        finally:
            del self._running[team_id]
            self._not_before[team_id] = parts.clock.monotonic() + wait_s
            if not wait_s:  # something may have come meanwhile
                parts.hub.notify(SLACK_TOPIC)

    async def _after(self, team_id: str, gone: WorkspaceGone) -> float:
        """Leave it, if it is not ours any more; else how long not to try it."""
        log.warning("workspace gone", team_id=team_id, reason=str(gone), again_in_s=GONE_S)
        try:
            if self._farewell is not None:
                await self._farewell(team_id)
        except StoreError as error:
            log.info("not known whether we are still there", team_id=team_id, reason=str(error))
        return GONE_S


class Surface:
    """One workspace's live messages, for as long as this process holds them."""

    def __init__(self, parts: SurfaceParts, team_id: str) -> None:
        self._parts = parts
        self._team_id = team_id
        self._lock = f"slack-writer:{team_id}"
        self._held_until = float("-inf")

    async def run(self) -> bool:
        """Write until nothing is open, or the workspace is another process's; False: it is that.

        Raises: WorkspaceGone, StoreUnavailable.
        """
        if not await self._hold():
            return False
        try:
            await self._write()
        finally:
            await self._parts.store.release(self._lock, self._parts.holder)
        return True

    async def _hold(self) -> bool:
        """Counted from before the question, so that we know of the end before anybody else."""
        parts = self._parts
        asked_at = parts.clock.monotonic()
        held = await parts.store.hold(self._lock, parts.holder, for_s=LOCK_S)
        self._held_until = asked_at + LOCK_S if held else float("-inf")
        return held

    async def _write(self) -> None:
        """Everything at once, until the lock is lost, nothing is open, or something of it ends."""
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
        if self._parts.clock.monotonic() >= self._held_until - TOKEN_S - CALL_S:
            raise NotHeld("this workspace is not held any more")

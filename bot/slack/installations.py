"""The workspaces that have added the app, with their tokens, which are sealed and rotated.

A token that will soon expire is exchanged under a lock that all processes share: its refresh token
is good for one exchange. What was exchanged is kept here, too, until the store has it.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import msgspec

from agents.background import Background
from agents.errors import ProviderError, ProviderUnavailable, StoreError
from agents.logger import create_logger
from agents.ports import Clock
from agents.retry import OUTLAST, with_retry
from bot.services.sealing import Seal, SealBroken
from bot.slack.errors import WorkspaceGone
from bot.slack.grants import Grants, Installed
from bot.slack.workspaces import Workspace
from bot.store.slack_port import InstallKey, SlackState

log = create_logger(__name__)

KNOWN_S = 60.0
"""How long a workspace is not read again: so long another process's news may take."""

ROTATE_BEFORE_S = 7_200.0
"""A token is exchanged so long before its end, as slack_sdk's own rotator does."""

_AGAIN_S = 60.0
_LOCK_S = 30.0
_LOOK_S = 0.5
_LOOKS = 40
_CLOSE_S = 3.0


@dataclass(slots=True)
class _Known:
    """What was read, and since when nothing newer was looked for."""

    installed: Installed
    read_at: float
    again_at: float = float("-inf")
    """An exchange has failed: not before this another one."""
    is_saved: bool = True


class Installations:
    """Implements `bot.slack.workspaces.Workspaces`. Close it."""

    def __init__(
        self, store: SlackState, seal: Seal, grants: Grants, clock: Clock, holder: str
    ) -> None:
        self._store = store
        self._seal = seal
        self._grants = grants
        self._clock = clock
        self._holder = holder
        self._known: dict[str, _Known] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._background = Background()
        self._saving: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait a moment for what is being saved."""
        if self._saving:
            await asyncio.wait(self._saving, timeout=_CLOSE_S)
        await self._background.stop()

    async def workspace(self, team_id: str) -> tuple[Workspace, str]:
        """Who we are there, and our newest token, without asking Slack.

        Raises: WorkspaceGone, StoreError.
        """
        installed = (await self._find(team_id)).installed
        return installed.workspace, installed.token

    async def keep(self, installed: Installed) -> None:
        """The app was added, or added again. Raises: StoreError."""
        await self._save(installed)
        self._known[installed.team_id] = _Known(installed, self._clock.monotonic())

    async def forget(self, team_id: str) -> None:
        """The app was removed there. Raises: StoreError."""
        await self._store.delete_installation(InstallKey(team_id=team_id))
        self._known.pop(team_id, None)

    async def token(self, team_id: str, *, expired: str = "") -> str:
        """Raises: WorkspaceGone, ProviderUnavailable."""
        try:
            known = await self._find(team_id)
            if self._is_good(known, expired):
                return known.installed.token
            async with self._turns[team_id]:
                return (await self._renewed(team_id, expired)).token
        except StoreError as error:
            raise ProviderUnavailable(f"the token of {team_id} cannot be read") from error

    # --- what is known -------------------------------------------------------------------

    async def _find(self, team_id: str) -> _Known:
        """As it was read lately; while the store is away, as it was read last."""
        known = self._known.get(team_id)
        now = self._clock.monotonic()
        if known is not None and (not known.is_saved or now - known.read_at < KNOWN_S):
            return known
        try:
            return await self._read(team_id)
        except StoreError:
            if known is None:
                raise
            log.warning("store unavailable", action="read installation", team_id=team_id)
            return known

    async def _read(self, team_id: str) -> _Known:
        """Raises: WorkspaceGone, StoreError."""
        before = self._known.get(team_id)
        if before is not None and not before.is_saved:
            return before
        sealed = await self._store.installation(InstallKey(team_id=team_id))
        if sealed is None:
            self._known.pop(team_id, None)
            raise WorkspaceGone(f"the app is not in workspace {team_id}")
        known = _Known(self._open(team_id, sealed), self._clock.monotonic())
        if before is not None and before.installed == known.installed:
            known.again_at = before.again_at
        self._known[team_id] = known
        return known

    def _open(self, team_id: str, sealed: str) -> Installed:
        try:
            return msgspec.json.decode(self._seal.open(sealed), type=Installed)
        except (SealBroken, msgspec.MsgspecError) as error:
            log.warning(
                "installation cannot be opened: was it sealed with another key? Add the old one "
                "to ZAPDEV_ENCRYPTION_KEYS, or have the app added to the workspace again",
                team_id=team_id,
            )
            raise WorkspaceGone(f"the token of {team_id} cannot be opened") from error

    async def _save(self, installed: Installed) -> None:
        sealed = self._seal.close(msgspec.json.encode(installed))
        await self._store.save_installation(InstallKey(team_id=installed.team_id), sealed)

    # --- rotation ------------------------------------------------------------------------

    def _left_s(self, installed: Installed) -> float:
        """Until the token expires."""
        if not installed.expires_at:
            return float("inf")
        return installed.expires_at - self._clock.now().timestamp()

    def _is_good(self, known: _Known, expired: str) -> bool:
        """Not the refused one, and not about to expire unless we have just tried to mend that."""
        if known.installed.token == expired:
            return False
        left_s = self._left_s(known.installed)
        waits = self._clock.monotonic() < known.again_at and left_s > 0
        return left_s > ROTATE_BEFORE_S or waits

    async def _renewed(self, team_id: str, expired: str) -> Installed:
        """The newest installation, exchanged by us or by another process.

        Raises: WorkspaceGone, ProviderUnavailable, StoreError.
        """
        lock = f"slack-token:{team_id}"
        for _ in range(_LOOKS):
            known = await self._read(team_id)
            if self._is_good(known, expired):
                return known.installed
            if await self._store.hold(lock, self._holder, for_s=_LOCK_S):
                try:
                    return await self._exchanged(team_id, expired)
                finally:
                    await self._store.release(lock, self._holder)
            if known.installed.token != expired and self._left_s(known.installed) > 0:
                return known.installed  # somebody is at it, and this one is good until then
            await self._clock.sleep(_LOOK_S)
        raise ProviderUnavailable(f"another process does not exchange the token of {team_id}")

    async def _exchanged(self, team_id: str, expired: str) -> Installed:
        known = await self._read(team_id)  # nobody else changes it now
        if self._is_good(known, expired):
            return known.installed
        installed = known.installed
        if not installed.refresh_token:
            raise WorkspaceGone(f"the token of {team_id} has expired, and there is no next one")
        try:
            fresh = await self._grants.refresh(installed)
        except ProviderError as error:
            log.warning("token not exchanged", team_id=team_id, reason=str(error))
            known.again_at = self._clock.monotonic() + _AGAIN_S
            if installed.token != expired and self._left_s(installed) > 0:
                return installed
            raise
        self._known[team_id] = kept = _Known(fresh, self._clock.monotonic(), is_saved=False)
        saving = self._background.start(self._save_patiently(kept), name="slack-installation")
        self._saving.add(saving)
        saving.add_done_callback(self._saving.discard)
        await asyncio.wait({saving}, timeout=_CLOSE_S)
        return fresh

    async def _save_patiently(self, kept: _Known) -> None:
        """A boundary: what cannot be saved works here until the process ends."""
        try:
            await with_retry(OUTLAST, lambda: self._save(kept.installed), clock=self._clock)
            kept.is_saved = True
        except StoreError:
            log.exception("token not saved", team_id=kept.installed.team_id)

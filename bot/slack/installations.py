"""The workspaces that have added the app, with their tokens, which are sealed and rotated.

A token that will soon expire is exchanged by one process, under a lock that all share: its refresh
token is good for one exchange. That goes on whoever stops waiting for it, and what came of it is
kept here until the store has it, unless the app was added again or removed meanwhile.
"""

import asyncio
from dataclasses import dataclass

import msgspec

from agents.background import Background
from agents.errors import ProviderError, ProviderUnavailable, StoreError, StoreUnavailable
from agents.logger import create_logger
from agents.ports import Clock
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

TOKEN_S = 5.0
"""How long who wants to call Slack waits for a token."""

FIRST_READ_S = 2.0
"""How long a payload of a workspace not known yet waits; Slack repeats it then."""

_AGAIN_S = 60.0
_SAVE_AGAIN_S = 2.0
_LOCK_S = 30.0
_LOOK_S = 0.5
_LOOKS = 40
_CLOSE_S = 12.0
"""One call of Slack's, and a write: what was begun must not be lost."""


@dataclass(slots=True)
class _Known:
    """Who we are, and what the store has of it: `sealed` may be older, until this is saved."""

    installed: Installed
    sealed: str
    read_at: float
    again_at: float = float("-inf")
    """An exchange has failed: not before this another one."""


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
        self._reading: dict[str, asyncio.Task[_Known]] = {}
        self._renewing: dict[str, asyncio.Task[Installed]] = {}
        self._saving: set[asyncio.Task[None]] = set()
        self._background = Background()

    async def close(self) -> None:
        """Let exchanges, and what they brought, come to their end."""
        if self._renewing:
            await asyncio.wait(self._renewing.values(), timeout=_CLOSE_S)
        if self._saving:
            await asyncio.wait(self._saving, timeout=_CLOSE_S)
        await self._background.stop()

    async def workspace(self, team_id: str) -> tuple[Workspace, str]:
        """Who we are there, and our newest token, as known: nobody waits for news of it.

        Raises: WorkspaceGone, StoreError.
        """
        known = self._known.get(team_id)
        if known is None:
            known = await self._first_read(team_id)
        elif self._clock.monotonic() - known.read_at >= KNOWN_S:
            _ = self._begin_reading(team_id)
        return known.installed.workspace, known.installed.token

    async def keep(self, installed: Installed) -> None:
        """The app was added, or added again. Raises: StoreError."""
        sealed = self._sealed(installed)
        await self._store.save_installation(InstallKey(team_id=installed.team_id), sealed)
        self._known[installed.team_id] = _Known(installed, sealed, self._clock.monotonic())

    async def newest(self, team_id: str) -> tuple[str, str] | None:
        """The token as the store has it now, and by which mark it is forgotten; None without one.

        Raises: StoreError.
        """
        try:
            known = await self._read(team_id)
        except WorkspaceGone:
            return None
        return known.installed.token, known.sealed

    async def forget(self, team_id: str, mark: str) -> bool:
        """The app was removed there; False: it was added again since. Raises: StoreError."""
        self._known.pop(team_id, None)
        key = InstallKey(team_id=team_id)
        return await self._store.replace_installation(key, mark, None)

    async def token(self, team_id: str, *, expired: str = "") -> str:
        """Raises: WorkspaceGone, ProviderUnavailable."""
        try:
            async with asyncio.timeout(TOKEN_S):
                return (await self._good(team_id, expired)).token
        except (StoreError, TimeoutError) as error:
            known = self._known.get(team_id)
            if known is not None and self._still_works(known, expired):
                return known.installed.token
            raise ProviderUnavailable(f"the token of {team_id} is not at hand") from error

    async def _good(self, team_id: str, expired: str) -> Installed:
        """Raises: WorkspaceGone, ProviderUnavailable, StoreError."""
        known = self._known.get(team_id)
        if known is None or self._clock.monotonic() - known.read_at >= KNOWN_S:
            known = await asyncio.shield(self._begin_reading(team_id))
        if self._is_good(known, expired):
            return known.installed
        if team_id not in self._renewing:
            renewing = self._background.start(self._renewed(team_id, expired), name="slack-token")
            self._renewing[team_id] = renewing
            renewing.add_done_callback(lambda done: self._have_renewed(team_id, done))
        renewed = await asyncio.shield(self._renewing[team_id])
        if renewed.token == expired:  # another caller's errand, which knew nothing of this
            raise ProviderUnavailable(f"the token of {team_id} has just expired")
        return renewed

    def _have_renewed(self, team_id: str, done: "asyncio.Task[Installed]") -> None:
        del self._renewing[team_id]
        if not done.cancelled():
            done.exception()  # those who still wait see it

    # --- what is known -------------------------------------------------------------------

    def _begin_reading(self, team_id: str) -> asyncio.Task[_Known]:
        """One read at a time."""
        if team_id not in self._reading:
            reading = self._background.start(self._read(team_id), name="slack-installation")
            self._reading[team_id] = reading
            reading.add_done_callback(lambda done: self._have_read(team_id, done))
        return self._reading[team_id]

    def _have_read(self, team_id: str, done: "asyncio.Task[_Known]") -> None:
        del self._reading[team_id]
        if not done.cancelled() and isinstance(done.exception(), StoreError):
            log.warning("store unavailable", action="read installation", team_id=team_id)

    async def _first_read(self, team_id: str) -> _Known:
        try:
            async with asyncio.timeout(FIRST_READ_S):
                return await asyncio.shield(self._begin_reading(team_id))
        except TimeoutError:
            raise StoreUnavailable(f"workspace {team_id} is not known yet") from None

    async def _read(self, team_id: str) -> _Known:
        """Raises: WorkspaceGone, StoreError."""
        sealed = await self._store.installation(InstallKey(team_id=team_id))
        now, before = self._clock.monotonic(), self._known.get(team_id)
        if sealed is None:
            self._known.pop(team_id, None)
            raise WorkspaceGone(f"the app is not in workspace {team_id}")
        if before is not None and before.sealed == sealed:  # or ours, which is newer
            before.read_at = now
            return before
        known = _Known(self._open(team_id, sealed), sealed, now)
        self._known[team_id] = known
        if not self._seal.is_newest(sealed):
            self._begin_saving(known)
        return known

    def _open(self, team_id: str, sealed: str) -> Installed:
        """Raises: WorkspaceGone."""
        try:
            installed = msgspec.json.decode(self._seal.open(sealed), type=Installed)
        except (SealBroken, msgspec.MsgspecError) as error:
            log.warning(
                "installation cannot be opened: was it sealed with another key? Add the old one "
                "to ZAPDEV_ENCRYPTION_KEYS, or have the app added to the workspace again",
                team_id=team_id,
            )
            raise WorkspaceGone(f"the token of {team_id} cannot be opened") from error
        if installed.team_id != team_id:
            raise WorkspaceGone(f"the token of {team_id} is another workspace's")
        return installed

    def _sealed(self, installed: Installed) -> str:
        return self._seal.close(msgspec.json.encode(installed))

    def _begin_saving(self, known: _Known) -> None:
        saving = self._background.start(self._save(known), name="slack-installation")
        self._saving.add(saving)
        saving.add_done_callback(self._saving.discard)

    async def _save(self, known: _Known) -> None:
        """Until it is in the store, or something newer is. A boundary: each failure is logged."""
        team_id, sealed = known.installed.team_id, self._sealed(known.installed)
        key = InstallKey(team_id=team_id)
        while self._known.get(team_id) is known:
            try:
                is_ours = await self._store.replace_installation(key, known.sealed, sealed)
            except StoreError as error:
                log.warning("token not saved yet", team_id=team_id, reason=str(error))
                await self._clock.sleep(_SAVE_AGAIN_S)
                continue
            if is_ours:
                known.sealed = sealed
            elif self._known.get(team_id) is known:
                del self._known[team_id]  # added again, or removed
            return

    # --- rotation ------------------------------------------------------------------------

    def _left_s(self, installed: Installed) -> float:
        """Until the token expires."""
        if not installed.expires_at:
            return float("inf")
        return installed.expires_at - self._clock.now().timestamp()

    def _still_works(self, known: _Known, expired: str) -> bool:
        return known.installed.token != expired and self._left_s(known.installed) > 0

    def _is_good(self, known: _Known, expired: str) -> bool:
        """Not about to expire, unless we have just tried to mend that."""
        waits = self._clock.monotonic() < known.again_at
        is_early = self._left_s(known.installed) > ROTATE_BEFORE_S
        return self._still_works(known, expired) and (is_early or waits)

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
                    await self._release(lock)
            if self._still_works(known, expired):
                return known.installed  # somebody is at it, and this one is good until then
            await self._clock.sleep(_LOOK_S)
        raise ProviderUnavailable(f"another process does not exchange the token of {team_id}")

    async def _release(self, lock: str) -> None:
        """It ends by itself, too."""
        try:
            await self._store.release(lock, self._holder)
        except StoreError:
            log.warning("store unavailable", action="release token")

    async def _exchanged(self, team_id: str, expired: str) -> Installed:
        """Raises: WorkspaceGone, ProviderUnavailable, StoreError."""
        known = await self._read(team_id)  # nobody else exchanges it now
        if self._is_good(known, expired):
            return known.installed
        if not known.installed.refresh_token:
            raise WorkspaceGone(f"the token of {team_id} has expired, and there is no next one")
        if self._clock.monotonic() < known.again_at:
            raise ProviderUnavailable(f"the token of {team_id} could not be exchanged")
        try:
            fresh = await self._grants.refresh(known.installed)
        except ProviderError as error:
            known.again_at = self._clock.monotonic() + _AGAIN_S
            log.warning(
                "token not exchanged: should it stay so, the app has to be added there again",
                team_id=team_id,
                reason=str(error),
                left_s=round(self._left_s(known.installed)),
            )
            if self._still_works(known, expired):
                return known.installed
            if isinstance(error, WorkspaceGone):
                raise
            raise ProviderUnavailable(f"the token of {team_id} was not exchanged") from error
        if self._known.get(team_id) is not known:  # added again meanwhile
            return (await self._read(team_id)).installed
        newest = _Known(fresh, known.sealed, self._clock.monotonic())
        self._known[team_id] = newest
        self._begin_saving(newest)
        await asyncio.wait(self._saving, timeout=_SAVE_AGAIN_S)
        return fresh

"""The wall: with accounts, nothing runs for a Slack person before they are linked to one.

What they asked for is kept, and begun once they are linked (`bot.slack.newcomers`).
"""

from dataclasses import replace

import msgspec

from agents.errors import NeedsLink
from bot.services.identity import IdentityService
from bot.services.linking import Linking
from bot.slack.desk import Press
from bot.slack.intents import Again, Build, Import, Intent, Undo
from bot.slack.payloads import Said
from bot.slack.workspaces import Workspaces
from bot.store.identity_port import NO_ENTERPRISE, Link, SlackPerson


class Pressed(msgspec.Struct, frozen=True):
    """A button of a task's message."""

    press: Press
    task_id: str
    number: int | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked for, and where: exactly one of the rest."""

    said: Said
    build: Build | None = None
    again: Again | None = None
    undo: Undo | None = None
    imported: Import | None = None
    pressed: Pressed | None = None


class LinkFirst(NeedsLink):
    """Somebody is not linked. `is_kept`: what they asked for waits for it."""

    def __init__(self, url: str, *, is_kept: bool) -> None:
        super().__init__("Link your account first.")
        self.url = url
        self.is_kept = is_kept


class Accounts:
    """Looks up who somebody is. Without `linking` there are no accounts, and nobody is asked."""

    def __init__(
        self, identities: IdentityService, linking: Linking | None, workspaces: Workspaces
    ) -> None:
        self.identities = identities
        self.linking = linking
        self._workspaces = workspaces

    async def person(self, team_id: str, user_id: str) -> SlackPerson:
        """Raises: WorkspaceGone, StoreError."""
        us, _ = await self._workspaces.workspace(team_id)
        return SlackPerson(team_id, user_id, us.enterprise_id or NO_ENTERPRISE)

    async def link_of(self, said: Said) -> Link | None:
        """Raises: WorkspaceGone, StoreError."""
        return await self.identities.link_of(await self.person(said.team_id, said.user_id))

    async def known(self, said: Said, job: Intent | Pressed | None = None) -> Said:
        """The same, with the account of who said it. Raises: LinkFirst; WorkspaceGone, StoreError.

        `job` is kept where they are not linked, if it is something that can be begun later.
        """
        if self.linking is None or said.account is not None:
            return said
        link = await self.link_of(said)
        if link is not None:
            return replace(said, account=link.account.owner)
        kept = _kept(said, job)
        link = await self._keep(said, kept) if kept is not None else None
        if link is not None:
            return replace(said, account=link.account.owner)
        raise LinkFirst(self.linking.page, is_kept=kept is not None)

    async def _keep(self, said: Said, kept: Kept) -> Link | None:
        """A link that was made while it was kept; then nobody would look at it any more."""
        person = await self.person(said.team_id, said.user_id)
        request = msgspec.json.encode(kept).decode()
        await self.identities.wait(person, request)
        link = await self.identities.link_of(person)
        if link is not None:
            await self.identities.drop_waiting(person, request)
        return link

    async def has_waiting(self, said: Said) -> bool:
        """Whether what waits for their link was asked for by exactly this message."""
        return self.linking is not None and await self._waiting(said) is not None

    async def drop(self, said: Said) -> None:
        """This message asks for nothing any more."""
        request = await self._waiting(said)
        if request is not None:
            person = await self.person(said.team_id, said.user_id)
            await self.identities.drop_waiting(person, request)

    async def _waiting(self, said: Said) -> str | None:
        person = await self.person(said.team_id, said.user_id)
        request = await self.identities.waiting(person)
        if request is None:
            return None
        try:
            return request if read_kept(request).said.key == said.key else None
        except msgspec.DecodeError:
            return None

    async def perhaps(self, said: Said) -> Said:
        """With their account, if they are linked, for what may be looked at without one."""
        try:
            return await self.known(said)
        except LinkFirst:
            return said


def read_kept(text: str) -> Kept:
    """Raises: msgspec.DecodeError (another program has written it)."""
    return msgspec.json.decode(text, type=Kept)


def _kept(said: Said, job: Intent | Pressed | None) -> Kept | None:
    match job:
        case Build():
            return Kept(said=said, build=job)
        case Again():
            return Kept(said=said, again=job)
        case Undo():
            return Kept(said=said, undo=job)
        case Import():
            return Kept(said=said, imported=job)
        case Pressed(press=press) if press != "stop":
            return Kept(said=said, pressed=job)
        case _:
            return None

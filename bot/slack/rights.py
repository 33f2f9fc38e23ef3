"""Who may do what with an app: its owner everything, editors change it, viewers look at it.

Whoever of the workspace sees an app's thread is an editor, unless the owner says otherwise: for
somebody, for everybody in that thread, or in their settings for all that they begin.
"""

import asyncio
from collections.abc import Mapping
from typing import Literal

from agents.errors import BadRequest, UserError
from agents.types import OwnerId
from bot.render import slack_sharing as words
from bot.render.slack_blocks import SlackMessage
from bot.services.identity import IdentityService
from bot.services.previews import PreviewLinks
from bot.slack.intents import Share
from bot.slack.payloads import SLACK_NAME, Said, owner_of
from bot.store.people_port import MemberRole, People
from bot.store.slack_port import ThreadProject

Role = Literal["owner", "editor", "viewer"]

EVERYBODY = "*"
"""Stands for a person in a member's name."""


class MayOnlyLook(UserError):
    """The person is a viewer of this app."""

    key = "may_only_look"

    def __init__(self, owner_user_id: str, thread_ts: str) -> None:
        super().__init__("You may look at this app, but not change it.")
        self.owner_user_id = owner_user_id
        self.thread_ts = thread_ts


class Rights:
    """Reads and changes them. Each method raises StoreError, and UserError as it says."""

    def __init__(self, people: People, identities: IdentityService) -> None:
        self._people = people
        self._identities = identities

    async def role(self, said: Said, there: ThreadProject) -> Role:
        """What this person is to the app; who is not of the workspace never gets here."""
        if owns(said, there):
            return "owner"
        members, wishes = await asyncio.gather(
            self._people.members(there.project_id), self._people.preferences(there.owner)
        )
        everybody = members.get(owner_of(said.team_id, EVERYBODY), wishes.others)
        return members.get(said.member, everybody)

    async def check_edit(self, said: Said, there: ThreadProject) -> None:
        """Raises: MayOnlyLook."""
        if await self.role(said, there) == "viewer":
            raise MayOnlyLook(await self.owner_user(said, there), said.thread_ts)

    async def owner_user(self, said: Said, there: ThreadProject) -> str:
        """The owner's id here in Slack; empty for an account that is nobody here."""
        if there.owner.startswith(SLACK_NAME):
            return user_of(there.owner)
        return await self._identities.owner_in(said.team_id, there.owner)

    async def show(self, said: Said, there: ThreadProject) -> SlackMessage:
        """Who may do what."""
        members, wishes = await asyncio.gather(
            self._people.members(there.project_id), self._people.preferences(there.owner)
        )
        return words.render_sharing(
            await self.owner_user(said, there),
            _people_among(members),
            members.get(owner_of(said.team_id, EVERYBODY), wishes.others),
        )

    async def renew_link(
        self, said: Said, there: ThreadProject, links: PreviewLinks
    ) -> SlackMessage:
        """A new preview link, of which the owner alone decides. Raises: BadRequest (none here)."""
        if not owns(said, there):
            return words.render_only_owner(await self.owner_user(said, there))
        link = await links.renew(there.owner, there.project_id)
        if link is None:
            raise BadRequest(
                "Apps have no links of their own here.",
                hint="Whoever runs the bot can set ZAPDEV_PUBLIC_URL.",
            )
        return words.render_new_link(link)

    async def share(self, said: Said, there: ThreadProject, share: Share) -> SlackMessage:
        """Give a role, or take it back. Raises: BadRequest (of the owner)."""
        if not owns(said, there):
            return words.render_only_owner(await self.owner_user(said, there))
        if share.user_id == said.user_id:
            raise BadRequest("It is your app: you may always do everything.")
        name = owner_of(said.team_id, share.user_id or EVERYBODY)
        await self._people.set_member(there.project_id, name, share.role)
        return words.render_shared(share.user_id, share.role)


def _people_among(members: Mapping[str, MemberRole]) -> dict[str, MemberRole]:
    """User id -> role, without everybody."""
    found = {user_of(OwnerId(name)): role for name, role in members.items()}
    found.pop(EVERYBODY, None)
    return found


def owns(said: Said, there: ThreadProject) -> bool:
    """As the account that they are linked to, or as who began it before there were accounts."""
    return there.owner in (said.owner, said.member)


def user_of(owner: OwnerId) -> str:
    """The Slack user's id in the name of an owner, or of a member."""
    return owner.rpartition(":")[2]

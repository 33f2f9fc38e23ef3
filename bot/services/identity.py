"""Who a Slack person is as an owner, and every way in which that ends.

With Clerk a Slack person is nobody until they are linked to an account; then what they ask for
belongs to that account's tenant. How a link is made is told in `bot.services.linking`.
"""

from collections.abc import Iterable
from typing import Protocol

from agents.errors import NotFound
from agents.logger import create_logger
from agents.types import OwnerId
from bot.services.tasks import TaskService
from bot.store.identity_port import Audit, Identities, Link, SlackPerson
from bot.store.slack_port import SlackState

log = create_logger(__name__)

WAITS_S = 86_400.0
"""How long what somebody asked for waits for their link."""

LINKS_TOPIC = "links"
"""Rings where a link was made in this process."""


class IdentityStore(Identities, Audit, SlackState, Protocol):
    """The roles of a store that identities stand on."""


class AccountEnds(Protocol):
    """What Clerk's news of an account's end leads to, on Slack's side."""

    async def account_ended(self, user_id: str, *, owner: OwnerId | None = None, by: str) -> int:
        """End the links of a Clerk user, or only those that ask for `owner` (an organisation that
        they left), and stop what these links have running. Answers how many there were.

        Once more is harmless. Raises: StoreError.
        """
        ...

    async def owner_ended(self, owner: OwnerId, *, by: str) -> int:
        """The same for everybody who asks for this tenant. Raises: StoreError."""
        ...


class IdentityService:
    """Implements `AccountEnds`. Each method raises StoreError."""

    def __init__(self, store: IdentityStore, tasks: TaskService) -> None:
        self._store = store
        self._tasks = tasks

    async def link_of(self, person: SlackPerson) -> Link | None:
        """The account that somebody is linked to."""
        return await self._store.link_of(person)

    async def owner_in(self, team_id: str, owner: OwnerId) -> str:
        """The user id of somebody in a workspace who is this owner; empty when nobody is known."""
        links = await self._store.links_of_owner(owner)
        return next((link.person.user_id for link in links if link.person.team_id == team_id), "")

    async def wait(self, person: SlackPerson, request: str) -> None:
        """Keep what somebody asked for until they are linked; the newest counts."""
        await self._store.keep_waiting(person, request, keep_s=WAITS_S)

    # --- the end of links ----------------------------------------------------------------

    async def end(self, link: Link, *, by: str) -> bool:
        """End this link and stop what it has running; False when it has ended already.

        `by` is who did it: a person's name, or a service's.
        """
        ended = await self._store.unlink(link.person, link.id, by=by)
        for delivery in await self._store.open_deliveries(link.person.team_id):
            is_theirs = delivery.origin.user_id == link.person.user_id
            if not is_theirs or delivery.owner != link.account.owner:
                continue
            try:
                await self._tasks.cancel(delivery.owner, delivery.task_id, by=by)
            except NotFound:
                log.info("task is gone", task_id=delivery.task_id)
        if ended:
            log.info("link ended", team_id=link.person.team_id, by=by)
        return ended

    async def account_ended(self, user_id: str, *, owner: OwnerId | None = None, by: str) -> int:
        links = await self._store.links_of_account(user_id)
        return await self._end_all(
            (link for link in links if owner in (None, link.account.owner)), by
        )

    async def owner_ended(self, owner: OwnerId, *, by: str) -> int:
        return await self._end_all(await self._store.links_of_owner(owner), by)

    async def team_ended(self, team_id: str, *, by: str) -> int:
        """The app was removed from a workspace."""
        return await self._end_all(await self._store.links_of_team(team_id), by)

    async def person_ended(self, person: SlackPerson, *, by: str) -> int:
        """Slack has deactivated somebody."""
        link = await self._store.link_of(person)
        return await self._end_all([] if link is None else [link], by)

    async def _end_all(self, links: Iterable[Link], by: str) -> int:
        ended = 0
        for link in links:
            ended += await self.end(link, by=by)
        return ended

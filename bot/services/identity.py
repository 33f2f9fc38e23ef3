"""Who a Slack person is as an owner, and every way in which that ends.

With Clerk a Slack person is nobody until they are linked to an account; then what they ask for
belongs to that account's tenant. How a link is made is told in `bot.services.linking`.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from agents.errors import NotFound
from agents.logger import create_logger
from agents.types import OwnerId
from bot.services.sign_outs import SignOuts, marks_of_account
from bot.services.tasks import TaskService
from bot.store.identity_port import Account, Audit, Identities, Link, SlackPerson
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
        """End the links of a Clerk user and the linkings under way, or only those that ask for
        `owner` (an organisation that they left), and stop what these links have running. Answers
        how many links there were.

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
        self._sign_outs = SignOuts(store)

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

    async def waiting(self, person: SlackPerson) -> str | None:
        """What was kept."""
        return await self._store.waiting(person)

    async def drop_waiting(self, person: SlackPerson, request: str) -> None:
        """It does not wait any more; another one does."""
        await self._store.drop_waiting(person, request)

    async def is_over(self, account: Account, marks: Collection[str] = ()) -> bool:
        """Whether the account, its membership, or what else `marks` names has ended lately.

        Who tells of an end marks it before they end the links that they find; so whoever looks
        after a link was written sees the mark, or that link was found.
        """
        ends = marks_of_account(account.user_id, account.owner)
        return bool(await self._sign_outs.among({*ends, *marks}))

    # --- the end of links ----------------------------------------------------------------

    async def end(self, link: Link, *, by: str) -> bool:
        """End this link and stop what it has running; False when it has ended already.

        `by` is who did it: a person's name, or a service's. Where it fails midway the link is still
        there, so that it is found again.
        """
        return await self._end_all([link], by) == 1

    async def stop(self, link: Link, *, by: str) -> None:
        """Stop what it has running; the link stays."""
        await self._stop([link], by)

    async def account_ended(self, user_id: str, *, owner: OwnerId | None = None, by: str) -> int:
        async def look() -> list[Link]:
            links = await self._store.links_of_account(user_id)
            return [link for link in links if owner in (None, link.account.owner)]

        await self._store.drop_link_requests(user_id, owner)
        return await self._end_each_page(look, by)

    async def owner_ended(self, owner: OwnerId, *, by: str) -> int:
        return await self._end_each_page(lambda: self._store.links_of_owner(owner), by)

    async def team_ended(self, team_id: str, *, by: str) -> int:
        """The app was removed from a workspace."""
        return await self._end_each_page(lambda: self._store.links_of_team(team_id), by)

    async def person_ended(self, person: SlackPerson, *, by: str) -> int:
        """Slack has deactivated somebody, or made them a guest."""
        link = await self._store.link_of(person)
        return await self._end_all([] if link is None else [link], by)

    async def _end_each_page(self, look: Callable[[], Awaitable[Sequence[Link]]], by: str) -> int:
        """The store tells of so many links at once; until none is left."""
        ended = 0
        while page := await look():
            ended += await self._end_all(page, by)
        return ended

    async def _end_all(self, links: Sequence[Link], by: str) -> int:
        """What runs is stopped first, and what was begun meanwhile once nobody is linked."""
        await self._stop(links, by)
        ended = 0
        for link in links:
            if await self._store.unlink(link.person, link.id, by=by):
                log.info("link ended", team_id=link.person.team_id, by=by)
                ended += 1
        await self._stop(links, by)
        return ended

    async def _stop(self, links: Sequence[Link], by: str) -> None:
        """Stop what these have running, each for the account of their link."""
        theirs = {(link.person.team_id, link.person.user_id, link.account.owner) for link in links}
        for team_id in sorted({team_id for team_id, _, _ in theirs}):
            for delivery in await self._store.open_deliveries(team_id):
                if (team_id, delivery.origin.user_id, delivery.owner) not in theirs:
                    continue
                try:
                    await self._tasks.cancel(delivery.owner, delivery.task_id, by=by)
                except NotFound:
                    log.info("task is gone", task_id=delivery.task_id)

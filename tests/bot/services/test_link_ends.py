"""An end that comes while a link is made, fails midway, or concerns more than is told of at once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from typing_extensions import override

from agents.errors import StoreUnavailable
from agents.system import RandomIds
from agents.testing import FakeClock
from agents.types import OwnerId, TaskId, TaskStatus
from bot.feed import Hub
from bot.services.account_news import (
    AccountEnd,
    AccountNews,
    MembershipEnded,
    OrganisationEnded,
    SessionEnded,
    UserEnded,
)
from bot.services.identity import IdentityService
from bot.services.linking import LINK_S, Linking, LinkRefused, SlackFacts, hash_of
from bot.services.principals import Principal
from bot.services.sign_outs import KEPT_S, LEFT_S, SignOuts
from bot.services.tasks import StartRequest, TaskService
from bot.sidecar.clerk import LEEWAY_S, LIFE_MAX_S
from bot.store.identity_port import Account, Link, LinkRefusal, SlackPerson
from bot.store.slack_port import Delivery, SlackOrigin, SlackThread
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.slack_bot import AddressBook

ADA = Principal(OwnerId("org_bikes"), "user_ada", "sess_1", org_id="org_bikes", org_role="admin")
BEN = Principal(OwnerId("org_bikes"), "user_ben", "sess_2", org_id="org_bikes")
ALONE = Principal(OwnerId("user_ada"), "user_ada", "sess_1")
ANN = SlackFacts(SlackPerson("T1", "U1"), "Ann in Bikes")
BOB = SlackFacts(SlackPerson("T1", "U2"), "Bob in Bikes")

ENDS: dict[str, AccountEnd] = {
    "session": SessionEnded("sess_1"),
    "user": UserEnded("user_ada"),
    "membership": MembershipEnded("org_bikes", "user_ada"),
    "organisation": OrganisationEnded("org_bikes"),
}

Meanwhile = Callable[[], Awaitable[object]]


class MoodyStore(SqliteStore):
    """Something may happen before a link is written; and it tells of `page` links at once."""

    meanwhile: Meanwhile | None = None
    fails = 0
    looks = 0
    page = 1_000

    @override
    async def confirm_link(
        self, request_hash: str, session_id: str, account: Account, link_id: str
    ) -> Link | LinkRefusal:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await super().confirm_link(request_hash, session_id, account, link_id)

    @override
    async def unlink(self, person: SlackPerson, link_id: str, *, by: str) -> bool:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await super().unlink(person, link_id, by=by)

    @override
    async def open_deliveries(self, team_id: str) -> list[Delivery]:
        self.looks += 1
        self.fails -= 1
        if self.fails >= 0:
            raise StoreUnavailable("once")
        return await super().open_deliveries(team_id)

    @override
    async def links_of_team(self, team_id: str) -> list[Link]:
        return [*await super().links_of_team(team_id)][: self.page]

    @override
    async def links_of_account(self, user_id: str) -> list[Link]:
        return [*await super().links_of_account(user_id)][: self.page]

    @override
    async def links_of_owner(self, owner: OwnerId) -> list[Link]:
        return [*await super().links_of_owner(owner)][: self.page]


@dataclass(frozen=True)
class House:
    store: MoodyStore
    clock: FakeClock
    tasks: TaskService
    identities: IdentityService
    linking: Linking
    news: AccountNews

    async def proven(self, principal: Principal, facts: SlackFacts = ANN) -> str:
        """A linking that only lacks its confirmation; its secret."""
        begun = await self.linking.begin(principal, with_code=False)
        await self.linking.signed_in(begun.secret, facts)
        return begun.secret

    async def linked(self, principal: Principal, facts: SlackFacts = ANN) -> Link:
        return await self.linking.confirm(principal, await self.proven(principal, facts))

    async def refused(self, principal: Principal, secret: str) -> str:
        with pytest.raises(LinkRefused) as caught:
            await self.linking.confirm(principal, secret)
        return caught.value.key

    async def start(self, link: Link) -> TaskId:
        """Something that this person has running, for the account's tenant."""
        user_id = link.person.user_id
        origin = SlackOrigin(SlackThread("T1", "C1", ""), user_id)
        request = StartRequest("a board", requested_by=user_id, slack=origin)
        return (await self.tasks.start(link.account.owner, request)).id

    async def status(self, task: TaskId) -> TaskStatus:
        return (await self.store.task(OwnerId("org_bikes"), task)).status


@pytest.fixture
async def house() -> AsyncIterator[House]:
    clock, ids, hub = FakeClock(), RandomIds(), Hub()
    opened = await MoodyStore.open(MEMORY, clock=clock, ids=ids, waker=hub)
    assert isinstance(opened, MoodyStore)
    tasks = TaskService(opened, hub)
    identities = IdentityService(opened, tasks)
    linking = Linking(opened, identities, AddressBook(), ids, hub)
    news = AccountNews(opened, SignOuts(opened), identities, tasks)
    yield House(opened, clock, tasks, identities, linking, news)
    await opened.close()


# --- while a link is made ----------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS)
async def test_what_has_ended_before_the_confirmation_is_linked_to_nobody(
    house: House, end: str
) -> None:
    secret = await house.proven(ADA)
    await house.news.take("msg_1", ENDS[end])
    assert await house.refused(ADA, secret) == "link_over"
    assert await house.store.link_of(ANN.person) is None
    assert await house.store.audit(ADA.owner) == [], "nothing was made, for no moment"


@pytest.mark.parametrize("end", ENDS)
async def test_what_ends_while_the_link_is_written_has_no_link_afterwards(
    house: House, end: str
) -> None:
    secret = await house.proven(ADA)

    async def told() -> None:
        house.store.meanwhile = None
        await house.news.take("msg_1", ENDS[end])

    house.store.meanwhile = told
    assert await house.refused(ADA, secret) == "link_over"
    assert await house.store.link_of(ANN.person) is None
    done = [entry.action for entry in await house.store.audit(ADA.owner)]
    is_written = end in ("session", "organisation")
    assert done == (["link.ended", "link.made"] if is_written else []), "no request, no link"


@pytest.mark.parametrize("end", ["user", "membership"])
async def test_a_linking_under_way_ends_with_its_account_and_with_no_other(
    house: House, end: str
) -> None:
    secret = await house.proven(ADA)
    others = await house.proven(BEN, BOB)
    await house.news.take("msg_1", ENDS[end])
    assert await house.store.link_request(hash_of(secret)) is None
    assert await house.linking.confirm(BEN, others) == await house.store.link_of(BOB.person)


async def test_an_end_concerns_only_whom_it_names(house: House) -> None:
    others: list[AccountEnd] = [
        SessionEnded("sess_9"),
        UserEnded("user_ben"),
        MembershipEnded("org_bikes", "user_ben"),
        MembershipEnded("org_boats", "user_ada"),
        OrganisationEnded("org_boats"),
    ]
    for number, end in enumerate(others):
        await house.news.take(f"msg_{number}", end)
    assert await house.linked(ADA) == await house.store.link_of(ANN.person)


async def test_who_left_an_organisation_is_linked_to_themselves_at_once_and_to_it_in_a_while(
    house: House,
) -> None:
    await house.news.take("msg_1", ENDS["membership"])
    await house.clock.advance(LEFT_S)
    secret = await house.proven(ADA)
    assert await house.refused(ADA, secret) == "link_over", "by a token from before, perhaps"
    link = await house.linked(ALONE)
    await house.identities.end(link, by="somebody")
    await house.clock.advance(KEPT_S)
    assert await house.linked(ADA) == await house.store.link_of(ANN.person)


def test_a_mark_outlives_every_token_and_the_linking_that_it_began() -> None:
    assert KEPT_S >= LIFE_MAX_S + LEEWAY_S + LINK_S


# --- what fails midway -------------------------------------------------------------------


async def test_an_end_that_fails_before_anything_was_stopped_is_carried_out_when_told_again(
    house: House,
) -> None:
    link = await house.linked(ADA)
    task = await house.start(link)
    house.store.fails = 1
    end = ENDS["membership"]
    with pytest.raises(StoreUnavailable):
        await house.news.take("msg_1", end)
    await house.news.take("msg_1", end)
    assert await house.status(task) is TaskStatus.CANCELLED
    assert await house.store.link_of(ANN.person) is None


async def test_what_is_begun_while_the_link_ends_is_stopped_too(house: House) -> None:
    link = await house.linked(ADA)
    begun = []

    async def start() -> None:
        begun.append(await house.start(link))

    house.store.meanwhile = start
    assert await house.identities.end(link, by="somebody")
    assert [await house.status(task) for task in begun] == [TaskStatus.CANCELLED]


# --- more than one page ------------------------------------------------------------------

MANY = 7


@pytest.mark.parametrize("whose", ["account", "tenant of account", "owner", "team"])
async def test_all_links_end_however_many_are_told_of_at_once(house: House, whose: str) -> None:
    people = [SlackFacts(SlackPerson("T1", f"U{n}"), "somebody") for n in range(MANY)]
    links = [await house.linked(ADA, facts) for facts in people]
    tasks = [await house.start(link) for link in links]
    house.store.page, ends = 3, house.identities
    ways: dict[str, Callable[[], Awaitable[int]]] = {
        "account": lambda: ends.account_ended("user_ada", by="clerk"),
        "tenant of account": lambda: ends.account_ended("user_ada", owner=ADA.owner, by="clerk"),
        "owner": lambda: ends.owner_ended(ADA.owner, by="clerk"),
        "team": lambda: ends.team_ended("T1", by="slack"),
    }
    assert await ways[whose]() == MANY
    assert [await house.store.link_of(facts.person) for facts in people] == [None] * MANY
    assert {await house.status(task) for task in tasks} == {TaskStatus.CANCELLED}


async def test_what_a_workspace_has_running_is_read_once_before_and_once_after(
    house: House,
) -> None:
    for n in range(MANY):
        await house.linked(ADA if n % 2 else BEN, SlackFacts(SlackPerson("T1", f"U{n}"), "one"))
    assert await house.identities.team_ended("T1", by="slack") == MANY
    assert house.store.looks == 2


# --- the same account, another tenant ----------------------------------------------------


async def test_a_link_that_moves_to_another_tenant_ends_there_with_what_it_has_running(
    house: House,
) -> None:
    task = await house.start(await house.linked(ADA))
    secret = await house.proven(ALONE)
    assert (await house.linking.standing(ALONE, secret)).moves_from == ADA.owner
    assert await house.status(task) is TaskStatus.PENDING, "looking stops nothing"
    link = await house.linking.confirm(ALONE, secret)
    assert await house.store.link_of(ANN.person) == link
    assert await house.status(task) is TaskStatus.CANCELLED
    there = await house.store.audit(ADA.owner)
    assert {entry.action for entry in there} == {"link.made", "link.ended"}


async def test_a_link_that_is_made_anew_for_the_same_tenant_moves_nothing(house: House) -> None:
    task = await house.start(await house.linked(ADA))
    secret = await house.proven(ADA)
    assert (await house.linking.standing(ADA, secret)).moves_from is None
    await house.linking.confirm(ADA, secret)
    assert await house.status(task) is TaskStatus.PENDING


async def test_who_proves_to_be_linked_to_another_account_stops_nothing_of_it(
    house: House,
) -> None:
    task = await house.start(await house.linked(ADA))
    secret = await house.proven(BEN)
    assert await house.refused(BEN, secret) == "link_taken"
    assert await house.status(task) is TaskStatus.PENDING

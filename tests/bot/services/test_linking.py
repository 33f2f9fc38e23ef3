"""The way to a link, and its end: services over the embedded store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.system import RandomIds
from agents.testing import FakeClock
from agents.types import OwnerId, TaskId, TaskStatus
from bot.feed import Hub
from bot.services.identity import LINKS_TOPIC, IdentityService
from bot.services.linking import (
    AUDIT_SHOWN,
    GUESSES,
    LINK_S,
    Linking,
    LinkRefused,
    SignInAgain,
    SlackFacts,
    hash_of,
    new_code,
    read_code,
)
from bot.services.principals import Impersonated, Principal
from bot.services.tasks import StartRequest, TaskService
from bot.store.identity_port import Link, SlackPerson
from bot.store.slack_port import SlackOrigin, SlackThread
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.slack_bot import AddressBook

ADA = Principal(OwnerId("org_bikes"), "user_ada", "sess_1", org_id="org_bikes", org_role="admin")
EVE = Principal(OwnerId("user_eve"), "user_eve", "sess_2")
ANN = SlackFacts(SlackPerson("T1", "U1"), "Ann in Bikes")
BOB = SlackFacts(SlackPerson("T1", "U2"), "Bob in Bikes")


@dataclass(frozen=True)
class House:
    store: SqliteStore
    clock: FakeClock
    hub: Hub
    tasks: TaskService
    identities: IdentityService
    linking: Linking

    async def refused(self, asking: object) -> str:
        with pytest.raises(LinkRefused) as caught:
            await asking  # type: ignore[misc]
        return caught.value.key

    async def linked(self, principal: Principal, facts: SlackFacts) -> Link:
        begun = await self.linking.begin(principal, with_code=False)
        await self.linking.signed_in(begun.secret, facts)
        return await self.linking.confirm(principal, begun.secret)

    async def start(self, link: Link, user_id: str) -> TaskId:
        """Something that this person has running, for the account's tenant."""
        origin = SlackOrigin(SlackThread("T1", "C1", ""), user_id)
        request = StartRequest("a board", requested_by=user_id, slack=origin)
        return (await self.tasks.start(link.account.owner, request)).id


@pytest.fixture
async def house() -> AsyncIterator[House]:
    clock, ids, hub = FakeClock(), RandomIds(), Hub()
    store = await SqliteStore.open(MEMORY, clock=clock, ids=ids, waker=hub)
    tasks = TaskService(store, hub)
    identities = IdentityService(store, tasks)
    linking = Linking(store, identities, AddressBook(), ids, hub)
    yield House(store, clock, hub, tasks, identities, linking)
    await store.close()


# --- by Sign in with Slack ---------------------------------------------------------------


async def test_two_proofs_and_a_confirmation_make_a_link_and_ring(house: House) -> None:
    with house.hub.listen(LINKS_TOPIC) as bell:
        link = await house.linked(ADA, ANN)
        assert bell.is_set()
    assert (link.person, link.person_name) == (ANN.person, "Ann in Bikes")
    assert (link.account.name, link.account.owner) == ("ada@bikes.example", "org_bikes")
    assert await house.identities.link_of(ANN.person) == link
    assert await house.identities.owner_in("T1", OwnerId("org_bikes")) == "U1"
    assert await house.identities.owner_in("T2", OwnerId("org_bikes")) == ""


async def test_the_page_is_told_of_its_own_linking_only(house: House) -> None:
    begun = await house.linking.begin(ADA, with_code=False)
    await house.linking.signed_in(begun.secret, ANN)
    standing = await house.linking.standing(ADA, begun.secret)
    assert standing.request is not None
    assert (standing.request.person_name, standing.account.name) == (
        "Ann in Bikes",
        "ada@bikes.example",
    )
    for principal, secret in (
        (EVE, begun.secret),
        (replace(ADA, session_id="sess_9"), begun.secret),
        (ADA, "another"),
        (ADA, ""),
    ):
        assert (await house.linking.standing(principal, secret)).request is None


async def test_who_did_not_begin_cannot_confirm(house: House) -> None:
    begun = await house.linking.begin(ADA, with_code=False)
    await house.linking.signed_in(begun.secret, ANN)
    confirm = house.linking.confirm
    assert await house.refused(confirm(EVE, begun.secret)) == "link_gone"
    assert await house.refused(confirm(replace(ADA, session_id="s"), begun.secret)) == "link_gone"
    assert await house.refused(confirm(ADA, "a guess")) == "link_gone"
    assert await house.identities.link_of(ANN.person) is None


async def test_a_confirmation_without_slacks_word_is_refused(house: House) -> None:
    begun = await house.linking.begin(ADA, with_code=False)
    assert await house.refused(house.linking.confirm(ADA, begun.secret)) == "link_unproven"


async def test_a_second_person_does_not_take_over_what_another_has_proven(house: House) -> None:
    begun = await house.linking.begin(ADA, with_code=False)
    await house.linking.signed_in(begun.secret, ANN)
    assert await house.refused(house.linking.signed_in(begun.secret, BOB)) == "link_gone"


async def test_a_linked_person_is_told_to_unlink_first(house: House) -> None:
    await house.linked(ADA, ANN)
    begun = await house.linking.begin(EVE, with_code=False)
    await house.linking.signed_in(begun.secret, ANN)
    assert await house.refused(house.linking.confirm(EVE, begun.secret)) == "link_taken"


async def test_staff_that_acts_as_somebody_links_nothing(house: House) -> None:
    staff = replace(ADA, is_impersonated=True)
    begun = await house.linking.begin(ADA, with_code=False)
    await house.linking.signed_in(begun.secret, ANN)
    for asking in (
        house.linking.begin(staff, with_code=False),
        house.linking.confirm(staff, begun.secret),
        house.linking.unlink(staff, "link_1"),
    ):
        with pytest.raises(Impersonated):
            await asking


@pytest.mark.parametrize(
    ("minutes", "is_fresh"), [(None, True), (0, True), (10, True), (11, False)]
)
async def test_an_old_session_has_to_sign_in_again(
    house: House, minutes: int | None, is_fresh: bool
) -> None:
    begun = await house.linking.begin(ADA, with_code=False)
    await house.linking.signed_in(begun.secret, ANN)
    principal = replace(ADA, signed_in_min=minutes)
    if is_fresh:
        assert isinstance(await house.linking.confirm(principal, begun.secret), Link)
        return
    with pytest.raises(SignInAgain):
        await house.linking.confirm(principal, begun.secret)
    with pytest.raises(SignInAgain):
        await house.linking.begin(principal, with_code=False)


# --- by a code ---------------------------------------------------------------------------


async def test_a_code_names_the_account_and_counts_once_both_sides_agree(house: House) -> None:
    linking = house.linking
    begun = await linking.begin(ADA, with_code=True)
    assert begun.code is not None
    request = await linking.typed(ANN, f" {begun.code.lower()} ")
    assert request.account.name == "ada@bikes.example"
    assert await house.refused(linking.confirm(ADA, begun.secret)) == "link_unproven"
    assert await house.refused(linking.agreed(BOB, request.hash)) == "link_gone"
    await linking.agreed(ANN, request.hash)
    link = await linking.confirm(ADA, begun.secret)
    assert link.person == ANN.person
    assert await house.refused(linking.typed(ANN, begun.code)) == "link_gone"


async def test_a_code_is_good_for_ten_minutes_and_for_who_typed_it_first(house: House) -> None:
    linking = house.linking
    begun = await linking.begin(ADA, with_code=True)
    await linking.typed(ANN, begun.code or "")
    assert await house.refused(linking.typed(BOB, begun.code or "")) == "link_gone"
    await house.clock.advance(LINK_S)
    assert await house.refused(linking.typed(ANN, begun.code or "")) == "link_gone"


async def test_after_a_few_guesses_even_the_right_code_is_refused_for_a_while(house: House) -> None:
    linking = house.linking
    for _ in range(GUESSES):
        assert await house.refused(linking.typed(ANN, new_code())) == "link_gone"
    begun = await linking.begin(ADA, with_code=True)
    assert await house.refused(linking.typed(ANN, begun.code or "")) == "link_guessed"
    assert (await linking.typed(BOB, begun.code or "")).account.user_id == "user_ada"
    await house.clock.advance(LINK_S)
    begun = await linking.begin(ADA, with_code=True)
    assert (await linking.typed(ANN, begun.code or "")).account.user_id == "user_ada"


@given(st.data())
def test_a_code_is_read_however_it_is_written(data: st.DataObject) -> None:
    code = new_code()
    cuts = data.draw(st.lists(st.sampled_from(["", " ", "-", "–"]), min_size=8, max_size=8))
    written = "".join(cut + letter for cut, letter in zip(cuts, code, strict=True))
    assert read_code(data.draw(st.sampled_from([written, written.lower()]))) == code


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_code_of_our_letters_or_none(text: str) -> None:
    code = read_code(text)
    assert code is None or (len(code) == 8 and read_code(code) == code)


def test_what_is_kept_is_not_the_secret() -> None:
    assert hash_of("a secret") != "a secret"
    assert len(hash_of("a secret")) == 64


# --- the end of links --------------------------------------------------------------------


async def test_the_end_of_a_link_stops_what_that_person_has_running(house: House) -> None:
    ann, bob = await house.linked(ADA, ANN), await house.linked(ADA, BOB)
    mine, theirs = await house.start(ann, "U1"), await house.start(bob, "U2")
    assert await house.identities.end(ann, by="slack:T1:U1")
    assert not await house.identities.end(ann, by="slack:T1:U1"), "once"
    stood = [(await house.store.task(ann.account.owner, task)).status for task in (mine, theirs)]
    assert stood == [TaskStatus.CANCELLED, TaskStatus.PENDING]
    assert await house.identities.link_of(BOB.person) == bob


async def test_an_account_that_ends_takes_all_its_links_and_one_left_tenant_only_its_own(
    house: House,
) -> None:
    await house.linked(ADA, ANN)
    await house.linked(replace(ADA, owner=OwnerId("user_ada"), org_id=None), BOB)
    ends = house.identities
    assert await ends.account_ended("user_eve", by="clerk") == 0
    assert await ends.account_ended("user_ada", owner=OwnerId("org_bikes"), by="clerk") == 1
    assert await ends.link_of(ANN.person) is None
    assert await ends.link_of(BOB.person) is not None
    assert await ends.account_ended("user_ada", by="clerk") == 1
    assert await ends.account_ended("user_ada", by="clerk") == 0


async def test_a_workspace_that_is_left_and_a_person_who_is_gone_lose_their_links(
    house: House,
) -> None:
    elsewhere = SlackFacts(SlackPerson("T2", "U9"), "Ann elsewhere")
    for facts in (ANN, BOB, elsewhere):
        await house.linked(ADA, facts)
    assert await house.identities.person_ended(BOB.person, by="slack") == 1
    assert await house.identities.person_ended(BOB.person, by="slack") == 0
    assert await house.identities.team_ended("T1", by="slack") == 1
    assert await house.identities.link_of(elsewhere.person) is not None


async def test_on_the_page_one_ends_ones_own_links_and_an_administrator_the_organisations(
    house: House,
) -> None:
    linking = house.linking
    member = Principal(OwnerId("org_bikes"), "user_bob", "sess_3", "org_bikes", "member")
    mine, theirs = await house.linked(ADA, ANN), await house.linked(member, BOB)
    assert [link.id for link in (await linking.standing(ADA, "")).others] == [theirs.id]
    assert [*(await linking.standing(member, "")).others] == []
    for principal, link in ((member, mine), (EVE, mine), (EVE, theirs)):
        await linking.unlink(principal, link.id)
    assert await house.identities.link_of(ANN.person) == mine
    assert await house.identities.link_of(BOB.person) == theirs
    await linking.unlink(ADA, theirs.id)
    await linking.unlink(ADA, mine.id)
    assert [await house.identities.link_of(f.person) for f in (ANN, BOB)] == [None, None]


async def test_what_was_asked_for_waits_for_a_day(house: House) -> None:
    await house.identities.wait(ANN.person, "a board")
    await house.clock.advance(86_399)
    assert await house.store.waiting(ANN.person) == "a board"
    await house.clock.advance(1)
    assert await house.store.waiting(ANN.person) is None


async def test_what_was_done_is_told_to_administrators_only_and_the_newest_of_it(
    house: House,
) -> None:
    for _ in range(12):
        link = await house.linked(ADA, ANN)
        await house.clock.advance(1)
        await house.linking.unlink(ADA, link.id)
        await house.clock.advance(1)
    audit = (await house.linking.standing(ADA, "")).audit
    assert len(audit) == AUDIT_SHOWN
    assert [entry.action for entry in audit[:2]] == ["link.ended", "link.made"]
    for principal in (replace(ADA, org_role="member"), EVE):
        assert not (await house.linking.standing(principal, "")).audit

"""Which account a Slack person is: two proofs make one link, and nothing takes it away silently."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from agents.types import OwnerId
from bot.store.identity_port import (
    AUDIT_S,
    Account,
    Link,
    LinkRequest,
    SlackPerson,
)
from tests.contracts.store.adapters import World

ANN = SlackPerson("T1", "U1")
BOB = SlackPerson("T1", "U2")
ADA = Account("user_ada", OwnerId("org_bikes"), "ada@bikes.example")
EVE = Account("user_eve", OwnerId("user_eve"), "eve@elsewhere.example")
KEPT_S = 600.0


def request_of(account: Account, name: str = "h1", code: str | None = None) -> LinkRequest:
    return LinkRequest(name, f"sess_{account.user_id}", account, code_hash=code)


async def proven(
    world: World, account: Account, person: SlackPerson, name: str = "h1"
) -> LinkRequest:
    """A linking under way that only lacks its confirmation."""
    request = request_of(account, name)
    await world.store.begin_link(request, keep_s=KEPT_S)
    await world.store.prove_link(name, person, "Ann in Bikes", is_agreed=True)
    return request


async def linked(
    world: World, account: Account, person: SlackPerson, link_id: str = "link_1"
) -> Link:
    request = await proven(world, account, person)
    made = await world.store.confirm_link(request.hash, request.session_id, account, link_id)
    assert isinstance(made, Link), made
    return made


async def test_a_confirmed_request_makes_a_link_that_every_side_finds(world: World) -> None:
    store = world.store
    assert await store.link_of(ANN) is None
    link = await linked(world, ADA, ANN)
    assert (link.person, link.person_name, link.account) == (ANN, "Ann in Bikes", ADA)
    assert link.linked_at == world.clock.now()
    assert await store.link_of(ANN) == link
    assert [*await store.links_of_team("T1")] == [link]
    assert [*await store.links_of_account("user_ada")] == [link]
    assert [*await store.links_of_owner(OwnerId("org_bikes"))] == [link]


async def test_a_link_is_one_persons_in_one_workspace_of_one_organisation(world: World) -> None:
    store = world.store
    await linked(world, ADA, ANN)
    for other in (BOB, SlackPerson("T2", "U1"), SlackPerson("T1", "U1", "E1")):
        assert await store.link_of(other) is None
    assert [*await store.links_of_team("T2")] == []
    assert [*await store.links_of_account("user_eve")] == []
    assert [*await store.links_of_owner(OwnerId("user_ada"))] == []


async def test_one_account_may_be_many_people_and_they_are_told_of_in_order(world: World) -> None:
    store = world.store
    first = await linked(world, ADA, BOB, "link_b")
    await world.clock.advance(1)
    second = await linked(world, ADA, ANN, "link_a")
    assert [*await store.links_of_account("user_ada")] == [first, second]
    assert [*await store.untold_links()] == [first, second]
    await store.note_told("link_b")
    await store.note_told("link_none")
    assert [*await store.untold_links()] == [second]


# --- what is refused ---------------------------------------------------------------------


async def test_of_200_confirmations_of_one_request_one_makes_the_link(world: World) -> None:
    request = await proven(world, ADA, ANN)
    answers = await asyncio.gather(
        *(
            world.store.confirm_link(request.hash, request.session_id, ADA, f"link_{n}")
            for n in range(200)
        )
    )
    [link] = [answer for answer in answers if isinstance(answer, Link)]
    assert answers.count("gone") == 199
    assert await world.store.link_of(ANN) == link
    assert len(await world.store.audit(ADA.owner)) == 1


async def test_of_many_accounts_that_want_one_person_one_gets_them(world: World) -> None:
    accounts = [Account(f"user_{n}", OwnerId(f"user_{n}"), f"{n}@x.example") for n in range(40)]
    requests = [await proven(world, a, ANN, f"h{n}") for n, a in enumerate(accounts)]
    answers = await asyncio.gather(
        *(
            world.store.confirm_link(r.hash, r.session_id, r.account, f"link_{n}")
            for n, r in enumerate(requests)
        )
    )
    [link] = [answer for answer in answers if isinstance(answer, Link)]
    assert answers.count("taken") == 39
    assert await world.store.link_of(ANN) == link


async def test_a_persons_link_is_never_taken_away_by_another_account(world: World) -> None:
    link = await linked(world, ADA, ANN)
    request = await proven(world, EVE, ANN)
    store = world.store
    assert await store.confirm_link(request.hash, request.session_id, EVE, "link_2") == "taken"
    assert await store.link_of(ANN) == link
    assert await store.unlink(ANN, link.id, by="slack:T1:U1")
    made = await store.confirm_link(request.hash, request.session_id, EVE, "link_2")
    assert isinstance(made, Link), "the refusal has not used the request up"


async def test_the_same_account_is_linked_anew_with_the_tenant_of_now(world: World) -> None:
    await linked(world, ADA, ANN)
    alone = replace(ADA, owner=OwnerId("user_ada"))
    link = await linked(world, alone, ANN, "link_2")
    assert await world.store.link_of(ANN) == link
    assert [*await world.store.links_of_team("T1")] == [link]
    assert not await world.store.unlink(ANN, "link_1", by="somebody"), "that one is no more"
    before = {entry.action: entry.actor for entry in await world.store.audit(ADA.owner)}
    assert before == {"link.made": "user_ada", "link.ended": "user_ada"}
    [now] = await world.store.audit(alone.owner)
    assert now.action == "link.made"


async def test_a_request_is_good_for_its_own_session_and_account_only(world: World) -> None:
    store, request = world.store, await proven(world, ADA, ANN)
    assert await store.confirm_link(request.hash, "sess_other", ADA, "link_1") == "gone"
    assert await store.confirm_link(request.hash, request.session_id, EVE, "link_1") == "gone"
    assert await store.confirm_link("h2", request.session_id, ADA, "link_1") == "gone"
    assert await store.link_of(ANN) is None


async def test_nothing_is_linked_before_slack_has_said_who_it_is_and_they_agreed(
    world: World,
) -> None:
    store, request = world.store, request_of(ADA, code="c1")
    await store.begin_link(request, keep_s=KEPT_S)
    assert await store.confirm_link("h1", request.session_id, ADA, "link_1") == "unproven"
    await store.prove_link("c1", ANN, "Ann", is_agreed=False)
    assert await store.confirm_link("h1", request.session_id, ADA, "link_1") == "unproven"
    assert await store.confirm_link("c1", request.session_id, ADA, "link_1") == "gone", (
        "the code is no way to confirm"
    )
    agreed = await store.prove_link("h1", ANN, "Ann", is_agreed=True)
    assert agreed == replace(request, person=ANN, person_name="Ann", is_agreed=True)
    assert isinstance(await store.confirm_link("h1", request.session_id, ADA, "link_1"), Link)


async def test_who_is_said_first_stays(world: World) -> None:
    store = world.store
    await proven(world, ADA, ANN)
    assert await store.prove_link("h1", BOB, "Bob", is_agreed=True) is None
    there = await store.link_request("h1")
    assert there is not None
    assert (there.person, there.person_name) == (ANN, "Ann in Bikes")
    again = await store.prove_link("h1", ANN, "Ann in Bikes", is_agreed=False)
    assert again is not None
    assert again.is_agreed, "what was agreed stays agreed"


async def test_of_many_who_type_one_code_at_once_one_is_taken(world: World) -> None:
    people = [SlackPerson("T1", f"U{n}") for n in range(30)]
    await world.store.begin_link(request_of(ADA, code="c1"), keep_s=KEPT_S)
    answers = await asyncio.gather(
        *(world.store.prove_link("c1", p, p.user_id, is_agreed=False) for p in people)
    )
    assert sum(answer is not None for answer in answers) == 1


async def test_a_request_lives_for_its_time_and_for_one_use(world: World) -> None:
    store = world.store
    request = await proven(world, ADA, ANN)
    await world.clock.advance(KEPT_S)
    assert await store.link_request("h1") is None
    assert await store.prove_link("h1", ANN, "Ann", is_agreed=True) is None
    assert await store.confirm_link("h1", request.session_id, ADA, "link_1") == "gone"
    await linked(world, ADA, ANN)
    assert await store.link_request("h1") is None
    assert await store.confirm_link("h1", request.session_id, ADA, "link_2") == "gone"


async def test_a_confirmation_sent_again_answers_the_same(world: World) -> None:
    request = await proven(world, ADA, ANN)
    asked = (request.hash, request.session_id, ADA, "link_1")
    first, second = [await world.store.confirm_link(*asked) for _ in range(2)]
    assert first == second == await world.store.link_of(ANN)


async def test_an_account_has_one_request_at_a_time(world: World) -> None:
    store = world.store
    await proven(world, ADA, ANN)
    await store.begin_link(request_of(EVE, "other"), keep_s=KEPT_S)
    await store.begin_link(request_of(ADA, "h2"), keep_s=KEPT_S)
    assert await store.link_request("h1") is None
    assert await store.link_request("h2") == request_of(ADA, "h2")
    assert await store.link_request("other") == request_of(EVE, "other")


async def test_the_linkings_of_an_account_are_dropped_or_those_for_one_tenant(
    world: World,
) -> None:
    store = world.store
    for account in (ADA, EVE):
        await store.begin_link(request_of(account, account.user_id), keep_s=KEPT_S)
    await store.drop_link_requests(ADA.user_id, EVE.owner)
    assert await store.link_request(ADA.user_id) == request_of(ADA, ADA.user_id)
    await store.drop_link_requests(ADA.user_id, ADA.owner)
    assert await store.link_request(ADA.user_id) is None
    await store.drop_link_requests(EVE.user_id)
    await store.drop_link_requests(EVE.user_id)
    assert await store.link_request(EVE.user_id) is None


async def test_every_account_that_is_linked_is_told_of_once_page_by_page(world: World) -> None:
    store, wanted = world.store, [f"user_{number:03}" for number in range(103)]
    for number, user_id in enumerate([*wanted, wanted[7]]):
        account = Account(user_id, OwnerId(user_id), user_id)
        await linked(world, account, SlackPerson("T1", f"U{number}"), f"link_{number}")
    found: list[str] = []
    while page := await store.linked_accounts(found[-1] if found else ""):
        found += page
    assert found == wanted


# --- the end of a link -------------------------------------------------------------------


async def test_a_link_is_ended_once_and_only_that_one(world: World) -> None:
    store, link = world.store, await linked(world, ADA, ANN)
    assert not await store.unlink(ANN, "link_other", by="somebody")
    assert not await store.unlink(BOB, link.id, by="somebody")
    ended = await asyncio.gather(*(store.unlink(ANN, link.id, by="somebody") for _ in range(20)))
    assert ended.count(True) == 1
    assert await store.link_of(ANN) is None
    assert [*await store.untold_links()] == []


async def test_every_link_and_its_end_stand_in_the_audit_of_its_tenant(world: World) -> None:
    store, link = world.store, await linked(world, ADA, ANN)
    await world.clock.advance(5)
    await store.unlink(ANN, link.id, by="slack:T1:U1")
    ended, made = await store.audit(ADA.owner)
    assert (made.actor, made.action, made.subject) == ("user_ada", "link.made", "slack:-:T1:U1")
    assert (ended.actor, ended.action, ended.subject) == ("slack:T1:U1", "link.ended", made.subject)
    assert ended.at - made.at == timedelta(seconds=5)
    assert [*await store.audit(EVE.owner)] == []


async def test_the_audit_keeps_what_is_noted_once_and_answers_the_newest(world: World) -> None:
    store, owner = world.store, OwnerId("org_bikes")
    for number in range(5):
        for _ in range(2):
            await store.note(
                f"entry_{number}", owner, actor="ann", action="did", subject=f"{number}"
            )
        await world.clock.advance(1)
    newest = await store.audit(owner, limit=3)
    assert [entry.subject for entry in newest] == ["4", "3", "2"]
    await world.clock.advance(AUDIT_S)
    await store.note("entry_new", owner, actor="ann", action="did", subject="new")
    assert (await store.audit(owner))[0].subject == "new"


# --- what waits --------------------------------------------------------------------------


async def test_one_request_waits_for_each_person_the_newest(world: World) -> None:
    store = world.store
    assert await store.waiting(ANN) is None
    await store.keep_waiting(ANN, "a board", keep_s=KEPT_S)
    await store.keep_waiting(BOB, "a shop", keep_s=KEPT_S)
    await store.keep_waiting(ANN, "a party", keep_s=KEPT_S)
    assert (await store.waiting(ANN), await store.waiting(BOB)) == ("a party", "a shop")
    await store.drop_waiting(ANN, "a board")
    assert await store.waiting(ANN) == "a party", "another one than was begun"
    await store.drop_waiting(ANN, "a party")
    await store.drop_waiting(ANN, "a party")
    assert (await store.waiting(ANN), await store.waiting(BOB)) == (None, "a shop")


@pytest.mark.parametrize("before_s", [0.0, 1.0])
async def test_what_waits_too_long_is_begun_no_more(world: World, before_s: float) -> None:
    await world.store.keep_waiting(ANN, "a board", keep_s=KEPT_S)
    await world.clock.advance(KEPT_S - before_s)
    assert await world.store.waiting(ANN) == ("a board" if before_s else None)

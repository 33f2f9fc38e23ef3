"""Linking under attack: of any number of confirmations one links, and every attack is refused.

`size` confirmations at once, from two processes' stores: first all of one request, then one each
of as many accounts that have all proven to be the same person. Then every attack, over HTTP, by
Sign in with Slack and by a code. `refused` of `expected` tries were refused; `links` is how many
each round of confirmations made; `begun` is how often a waiting request was begun.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from agents.system import RandomIds
from agents.types import OwnerId
from bot.feed import Hub
from bot.store.identity_port import Account, Link, LinkRequest, SlackPerson
from bot.store.port import Store
from tests.campaigns._link_attacks import ATTACKER, BY_CODE, BY_SLACK, VICTIM, Attack
from tests.campaigns._places import StorePlace, store_place
from tests.fakes.link_house import LinkHouse, link_house

DEFAULT_SIZE = 200
STORES = 2


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    async with store_place(store) as place, AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(_opened(place)) for _ in range(STORES)]
        links = [await _of_one_request(stores, rng, size), await _of_one_person(stores, rng, size)]
        outcomes: dict[str, list[bool]] = {}
        async with link_house(stores[0]) as house:
            begun = await _waiting(house)
            outcomes |= await _attacked(house, rng, BY_SLACK)
        async with link_house(stores[0], by_code=True) as house:
            outcomes |= await _attacked(house, rng, BY_CODE)
    tries = [refused for found in outcomes.values() for refused in found]
    leaks = [name for name, found in outcomes.items() if not all(found)]
    return {
        "ok": links == [1, 1] and begun == 1 and not leaks,
        "links": max(links),
        "refused": sum(tries),
        "expected": len(tries),
        "confirmations": 2 * size,
        "attacks": len(outcomes),
        "not_refused": leaks,
        "begun": begun,
    }


@asynccontextmanager
async def _opened(place: StorePlace) -> AsyncIterator[Store]:
    store = await place.open(Hub())
    try:
        yield store
    finally:
        await store.close()


async def _of_one_request(stores: list[Store], rng: random.Random, size: int) -> int:
    account, person = _account("one"), SlackPerson("T1", "UONE")
    request = await _proven(stores[0], account, person)
    return await _confirmed(stores, rng, person, [(request, account)] * size)


async def _of_one_person(stores: list[Store], rng: random.Random, size: int) -> int:
    person = SlackPerson("T1", "UMANY")
    accounts = [_account(f"many{number}") for number in range(size)]
    requests = [(await _proven(stores[0], account, person), account) for account in accounts]
    return await _confirmed(stores, rng, person, requests)


async def _confirmed(
    stores: list[Store],
    rng: random.Random,
    person: SlackPerson,
    requests: list[tuple[LinkRequest, Account]],
) -> int:
    """All at once, each at any process; how many were told that they are linked."""
    ids = RandomIds()
    rng.shuffle(requests)
    answers = await asyncio.gather(
        *(
            rng.choice(stores).confirm_link(
                request.hash, request.session_id, account, ids.new("link")
            )
            for request, account in requests
        )
    )
    made = [answer for answer in answers if isinstance(answer, Link)]
    there = [await store.link_of(person) for store in stores]
    return len(made) if there == made[:1] * len(stores) else -1


def _account(name: str) -> Account:
    return Account(f"user_{name}", OwnerId(f"user_{name}"), name)


async def _proven(store: Store, account: Account, person: SlackPerson) -> LinkRequest:
    request = LinkRequest(f"hash of {account.name}", f"sess_{account.name}", account)
    await store.begin_link(request, keep_s=600.0)
    await store.prove_link(request.hash, person, "somebody", is_agreed=True)
    return request


async def _waiting(house: LinkHouse) -> int:
    """Somebody asks, is linked, and processes look at once and again; how often it was begun."""
    await house.slack.mention("U1", "C1", "a shop")
    await house.bot.settled()
    browser = await house.browser("user_waits")
    await browser.link("U1")
    for _ in range(3):
        await asyncio.gather(*(house.bot.greet(f"process {n}") for n in range(4)))
    for delivery in [*house.slack.deliveries]:
        await house.slack.deliver(delivery.kind, delivery.payload)
    await house.bot.settled()
    rows = await house.bot.tasks_of("user_waits")
    for link in await house.store.links_of_account("user_waits"):
        await house.store.unlink(link.person, link.id, by="campaign")
    return sum(row.prompt == "a shop" for row in rows)


async def _attacked(
    house: LinkHouse, rng: random.Random, attacks: Mapping[str, Attack]
) -> dict[str, list[bool]]:
    for name in (VICTIM, ATTACKER):
        house.bot.team.user(name)
    return {name: await attack(house, rng) for name, attack in attacks.items()}

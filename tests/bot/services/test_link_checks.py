"""Once a day Clerk is asked for everybody who is linked."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from agents.system import RandomIds
from agents.types import OwnerId
from bot.config import Settings
from bot.feed import Hub
from bot.services.link_checks import DAY_S, PAUSE_S, LinkChecks
from bot.services.tasks import TaskService
from bot.sidecar.sign_in import link_checks
from bot.store.identity_port import Account, Link, LinkRequest, SlackPerson
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.clerk.backend import Person
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.instant_clock import InstantClock

ADA, BEN, EVE = "user_ada", "user_ben", "user_eve"


@dataclass(frozen=True)
class House:
    clerk: FakeClerk
    clock: InstantClock
    store: SqliteStore
    checks: LinkChecks

    async def link(self, user_id: str) -> None:
        account = Account(user_id, OwnerId("org_bikes"), user_id)
        person = SlackPerson("T1", f"U-{user_id}")
        await self.store.begin_link(LinkRequest(user_id, "sess", account), keep_s=600)
        await self.store.prove_link(user_id, person, "somebody", is_agreed=True)
        made = await self.store.confirm_link(user_id, "sess", account, f"link_{user_id}")
        assert isinstance(made, Link)

    async def linked(self) -> set[str]:
        return {link.account.user_id for link in await self.store.links_of_team("T1")}


def checks_of(clerk: FakeClerk, store: SqliteStore, clock: InstantClock) -> LinkChecks:
    settings = Settings(
        clerk_issuer=clerk.issuer,
        clerk_secret_key=SecretStr(clerk.backend.secret_key),
        clerk_api_url=clerk.issuer,
    )
    made = link_checks(settings, store, TaskService(store, Hub()), clock)
    assert made is not None
    return made


@pytest.fixture
async def house() -> AsyncIterator[House]:
    clock = InstantClock()
    store = await SqliteStore.open(MEMORY, clock=clock, ids=RandomIds(), waker=Hub())
    async with serving_clerk() as clerk:
        house = House(clerk, clock, store, checks_of(clerk, store, clock))
        for user_id in (ADA, BEN, EVE):
            await house.link(user_id)
        yield house
    await store.close()


async def test_who_was_deleted_or_banned_is_linked_no_more_and_the_rest_stays(
    house: House,
) -> None:
    house.clerk.backend.add(Person(ADA, "ada@bikes.example"), Person(BEN, "ben@", banned=True))
    assert await house.checks.check() == 2
    assert await house.linked() == {ADA}
    ended = [e for e in await house.store.audit(OwnerId("org_bikes")) if e.action == "link.ended"]
    assert {entry.actor for entry in ended} == {"clerk"}
    assert house.clock.sleeps == [PAUSE_S] * 3, "one question a second"


async def test_clerk_is_asked_once_a_day_by_however_many_processes(house: House) -> None:
    asked = house.clerk.backend.asked
    house.clerk.backend.add(*(Person(user_id, "a@b.example") for user_id in (ADA, BEN, EVE)))
    other = checks_of(house.clerk, house.store, house.clock)
    for checks in (house.checks, other, house.checks):
        assert await checks.check() == 0
    assert len(asked) == 3
    await house.clock.sleep(DAY_S)
    del house.clerk.backend.people[EVE]
    assert await other.check() == 1
    assert len(asked) == 6
    assert await house.linked() == {ADA, BEN}


@pytest.mark.parametrize("outage", [None, 401, 429, 500])
async def test_an_instance_that_knows_nobody_or_does_not_answer_ends_nothing(
    house: House, outage: int | None
) -> None:
    house.clerk.backend.outage = outage
    assert await house.checks.check() == 0
    assert await house.linked() == {ADA, BEN, EVE}


async def test_without_clerks_secret_key_nobody_is_asked_for(house: House) -> None:
    settings = Settings(clerk_issuer=house.clerk.issuer)
    tasks = TaskService(house.store, Hub())
    assert link_checks(settings, house.store, tasks, house.clock) is None

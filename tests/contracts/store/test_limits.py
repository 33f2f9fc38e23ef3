"""How many tasks of an owner may be open, and how fast new ones may be started."""

import pytest

from agents.errors import QuotaExceeded, TooFast, TooManyTasks
from bot.store.usage_port import OPEN_RETRY_S, WINDOW, Rate, Terms
from tests.contracts.store.adapters import STRANGER, World, failed

DAY_S = WINDOW.total_seconds()


async def refused(world: World, terms: Terms) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as error:
        await world.enqueue(terms=terms)
    return error.value


# --- open tasks --------------------------------------------------------------------------


async def test_no_more_of_an_owners_tasks_are_open_than_may_be(world: World) -> None:
    two = Terms(max_open=2)
    first, _ = [await world.enqueue(terms=two) for _ in range(2)]
    await world.enqueue(owner=STRANGER, terms=two)
    error = await refused(world, two)
    assert isinstance(error, TooManyTasks)
    assert (str(error), error.retry_after_s) == (
        "2 builds of yours are under way already.",
        OPEN_RETRY_S,
    )
    claim = await world.claim()
    assert claim.task.id == first.id
    await refused(world, two)
    await world.store.finish(claim.lease, 1, failed())
    await world.enqueue(terms=two)


# --- how fast ----------------------------------------------------------------------------


async def test_a_bucket_lets_so_many_through_at_once_and_then_one_after_the_other(
    world: World,
) -> None:
    terms = Terms(rates=[Rate("ann", 3, 60)])
    for _ in range(3):
        await world.enqueue(terms=terms)
    error = await refused(world, terms)
    assert isinstance(error, TooFast)
    assert error.retry_after_s == pytest.approx(60)
    await world.clock.advance(59)
    assert (await refused(world, terms)).retry_after_s == pytest.approx(1)
    await world.clock.advance(1.01)
    await world.enqueue(terms=terms)
    await refused(world, terms)


async def test_a_bucket_that_was_left_alone_is_full_and_no_fuller(world: World) -> None:
    terms = Terms(rates=[Rate("ann", 3, 60)])
    await world.enqueue(terms=terms)
    await world.clock.advance(DAY_S)
    for _ in range(3):
        await world.enqueue(terms=terms)
    assert isinstance(await refused(world, terms), TooFast)


async def test_a_start_takes_a_turn_of_every_bucket_or_of_none(world: World) -> None:
    ann, bob, team = Rate("ann", 1, 1), Rate("bob", 2, 1), Rate("team", 2, 1)
    await world.enqueue(terms=Terms(rates=[ann, team]))
    await refused(world, Terms(rates=[team, ann]))
    await world.enqueue(terms=Terms(rates=[team]))
    await refused(world, Terms(rates=[bob, team]))
    for _ in range(2):
        await world.enqueue(terms=Terms(rates=[bob]))
    assert isinstance(await refused(world, Terms(rates=[bob])), TooFast)


async def test_a_refusal_for_credits_takes_no_turn(world: World) -> None:
    one = Rate("ann", 1, 1)
    error = await refused(world, Terms(credits=1, allowance=0, rates=[one]))
    assert not isinstance(error, TooFast)
    await world.enqueue(terms=Terms(rates=[one]))

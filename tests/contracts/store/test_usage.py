"""What tasks use, and on what terms new ones are accepted: credits, open tasks, how fast."""

import asyncio
from datetime import timedelta

import pytest

from agents.errors import (
    CreditsUsedUp,
    LeaseLost,
    NotFound,
    QuotaExceeded,
    SeqConflict,
)
from agents.events import NoticeGiven, UsageRecorded
from agents.types import OwnerId, ProjectId, TaskKind, TaskStatus, Usage
from bot.store.port import LEASE_S, MAX_ATTEMPTS
from bot.store.usage_port import (
    COUNTED_AT_MOST,
    PLAN_HOLDS,
    TOP_PROJECTS,
    WINDOW,
    Rate,
    Spent,
    Tally,
    Terms,
)
from tests.contracts.store.adapters import (
    OTHER_WORKER,
    OWNER,
    STRANGER,
    World,
    cancelled,
    completed,
    failed,
)

FIVE = Terms(credits=1, allowance=5)
FREE_FIX = Terms(credits=0, allowance=5)
HOUR_S = 3_600.0
DAY_S = WINDOW.total_seconds()
ENDINGS = {"complete": completed(), "failed": failed(), "cancelled": cancelled()}


def used(prompt: int, completion: int, cost: float, *, billable: bool = True) -> UsageRecorded:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, cost_usd=cost)
    return UsageRecorded(model="m", usage=usage, billable=billable)


async def spent(world: World, owner: OwnerId = OWNER) -> Spent:
    return await world.store.spent(owner, world.clock.now() - timedelta(days=30))


async def credits_of(world: World) -> int:
    return (await spent(world)).credits


async def refused(world: World, terms: Terms) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as error:
        await world.enqueue(terms=terms)
    return error.value


# --- credits -----------------------------------------------------------------------------


async def test_a_credit_is_reserved_by_acceptance_and_the_one_too_many_is_refused(
    world: World,
) -> None:
    for taken in range(5):
        assert await credits_of(world) == taken
        await world.enqueue(terms=FIVE)
        await world.clock.advance(HOUR_S)
    error = await refused(world, FIVE)
    assert isinstance(error, CreditsUsedUp)
    assert error.retry_after_s == DAY_S - 5 * HOUR_S
    assert "19 hours" in str(error.hint)
    assert await credits_of(world) == 5


async def test_a_refused_task_leaves_nothing_behind(world: World) -> None:
    before = await world.enqueue()
    for project_id in (None, before.project_id):
        with pytest.raises(CreditsUsedUp):
            await world.enqueue(project_id=project_id, terms=Terms(credits=1, allowance=0))
    assert [project.id for project in await world.store.projects(OWNER)] == [before.project_id]
    assert await world.store.tasks(OWNER, before.project_id) == [before]
    assert len(await world.store.messages(OWNER, before.project_id)) == 2
    assert (await spent(world)).since.builds == 1


async def test_a_credit_comes_back_a_day_after_it_was_taken_and_not_before(world: World) -> None:
    terms = Terms(credits=1, allowance=1)
    await world.enqueue(terms=terms)
    begun = world.clock.now()
    assert (await spent(world)).next_back_at == begun + WINDOW
    await world.clock.advance(DAY_S - 0.001)
    assert (await refused(world, terms)).retry_after_s == pytest.approx(0.001)
    await world.clock.advance(0.001)
    assert (await spent(world)).next_back_at is None
    await world.enqueue(terms=terms)


async def test_one_owner_does_not_use_anothers_credits(world: World) -> None:
    one = Terms(credits=1, allowance=1)
    await world.enqueue(terms=one)
    await world.enqueue(owner=STRANGER, terms=one)
    assert await credits_of(world) == 1


async def test_a_smaller_allowance_counts_what_was_used_under_the_larger(world: World) -> None:
    for _ in range(4):
        await world.enqueue(terms=FIVE)
        await world.clock.advance(HOUR_S)
    error = await refused(world, Terms(credits=1, allowance=2))
    assert error.retry_after_s == DAY_S - 2 * HOUR_S, "three of the four have to come back"


async def test_what_takes_no_credit_is_accepted_where_none_is_left(world: World) -> None:
    for _ in range(5):
        await world.enqueue(terms=FIVE)
    fix = await world.enqueue(kind=TaskKind.FIX, terms=FREE_FIX)
    assert fix.status is TaskStatus.PENDING
    assert await credits_of(world) == 5


async def test_asked_twice_by_one_origin_it_takes_one_credit(world: World) -> None:
    one = Terms(credits=1, allowance=1, rates=[Rate("ann", 1, 1)])
    tasks = await asyncio.gather(*(world.enqueue(origin="E1", terms=one) for _ in range(10)))
    assert len({task.id for task in tasks}) == 1
    assert await credits_of(world) == 1


async def test_of_many_who_start_at_once_no_more_are_accepted_than_credits_are_left(
    world: World,
) -> None:
    answers = await asyncio.gather(
        *(world.enqueue(terms=FIVE) for _ in range(30)), return_exceptions=True
    )
    assert sum(isinstance(answer, CreditsUsedUp) for answer in answers) == 25
    assert await credits_of(world) == 5
    assert len(await world.store.projects(OWNER)) == 5


async def test_a_foreign_project_is_not_found_whatever_is_left(world: World) -> None:
    with pytest.raises(NotFound):
        await world.enqueue(project_id=ProjectId("none"), terms=Terms(credits=1, allowance=0))


# --- every transition --------------------------------------------------------------------


@pytest.mark.parametrize(("status", "kept"), [("complete", 1), ("failed", 0), ("cancelled", 0)])
async def test_an_end_settles_the_credit_of_success_and_gives_back_the_rest(
    world: World, status: str, kept: int
) -> None:
    claim = await world.start(terms=FIVE)
    assert await credits_of(world) == 1
    await world.store.finish(claim.lease, 1, ENDINGS[status])
    assert await credits_of(world) == kept
    for again in ENDINGS.values():
        with pytest.raises((LeaseLost, SeqConflict)):
            await world.store.finish(claim.lease, 2, again)
    assert await credits_of(world) == kept


async def test_a_stop_gives_the_credit_of_a_waiting_task_back_at_once(world: World) -> None:
    task = await world.enqueue(terms=FIVE)
    for _ in range(2):
        await world.store.request_cancel(OWNER, task.id, by="ann")
        assert await credits_of(world) == 0


async def test_a_stop_gives_the_credit_of_a_running_task_back_when_it_is_carried_out(
    world: World,
) -> None:
    claim = await world.start(terms=FIVE)
    await world.store.request_cancel(OWNER, claim.task.id, by="ann")
    assert await credits_of(world) == 1
    await world.store.finish(claim.lease, 1, cancelled())
    assert await credits_of(world) == 0


async def test_a_task_whose_stop_nobody_was_left_to_carry_out_gives_its_credit_back(
    world: World,
) -> None:
    claim = await world.start(terms=FIVE)
    await world.store.request_cancel(OWNER, claim.task.id, by="ann")
    await world.clock.advance(LEASE_S)
    await world.idle(OTHER_WORKER)
    assert await credits_of(world) == 0


async def test_a_task_lost_too_often_was_charged_once_and_gives_its_credit_back(
    world: World,
) -> None:
    await world.enqueue(terms=FIVE)
    for _ in range(MAX_ATTEMPTS):
        await world.claim()
        assert await credits_of(world) == 1
        await world.clock.advance(LEASE_S)
    await world.idle()
    assert await credits_of(world) == 0


async def test_a_task_that_was_taken_over_is_settled_once_by_who_holds_it(world: World) -> None:
    old = await world.start(terms=FIVE)
    await world.clock.advance(LEASE_S)
    new = await world.claim(OTHER_WORKER)
    with pytest.raises(LeaseLost):
        await world.store.finish(old.lease, 1, failed())
    assert await credits_of(world) == 1
    await world.store.finish(new.lease, 1, completed())
    assert await credits_of(world) == 1


async def test_a_task_that_was_handed_back_keeps_its_one_credit(world: World) -> None:
    claim = await world.start(terms=FIVE)
    await world.store.hand_back(claim.lease, delay_s=0, count_attempt=True)
    assert await credits_of(world) == 1
    await world.claim()
    assert await credits_of(world) == 1


# --- one instead of another --------------------------------------------------------------


async def test_a_task_instead_of_an_open_one_takes_over_its_credit(world: World) -> None:
    one = Terms(credits=1, allowance=1, max_open=1)
    first = await world.enqueue(terms=one)
    second = await world.enqueue(terms=one, origin="E1", replaces=first.id)
    assert (await world.enqueue(terms=one, origin="E1", replaces=first.id)).id == second.id
    assert await credits_of(world) == 1
    await world.store.request_cancel(OWNER, first.id, by="ann")
    assert await credits_of(world) == 1
    claim = await world.claim()
    await world.store.finish(claim.lease, 1, completed())
    assert (claim.task.id, await credits_of(world)) == (second.id, 1)


async def test_a_task_that_ends_well_before_its_stop_gives_its_credit_away_once(
    world: World,
) -> None:
    one = Terms(credits=1, allowance=1)
    claim = await world.start(terms=one)
    await world.enqueue(terms=one, replaces=claim.task.id)
    await world.store.finish(claim.lease, 1, completed())
    assert await credits_of(world) == 1


@pytest.mark.parametrize("owner", [OWNER, STRANGER])
async def test_an_ended_or_foreign_task_has_no_credit_to_pass_on(
    world: World, owner: OwnerId
) -> None:
    one = Terms(credits=1, allowance=1)
    claim = await world.start(terms=one, owner=owner)
    if owner is STRANGER:
        await world.enqueue(terms=one)
    else:
        await world.store.finish(claim.lease, 1, completed())
    with pytest.raises(CreditsUsedUp):
        await world.enqueue(terms=one, replaces=claim.task.id)
    assert (await world.store.spent(owner, world.clock.now())).credits == 1


async def test_a_refused_task_leaves_the_other_its_credit(world: World) -> None:
    first = await world.enqueue(terms=FIVE)
    with pytest.raises(CreditsUsedUp):
        await world.enqueue(terms=Terms(credits=1, allowance=0), replaces=first.id)
    assert await credits_of(world) == 1


# --- tokens and dollars ------------------------------------------------------------------


async def test_what_model_calls_used_is_added_up_as_the_log_tells_it(world: World) -> None:
    claim = await world.start(terms=FIVE)
    seq = await world.store.append(claim.lease, 1, [used(100, 20, 0.25), NoticeGiven(message="n")])
    seq = await world.store.append(claim.lease, seq, [used(10, 2, 0.5, billable=False)])
    with pytest.raises(SeqConflict):
        await world.store.append(claim.lease, 1, [used(100, 20, 0.25)])
    so_far = Usage(prompt_tokens=110, completion_tokens=22, cost_usd=0.75)
    assert (await spent(world)).day == Tally(1, so_far)
    await world.store.finish(claim.lease, seq, failed(before=[used(1, 1, 0.25)]))
    in_all = Usage(prompt_tokens=111, completion_tokens=23, cost_usd=1.0)
    assert (await spent(world)).day == Tally(0, in_all), "it came to nothing, but it cost that"


async def test_nonsense_about_use_is_not_added_up(world: World) -> None:
    claim = await world.start()
    await world.store.append(claim.lease, 1, [used(-5, 10**30, 1e300), used(1, 1, -3.0)])
    usage = (await spent(world)).day.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (1, COUNTED_AT_MOST + 1)
    assert usage.cost_usd == COUNTED_AT_MOST


async def test_use_is_told_of_the_last_day_of_the_time_asked_for_and_by_app(world: World) -> None:
    first = await world.start("the first")
    await world.store.append(first.lease, 1, [used(1, 0, 0.25)])
    await world.store.finish(first.lease, 2, completed())
    await world.clock.advance(DAY_S)
    since = world.clock.now()
    second = await world.start("the second", project_id=first.task.project_id)
    await world.store.append(second.lease, 1, [used(2, 0, 0.5)])
    await world.clock.advance(1)
    third = await world.enqueue("the third")
    await world.enqueue("mend it", kind=TaskKind.FIX, project_id=third.project_id)

    told = await spent(world)
    assert told.day == Tally(2, Usage(prompt_tokens=2, cost_usd=0.5))
    assert told.since == Tally(3, Usage(prompt_tokens=3, cost_usd=0.75))
    assert [
        (each.title, each.tally.builds, each.tally.usage.cost_usd) for each in told.projects
    ] == [
        ("the first", 2, 0.75),
        ("the third", 1, 0.0),
    ]
    later = await world.store.spent(OWNER, since)
    assert later.since == Tally(2, Usage(prompt_tokens=2, cost_usd=0.5))
    assert [each.tally.builds for each in later.projects] == [1, 1]


async def test_the_dearest_apps_are_told_and_no_more(world: World) -> None:
    for number in range(TOP_PROJECTS + 2):
        claim = await world.start(f"app {number}")
        await world.store.append(claim.lease, 1, [used(1, 1, number / 8)])
    told = (await spent(world)).projects
    assert [each.title for each in told] == [f"app {number}" for number in (6, 5, 4, 3, 2)]


async def test_who_has_used_nothing_is_told_so(world: World) -> None:
    await world.enqueue(owner=STRANGER)
    assert await spent(world) == Spent()


# --- plans -------------------------------------------------------------------------------


async def test_an_owners_plan_is_the_one_kept_last(world: World) -> None:
    store = world.store
    assert await store.plan(OWNER) is None
    for plan in ("pro", "pro", "free"):
        await store.keep_plan(OWNER, plan)
        assert await store.plan(OWNER) == plan
    assert await store.plan(STRANGER) is None


async def test_a_kept_plan_ends_unless_it_is_kept_again(world: World) -> None:
    store, holds_s = world.store, PLAN_HOLDS.total_seconds()
    await store.keep_plan(OWNER, "pro")
    await world.clock.advance(holds_s - 1)
    await store.keep_plan(OWNER, "pro")
    await world.clock.advance(holds_s - 1)
    assert await store.plan(OWNER) == "pro", "it was kept again"
    await world.clock.advance(1)
    assert await store.plan(OWNER) is None
    await store.keep_plan(OWNER, "pro")
    assert await store.plan(OWNER) == "pro"


# --- what is open ------------------------------------------------------------------------


async def test_the_open_tasks_of_an_owner_are_told_oldest_first(world: World) -> None:
    first = await world.enqueue()
    await world.clock.advance(1)
    second = await world.enqueue(prompt="another app")
    await world.enqueue(owner=STRANGER)
    assert await world.store.open_tasks(OWNER) == [first.id, second.id]
    await world.store.request_cancel(OWNER, first.id, by="web")
    assert await world.store.open_tasks(OWNER) == [second.id]

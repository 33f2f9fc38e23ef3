"""On what terms tasks are accepted, and what an owner is told of their use."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.errors import CreditsUsedUp, TooFast, TooManyTasks
from agents.system import RandomIds
from agents.testing import FakeClock
from agents.types import OwnerId, TaskKind
from bot.feed import Hub
from bot.services.metering import NOTED_S, Asker, Credits, Meter, Quotas
from bot.services.tasks import StartRequest, TaskService
from bot.store.slack_port import SlackOrigin, SlackThread
from bot.store.sqlite import MEMORY, SqliteStore
from bot.store.usage_port import UNLIMITED, WINDOW, Rate, Terms
from tests.fakes.worker import APP, ScriptedWorker

ANN = OwnerId("user_ann")
ASKER = Asker("clerk:user_ann", "clerk:org_1")
QUOTAS = Quotas(credits={"free": 2, "pro": 4}, max_open=10, person_per_hour=60, group_per_hour=600)
ORIGIN = SlackOrigin(SlackThread("T1", "C1", "1.0"), "U1")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 3, 15, 12, tzinfo=UTC))


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(MEMORY, clock=clock, ids=RandomIds())
    yield opened
    await opened.close()


@pytest.fixture
def meter(store: SqliteStore, clock: FakeClock) -> Meter:
    return Meter(store, clock, QUOTAS)


@pytest.fixture
def tasks(store: SqliteStore, meter: Meter) -> TaskService:
    return TaskService(store, Hub(), meter)


def asked(**fields: Any) -> StartRequest:
    return replace(StartRequest("A board", asker=ASKER), **fields)


# --- terms -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "costs"), [(TaskKind.GENERATE, 1), (TaskKind.IMPORT, 1), (TaskKind.FIX, 0)]
)
async def test_a_build_costs_a_credit_and_a_fix_costs_none(
    meter: Meter, kind: TaskKind, costs: int
) -> None:
    assert await meter.terms(ANN, kind, ASKER) == Terms(
        credits=costs,
        allowance=2,
        max_open=10,
        rates=[Rate("start:clerk:user_ann", 10, 60), Rate("start:clerk:org_1", 100, 600)],
    )


async def test_without_accounts_no_credits_are_taken_but_the_other_limits_hold(
    store: SqliteStore, clock: FakeClock
) -> None:
    meter = Meter(store, clock, replace(QUOTAS, credits=None))
    terms = await meter.terms(ANN, TaskKind.GENERATE, ASKER)
    assert (terms.credits, terms.allowance, terms.max_open) == (0, None, 10)
    assert (await meter.report(ANN)).credits is None


async def test_this_machines_own_user_has_no_limits(meter: Meter) -> None:
    assert await meter.terms(ANN, TaskKind.GENERATE, None) == UNLIMITED


async def test_a_number_of_starts_that_is_nought_is_no_limit(
    store: SqliteStore, clock: FakeClock
) -> None:
    meter = Meter(store, clock, replace(QUOTAS, person_per_hour=0, group_per_hour=3))
    terms = await meter.terms(ANN, TaskKind.GENERATE, ASKER)
    assert terms.rates == [Rate("start:clerk:org_1", 1, 3)]


@pytest.mark.parametrize(("plan", "allowance"), [("pro", 4), ("free", 2), ("gold", 2), (None, 2)])
async def test_the_plan_of_the_token_says_how_many_credits_there_are(
    meter: Meter, plan: str | None, allowance: int
) -> None:
    terms = await meter.terms(ANN, TaskKind.GENERATE, replace(ASKER, plan=plan))
    assert terms.allowance == allowance


async def test_the_plan_of_the_last_token_holds_where_there_is_none(
    meter: Meter, store: SqliteStore
) -> None:
    in_slack = Asker("slack:T1:U1", "slack:T1")
    for plan, allowance in (("pro", 4), ("free", 2)):
        await meter.report(ANN, plan)
        assert await store.plan(ANN) == plan
        assert (await meter.terms(ANN, TaskKind.GENERATE, in_slack)).allowance == allowance


async def test_whoever_was_long_not_signed_in_is_on_no_plan_in_slack(
    meter: Meter, clock: FakeClock
) -> None:
    in_slack, week_s = Asker("slack:T1:U1", "slack:T1"), 7 * WINDOW.total_seconds()
    for _ in range(8):
        await meter.note_plan(ANN, "pro")
        await clock.advance(week_s)
    assert (await meter.terms(ANN, TaskKind.GENERATE, in_slack)).allowance == 4
    await clock.advance(4 * week_s)
    assert (await meter.terms(ANN, TaskKind.GENERATE, in_slack)).allowance == 2


async def test_a_plan_is_noted_once_in_a_while_and_when_it_changes(
    meter: Meter, store: SqliteStore, clock: FakeClock
) -> None:
    await meter.note_plan(ANN, "pro")
    await meter.note_plan(ANN, None)
    assert await store.plan(ANN) == "pro"
    await store.keep_plan(ANN, "free")  # by another process
    await meter.note_plan(ANN, "pro")
    assert await store.plan(ANN) == "free", "it was looked at a moment ago"
    await clock.advance(NOTED_S)
    await meter.note_plan(ANN, "pro")
    assert await store.plan(ANN) == "pro"
    await meter.note_plan(ANN, "team")
    assert await store.plan(ANN) == "team"


# --- starting ----------------------------------------------------------------------------


async def test_follow_ups_cost_too_and_the_fix_of_an_app_is_free(
    tasks: TaskService, store: SqliteStore
) -> None:
    first = await tasks.start(ANN, asked())
    worker = ScriptedWorker(store)
    await worker.take()
    await worker.build(APP)
    await tasks.start(ANN, asked(project_id=first.project_id))
    with pytest.raises(CreditsUsedUp):
        await tasks.start(ANN, asked(project_id=first.project_id))
    await tasks.fix(ANN, first.project_id, asker=ASKER)
    assert (await store.spent(ANN, datetime(2026, 1, 1, tzinfo=UTC))).credits == 2


async def test_who_asks_in_slack_is_limited_as_a_person_and_with_their_workspace(
    store: SqliteStore, clock: FakeClock
) -> None:
    quotas = Quotas(credits=None, max_open=100, person_per_hour=12, group_per_hour=18)
    tasks = TaskService(store, Hub(), Meter(store, clock, quotas))

    async def ask(user: str, team: str) -> None:
        origin = SlackOrigin(SlackThread(team, "C1", ""), user)
        await tasks.start(OwnerId(f"slack:{team}:{user}"), StartRequest("A board", slack=origin))

    for _ in range(2):
        await ask("U1", "T1")
    with pytest.raises(TooFast) as refused:
        await ask("U1", "T1")
    assert refused.value.retry_after_s == pytest.approx(300)
    await ask("U2", "T1")
    with pytest.raises(TooFast):
        await ask("U2", "T1")
    await ask("U1", "T2")


async def test_no_more_than_so_many_builds_of_an_owner_are_open(
    store: SqliteStore, clock: FakeClock
) -> None:
    tasks = TaskService(store, Hub(), Meter(store, clock, replace(QUOTAS, max_open=1)))
    row = await tasks.start(ANN, asked())
    with pytest.raises(TooManyTasks, match="One build of yours is under way already"):
        await tasks.start(ANN, asked())
    await tasks.cancel(ANN, row.id)
    await tasks.start(ANN, asked())


async def test_a_refusal_says_when_there_is_another_credit(
    tasks: TaskService, clock: FakeClock
) -> None:
    for _ in range(2):
        await tasks.start(ANN, asked())
        await clock.advance(3_600)
    with pytest.raises(CreditsUsedUp) as refused:
        await tasks.start(ANN, asked())
    assert str(refused.value) == "You have used all 2 credits of the last 24 hours."
    assert refused.value.hint == "The next one is back in 22 hours. Fixing errors costs nothing."
    assert refused.value.retry_after_s == 22 * 3_600


# --- the report --------------------------------------------------------------------------


async def test_a_report_tells_where_the_owner_stands(
    tasks: TaskService, meter: Meter, clock: FakeClock
) -> None:
    begun = clock.now()
    await tasks.start(ANN, asked(asker=replace(ASKER, plan="pro")))
    report = await meter.report(ANN)
    assert report.credits == Credits("pro", 4, 1, begun + WINDOW)
    assert report.credits.left == 3
    assert report.month == datetime(2026, 3, 1, tzinfo=UTC)
    assert (report.spent.day.builds, report.spent.since.builds) == (1, 1)


async def test_what_was_used_last_month_is_not_of_this_month(
    tasks: TaskService, meter: Meter, clock: FakeClock
) -> None:
    await tasks.start(ANN, asked())
    await clock.advance(timedelta(days=20).total_seconds())
    report = await meter.report(ANN)
    assert report.month == datetime(2026, 4, 1, tzinfo=UTC)
    assert (report.spent.since.builds, report.spent.projects) == (0, ())


async def test_of_a_plan_that_became_smaller_less_than_nothing_is_not_left(
    tasks: TaskService, meter: Meter
) -> None:
    for _ in range(4):
        await tasks.start(ANN, asked(asker=replace(ASKER, plan="pro")))
    standing = (await meter.report(ANN, "free")).credits
    assert standing is not None
    assert (standing.allowance, standing.used, standing.left) == (2, 4, 0)


async def test_a_refused_start_makes_no_project(tasks: TaskService, store: SqliteStore) -> None:
    for _ in range(2):
        await tasks.start(ANN, asked())
    for _ in range(3):
        with pytest.raises(CreditsUsedUp):
            await tasks.start(ANN, asked())
    assert len(await store.projects(ANN)) == 2

"""Limits and use in Slack: what a person is told, and what they can press."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.events import UsageRecorded
from agents.types import OwnerId, TaskKind, TaskStatus, Usage
from bot.render import slack_actions as buttons
from bot.render.slack_usage import SHOW_STATUS, SHOW_USAGE
from bot.services.metering import Quotas
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import Bot, slack_bot

TWO = Quotas(credits={"free": 2}, max_open=10, person_per_hour=0, group_per_hour=0)
ANN = OwnerId("slack:T1:U1")


@pytest.fixture
async def bot(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    async with slack_bot(slack, tmp_path / "zapdev.db", quotas=TWO) as running:
        yield running


async def typed(bot: Bot, text: str) -> str:
    """Type it; what this person alone was told last."""
    await bot.slack.command("U1", "C1", "/zapdev", text)
    await bot.settled()
    return bot.whispers("U1")[-1]


async def blocks(bot: Bot) -> str:
    return str(bot.slack.ephemeral("U1")[-1].blocks)


async def test_who_has_used_nothing_is_told_what_they_have(bot: Bot) -> None:
    assert "2 of 2 credits left on the plan “free”" in await typed(bot, "usage")
    assert "Nothing used this month." in await blocks(bot)
    assert "[Build something]" in await typed(bot, "usage")


async def test_usage_tells_credits_builds_tokens_and_cost(bot: Bot) -> None:
    await typed(bot, "a kanban board")
    await bot.worker.take()
    used = Usage(prompt_tokens=2_000, completion_tokens=500, cost_usd=0.25)
    await bot.worker.play(UsageRecorded(model="m", usage=used))
    await typed(bot, "usage")
    shown = await blocks(bot)
    assert "1 of 2 credits left on the plan “free”, the next is back <!date^" in shown
    assert "1 build · 2.5k tokens · $0.25" in shown
    assert "• a kanban board: 1 build · 2.5k tokens · $0.25" in shown


async def test_the_build_too_many_is_refused_with_when_there_is_another(bot: Bot) -> None:
    for _ in range(2):
        assert "On it" in await typed(bot, "a kanban board")
    said = await typed(bot, "a kanban board")
    assert said.startswith("You have used all 2 credits of the last 24 hours.")
    assert "The next one is back in 24 hours." in said
    assert len(await bot.tasks()) == 2

    message = bot.slack.ephemeral("U1")[-1]
    await bot.slack.click("U1", message, SHOW_USAGE)
    await bot.settled()
    assert "0 of 2 credits left" in bot.whispers("U1")[-1]


async def test_a_follow_up_costs_too_and_fix_errors_is_free(bot: Bot, slack: FakeSlack) -> None:
    root = await slack.mention("U1", "C1", "a kanban board")
    message = await bot.built()
    for words in ("make it green", "make it blue"):
        await slack.say("U1", "C1", words, thread_ts=root.ts)
        await bot.settled()
    assert "You have used all 2 credits" in bot.replies("C1")[-1]
    payload = (await slack.click("U1", message, buttons.DOWNLOAD)).payload
    action = {**payload["actions"][0], "action_id": buttons.FIX}
    await slack.deliver("interactive", {**payload, "actions": [action]})
    kinds = [row.kind for row in await bot.tasks()]
    assert kinds == [TaskKind.GENERATE, TaskKind.GENERATE, TaskKind.FIX]
    assert "0 of 2 credits left" in await typed(bot, "usage")


async def test_an_edited_request_takes_over_the_credit_of_the_one_it_corrects(
    bot: Bot, slack: FakeSlack
) -> None:
    await typed(bot, "another board")
    root = await slack.mention("U1", "C1", "a kanban bord")
    await slack.edit("U1", root, f"<@{bot.team.bot_user}> a kanban board")
    assert [(row.prompt, row.status) for row in await bot.tasks()] == [
        ("another board", TaskStatus.PENDING),
        ("a kanban bord", TaskStatus.CANCELLED),
        ("a kanban board", TaskStatus.PENDING),
    ]
    assert "0 of 2 credits left" in await typed(bot, "usage")


async def test_a_stopped_build_gives_its_credit_back(bot: Bot) -> None:
    for _ in range(2):
        await typed(bot, "a kanban board")
        await typed(bot, "stop")
    assert "2 of 2 credits left" in await typed(bot, "usage")


async def test_too_many_open_builds_are_refused_with_a_way_to_see_them(
    slack: FakeSlack, tmp_path: Path
) -> None:
    one = replace(TWO, credits=None, max_open=1)
    async with slack_bot(slack, tmp_path / "zapdev.db", quotas=one) as bot:
        await typed(bot, "a kanban board")
        assert "One build of yours is under way already." in await typed(bot, "another board")
        await bot.slack.click("U1", bot.slack.ephemeral("U1")[-1], SHOW_STATUS)
        await bot.settled()
        assert "1 build going on." in bot.whispers("U1")[-1]


async def test_the_home_tab_tells_what_is_left(bot: Bot) -> None:
    await typed(bot, "a kanban board")
    await bot.slack.open_home("U1")
    await bot.settled()
    assert "1 of 2 credits left on the plan “free”" in str(bot.slack.home("U1"))


async def test_the_plan_of_an_account_holds_in_slack(bot: Bot) -> None:
    await bot.store.keep_plan(ANN, "gold")
    assert "2 of 2 credits left on the plan “gold”" in await typed(bot, "usage")

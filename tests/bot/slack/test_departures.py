"""The app is removed from a workspace: its builds end there, and nowhere else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.types import OwnerId, TaskStatus
from bot.slack.app import EVENTS_PATH
from bot.store.port import TaskRow
from bot.store.slack_port import InstallKey
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.web_access import tokens_revoked
from tests.fakes.slack_many import ManyBot, many_bot
from tests.fakes.waiting import until_async


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(rate_limits=False) as running:
        yield running


@pytest.fixture
async def bot(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[ManyBot]:
    """In two workspaces; in each somebody has asked for an app, and for another."""
    async with many_bot(slack, tmp_path / "zapdev.db") as running:
        for number in (1, 2):
            await running.add(f"T{number}", by=f"U{number}")
            slack.workspace(f"T{number}").channel(f"C{number}", members=[f"U{number}"])
            await slack.mention(f"U{number}", f"C{number}", "a board")
            await slack.mention(f"U{number}", f"C{number}", "a shop")
        await running.settled()
        yield running


async def tasks(bot: ManyBot, number: int) -> list[TaskRow]:
    owner = OwnerId(f"slack:T{number}:U{number}")
    return [
        row
        for project in await bot.store.projects(owner)
        for row in await bot.store.tasks(owner, project.id)
    ]


async def statuses(bot: ManyBot, number: int) -> set[TaskStatus]:
    return {row.status for row in await tasks(bot, number)}


async def test_its_builds_are_stopped_and_its_token_is_forgotten(bot: ManyBot) -> None:
    await bot.worker.take()
    bot.slack.uninstall("T1")
    await bot.settled()
    rows = await tasks(bot, 1)
    assert [row.status for row in rows if row.status is not TaskStatus.RUNNING] == ["cancelled"]
    assert all(row.status.is_terminal or row.cancel_by == "slack" for row in rows)
    assert await bot.store.open_deliveries("T1") == []
    assert await bot.store.installations() == [InstallKey(team_id="T2")]

    assert await statuses(bot, 2) == {TaskStatus.PENDING}
    assert len(await bot.store.open_deliveries("T2")) == 2


@pytest.mark.parametrize("first", ["app_uninstalled", "tokens_revoked"])
async def test_either_event_alone_is_enough_and_the_other_may_follow(
    bot: ManyBot, first: str
) -> None:
    team = bot.slack.workspace("T1")
    bot.slack.revoke(team, tells=False)
    events = [
        {"type": "app_uninstalled", "event_ts": "1.1"},
        tokens_revoked(bot.slack.world, team.installation),
    ]
    for event in sorted(events, key=lambda event: event["type"] != first):
        delivery = await bot.slack.deliver_event("T1", event)
        assert delivery is not None
        assert delivery.is_acked
        assert await statuses(bot, 1) == {TaskStatus.CANCELLED}
        assert InstallKey(team_id="T1") not in await bot.store.installations()


async def test_revoked_tokens_are_a_farewell_too_but_not_a_persons_own(bot: ManyBot) -> None:
    team = bot.slack.workspace("T1")
    persons = {"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}
    delivery = await bot.slack.deliver_event("T1", persons)
    assert delivery is not None
    assert delivery.is_acked
    assert await statuses(bot, 1) == {TaskStatus.PENDING}
    bot.slack.revoke(team)
    await bot.settled()
    assert await statuses(bot, 1) == {TaskStatus.CANCELLED}


async def test_an_old_farewell_does_not_harm_who_has_added_it_again(bot: ManyBot) -> None:
    bot.slack.revoke("T1", tells=False)
    await bot.add("T1", by="U1")
    for event in (
        {"type": "app_uninstalled", "event_ts": "1.1"},
        tokens_revoked(bot.slack.world, bot.slack.workspace("T1").installation),
    ):
        await bot.slack.deliver_event("T1", event)
    assert await statuses(bot, 1) == {TaskStatus.PENDING}
    assert InstallKey(team_id="T1") in await bot.store.installations()


async def test_an_old_farewell_at_a_process_that_knows_the_old_token_does_no_harm(
    bot: ManyBot,
) -> None:
    async with many_bot(bot.slack, bot.store, holder="another") as other:
        await bot.slack.mention("U1", "C1", "so that it knows the token")
        await other.settled()
        bot.slack.revoke("T1", tells=False)
        await bot.add("T1", by="U1")
        event = {"type": "app_uninstalled", "event_ts": "1.1"}
        delivery = await bot.slack.deliver_http(
            f"{other.url}{EVENTS_PATH}", bot.slack.payloads.event("T1", event)
        )
        assert delivery.is_acked
    assert InstallKey(team_id="T1") in await bot.store.installations()


async def test_who_is_gone_without_a_word_is_found_out_by_the_next_call(
    slack: FakeSlack, tmp_path: Path
) -> None:
    async with many_bot(slack, tmp_path / "zapdev.db") as bot:
        await bot.add("T1", by="U1")
        slack.workspace("T1").channel("C1", members=["U1"])
        slack.revoke("T1", tells=False)
        await slack.mention("U1", "C1", "a board")
        await until_async(lambda: is_left(bot))
        [row] = await tasks(bot, 1)
        assert row.status is TaskStatus.CANCELLED


async def is_left(bot: ManyBot) -> bool:
    """Its token is forgotten first, and then what is open there is ended."""
    forgotten = await bot.store.installations() == []
    return forgotten and await bot.store.open_deliveries("T1") == []


async def test_a_workspace_that_is_closed_to_us_in_another_way_is_not_left(bot: ManyBot) -> None:
    bot.slack.fail("auth.test", "missing_scope", times=None, team="T1")
    await bot.slack.deliver_event("T1", {"type": "app_uninstalled", "event_ts": "1.1"})
    assert await statuses(bot, 1) == {TaskStatus.PENDING}
    assert InstallKey(team_id="T1") in await bot.store.installations()


async def test_while_slack_does_not_say_it_is_asked_again(bot: ManyBot) -> None:
    bot.slack.fail("auth.test", "internal_error", times=2, team="T1")
    bot.slack.revoke("T1", tells=False)
    event = {"type": "app_uninstalled", "event_ts": "1.1"}
    delivery = await bot.slack.deliver_event("T1", event)
    assert delivery is not None
    assert len(delivery.attempts) == 3
    assert delivery.is_acked
    assert await statuses(bot, 1) == {TaskStatus.CANCELLED}


async def test_what_still_comes_from_there_is_acknowledged_and_does_nothing(bot: ManyBot) -> None:
    bot.slack.uninstall("T1")
    await bot.settled()
    before = len(await tasks(bot, 1))
    payload = bot.slack.payloads.event(
        "T1", {"type": "app_mention", "user": "U1", "channel": "C1", "ts": "9.9", "text": "a shop"}
    )
    delivery = await bot.slack.deliver("event", payload)
    assert delivery.is_acked
    assert len(await tasks(bot, 1)) == before
    assert (await bot.add("T1", by="U1")).status == 200
    await bot.slack.mention("U1", "C1", "and one more")
    await bot.settled()
    assert len(await tasks(bot, 1)) == before + 1

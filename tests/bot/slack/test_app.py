"""Connecting: by which tokens, with which environment around, and what the whole side does."""

import asyncio
import logging
from pathlib import Path

import pytest

from agents.errors import UserError
from bot.slack.app import SOCKETS
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import live_bot, slack_bot
from tests.fakes.waiting import until


async def test_a_command_becomes_a_live_message_and_a_word_at_the_end(
    slack: FakeSlack, tmp_path: Path
) -> None:
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        await slack.command("U1", "C1", "/zapdev", "a kanban board")
        await until(lambda: len(slack.bot_messages("C1")) == 1)
        [live] = slack.bot_messages("C1")
        await bot.worker.take()
        await bot.worker.build(preview_url="http://127.0.0.1:4444")
        await until(lambda: len(slack.bot_messages("C1", thread_ts=live.ts)) == 2)
        assert "Bike shop board: ready" in live.text
        await slack.say("U2", "C1", "make it green", live.ts)
        await until(lambda: len(slack.bot_messages("C1", thread_ts=live.ts)) == 3)
        first, second = await bot.tasks()
        assert second.project_id == first.project_id


async def test_several_sockets_are_open_so_that_one_may_be_renewed(
    slack: FakeSlack, tmp_path: Path
) -> None:
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        await slack.connected(SOCKETS)
        for number in range(6):
            if number == 2:
                await slack.socket_mode.disconnect()
            await slack.mention("U1", "C1", f"app number {number}")
        assert len(await bot.tasks()) == 6
        assert all(len(d.attempts) == 1 for d in slack.deliveries), "nothing had to be repeated"


async def test_a_token_that_slack_does_not_take_is_said_with_its_setting(
    slack: FakeSlack, tmp_path: Path
) -> None:
    slack.fail("apps.connections.open", "invalid_auth", times=None)
    with pytest.raises(UserError, match="SLACK_APP_TOKEN") as refused:
        async with live_bot(slack, tmp_path / "zapdev.db"):
            raise AssertionError("connected")
    assert "xapp-" in (refused.value.hint or "")
    slack.clear_faults()
    slack.fail("auth.test", "invalid_auth", times=None)
    with pytest.raises(UserError, match="SLACK_BOT_TOKEN"):
        async with live_bot(slack, tmp_path / "zapdev.db"):
            raise AssertionError("connected")


async def test_bolt_takes_nothing_from_the_environment_and_gives_no_advice(
    slack: FakeSlack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("BOT_TOKEN", "SIGNING_SECRET", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"SLACK_{name}", f"xoxb-another-{name}")
    async with slack_bot(slack, tmp_path / "zapdev.db") as bot:
        await slack.mention("U1", "C1", "a kanban board")
        await bot.only_task()
    assert [r.getMessage() for r in caplog.records if r.name.startswith("slack_bolt")] == []
    assert all(call.token == bot.team.token for call in slack.calls)
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"zapdev.db"}


async def test_what_was_begun_comes_to_its_end_when_the_process_does(
    slack: FakeSlack, tmp_path: Path
) -> None:
    async with slack_bot(slack, tmp_path / "zapdev.db") as bot:
        slack.delay("chat.postMessage", 0.5)
        await slack.mention("U1", "C1", "stop")
        await asyncio.sleep(0)
    assert len(slack.bot_messages("C1")) == 1
    assert bot.app.listeners.work is not None

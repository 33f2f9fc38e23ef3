"""What a finished app looks like, in its thread: once, and never in the way of anything else."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agents.system import SystemClock
from agents.types import TaskStatus
from bot.slack.pictures import Pictures
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot, live_bot, slack_bot
from tests.fakes.waiting import until, until_async
from tests.fakes.worker import PICTURE


async def build(bot: Bot, *, channel: str = "C1") -> Message:
    """An app from a command to its word at the end; its live message."""
    slack = bot.slack
    before = len(slack.bot_messages(channel))
    await slack.command("U1", channel, "/zapdev", "a kanban board")
    await until(lambda: len(slack.bot_messages(channel)) > before)
    live = slack.bot_messages(channel)[before]
    await bot.worker.take()
    await bot.worker.build(preview_url="http://127.0.0.1:4444")
    await until(lambda: len(slack.bot_messages(channel, thread_ts=live.ts)) > 1)
    return live


def shared(slack: FakeSlack) -> list[Message]:
    return [m for file in slack.files for m in file.shared_in]


async def test_the_picture_comes_after_the_word_and_in_the_thread(
    slack: FakeSlack, tmp_path: Path
) -> None:
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        live = await build(bot)
        await until(lambda: len(shared(slack)) == 1)
        [file] = slack.files
        assert (file.name, file.content) == ("preview.jpg", PICTURE)
        assert file.title == "Bike shop board: what it looks like"
        messages = slack.bot_messages("C1", thread_ts=live.ts)
        assert messages[0] is live
        assert messages[-1] is shared(slack)[0]
        assert len(messages) == 3


async def test_a_second_build_has_a_picture_of_its_own(slack: FakeSlack, tmp_path: Path) -> None:
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        for number in (1, 2):
            await build(bot)
            await until(lambda wanted=number: len(shared(slack)) == wanted)  # type: ignore[misc]
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        await bot.settled()
        assert len(shared(slack)) == 2, "nothing is shown again by the next process"


async def test_a_build_that_did_not_get_finished_has_none(slack: FakeSlack, tmp_path: Path) -> None:
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        await slack.command("U1", "C1", "/zapdev", "a kanban board")
        await until(lambda: len(slack.bot_messages("C1")) == 1)
        [live] = slack.bot_messages("C1")
        await bot.worker.take()
        await bot.worker.prepare()
        await bot.worker.fail()
        await until(lambda: len(slack.bot_messages("C1", thread_ts=live.ts)) == 2)
        await until_closed(bot)
        assert slack.calls_of("files.getUploadURLExternal") == []


async def until_closed(bot: Bot) -> None:
    """Until nothing of this workspace is open any more."""

    async def is_closed() -> bool:
        return not await bot.store.open_deliveries("T1")

    await until_async(is_closed)


async def test_of_two_processes_one_shows_it_and_only_of_what_is_complete(
    slack: FakeSlack, tmp_path: Path
) -> None:
    async with slack_bot(slack, tmp_path / "zapdev.db") as bot:
        await slack.mention("U1", "C1", "a kanban board")
        live = await bot.built(preview_url="http://127.0.0.1:4444")
        [row] = await bot.tasks()
        state = await bot.state(row.id)
        assert state.screenshot is not None
        both = [Pictures(bot.store, bot.door, SystemClock(), "T1", lambda: None) for _ in range(2)]
        failed = replace(state, status=TaskStatus.FAILED)
        for pictures in both:
            await pictures.show(failed, "C1", live.root_ts)
            await pictures.show(replace(state, screenshot=None), "C1", live.root_ts)
        assert slack.files == []
        await asyncio.gather(*(pictures.show(state, "C1", live.root_ts) for pictures in both))
        assert len(shared(slack)) == 1
        await bot.settled()


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_when_slack_has_no_time_it_comes_later(
    slack: FakeSlack, tmp_path: Path, method: str
) -> None:
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        slack.fail(method, "ratelimited", retry_after=1, times=1)
        await build(bot)
        await until(lambda: len(shared(slack)) == 1)
        assert [call.error for call in slack.calls_of(method)] == ["ratelimited", None]


async def test_where_no_file_is_taken_everything_else_is_as_ever(
    slack: FakeSlack, tmp_path: Path
) -> None:
    slack.workspace("T1").channel("C5", members=["U1"], with_bot=False)
    async with live_bot(slack, tmp_path / "zapdev.db") as bot:
        live = await build(bot, channel="C5")
        await until_closed(bot)
        await until(lambda: bool(slack.calls_of("files.completeUploadExternal")))
        [call] = slack.calls_of("files.completeUploadExternal")
        assert call.error == "not_in_channel"
        assert shared(slack) == []
        assert "Bike shop board: ready" in live.text
        await slack.mention("U1", "C1", "and another one")
        await until(lambda: len(slack.bot_messages("C1")) == 1)

"""Imports in Slack: by the command, by a mention, again after a failure, and where they do not go."""

import pytest

from agents.types import TaskKind, TaskStatus
from tests.fakes.slack_bot import Bot

ADDRESS = "<https://github.com/acme/shop|github.com/acme/shop>"


async def typed(bot: Bot, text: str) -> str:
    await bot.slack.command("U1", "C1", "/zapdev", text)
    await bot.settled()
    return "\n".join(bot.whispers("U1")).replace("\u2060", "")


async def test_the_command_begins_an_app_in_the_channel(bot: Bot) -> None:
    said = await typed(bot, f"import {ADDRESS}")
    row = await bot.only_task()
    assert (row.kind, row.prompt, row.requested_by) == (
        TaskKind.IMPORT,
        "Import acme/shop",
        "U1",
    )
    assert await bot.store.delivery(row.id) is not None
    assert said.startswith("On it: “Import https://github.com/acme/shop”")


@pytest.mark.parametrize(
    "text", ["import acme/shop@main/apps/web", "Import acme/shop@main/apps/web"]
)
async def test_a_mention_begins_an_app_in_its_thread(bot: Bot, text: str) -> None:
    await bot.slack.mention("U1", "C1", text)
    row = await bot.only_task()
    assert (row.kind, row.prompt) == (TaskKind.IMPORT, "Import acme/shop@main/apps/web")


async def test_words_that_only_begin_like_an_import_are_something_to_build(bot: Bot) -> None:
    await typed(bot, "import my recipes from a list")
    assert (await bot.only_task()).kind is TaskKind.GENERATE


async def test_what_is_no_repository_is_refused_with_what_to_write(bot: Bot) -> None:
    said = await typed(bot, "import shop")
    assert "no repository on GitHub" in said
    assert "owner/repo@branch" in said
    assert await bot.tasks() == []


async def test_an_app_that_is_there_is_not_imported_over(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.built()
    await bot.slack.say("U1", "C1", f"import {ADDRESS}", root.ts)
    assert [row.kind for row in await bot.tasks()] == [TaskKind.GENERATE]


async def test_a_failed_import_is_tried_again_as_an_import(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", f"import {ADDRESS}")
    await bot.settled()
    await bot.worker.take()
    await bot.worker.fail()
    await bot.slack.mention("U1", "C1", "retry", root.ts)
    first, again = await bot.tasks()
    assert (first.status, again.status) == (TaskStatus.FAILED, TaskStatus.PENDING)
    assert (again.kind, again.prompt) == (TaskKind.IMPORT, "Import acme/shop")
    assert again.project_id == first.project_id

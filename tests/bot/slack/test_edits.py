"""Editing the message that began a run corrects it, once per edit."""

from copy import deepcopy
from typing import Any

import pytest

from agents.types import TaskStatus
from bot.feed import Hub
from bot.services.tasks import StartRequest, TaskService
from tests.fakes.slack import events
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot

LONG_AGO, LATER = "1000000000.000001", "9000000000.000001"


async def an_app(bot: Bot) -> Message:
    """A mention whose app is built; the message that began it."""
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.built()
    return root


async def test_editing_the_message_that_began_a_run_stops_it_and_begins_anew(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban bord")
    await bot.running()
    await bot.slack.edit("U1", root, f"<@{bot.team.bot_user}> a kanban board --framework vue")
    await bot.settled()
    assert await bot.worker.stop_if_asked()
    first, second = await bot.tasks()
    assert first.status is TaskStatus.CANCELLED
    assert (second.prompt, second.framework, second.project_id) == (
        "a kanban board",
        "vue",
        first.project_id,
    )
    assert bot.replies() == ["You edited your request, so I start again with: “a kanban board”"]


async def test_each_edit_counts_once_and_the_last_one_stays(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban bord")
    for text in ("a kanban board", "a kanban board in blue"):
        await bot.slack.edit("U1", root, f"<@{bot.team.bot_user}> {text}")
    again = [d for d in bot.slack.deliveries if d.event.get("subtype") == "message_changed"]
    for delivery in again:
        await bot.slack.deliver("event", delivery.payload)
    rows = await bot.tasks()
    assert [(row.prompt, row.status) for row in rows] == [
        ("a kanban bord", TaskStatus.CANCELLED),
        ("a kanban board", TaskStatus.CANCELLED),
        ("a kanban board in blue", TaskStatus.PENDING),
    ]
    assert len(bot.replies()) == 2


def as_edited_at(bot: Bot, edited_ts: str, text: str) -> dict[str, Any]:
    """The last edit that was told, as another one."""
    told = [d for d in bot.slack.deliveries if d.event.get("subtype") == "message_changed"][-1]
    payload: dict[str, Any] = deepcopy(dict(told.payload)) | {"event_id": f"Ev{edited_ts}"}
    payload["event"]["message"] |= {"text": text, "edited": {"user": "U1", "ts": edited_ts}}
    return payload


async def test_an_older_edit_that_comes_late_changes_nothing(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban bord")
    await bot.slack.edit("U1", root, f"<@{bot.team.bot_user}> a kanban board in blue")
    await bot.slack.deliver("event", as_edited_at(bot, LONG_AGO, "a kanban board"))
    assert [(row.prompt, row.status) for row in await bot.tasks()] == [
        ("a kanban bord", TaskStatus.CANCELLED),
        ("a kanban board in blue", TaskStatus.PENDING),
    ]


async def test_an_edit_that_died_half_way_is_finished_when_it_is_told_again(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban bord")
    await bot.slack.edit("U1", root, f"<@{bot.team.bot_user}> a kanban board")
    first, second = await bot.tasks()
    begun = StartRequest(
        prompt="in blue", project_id=first.project_id, origin=f"{first.origin}:edit:{LATER}"
    )
    await TaskService(bot.store, Hub()).start(first.owner, begun)
    await bot.slack.deliver("event", as_edited_at(bot, LATER, "in blue"))
    assert second.status is TaskStatus.PENDING
    assert [(row.prompt, row.status) for row in await bot.tasks()] == [
        ("a kanban bord", TaskStatus.CANCELLED),
        ("a kanban board", TaskStatus.CANCELLED),
        ("in blue", TaskStatus.PENDING),
    ]


async def test_editing_what_was_done_already_does_it_anew_while_nothing_came_after(
    bot: Bot,
) -> None:
    root = await an_app(bot)
    await bot.slack.edit("U1", root, "a kanban board in blue")
    assert [row.prompt for row in await bot.tasks()] == ["a kanban board", "a kanban board in blue"]


async def test_an_edit_that_comes_too_late_changes_nothing_and_says_so(bot: Bot) -> None:
    root = await an_app(bot)
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    await bot.built({"src/App.tsx": b"green"})
    await bot.slack.edit("U1", root, "a kanban board in blue")
    assert len(await bot.tasks()) == 2
    assert "comes too late" in bot.replies()[-1]


async def test_an_edit_to_an_aside_stops_the_run_and_begins_nothing(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.slack.edit("U1", root, "!aside never mind")
    assert (await bot.only_task()).status is TaskStatus.CANCELLED


async def test_an_edit_that_cannot_be_understood_leaves_the_run_alone(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.slack.edit("U1", root, f"<@{bot.team.bot_user}> a board --colour red")
    assert (await bot.only_task()).status is TaskStatus.PENDING
    assert "There is no option --colour" in bot.replies()[0]


async def test_edits_of_other_messages_and_slacks_own_are_nothing(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    other = await bot.slack.say("U2", "C1", "!aside a board?", root.ts)
    await bot.slack.edit("U2", other, "!aside a board, then --colour")
    before = root.now
    event = events.changed(bot.slack.world, root, before)  # such as a preview of a link
    await bot.slack.deliver_event("T1", event)
    assert (await bot.only_task()).status is TaskStatus.PENDING
    assert bot.replies() == []


async def test_an_edit_in_a_direct_message_corrects_as_well(bot: Bot) -> None:
    wish = await bot.slack.dm("U1", "a kanban bord")
    await bot.slack.edit("U1", wish, "a kanban board")
    assert [row.prompt for row in await bot.tasks()] == ["a kanban bord", "a kanban board"]


async def test_the_edit_of_a_reply_corrects_that_and_keeps_what_waits_behind_it(bot: Bot) -> None:
    root = await an_app(bot)
    reply = await bot.slack.say("U2", "C1", "make it gren", root.ts)
    await bot.slack.say("U1", "C1", "and round", root.ts)
    await bot.slack.edit("U2", reply, "make it green")
    assert [(row.prompt, row.status) for row in (await bot.tasks())[1:]] == [
        ("make it gren", TaskStatus.CANCELLED),
        ("and round", TaskStatus.PENDING),
        ("make it green", TaskStatus.PENDING),
    ]


@pytest.fixture(autouse=True)
def all_acknowledged(slack: FakeSlack) -> Any:
    yield
    assert [d.type for d in slack.deliveries if not d.is_acked] == []

"""The buttons of a task's message: each acts once, for those who may, and is acknowledged first."""

import asyncio
from typing import Any

import pytest

from agents.types import TaskKind, TaskStatus
from bot.render import slack_actions as buttons
from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot

RETRY, FIX, UNDO, STOP = buttons.RETRY, buttons.FIX, buttons.UNDO, buttons.STOP


async def pressed(bot: Bot, message: Message, action_id: str, *, user: str = "U1") -> Delivery:
    delivery = await bot.slack.click(user, message, action_id)
    await bot.settled()
    return delivery


async def pressed_often(bot: Bot, message: Message, action_id: str) -> None:
    """Twice by one person at once, once by another, and the first one delivered again."""
    clicks = [bot.slack.click(user, message, action_id) for user in ("U1", "U1", "U2")]
    first, *_ = await asyncio.gather(*clicks)
    await bot.slack.deliver("interactive", first.payload)
    await bot.settled()


@pytest.fixture
async def root(bot: Bot) -> Message:
    return await bot.slack.mention("U1", "C1", "a kanban board")


# --- while it runs -----------------------------------------------------------------------


async def test_stop_ends_the_task_once_and_names_who_did(bot: Bot, root: Message) -> None:
    live = await bot.running()
    await pressed_often(bot, live, STOP)
    assert await bot.worker.stop_if_asked()
    row = await bot.only_task()
    assert row.status is TaskStatus.CANCELLED
    assert (await bot.state(row.id)).cancelled_by in ("U1", "U2")
    assert bot.replies() == []


async def test_stop_after_the_end_says_how_it_ended(bot: Bot, root: Message) -> None:
    live = await bot.running()
    await bot.worker.fail()
    await pressed(bot, live, STOP)
    assert bot.whispers() == [
        "That build has ended already. The message above shows how it stands."
    ]


# --- when it is done ---------------------------------------------------------------------


async def test_a_suggestion_is_built_once_and_another_one_is_another_task(
    bot: Bot, root: Message
) -> None:
    live = await bot.built()
    await pressed_often(bot, live, buttons.suggest(0))
    await pressed(bot, live, buttons.suggest(1), user="U2")
    first, *more = await bot.tasks()
    assert [(row.prompt, row.project_id) for row in more] == [
        ("Add due dates", first.project_id),
        ("Let me drag cards", first.project_id),
    ]


async def test_a_suggestion_while_another_task_runs_says_that_it_waits(
    bot: Bot, root: Message
) -> None:
    live = await bot.built()
    await pressed(bot, live, buttons.suggest(0))
    await pressed(bot, live, buttons.suggest(1))
    assert bot.whispers() == [
        "Noted: “Let me drag cards”. It comes right after the build that runs now, by itself."
    ]


async def test_a_suggestion_that_was_taken_before_is_not_taken_again(
    bot: Bot, root: Message
) -> None:
    live = await bot.built()
    await pressed(bot, live, buttons.suggest(0))
    await bot.built({"src/App.tsx": b"due"})
    await pressed(bot, live, buttons.suggest(0))
    assert len(await bot.tasks()) == 2
    assert "is finished already" in bot.whispers()[0]


async def test_undo_goes_back_once_however_often_it_is_pressed(bot: Bot, root: Message) -> None:
    await bot.built()
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    live = await bot.built({"src/App.tsx": b"green"})
    await pressed_often(bot, live, UNDO)
    rows = await bot.tasks()
    assert [row.kind for row in rows] == [TaskKind.GENERATE, TaskKind.GENERATE, TaskKind.FIX]
    versions = await bot.store.fragments(rows[0].owner, rows[0].project_id)
    assert len(versions) == 3
    assert versions[0].files == versions[2].files
    assert any("The app is back at" in said for said in bot.whispers() + bot.whispers("U2"))


async def test_undo_shows_its_check_in_the_same_thread(bot: Bot, root: Message) -> None:
    await bot.built()
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    live = await bot.built({"src/App.tsx": b"green"})
    await pressed(bot, live, UNDO, user="U2")
    *_, fix = await bot.tasks()
    delivery = await bot.store.delivery(fix.id)
    assert delivery is not None
    assert (delivery.origin.thread.thread_ts, delivery.origin.user_id) == (root.ts, "U2")


async def test_the_undo_of_an_older_message_changes_nothing_and_says_what_to_do(
    bot: Bot, root: Message
) -> None:
    first = await bot.built()
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    await bot.built({"src/App.tsx": b"green"})
    await pressed(bot, first, UNDO)
    assert len(await bot.tasks()) == 2
    [said] = bot.slack.ephemeral("U1")
    assert "reply with the word undo" in str(said.blocks)


async def test_undo_of_the_first_version_says_that_there_is_nothing_before(
    bot: Bot, root: Message
) -> None:
    live = await bot.built()
    await pressed(bot, live, UNDO)
    assert "This is the first version" in bot.whispers()[0]


async def test_open_preview_is_only_acknowledged(bot: Bot, root: Message) -> None:
    live = await bot.built(preview_url="http://127.0.0.1:4444")
    before = len(bot.slack.calls)
    delivery = await pressed(bot, live, buttons.OPEN_PREVIEW)
    assert delivery.is_acked
    assert len(bot.slack.calls) == before
    assert bot.whispers() == []


# --- when it went wrong ------------------------------------------------------------------


async def test_of_the_answers_to_a_question_the_first_one_counts(bot: Bot, root: Message) -> None:
    live = await bot.stuck()
    await pressed_often(bot, live, buttons.suggest(0))
    await pressed(bot, live, buttons.suggest(1))
    first, second = await bot.tasks()
    assert (second.prompt, second.project_id) == ("Leave the chart out", first.project_id)


async def test_retry_is_one_more_try_and_its_own_message_has_the_next(
    bot: Bot, root: Message
) -> None:
    live = await bot.stuck()
    await pressed_often(bot, live, RETRY)
    again = await bot.stuck()
    await pressed(bot, live, RETRY)
    assert "has ended already" in bot.whispers()[-1]
    await pressed(bot, again, RETRY)
    rows = await bot.tasks()
    assert [row.prompt for row in rows] == ["a kanban board"] * 3
    assert len({row.project_id for row in rows}) == 1


async def test_a_stopped_task_can_be_tried_again(bot: Bot, root: Message) -> None:
    live = await bot.running()
    await pressed(bot, live, STOP)
    await bot.worker.stop_if_asked()
    live = await bot.show(await bot.only_task())
    await pressed(bot, live, RETRY)
    assert [row.status for row in await bot.tasks()] == [TaskStatus.CANCELLED, TaskStatus.PENDING]


async def test_fix_errors_checks_the_app_once(bot: Bot, root: Message) -> None:
    await bot.built()
    live = bot.slack.bot_messages("C1")[-1]
    payload = (await bot.slack.click("U1", live, buttons.DOWNLOAD)).payload
    action = {**payload["actions"][0], "action_id": FIX}
    for stamp in ("1", "2"):
        pressing = {**payload, "actions": [{**action, "action_ts": stamp}]}
        await bot.slack.deliver("interactive", pressing)
    assert [row.kind for row in await bot.tasks()] == [TaskKind.GENERATE, TaskKind.FIX]


# --- who ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action_id",
    [UNDO, buttons.suggest(0), buttons.FILES, buttons.DIFF, buttons.DOWNLOAD],
)
async def test_a_stranger_may_press_nothing(bot: Bot, root: Message, action_id: str) -> None:
    live = await bot.built()
    await pressed(bot, live, action_id, user="U9")
    await bot.only_task()
    assert "people of this workspace only" in bot.whispers("U9")[0]
    assert bot.slack.views == []


async def test_a_button_about_a_task_of_another_workspace_is_refused(
    bot: Bot, root: Message
) -> None:
    live = await bot.built()
    payload = (await bot.slack.click("U1", live, buttons.DOWNLOAD)).payload
    await bot.settled()
    other = {**payload["actions"][0], "action_id": FIX, "value": "task_of_somebody"}
    await bot.slack.deliver("interactive", {**payload, "actions": [other]})
    await bot.settled()
    await bot.only_task()
    assert "This app belongs to somebody else" in str(bot.slack.ephemeral("U1")[-1].blocks)


@pytest.mark.parametrize("value", ["", ":", "task:9999", "x" * 2_000, "task_1:0:0"])
async def test_a_value_that_makes_no_sense_does_no_harm(
    bot: Bot, root: Message, value: str
) -> None:
    live = await bot.built()
    payload = (await bot.slack.click("U1", live, UNDO)).payload
    for action_id in (STOP, RETRY, FIX, UNDO, buttons.suggest(0), "zd_unknown", "elsewhere"):
        action = {**payload["actions"][0], "action_id": action_id, "value": value}
        delivery = await bot.slack.deliver("interactive", {**payload, "actions": [action]})
        assert delivery.is_acked
    await bot.only_task()


async def test_a_suggestion_that_is_not_there_is_said_to_be_gone(bot: Bot, root: Message) -> None:
    live = await bot.built()
    payload = (await bot.slack.click("U1", live, buttons.suggest(0))).payload
    await bot.settled()
    value = buttons.value_of((await bot.tasks())[0].id, 77)
    action = {**payload["actions"][0], "action_id": buttons.suggest(77), "value": value}
    await bot.slack.deliver("interactive", {**payload, "actions": [action]})
    await bot.settled()
    assert len(await bot.tasks()) == 2
    assert "not there any more" in bot.whispers()[-1]


@pytest.fixture(autouse=True)
def all_acknowledged_in_time(slack: FakeSlack) -> Any:
    yield
    assert [d.type for d in slack.deliveries if not d.is_acked or d.latency_s > 3] == []

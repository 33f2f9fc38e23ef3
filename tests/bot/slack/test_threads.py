"""Mentions, replies, direct messages, edits: what people write, and what it does."""

import asyncio
from typing import Any

import pytest

from agents.background import Background
from agents.types import TaskStatus
from bot.render.slack_blocks import SlackMessage
from bot.slack.listeners import BUILD_FROM_MESSAGE
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot


async def an_app(bot: Bot, *, user: str = "U1") -> Message:
    """A mention whose app is built; the message that began it."""
    root = await bot.slack.mention(user, "C1", "a kanban board")
    await bot.built()
    return root


# --- mentions ----------------------------------------------------------------------------


async def test_a_mention_begins_an_app_in_its_thread(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board --framework react")
    row = await bot.only_task()
    delivery = await bot.store.delivery(row.id)
    assert delivery is not None
    assert row.prompt == "a kanban board"
    assert delivery.origin.thread.thread_ts == root.ts
    assert bot.replies() == [], "its live message says it all"


async def test_a_mention_in_a_thread_is_told_twice_and_counts_once(bot: Bot) -> None:
    root = await bot.slack.say("U2", "C1", "We need something for the shop")
    await bot.slack.mention("U1", "C1", "a kanban board for that", root.ts)
    told = [d.type for d in bot.slack.deliveries[-2:]]
    assert sorted(told) == ["app_mention", "message"]
    row = await bot.only_task()
    assert row.prompt == "a kanban board for that"
    assert bot.replies() == []


async def test_a_mention_in_an_apps_thread_changes_it_once(bot: Bot) -> None:
    root = await an_app(bot)
    await bot.slack.mention("U1", "C1", "make it green", root.ts)
    first, second = await bot.tasks()
    assert (second.prompt, second.project_id) == ("make it green", first.project_id)
    assert bot.replies() == []


async def test_a_mention_that_says_nothing_gets_help_once(bot: Bot) -> None:
    root = await bot.slack.say("U2", "C1", "Hello all")
    await bot.slack.mention("U1", "C1", "", root.ts)
    await bot.settled()
    [said] = bot.replies()
    assert "Tell me what to build" in said
    assert await bot.tasks() == []


async def test_what_is_said_to_nobody_is_not_ours(bot: Bot) -> None:
    root = await bot.slack.say("U1", "C1", "Shall we build a kanban board?")
    await bot.slack.say("U2", "C1", "Yes, let us", root.ts)
    assert await bot.tasks() == []
    assert bot.replies() == []


async def test_an_unknown_option_is_refused_in_the_thread_once(bot: Bot) -> None:
    root = await bot.slack.say("U2", "C1", "Hello all")
    await bot.slack.mention("U1", "C1", "a board --colour red", root.ts)
    await bot.settled()
    [said] = bot.replies()
    assert "There is no option --colour" in said
    assert await bot.tasks() == []


# --- replies -----------------------------------------------------------------------------


async def test_a_reply_changes_the_app_whoever_of_the_workspace_writes_it(bot: Bot) -> None:
    root = await an_app(bot)
    await bot.slack.say("U2", "C1", "Make the accent colour green", root.ts)
    first, second = await bot.tasks()
    assert second.project_id == first.project_id
    assert (second.owner, second.requested_by) == (first.owner, "U2")
    assert bot.replies() == []


async def test_a_reply_in_the_thread_of_a_commands_message_changes_its_app(bot: Bot) -> None:
    await bot.slack.command("U1", "C1", "/zapdev", "a kanban board")
    live = await bot.built()
    await bot.slack.say("U1", "C1", "One more column", live.ts)
    first, second = await bot.tasks()
    assert second.project_id == first.project_id


async def test_a_reply_while_a_task_runs_is_queued_and_says_so_once(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.running()
    await bot.slack.mention("U2", "C1", "make it green", root.ts)
    await bot.slack.say("U1", "C1", "and round", root.ts)
    rows = await bot.tasks()
    assert [row.status for row in rows] == [
        TaskStatus.RUNNING,
        TaskStatus.PENDING,
        TaskStatus.PENDING,
    ]
    assert bot.replies() == [
        "Noted: “make it green”. It comes right after the build that runs now, by itself.",
        "Noted: “and round”. It comes after 2 builds, by itself.",
    ]


@pytest.mark.parametrize(
    "text",
    ["!aside I do not like it", "<@U1> what do you think?", "<!here> look", "<@U1|ada> hm"],
)
async def test_what_is_for_people_is_left_to_them(bot: Bot, text: str) -> None:
    root = await an_app(bot)
    await bot.slack.say("U2", "C1", text, root.ts)
    await bot.only_task()
    assert bot.replies() == []


async def test_stop_stops_all_of_the_threads_app_and_says_nothing_more(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.running()
    await bot.slack.say("U1", "C1", "and round", root.ts)
    await bot.slack.mention("U2", "C1", "Stop.", root.ts)
    await bot.settled()
    assert await bot.worker.stop_if_asked()
    assert {row.status for row in await bot.tasks()} == {TaskStatus.CANCELLED}
    assert [said for said in bot.replies() if "Noted" not in said] == []


async def test_stop_when_nothing_runs_says_so(bot: Bot) -> None:
    root = await an_app(bot)
    await bot.slack.mention("U1", "C1", "stop", root.ts)
    await bot.settled()
    assert bot.replies() == ["Nothing is being built here, so there is nothing to stop."]


async def test_retry_does_once_more_what_did_not_get_finished(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board --model x/y")
    await bot.stuck()
    await bot.slack.mention("U1", "C1", "retry", root.ts)
    first, second = await bot.tasks()
    assert (second.prompt, second.model) == (first.prompt, "x/y")
    assert second.project_id == first.project_id


async def test_retry_of_what_went_well_or_still_runs_is_refused(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.slack.say("U1", "C1", "retry", root.ts)
    await bot.built()
    await bot.slack.say("U1", "C1", "retry", root.ts)
    await bot.only_task()
    busy, well = bot.replies()
    assert "A build of this app is running" in busy
    assert "The last build went well" in well


async def test_undo_goes_back_one_version_once_and_the_app_is_started_again(bot: Bot) -> None:
    root = await an_app(bot)
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    await bot.built({"src/App.tsx": b"green"})
    await bot.slack.mention("U1", "C1", "undo", root.ts)
    rows = await bot.tasks()
    assert [row.kind for row in rows] == ["generate", "generate", "fix"]
    versions = await bot.store.fragments(rows[0].owner, rows[0].project_id)
    assert [v.files == versions[0].files for v in versions] == [True, False, True]
    [said] = bot.replies()
    assert "The app is back at" in said


async def test_undo_twice_goes_back_two_versions_and_then_there_is_none(bot: Bot) -> None:
    root = await an_app(bot)
    for content in (b"green", b"blue"):
        await bot.slack.say("U1", "C1", f"make it {content.decode()}", root.ts)
        await bot.built({"src/App.tsx": content})
    seen = []
    for _ in range(3):
        await bot.slack.say("U1", "C1", "undo", root.ts)
        await bot.settled()
        row = (await bot.tasks())[-1]
        head, *_ = await bot.store.fragments(row.owner, row.project_id)
        content = (await bot.store.get([head.files["src/App.tsx"]]))[head.files["src/App.tsx"]]
        seen.append(content.partition(b"\n")[0])
        if not row.status.is_terminal:
            files = {p: (await bot.store.get([d]))[d] for p, d in head.files.items()}
            await bot.built(files)  # the check after going back leaves a version of its own
    assert seen == [
        b"green",
        b"export default function App() {",
        b"export default function App() {",
    ]
    assert "This is the first version" in bot.replies()[-1]


async def test_status_in_a_thread_is_of_its_app(bot: Bot) -> None:
    root = await an_app(bot)
    await bot.slack.say("U2", "C1", "status", root.ts)
    await bot.settled()
    [said] = [m for m in bot.slack.bot_messages("C1") if m.now.metadata is None]
    assert "Bike shop board" in str(said.blocks)


# --- who ---------------------------------------------------------------------------------


async def test_a_stranger_in_a_shared_channel_is_refused_once_and_alone(bot: Bot) -> None:
    root = await an_app(bot)
    for text in ("make it pink", "please", "<@UBOTT1> make it pink"):
        await bot.slack.say("U9", "C1", text, root.ts)
    await bot.only_task()
    assert bot.replies() == []
    [said] = bot.whispers("U9")
    assert "people of this workspace only" in said


async def test_a_strangers_mention_starts_nothing(bot: Bot) -> None:
    await bot.slack.mention("U9", "C1", "a kanban board")
    assert await bot.tasks() == []
    assert len(bot.whispers("U9")) == 1


async def test_ones_own_people_may_ask_in_a_shared_channel(bot: Bot) -> None:
    await bot.slack.mention("U2", "C1", "a kanban board")
    assert (await bot.only_task()).requested_by == "U2"


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "bot_message", "huddle"])
async def test_notes_of_slacks_own_are_no_replies(bot: Bot, subtype: str) -> None:
    root = await an_app(bot)
    await bot.slack.say("U2", "C1", "has joined", root.ts, subtype=subtype)
    assert len(await bot.tasks()) == 1


async def test_a_reply_that_is_sent_to_the_channel_too_counts(bot: Bot) -> None:
    root = await an_app(bot)
    await bot.slack.say("U2", "C1", "make it green", root.ts, subtype="thread_broadcast")
    assert len(await bot.tasks()) == 2


# --- direct messages ---------------------------------------------------------------------


async def test_each_direct_message_begins_an_app_and_its_thread_changes_that(bot: Bot) -> None:
    first = await bot.slack.dm("U1", "a kanban board")
    await bot.slack.dm("U1", "a tip calculator")
    await bot.slack.dm("U1", "make it green", first.ts)
    rows = await bot.tasks()
    assert len({row.project_id for row in rows}) == 2
    changed = [row for row in rows if row.prompt == "make it green"]
    board = [row for row in rows if row.prompt == "a kanban board"]
    assert changed[0].project_id == board[0].project_id


async def test_a_greeting_in_a_direct_message_gets_help(bot: Bot) -> None:
    await bot.slack.dm("U1", "hi")
    await bot.settled()
    [said] = bot.replies("D1")
    assert "Tell me what to build" in said
    assert await bot.tasks() == []


async def test_stop_in_a_direct_message_stops_ones_newest_build(bot: Bot) -> None:
    await bot.slack.dm("U1", "a kanban board")
    await bot.slack.dm("U1", "stop")
    assert (await bot.only_task()).status is TaskStatus.CANCELLED
    assert bot.replies("D1") == ["Stopping your newest build."]


# --- other ways --------------------------------------------------------------------------


async def test_the_shortcut_on_a_message_builds_from_it_in_its_thread(bot: Bot) -> None:
    wish = await bot.slack.say("U2", "C1", "We need a page for the summer party, <@U1>")
    await bot.slack.message_shortcut("U1", wish, BUILD_FROM_MESSAGE)
    row = await bot.only_task()
    delivery = await bot.store.delivery(row.id)
    assert delivery is not None
    assert delivery.origin.thread.thread_ts == wish.ts
    assert (row.prompt, row.requested_by) == (
        "We need a page for the summer party, @somebody",
        "U1",
    )


async def test_the_shortcut_on_a_message_of_ours_says_what_to_choose(bot: Bot) -> None:
    await bot.slack.mention("U1", "C1", "a kanban board")
    live = await bot.built()
    await bot.slack.message_shortcut("U1", live, BUILD_FROM_MESSAGE)
    await bot.only_task()
    assert "There is nothing to build in this message" in bot.whispers("U1")[0]


async def test_the_shortcut_in_a_closed_channel_offers_the_direct_messages(bot: Bot) -> None:
    bot.slack.workspace("T1").channel("G5", members=["U1"], kind="group", with_bot=False)
    wish = await bot.slack.say("U1", "G5", "We need a page")
    await bot.slack.message_shortcut("U1", wish, BUILD_FROM_MESSAGE)
    await bot.settled()
    assert await bot.tasks() == []
    assert "[Build it in a direct message]" in bot.whispers("U1")[0]


async def test_slacks_own_stop_button_stops_the_threads_app(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    for user in ("U9", "U2"):
        person = bot.slack.world.users[user]
        channel = bot.slack.world.channels["C1"]
        event = bot.slack.payloads.agent_session_stopped(person, channel, root.ts)
        await bot.slack.deliver_event("T1", {**event, "user_team": person.team})
        await bot.settled()
        status = (await bot.only_task()).status
        assert status is (TaskStatus.PENDING if user == "U9" else TaskStatus.CANCELLED)


async def test_in_a_shared_channel_slack_names_nobodys_workspace_and_the_owner_stops(
    bot: Bot,
) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    for user in ("U9", "U2", "U1"):
        person, channel = bot.slack.world.users[user], bot.slack.world.channels["C1"]
        event = bot.slack.payloads.agent_session_stopped(person, channel, root.ts)
        await bot.slack.deliver_event("T1", event)
        await bot.settled()
        assert bot.slack.deliveries[-1].payload["is_ext_shared_channel"]
        status = (await bot.only_task()).status
        assert status is (TaskStatus.CANCELLED if user == "U1" else TaskStatus.PENDING)


async def test_a_reply_below_a_message_that_was_posted_just_now_is_not_lost(bot: Bot) -> None:
    await bot.slack.command("U1", "C1", "/zapdev", "a kanban board")
    row = await bot.only_task()
    ts = await bot.door.post("T1", "C1", SlackMessage("Building: board"), task_id=row.id)
    saying = Background().start(bot.slack.say("U1", "C1", "make it green", ts), name="say")
    await asyncio.sleep(0)
    await bot.store.note_message(row.id, ts)
    await saying
    assert [row.prompt for row in await bot.tasks()] == ["a kanban board", "make it green"]


async def test_every_redelivery_finds_its_work_done(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.slack.say("U2", "C1", "make it green", root.ts)
    await bot.slack.dm("U1", "a tip calculator")
    payloads: list[dict[str, Any]] = [d.payload for d in bot.slack.deliveries]
    before = await bot.tasks()
    said = bot.replies()
    await asyncio.gather(*(bot.slack.deliver("event", p) for p in payloads * 3))
    assert await bot.tasks() == before
    assert bot.replies() == said


@pytest.fixture(autouse=True)
def all_acknowledged(slack: FakeSlack) -> Any:
    yield
    assert [d.type for d in slack.deliveries if not d.is_acked] == []

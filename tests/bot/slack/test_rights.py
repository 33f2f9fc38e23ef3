"""Who may do what with an app: its owner decides, editors change it, viewers look at it."""

from pathlib import Path

import pytest
from typing_extensions import override

from agents.errors import StoreUnavailable
from agents.system import RandomIds, SystemClock
from agents.types import ProjectId
from bot.render import slack_actions as buttons
from bot.render.slack_sharing import ASK_EDIT, LET_EDIT
from bot.store.people_port import MemberRole
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot, slack_bot, words_of

LOOK_ONLY = "You may look at this app, but not change it."


@pytest.fixture
async def root(bot: Bot) -> Message:
    """U1's app and its live message, built once."""
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.built({"a.txt": b"1"})
    return root


async def say(bot: Bot, user: str, root: Message, text: str) -> list[str]:
    """What the bot said in the thread since, or to this person alone."""
    before = len(bot.replies()), len(bot.whispers(user))
    await bot.slack.say(user, "C1", text, root.ts)
    await bot.settled()
    return [*bot.replies()[before[0] :], *bot.whispers(user)[before[1] :]]


async def prompts(bot: Bot) -> list[str]:
    return [row.prompt for row in await bot.tasks()]


async def test_who_sees_the_thread_may_change_the_app(bot: Bot, root: Message) -> None:
    await say(bot, "U2", root, "make it green")
    assert await prompts(bot) == ["a kanban board", "make it green"]


async def test_who_may_only_look_changes_nothing_in_words_and_is_told_alone_and_once(
    bot: Bot, root: Message
) -> None:
    assert "may look at it now" in (await say(bot, "U1", root, "share everybody view"))[0]
    [told] = await say(bot, "U2", root, "make it green")
    assert "You may look at this app, but not change it. [Ask to change it]" in told
    assert told in bot.whispers("U2")
    for text in ("undo", "stop", "retry", "make it red", f"<@{bot.team.bot_user}> make it blue"):
        assert await say(bot, "U2", root, text) == [], text
    assert await prompts(bot) == ["a kanban board"]
    assert await say(bot, "U2", root, "status") == ["This thread's app."], "looking is allowed"
    await say(bot, "U1", root, "make it green")
    assert await prompts(bot) == ["a kanban board", "make it green"]


@pytest.mark.parametrize("press", [buttons.UNDO, buttons.suggest(0)])
async def test_who_may_only_look_presses_in_vain(bot: Bot, root: Message, press: str) -> None:
    await say(bot, "U1", root, "share <@U2> view")
    [row] = await bot.tasks()
    assert (await whisper_on(bot, await bot.show(row), press)).startswith(LOOK_ONLY)
    assert await prompts(bot) == ["a kanban board"]


@pytest.mark.parametrize("press", [buttons.RETRY, buttons.suggest(1)])
async def test_nor_below_a_build_that_is_stuck(bot: Bot, root: Message, press: str) -> None:
    await say(bot, "U1", root, "make it green")
    live = await bot.stuck()
    await say(bot, "U1", root, "share <@U2> view")
    assert (await whisper_on(bot, live, press)).startswith(LOOK_ONLY)
    assert await prompts(bot) == ["a kanban board", "make it green"]


async def whisper_on(bot: Bot, live: Message, press: str) -> str:
    """What U2 alone is told on pressing this button."""
    await bot.slack.click("U2", live, press)
    await bot.settled()
    return bot.whispers("U2")[-1]


async def test_who_may_only_look_does_not_stop_a_build(bot: Bot, root: Message) -> None:
    await say(bot, "U1", root, "make it green")
    live = await bot.running()
    await say(bot, "U1", root, "share <@U2> view")
    await bot.slack.click("U2", live, buttons.STOP)
    await say(bot, "U2", root, "stop")
    await bot.slack.deliver_event("T1", native_stop(live))
    await bot.settled()
    assert [row.cancel_by for row in await bot.tasks()] == [None, None]
    await bot.slack.click("U1", live, buttons.STOP)
    await bot.settled()
    assert [row.cancel_by for row in await bot.tasks()] == [None, "U1"]


def native_stop(live: Message) -> dict[str, str]:
    """Slack's own button of an agent's thread, pressed by U2."""
    place = {"channel": "C1", "thread_ts": live.root_ts}
    return {"type": "agent_session_stopped", "user": "U2", **place}


async def test_who_may_only_look_sees_files_and_changes(bot: Bot, root: Message) -> None:
    await say(bot, "U1", root, "share everybody view")
    [row] = await bot.tasks()
    live = await bot.show(row)
    for press in (buttons.FILES, buttons.DIFF):
        await bot.slack.click("U2", live, press)
        await bot.settled()
        view = bot.slack.modal("U2")
        assert view is not None
        assert "a.txt" in str(view.blocks)


async def test_an_edit_by_who_may_only_look_by_now_corrects_nothing(
    bot: Bot, root: Message
) -> None:
    asked = await bot.slack.say("U2", "C1", "make it green", root.ts)
    await bot.settled()
    await say(bot, "U1", root, "share <@U2> view")
    await bot.slack.edit("U2", asked, "make it red")
    await bot.settled()
    assert await prompts(bot) == ["a kanban board", "make it green"]
    assert "not change it" in bot.whispers("U2")[-1]


async def test_a_role_of_ones_own_goes_before_everybodys(bot: Bot, root: Message) -> None:
    bot.team.channel("C2", members=["U3"])
    bot.slack.world.channels["C1"].members.add("U3")
    await say(bot, "U1", root, "share everyone view")
    await say(bot, "U1", root, "share <@U2>")
    await say(bot, "U2", root, "make it green")
    await say(bot, "U3", root, "make it red")
    assert await prompts(bot) == ["a kanban board", "make it green"]
    await say(bot, "U1", root, "unshare <@U2>")
    await say(bot, "U2", root, "make it blue")
    await say(bot, "U1", root, "unshare everyone")
    await say(bot, "U3", root, "make it red")
    assert await prompts(bot) == ["a kanban board", "make it green", "make it red"]


async def test_only_the_owner_decides_and_is_never_shut_out(bot: Bot, root: Message) -> None:
    [told] = await say(bot, "U2", root, "share <@U2>")
    assert "Only its owner decides that" in told
    assert "<@U1>" in told
    await say(bot, "U2", root, "share everybody view")
    [told] = await say(bot, "U1", root, "share <@U1> view")
    assert "It is your app" in told
    await say(bot, "U2", root, "make it green")
    assert await prompts(bot) == ["a kanban board", "make it green"]


async def test_share_alone_says_who_may_do_what(bot: Bot, root: Message) -> None:
    await say(bot, "U1", root, "share <@U2> view")
    bot.slack.world.channels["C1"].members.add("U3")
    await bot.slack.say("U2", "C1", "share", root.ts)
    await bot.settled()
    shown = str(bot.slack.bot_messages("C1")[-1].blocks)
    assert "<@U1> owns it" in shown
    assert "<@U2> may look at it" in shown
    assert "everybody else in this workspace may change it" in shown


async def test_outside_of_a_thread_it_asks_which_app(bot: Bot, root: Message) -> None:
    await bot.slack.command("U1", "C1", "/zapdev", "share <@U2> view")
    await bot.settled()
    assert "Which app?" in bot.whispers("U1")[-1]


async def test_an_app_of_another_thread_is_shared_apart(bot: Bot, root: Message) -> None:
    other = await bot.slack.mention("U1", "C1", "a shop")
    await bot.settled()
    await say(bot, "U1", root, "share everybody view")
    await say(bot, "U2", other, "make it green")
    assert (await prompts(bot))[-1] == "make it green"


async def test_who_may_only_look_asks_and_the_owner_lets_them(bot: Bot, root: Message) -> None:
    await say(bot, "U1", root, "share everybody view")
    await say(bot, "U2", root, "make it green")
    [refusal] = bot.slack.ephemeral("U2")
    for _ in range(2):
        await bot.slack.click("U2", refusal, ASK_EDIT)
        await bot.settled()
    questions = [m for m in bot.slack.bot_messages("C1") if "would like to change" in m.text]
    assert len(questions) == 1, "asked once"
    assert questions[0].thread_ts == root.ts
    assert words_of(questions[0]) == "<@U1>, <@U2> would like to change this app. [Let them]"

    await bot.slack.click("U2", questions[0], LET_EDIT)
    await bot.settled()
    assert "Only its owner decides that" in bot.whispers("U2")[-1]
    assert questions[0].text.startswith("<@U1>"), "the question stays"
    await bot.slack.click("U1", questions[0], LET_EDIT)
    await bot.settled()
    assert questions[0].text == "<@U2> may change it now."
    await say(bot, "U2", root, "make it green")
    assert await prompts(bot) == ["a kanban board", "make it green"]
    await bot.slack.click("U2", refusal, ASK_EDIT)
    await bot.settled()
    assert "You may change this app" in bot.whispers("U2")[-1]


async def test_only_the_owner_has_the_preview_link_renewed(
    slack: FakeSlack, tmp_path: Path
) -> None:
    async with slack_bot(slack, tmp_path / "zapdev.db", address="http://127.0.0.1:8787") as bot:
        root = await slack.mention("U1", "C1", "a kanban board")
        await bot.built({"a.txt": b"1"})
        [row] = await bot.tasks()
        key = await bot.store.preview_key(row.project_id, "the-old-one")
        assert "Only its owner decides that" in (await say(bot, "U2", root, "new link"))[0]
        assert await bot.store.project_of_key(key) is not None
        [told] = await say(bot, "U1", root, "new link")
        assert "The old link opens nothing any more." in told
        assert await bot.store.project_of_key(key) is None
        renewed = await bot.store.preview_key(row.project_id, "none")
        assert f"<http://127.0.0.1:8787/p/{renewed}|Open the preview>" in told


async def test_where_apps_have_no_links_it_says_so(bot: Bot, root: Message) -> None:
    assert "no links of their own" in (await say(bot, "U1", root, "new link"))[0]


async def test_one_private_word_does_not_silence_another(bot: Bot, root: Message) -> None:
    assert "Only its owner decides that" in (await say(bot, "U2", root, "share <@U2>"))[0]
    assert await say(bot, "U2", root, "share <@U2>") == []
    await say(bot, "U1", root, "share everybody view")
    assert "[Ask to change it]" in (await say(bot, "U2", root, "make it green"))[0]


async def test_a_decision_that_is_told_again_does_not_undo_a_newer_one(
    bot: Bot, root: Message
) -> None:
    await say(bot, "U1", root, "share everybody")
    first = bot.slack.deliveries[-1].payload
    await say(bot, "U1", root, "share everybody view")
    await bot.slack.deliver("event", first)
    assert "not change it" in (await say(bot, "U2", root, "make it green"))[0]


async def test_a_question_that_cannot_be_put_is_said_so_and_put_later(
    bot: Bot, root: Message
) -> None:
    await say(bot, "U1", root, "share everybody view")
    await say(bot, "U2", root, "make it green")
    [refusal] = bot.slack.ephemeral("U2")
    bot.slack.fail("chat.postMessage", "internal_error")
    await bot.slack.click("U2", refusal, ASK_EDIT)
    await bot.settled()
    assert "could not ask just now" in bot.whispers("U2")[-1]
    await bot.slack.click("U2", refusal, ASK_EDIT)
    await bot.settled()
    assert "I asked <@U1>" in bot.whispers("U2")[-1]
    assert "would like to change this app" in bot.replies()[-1]


class MoodyStore(SqliteStore):
    """Rights cannot be written at times."""

    is_away = False

    @override
    async def set_member(self, project_id: ProjectId, member: str, role: MemberRole | None) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        await super().set_member(project_id, member, role)


async def test_an_answer_that_cannot_be_kept_leaves_the_question(slack: FakeSlack) -> None:
    store = await MoodyStore.open(MEMORY, clock=SystemClock(), ids=RandomIds())
    assert isinstance(store, MoodyStore)
    async with slack_bot(slack, store) as bot:
        root = await slack.mention("U1", "C1", "a kanban board")
        await bot.built({"a.txt": b"1"})
        await say(bot, "U1", root, "share everybody view")
        await say(bot, "U2", root, "make it green")
        await slack.click("U2", slack.ephemeral("U2")[-1], ASK_EDIT)
        await bot.settled()
        question = slack.bot_messages("C1")[-1]
        store.is_away = True
        await slack.click("U1", question, LET_EDIT)
        await bot.settled()
        assert "[Let them]" in words_of(question)
        store.is_away = False
        await slack.click("U1", question, LET_EDIT)
        await bot.settled()
        assert question.text == "<@U2> may change it now."
    await store.close()

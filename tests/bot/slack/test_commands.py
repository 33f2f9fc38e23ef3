"""`/zapdev …`: what is typed, what is answered, what is begun."""

import pytest

from agents.types import Framework, TaskStatus
from bot.render import slack_replies as replies
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import Bot, words_of


async def typed(bot: Bot, text: str, *, user: str = "U1", channel: str = "C1") -> str:
    """Type it; everything that this person alone is told then."""
    await bot.slack.command(user, channel, "/zapdev", text)
    await bot.settled()
    return "\n".join(bot.whispers(user))


# --- to build ----------------------------------------------------------------------------


async def test_a_command_begins_an_app_in_the_channel_and_says_so_to_its_author(bot: Bot) -> None:
    said = await typed(bot, "a kanban board --framework vue")
    row = await bot.only_task()
    assert (row.prompt, row.framework, row.requested_by) == ("a kanban board", Framework.VUE, "U1")
    delivery = await bot.store.delivery(row.id)
    assert delivery is not None
    assert (delivery.origin.thread.channel_id, delivery.origin.thread.thread_ts) == ("C1", "")
    assert said.startswith("On it: “a kanban board”")
    assert bot.whispers("U2") == []


async def test_the_same_command_again_is_another_app(bot: Bot) -> None:
    await typed(bot, "a kanban board")
    await typed(bot, "a kanban board")
    assert len({row.project_id for row in await bot.tasks()}) == 2


async def test_a_framework_that_is_not_there_is_refused_with_those_that_are(bot: Bot) -> None:
    said = await typed(bot, "a board --framework cobol")
    assert "There is no framework called “cobol”" in said
    assert "vue" in said
    assert await bot.tasks() == []


async def test_an_option_that_is_not_there_is_refused_with_its_neighbour(bot: Bot) -> None:
    said = await typed(bot, "a board --framwork vue")
    assert "Did you mean --framework?" in said
    assert "[Show help]" in said
    assert await bot.tasks() == []


# --- where the bot is not ----------------------------------------------------------------


@pytest.fixture
def closed(slack: FakeSlack, bot: Bot) -> str:
    """A private channel of U1 that the bot is not in."""
    return slack.workspace("T1").channel("G5", members=["U1"], kind="group", with_bot=False).id


async def test_in_a_closed_channel_nothing_begins_and_the_next_step_is_a_button(
    bot: Bot, closed: str
) -> None:
    said = await typed(bot, "a kanban board --framework vue", channel=closed)
    assert "I cannot write in this channel" in said
    assert "[Build it in a direct message]" in said
    assert await bot.tasks() == []


async def test_the_button_builds_it_in_the_direct_messages_once(bot: Bot, closed: str) -> None:
    await typed(bot, "a kanban board --framework vue", channel=closed)
    [refusal] = bot.slack.ephemeral("U1")
    for _ in range(2):
        await bot.slack.click("U1", refusal, replies.BUILD_IN_DM)
    row = await bot.only_task()
    delivery = await bot.store.delivery(row.id)
    assert delivery is not None
    direct = bot.slack.workspace("T1").dm("U1").id
    assert (delivery.origin.thread.channel_id, row.framework) == (direct, Framework.VUE)


async def test_in_a_private_channel_with_the_bot_it_begins_as_elsewhere(bot: Bot) -> None:
    bot.slack.workspace("T1").channel("G6", members=["U1"], kind="group")
    said = await typed(bot, "a kanban board", channel="G6")
    assert said.count("On it") == 1
    assert (await bot.only_task()).prompt == "a kanban board"


async def test_in_a_public_channel_without_the_bot_it_begins_too(bot: Bot) -> None:
    bot.slack.workspace("T1").channel("C7", members=["U1"], with_bot=False)
    assert "On it" in await typed(bot, "a kanban board", channel="C7")
    await bot.only_task()


async def test_in_the_direct_messages_with_the_bot_it_begins_there(bot: Bot) -> None:
    direct = bot.slack.workspace("T1").dm("U1").id
    await typed(bot, "a kanban board", channel=direct)
    delivery = await bot.store.delivery((await bot.only_task()).id)
    assert delivery is not None
    assert delivery.origin.thread.channel_id == direct


# --- to know -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "help", "frobnicate", "build"])
async def test_help_is_what_an_unknown_word_gets(bot: Bot, text: str) -> None:
    said = await typed(bot, text)
    assert "Tell me what to build" in said
    assert "[Build something]" in said
    assert await bot.tasks() == []


async def test_list_says_that_there_is_nothing_yet_and_how_to_begin(bot: Bot) -> None:
    said = await typed(bot, "list")
    assert "You have no app yet" in said
    assert "[A kanban board for my team]" in said


async def test_list_names_ones_own_apps_with_link_and_thread(bot: Bot) -> None:
    await typed(bot, "a kanban board")
    await bot.built(preview_url="http://127.0.0.1:4444")
    await bot.slack.command("U2", "C1", "/zapdev", "the app of somebody else")
    await bot.slack.command("U1", "C1", "/zapdev", "list")
    await bot.settled()
    shown = str(bot.slack.ephemeral("U1")[-1].blocks)
    assert "Bike shop board" in shown
    assert "http://127.0.0.1:4444" in shown
    assert "https://t1.slack.com/archives/C1/p" in shown
    assert "somebody else" not in shown


async def test_status_tells_what_is_being_built(bot: Bot) -> None:
    assert "Nothing of yours is being built" in await typed(bot, "status")
    await typed(bot, "a kanban board")
    said = await typed(bot, "status")
    assert "1 build going on" in said
    assert "a kanban board" in str(bot.slack.ephemeral("U1")[-1].blocks)


async def test_usage_counts_the_builds_of_a_day_and_their_cost(bot: Bot) -> None:
    assert "0 builds in the last 24 hours" in await typed(bot, "usage")
    await typed(bot, "a kanban board")
    await bot.built()
    assert "1 build in the last 24 hours" in await typed(bot, "usage")


@pytest.mark.parametrize(
    ("text", "says", "next_step"),
    [
        ("model gpt-9", "There is no model called", "There are: auto"),
        ("framework cobol", "There is no framework called", "any leaves it to me"),
        ("import https://gitlab.com/a/b", "I import from GitHub only", "Push a copy to GitHub"),
        ("import https://figma.com/design/a/b", "names no design", "Copy the link to a frame"),
        ("import https://figma.com/design/AbCdEf0", "cannot be imported here", "FIGMA_TOKEN"),
        ("link", "no accounts to link", "Just say what to build"),
        ("unlink", "no accounts to link", "Just say what to build"),
        ("retry", "Which app?", "in the app's thread"),
        ("undo", "Which app?", "in the app's thread"),
    ],
)
async def test_what_is_not_there_says_so_with_the_next_step(
    bot: Bot, text: str, says: str, next_step: str
) -> None:
    await typed(bot, text)
    [told] = bot.slack.ephemeral("U1")
    assert says in str(told.blocks)
    assert next_step in str(told.blocks)
    assert "[Show help]" in words_of(told)


# --- to stop -----------------------------------------------------------------------------


async def test_stop_ends_ones_own_newest_build_only(bot: Bot) -> None:
    await bot.slack.command("U2", "C1", "/zapdev", "a shop")
    await typed(bot, "a kanban board")
    await typed(bot, "a calculator")
    assert "Stopping your newest build" in await typed(bot, "stop")
    stopped = {row.prompt: row.status for row in await bot.tasks()}
    assert stopped == {
        "a shop": TaskStatus.PENDING,
        "a kanban board": TaskStatus.PENDING,
        "a calculator": TaskStatus.CANCELLED,
    }


async def test_stop_without_a_build_says_so(bot: Bot) -> None:
    assert "nothing to stop" in await typed(bot, "stop")


# --- who ---------------------------------------------------------------------------------


async def test_somebody_of_another_workspace_is_refused_politely(bot: Bot) -> None:
    said = await typed(bot, "a kanban board", user="U9")
    assert "people of this workspace only" in said
    assert await bot.tasks() == []

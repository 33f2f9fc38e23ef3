"""With accounts: nothing runs for who is not linked, and what they asked for begins once they are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from agents.types import OwnerId
from bot.render import slack_actions as buttons
from bot.render.slack_forms import BUILD_FORM, CHANNEL, PROMPT
from bot.render.slack_replies import LINK_ACCOUNT
from bot.services.principals import Principal
from bot.slack.listeners import BUILD_FROM_MESSAGE, NEW_BUILD
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot, slack_bot, words_of

ADA = Principal(OwnerId("org_bikes"), "user_ada", "sess_1", org_id="org_bikes", org_role="admin")
BEN = Principal(OwnerId("org_bikes"), "user_ben", "sess_2", org_id="org_bikes", org_role="member")
EVE = Principal(OwnerId("user_eve"), "user_eve", "sess_3")
WALL = "Link your account first. It takes a minute, and then this goes on by itself. [Link account]"
SHORT_WALL = "Link your account first. It takes a minute. [Link account]"
WELCOME = "Your Slack user is linked to ada@bikes.example now."


@pytest.fixture(name="bot")
async def accounts_bot(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    async with slack_bot(slack, tmp_path / "zapdev.db", with_accounts=True) as running:
        yield running


async def command(bot: Bot, text: str, user: str = "U1") -> list[str]:
    """What this person was told since."""
    before = len(bot.whispers(user))
    await bot.slack.command(user, "C1", "/zapdev", text)
    await bot.settled()
    return bot.whispers(user)[before:]


async def prompts(bot: Bot, owner: str = "org_bikes") -> list[str]:
    return [row.prompt for row in await bot.tasks_of(owner)]


def direct(bot: Bot, user: str = "U1") -> list[str]:
    """What the bot wrote to this person directly."""
    return [words_of(m) for m in bot.slack.bot_messages(bot.team.dm(user).id)]


# --- the wall ----------------------------------------------------------------------------


async def form(bot: Bot) -> None:
    await bot.slack.shortcut("U1", NEW_BUILD)
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    assert view.body["callback_id"] == BUILD_FORM
    await bot.slack.submit("U1", view, {PROMPT: "a shop", CHANNEL: "C1"})


async def from_message(bot: Bot) -> None:
    said = await bot.slack.say("U2", "C1", "a shop")
    await bot.slack.message_shortcut("U1", said, BUILD_FROM_MESSAGE)


async def in_private_channel(bot: Bot) -> None:
    bot.team.channel("G1", members=["U1"], kind="group", with_bot=False)
    await bot.slack.command("U1", "G1", "/zapdev", "a shop")


WAYS: dict[str, Callable[[Bot], Awaitable[object]]] = {
    "command": lambda bot: bot.slack.command("U1", "C1", "/zapdev", "a shop"),
    "mention": lambda bot: bot.slack.mention("U1", "C1", "a shop"),
    "direct message": lambda bot: bot.slack.dm("U1", "a shop"),
    "form": form,
    "shortcut": from_message,
    "command in a closed channel": in_private_channel,
}


@pytest.mark.parametrize("way", WAYS)
async def test_whichever_way_it_is_asked_for_it_waits_for_the_link_and_begins_then_once(
    bot: Bot, way: str
) -> None:
    await WAYS[way](bot)
    await bot.settled()
    told = [*bot.whispers(), *direct(bot)]
    assert told == [WALL]
    assert await bot.tasks() == []

    await bot.link("U1", ADA)
    assert await prompts(bot) == ["a shop"]
    [row] = await bot.tasks_of("org_bikes")
    assert row.requested_by == "U1"
    assert f"{WELCOME} What you had asked for begins now. [It wasn't me]" in direct(bot)
    for delivery in [*bot.slack.deliveries]:
        await bot.slack.deliver(delivery.kind, delivery.payload)
    await bot.greet()
    await bot.greet("another process")
    assert await prompts(bot) == ["a shop"]


async def test_the_button_of_the_wall_leads_to_the_page_and_holds_no_secret(bot: Bot) -> None:
    await command(bot, "a shop")
    [message] = bot.slack.ephemeral("U1")
    elements = [e for block in message.blocks for e in block.get("elements", [])]
    assert [(e["action_id"], e["url"]) for e in elements] == [
        (LINK_ACCOUNT, "https://zapdev.example.com/link")
    ]


async def test_each_request_is_answered_by_the_wall_and_the_newest_begins(bot: Bot) -> None:
    for text in ("a shop", "a board"):
        await bot.slack.mention("U1", "C1", text)
        await bot.settled()
    assert bot.whispers() == [WALL, WALL]
    await bot.link("U1", ADA)
    assert await prompts(bot) == ["a board"]


@pytest.mark.parametrize(
    "text", ["list", "status", "usage", "stop", "model", "share everybody view"]
)
async def test_what_cannot_be_begun_later_is_refused_without_being_kept(
    bot: Bot, text: str
) -> None:
    assert await command(bot, text) == [SHORT_WALL]
    await bot.link("U1", ADA)
    assert direct(bot) == [f"{WELCOME} [It wasn't me]"]
    assert await prompts(bot) == []


async def test_help_is_given_to_everybody(bot: Bot) -> None:
    [told] = await command(bot, "help")
    assert "Tell me what to build" in told


async def test_the_settings_of_nobody_are_not_shown(bot: Bot) -> None:
    await command(bot, "settings")
    view = bot.slack.modal("U1")
    assert view is not None
    assert "Link your account first." in str(view.blocks)


async def test_a_stranger_in_a_shared_channel_is_refused_and_nothing_is_kept(bot: Bot) -> None:
    await bot.slack.mention("U9", "C1", "a shop")
    await bot.settled()
    [told] = bot.whispers("U9")
    assert "this workspace only" in told
    assert await bot.store.untold_links() == []


# --- who is linked -----------------------------------------------------------------------


async def built(bot: Bot, user: str = "U1") -> tuple[Message, Message]:
    """An app of a linked person: where it was asked for, and its live message."""
    root = await bot.slack.mention(user, "C1", "a kanban board")
    return root, await bot.built({"a.txt": b"1"})


async def say(bot: Bot, user: str, root: Message, text: str) -> list[str]:
    before = len(bot.replies()), len(bot.whispers(user))
    await bot.slack.say(user, "C1", text, root.ts)
    await bot.settled()
    return [*bot.replies()[before[0] :], *bot.whispers(user)[before[1] :]]


async def test_what_linked_people_build_is_their_tenants_and_all_of_it_own_it(bot: Bot) -> None:
    await bot.link("U1", ADA)
    await bot.link("U2", BEN)
    root, _ = await built(bot)
    [listed] = await command(bot, "list", "U2")
    assert listed == "You have 1 app."
    assert "may look at it now" in (await say(bot, "U2", root, "share everybody view"))[0]
    await say(bot, "U1", root, "make it green")
    assert await prompts(bot) == ["a kanban board", "make it green"]


async def test_who_is_of_another_tenant_is_a_member_like_others(bot: Bot) -> None:
    await bot.link("U1", ADA)
    await bot.link("U2", EVE)
    root, _ = await built(bot)
    await say(bot, "U1", root, "share everybody view")
    [told] = await say(bot, "U2", root, "make it green")
    assert "not change it" in told
    [told] = await say(bot, "U2", root, "share everybody edit")
    assert "It is <@U1>'s app." in told, "the owner is named as people know them"
    await say(bot, "U1", root, "share <@U2>")
    await say(bot, "U2", root, "make it green")
    assert await prompts(bot) == ["a kanban board", "make it green"]
    assert await prompts(bot, "user_eve") == []


async def test_a_button_of_who_is_not_linked_waits_too(bot: Bot) -> None:
    await bot.link("U1", ADA)
    _, live = await built(bot)
    await bot.slack.click("U2", live, buttons.suggest(0))
    await bot.settled()
    assert bot.whispers("U2") == [WALL]
    assert await prompts(bot) == ["a kanban board"]
    await bot.link("U2", BEN)
    assert len(await prompts(bot)) == 2
    await bot.slack.click("U2", live, buttons.suggest(0))
    await bot.settled()
    assert len(await prompts(bot)) == 2, "it was pressed already"


async def test_stop_is_not_kept(bot: Bot) -> None:
    await bot.link("U1", ADA)
    await bot.slack.mention("U1", "C1", "a kanban board")
    live = await bot.running()
    await bot.slack.click("U2", live, buttons.STOP)
    await bot.settled()
    assert bot.whispers("U2") == [SHORT_WALL]
    await bot.link("U2", BEN)
    [row] = await bot.tasks_of("org_bikes")
    assert row.cancel_by is None


async def test_slacks_own_stop_button_is_the_owners_in_a_shared_channel_too(bot: Bot) -> None:
    """There Slack does not say whose person it was."""
    await bot.link("U1", ADA)
    await bot.link("U2", EVE)
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.running()
    for user, stops in (("U2", None), ("U1", "U1")):
        person, channel = bot.slack.world.users[user], bot.slack.world.channels["C1"]
        event = bot.slack.payloads.agent_session_stopped(person, channel, root.ts)
        await bot.slack.deliver_event("T1", event)
        await bot.settled()
        [row] = await bot.tasks_of("org_bikes")
        assert row.cancel_by == stops, user


async def test_the_home_tab_says_how_it_stands(bot: Bot) -> None:
    async def shown() -> str:
        await bot.slack.open_home("U1")
        await bot.settled()
        view = bot.slack.home("U1")
        assert view is not None
        return str(view.blocks).replace("\\u2060", "")

    assert "https://zapdev.example.com/link" in await shown()
    await bot.link("U1", ADA)
    await built(bot)
    home = await shown()
    assert "Linked to ada@bikes.example" in home
    assert "/link" not in home
    assert "bike shop board" in home.lower()


# --- begun once --------------------------------------------------------------------------


async def test_two_processes_that_see_a_new_link_begin_once_and_write_once(bot: Bot) -> None:
    await bot.slack.mention("U1", "C1", "a shop")
    await bot.settled()
    await bot.link("U1", ADA, is_told=False)
    await asyncio.gather(*(bot.greet(f"process {n}") for n in range(5)))
    assert await prompts(bot) == ["a shop"]
    assert len(direct(bot)) == 1


async def test_after_a_crash_it_is_begun_no_second_time(bot: Bot) -> None:
    await bot.slack.mention("U1", "C1", "a shop")
    await bot.settled()
    bot.slack.fail("chat.postMessage", "internal_error")
    await bot.link("U1", ADA)
    assert (await prompts(bot), direct(bot)) == (["a shop"], [])
    await bot.greet()
    assert await prompts(bot) == ["a shop"]
    assert direct(bot) == [f"{WELCOME} [It wasn't me]"]


async def test_who_cannot_be_written_to_is_linked_all_the_same(bot: Bot) -> None:
    bot.slack.fail("conversations.open", "user_disabled")
    await bot.link("U1", ADA)
    assert [*await bot.store.untold_links()] == []
    await built(bot)


async def test_what_waited_and_is_refused_says_so(bot: Bot) -> None:
    await bot.slack.command("U1", "C1", "/zapdev", "a shop --framework cobol")
    await bot.settled()
    assert bot.whispers() == [WALL]
    await bot.link("U1", ADA)
    assert "There is no framework called" in bot.whispers()[-1]
    assert await prompts(bot) == []
    assert direct(bot) == [f"{WELCOME} [It wasn't me]"], "nothing begins now"


async def test_without_accounts_nobody_is_asked_for_one(slack: FakeSlack, tmp_path: Path) -> None:
    async with slack_bot(slack, tmp_path / "without.db") as bot:
        for text in ("link", "unlink", "links", "link ABCD-EFG2"):
            [told] = await command(bot, text)
            assert "There are no accounts to link here." in told
        await bot.slack.mention("U1", "C1", "a shop")
        assert (await bot.only_task()).owner == "slack:T1:U1"

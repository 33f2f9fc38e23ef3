"""What people can do in Slack about their account: what it asks of Slack, and that it counts once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.types import OwnerId
from bot.render import slack_accounts as accounts
from bot.services.principals import Principal
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.slack_bot import Bot, slack_bot
from tests.scenarios.test_slack_deeds import (
    HOME,
    WHISPER,
    Deed,
    answered,
    asks,
    check,
    command,
    home,
    reply,
)

ADA = Principal(OwnerId("org_bikes"), "user_ada", "sess_1", org_id="org_bikes")
BEN = Principal(OwnerId("org_bikes"), "user_ben", "sess_2", org_id="org_bikes")
USER = "users.info"


async def agree(bot: Bot, _: Message) -> None:
    """The answer to a code's question."""
    assert bot.linking is not None
    begun = await bot.linking.begin(BEN, with_code=True)
    await bot.slack.command("U2", "C1", "/zapdev", f"link {begun.code}")
    await bot.settled()
    await bot.slack.click("U2", bot.slack.ephemeral("U2")[-1], accounts.AGREE)


async def not_me(bot: Bot, _: Message) -> None:
    [told] = bot.slack.bot_messages(bot.team.dm("U1").id)
    await bot.slack.click("U1", told, accounts.NOT_ME)


async def unlink_other(bot: Bot, _: Message) -> None:
    bot.slack.world.users["U1"].is_admin = True
    await answered("links", f"{accounts.UNLINK_OTHER}:0")(bot, _)


DEEDS: dict[str, Deed] = {
    "build, before linking": Deed(command("a shop"), after="unlinked"),
    "reply, before linking": Deed(reply("make it green", user="U2"), asks(WHISPER)),
    "build": Deed(command("a shop"), begins=1),
    "home": Deed(home, asks(HOME)),
    "link": Deed(command("link")),
    "unlink": Deed(command("unlink")),
    "links": Deed(command("links"), asks(USER)),
    "link, in a thread": Deed(reply("link"), asks(WHISPER)),
    "unlink, in a thread": Deed(reply("unlink"), asks(WHISPER)),
    "a code that is none": Deed(command("link ABCD-EFG2"), asks(USER)),
    accounts.AGREE: Deed(agree, asks(USER)),
    accounts.NOT_ME: Deed(not_me),
    accounts.UNLINK: Deed(answered("link", accounts.UNLINK)),
    accounts.UNLINK_OTHER: Deed(unlink_other, asks(USER)),
}


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with FakeSlack(rate_limits=False) as slack:
        team = slack.workspace("T1")
        team.channel("C1", members=["U1", "U2"])
        async with slack_bot(slack, tmp_path / "zapdev.db", with_accounts=True) as running:
            yield running


@pytest.mark.parametrize("deed", DEEDS)
async def test_each_deed_asks_slack_for_what_it_needs_and_counts_once(bot: Bot, deed: str) -> None:
    """U1 is linked, unless told otherwise, and has an app in a thread of C1."""
    link = await bot.link("U1", ADA)
    await bot.slack.mention("U1", "C1", "a kanban board")
    live = await bot.built()
    if DEEDS[deed].after == "unlinked":
        await bot.store.unlink(link.person, link.id, by="U1")
    await check(bot, DEEDS[deed], live, owner=ADA.owner)


def test_no_button_is_forgotten() -> None:
    assert set(accounts.BUTTONS) <= set(DEEDS)

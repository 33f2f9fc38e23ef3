"""What waits at the wall: it follows its message, and nothing is lost while the link is made."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from typing_extensions import override

from agents.system import RandomIds, SystemClock
from bot.store.identity_port import SlackPerson
from bot.store.sqlite import MEMORY, SqliteStore
from tests.bot.slack.test_accounts import ADA, WALL, WELCOME, accounts_bot, direct, prompts
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import Bot, slack_bot

bot = accounts_bot
"""With accounts, as there."""

ANN = SlackPerson("T1", "U1")


class MoodyStore(SqliteStore):
    """Something happens just before a request is kept."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    @override
    async def keep_waiting(self, person: SlackPerson, request: str, *, keep_s: float) -> None:
        if self.meanwhile is not None:
            await self.meanwhile()
        await super().keep_waiting(person, request, keep_s=keep_s)


@pytest.fixture
async def moody() -> AsyncIterator[MoodyStore]:
    store = await MoodyStore.open(MEMORY, clock=SystemClock(), ids=RandomIds())
    assert isinstance(store, MoodyStore)
    yield store
    await store.close()


async def test_who_is_linked_while_their_request_is_kept_is_not_forgotten(
    slack: FakeSlack, moody: MoodyStore
) -> None:
    async with slack_bot(slack, moody, with_accounts=True) as bot:

        async def linked() -> None:
            await bot.link("U1", ADA, is_told=False)
            await bot.app.listeners.newcomers.look("a process")

        moody.meanwhile = linked
        await bot.slack.mention("U1", "C1", "a shop")
        await bot.settled()
        assert await prompts(bot) == ["a shop"]
        assert await bot.store.waiting(ANN) is None
        assert bot.whispers() == []
        assert direct(bot) == [f"{WELCOME} [It wasn't me]"]


# --- its message is edited ---------------------------------------------------------------


async def edited(bot: Bot, text: str) -> None:
    """A mention meets the wall; then it is edited to this, and they are linked."""
    root = await bot.slack.mention("U1", "C1", "a shop")
    await bot.settled()
    await bot.slack.edit("U1", root, text.replace("@bot", f"<@{bot.team.bot_user}>"))
    await bot.settled()


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("@bot a bakery", "a bakery"),
        ("a bakery", "a bakery"),
        ("@bot build a bakery --framework vue", "a bakery"),
    ],
)
async def test_an_edit_replaces_what_waits(bot: Bot, text: str, prompt: str) -> None:
    await edited(bot, text)
    assert bot.whispers() == [WALL, WALL]
    await bot.link("U1", ADA)
    assert await prompts(bot) == [prompt]


@pytest.mark.parametrize("text", ["", "@bot", "@bot stop", "!aside a bakery", "@bot x --color red"])
async def test_an_edit_that_asks_for_nothing_that_can_wait_drops_what_waits(
    bot: Bot, text: str
) -> None:
    await edited(bot, text)
    assert await bot.store.waiting(ANN) is None
    await bot.link("U1", ADA)
    assert await prompts(bot) == []


async def test_an_edit_of_another_message_leaves_what_waits(bot: Bot) -> None:
    other = await bot.slack.say("U1", "C1", "good morning")
    await bot.slack.mention("U1", "C1", "a shop")
    await bot.settled()
    await bot.slack.edit("U1", other, "good evening")
    await bot.settled()
    assert bot.whispers() == [WALL]
    await bot.link("U1", ADA)
    assert await prompts(bot) == ["a shop"]

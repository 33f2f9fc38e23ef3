"""A person's defaults: shown, changed in words or in the form, and used by what they begin."""

import pytest
from typing_extensions import override

from agents.errors import StoreUnavailable
from agents.system import RandomIds, SystemClock
from agents.types import Framework, OwnerId
from bot.render.slack_forms import FRAMEWORK, MODEL, OTHERS, PROMPT
from bot.render.slack_help import SETTINGS
from bot.store.people_port import Preferences
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import View
from tests.fakes.slack_bot import Bot, slack_bot

ANN = OwnerId("slack:T1:U1")


async def typed(bot: Bot, text: str, user: str = "U1") -> str:
    await bot.slack.command(user, "C1", "/zapdev", text)
    await bot.settled()
    return bot.whispers(user)[-1] if bot.whispers(user) else ""


async def form(bot: Bot) -> View:
    await typed(bot, "settings")
    view = bot.slack.modal("U1")
    assert view is not None
    return view


def chosen(view: View, name: str) -> str:
    [element] = [b["element"] for b in view.blocks if b.get("block_id") == name]
    return str(element["initial_option"]["value"])


async def test_what_a_person_has_chosen_is_used_for_what_they_begin(bot: Bot) -> None:
    assert "Svelte" in await typed(bot, "framework svelte")
    assert "openai/gpt-4o" in await typed(bot, "model openai/gpt-4o")
    await typed(bot, "a board")
    await typed(bot, "a shop --framework vue --model auto")
    await typed(bot, "a page", user="U2")
    rows = {row.prompt: (row.framework, row.model) for row in await bot.tasks()}
    assert rows["a board"] == ("svelte", "openai/gpt-4o")
    assert rows["a shop"] == ("vue", "auto"), "what is named with a build wins"
    assert rows["a page"] == (None, "auto"), "others have their own"


async def test_a_change_of_an_app_keeps_its_framework(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a board --framework react")
    await bot.built()
    await typed(bot, "framework svelte")
    await bot.slack.say("U1", "C1", "make it green", root.ts)
    [_, row] = await bot.tasks()
    assert (row.prompt, row.framework) == ("make it green", None)


@pytest.mark.parametrize("word", ["any", "auto", "None"])
async def test_the_framework_can_be_left_to_us_again(bot: Bot, word: str) -> None:
    await typed(bot, "framework vue")
    assert "chosen for each app" in await typed(bot, f"framework {word}")
    assert (await bot.store.preferences(ANN)).framework is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("framework cobol", "There is no framework called “cobol”. There are: nextjs, react"),
        ("model gpt-9", "There is no model called “gpt-9”. There are: auto"),
    ],
)
async def test_what_there_is_not_is_refused_with_what_there_is(
    bot: Bot, text: str, says: str
) -> None:
    assert says in await typed(bot, text)
    assert await bot.store.preferences(ANN) == Preferences()


async def test_without_a_value_it_says_what_is_used_and_what_else_there_is(bot: Bot) -> None:
    await typed(bot, "framework vue")
    await typed(bot, "framework")
    shown = str(bot.slack.ephemeral("U1")[-1].blocks)
    assert "Your framework is *vue*" in shown
    assert "`svelte`" in shown
    await typed(bot, "model")
    assert "Your model is *auto*" in str(bot.slack.ephemeral("U1")[-1].blocks)


async def test_the_form_shows_what_is_kept_and_keeps_what_is_sent(bot: Bot) -> None:
    await typed(bot, "framework vue")
    view = await form(bot)
    assert (chosen(view, FRAMEWORK), chosen(view, OTHERS)) == ("vue", "editor")
    await bot.slack.submit(
        "U1", view, {FRAMEWORK: "svelte", MODEL: "openai/gpt-4o", OTHERS: "viewer"}
    )
    await bot.settled()
    assert not view.is_open
    kept = await bot.store.preferences(ANN)
    assert kept == Preferences("openai/gpt-4o", Framework.SVELTE, "viewer")
    home = bot.slack.home("U1")
    assert home is not None
    assert "framework: Svelte · others may only look" in str(home.blocks)
    again = await form(bot)
    assert [chosen(again, name) for name in (FRAMEWORK, MODEL, OTHERS)] == [
        "svelte",
        "openai/gpt-4o",
        "viewer",
    ]


async def test_others_only_look_at_what_a_person_begins_who_wants_it_so(bot: Bot) -> None:
    await bot.store.save_preferences(ANN, Preferences(others="viewer"))
    root = await bot.slack.mention("U1", "C1", "a board")
    await bot.settled()
    await bot.slack.say("U2", "C1", "make it green", root.ts)
    await bot.settled()
    assert "not change it" in bot.whispers("U2")[-1]
    await bot.slack.say("U1", "C1", "share everybody", root.ts)
    await bot.settled()
    await bot.slack.say("U2", "C1", "make it green", root.ts)
    assert [row.prompt for row in await bot.tasks()] == ["a board", "make it green"]


async def test_the_build_form_has_the_defaults_chosen(bot: Bot) -> None:
    await typed(bot, "framework vue")
    await bot.slack.shortcut("U1", "zapdev_new_build")
    await bot.settled()
    view = bot.slack.modal("U1")
    assert view is not None
    assert chosen(view, FRAMEWORK) == "vue"


async def test_in_a_thread_and_in_home_a_button_opens_the_form(bot: Bot) -> None:
    root = await bot.slack.mention("U1", "C1", "a board")
    await bot.settled()
    await bot.slack.say("U1", "C1", "settings", root.ts)
    await bot.settled()
    answer = bot.slack.bot_messages("C1")[-1]
    assert "Your defaults" in answer.text
    await bot.slack.open_home("U2")
    await bot.settled()
    home = bot.slack.home("U2")
    assert home is not None
    for user, shown in (("U1", answer), ("U2", home)):
        await bot.slack.click(user, shown, SETTINGS)
        await bot.settled()
        view = bot.slack.modal(user)
        assert view is not None
        assert chosen(view, OTHERS) == "editor"


class MoodyStore(SqliteStore):
    """Preferences can be away."""

    is_away = False

    @override
    async def preferences(self, owner: OwnerId) -> Preferences:
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().preferences(owner)

    @override
    async def save_preferences(self, owner: OwnerId, preferences: Preferences) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        await super().save_preferences(owner, preferences)


async def test_while_the_store_is_away_nothing_wrong_is_shown_or_kept(slack: FakeSlack) -> None:
    store = await MoodyStore.open(MEMORY, clock=SystemClock(), ids=RandomIds())
    assert isinstance(store, MoodyStore)
    async with slack_bot(slack, store) as bot:
        await typed(bot, "framework vue")
        opened = await form(bot)
        store.is_away = True
        await bot.slack.submit("U1", opened, {FRAMEWORK: "svelte", OTHERS: "viewer"})
        assert "could not be kept" in opened.errors[OTHERS]
        assert opened.is_open
        assert "cannot be read" in str((await form(bot)).blocks)
        await slack.shortcut("U1", "zapdev_new_build")
        await bot.settled()
        view = slack.modal("U1")
        assert view is not None
        assert PROMPT in str(view.blocks), "a build can be asked for all the same"
        store.is_away = False
        assert (await store.preferences(ANN)).framework is Framework.VUE
    await store.close()

"""Slack waits three seconds, and people look at a spinner: nothing waits for work or for the store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from agents.errors import StoreUnavailable
from agents.system import RandomIds, SystemClock
from bot.render import slack_actions as buttons
from bot.slack.listeners import BUILD_FROM_MESSAGE, NEW_BUILD
from bot.store.port import Store
from bot.store.sqlite import SqliteStore
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import Bot, slack_bot

QUICK_S = 0.5
SLOW_S = 2.0


class Hindered:
    """A store each of whose calls takes so long, or fails."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.takes_s = 0.0
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._store, name)

        async def hindered(*given: Any, **named: Any) -> Any:
            await asyncio.sleep(self.takes_s)
            if self.is_away:
                raise StoreUnavailable("away")
            return await called(*given, **named)

        return hindered


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Hindered]:
    path = tmp_path / "zapdev.db"
    opened = await SqliteStore.open(path, clock=SystemClock(), ids=RandomIds())
    yield Hindered(opened)
    await opened.close()


@pytest.fixture
async def bot(slack: FakeSlack, store: Hindered) -> AsyncIterator[Bot]:
    async with slack_bot(slack, cast("Store", store)) as running:
        yield running


async def test_a_command_is_acknowledged_within_half_a_second_by_a_slow_store(
    bot: Bot, store: Hindered
) -> None:
    store.takes_s = SLOW_S
    build = await bot.slack.command("U1", "C1", "/zapdev", "a kanban board")
    assert build.is_acked
    assert build.latency_s < QUICK_S
    assert bot.whispers() == ["On it: “a kanban board”. I show the work in this channel."]
    store.takes_s = 0.0
    assert (await bot.only_task()).prompt == "a kanban board"
    assert len(bot.whispers()) == 1


@pytest.mark.parametrize("text", ["list", "status", "usage", "stop", "help", "undo", "model"])
async def test_its_answer_comes_later_then(bot: Bot, store: Hindered, text: str) -> None:
    store.takes_s = SLOW_S / 4
    delivery = await bot.slack.command("U1", "C1", "/zapdev", text)
    assert delivery.latency_s < QUICK_S
    store.takes_s = 0.0
    await bot.settled()
    assert len(bot.whispers()) == 1


async def test_a_refusal_that_comes_late_is_told_as_well(bot: Bot, store: Hindered) -> None:
    store.takes_s = QUICK_S
    await bot.slack.command("U1", "C1", "/zapdev", "stop")
    await bot.settled()
    assert bot.whispers() == ["Nothing is being built here, so there is nothing to stop."]


async def test_everything_else_is_acknowledged_in_time_by_a_slow_store(
    bot: Bot, store: Hindered
) -> None:
    root = await bot.slack.mention("U1", "C1", "a kanban board")
    live = await bot.built()
    store.takes_s = SLOW_S
    begun = len(bot.slack.deliveries)
    await asyncio.gather(
        bot.slack.say("U1", "C1", "make it green", root.ts),
        bot.slack.mention("U1", "C1", "a shop in blue"),
        bot.slack.dm("U1", "a tip calculator"),
        bot.slack.edit("U1", root, "a kanban board in blue"),
        bot.slack.open_home("U1"),
        bot.slack.shortcut("U1", NEW_BUILD),
        bot.slack.message_shortcut("U2", root, BUILD_FROM_MESSAGE),
        *(
            bot.slack.click("U1", live, action_id)
            for action_id in (buttons.UNDO, buttons.FILES, buttons.DIFF, buttons.suggest(0))
        ),
    )
    late = [(d.type, d.attempts) for d in bot.slack.deliveries[begun:] if not d.is_acked]
    assert late == []
    assert max(d.latency_s for d in bot.slack.deliveries[begun:] if d.kind != "event") < QUICK_S
    assert max(d.latency_s for d in bot.slack.deliveries[begun:]) < 2.8
    store.takes_s = 0.0
    await bot.settled()


async def test_a_store_that_is_away_is_said_in_plain_words(bot: Bot, store: Hindered) -> None:
    store.is_away = True
    await bot.slack.command("U1", "C1", "/zapdev", "a kanban board")
    await bot.slack.mention("U1", "C1", "a kanban board")
    await bot.slack.open_home("U1")
    await bot.settled()
    home = bot.slack.home("U1")
    assert home is not None
    said = [*bot.slack.ephemeral("U1"), *bot.slack.bot_messages("C1")]
    assert len(said) == 3, "the mention is answered for each of its two events, as nothing is kept"
    for shown in (*(m.blocks for m in said), home.blocks):
        assert "it is not your fault" in str(shown)
        assert "away" not in str(shown)
    assert all(d.is_acked for d in bot.slack.deliveries)


async def test_a_slow_slack_holds_no_acknowledgement_up(bot: Bot) -> None:
    for method in ("chat.postMessage", "chat.postEphemeral", "views.open"):
        bot.slack.delay(method, SLOW_S, times=None)
    root = await bot.slack.mention("U1", "C1", "stop")
    await bot.slack.shortcut("U1", NEW_BUILD)
    await bot.slack.message_shortcut("U1", root, BUILD_FROM_MESSAGE)
    assert max(d.latency_s for d in bot.slack.deliveries) < QUICK_S
    bot.slack.clear_faults()

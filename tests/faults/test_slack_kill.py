"""kill -9 of the server at each moment of a live message's life: the next one goes on with it.

Server, database, Socket Mode and the Web API's client are real; Slack is the loopback one. The
tasks themselves are short: their model refuses, and they end as failed. The half minute for which a
dead server still holds its tasks and its workspace is over at once. All moments are of one run, so
each store has all of them: the embedded one, and Convex on loopback with the project's functions.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import DATABASE
from bot.slack.door import EVENT_TYPE
from bot.slack.surface import LOCK_S
from bot.store.port import LEASE_S
from tests.fakes.convex import shared_host
from tests.fakes.openrouter import FakeOpenRouter, Pause, Reply, Seen, status
from tests.fakes.server import Place, let_leases_expire, serving
from tests.fakes.slack.faults import Hold
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.waiting import until

FINAL = ": not finished"
SLOW_S = 60.0

BEFORE = "before the first post"
LOST = "between the post and its note"
LANDING = "while the post lands"
EDITING = "while an edit lands"
ENDED = "between the end and the final edit"
REPLYING = "while the reply lands"
MOMENTS = (BEFORE, LOST, LANDING, EDITING, ENDED, REPLYING)


@dataclass
class Harbour:
    """A workspace with a channel for each moment; the models of `quick` refuse at once."""

    slack: FakeSlack
    quick: set[str] = field(default_factory=lambda: {ENDED, REPLYING})
    held: dict[str, Hold] = field(default_factory=dict)

    def channel(self, moment: str) -> str:
        return f"C{MOMENTS.index(moment)}"

    def answer(self, seen: Seen) -> Reply:
        asked = str(seen.body["messages"])
        is_quick = any(f"boat {MOMENTS.index(moment)}" in asked for moment in self.quick)
        return status(402) if is_quick else Reply([Pause(600)])

    def lives(self, moment: str) -> list[Message]:
        """The task's own messages, deleted ones too."""
        return [m for m in self.slack.world.messages.get(self.channel(moment), []) if _is_live(m)]

    def words(self, moment: str) -> list[Message]:
        """What else the bot said there for all to read."""
        everything = self.slack.bot_messages(self.channel(moment))
        return [m for m in everything if not _is_live(m)]

    def fail(self, method: str, moment: str, **how: Any) -> None:
        self.slack.fail(method, status=503, times=None, channel=self.channel(moment), **how)

    def hold(self, method: str, moment: str) -> None:
        self.held[moment] = self.slack.hold(method, channel=self.channel(moment))

    async def reached(self, moment: str) -> None:
        """Slack has got the request that is held, and has not done it yet."""
        async with asyncio.timeout(SLOW_S):
            await self.held[moment].reached.wait()


def _is_live(message: Message) -> bool:
    noted = message.history[0].metadata or {}
    if noted.get("event_type") != EVENT_TYPE:
        return False
    return not noted["event_payload"]["task_id"].endswith(":done")


@dataclass(frozen=True)
class State:
    """Where a server keeps its state: in its folder, or in a deployment of its own at Convex."""

    data_dir: Path
    deployment: str | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        return {} if self.deployment is None else shared_host().settings(self.deployment)

    async def undelivered(self) -> dict[str, str | None]:
        """By channel: the noted message of what is not delivered to its end."""
        store = await Place(self.data_dir, self.settings).open_store()
        try:
            rows = await store.open_deliveries("T1")
        finally:
            await store.close()
        return {row.origin.thread.channel_id: row.message_ts for row in rows}

    async def let_holders_expire(self) -> None:
        """As if half a minute had passed since the server died; none may be running."""
        if self.deployment is not None:
            await shared_host().let_pass(max(LEASE_S, LOCK_S) + 1, self.deployment)
            return
        let_leases_expire(self.data_dir)
        with closing(sqlite3.connect(self.data_dir / DATABASE)) as connection:
            connection.execute("UPDATE locks SET until = 1")
            connection.commit()


@asynccontextmanager
async def state_at(kind: str, folder: Path) -> AsyncIterator[State]:
    """One that is empty."""
    if kind == "sqlite":
        yield State(folder / "data")
        return
    name = f"slack-kill-{folder.name}"
    try:
        yield State(folder / "data", name)
    finally:
        await shared_host().reset(name)


async def bring_to_their_moments(harbour: Harbour, data_dir: Path) -> None:
    """Every task is asked for, and is where its moment is."""
    slack = harbour.slack
    harbour.fail("chat.postMessage", BEFORE)
    slack.lose_answer("chat.postMessage", channel=harbour.channel(LOST))
    harbour.hold("chat.postMessage", LANDING)
    harbour.fail("chat.update", ENDED)
    for moment in MOMENTS:
        if moment == LOST:
            continue  # the last one: it is soon found again
        await _ask(harbour, moment)
    for moment in (EDITING, ENDED, REPLYING):
        await _until_it_lives(harbour, moment)
    harbour.hold("chat.update", EDITING)
    harbour.hold("chat.postMessage", REPLYING)
    for moment in harbour.held:
        await harbour.reached(moment)
    refused = harbour.channel(ENDED)
    await until(lambda: any(c.args.get("channel") == refused for c in slack.calls if c.error))
    await _ask(harbour, LOST)
    await _until_it_lives(harbour, LOST)


async def _until_it_lives(harbour: Harbour, moment: str) -> None:
    await until(lambda: harbour.lives(moment) != [], SLOW_S)


async def _ask(harbour: Harbour, moment: str) -> None:
    words = f"boat {MOMENTS.index(moment)} --framework react"
    delivery = await harbour.slack.command("U1", harbour.channel(moment), "/zapdev", words)
    assert delivery.is_acked


@pytest.mark.parametrize("kind", ["sqlite", "convex"])
async def test_a_killed_servers_messages_are_gone_on_with_and_told_of_once(
    tmp_path: Path, kind: str
) -> None:
    async with (
        state_at(kind, tmp_path) as state,
        FakeSlack() as slack,
        FakeOpenRouter() as provider,
    ):
        harbour = Harbour(slack)
        provider.always(harbour.answer)
        team = slack.workspace("T1")
        for moment in MOMENTS:
            team.channel(harbour.channel(moment), members=["U1"])
        settings = {
            "OPENROUTER_BASE_URL": provider.base_url,
            "SLACK_BOT_TOKEN": team.token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
            "ZAPDEV_WORKERS": str(len(MOMENTS)),
            **state.settings,
        }
        async with serving(state.data_dir, **settings) as first:
            await slack.connected()
            await bring_to_their_moments(harbour, state.data_dir)
            await first.kill()
        noted = await state.undelivered()
        assert noted["C0"] is noted["C1"] is noted["C2"] is None
        assert all(noted[f"C{n}"] is not None for n in (3, 4, 5))
        slack.clear_faults()  # what was under way lands now
        await _until_it_lives(harbour, LANDING)
        harbour.quick.update(MOMENTS)
        before = {moment: [m.ts for m in harbour.lives(moment)] for moment in MOMENTS}
        await state.let_holders_expire()
        async with serving(state.data_dir, **settings) as second:
            async with asyncio.timeout(SLOW_S):
                while await state.undelivered():  # noqa: ASYNC110 - rows have no event
                    await asyncio.sleep(0.2)
            assert second.complaints == []
        for moment in MOMENTS:
            check(harbour, moment, before[moment])


def check(harbour: Harbour, moment: str, before: list[str]) -> None:
    [live] = harbour.lives(moment)
    assert not live.is_deleted
    assert before == ([] if moment == BEFORE else [live.ts])
    finals = [FINAL in state.text for state in live.history]
    assert finals[-1], live.text
    assert finals == sorted(finals), "something followed the final state"
    replies = [m for m in harbour.words(moment) if m.text.startswith("<@U1>")]
    assert len(replies) == 1, [m.text for m in harbour.words(moment)]
    assert replies[0].root_ts == live.root_ts

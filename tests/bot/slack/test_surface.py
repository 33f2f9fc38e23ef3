"""Who writes a workspace's messages, and for how long; what a message shows besides its log.

Store, surface, writer and the Web API's client are real; Slack is the loopback one. Time is the
test's, for all of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from typing_extensions import override

from agents.background import Background
from agents.errors import StoreError, StoreUnavailable
from agents.testing import FakeClock, SequentialIds, settle
from agents.types import OwnerId, TaskId, TaskKind
from bot.feed import Feed, Hub
from bot.render.slack_blocks import SlackMessage
from bot.slack.door import OneToken, SlackDoor
from bot.slack.line import SlackLine
from bot.slack.messages import IDLE_S, SurfaceParts
from bot.slack.surface import GONE_S, LOCK_S, STANDBY_S, Surfaces
from bot.store.port import NewTask
from bot.store.slack_port import Delivery, SlackOrigin, SlackThread
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.waiting import in_time
from tests.fakes.worker import APP, ScriptedWorker

ANN = OwnerId("slack:T1:U1")


class MoodyStore(SqliteStore):
    """Its locks can be away for a holder while the rest answers; a look can take its time."""

    away_for = ""
    looking: asyncio.Event | None = None
    is_odd = False

    @override
    async def hold(self, name: str, holder: str, *, for_s: float) -> bool:
        if self.away_for == holder:
            raise StoreUnavailable("away")
        return await super().hold(name, holder, for_s=for_s)

    @override
    async def open_workspaces(self) -> list[str]:
        if self.is_odd:
            self.is_odd = False
            raise StoreError("refused for once")
        return await super().open_workspaces()

    @override
    async def open_deliveries(self, team_id: str) -> list[Delivery]:
        deliveries = await super().open_deliveries(team_id)
        if self.looking is not None:
            await self.looking.wait()
        return deliveries


@dataclass
class Quay:
    """A workspace, a worker that is played, and as many surfaces as a test starts."""

    clock: FakeClock
    slack: FakeSlack
    store: MoodyStore
    door: SlackDoor
    hub: Hub = field(default_factory=Hub)
    background: Background = field(default_factory=Background)

    def start(self, holder: str) -> "asyncio.Task[None]":
        feed = Feed(self.store, self.hub, self.clock)
        parts = SurfaceParts(self.store, feed, self.hub, self.door, self.clock, holder)
        return self.background.start(Surfaces(parts).run(), name=holder)

    async def ask(self, prompt: str = "A board") -> ScriptedWorker:
        """A task that somebody wants to see in C1; its worker has it."""
        origin = SlackOrigin(SlackThread("T1", "C1", ""), "U1")
        await self.store.enqueue(NewTask(ANN, TaskKind.GENERATE, prompt, slack=origin))
        worker = ScriptedWorker(self.store)
        await worker.take()
        return worker

    async def until_it_says(self, words: str) -> Message:
        await in_time(self.clock, lambda: any(words in text for text in self.texts))
        return self.lives[-1]

    async def pass_time(self, seconds: float) -> None:
        """Step by step, so that what goes over the network arrives."""
        for _ in range(round(seconds * 2)):
            await self.clock.advance(0.5)
            await asyncio.sleep(0.002)

    @property
    def lives(self) -> list[Message]:
        return [m for m in self.slack.bot_messages("C1") if not m.text.startswith("<@")]

    @property
    def words(self) -> list[Message]:
        """What is said at the end."""
        return [m for m in self.slack.bot_messages("C1") if m.text.startswith("<@")]

    @property
    def texts(self) -> list[str]:
        """All that a message shows."""
        return [f"{m.text} {m.blocks}" for m in self.lives]


@asynccontextmanager
async def quay(*, is_agent: bool = True) -> AsyncIterator[Quay]:
    clock, hub = FakeClock(), Hub()
    store = await MoodyStore.open(MEMORY, clock=clock, ids=SequentialIds(), waker=hub)
    assert isinstance(store, MoodyStore)
    async with FakeSlack(clock=clock, is_agent=is_agent) as slack:
        team = slack.workspace("T1")
        team.channel("C1", members=["U1"])
        door = SlackDoor(SlackLine(slack.api_url), OneToken(team.token))
        place = Quay(clock, slack, store, door, hub)
        try:
            yield place
        finally:
            stopping = Background()
            stopped = stopping.start(place.background.stop(), name="stop")
            await in_time(clock, stopped.done)
            await door.line.close()
            await store.close()


async def test_one_process_writes_and_another_goes_on_with_the_same_message() -> None:
    async with quay() as place:
        first = place.start("first")
        await settle()
        _ = place.start("second")
        worker = await place.ask()
        await worker.prepare()
        live = await place.until_it_says("Writing the app")
        first.cancel()
        await worker.complete(APP, title="Board")
        await place.until_it_says("Board: ready")
        await place.pass_time(5)

        assert place.lives == [live]
        assert await place.store.open_deliveries("T1") == []
        assert not await place.store.hold("slack-writer:T1", "third", for_s=1)


async def test_without_its_lock_it_sends_nothing_before_anybody_else_may() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        await worker.prepare()
        await place.until_it_says("Writing the app")
        place.store.away_for = "first"
        away_at = place.clock.monotonic()
        for number in range(60):
            await worker.say(f"Part {number}. ")
            await place.pass_time(1)

        sent = [call.at - away_at for call in place.slack.calls_of("chat.update")]
        assert max(sent) < LOCK_S - 9, "what is sent has to land in time, too"
        place.store.away_for = ""
        await worker.complete(APP, title="Board")
        await place.until_it_says("Board: ready")
        assert len(place.lives) == 1


async def test_what_others_wrote_while_its_lock_had_lapsed_is_not_written_again() -> None:
    async with quay() as place:
        _ = place.start("first")
        await place.pass_time(1)
        place.store.away_for = "first"
        await place.pass_time(LOCK_S - 5)
        worker = await place.ask()
        second = place.start("second")
        await in_time(place.clock, lambda: place.lives != [])
        second.cancel()
        await in_time(place.clock, second.done)
        place.store.away_for = ""
        await worker.complete(APP, title="Board")
        await place.until_it_says("Board: ready")

        assert len(place.lives) == 1


async def test_what_ended_while_it_was_looked_for_is_not_begun_again() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        await place.until_it_says("Starting")
        place.store.looking = asyncio.Event()
        await place.pass_time(3)
        await worker.complete(APP, title="Board")
        live = await place.until_it_says("Board: ready")
        await place.pass_time(10)
        place.store.looking.set()
        place.store.looking = None
        await place.pass_time(30)

        assert [": ready" in state.text for state in live.history].count(True) == 1
        assert len(place.words) == 1


async def test_a_killed_holder_is_followed_when_its_lock_has_ended() -> None:
    async with quay() as place:
        assert await place.store.hold("slack-writer:T1", "killed", for_s=LOCK_S)
        _ = place.start("second")
        worker = await place.ask()
        await place.pass_time(LOCK_S - 1)
        assert place.lives == []
        await place.pass_time(1 + STANDBY_S)
        assert len(place.lives) == 1
        await worker.complete(APP, title="Board")
        await place.until_it_says("Board: ready")


async def test_its_time_moves_while_nothing_happens() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        await worker.prepare()
        live = await place.until_it_says("Writing the app")
        before = len(live.history)
        await place.pass_time(120)

        assert 5 <= len(live.history) - before <= 10
        assert "still working" in place.texts[0]


async def test_after_the_end_nothing_is_followed_or_said_any_more() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        await worker.complete(APP, title="Board")
        await place.until_it_says("Board: ready")
        await place.pass_time(5)
        calls = len(place.slack.calls)
        await place.pass_time(120)

        assert len(place.slack.calls) == calls
        assert len(place.words) == 1
        assert place.hub.topics == 1


async def test_the_word_at_the_end_is_said_once_though_its_answer_is_lost() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        await worker.prepare()
        await place.until_it_says("Writing the app")
        place.slack.lose_answer("chat.postMessage")
        await worker.complete(APP, title="Board")
        await in_time(place.clock, lambda: place.words != [])
        await place.pass_time(30)

        assert len(place.words) == 1
        assert await place.store.open_deliveries("T1") == []


async def test_a_word_that_a_killed_process_has_said_is_not_said_again() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        live = await place.until_it_says("Starting")
        mark = f"{worker.claim.task.id}:done"
        assert await place.store.first_time(f"slack:{mark}", keep_s=600)
        said = SlackMessage("<@U1> It is ready.")
        _ = await place.door.post("T1", "C1", said, thread_ts=live.ts, task_id=mark)
        await worker.complete(APP, title="Board")
        await place.until_it_says("Board: ready")
        await place.pass_time(30)

        assert len(place.words) == 1


async def test_a_word_that_a_killed_process_was_about_to_say_is_said() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        assert await place.store.first_time(f"slack:{worker.claim.task.id}:done", keep_s=60)
        await worker.complete(APP, title="Board")
        await in_time(place.clock, lambda: place.words != [])
        await place.pass_time(30)

        assert len(place.words) == 1


async def test_a_workspace_that_is_gone_is_tried_once_a_minute_and_gone_on_with() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        await worker.prepare()
        live = await place.until_it_says("Writing the app")
        place.slack.revoke("T1", tells=False)
        await worker.complete(APP, title="Board")
        await place.pass_time(10)
        calls = len(place.slack.calls)
        await place.pass_time(2 * GONE_S)
        assert calls < len(place.slack.calls) <= calls + 4
        assert len(await place.store.open_deliveries("T1")) == 1, "it waits for better days"

        token = place.slack.tokens.all[place.slack.workspace("T1").token]
        token.error = None
        await place.until_it_says("Board: ready")
        assert place.lives == [live]


async def test_a_look_that_the_store_refuses_is_not_the_end_of_all_messages() -> None:
    async with quay() as place:
        place.store.is_odd = True
        _ = place.start("first")
        worker = await place.ask()
        await worker.prepare()
        await place.until_it_says("Writing the app")
        assert not place.store.is_odd


async def test_a_workspace_where_nothing_is_open_is_let_go_of() -> None:
    async with quay() as place:
        _ = place.start("first")
        await settle()
        assert await place.store.hold("slack-writer:T1", "somebody", for_s=0.1), "nobody's yet"
        worker = await place.ask()
        await worker.complete(APP, title="Board")
        await place.until_it_says("Board: ready")
        await place.pass_time(IDLE_S + 10)
        assert await place.store.hold("slack-writer:T1", "somebody", for_s=0.1)
        again = await place.ask("Another")
        await again.prepare()
        await place.until_it_says("Another")


async def test_slacks_own_sign_is_on_while_it_works_and_off_at_the_end() -> None:
    async with quay() as place:
        _ = place.start("first")
        worker = await place.ask()
        await worker.prepare()
        live = await place.until_it_says("Writing the app")
        sessions = place.slack.world.sessions
        await in_time(place.clock, lambda: ("C1", live.ts) in sessions)
        session = sessions["C1", live.ts]
        assert (session.status, session.title) == ("processing", "A board")
        place.slack.fail("agents.sessions.setStatus", "ratelimited", retry_after=2)
        await worker.complete(APP, title="Board")
        await in_time(place.clock, lambda: session.status == "active")


async def test_where_the_app_is_no_agent_it_asks_once_and_builds_all_the_same() -> None:
    async with quay(is_agent=False) as place:
        _ = place.start("first")
        for title in ("One", "Two"):
            worker = await place.ask()
            await worker.prepare()
            await place.pass_time(5)
            await worker.complete(APP, title=title)
            await place.until_it_says(f"{title}: ready")

        assert len(place.slack.calls_of("agents.sessions.setStatus")) == 1


async def test_many_are_followed_the_oldest_first_and_none_is_left_out() -> None:
    async with quay() as place:
        workers = [await place.ask(f"App {number}") for number in range(12)]
        _ = place.start("first")
        await in_time(place.clock, lambda: len(place.lives) == 12)
        for number, worker in enumerate(workers):
            await worker.complete(APP, title=f"App {number}")
        await in_time(place.clock, lambda: all(": ready" in m.text for m in place.lives))

        task_ids = [(m.history[0].metadata or {})["event_payload"]["task_id"] for m in place.lives]
        assert task_ids == [TaskId(f"task_{number + 1}") for number in range(12)]

"""Builds that are only played, in workspaces of a loopback Slack, and what people saw of them."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from agents.background import Background
from agents.events import StageEntered
from agents.system import SystemClock
from agents.types import OwnerId, Stage, TaskId, TaskKind
from bot.bootstrap import DISTANT_POLLING
from bot.feed import Feed, Hub
from bot.slack.door import EVENT_TYPE, SlackDoor
from bot.slack.errors import WorkspaceGone
from bot.slack.line import SlackLine
from bot.slack.messages import SurfaceParts, workspace_topic
from bot.slack.surface import STANDBY_S, Surface
from bot.store.port import NewTask, Store
from bot.store.slack_port import SlackOrigin, SlackThread
from tests.campaigns._places import StorePlace
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace
from tests.fakes.slack.world import Message, State
from tests.fakes.worker import APP, ScriptedWorker

RENEWED_S = 8.0
_FINAL = re.compile(r"(?:: |· )(?:ready|needs your decision|stopped)\b")
_STAGES = (Stage.VALIDATING, Stage.FIXING, Stage.VALIDATING, Stage.PREVIEW)


@dataclass(eq=False)
class Build:
    """One task, asked for in a channel of its own."""

    task_id: TaskId
    channel: str
    user: str
    worker: ScriptedWorker
    fails: bool
    ended_at: float = 0.0


@dataclass(frozen=True)
class Installed:
    """Knows each workspace's token of this moment. Implements `bot.slack.door.Tokens`."""

    slack: FakeSlack

    async def token(self, team_id: str, *, expired: str = "") -> str:
        del expired
        return self.slack.workspace(team_id).token


@dataclass
class Sea:
    """Everything that a storm plays on; `store` is the workers', the surfaces have their own."""

    slack: FakeSlack
    store: Store
    hub: Hub
    writers_store: Store
    writers_hub: Hub
    door: SlackDoor
    is_distant: bool
    rng: random.Random
    background: Background = field(default_factory=Background)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    holders: int = 0

    def surface(self, team: str) -> "asyncio.Task[None]":
        """Another process, as far as the store knows."""
        self.holders += 1
        clock = SystemClock()
        polling = DISTANT_POLLING if self.is_distant else None
        feed = Feed(self.writers_store, self.writers_hub, clock, polling)
        parts = SurfaceParts(
            store=self.writers_store,
            feed=feed,
            hub=self.writers_hub,
            door=self.door,
            clock=clock,
            holder=f"holder-{self.holders}",
        )
        return self.background.start(_keep(parts, team), name=f"surface-{team}")


async def _keep(parts: SurfaceParts, team: str) -> None:
    """One workspace's surface, as `Surfaces` keeps it; ends with the workspace."""
    with suppress(WorkspaceGone):
        while True:
            await Surface(parts, team).run()
            await parts.clock.sleep(STANDBY_S)


@asynccontextmanager
async def open_stage(place: StorePlace, seed: int) -> AsyncIterator[Sea]:
    hub, writers_hub = Hub(), Hub()
    store, writers_store = await place.open(hub), await place.open(writers_hub)
    try:
        async with FakeSlack() as slack:
            door = SlackDoor(SlackLine(slack.api_url), Installed(slack))
            rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
            stage = Sea(slack, store, hub, writers_store, writers_hub, door, place.is_distant, rng)
            try:
                yield stage
            finally:
                await stage.background.stop()
                await door.line.close()
    finally:
        await store.close()
        await writers_store.close()


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


# --- builds ---------------------------------------------------------------------------------------


async def begin(stage: Sea, team: Workspace, how_many: int, *, huge: bool = False) -> list[Build]:
    """Ask for so many apps, and have workers take them."""
    found: dict[TaskId, Build] = {}
    for number in range(how_many):
        user, channel = f"U{team.id}{number}", f"C{team.id}{number}"
        team.channel(channel, members=[user])
        thread_ts = ""
        if number % 2:  # half of them in a thread, as mentions are
            thread_ts = (await stage.slack.say(user, channel, "build it")).ts
        async with stage.asking:  # so that each worker takes its own
            row = await stage.store.enqueue(
                NewTask(
                    owner=OwnerId(f"slack:{team.id}:{user}"),
                    kind=TaskKind.GENERATE,
                    prompt=f"App {number} " + ("<&>😀" * 8_000 if huge else ""),
                    slack=SlackOrigin(SlackThread(team.id, channel, thread_ts), user),
                )
            )
            worker = ScriptedWorker(stage.store, name=f"worker_{row.id}")
            claim = await worker.take()
        fails = number % 5 == 4
        found[row.id] = Build(row.id, channel, user, worker, fails=fails)
        if claim.task.id != row.id:
            raise AssertionError("somebody else's task was claimed")
    stage.writers_hub.notify(workspace_topic(team.id))
    return list(found.values())


async def work(build: Build, seconds: float, rng: random.Random, *, huge: bool = False) -> None:
    """Everything but the end, for so long."""
    clock = SystemClock()
    until, renewed = clock.monotonic() + seconds, clock.monotonic()
    await build.worker.prepare()
    count = 0
    while clock.monotonic() < until:
        count += 1
        words = f"Part {count} of it is written now. "
        await build.worker.say(words * (200 if huge else 1))
        if count % 7 == 0:
            stage = _STAGES[(count // 7) % len(_STAGES)]
            await build.worker.play(StageEntered(stage=stage, message=f"At {stage} ({count})"))
        if count % 5 == 0:
            names = [f"src/{'ü&<' * 60 * huge}{count}-{n}.ts" for n in range(40 if huge else 1)]
            await build.worker.write(dict.fromkeys(names, b"export {};\n"))
        if clock.monotonic() - renewed > RENEWED_S:
            await build.worker.stop_if_asked()
            renewed = clock.monotonic()
        await asyncio.sleep(rng.uniform(0.2, 0.6))


async def end(stage: Sea, build: Build) -> None:
    build.ended_at = stage.slack.clock.monotonic()
    if build.fails:
        await build.worker.fail()
    else:
        await build.worker.complete(APP, title=f"App {build.channel}")


async def delivered(stage: Sea, team: str, limit_s: float) -> bool:
    """Whether every delivery of the workspace was closed in that time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while await stage.store.open_deliveries(team):  # noqa: ASYNC110 - as others see it
                await asyncio.sleep(0.1)
            return True
    return False


# --- what was seen --------------------------------------------------------------------------------


def is_final(state: State) -> bool:
    return _FINAL.search(state.text) is not None


def task_of(message: Message) -> str | None:
    noted: dict[str, Any] = dict(message.history[0].metadata or {})
    if noted.get("event_type") != EVENT_TYPE:
        return None
    return str(noted["event_payload"]["task_id"])


@dataclass
class Seen:
    """What became of some builds."""

    expected: int = 0
    finals: int = 0
    after_final: int = 0
    doubles: int = 0
    misplaced: int = 0
    untold: int = 0
    """No word at the end; where the message had to move, it is one itself."""
    double_replies: int = 0
    slowest_final_s: float = 0.0

    def __add__(self, other: "Seen") -> "Seen":
        sums = {name: getattr(self, name) + getattr(other, name) for name in vars(self)}
        sums["slowest_final_s"] = max(self.slowest_final_s, other.slowest_final_s)
        return Seen(**sums)


def look(slack: FakeSlack, builds: list[Build]) -> Seen:
    total = Seen()
    for build in builds:
        total += _look(slack, build)
    return total


def _look(slack: FakeSlack, build: Build) -> Seen:
    everything = [m for found in slack.world.messages.values() for m in found]
    mine = [m for m in everything if task_of(m) == build.task_id]
    living = [m for m in mine if not m.is_deleted and not m.channel.is_archived]
    ends = [m for m in living if is_final(m.now)]
    home = slack.world.channels[build.channel]
    right = "im" if home.is_archived else home.kind
    words = [m for m in everything if task_of(m) == f"{build.task_id}:done"]
    firsts = [next(s.at for s in m.history if is_final(s)) for m in ends]
    return Seen(
        expected=1,
        finals=min(len(ends), 1),
        after_final=sum(_after_final(m) for m in mine),
        doubles=max(len(living) - 1, 0),
        misplaced=sum(m.channel.kind != right for m in ends),
        untold=0 if words or home.is_archived else 1,
        double_replies=max(len(words) - 1, 0),
        slowest_final_s=round(max(firsts, default=0.0) - build.ended_at, 1) if firsts else 0.0,
    )


def _after_final(message: Message) -> int:
    """States that are not the final one, behind it."""
    ends = [number for number, state in enumerate(message.history) if is_final(state)]
    return sum(not is_final(s) for s in message.history[ends[0] :]) if ends else 0


def busiest_minute(slack: FakeSlack, team: str, method: str) -> int:
    """The most calls in any sixty seconds."""
    times = [c.at for c in slack.calls_of(method) if c.team == team]
    return max((sum(at <= t < at + 60 for t in times) for at in times), default=0)


def is_scripted(slack: FakeSlack, team: str, method: str) -> bool:
    """Whether something is still to go wrong there."""
    faults = (fault for fault in slack.faults._faults if fault.times)
    return any((fault.team, fault.method) == (team, method) for fault in faults)


def limited(slack: FakeSlack, team: str) -> int:
    return sum(c.status == 429 for c in slack.calls if c.team == team)

"""Campaign `acks`: how soon Slack has its acknowledgements while SIZE apps are really built.

A server process with all roles and SIZE workers, the offline model, real sandboxes; in one round
it is connected by Socket Mode, in the other it is called over HTTP. SIZE people ask for an app
each. When all are being built somebody does something in Slack every 50 to 100 ms, until fewer than
half of them are. What was sent before that, or was acknowledged after it, is not measured.

`acks` were measured of what people did, from sending to acknowledgement: `p50_ms` to `max_ms`.
`kinds` tells the figures by what was sent; `own message` there is the bot's own, of which Slack
tells it too. `running_min` and `running_median`: how many of the SIZE were being built at the
measured moments. `besides` are the builds that were asked for meanwhile. `stall_ms`: the longest
that this process, which plays Slack, stood still; a figure may be too large by that.
Above `rounds` stands the worse of both.
"""

import asyncio
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import median
from typing import Literal

from agents.background import Background
from agents.events import TaskStarted
from agents.system import SystemClock
from agents.types import OwnerId, TaskStatus
from bot.adapters import DATABASE
from bot.feed import Hub
from bot.render import slack_actions as buttons
from bot.slack.app import EVENTS_PATH
from bot.store.port import Store, TaskRow
from tests.campaigns._bustle import (
    COMMAND,
    SQUARE,
    TEAM,
    Town,
    channel_of,
    has_button,
    live_messages,
)
from tests.campaigns._machine_watch import LoopWatch
from tests.campaigns._places import StorePlace, store_place
from tests.fakes.server import serving
from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message
from tests.fakes.waiting import until

DEFAULT_SIZE = 20
P99_MS = 500.0
ENOUGH = 15
"""So many acknowledgements for each app, or a round says too little."""

OWN = "own message"
FIRST = "A notice board"
FRAMEWORKS = ("react", "svelte", "vue")
_LOOK_S = 0.25
_FIRST_S = 120.0
_BUILT_S = 900.0

Way = Literal["socket", "http"]
WAYS: tuple[Way, ...] = ("socket", "http")


@dataclass(frozen=True, slots=True)
class Span:
    """From the start of an app's task to its end, in monotonic seconds."""

    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Round:
    """What happened in one."""

    deliveries: Sequence[Delivery]
    apps: Sequence[TaskRow]
    spans: Sequence[Span]
    besides: Sequence[TaskRow]
    deeds: int
    stall_ms: float
    complaints: Sequence[str]

    def running(self, delivery: Delivery) -> int:
        """How many of the apps were being built when it was sent, and still when acknowledged."""
        sent, taken = delivery.attempts[0].at, _taken_at(delivery)
        return sum(span.began <= sent and taken < span.ended for span in self.spans)


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """One round for each way; figures as the module docstring says."""
    return await play(WAYS, seed=seed, size=size, store=store)


async def play(ways: Iterable[Way], *, seed: int, size: int, store: str) -> Mapping[str, object]:
    """One round for each of these ways."""
    rounds: dict[str, Mapping[str, object]] = {}
    for way in ways:
        played = await _play_round(way, store, size, Random(seed))  # noqa: S311 - repeatable
        rounds[way] = _figures(played)
        print(f"{way}: {rounds[way]}", file=sys.stderr, flush=True)
        print(*played.complaints[:5], sep="\n", file=sys.stderr, flush=True)
    return _judge(rounds, size)


async def _play_round(way: Way, store: str, size: int, rng: Random) -> Round:
    people = [f"U{number}" for number in range(1, size + 1)]
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zapdev-acks-"))
        data_dir = Path(folder) / "data"
        slack = await stack.enter_async_context(FakeSlack())
        team = slack.workspace(TEAM)
        team.channel(SQUARE, members=people)
        for user in people:
            team.channel(channel_of(user), members=[user])
        place, state = StorePlace("sqlite", str(data_dir / DATABASE)), {}
        if store != "sqlite":
            place = await stack.enter_async_context(store_place(store))
            state = {"CONVEX_URL": place.address, "CONVEX_SERVICE_KEY": place.key}
        settings = {
            "SLACK_BOT_TOKEN": team.token,
            "SLACK_API_URL": slack.api_url,
            "ZAPDEV_WORKERS": str(size),
            **_connection(way, slack),
            **state,
        }
        server = await stack.enter_async_context(serving(data_dir, **settings))
        if way == "http":
            slack.attach_http(f"{server.url}{EVENTS_PATH}")
        else:
            await slack.connected()
        tasks = await place.open(Hub())
        stack.push_async_callback(tasks.close)
        town = Town(slack, rng, people, await _finished_app(slack, people[0]), 2 + size // 5)
        stall_ms = await _play(town, tasks)
        return await _seen(town, tasks, stall_ms, server.complaints)


def _connection(way: Way, slack: FakeSlack) -> Mapping[str, str]:
    if way == "socket":
        return {"SLACK_APP_TOKEN": slack.app_token}
    return {"SLACK_SIGNING_SECRET": slack.secrets.signing_secret}


async def _finished_app(slack: FakeSlack, user: str) -> Message:
    """The message of an app that is built before anything is measured."""
    await slack.command(user, SQUARE, COMMAND, f"{FIRST} --framework react")
    await until(lambda: live_messages(slack, SQUARE) != [], _FIRST_S)
    [message] = live_messages(slack, SQUARE)
    await until(lambda: has_button(message, buttons.FILES), _FIRST_S)
    return message


async def _play(town: Town, tasks: Store) -> float:
    """Everybody's app, the bustle while they are built, every end; this process's longest stall."""
    for user, framework in zip(town.people, cycle(FRAMEWORKS), strict=False):
        words = f"{_prompt_of(user)} --framework {framework}"
        await town.slack.command(user, channel_of(user), COMMAND, words)
    await _until(town, tasks, lambda apps: all(a.status is not TaskStatus.PENDING for a in apps))
    half = math.ceil(len(town.people) / 2)
    watch, background, enough = LoopWatch(), Background(), asyncio.Event()
    background.spawn(watch.run(), name="watch")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(town.bustle(enough))
            await _until(town, tasks, lambda apps: sum(map(_goes_on, apps)) < half)
            enough.set()
    finally:
        await background.stop()
    await _until(town, tasks, lambda all_: not any(map(_goes_on, all_)), besides=True)
    await town.slack.settled()
    return watch.longest_s * 1_000


async def _until(
    town: Town, tasks: Store, holds: Callable[[list[TaskRow]], bool], *, besides: bool = False
) -> None:
    """Until that is so of everybody's app, or of what was asked for besides as well."""
    async with asyncio.timeout(_BUILT_S):
        while True:
            rows = await _tasks_of(tasks, town.people)
            apps = _apps(rows, town.people)
            if len(apps) == len(town.people) and holds(rows if besides else apps):
                return
            await asyncio.sleep(_LOOK_S)


async def _tasks_of(tasks: Store, people: Iterable[str]) -> list[TaskRow]:
    rows: list[TaskRow] = []
    for user in people:
        owner = OwnerId(f"slack:{TEAM}:{user}")
        for project in await tasks.projects(owner):
            rows += await tasks.tasks(owner, project.id)
    return rows


def _prompt_of(user: str) -> str:
    return f"A boat yard for {user}"


def _apps(rows: Iterable[TaskRow], people: Iterable[str]) -> list[TaskRow]:
    prompts = {_prompt_of(user) for user in people}
    return [row for row in rows if row.prompt in prompts]


def _goes_on(row: TaskRow) -> bool:
    return not row.status.is_terminal


async def _seen(town: Town, tasks: Store, stall_ms: float, complaints: Sequence[str]) -> Round:
    rows = await _tasks_of(tasks, town.people)
    apps = _apps(rows, town.people)
    known = {row.id for row in apps}
    return Round(
        deliveries=list(town.slack.deliveries),
        apps=apps,
        spans=[await _span_of(tasks, row) for row in apps],
        besides=[row for row in rows if row.id not in known and row.prompt != FIRST],
        deeds=town.done,
        stall_ms=stall_ms,
        complaints=list(complaints),
    )


async def _span_of(tasks: Store, row: TaskRow) -> Span:
    """The log has the time of day, by this machine's clock too."""
    clock = SystemClock()
    offset_s = clock.monotonic() - clock.now().timestamp()
    log = await tasks.read(row.id, limit=100_000)
    began = next(recorded.at for recorded in log if isinstance(recorded.event, TaskStarted))
    return Span(began.timestamp() + offset_s, log[-1].at.timestamp() + offset_s)


# --- figures -----------------------------------------------------------------------------


def _figures(played: Round) -> Mapping[str, object]:
    half = math.ceil(len(played.apps) / 2)
    running = {id(d): played.running(d) for d in played.deliveries}
    measured = [d for d in played.deliveries if d.is_acked and running[id(d)] >= half]
    by_kind: dict[str, list[float]] = {}
    for delivery in measured:
        by_kind.setdefault(kind_of(delivery), []).append(_took_ms(delivery))
    of_people = [d for d in measured if kind_of(d) != OWN]
    busy = [running[id(d)] for d in of_people]
    built = sum(row.status is TaskStatus.COMPLETE for row in played.apps)
    return {
        **_times([_took_ms(d) for d in of_people]),
        "running_min": min(busy, default=0),
        "running_median": median(busy) if busy else 0,
        "unacknowledged": sum(not d.is_acked for d in played.deliveries),
        "repeated": sum(len(d.attempts) > 1 for d in played.deliveries),
        "deliveries": len(played.deliveries),
        "deeds": played.deeds,
        "built": built,
        "failed": len(played.apps) - built,
        "besides": dict(Counter(row.status.value for row in played.besides)),
        "building_s": round(_building_s(played.spans), 1),
        "stall_ms": round(played.stall_ms, 1),
        "complaints": len(played.complaints),
        "kinds": {kind: _times(times) for kind, times in sorted(by_kind.items())},
    }


def kind_of(delivery: Delivery) -> str:
    """`app_mention`, `block_actions`, `/zapdev`, …; the bot's own messages apart."""
    event = delivery.event
    written = event.get("message", event)
    return OWN if written.get("bot_id") else delivery.type


def _taken_at(delivery: Delivery) -> float:
    last = delivery.attempts[-1]
    return last.at + last.latency_s


def _took_ms(delivery: Delivery) -> float:
    """From the first sending, also where it was repeated."""
    return (_taken_at(delivery) - delivery.attempts[0].at) * 1_000


def _times(times_ms: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times_ms)

    def at(share: float) -> float:
        return round(ordered[math.ceil(share * len(ordered)) - 1], 1) if ordered else math.inf

    return {
        "acks": len(ordered),
        "p50_ms": at(0.5),
        "p95_ms": at(0.95),
        "p99_ms": at(0.99),
        "max_ms": at(1.0),
    }


def _building_s(spans: Sequence[Span]) -> float:
    return max(span.ended for span in spans) - min(span.began for span in spans)


def _judge(rounds: Mapping[str, Mapping[str, object]], size: int) -> Mapping[str, object]:
    def each(name: str) -> list[float]:
        return [float(str(figures[name])) for figures in rounds.values()]

    worst = ("p50_ms", "p95_ms", "p99_ms", "max_ms", "stall_ms")
    least = ("running_min", "running_median")
    summed = ("acks", "unacknowledged", "repeated", "built", "failed", "complaints")
    total = {name: int(sum(each(name))) for name in summed}
    held = (
        max(each("p99_ms")) <= P99_MS
        and min(each("acks")) >= ENOUGH * size
        and total["built"] == size * len(rounds)
        and not (total["unacknowledged"] or total["repeated"] or total["complaints"])
    )
    return {
        "ok": held,
        **total,
        **{name: max(each(name)) for name in worst},
        **{name: min(each(name)) for name in least},
        "rounds": rounds,
    }

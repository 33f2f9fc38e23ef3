"""Slack repeats itself: every event four times, in any order, at two processes. One effect each.

Two bots over one store, each with a connection of its own. The events are what people do: mentions
(told as two events), replies in threads, direct messages, commands. The effects are tasks.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest

from agents.types import OwnerId
from bot.feed import Hub
from bot.store.port import Store, TaskRow
from tests.campaigns._places import store_place
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import Bot, slack_bot

DEFAULT_SIZE = 1_000
DELIVERIES = 4
PROCESSES = 2
AT_ONCE = 16
PEOPLE = ("U1", "U2", "U3")
THREADS = 10
_KINDS = ("mention", "reply", "mention in thread", "direct", "command")

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a person did: what it must have begun, and every payload that tells of it."""

    prompt: str
    payloads: Sequence[Payload]


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Each deed has exactly one task with its words."""
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    async with (
        store_place(store) as place,
        FakeSlack(rate_limits=False) as slack,
        AsyncExitStack() as stack,
    ):
        team = slack.workspace("T1")
        team.channel("C1", members=PEOPLE)
        stores = [await place.open(Hub()) for _ in range(PROCESSES)]
        for opened in stores:
            stack.push_async_callback(opened.close)
        bots = [await stack.enter_async_context(_bot(slack, opened)) for opened in stores]
        roots = [await _app(bots[0], f"the app of thread {n}") for n in range(THREADS)]
        slack.attach_http(None)
        deeds = [await _do(slack, rng, roots, number) for number in range(size)]
        before = len(await _tasks(stores[0]))
        lost = await _deliver(bots, rng, deeds)
        for bot in bots:
            await bot.app.listeners.work.settled()
        rows = (await _tasks(stores[0]))[before:]
    return _judge(deeds, rows, lost)


@asynccontextmanager
async def _bot(slack: FakeSlack, store: Store) -> AsyncIterator[Bot]:
    async with slack_bot(slack, store) as running:
        yield running


async def _app(bot: Bot, prompt: str) -> str:
    """A thread with an app in it."""
    root = await bot.slack.mention("U1", "C1", prompt)
    await bot.app.listeners.work.settled()
    return root.ts


async def _do(slack: FakeSlack, rng: random.Random, roots: Sequence[str], number: int) -> Deed:
    """Somebody does something while nobody listens; what Slack would tell of it."""
    begun, user, kind = len(slack.deliveries), rng.choice(PEOPLE), rng.choice(_KINDS)
    prompt = f"wish number {number}"
    match kind:
        case "mention":
            await slack.mention(user, "C1", prompt)
        case "mention in thread":
            await slack.mention(user, "C1", prompt, rng.choice(roots))
        case "reply":
            await slack.say(user, "C1", prompt, rng.choice(roots))
        case "direct":
            await slack.dm(user, prompt)
        case _:
            await slack.command(user, "C1", "/zapdev", prompt)
    return Deed(prompt, [delivery.payload for delivery in slack.deliveries[begun:]])


async def _deliver(bots: Sequence[Bot], rng: random.Random, deeds: Sequence[Deed]) -> int:
    """Everything often, in any order, to any process; how many were not acknowledged."""
    told = [payload for deed in deeds for payload in deed.payloads]
    waiting = told * DELIVERIES
    rng.shuffle(waiting)
    targets = [rng.choice(bots) for _ in waiting]
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(bot: Bot, payload: Payload) -> int:
        async with turn:
            request = AsyncBoltRequest(mode="socket_mode", body=payload)
            answer = await bot.app.bolt.async_dispatch(request)
        return int(answer.status != 200)

    pairs = zip(targets, waiting, strict=True)
    return sum(await asyncio.gather(*(one(bot, payload) for bot, payload in pairs)))


async def _tasks(store: Store) -> list[TaskRow]:
    """Every task of these people, the oldest first."""
    owners = [OwnerId(f"slack:T1:{user}") for user in PEOPLE]
    rows: list[TaskRow] = []
    for owner in owners:
        for project in await store.projects(owner, limit=100_000):
            rows += await store.tasks(owner, project.id)
    return sorted(rows, key=lambda row: row.created_at)


def _judge(deeds: Sequence[Deed], rows: Sequence[TaskRow], lost: int) -> Mapping[str, object]:
    """Effects are told apart by their words, of which each deed has its own."""
    counted = Counter(row.prompt for row in rows)
    doubled = sum(number - 1 for number in counted.values())
    missing = sum(deed.prompt not in counted for deed in deeds)
    delivered = sum(len(deed.payloads) for deed in deeds) * DELIVERIES
    figures = {
        "effects": len(rows),
        "expected": len(deeds),
        "doubled": doubled,
        "missing": missing,
        "deliveries": delivered,
        "processes": PROCESSES,
        "unacknowledged": lost,
    }
    held = len(rows) == len(deeds) and doubled == missing == lost == 0
    return {"ok": held and delivered >= DELIVERIES * len(deeds), **figures}

"""Campaign `outage`: Convex is dead, hangs, answers 503 or takes 5 s while apps are being built.

One server process over the loopback host, its sandboxes in memory. In each round SIZE people ask
for an app and follow it; when all are being written the trouble begins, and it outlasts a lease.
Meanwhile somebody keeps asking for answers; when it is over every task has to go on where it was.

`loop_stall_ms`: the longest the server's event loop stood still, in any round; `machine_stall_ms`:
the same of this, almost idle, process. `slowest_answer_s` and `answers`: what was asked meanwhile.
`restarted`: tasks that another attempt went on with. The rest is as in `takeover`.
"""

import asyncio
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from agents.background import Background
from agents.system import SystemClock
from bot.feed import Hub
from bot.store.convex_client import CALL_S
from tests.campaigns._boats import answer, name_of, prompt_for
from tests.campaigns._effects import Ledger
from tests.campaigns._light_process import Surroundings
from tests.campaigns._machine_watch import LoopWatch
from tests.campaigns._places import StorePlace
from tests.campaigns._readers import Readers
from tests.campaigns._takeover_judge import judge
from tests.campaigns.takeover import BOUNDS, SEEN, traces
from tests.fakes.convex import ConvexHost, start_host
from tests.fakes.openrouter import FakeOpenRouter
from tests.fakes.server import ROOT
from tests.fakes.waiting import until

DEFAULT_SIZE = 8
OUTAGE_S = 40.0
"""Longer than a lease; shorter, in proportion, for fewer people."""

STALL_MS = 50.0
FRAMES = 5
"""A reader that has seen so many frames is in the middle of its app."""

_ASK_EVERY_S = 0.5
_SETTLE_S = 120.0

Trouble = Callable[[ConvexHost], Awaitable[None]]
TROUBLES: Mapping[str, Trouble] = {
    "dead": lambda host: host.stop_listening(),
    "hang": lambda host: host.set_fault("hang"),
    "unavailable": lambda host: host.set_fault("unavailable"),
    "slow": lambda host: host.set_fault("slow", ms=5_000),
}


@dataclass(slots=True)
class Asked:
    """What a client saw that asked during the trouble: how often each answer, and the slowest."""

    answers: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    unclear: list[str] = field(default_factory=list)
    health_slowest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Server:
    """The process under test."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        await self.process.stdin.drain()

    async def stall_ms(self) -> float:
        """The longest stall of its event loop since `begin`."""
        await self.tell("report")
        assert self.process.stdout is not None
        return float(json.loads(await self.process.stdout.readline())["stall_ms"])

    @property
    def complaints(self) -> list[str]:
        """What it logged that is no consequence of an absent database."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if "Traceback" in line or '"task crashed"' in line]


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """One round for each trouble; figures as the module docstring says."""
    rng = Random(seed)  # noqa: S311 - repeatable on purpose
    rounds: dict[str, dict[str, object]] = {}
    watch, background = LoopWatch(), Background()
    with tempfile.TemporaryDirectory(prefix="zapdev-outage-") as name, start_host() as host:
        place = StorePlace("convex", host.url, host.service_key_pem)
        async with FakeOpenRouter() as model:
            model.always(answer)
            given = Surroundings(place, model.base_url, str(Path(name, "effects")))
            async with serving(given, Path(name)) as server:
                background.spawn(watch.run(), name="watch")
                try:
                    for number, trouble in enumerate(TROUBLES):
                        first = number * size
                        readers = _people(first, size, server.url, rng)
                        rounds[trouble] = await _round(server, host, trouble, readers, given)
                finally:
                    await background.stop()
            complaints = server.complaints
    return _figures(rounds, complaints, watch.longest_s * 1_000)


def _people(first: int, size: int, url: str, rng: Random) -> Readers:
    prompts = [prompt_for(name_of(number)) for number in range(first, first + size)]
    return Readers(prompts, [url], rng, at_once=size, first=first)


async def _round(
    server: Server, host: ConvexHost, trouble: str, readers: Readers, given: Surroundings
) -> dict[str, object]:
    """Everybody in the middle, the trouble, its end, and every end."""
    background, asked = Background(), Asked()
    outage_s = OUTAGE_S * min(1.0, len(readers.tasks) / DEFAULT_SIZE)
    print(f"{trouble}: {len(readers.tasks)} apps, {outage_s:.0f} s", file=sys.stderr, flush=True)
    try:
        whole = background.start(readers.run(), name="readers")
        await until(lambda: all(len(t.frames) >= FRAMES for t in readers.tasks), limit_s=_SETTLE_S)
        await server.tell("begin")
        await TROUBLES[trouble](host)
        enough = asyncio.Event()
        asking = background.start(_keep_asking(server.url, readers, asked, enough), name="asking")
        await asyncio.wait({asking}, timeout=outage_s)
        enough.set()  # what was asked is still answered, at the latest after CALL_S
        await asyncio.wait_for(asking, CALL_S + 5)
        ended_meanwhile = readers.ended
        await _end_of_trouble(host)
        await asyncio.wait_for(whole, _SETTLE_S)
    finally:
        await background.stop()
    stall_ms = await server.stall_ms()
    database = await given.place.open(Hub())
    try:
        tasks = await traces(database, readers, Ledger(Path(given.ledger)))
    finally:
        await database.close()
    tally, figures = judge(tasks, [])
    for line in [*tally.examples, *asked.unclear[:3]]:
        print(line, file=sys.stderr, flush=True)
    bounds = {kind: tally.problems[kind] for kind in (*BOUNDS, *SEEN)}
    return {
        **bounds,
        "events": figures["events"],
        "ended_meanwhile": ended_meanwhile,
        "restarted": sum(task.row.attempts > 1 for task in tasks),
        "stall_ms": stall_ms,
        "slowest_answer_s": round(asked.slowest_s, 2),
        "slowest_health_s": round(asked.health_slowest_s, 3),
        "answers": dict(asked.answers),
        "unclear": len(asked.unclear),
    }


async def _end_of_trouble(host: ConvexHost) -> None:
    await host.clear_faults()
    await host.listen_again()


async def _keep_asking(url: str, readers: Readers, asked: Asked, enough: asyncio.Event) -> None:
    """Ask for a task, for all projects and for the server's health until it is enough.

    Returns when everything that was asked has its answer.
    """
    task_id = readers.tasks[0].task_id
    async with aiohttp.ClientSession(url) as http, asyncio.TaskGroup() as asks:
        while not enough.is_set():
            for path in (f"/api/tasks/{task_id}", "/api/projects"):
                asks.create_task(_ask(http, path, asked))
            await _ask_health(http, asked)
            await asyncio.sleep(_ASK_EVERY_S)


async def _ask(http: aiohttp.ClientSession, path: str, asked: Asked) -> None:
    clock = SystemClock()
    began = clock.monotonic()
    try:
        async with http.get(path) as reply:
            body = await reply.json()
    except (aiohttp.ClientError, ValueError) as error:
        asked.unclear.append(f"{path}: {error!r}")
        return
    asked.slowest_s = max(asked.slowest_s, clock.monotonic() - began)
    asked.answers[str(reply.status)] += 1
    if reply.status != 200 and not _is_clear(reply, body):
        asked.unclear.append(f"{path}: {reply.status} {str(body)[:200]}")


def _is_clear(reply: aiohttp.ClientResponse, body: Mapping[str, Mapping[str, str]]) -> bool:
    """A 503 that says what is wrong, what to do, and when to come back."""
    with suppress(KeyError):
        error = body["error"]
        says = error["code"] == "store_unavailable" and error["message"] and error["hint"]
        return bool(reply.status == 503 and says and "Retry-After" in reply.headers)
    return False


async def _ask_health(http: aiohttp.ClientSession, asked: Asked) -> None:
    clock = SystemClock()
    began = clock.monotonic()
    async with http.get("/healthz") as reply:
        if reply.status != 200:
            asked.unclear.append(f"/healthz: {reply.status}")
    asked.health_slowest_s = max(asked.health_slowest_s, clock.monotonic() - began)


@asynccontextmanager
async def serving(given: Surroundings, folder: Path) -> AsyncIterator[Server]:
    """The process under test; never outlives the context."""
    log = folder / "server.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.campaigns._outage_process", given.dump()),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert line, log.read_text()[-2_000:]
        yield Server(process, json.loads(line)["url"], log)
    finally:
        process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 20)
        if process.returncode is None:
            process.kill()
            await process.wait()


def _figures(
    rounds: Mapping[str, Mapping[str, object]], complaints: list[str], machine_ms: float
) -> Mapping[str, object]:
    def worst(name: str) -> float:
        return max((float(str(figures[name])) for figures in rounds.values()), default=math.inf)

    for line in complaints[:5]:
        print(line, file=sys.stderr, flush=True)
    counted = {kind: int(worst(kind)) for kind in (*BOUNDS, *SEEN, "unclear")}
    stall_ms, slowest_s = worst("stall_ms"), worst("slowest_answer_s")
    calm = stall_ms <= max(STALL_MS, 2 * machine_ms)
    in_time = slowest_s <= CALL_S + 1 and worst("slowest_health_s") <= 1.0
    return {
        "ok": not any(counted.values()) and not complaints and calm and in_time,
        **counted,
        "loop_stall_ms": stall_ms,
        "machine_stall_ms": round(machine_ms, 1),
        "slowest_answer_s": slowest_s,
        "slowest_health_s": worst("slowest_health_s"),
        "restarted": int(worst("restarted")),
        "rounds": rounds,
        "complaints": len(complaints),
    }

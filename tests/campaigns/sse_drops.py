"""Campaign `sse-drops`: connections are cut SIZE times, and each is taken up at a random cursor.

Two processes over one store serve streams and write logs, of 20 events for each cut. Readers cut
their connection at a random frame and go on at either process, half of the time behind the last
frame they have, else behind any earlier one. When half of all has been written one process is
killed (`kill -9`) in the middle of its logs, its readers' streams with it; another takes its place,
and the logs are gone on with when their leases end.

Every connection is judged against the log as the store has it in the end: `gaps`, `duplicates`,
`disorder`, `wrong_frames` of what it got behind its cursor. `unread`: frames that a reader has never
been shown. `resume_p95_ms`: until the first frame, where there was one to be had. `cuts` were the
readers', `broken` the killed process's.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from agents.background import Background
from agents.system import SystemClock
from agents.types import TaskId
from bot.feed import Hub
from bot.render.sse import to_wire
from bot.store.port import Store
from tests.campaigns._crew import Crew, Helper, ProcessEnded, crew
from tests.campaigns._light_process import Surroundings
from tests.campaigns._places import store_place
from tests.fakes.server import Frame, frames

DEFAULT_SIZE = 500
EVENTS_PER_CUT = 20
TASKS = 10
READERS_PER_TASK = 2
SILENCE_S = 60.0
AWAY_S = 0.2
LIMIT_S = 900.0
FAULTS = ("gaps", "duplicates", "disorder", "wrong_frames", "unread")

_CLOCK = SystemClock()


@dataclass(slots=True)
class Connection:
    """What came behind one cursor."""

    after: int
    frames: list[Frame] = field(default_factory=list)


@dataclass(slots=True)
class Reader:
    """Follows one task to its end, and cuts its connection `cuts_left` times."""

    task_id: str
    cuts_left: int
    rng: Random
    longest: int
    connections: list[Connection] = field(default_factory=list)
    seen: int = 0
    at_end: bool = False
    cuts: int = 0
    broken: int = 0
    resumed_s: list[float] = field(default_factory=list)

    async def run(self, http: aiohttp.ClientSession, heralds: Sequence[Helper]) -> None:
        """Until the end was seen, and every cut was made."""
        while self.cuts_left or not self.at_end:
            after = self.seen if self.rng.random() < 0.5 else self.rng.randint(0, self.seen)
            if self.at_end and after == self.seen:
                after = self.rng.randrange(self.seen)
            here = self.rng.choice(list(heralds)).id
            before = len(self.connections)
            try:
                await self._connect(http, here, after)
            except aiohttp.ClientError:
                self.broken += len(self.connections) - before  # a stream that had begun
                await asyncio.sleep(AWAY_S)

    async def _connect(self, http: aiohttp.ClientSession, url: str, after: int) -> None:
        in_query = self.rng.random() < 0.5 and after
        headers = {} if in_query or not after else {"Last-Event-ID": str(after)}
        query = {"taskId": self.task_id} | ({"after": str(after)} if in_query else {})
        asked_at, stop_at = _CLOCK.monotonic(), self.rng.randint(1, self.longest)
        connection = Connection(after)
        async with http.get(f"{url}/api/stream-progress", params=query, headers=headers) as answer:
            answer.raise_for_status()
            self.connections.append(connection)
            async for frame in frames(answer):
                if not connection.frames and after < self.seen:
                    self.resumed_s.append(_CLOCK.monotonic() - asked_at)
                connection.frames.append(frame)
                self.seen = max(self.seen, frame.seq)
                self.at_end = self.at_end or frame.is_terminal
                if self.cuts_left and len(connection.frames) >= stop_at:
                    self.cuts_left -= 1
                    self.cuts += 1
                    answer.close()
                    return
        if not connection.frames or not connection.frames[-1].is_terminal:
            self.broken += 1


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Play it; the figures are named in the campaign's module docstring."""
    rng, began = Random(seed), _CLOCK.monotonic()  # noqa: S311 - repeatable on purpose
    with tempfile.TemporaryDirectory(prefix="zapdev-drops-") as name:
        async with store_place(store) as place:
            given = Surroundings(place, "http://127.0.0.1:1/v1", str(Path(name, "effects")))
            async with crew(given, Path(name), workers=0, sidecars=0) as people:
                database = await place.open(Hub())
                try:
                    readers = await _play(people, database, size, rng)
                    figures = await _judge(readers, database)
                finally:
                    await database.close()
                complaints = people.complaints()
    cuts = sum(reader.cuts for reader in readers)
    ok = cuts == size and not complaints and not any(figures[name] for name in FAULTS)
    return {
        "ok": ok and figures["events"] == _per_task(size) * TASKS,
        "cuts": cuts,
        "broken": sum(reader.broken for reader in readers),
        **figures,
        "complaints": len(complaints),
        "runtime_s": round(_CLOCK.monotonic() - began, 1),
    }


def _per_task(size: int) -> int:
    return max(20, size * EVENTS_PER_CUT // TASKS)


async def _play(people: Crew, database: Store, size: int, rng: Random) -> list[Reader]:
    heralds = list(await asyncio.gather(people.start("herald"), people.start("herald")))
    background = Background()
    timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        ids = [await _ask(http, rng.choice(heralds).id, _per_task(size)) for _ in range(TASKS)]
        count = TASKS * READERS_PER_TASK
        shares = [size // count + (number < size % count) for number in range(count)]
        longest = max(2, round(1.6 * _per_task(size) / max(1, shares[0])))
        readers = [
            Reader(ids[number % TASKS], share, Random(rng.random()), longest)  # noqa: S311
            for number, share in enumerate(shares)
        ]
        reading = [background.start(reader.run(http, heralds), name="reader") for reader in readers]
        killing = background.start(_kill_one(people, heralds, database, ids, size), name="killer")
        try:
            async with asyncio.timeout(LIMIT_S):
                await asyncio.gather(killing, *reading)
        finally:
            await background.stop()
    return readers


async def _ask(http: aiohttp.ClientSession, url: str, events: int) -> str:
    headers = {"Accept": "application/json"}
    body = {"prompt": str(events)}
    async with http.post(f"{url}/api/generate", json=body, headers=headers) as answer:
        answer.raise_for_status()
        return str((await answer.json())["taskId"])


async def _kill_one(
    people: Crew, heralds: list[Helper], database: Store, ids: Sequence[str], size: int
) -> None:
    """When half has been written; its place is empty until the next one is ready."""
    half = _per_task(size) // 2
    while not await database.read(TaskId(ids[0]), after=half, limit=1):
        if people.failure is not None:
            raise people.failure
        await asyncio.sleep(0.05)
    victim = heralds.pop(0)
    people.workers.remove(victim)
    victim.process.kill()
    if await victim.process.wait() == 0:
        raise ProcessEnded("the process had ended before it was killed")
    heralds.append(await people.start("herald"))


async def _judge(readers: Sequence[Reader], database: Store) -> dict[str, int | float]:
    figures: dict[str, int | float] = dict.fromkeys((*FAULTS, "events", "frames", "connections"), 0)
    shown: dict[str, dict[int, object]] = {}
    for task_id in sorted({reader.task_id for reader in readers}):
        log = await database.read(TaskId(task_id), limit=1_000_000)
        wires = {recorded.seq: to_wire(recorded) for recorded in log}
        shown[task_id] = {seq: wire for seq, wire in wires.items() if wire is not None}
        figures["events"] += len(log)
    for reader in readers:
        expected, got = shown[reader.task_id], set[int]()
        for connection in reader.connections:
            _compare(connection, expected, figures)
            got |= {frame.seq for frame in connection.frames}
        figures["unread"] += len(expected.keys() - got)
    waits = sorted(wait for reader in readers for wait in reader.resumed_s)
    p95 = waits[int(len(waits) * 0.95)] if waits else 0.0
    return {**figures, "resume_p95_ms": round(p95 * 1_000, 1)}


def _compare(
    connection: Connection, expected: Mapping[int, object], figures: dict[str, int | float]
) -> None:
    """What came has to be the log behind the cursor, from its first frame on, and nothing else."""
    seqs = [frame.seq for frame in connection.frames]
    due = [seq for seq in expected if connection.after < seq <= max(seqs, default=0)]
    figures["connections"] += 1
    figures["frames"] += len(seqs)
    figures["gaps"] += len(set(due) - set(seqs))
    figures["duplicates"] += len(seqs) - len(set(seqs))
    figures["disorder"] += seqs != sorted(seqs)
    figures["wrong_frames"] += sum(
        frame.seq not in due or not _is(frame, expected[frame.seq]) for frame in connection.frames
    )


def _is(frame: Frame, wire: object) -> bool:
    """The frame has all that the event says; the last one has the app beside it."""
    return isinstance(wire, dict) and frame.data.items() >= wire.items()

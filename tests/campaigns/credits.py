"""Campaign `credits`: do many who start at once, at several processes, get more than they may?

SIZE starts of each free owner at once, in two processes on one store, give exactly 5 builds. Then
workers over two connections end some of them, well or not, some twice; each credit that comes back lets
exactly one more start through, however many try. In the end each owner's use is what the rows and
the logs of their tasks tell. Slow buckets are tried beside it: as many get through as they hold.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agents.errors import LeaseLost, QuotaExceeded, SeqConflict, TooFast
from agents.events import TaskCancelled, TaskCompleted, TaskFailed, UsageRecorded
from agents.system import SystemClock
from agents.task_state import fold
from agents.types import OwnerId, TaskStatus, Usage, WorkerId
from bot.feed import Hub
from bot.services.metering import Asker, Quotas
from bot.services.tasks import StartRequest, TaskService
from bot.store.port import Claim, Ending, Store, TaskRow
from tests.campaigns._credits_process import FREE, door, rush
from tests.campaigns._places import StorePlace, store_place

DEFAULT_SIZE: Final = 200
OWNERS: Final = 8
PROCESSES: Final = 2
ROUNDS: Final = 6
BURST: Final = 10
HASTY: Final = Quotas(credits=None, max_open=1_000_000, person_per_hour=6 * BURST, group_per_hour=0)
ROOT: Final = Path(__file__).parents[2]
_PATIENCE_S: Final = 120.0
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class Tally:
    """What was seen."""

    accepted: Counter[OwnerId] = field(default_factory=Counter)
    refused: int = 0
    overdrawn: int = 0
    wrongly_refused: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Start, end and start again; then look at every line."""
    clock = SystemClock()
    rng = random.Random(seed)  # noqa: S311 - a seeded campaign
    seen, owners = Tally(), [OwnerId(f"user_{number}") for number in range(OWNERS)]
    async with store_place(store) as place, AsyncExitStack() as stack:
        stores = [await place.open(Hub()) for _ in range(PROCESSES)]
        for opened in stores:
            stack.push_async_callback(opened.close)
        doors = [door(opened) for opened in stores]
        await _rush_apart(place, owners, size, seen)
        first = dict(seen.accepted)
        for number in range(ROUNDS):
            await _end_some(stores, rng, seen)
            await _rush(doors, owners, max(FREE, size // 10), seen, str(number))
        await _judge(stores[0], owners, seen)
        begun = clock.monotonic()
        hasty = await _hurry([door(opened, HASTY) for opened in stores], size)
    refilled = (clock.monotonic() - begun) / 60
    exact = sum(count == FREE for count in first.values())
    right = exact == OWNERS and BURST <= hasty <= BURST + refilled and not seen.wrong
    held = seen.overdrawn == seen.wrongly_refused == seen.doubled == 0
    return {
        "ok": right and held,
        "owners": OWNERS,
        "owners_with_exactly_5": exact,
        "accepted": sum(seen.accepted.values()),
        "refused": seen.refused,
        "overdrawn": seen.overdrawn,
        "wrongly_refused": seen.wrongly_refused,
        "settled_twice": seen.doubled,
        "through_a_bucket_of_10": hasty,
        "wrong": seen.wrong[:5],
    }


async def _rush_apart(place: StorePlace, owners: Sequence[OwnerId], size: int, seen: Tally) -> None:
    """Processes of their own start at once, with the same keys."""
    given = json.dumps({"place": asdict(place), "owners": owners, "size": size})
    async with AsyncExitStack() as stack:
        programs = [await stack.enter_async_context(_program(given)) for _ in range(PROCESSES)]
        for program in programs:
            await _say(program, "begin")
        answers = [json.loads(await _line_of(program)) for program in programs]
    for owner in owners:
        _count(owner, [task for answer in answers for task in answer[owner]], (FREE, size), seen)


@asynccontextmanager
async def _program(given: str) -> AsyncIterator[asyncio.subprocess.Process]:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.campaigns._credits_process"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        await _say(program, given)
        assert await _line_of(program) == b"ready\n"
        yield program
        await program.wait()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def _say(program: asyncio.subprocess.Process, line: str) -> None:
    assert program.stdin is not None
    program.stdin.write(f"{line}\n".encode())
    await program.stdin.drain()


async def _line_of(program: asyncio.subprocess.Process) -> bytes:
    assert program.stdout is not None
    return await asyncio.wait_for(program.stdout.readline(), _PATIENCE_S)


async def _rush(
    doors: Sequence[TaskService], owners: Sequence[OwnerId], size: int, seen: Tally, name: str
) -> None:
    """Everybody starts as often at once, each request at both doors."""
    for owner in owners:
        report = await doors[0].usage(owner)
        assert report is not None
        assert report.credits is not None
        answers = await rush(doors, owner, [f"{name}:{number}" for number in range(size)])
        _count(owner, answers, (report.credits.left, size), seen)


def _count(
    owner: OwnerId, answers: Sequence[str | None], there_were: tuple[int, int], seen: Tally
) -> None:
    """No more and no fewer get through than credits were left, of so many that started."""
    left, size = there_were
    accepted = len({answer for answer in answers if answer is not None})
    seen.accepted[owner] += accepted
    seen.refused += sum(answer is None for answer in answers)
    seen.overdrawn += max(0, accepted - left)
    seen.wrongly_refused += max(0, min(left, size) - accepted)


async def _end_some(stores: Sequence[Store], rng: random.Random, seen: Tally) -> None:
    """Workers take half of what waits; a third of it ends well, the rest in other ways."""
    for _ in range(OWNERS * FREE // 2):
        store = rng.choice(stores)
        claim = await store.claim(WorkerId("w1"))
        if not isinstance(claim, Claim):
            return
        seq = claim.task.last_seq
        for _ in range(rng.randrange(3)):
            tokens = rng.randrange(5_000)
            used = Usage(prompt_tokens=tokens, completion_tokens=7, cost_usd=tokens / 1_024)
            seq = await store.append(claim.lease, seq, [UsageRecorded(model="m", usage=used)])
        await _end(stores, rng, claim, seq, seen)


async def _end(
    stores: Sequence[Store], rng: random.Random, claim: Claim, seq: int, seen: Tally
) -> None:
    """Both processes write the end at once; one of them counts."""
    ending = rng.choice(
        (
            Ending([_COMPLETED], TaskStatus.COMPLETE, "Ready."),
            Ending([TaskFailed(code="stuck", message="No.")], TaskStatus.FAILED, "No."),
            Ending([TaskCancelled(by="ann")], TaskStatus.CANCELLED, "Stopped."),
        )
    )
    ends = [store.finish(claim.lease, seq, ending) for store in stores]
    ended = await asyncio.gather(*ends, return_exceptions=True)
    counted = sum(not isinstance(each, LeaseLost | SeqConflict) for each in ended)
    seen.doubled += counted - 1


_COMPLETED = TaskCompleted(message="Ready.", title="A board", fragment_id=None, preview_url=None)


async def _judge(store: Store, owners: Sequence[OwnerId], seen: Tally) -> None:
    """What each owner is told is what the rows and the logs of their tasks say."""
    for owner in owners:
        rows = await _rows(store, owner)
        used = Usage()
        for row in rows:
            used += fold(row.id, await store.read(row.id, limit=10_000)).usage
        counted = sum(row.status not in (TaskStatus.FAILED, TaskStatus.CANCELLED) for row in rows)
        spent = await store.spent(owner, LONG_AGO)
        told = (spent.credits, spent.since.builds, spent.since.usage.prompt_tokens)
        if told != (counted, counted, used.prompt_tokens):
            seen.wrong.append(f"{owner} is told {told}, not {counted}, {used.prompt_tokens}")
        if abs(spent.since.usage.cost_usd - used.cost_usd) > 1e-9:
            seen.wrong.append(f"{owner} is told ${spent.since.usage.cost_usd}")
        if counted > FREE or len(rows) != seen.accepted[owner]:
            seen.wrong.append(f"{owner} has {counted} that count of {len(rows)}")


async def _rows(store: Store, owner: OwnerId) -> list[TaskRow]:
    projects = await store.projects(owner, limit=100_000)
    return [row for project in projects for row in await store.tasks(owner, project.id)]


async def _hurry(doors: Sequence[TaskService], size: int) -> int:
    """One person starts as often at once as they can; how many get through."""

    async def ask(number: int) -> int:
        request = StartRequest("A board", asker=Asker("clerk:hasty"))
        try:
            await doors[number % len(doors)].start(OwnerId("hasty"), request)
        except TooFast:
            return 0
        except QuotaExceeded as error:
            raise AssertionError("no other limit holds here") from error
        return 1

    return sum(await asyncio.gather(*(ask(number) for number in range(max(size, 2 * BURST)))))

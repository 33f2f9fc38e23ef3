"""Campaign `takeover`: workers are killed at random while they build; nothing is lost or done twice.

Three worker processes and two sidecars over one store, each a process of its own. Readers ask for
SIZE apps over HTTP and follow them by SSE while `kill -9` hits one worker after another; each is
replaced at once. A few (one per 25 tasks) are frozen instead until others have their tasks, and
then go on as if nothing had been. Everything but sandboxes and model is real, and so is the half
minute of a lease.

`lost`: tasks without their one right end. `doubled`: an end, an app version, a tool's end or a
command's effect that is there twice. `mixed`: events of two workers in one another. `unexplained`:
attempts that no blow accounts for.
`worker_lost`: tasks that were struck in all three attempts, a right end too. `gaps`, `duplicates`,
`disorder`, `wrong_frames`: what readers saw against the log. `takeover_…_s`: from the blow to the
next worker's first event. `struck_in`: the stages that were hit.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from random import Random

from agents.background import Background
from agents.system import SystemClock
from agents.types import ProjectId, TaskId
from bot.feed import Hub
from bot.services.tasks import LOCAL_OWNER
from bot.store.port import LEASE_S, Store, TaskRow
from tests.campaigns._boats import answer, name_of, prompt_for
from tests.campaigns._crew import Crew, Helper, crew
from tests.campaigns._effects import Ledger
from tests.campaigns._light_process import SLOTS, Surroundings
from tests.campaigns._places import store_place
from tests.campaigns._readers import Readers
from tests.campaigns._takeover_judge import Blow, Held, Traces, by_task, judge
from tests.fakes.openrouter import FakeOpenRouter

DEFAULT_SIZE = 200
WORKERS, SIDECARS = 3, 2
AT_ONCE = 12
"""Readers per sidecar: more than half of their tasks wait for a lease to end, and the rest are fewer
than the workers can take, so that a takeover does not wait for a free worker."""

TAKEOVER_P95_S = 35.0
BOUNDS = ("lost", "doubled", "mixed", "unexplained", "log_gaps")
SEEN = ("gaps", "duplicates", "disorder", "wrong_frames")

_AFTER_BLOW_S = 10.0
"""A claim that the dead had sent may still be carried out; nothing is taken over before that."""

_SAID_EVERY_S = 5.0


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Build `size` apps under kills; the figures are named in the campaign's module docstring."""
    rng = Random(seed)  # noqa: S311 - repeatable on purpose
    prompts = [prompt_for(name_of(number)) for number in range(size)]
    began = SystemClock().monotonic()
    with tempfile.TemporaryDirectory(prefix="zapdev-takeover-") as name:
        folder = Path(name)
        ledger = folder / "effects"
        async with store_place(store) as place, FakeOpenRouter() as model:
            model.always(answer)
            given = Surroundings(place, model.base_url, str(ledger))
            database = await place.open(Hub())
            try:
                async with crew(given, folder, workers=WORKERS, sidecars=SIDECARS) as people:
                    urls = [sidecar.id for sidecar in people.sidecars]
                    readers = Readers(prompts, urls, rng, at_once=AT_ONCE)
                    killer = Killer(people, readers, database, rng)
                    finished = await _play(readers, killer)
                tasks = await traces(database, readers, Ledger(ledger))
            finally:
                await database.close()
        figures = _figures(tasks, killer, readers, people.complaints())
    figures["runtime_s"] = round(SystemClock().monotonic() - began, 1)
    return figures | {"ok": figures["ok"] and finished}


@dataclass(slots=True)
class Killer:
    """Strikes workers while readers wait, at moments spread over the whole campaign."""

    crew: Crew
    readers: Readers
    store: Store
    rng: Random
    kills: int = 0
    freezes: int = 0
    blows: list[Blow] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """32 of 200 tasks; never fewer than two."""
        return max(2, round(len(self.readers.tasks) * 0.16))

    async def run(self) -> None:
        """Each blow waits for its share of the tasks to end, and then for a random moment."""
        size = len(self.readers.tasks)
        last = max(1, min(round(size * 0.8), size - WORKERS * SLOTS))
        kills = [(self.rng.randrange(last), self._kill) for _ in range(self.wanted)]
        freezes = [(self.rng.randrange(last), self._freeze) for _ in range(size // 25)]
        async with asyncio.TaskGroup() as blows:
            for share, strike in sorted([*kills, *freezes], key=itemgetter(0)):
                while self.readers.ended < share:  # noqa: ASYNC110 - there is no event
                    await asyncio.sleep(0.05)
                await asyncio.sleep(self.rng.uniform(0.2, 3.0))
                if (victim := await self._victim()) is not None:
                    _ = blows.create_task(strike(victim))

    async def _victim(self) -> Helper | None:
        """Any worker; but one that holds something, until one was struck that did.

        None when there is nothing left to do for anybody.
        """
        while self.readers.ended < len(self.readers.tasks):
            able = self.crew.workers
            if not any(blow.held for blow in self.blows):
                busy = {row.worker_id for row in await self._open_rows()}
                able = [worker for worker in self.crew.workers if worker.id in busy]
            if able:
                return self.rng.choice(able)
            await asyncio.sleep(0.1)
        return None

    async def _kill(self, worker: Helper) -> None:
        at = SystemClock().now()
        await self.crew.kill(worker)
        self.kills += 1
        _ = await self._record(worker, at, is_frozen=False)

    async def _freeze(self, worker: Helper) -> None:
        """It wakes up while others work on what it had, and is killed soon after.

        Not earlier: what nobody has taken over yet, it may go on with.
        """
        at = SystemClock().now()
        await self.crew.freeze(worker)
        self.freezes += 1
        blow = await self._record(worker, at, is_frozen=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(LEASE_S + 10.0):
                while not await self._is_taken_over(blow):  # noqa: ASYNC110 - there is no event
                    await asyncio.sleep(0.1)
        self.crew.thaw(worker)
        await asyncio.sleep(self.rng.uniform(3.0, 8.0))
        await self._kill(worker)

    async def _is_taken_over(self, blow: Blow) -> bool:
        ids = [held.task_id for held in blow.held]
        rows = await asyncio.gather(*(self.store.task(LOCAL_OWNER, task_id) for task_id in ids))
        return all(
            row.attempts > held.attempt or row.status.is_terminal
            for row, held in zip(rows, blow.held, strict=True)
        )

    async def _record(self, worker: Helper, at: datetime, *, is_frozen: bool) -> Blow:
        """Look what it held. Nobody can have taken that over already."""
        await asyncio.sleep(_AFTER_BLOW_S)
        held = (
            Held(row.id, row.attempts, row.updated_at)
            for row in await self._open_rows()
            if row.worker_id == worker.id and not row.status.is_terminal
        )
        blow = Blow(at, worker.process.pid, tuple(held), is_frozen)
        self.blows.append(blow)
        return blow

    async def _open_rows(self) -> list[TaskRow]:
        """The tasks whose readers wait for an end."""
        ids = [TaskId(task.task_id) for task in self.readers.tasks if task.is_open]
        return await asyncio.gather(*(self.store.task(LOCAL_OWNER, task_id) for task_id in ids))


async def _play(readers: Readers, killer: Killer) -> bool:
    """Let it happen; answers whether every reader saw an end, and every kill took place, in time."""
    background = Background()
    try:
        whole = background.start(_all_of_it(readers, killer), name="campaign")
        watching = background.start(_watch(readers, killer), name="watch")
        limit_s = 120 + len(readers.tasks) * 4
        done, _ = await asyncio.wait(
            {whole, watching}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
        return whole in done
    finally:
        await background.stop()


async def _all_of_it(readers: Readers, killer: Killer) -> None:
    await asyncio.gather(readers.run(), killer.run())


async def _watch(readers: Readers, killer: Killer) -> None:
    """Tell how it goes. Raises: ProcessEnded, when a process died that nobody had killed."""
    while True:
        for _ in range(round(_SAID_EVERY_S / 0.1)):
            await asyncio.sleep(0.1)
            if killer.crew.failure is not None:
                raise killer.crew.failure
        said = f"{readers.ended} of {len(readers.tasks)} tasks ended, {killer.kills} kills"
        print(said, file=sys.stderr, flush=True)


async def traces(store: Store, readers: Readers, ledger: Ledger) -> list[Traces]:
    effects = by_task(ledger.read())
    found = []
    for reader in readers.tasks:
        task_id, project_id = TaskId(reader.task_id), ProjectId(reader.project_id)
        if not task_id:
            continue
        row = await store.task(LOCAL_OWNER, task_id)
        log = await store.read(task_id, limit=100_000)
        fragments = await store.fragments(LOCAL_OWNER, project_id)
        name = name_of(reader.number)
        found.append(Traces(name, reader, row, log, fragments, effects.get(task_id, [])))
    return found


def _figures(
    tasks: list[Traces], killer: Killer, readers: Readers, complaints: list[str]
) -> dict[str, object]:
    tally, figures = judge(tasks, killer.blows)
    size, p95 = len(readers.tasks), figures["takeover_p95_s"]
    problems: Counter[str] = tally.problems
    problems["lost"] += size - len(tasks)
    bounds = {kind: problems[kind] for kind in (*BOUNDS, *SEEN)}
    in_time = isinstance(p95, float) and p95 <= TAKEOVER_P95_S
    exercised = killer.kills >= killer.wanted
    for line in [*tally.examples, *complaints[:5], *readers.refused[:5]]:
        print(line, file=sys.stderr, flush=True)
    return {
        "ok": not any(bounds.values()) and in_time and exercised and not complaints,
        "tasks": len(tasks),
        "kills": killer.kills,
        "freezes": killer.freezes,
        **bounds,
        **figures,
        "connections": sum(task.connections for task in readers.tasks),
        "refused": len(readers.refused),
        "complaints": len(complaints),
    }

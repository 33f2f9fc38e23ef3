"""A worker over a real store, with sandboxes in memory, a scripted model and a clock for leases."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from agents import events as e
from agents.background import Background
from agents.errors import StoreUnavailable
from agents.models import DEFAULT_CATALOG
from agents.ports import (
    LLM,
    Budget,
    Clock,
    Ids,
    LLMChunk,
    LLMRequest,
    PageFetcher,
    TextDelta,
    Toolkit,
)
from agents.sandbox.manager import SandboxManager
from agents.system import RandomIds, SystemClock
from agents.testing import FakeClock, InMemorySandboxProvider, ScriptedFetcher, ScriptedLLM
from agents.types import BlobHash, ProjectId, TaskId, TaskStatus, WorkerId
from bot.feed import Feed, Hub, Polling
from bot.metrics import Metrics
from bot.services.tasks import LOCAL_OWNER, StartRequest, TaskService
from bot.services.worker import Pace, Worker, WorkerParts
from bot.store.port import Claim, Ending, Idle, Lease, TaskRow, Waker
from bot.store.sqlite import MEMORY, SqliteStore
from bot.store.sqlite_database import Database
from tests.fakes.pipelines import GOOD_PAGE, SUMMARY, call, say

APP = {"src/App.tsx": "export default function App() { return <h1>Bikes</h1> }\n"}
DONE = say("All done.\n<task_summary>A board.</task_summary>")
ONCE = call("terminal", {"command": "echo once"})
QUICK = Pace(heartbeat_s=0.01, busy_poll_s=0.005, idle_poll_s=0.01, retry_base_s=1.0)
LIMIT_S = 20.0

T = TypeVar("T")


class FailingStore(SqliteStore):
    """The real store. `failures` are raised by the next calls of a method, in order.

    While `away` no method answers; the next `lost_answers` of a method take place all the same.
    """

    def __init__(self, database: Database, clock: Clock, ids: Ids, waker: Waker | None) -> None:
        super().__init__(database, clock, ids, waker)
        self.failures: dict[str, list[Exception]] = {}
        self.lost_answers: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.away = False

    async def _call(self, method: str, answer: Coroutine[Any, Any, T]) -> T:
        failures = self.failures.get(method)
        if self.away or failures:
            answer.close()
            raise failures.pop(0) if failures else StoreUnavailable("away")
        answered = await answer
        self.calls[method] += 1
        if self.lost_answers[method] > 0:
            self.lost_answers[method] -= 1
            raise StoreUnavailable("the answer is lost")
        return answered

    @override
    async def check(self) -> None:
        await self._call("check", super().check())

    @override
    async def claim(self, worker_id: WorkerId, *, only: TaskId | None = None) -> Claim | Idle:
        return await self._call("claim", super().claim(worker_id, only=only))

    @override
    async def append(self, lease: Lease, expected_seq: int, events: Sequence[e.Event]) -> int:
        return await self._call("append", super().append(lease, expected_seq, events))

    @override
    async def read(self, task_id: TaskId, *, after: int = 0, limit: int = 500) -> list[e.Recorded]:
        return await self._call("read", super().read(task_id, after=after, limit=limit))

    @override
    async def put(self, contents: Sequence[bytes]) -> list[BlobHash]:
        return await self._call("put", super().put(contents))

    @override
    async def get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        return await self._call("get", super().get(hashes))

    @override
    async def renew(self, lease: Lease) -> str | None:
        return await self._call("renew", super().renew(lease))

    @override
    async def hand_back(self, lease: Lease, *, delay_s: float, count_attempt: bool) -> None:
        back = super().hand_back(lease, delay_s=delay_s, count_attempt=count_attempt)
        await self._call("hand_back", back)

    @override
    async def finish(self, lease: Lease, expected_seq: int, ending: Ending) -> int:
        return await self._call("finish", super().finish(lease, expected_seq, ending))


class HangingLLM:
    """Plays a script, and hangs where the script ends until `go` is set; then it plays `rest`."""

    def __init__(self, *turns: list[LLMChunk], rest: Sequence[list[LLMChunk]] = ()) -> None:
        self._turns = list(turns)
        self._rest = list(rest)
        self.hangs = asyncio.Event()
        self.go = asyncio.Event()

    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
        if request.purpose == "summarize":
            turn = SUMMARY
        elif self._turns:
            turn = self._turns.pop(0)
        else:
            yield TextDelta("thinking")
            self.hangs.set()
            await self.go.wait()
            turn = self._rest.pop(0)
        for chunk in turn:
            yield chunk


@dataclass
class Workshop:
    """One store and one hub; `time` is the store's clock, on which leases run out."""

    store: FailingStore
    time: FakeClock
    hub: Hub
    provider: InMemorySandboxProvider = field(default_factory=InMemorySandboxProvider)
    fetcher: PageFetcher = field(default_factory=lambda: ScriptedFetcher(GOOD_PAGE))
    clock: Clock = field(default_factory=SystemClock)
    budget: Budget = field(default_factory=Budget)
    pace: Pace = QUICK
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def service(self) -> TaskService:
        return TaskService(self.store, self.hub)

    async def start(
        self, prompt: str = "A board for bikes", project_id: ProjectId | None = None
    ) -> TaskRow:
        framework = None if project_id else "react"
        request = StartRequest(prompt, framework=framework, project_id=project_id)
        return await self.service.start(LOCAL_OWNER, request)

    @asynccontextmanager
    async def worker(self, llm: LLM) -> AsyncIterator[Worker]:
        """A worker that runs while inside, and is stopped gracefully."""
        ids = RandomIds()
        manager = SandboxManager(self.provider, self.clock)
        kit = Toolkit(llm, manager, self.fetcher, self.store, self.clock, ids, self.budget)
        parts = WorkerParts(
            *(self.store, self.hub, kit, manager, DEFAULT_CATALOG, self.clock, ids, self.pace),
            metrics=self.metrics,
        )
        worker, background = Worker(parts), Background()
        background.spawn(worker.run(), name="worker")
        try:
            yield worker
        finally:
            await background.stop()
            await manager.close()

    async def events(self, row: TaskRow) -> list[e.Event]:
        """The log to its end; seqs must rise by one, and no tool may finish twice."""
        feed = Feed(self.store, self.hub, self.clock, polling=Polling(0.01, 0.01))
        log: list[e.Recorded] = []
        async with asyncio.timeout(LIMIT_S):
            async for batch in feed.follow(row.id):
                log += batch
        assert [recorded.seq for recorded in log] == list(range(1, len(log) + 1))
        assert [recorded.is_terminal for recorded in log].count(True) == 1
        events = [recorded.event for recorded in log]
        finished = [event.call_id for event in events if isinstance(event, e.ToolFinished)]
        assert len(finished) == len(set(finished))
        return events

    async def last(self, row: TaskRow) -> e.Event:
        return (await self.events(row))[-1]

    async def row(self, row: TaskRow) -> TaskRow:
        return await self.store.task(LOCAL_OWNER, row.id)

    async def becomes(self, row: TaskRow, status: TaskStatus) -> TaskRow:
        """Wait for the row to have this status."""
        async with asyncio.timeout(LIMIT_S):
            while (found := await self.row(row)).status is not status:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        return found

    async def files(self, row: TaskRow) -> Mapping[str, bytes]:
        """The project's current version."""
        project = await self.store.project(LOCAL_OWNER, row.project_id)
        assert project.head is not None
        head = await self.store.fragment(LOCAL_OWNER, project.id, project.head)
        contents = await self.store.get(list(set(head.files.values())))
        return {path: contents[digest] for path, digest in head.files.items()}

    @property
    def open_sandboxes(self) -> int:
        return sum(not sandbox.lost for sandbox in self.provider.sandboxes.values())

    @property
    def commands(self) -> list[str]:
        """Every command that was run, in any sandbox."""
        return [line for box in self.provider.sandboxes.values() for line in box.commands]


@asynccontextmanager
async def open_workshop(
    path: Path | str = MEMORY, time: FakeClock | None = None
) -> AsyncIterator[Workshop]:
    """A workshop with a store of its own, or on a file that others use too."""
    hub, time = Hub(), time or FakeClock()
    database = await Database.open(path)
    store = FailingStore(database, time, RandomIds(), hub)
    try:
        yield Workshop(store, time, hub)
    finally:
        await store.close()


def scripted(*turns: list[LLMChunk]) -> ScriptedLLM:
    """A model that plays these turns, and has a summary whenever it is asked for one."""
    return ScriptedLLM(*turns, by_purpose={"summarize": [SUMMARY] * 9})


def attempts(log: Sequence[e.Event]) -> list[int]:
    """The attempts in the order they began."""
    return [event.attempt for event in log if isinstance(event, e.TaskStarted)]


def failure(event: e.Event) -> e.TaskFailed:
    """The event, which must be a failure."""
    assert isinstance(event, e.TaskFailed), event
    return event

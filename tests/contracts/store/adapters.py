"""Every adapter of the store's port. A new one is one line in `ADAPTERS`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from agents.events import Event, TaskCancelled, TaskCompleted, TaskFailed
from agents.ports import Clock, Ids
from agents.testing import FakeClock
from agents.types import (
    BlobHash,
    FragmentId,
    Framework,
    OwnerId,
    TaskId,
    TaskKind,
    TaskStatus,
    WorkerId,
)
from bot.store.port import Claim, Ending, Idle, NewFragment, NewTask, Store, TaskRow
from bot.store.sqlite import MEMORY, SqliteStore
from tests.fakes.convex import shared_host
from tests.fakes.convex_store import open_convex_store

OWNER = OwnerId("ann")
STRANGER = OwnerId("bob")
WORKER = WorkerId("w1")
OTHER_WORKER = WorkerId("w2")

Adapter = Callable[[Path, Clock, Ids], AbstractAsyncContextManager[Store]]


@asynccontextmanager
async def open_sqlite(folder: Path, clock: Clock, ids: Ids) -> AsyncIterator[Store]:
    store = await SqliteStore.open(folder / "zapdev.db", clock=clock, ids=ids)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def open_memory(folder: Path, clock: Clock, ids: Ids) -> AsyncIterator[Store]:
    del folder
    store = await SqliteStore.open(MEMORY, clock=clock, ids=ids)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def open_convex(folder: Path, clock: Clock, ids: Ids) -> AsyncIterator[Store]:
    del folder
    async with open_convex_store(clock, ids) as store:
        yield store


@asynccontextmanager
async def open_convex_on_a_lossy_line(folder: Path, clock: Clock, ids: Ids) -> AsyncIterator[Store]:
    """Every third mutation is carried out but its answer is lost: it is sent a second time.

    The same one four times at most, or of 200 at once some would outlast the store's six
    attempts: that is a database which does not answer.
    """
    del folder
    name = f"lossy-{next(_NUMBERS)}"
    await shared_host().set_fault("lossy", name, every=3, most=4)
    async with open_convex_store(clock, ids, deployment=name) as store:
        yield store
    await shared_host().set_fault("none", name)
    await shared_host().reset(name)


_NUMBERS = count()

ADAPTERS: dict[str, Adapter] = {
    "sqlite": open_sqlite,
    "memory": open_memory,
    "convex": open_convex,
    "convex-lossy": open_convex_on_a_lossy_line,
}


@dataclass(frozen=True, slots=True)
class World:
    """A fresh store with the clock that drives it."""

    store: Store
    clock: FakeClock

    async def enqueue(self, prompt: str = "a kanban board", **fields: Any) -> TaskRow:
        new = NewTask(owner=OWNER, kind=TaskKind.GENERATE, prompt=prompt)
        return await self.store.enqueue(replace(new, **fields))

    async def claim(self, worker: WorkerId = WORKER) -> Claim:
        claim = await self.store.claim(worker)
        assert isinstance(claim, Claim), "nothing to claim"
        return claim

    async def idle(self, worker: WorkerId = WORKER, only: TaskId | None = None) -> float | None:
        """Claim where there is nothing to claim; answers when there will be."""
        answer = await self.store.claim(worker, only=only)
        assert isinstance(answer, Idle), "something was claimed"
        return answer.due_s

    async def start(self, prompt: str = "a kanban board", **fields: Any) -> Claim:
        await self.enqueue(prompt, **fields)
        return await self.claim()

    async def build(self, files: dict[str, bytes], claim: Claim | None = None) -> Claim:
        """Run a task to its end; `files` is the app it leaves behind."""
        claim = claim or await self.start()
        await self.store.finish(
            claim.lease, claim.task.last_seq, await self.completed(files, f"frag_{claim.task.id}")
        )
        return claim

    async def completed(self, files: dict[str, bytes], fragment: str) -> Ending:
        hashes = await self.store.put(list(files.values()))
        return completed(dict(zip(files, hashes, strict=True)), fragment)

    async def log(self, task: TaskRow) -> list[Event]:
        return [recorded.event for recorded in await self.store.read(task.id)]


def completed(
    files: dict[str, BlobHash] | None = None, fragment: str = "frag_1", reply: str = "It is ready."
) -> Ending:
    """A success; without files it was an answer in words."""
    fragment_id = None if files is None else FragmentId(fragment)
    event = TaskCompleted(message=reply, title="Board", fragment_id=fragment_id, preview_url=None)
    if fragment_id is None or files is None:
        return Ending(events=(event,), status=TaskStatus.COMPLETE, reply=reply)
    return Ending(
        events=(event,),
        status=TaskStatus.COMPLETE,
        reply=reply,
        fragment=NewFragment(fragment_id, "Board", Framework.REACT, files),
        title="Board",
        framework=Framework.REACT,
    )


def failed(before: Sequence[Event] = ()) -> Ending:
    event = TaskFailed(code="stuck", message="I am stuck.")
    return Ending(events=(*before, event), status=TaskStatus.FAILED, reply="I am stuck.")


def cancelled(by: str = "ann") -> Ending:
    return Ending(
        events=(TaskCancelled(by=by),), status=TaskStatus.CANCELLED, reply=f"Stopped by {by}."
    )

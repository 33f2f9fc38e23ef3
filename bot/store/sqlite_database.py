"""Access to one SQLite file from asyncio: one writer thread with group commit, pooled readers.

Writes that wait at the same time share one transaction, and so one disk sync, each behind its
own savepoint: a caller gets its own result or its own error, and never before the commit. With
`synchronous=FULL` in WAL mode a commit survives a loss of power. Other processes may use the same
file: a transaction takes the write lock first and waits for it up to `BUSY_S`.
"""

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from agents.errors import StoreUnavailable
from bot.store.sqlite_schema import migrate

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BUSY_S = 5.0
READERS = 4
GROUP = 256
"""At most so many writes share a transaction."""

MEMORY = ":memory:"

_DEFECTS = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_SCHEMA,
}
"""Primary result codes that mean a mistake of ours, not trouble with the file."""


@dataclass(slots=True)
class _Job:
    """A write that waits for its commit, and what became of it."""

    work: Work[Any]
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Database:
    """One file, open. Every method but `open` belongs to an event loop, and never blocks it."""

    def __init__(self, writer: sqlite3.Connection, readers: Sequence[sqlite3.Connection]) -> None:
        self._connection = writer
        self._readers = readers
        self._free: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for reader in readers:
            self._free.put(reader)
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="sqlite-write", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, path: Path | str, *, busy_s: float = BUSY_S) -> "Database":
        """Open, or make, the file (`:memory:` for none) and bring its tables up to date.

        Raises: StoreUnavailable; StoreError (the file is of a newer version).
        """
        writer, readers = await asyncio.to_thread(_connect, path, busy_s)
        return cls(writer, readers)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction; answers once it is durable.

        What `work` raises is raised here, and leaves no trace in the file. A caller that is
        cancelled meanwhile cannot know whether the write took place.

        Raises: StoreUnavailable.
        """
        if self._closed:
            raise StoreUnavailable("the database is closed")
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
        answer: T = await job.answer
        return answer

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot of what is committed. Raises: StoreUnavailable."""
        if not self._readers:
            return await self.write(work)
        return await self.compute(lambda: self._read(work))

    async def compute(self, work: Callable[[], T]) -> T:
        """Run something slow that needs no connection. Raises: StoreUnavailable (closed)."""
        if self._closed:
            raise StoreUnavailable("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def close(self) -> None:
        """Finish what was accepted, then let go of the file. Twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._thread.join()
        self._pool.shutdown()
        for connection in (*self._readers, self._connection):
            connection.close()

    def _read(self, work: Work[T]) -> T:
        connection = self._free.get()
        try:
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _translate(error) from error
        finally:
            self._free.put(connection)

    def _serve(self) -> None:
        """The writer thread."""
        while jobs := self._next_group():
            self._commit(jobs)
            by_loop: defaultdict[asyncio.AbstractEventLoop, list[_Job]] = defaultdict(list)
            for job in jobs:
                by_loop[job.answer.get_loop()].append(job)
            for loop, its_jobs in by_loop.items():
                with suppress(RuntimeError):  # its loop has ended: nobody waits any more
                    loop.call_soon_threadsafe(_answer, its_jobs)

    def _next_group(self) -> list[_Job]:
        """All that wait now, at least one; none at all when it is time to end."""
        job = self._jobs.get()
        group: list[_Job] = []
        while job is not None:
            group.append(job)
            if len(group) == GROUP:
                return group
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._jobs.put(None)  # seen too early: end after this group
        return group

    def _commit(self, jobs: Sequence[_Job]) -> None:
        """One transaction. A boundary: the thread outlives whatever goes wrong in it."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._attempt(job)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a dead writer would leave every caller waiting
            for job in jobs:
                job.error = _translate(error)
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):  # what cannot be undone was never committed
                    self._connection.execute("ROLLBACK")

    def _attempt(self, job: _Job) -> None:
        """One job behind its savepoint. A boundary: what it raises is its own caller's to see.

        Raises when SQLite gave up the whole transaction, as it does on a full disk.
        """
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK TO job")
            job.error = _translate(error)
        self._connection.execute("RELEASE job")


def _answer(jobs: Sequence[_Job]) -> None:
    """Give every caller that still waits what it waits for."""
    for job in jobs:
        if job.answer.done():
            continue
        if job.error is not None:
            job.answer.set_exception(job.error)
        else:
            job.answer.set_result(job.result)


def _connect(
    path: Path | str, busy_s: float
) -> tuple[sqlite3.Connection, list[sqlite3.Connection]]:
    try:
        if str(path) == MEMORY:
            return _open(MEMORY, busy_s), []
        file = Path(path).resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        writer = _open(file.as_uri(), busy_s)
        return writer, [_open(f"{file.as_uri()}?mode=ro", busy_s) for _ in range(READERS)]
    except sqlite3.Error as error:
        raise _translate(error) from error
    except OSError as error:
        raise StoreUnavailable(f"the database file cannot be made: {error.strerror}") from error


def _open(address: str, busy_s: float) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; a writing one has all its tables.

    Of several who make a file at once all but one are told that it is busy, without any wait.
    """
    again = Retrying(
        retry=retry_if_exception(_is_busy),
        stop=stop_after_delay(busy_s),
        wait=wait_random(0.01, 0.1),
        reraise=True,
    )
    return again(_open_once, address, busy_s)


def _is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def _open_once(address: str, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    try:
        if address.endswith("?mode=ro"):
            return connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _translate(error: Exception) -> Exception:
    """Trouble with the file as a new `StoreUnavailable`; anything else stays what it is."""
    if not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if code in _DEFECTS:
        return error
    name = getattr(error, "sqlite_errorname", "")
    return StoreUnavailable(f"the database does not answer: {error} ({name})")

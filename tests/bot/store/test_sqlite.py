"""What only the SQLite adapter can get wrong: threads, locks, other processes, broken files."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from agents.background import Background
from agents.errors import NotFound, StoreError, StoreUnavailable
from agents.events import NoticeGiven
from agents.system import RandomIds, SystemClock
from agents.testing import FakeClock
from agents.types import OwnerId, ProjectId, TaskId, TaskKind, TaskStatus, WorkerId
from bot.store import sqlite_schema
from bot.store.people_port import Preferences
from bot.store.port import LEASE_S, Claim, Idle, NewTask
from bot.store.sqlite import SqliteStore
from bot.store.sqlite_database import Database
from bot.store.sqlite_schema import MIGRATIONS

OWNER = OwnerId("ann")


class Topics:
    """A waker that remembers."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def notify(self, topic: str) -> None:
        self.heard.append(topic)


def new_task(prompt: str = "x", origin: str | None = None) -> NewTask:
    return NewTask(owner=OWNER, kind=TaskKind.GENERATE, prompt=prompt, origin=origin)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "zapdev.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(path, clock=SystemClock(), ids=RandomIds(), busy_s=0.2)
    yield opened
    await opened.close()


@pytest.fixture
async def other(path: Path, store: SqliteStore) -> AsyncIterator[SqliteStore]:
    """The same file as another process would have it."""
    del store
    opened = await SqliteStore.open(path, clock=SystemClock(), ids=RandomIds())
    yield opened
    await opened.close()


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(path, busy_s=0.2)
    await opened.write(lambda c: c.execute("CREATE TABLE t (x UNIQUE)").close())
    yield opened
    await opened.close()


def insert(connection: sqlite3.Connection, value: object) -> None:
    connection.execute("INSERT INTO t VALUES (?)", (value,))


def values(connection: sqlite3.Connection) -> list[object]:
    return [row["x"] for row in connection.execute("SELECT x FROM t ORDER BY x")]


async def test_what_one_process_commits_the_other_sees(
    store: SqliteStore, other: SqliteStore
) -> None:
    task = await store.enqueue(new_task())
    assert await other.task(OWNER, task.id) == task


async def test_one_origin_at_two_processes_makes_one_task(
    store: SqliteStore, other: SqliteStore
) -> None:
    rows = await asyncio.gather(
        *(each.enqueue(new_task(origin="E1")) for each in (store, other) * 25)
    )
    assert len({row.id for row in rows}) == 1


async def test_two_processes_claim_each_task_once(store: SqliteStore, other: SqliteStore) -> None:
    for number in range(20):
        await store.enqueue(new_task(str(number)))
    claims = await asyncio.gather(
        *(each.claim(WorkerId("w")) for each in (store, other) * 20), return_exceptions=False
    )
    taken = [claim.task.prompt for claim in claims if isinstance(claim, Claim)]
    assert sorted(taken, key=int) == [str(number) for number in range(20)]


async def test_a_lock_that_is_not_let_go_makes_writes_fail_in_time_and_only_them(
    store: SqliteStore, path: Path
) -> None:
    task = await store.enqueue(new_task())
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        await store.enqueue(new_task())
    assert await store.task(OWNER, task.id) == task
    blocker.execute("ROLLBACK")
    blocker.close()
    await store.enqueue(new_task())


async def test_the_event_loop_goes_on_while_a_write_waits_for_the_lock(
    store: SqliteStore, path: Path
) -> None:
    background = Background()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    writing = background.start(store.enqueue(new_task()), name="write")
    turns = 0
    while not writing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 50
    with pytest.raises(StoreUnavailable):
        await writing
    blocker.close()


async def test_writes_of_one_group_fail_and_succeed_on_their_own(database: Database) -> None:
    def refuse(connection: sqlite3.Connection) -> None:
        insert(connection, "half done")
        raise NotFound("no")

    outcomes = await asyncio.gather(
        database.write(lambda c: insert(c, 1)),
        database.write(refuse),
        database.write(lambda c: insert(c, 1)),
        database.write(lambda c: insert(c, 2)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        NotFound,
        sqlite3.IntegrityError,
        type(None),
    ]
    assert await database.read(values) == [1, 2]


async def test_a_mistake_in_our_own_sql_is_not_called_an_outage(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await database.write(lambda c: c.execute("SELECT nonsense"))
    with pytest.raises(sqlite3.OperationalError):
        await database.read(lambda c: c.execute("SELECT nonsense"))


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await database.read(lambda c: insert(c, 1))


async def test_a_full_disk_fails_the_writes_and_nothing_else(database: Database) -> None:
    def shrink(connection: sqlite3.Connection) -> None:
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await database.write(lambda c: insert(c, "kept"))
    await database.write(shrink)
    outcomes = await asyncio.gather(
        database.write(lambda c: insert(c, "x" * 100_000)),
        database.write(lambda c: insert(c, "y" * 100_000)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2
    assert await database.read(values) == ["kept"]
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").close())
    await database.write(lambda c: insert(c, "z" * 100_000))


async def test_a_caller_that_gives_up_does_not_disturb_the_others(database: Database) -> None:
    background = Background()
    writes = [
        background.start(database.write(partial(insert, value=n)), name=f"write {n}")
        for n in range(50)
    ]
    await asyncio.sleep(0)
    for write in writes[::2]:
        write.cancel()
    await asyncio.wait(writes)
    assert all(write.exception() is None for write in writes[1::2])
    assert set(range(1, 50, 2)) <= set(map(int, map(str, await database.read(values))))


async def test_closing_finishes_what_was_accepted_and_refuses_the_rest(path: Path) -> None:
    store = await SqliteStore.open(path, clock=FakeClock(), ids=RandomIds())
    background = Background()
    accepted = [background.start(store.enqueue(new_task(str(n))), name="x") for n in range(100)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    rows = await asyncio.gather(*accepted)
    for work in (store.enqueue(new_task()), store.check(), store.projects(OWNER)):
        with pytest.raises(StoreUnavailable):
            await work

    again = await SqliteStore.open(path, clock=FakeClock(), ids=RandomIds())
    assert {p.id for p in await again.projects(OWNER)} == {row.project_id for row in rows}
    await again.close()


async def test_a_file_of_a_newer_program_is_refused_with_words(path: Path) -> None:
    database = await Database.open(path)
    await database.write(lambda c: c.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}"))
    await database.close()
    with pytest.raises(StoreError, match="newer"):
        await Database.open(path)


async def test_an_existing_file_is_opened_as_it_is(path: Path) -> None:
    first = await SqliteStore.open(path, clock=FakeClock(), ids=RandomIds())
    task = await first.enqueue(new_task())
    await first.close()
    second = await SqliteStore.open(path, clock=FakeClock(), ids=RandomIds())
    assert await second.task(OWNER, task.id) == task
    await second.close()


OLD_TASK = """
    INSERT INTO projects (id, owner, title, created_at, updated_at)
    VALUES ('proj_old', 'ann', 'a board', 1, 1);
    INSERT INTO tasks (id, project_id, owner, kind, status, prompt, model, requested_by, epoch,
    attempts, run_after, last_seq, created_at, updated_at) VALUES ('task_old', 'proj_old', 'ann',
    'generate', 'pending', 'a board', 'auto', 'web', 0, 0, 1, 1, 1, 1);
    INSERT INTO task_events (task_id, seq, at, v, kind, event) VALUES ('task_old', 1, 1, 1,
    'notice_given', '{"kind": "notice_given", "message": "old"}')
"""
"""What the first program of all would have written."""


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_an_older_file_keeps_what_it_holds_and_gets_the_newer_tables(
    path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(sqlite_schema, "MIGRATIONS", MIGRATIONS[:version])
        first = await Database.open(path)
        for line in OLD_TASK.split(";"):
            await first.write(partial(_execute, line))
        await first.close()
    assert version_of(path) == version

    for number in range(1, 3):
        store = await SqliteStore.open(path, clock=FakeClock(), ids=RandomIds())
        task = await store.task(OWNER, TaskId("task_old"))
        assert (task.prompt, task.status) == ("a board", TaskStatus.PENDING)
        assert len(await store.read(task.id)) == 1
        await store.enqueue(new_task())
        assert (await store.spent(OWNER, task.created_at)).since.builds == number
        assert await store.open_workspaces() == []
        await store.set_member(task.project_id, "slack:T1:U2", "viewer")
        assert await store.members(task.project_id) == {"slack:T1:U2": "viewer"}
        await store.save_preferences(OWNER, Preferences(model="auto"))
        assert await store.preferences(OWNER) == Preferences(model="auto")
        await store.close()
    assert version_of(path) == len(MIGRATIONS)


def _execute(statement: str, connection: sqlite3.Connection) -> None:
    connection.execute(statement)


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


async def test_many_may_make_the_file_at_the_same_time(path: Path) -> None:
    opened = await asyncio.gather(*(Database.open(path) for _ in range(8)))
    assert len(opened) == 8
    for database in opened:
        await database.write(lambda c: c.execute("DELETE FROM blobs").close())
        await database.close()


async def test_what_is_no_database_is_reported_not_overwritten(path: Path) -> None:
    notes = b"my precious notes " * 100
    path.parent.mkdir()
    await asyncio.to_thread(path.write_bytes, notes)
    with pytest.raises(StoreUnavailable):
        await Database.open(path)
    assert await asyncio.to_thread(path.read_bytes) == notes


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        await Database.open(tmp_path / "file" / "zapdev.db")


async def test_only_the_owner_of_the_process_may_read_the_file(
    store: SqliteStore, path: Path
) -> None:
    await store.enqueue(new_task())
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


async def test_a_commit_survives_a_loss_of_power(database: Database) -> None:
    """As far as settings can say it: a WAL that is synced at each commit."""

    def look(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await database.write(look) == ["wal", 2, 1]


async def test_listeners_hear_of_every_change_after_it_is_durable(path: Path) -> None:
    topics, clock = Topics(), FakeClock()
    store = await SqliteStore.open(path, clock=clock, ids=RandomIds(), waker=topics)
    task = await store.enqueue(new_task())
    assert topics.heard == [task.id, "queue"]
    claim = await store.claim(WorkerId("w"))
    assert isinstance(claim, Claim)
    topics.heard.clear()
    await store.append(claim.lease, 1, [NoticeGiven(message="x")])
    assert topics.heard == [task.id]
    topics.heard.clear()
    await store.hand_back(claim.lease, delay_s=0, count_attempt=True)
    assert topics.heard == ["queue"]
    await store.claim(WorkerId("w"))
    await store.request_cancel(OWNER, task.id, by="ann")
    topics.heard.clear()
    await clock.advance(LEASE_S)
    assert await store.claim(WorkerId("w")) == Idle()
    assert topics.heard == [task.id, "queue"], "ended by the claim"
    await store.close()


async def test_an_unknown_project_or_task_in_a_log_cannot_be_written(database: Database) -> None:
    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO task_events VALUES (?, 1, 0, 1, 'x', '{}')", (TaskId("task_none"),)
        )

    with pytest.raises(sqlite3.IntegrityError):
        await database.write(orphan)


async def test_the_database_itself_refuses_a_second_running_task_of_a_project(
    store: SqliteStore, path: Path
) -> None:
    first = await store.enqueue(new_task())
    await store.enqueue(NewTask(OWNER, TaskKind.GENERATE, "y", project_id=first.project_id))
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "UPDATE tasks SET status = 'running' WHERE project_id = ?",
            (ProjectId(first.project_id),),
        )
    connection.close()

"""Statements on the logs and the blobs. Each function runs inside one transaction."""

import sqlite3
from collections.abc import Mapping, Sequence

from agents.errors import LeaseLost, NotFound, SeqConflict
from agents.events import Event, Recorded
from agents.types import BlobHash, TaskId, TaskStatus
from bot.store.encoding import check_appended, dump_event
from bot.store.port import LEASE_S, Lease
from bot.store.sqlite_rows import EVENT_VERSION, recorded_of, seconds_us
from bot.store.sqlite_usage import note

Line = tuple[str, str]
"""An event ready to be written: its kind and its JSON."""


def dump_events(events: Sequence[Event]) -> list[Line]:
    """Raises: StoreError (too large, or terminal: those go through `finish`)."""
    check_appended(events)
    return [(event.kind, dump_event(event)) for event in events]


def append(
    connection: sqlite3.Connection, lease: Lease, expected_seq: int, lines: Sequence[Line], now: int
) -> int:
    """The holder's append. Raises: LeaseLost, SeqConflict."""
    advance(connection, lease, expected_seq, len(lines), now)
    insert_lines(connection, lease.task_id, expected_seq, lines, now)
    return expected_seq + len(lines)


def advance(
    connection: sqlite3.Connection, lease: Lease, expected_seq: int, count: int, now: int
) -> None:
    """Move the task's last seq on, if the lease and the seq hold. Raises: LeaseLost, SeqConflict."""
    moved = connection.execute(
        "UPDATE tasks SET last_seq = last_seq + ?, lease_until = ?, updated_at = ? WHERE id = ? "
        "AND epoch = ? AND worker_id = ? AND status = ? AND last_seq = ?",
        (
            count,
            now + seconds_us(LEASE_S),
            now,
            lease.task_id,
            lease.epoch,
            lease.worker_id,
            TaskStatus.RUNNING,
            expected_seq,
        ),
    )
    if moved.rowcount == 0:
        at = held(connection, lease)["last_seq"]
        raise SeqConflict(f"the log is at {at}, not at {expected_seq}")


def held(connection: sqlite3.Connection, lease: Lease) -> sqlite3.Row:
    """The task's row, if this lease still holds it. Raises: LeaseLost."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM tasks WHERE id = ? AND epoch = ? AND worker_id = ? AND status = ?",
        (lease.task_id, lease.epoch, lease.worker_id, TaskStatus.RUNNING),
    ).fetchone()
    if row is None:
        raise LeaseLost(f"task {lease.task_id} is not held with epoch {lease.epoch} any more")
    return row


def insert_lines(
    connection: sqlite3.Connection, task_id: TaskId, after: int, lines: Sequence[Line], now: int
) -> None:
    note(connection, task_id, lines)
    connection.executemany(
        "INSERT INTO task_events (task_id, seq, at, v, kind, event) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (task_id, seq, now, EVENT_VERSION, kind, event)
            for seq, (kind, event) in enumerate(lines, after + 1)
        ],
    )


def read(connection: sqlite3.Connection, task_id: TaskId, after: int, limit: int) -> list[Recorded]:
    """At most `limit` events after the cursor; a negative limit means all."""
    rows = connection.execute(
        "SELECT * FROM task_events WHERE task_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (task_id, after, limit),
    )
    return [recorded_of(row) for row in rows]


def put_blobs(connection: sqlite3.Connection, blobs: Mapping[BlobHash, bytes]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO blobs (hash, content) VALUES (?, ?)", blobs.items()
    )


def get_blobs(connection: sqlite3.Connection, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
    """Raises: NotFound."""
    found = {}
    for digest in hashes:
        row = connection.execute("SELECT content FROM blobs WHERE hash = ?", (digest,)).fetchone()
        if row is None:
            raise NotFound(f"there is no blob {digest}")
        found[digest] = row["content"]
    return found

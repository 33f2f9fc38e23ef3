"""Statements on Slack's side of things. Each function runs inside one transaction."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from agents.types import OwnerId, ProjectId, TaskId
from bot.store.slack_port import (
    Delivery,
    DeliveryEnd,
    InstallKey,
    SlackOrigin,
    SlackThread,
    ThreadProject,
)
from bot.store.sqlite_rows import from_us


def bind_thread(connection: sqlite3.Connection, project_id: ProjectId, thread: SlackThread) -> None:
    """The thread is about this project, unless one of the two is taken."""
    connection.execute(
        "INSERT OR IGNORE INTO slack_threads (team_id, channel_id, thread_ts, project_id) "
        "VALUES (?, ?, ?, ?)",
        (thread.team_id, thread.channel_id, thread.thread_ts, project_id),
    )


def thread_project(connection: sqlite3.Connection, thread: SlackThread) -> ThreadProject | None:
    row = connection.execute(
        "SELECT p.id, p.owner FROM slack_threads AS t JOIN projects AS p ON p.id = t.project_id "
        "WHERE t.team_id = ? AND t.channel_id = ? AND t.thread_ts = ?",
        (thread.team_id, thread.channel_id, thread.thread_ts),
    ).fetchone()
    return None if row is None else ThreadProject(ProjectId(row["id"]), OwnerId(row["owner"]))


def insert_delivery(
    connection: sqlite3.Connection, task_id: TaskId, origin: SlackOrigin, now: int
) -> None:
    thread = origin.thread
    connection.execute(
        "INSERT INTO deliveries (task_id, team_id, channel_id, thread_ts, user_id, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (task_id, thread.team_id, thread.channel_id, thread.thread_ts, origin.user_id, now),
    )


def open_workspaces(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT team_id FROM deliveries WHERE ended IS NULL ORDER BY team_id"
    )
    return [row["team_id"] for row in rows]


_DELIVERIES = """
    SELECT d.*, t.project_id, t.owner FROM deliveries AS d JOIN tasks AS t ON t.id = d.task_id
"""


def open_deliveries(connection: sqlite3.Connection, team_id: str) -> list[Delivery]:
    rows = connection.execute(
        f"{_DELIVERIES} WHERE d.ended IS NULL AND d.team_id = ? ORDER BY d.rowid",
        (team_id,),
    )
    return [_delivery_of(row) for row in rows]


def get_delivery(connection: sqlite3.Connection, task_id: TaskId) -> Delivery | None:
    row = connection.execute(f"{_DELIVERIES} WHERE d.task_id = ?", (task_id,)).fetchone()
    return None if row is None else _delivery_of(row)


def _delivery_of(row: sqlite3.Row) -> Delivery:
    thread = SlackThread(row["team_id"], row["channel_id"], row["thread_ts"])
    return Delivery(
        task_id=TaskId(row["task_id"]),
        project_id=ProjectId(row["project_id"]),
        owner=OwnerId(row["owner"]),
        origin=SlackOrigin(thread, row["user_id"]),
        message_ts=row["message_ts"],
        created_at=from_us(row["created_at"]),
    )


def note_message(connection: sqlite3.Connection, task_id: TaskId, message_ts: str) -> None:
    """A message that begins its thread makes the thread the project's."""
    delivery = get_delivery(connection, task_id)
    if delivery is None:
        return
    thread = delivery.origin.thread
    if not thread.thread_ts:
        thread = replace(thread, thread_ts=message_ts)
        bind_thread(connection, delivery.project_id, thread)
    connection.execute(
        "UPDATE deliveries SET message_ts = ?, thread_ts = ? WHERE task_id = ?",
        (message_ts, thread.thread_ts, task_id),
    )


def end_delivery(connection: sqlite3.Connection, task_id: TaskId, end: DeliveryEnd) -> None:
    connection.execute(
        "UPDATE deliveries SET ended = ? WHERE task_id = ? AND ended IS NULL", (end, task_id)
    )


def first_time(connection: sqlite3.Connection, key: str, now: int, until: int) -> bool:
    connection.execute("DELETE FROM seen_events WHERE expires_at <= ?", (now,))
    added = connection.execute(
        "INSERT OR IGNORE INTO seen_events (key, expires_at) VALUES (?, ?)", (key, until)
    )
    return added.rowcount == 1


def seen(connection: sqlite3.Connection, keys: Sequence[str], now: int) -> frozenset[str]:
    found = connection.execute(
        "SELECT key FROM seen_events WHERE expires_at > ? AND key IN (SELECT value FROM json_each(?))",
        (now, json.dumps(list(keys))),
    )
    return frozenset(str(row[0]) for row in found)


def hold(connection: sqlite3.Connection, name: str, holder: str, now: int, until: int) -> bool:
    taken = connection.execute(
        "INSERT INTO locks (name, holder, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
        "SET holder = excluded.holder, until = excluded.until "
        "WHERE locks.holder = excluded.holder OR locks.until <= ?",
        (name, holder, until, now),
    )
    return taken.rowcount == 1


def release(connection: sqlite3.Connection, name: str, holder: str) -> None:
    connection.execute("DELETE FROM locks WHERE name = ? AND holder = ?", (name, holder))


def save_installation(connection: sqlite3.Connection, key: InstallKey, sealed: str) -> None:
    connection.execute(
        "INSERT INTO installations (enterprise_id, team_id, sealed) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET sealed = excluded.sealed",
        (key.enterprise_id, key.team_id, sealed),
    )


def get_installation(connection: sqlite3.Connection, key: InstallKey) -> str | None:
    row = connection.execute(
        "SELECT sealed FROM installations WHERE enterprise_id = ? AND team_id = ?",
        (key.enterprise_id, key.team_id),
    ).fetchone()
    return None if row is None else str(row["sealed"])


def list_installations(connection: sqlite3.Connection) -> list[InstallKey]:
    rows = connection.execute("SELECT enterprise_id, team_id FROM installations ORDER BY rowid")
    return [InstallKey(row["enterprise_id"], row["team_id"]) for row in rows]


def replace_installation(
    connection: sqlite3.Connection, key: InstallKey, was: str, sealed: str | None
) -> bool:
    there = get_installation(connection, key)
    if there == sealed:
        return True
    if there != was:
        return False
    if sealed is not None:
        save_installation(connection, key, sealed)
        return True
    connection.execute(
        "DELETE FROM installations WHERE enterprise_id = ? AND team_id = ?",
        (key.enterprise_id, key.team_id),
    )
    return True


def keep_state(connection: sqlite3.Connection, state: str, data: str, now: int, until: int) -> None:
    connection.execute("DELETE FROM oauth_states WHERE expires_at <= ?", (now,))
    connection.execute(
        "INSERT OR REPLACE INTO oauth_states (state, data, expires_at) VALUES (?, ?, ?)",
        (state, data, until),
    )


def use_state(connection: sqlite3.Connection, state: str, now: int) -> str | None:
    row = connection.execute(
        "DELETE FROM oauth_states WHERE state = ? RETURNING data, expires_at", (state,)
    ).fetchone()
    return None if row is None or row["expires_at"] <= now else str(row["data"])

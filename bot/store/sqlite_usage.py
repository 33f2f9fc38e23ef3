"""Statements on what tasks use and may. Each function runs inside one transaction."""

import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from agents.ports import Clock
from agents.types import OwnerId, ProjectId, TaskId, TaskStatus, Usage
from bot.store.port import NewTask
from bot.store.sqlite_database import Database
from bot.store.sqlite_rows import from_us, seconds_us, to_us
from bot.store.usage_port import (
    COUNTED_AT_MOST,
    MAX_OPEN,
    OPEN_RETRY_S,
    PLAN_HOLDS,
    PLAN_RENEWED,
    TOP_PROJECTS,
    WINDOW,
    ProjectTally,
    Rate,
    Spent,
    Tally,
    Terms,
    quota_exceeded,
)

_WINDOW_US = seconds_us(WINDOW.total_seconds())
_PLAN_HOLDS_US = seconds_us(PLAN_HOLDS.total_seconds())
_PLAN_RENEWED_US = seconds_us(PLAN_RENEWED.total_seconds())
_HOUR_US = seconds_us(3_600)
_RECORDED = "usage_recorded"

_COUNTED = """
    SELECT credits, at FROM usage
    WHERE owner = ? AND at > ? AND state != 'refunded' AND credits > 0 ORDER BY at
"""
_SUMS = """
    count(*) FILTER (WHERE u.kind != 'fix' AND u.state != 'refunded') AS builds,
    coalesce(sum(u.prompt_tokens), 0) AS prompt_tokens,
    coalesce(sum(u.completion_tokens), 0) AS completion_tokens,
    coalesce(sum(u.cost_usd), 0.0) AS cost_usd
"""
_TALLY = f"SELECT {_SUMS} FROM usage AS u WHERE u.owner = ? AND u.at > ?"  # noqa: S608 - ours
_PROJECTS = f"""
    SELECT p.id, p.title, {_SUMS} FROM usage AS u JOIN projects AS p ON p.id = u.project_id
    WHERE u.owner = ? AND u.at > ? GROUP BY p.id
    ORDER BY cost_usd DESC, builds DESC, max(u.at) DESC, p.id LIMIT {TOP_PROJECTS}
"""  # noqa: S608 - our own constants


def admit(connection: sqlite3.Connection, owner: OwnerId, terms: Terms, now: int) -> None:
    """Let one more task in, or refuse it. Raises: QuotaExceeded."""
    if terms.credits and terms.allowance is not None:
        _check_credits(connection, owner, terms.credits, terms.allowance, now)
    if terms.max_open is not None:
        _check_open(connection, owner, terms.max_open)
    for rate in terms.rates:
        _take_turn(connection, rate, now)


def _check_credits(
    connection: sqlite3.Connection, owner: OwnerId, wanted: int, allowance: int, now: int
) -> None:
    counted = connection.execute(_COUNTED, (owner, now - _WINDOW_US)).fetchall()
    missing = sum(row["credits"] for row in counted) + wanted - allowance
    if missing <= 0:
        return
    back = now + _WINDOW_US
    for row in counted:
        missing -= row["credits"]
        if missing <= 0:
            back = row["at"] + _WINDOW_US
            break
    raise quota_exceeded("credits", allowance, (back - now) / seconds_us(1))


def _check_open(connection: sqlite3.Connection, owner: OwnerId, most: int) -> None:
    [count] = connection.execute(
        "SELECT count(*) FROM usage WHERE owner = ? AND state = 'reserved'", (owner,)
    ).fetchone()
    if count >= most:
        raise quota_exceeded("open", most, OPEN_RETRY_S)


def _take_turn(connection: sqlite3.Connection, rate: Rate, now: int) -> None:
    """A bucket that is full has no row: it starts full."""
    connection.execute("DELETE FROM rate_limits WHERE full_at <= ?", (now,))
    row = connection.execute(
        "SELECT tokens, at FROM rate_limits WHERE key = ?", (rate.key,)
    ).fetchone()
    tokens = float(rate.burst)
    if row is not None:
        refilled = max(0, now - row["at"]) * rate.per_hour / _HOUR_US
        tokens = min(tokens, row["tokens"] + refilled)
    if tokens < 1:
        raise quota_exceeded("rate", rate.burst, (1 - tokens) * 3_600 / rate.per_hour)
    tokens -= 1
    full_at = now + math.ceil((rate.burst - tokens) * _HOUR_US / rate.per_hour)
    connection.execute(
        "INSERT OR REPLACE INTO rate_limits (key, tokens, at, full_at) VALUES (?, ?, ?, ?)",
        (rate.key, tokens, now, full_at),
    )


def reserve(
    connection: sqlite3.Connection, new: NewTask, project_id: ProjectId, task_id: TaskId, now: int
) -> None:
    """Begin the line of a task that was let in."""
    connection.execute(
        "INSERT INTO usage (task_id, owner, project_id, kind, state, credits, at) "
        "VALUES (?, ?, ?, ?, 'reserved', ?, ?)",
        (task_id, new.owner, project_id, new.kind, new.terms.credits, now),
    )


def give_up(connection: sqlite3.Connection, owner: OwnerId, task_id: TaskId) -> None:
    """What an open task has reserved is given back before its end."""
    connection.execute(
        "UPDATE usage SET state = 'refunded' WHERE task_id = ? AND owner = ? "
        "AND state = 'reserved'",
        (task_id, owner),
    )


def note(connection: sqlite3.Connection, task_id: TaskId, lines: Iterable[tuple[str, str]]) -> None:
    """Add what model calls among these events (kind, JSON) have used."""
    for kind, line in lines:
        if kind != _RECORDED:
            continue
        used = json.loads(line)["usage"]
        connection.execute(
            "UPDATE usage SET prompt_tokens = prompt_tokens + ?, completion_tokens = "
            "completion_tokens + ?, cost_usd = cost_usd + ? WHERE task_id = ?",
            (
                _counted(used["prompt_tokens"]),
                _counted(used["completion_tokens"]),
                _counted(used["cost_usd"]),
                task_id,
            ),
        )


def _counted(number: float) -> float:
    return min(max(number, 0), COUNTED_AT_MOST)


def settle(connection: sqlite3.Connection, task_id: TaskId, status: TaskStatus) -> None:
    """The task has ended: what it had reserved is used, or given back."""
    state = "settled" if status is TaskStatus.COMPLETE else "refunded"
    connection.execute(
        "UPDATE usage SET state = ? WHERE task_id = ? AND state = 'reserved'", (state, task_id)
    )


def spent(connection: sqlite3.Connection, owner: OwnerId, since: int, now: int) -> Spent:
    day = now - _WINDOW_US
    counted = connection.execute(_COUNTED, (owner, day)).fetchall()
    return Spent(
        credits=sum(row["credits"] for row in counted),
        next_back_at=from_us(counted[0]["at"] + _WINDOW_US) if counted else None,
        day=_tally(connection.execute(_TALLY, (owner, day)).fetchone()),
        since=_tally(connection.execute(_TALLY, (owner, since - 1)).fetchone()),
        projects=tuple(
            ProjectTally(ProjectId(row["id"]), row["title"], _tally(row))
            for row in connection.execute(_PROJECTS, (owner, since - 1))
        ),
    )


def _tally(row: sqlite3.Row) -> Tally:
    used = Usage(
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        cost_usd=row["cost_usd"],
    )
    return Tally(row["builds"], used)


class SqliteUsages:
    """Implements `bot.store.usage_port.Usages` on the store's own database."""

    _database: Database
    _clock: Clock

    async def spent(self, owner: OwnerId, since: datetime) -> Spent:
        start, now = to_us(since), to_us(self._clock.now())
        return await self._database.read(lambda c: spent(c, owner, start, now))

    async def open_tasks(self, owner: OwnerId) -> Sequence[TaskId]:
        def work(connection: sqlite3.Connection) -> list[TaskId]:
            rows = connection.execute(
                "SELECT task_id FROM usage WHERE owner = ? AND state = 'reserved' "
                "ORDER BY at, task_id LIMIT ?",
                (owner, MAX_OPEN),
            )
            return [TaskId(row["task_id"]) for row in rows]

        return await self._database.read(work)

    async def plan(self, owner: OwnerId) -> str | None:
        since = to_us(self._clock.now()) - _PLAN_HOLDS_US

        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute(
                "SELECT plan FROM plans WHERE owner = ? AND updated_at > ?", (owner, since)
            ).fetchone()
            return None if row is None else str(row["plan"])

        return await self._database.read(work)

    async def keep_plan(self, owner: OwnerId, plan: str) -> None:
        now = to_us(self._clock.now())

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO plans (owner, plan, updated_at) VALUES (?, ?, ?) "
                "ON CONFLICT (owner) DO UPDATE "
                "SET plan = excluded.plan, updated_at = excluded.updated_at "
                "WHERE plan != excluded.plan OR updated_at <= ?",
                (owner, plan, now, now - _PLAN_RENEWED_US),
            )

        await self._database.write(work)

"""Statements on the queue: a task's life. Each function runs inside one transaction."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.errors import NotFound, SeqConflict
from agents.events import Event, TaskAccepted, TaskCancelled
from agents.ports import Ids
from agents.types import OwnerId, ProjectId, TaskId, TaskStatus, WorkerId
from bot.store import sqlite_log as log
from bot.store import sqlite_projects as projects
from bot.store import sqlite_slack as slack
from bot.store import sqlite_usage as usage
from bot.store.encoding import TERMINAL_STATUS, WORKER_LOST, clean_text, dump_event
from bot.store.port import LEASE_S, MAX_ATTEMPTS, Ending, Lease, NewTask, TaskRow
from bot.store.sqlite_rows import seconds_us, task_of

_CLAIMABLE = """
    SELECT * FROM tasks AS t WHERE t.status IN ('pending', 'running') AND (
        (t.status = 'running' AND t.lease_until <= :now)
        OR (t.status = 'pending' AND (t.run_after <= :now OR t.cancel_by IS NOT NULL)
            AND NOT EXISTS (
                SELECT 1 FROM tasks AS earlier WHERE earlier.project_id = t.project_id
                AND earlier.n < t.n AND earlier.status IN ('pending', 'running')
            ))
    ) AND (:only IS NULL OR t.id = :only) ORDER BY t.n LIMIT 1
"""

_NEWEST = """
    SELECT tasks.* FROM json_each(:projects) AS asked JOIN tasks ON tasks.n = (
        SELECT max(n) FROM tasks WHERE project_id = asked.value
    ) WHERE tasks.owner = :owner
"""

_FIRST_DUE = """
    SELECT min(CASE t.status WHEN 'running' THEN t.lease_until ELSE t.run_after END) AS due
    FROM tasks AS t WHERE t.status IN ('pending', 'running') AND (
        t.status = 'running' OR NOT EXISTS (
            SELECT 1 FROM tasks AS earlier WHERE earlier.project_id = t.project_id
            AND earlier.n < t.n AND earlier.status IN ('pending', 'running')
        )
    ) AND (:only IS NULL OR t.id = :only)
"""


@dataclass(frozen=True, slots=True)
class FreshIds:
    """Ids for all that an enqueue may write. `messages` begins with the user's and the answer."""

    task: TaskId
    project: ProjectId
    messages: Sequence[str]


def fresh_ids(ids: Ids, new: NewTask) -> FreshIds:
    return FreshIds(
        TaskId(ids.new("task")),
        ProjectId(ids.new("proj")),
        [ids.new("msg") for _ in range(2 + len(new.history))],
    )


@dataclass(slots=True)
class Taken:
    """What a claim did: the task it took, if there was one, and those it ended on its way.

    `due_s`: without a task, when the first of those that wait may run.
    """

    task: TaskRow | None = None
    ended: list[TaskId] = field(default_factory=list)
    due_s: float | None = None


def enqueue(connection: sqlite3.Connection, new: NewTask, ids: FreshIds, now: int) -> TaskRow:
    """Raises: NotFound, QuotaExceeded."""
    if new.origin is not None:
        row = connection.execute(
            "SELECT * FROM tasks WHERE owner = ? AND origin = ?", (new.owner, new.origin)
        ).fetchone()
        if row is not None:
            return task_of(row)
    project_id = _project_for(connection, new, ids, now)
    if new.replaces is not None:
        usage.give_up(connection, new.owner, new.replaces)
    usage.admit(connection, new.owner, new.terms, now)
    task_id = ids.task
    accepted = TaskAccepted(
        project_id=project_id,
        task_kind=new.kind,
        prompt=new.prompt,
        requested_by=new.requested_by,
    )
    _insert_task(connection, new, project_id, task_id, now)
    usage.reserve(connection, new, project_id, task_id, now)
    if new.slack is not None:
        slack.insert_delivery(connection, task_id, new.slack, now)
        if new.slack.thread.thread_ts:
            slack.bind_thread(connection, project_id, new.slack.thread)
    log.insert_lines(connection, task_id, 0, [(accepted.kind, dump_event(accepted))], now)
    for message in (
        projects.NewMessage(ids.messages[0], "USER", "RESULT", "COMPLETE", new.prompt),
        projects.NewMessage(ids.messages[1], "ASSISTANT", "STREAMING", "PENDING", ""),
    ):
        projects.insert_message(connection, message, project_id, task_id, now)
    return _get(connection, task_id)


def _project_for(
    connection: sqlite3.Connection, new: NewTask, ids: FreshIds, now: int
) -> ProjectId:
    """The project to work on, made if need be, with its conversation seeded if it has none."""
    if new.project_id is None:
        project_id = ids.project
        projects.insert_project(connection, new.owner, project_id, new.prompt, now)
    else:
        project_id = projects.get_project(connection, new.owner, new.project_id).id
        projects.touch_project(connection, project_id, now)
    if new.history and not projects.list_messages(connection, project_id):
        for message_id, turn in zip(ids.messages[2:], new.history, strict=True):
            seed = projects.NewMessage(
                message_id, turn.role.upper(), "RESULT", "COMPLETE", turn.text
            )
            projects.insert_message(connection, seed, project_id, None, now)
    return project_id


def _insert_task(
    connection: sqlite3.Connection, new: NewTask, project_id: ProjectId, task_id: TaskId, now: int
) -> None:
    connection.execute(
        "INSERT INTO tasks (id, project_id, owner, kind, status, prompt, model, framework, "
        "requested_by, origin, epoch, attempts, run_after, last_seq, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, 1, ?, ?)",
        (
            task_id,
            project_id,
            new.owner,
            new.kind,
            TaskStatus.PENDING,
            clean_text(new.prompt),
            new.model,
            new.framework,
            new.requested_by,
            new.origin,
            now,
            now,
            now,
        ),
    )


def get_task(connection: sqlite3.Connection, owner: OwnerId, task_id: TaskId) -> TaskRow:
    """Raises: NotFound."""
    row = connection.execute(
        "SELECT * FROM tasks WHERE id = ? AND owner = ?", (task_id, owner)
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no task {task_id}")
    return task_of(row)


def _get(connection: sqlite3.Connection, task_id: TaskId) -> TaskRow:
    return task_of(connection.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone())


def list_tasks(connection: sqlite3.Connection, project_id: ProjectId) -> list[TaskRow]:
    """Newest first."""
    rows = connection.execute(
        "SELECT * FROM tasks WHERE project_id = ? ORDER BY n DESC", (project_id,)
    )
    return [task_of(row) for row in rows]


def newest_tasks(
    connection: sqlite3.Connection, owner: OwnerId, project_ids: Sequence[ProjectId]
) -> dict[ProjectId, TaskRow]:
    asked = {"owner": owner, "projects": json.dumps(project_ids)}
    rows = map(task_of, connection.execute(_NEWEST, asked))
    return {row.project_id: row for row in rows}


def take(
    connection: sqlite3.Connection, worker_id: WorkerId, now: int, only: TaskId | None
) -> Taken:
    """Give the oldest task that may run to this worker; end those that may run no more."""
    taken = Taken()
    while row := connection.execute(_CLAIMABLE, {"now": now, "only": only}).fetchone():
        task = task_of(row)
        if task.cancel_by is not None:
            event = TaskCancelled(by=task.cancel_by)
            _end(connection, task, [event], f"Stopped by {task.cancel_by}.", now)
            taken.ended.append(task.id)
        elif task.attempts >= MAX_ATTEMPTS:
            _end(connection, task, [WORKER_LOST], f"{WORKER_LOST.message} {WORKER_LOST.hint}", now)
            taken.ended.append(task.id)
        else:
            connection.execute(
                "UPDATE tasks SET status = ?, epoch = epoch + 1, attempts = attempts + 1, "
                "worker_id = ?, lease_until = ?, updated_at = ? WHERE id = ?",
                (TaskStatus.RUNNING, worker_id, now + seconds_us(LEASE_S), now, task.id),
            )
            projects.start_answer(connection, task.id)
            taken.task = _get(connection, task.id)
            return taken
    due: int | None = connection.execute(_FIRST_DUE, {"only": only}).fetchone()["due"]
    taken.due_s = None if due is None else (due - now) / seconds_us(1)
    return taken


def renew(connection: sqlite3.Connection, lease: Lease, now: int) -> str | None:
    """Raises: LeaseLost."""
    cancel_by: str | None = log.held(connection, lease)["cancel_by"]
    connection.execute(
        "UPDATE tasks SET lease_until = ? WHERE id = ?",
        (now + seconds_us(LEASE_S), lease.task_id),
    )
    return cancel_by


def hand_back(
    connection: sqlite3.Connection, lease: Lease, now: int, run_after: int, *, count_attempt: bool
) -> None:
    """Raises: LeaseLost."""
    log.held(connection, lease)
    connection.execute(
        "UPDATE tasks SET status = ?, attempts = attempts - ?, run_after = ?, lease_until = NULL, "
        "worker_id = NULL, updated_at = ? WHERE id = ?",
        (TaskStatus.PENDING, 0 if count_attempt else 1, run_after, now, lease.task_id),
    )


def finish(
    connection: sqlite3.Connection, lease: Lease, expected_seq: int, ending: Ending, now: int
) -> int:
    """Raises: LeaseLost, SeqConflict, StoreError (an app that cannot be stored)."""
    task = task_of(log.held(connection, lease))
    if task.last_seq != expected_seq:
        raise SeqConflict(f"the log is at {task.last_seq}, not at {expected_seq}")
    if ending.fragment is not None:
        projects.insert_fragment(connection, ending.fragment, task.project_id, now, task_id=task.id)
    if ending.status is TaskStatus.COMPLETE:
        projects.complete_project(connection, task.project_id, ending.title, ending.framework, now)
    return _end(connection, task, ending.events, ending.reply, now)


def request_cancel(
    connection: sqlite3.Connection, owner: OwnerId, task_id: TaskId, by: str, now: int
) -> TaskRow:
    """Raises: NotFound."""
    task = get_task(connection, owner, task_id)
    if task.status is TaskStatus.PENDING:
        _end(connection, task, [TaskCancelled(by=by)], f"Stopped by {by}.", now)
    elif task.status is TaskStatus.RUNNING:
        connection.execute(
            "UPDATE tasks SET cancel_by = coalesce(cancel_by, ?), updated_at = ? WHERE id = ?",
            (by, now, task_id),
        )
    return _get(connection, task_id)


def _end(
    connection: sqlite3.Connection, task: TaskRow, events: Sequence[Event], reply: str, now: int
) -> int:
    """Write the last events, the terminal one among them, and settle everything of the task."""
    lines = [(event.kind, dump_event(event)) for event in events]
    log.insert_lines(connection, task.id, task.last_seq, lines, now)
    status = TERMINAL_STATUS[type(events[-1])]
    last_seq = task.last_seq + len(lines)
    connection.execute(
        "UPDATE tasks SET status = ?, last_seq = ?, lease_until = NULL, worker_id = NULL, "
        "cancel_by = NULL, updated_at = ? WHERE id = ?",
        (status, last_seq, now, task.id),
    )
    projects.settle_answer(connection, task.id, status, reply)
    usage.settle(connection, task.id, status)
    return last_seq

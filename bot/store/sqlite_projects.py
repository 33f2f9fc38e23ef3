"""Statements on apps, their versions and conversations. Each runs inside one transaction."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from agents.errors import NotFound, SeqConflict, StoreError
from agents.types import (
    BlobHash,
    FragmentId,
    Framework,
    OwnerId,
    ProjectId,
    SandboxId,
    TaskId,
    TaskStatus,
    Turn,
)
from bot.store.encoding import LIMITS, clean_text, title_of
from bot.store.port import Fragment, NewFragment, Project, StoredMessage
from bot.store.sqlite_rows import fragment_of, message_of, project_of


def get_project(connection: sqlite3.Connection, owner: OwnerId, project_id: ProjectId) -> Project:
    """Raises: NotFound."""
    row = connection.execute(
        "SELECT * FROM projects WHERE id = ? AND owner = ?", (project_id, owner)
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no project {project_id}")
    return project_of(row)


def list_projects(connection: sqlite3.Connection, owner: OwnerId, limit: int) -> list[Project]:
    rows = connection.execute(
        "SELECT * FROM projects WHERE owner = ? ORDER BY updated_at DESC, rowid DESC LIMIT ?",
        (owner, limit),
    )
    return [project_of(row) for row in rows]


def insert_project(
    connection: sqlite3.Connection, owner: OwnerId, project_id: ProjectId, prompt: str, now: int
) -> None:
    """A new app, called by the beginning of what was asked for."""
    connection.execute(
        "INSERT INTO projects (id, owner, title, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
        (project_id, owner, title_of(prompt), now, now),
    )


def touch_project(connection: sqlite3.Connection, project_id: ProjectId, now: int) -> None:
    connection.execute("UPDATE projects SET updated_at = ? WHERE id = ?", (now, project_id))


def set_preview(
    connection: sqlite3.Connection,
    project_id: ProjectId,
    was: SandboxId | None,
    sandbox_id: SandboxId | None,
    preview_url: str | None,
) -> None:
    connection.execute(
        "UPDATE projects SET sandbox_id = ?, preview_url = ? WHERE id = ? AND sandbox_id IS ?",
        (sandbox_id, preview_url, project_id, was),
    )


def list_fragments(connection: sqlite3.Connection, project_id: ProjectId) -> list[Fragment]:
    """Newest first."""
    rows = connection.execute(
        "SELECT * FROM fragments WHERE project_id = ? ORDER BY n DESC", (project_id,)
    ).fetchall()
    return [fragment_of(row, _files(connection, row["id"])) for row in rows]


def get_fragment(
    connection: sqlite3.Connection, project_id: ProjectId, fragment_id: FragmentId
) -> Fragment:
    """Raises: NotFound (also for one of another project)."""
    row = connection.execute(
        "SELECT * FROM fragments WHERE id = ? AND project_id = ?", (fragment_id, project_id)
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no fragment {fragment_id} in project {project_id}")
    return fragment_of(row, _files(connection, fragment_id))


def _files(connection: sqlite3.Connection, fragment_id: str) -> dict[str, BlobHash]:
    rows = connection.execute(
        "SELECT path, blob FROM fragment_files WHERE fragment_id = ? ORDER BY path", (fragment_id,)
    )
    return {row["path"]: BlobHash(row["blob"]) for row in rows}


def insert_fragment(
    connection: sqlite3.Connection,
    new: NewFragment,
    project_id: ProjectId,
    now: int,
    *,
    task_id: TaskId | None = None,
    restored_from: FragmentId | None = None,
) -> None:
    """Add a version and make it the project's head.

    Raises: StoreError (too many files, or one whose bytes are not stored).
    """
    if len(new.files) > LIMITS.files_per_fragment:
        raise StoreError(f"an app of {len(new.files):,} files is too large")
    _require_blobs(connection, new.files)
    connection.execute(
        "INSERT INTO fragments (id, project_id, task_id, title, framework, sandbox_id, "
        "preview_url, restored_from, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.id,
            project_id,
            task_id,
            clean_text(new.title),
            new.framework,
            new.sandbox_id,
            new.preview_url,
            restored_from,
            now,
        ),
    )
    connection.executemany(
        "INSERT INTO fragment_files (fragment_id, path, blob) VALUES (?, ?, ?)",
        [(new.id, path, digest) for path, digest in new.files.items()],
    )
    connection.execute(
        "UPDATE projects SET head = ?, framework = ?, sandbox_id = ?, preview_url = ?, "
        "updated_at = ? WHERE id = ?",
        (new.id, new.framework, new.sandbox_id, new.preview_url, now, project_id),
    )


def _require_blobs(connection: sqlite3.Connection, files: Mapping[str, BlobHash]) -> None:
    for path, digest in files.items():
        if not connection.execute("SELECT 1 FROM blobs WHERE hash = ?", (digest,)).fetchone():
            raise StoreError(f"the bytes of {path} are not stored")


def restore(
    connection: sqlite3.Connection,
    project: Project,
    fragment_id: FragmentId,
    new_id: FragmentId,
    now: int,
) -> Fragment:
    """Copy an old version to a new head; what runs now shows other files, so it is forgotten.

    Raises: NotFound, SeqConflict.
    """
    old = get_fragment(connection, project.id, fragment_id)
    if connection.execute(
        "SELECT 1 FROM tasks WHERE project_id = ?"
        " AND (status = ? OR (status = ? AND epoch > 0))",  # begun, handed back, to go on
        (project.id, TaskStatus.RUNNING, TaskStatus.PENDING),
    ).fetchone():
        raise SeqConflict("a task of this project is running, or about to go on")
    new = NewFragment(id=new_id, title=old.title, framework=old.framework, files=old.files)
    insert_fragment(connection, new, project.id, now, restored_from=old.id)
    return get_fragment(connection, project.id, new_id)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A row of the conversation, to be written."""

    id: str
    role: str
    type: str
    status: str
    content: str


def list_messages(connection: sqlite3.Connection, project_id: ProjectId) -> list[StoredMessage]:
    """Oldest first."""
    rows = connection.execute(
        "SELECT * FROM messages WHERE project_id = ? ORDER BY n", (project_id,)
    )
    return [message_of(row) for row in rows]


def insert_message(
    connection: sqlite3.Connection,
    new: NewMessage,
    project_id: ProjectId,
    task_id: TaskId | None,
    now: int,
) -> None:
    connection.execute(
        "INSERT INTO messages (id, project_id, task_id, role, type, status, content, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.id,
            project_id,
            task_id,
            new.role,
            new.type,
            new.status,
            clean_text(new.content),
            now,
        ),
    )


def start_answer(connection: sqlite3.Connection, task_id: TaskId) -> None:
    """The task runs: its assistant's row is being written."""
    connection.execute(
        "UPDATE messages SET status = 'STREAMING' WHERE task_id = ? AND status = 'PENDING'",
        (task_id,),
    )


def settle_answer(
    connection: sqlite3.Connection, task_id: TaskId, status: TaskStatus, reply: str
) -> None:
    """The task has ended: its assistant's row is what it will stay."""
    connection.execute(
        "UPDATE messages SET status = 'COMPLETE', type = ?, content = ? "
        "WHERE task_id = ? AND role = 'ASSISTANT'",
        (
            "RESULT" if status is TaskStatus.COMPLETE else "ERROR",
            clean_text(reply),
            task_id,
        ),
    )


def history(connection: sqlite3.Connection, project_id: ProjectId, task_id: TaskId) -> list[Turn]:
    """What was said before this task and is settled, oldest first."""
    rows = connection.execute(
        "SELECT role, content FROM messages WHERE project_id = ? AND status = 'COMPLETE' "
        "AND n < (SELECT min(n) FROM messages WHERE task_id = ?) ORDER BY n",
        (project_id, task_id),
    )
    return [
        Turn(role="user" if row["role"] == "USER" else "assistant", text=row["content"])
        for row in rows
    ]


def complete_project(
    connection: sqlite3.Connection,
    project_id: ProjectId,
    title: str | None,
    framework: Framework | None,
    now: int,
) -> None:
    """A task of the project is complete: take over the title and framework it brings."""
    connection.execute(
        "UPDATE projects SET title = coalesce(?, title), framework = coalesce(?, framework), "
        "updated_at = ? WHERE id = ?",
        (None if title is None else clean_text(title), framework, now, project_id),
    )

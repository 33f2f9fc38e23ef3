"""Between the port's values and the database's rows. Pure."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from agents.events import EVENT, Recorded
from agents.types import (
    BlobHash,
    FragmentId,
    Framework,
    MessageId,
    OwnerId,
    ProjectId,
    SandboxId,
    TaskId,
    TaskKind,
    TaskStatus,
    WorkerId,
)
from bot.store.port import Fragment, Project, StoredMessage, TaskRow

Id = TypeVar("Id", bound=str)

EVENT_VERSION = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(at: int) -> datetime:
    """The reverse of `to_us`."""
    return _EPOCH + timedelta(microseconds=at)


def seconds_us(seconds: float) -> int:
    """A span of time in microseconds."""
    return round(seconds * 1_000_000)


def recorded_of(row: sqlite3.Row) -> Recorded:
    return Recorded(
        task_id=TaskId(row["task_id"]),
        seq=row["seq"],
        at=from_us(row["at"]),
        v=row["v"],
        event=EVENT.validate_json(row["event"]),
    )


def framework_of(name: str | None) -> Framework | None:
    return None if name is None else Framework(name)


def project_of(row: sqlite3.Row) -> Project:
    return Project(
        id=ProjectId(row["id"]),
        owner=OwnerId(row["owner"]),
        title=row["title"],
        framework=framework_of(row["framework"]),
        head=_optional(FragmentId, row["head"]),
        preview_url=row["preview_url"],
        sandbox_id=_optional(SandboxId, row["sandbox_id"]),
        created_at=from_us(row["created_at"]),
        updated_at=from_us(row["updated_at"]),
    )


def fragment_of(row: sqlite3.Row, files: Mapping[str, BlobHash]) -> Fragment:
    return Fragment(
        id=FragmentId(row["id"]),
        project_id=ProjectId(row["project_id"]),
        task_id=_optional(TaskId, row["task_id"]),
        title=row["title"],
        framework=Framework(row["framework"]),
        files=files,
        sandbox_id=_optional(SandboxId, row["sandbox_id"]),
        preview_url=row["preview_url"],
        restored_from=_optional(FragmentId, row["restored_from"]),
        created_at=from_us(row["created_at"]),
    )


def message_of(row: sqlite3.Row) -> StoredMessage:
    return StoredMessage(
        id=MessageId(row["id"]),
        project_id=ProjectId(row["project_id"]),
        task_id=_optional(TaskId, row["task_id"]),
        role=row["role"],
        type=row["type"],
        status=row["status"],
        content=row["content"],
        created_at=from_us(row["created_at"]),
    )


def task_of(row: sqlite3.Row) -> TaskRow:
    return TaskRow(
        id=TaskId(row["id"]),
        project_id=ProjectId(row["project_id"]),
        owner=OwnerId(row["owner"]),
        kind=TaskKind(row["kind"]),
        status=TaskStatus(row["status"]),
        prompt=row["prompt"],
        model=row["model"],
        framework=framework_of(row["framework"]),
        requested_by=row["requested_by"],
        origin=row["origin"],
        epoch=row["epoch"],
        attempts=row["attempts"],
        run_after=from_us(row["run_after"]),
        lease_until=None if row["lease_until"] is None else from_us(row["lease_until"]),
        worker_id=_optional(WorkerId, row["worker_id"]),
        cancel_by=row["cancel_by"],
        last_seq=row["last_seq"],
        created_at=from_us(row["created_at"]),
        updated_at=from_us(row["updated_at"]),
    )


def _optional(make: Callable[[str], Id], value: str | None) -> Id | None:
    return None if value is None else make(value)

"""Between the port's values and Convex's rows. Pure. Every number comes from Convex as a float."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

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
from bot.store.port import Fragment, Lease, NewFragment, Project, StoredMessage, TaskRow

Row = Mapping[str, Any]
Id = TypeVar("Id", bound=str)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_ms(at: float) -> datetime:
    """Convex's time, in milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=at)


def framework_row(framework: Framework | None) -> str | None:
    """As the database of existing frontends writes it."""
    return None if framework is None else framework.value.upper()


def framework_of(name: str | None) -> Framework | None:
    return None if name is None else Framework(name.lower())


def lease_row(lease: Lease) -> dict[str, Any]:
    return {"taskId": lease.task_id, "workerId": lease.worker_id, "epoch": lease.epoch}


def fragment_row(new: NewFragment, title: str) -> dict[str, Any]:
    row = {
        "fragmentId": new.id,
        "title": title,
        "framework": framework_row(new.framework),
        "files": [{"path": path, "hash": digest} for path, digest in sorted(new.files.items())],
        "sandboxId": new.sandbox_id,
        "sandboxUrl": new.preview_url,
    }
    return {name: value for name, value in row.items() if value is not None}


def project_of(row: Row) -> Project:
    return Project(
        id=ProjectId(row["projectId"]),
        owner=OwnerId(row["owner"]),
        title=row["title"],
        framework=framework_of(row.get("framework")),
        head=_optional(FragmentId, row.get("head")),
        preview_url=row.get("previewUrl"),
        sandbox_id=_optional(SandboxId, row.get("sandboxId")),
        created_at=from_ms(row["createdAt"]),
        updated_at=from_ms(row["updatedAt"]),
    )


def fragment_of(row: Row) -> Fragment:
    return Fragment(
        id=FragmentId(row["fragmentId"]),
        project_id=ProjectId(row["projectId"]),
        task_id=_optional(TaskId, row.get("taskId")),
        title=row["title"],
        framework=Framework(row["framework"].lower()),
        files={file["path"]: BlobHash(file["hash"]) for file in row["files"]},
        sandbox_id=_optional(SandboxId, row.get("sandboxId")),
        preview_url=row.get("sandboxUrl"),
        restored_from=_optional(FragmentId, row.get("restoredFrom")),
        created_at=from_ms(row["createdAt"]),
    )


def message_of(row: Row) -> StoredMessage:
    return StoredMessage(
        id=MessageId(row["messageId"]),
        project_id=ProjectId(row["projectId"]),
        task_id=_optional(TaskId, row.get("taskId")),
        role=row["role"],
        type=row["type"],
        status=row["status"],
        content=row["content"],
        created_at=from_ms(row["createdAt"]),
    )


def task_of(row: Row) -> TaskRow:
    lease_until = row.get("leaseUntil")
    return TaskRow(
        id=TaskId(row["taskId"]),
        project_id=ProjectId(row["projectId"]),
        owner=OwnerId(row["owner"]),
        kind=TaskKind(row["kind"]),
        status=TaskStatus(row["status"]),
        prompt=row["prompt"],
        model=row["model"],
        framework=framework_of(row.get("framework")),
        requested_by=row["requestedBy"],
        origin=row.get("origin"),
        epoch=int(row["epoch"]),
        attempts=int(row["attempts"]),
        run_after=from_ms(row["runAfter"]),
        lease_until=None if lease_until is None else from_ms(lease_until),
        worker_id=_optional(WorkerId, row.get("workerId")),
        cancel_by=row.get("cancelBy"),
        last_seq=int(row["lastSeq"]),
        created_at=from_ms(row["createdAt"]),
        updated_at=from_ms(row["updatedAt"]),
    )


def recorded_of(task_id: TaskId, row: Row, event: str | bytes) -> Recorded:
    return Recorded(
        task_id=task_id,
        seq=int(row["seq"]),
        at=from_ms(row["at"]),
        v=int(row["v"]),
        event=EVENT.validate_json(event),
    )


def _optional(make: Callable[[str], Id], value: str | None) -> Id | None:
    return None if value is None else make(value)

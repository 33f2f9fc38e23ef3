"""The store's port: what services and workers ask of a database.

Small roles, one adapter class per database that plays them all. Rows are frozen values. Times
are UTC. A row of another owner is reported exactly like a missing one (`NotFound`). Every method
may raise `StoreUnavailable`; the others are named per method. `tests/contracts/` holds the suite
that every adapter passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from agents.events import Event, Recorded
from agents.ports import Blobs
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
    Turn,
    WorkerId,
)
from bot.store.identity_port import Audit, Identities
from bot.store.links_port import PreviewKeys
from bot.store.people_port import People
from bot.store.slack_port import SlackOrigin, SlackState
from bot.store.usage_port import UNLIMITED, Terms, Usages

LEASE_S = 30.0
MAX_ATTEMPTS = 3

QUEUE_TOPIC = "queue"
"""What waiting workers listen to."""


def cancel_topic(task_id: TaskId) -> str:
    """What a worker listens to while it runs the task."""
    return f"cancel:{task_id}"


@dataclass(frozen=True, slots=True)
class Project:
    """One app. `head` is the fragment its files are at; None before the first build."""

    id: ProjectId
    owner: OwnerId
    title: str
    framework: Framework | None
    head: FragmentId | None
    preview_url: str | None
    sandbox_id: SandboxId | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Fragment:
    """An app version. `restored_from` names the version that a restore copied."""

    id: FragmentId
    project_id: ProjectId
    task_id: TaskId | None
    title: str
    framework: Framework
    files: Mapping[str, BlobHash]
    sandbox_id: SandboxId | None
    preview_url: str | None
    restored_from: FragmentId | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One row of the conversation: role USER | ASSISTANT, type RESULT | ERROR | STREAMING,
    status PENDING | STREAMING | COMPLETE.
    """

    id: MessageId
    project_id: ProjectId
    task_id: TaskId | None
    role: str
    type: str
    status: str
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TaskRow:
    """The queue's row. `cancel_by` is set while somebody's stop has not been carried out."""

    id: TaskId
    project_id: ProjectId
    owner: OwnerId
    kind: TaskKind
    status: TaskStatus
    prompt: str
    model: str
    framework: Framework | None
    requested_by: str
    origin: str | None
    epoch: int
    attempts: int
    run_after: datetime
    lease_until: datetime | None
    worker_id: WorkerId | None
    cancel_by: str | None
    last_seq: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewTask:
    """What to enqueue. `project_id` None makes a project (title from the prompt) with it.

    `origin` makes enqueueing idempotent per owner: the same origin answers the first task.
    `history` seeds the conversation of a project that has none. `slack` is where it was asked
    for in Slack, and is shown; a new project's thread is that one. `terms` may refuse it.
    `replaces` is a task of the owner that is stopped next: what it has reserved is free for this one.
    """

    owner: OwnerId
    kind: TaskKind
    prompt: str
    model: str = "auto"
    framework: Framework | None = None
    project_id: ProjectId | None = None
    requested_by: str = "web"
    origin: str | None = None
    history: Sequence[Turn] = ()
    slack: SlackOrigin | None = None
    terms: Terms = UNLIMITED
    replaces: TaskId | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim: this worker, this epoch. Every write of a running task carries it."""

    task_id: TaskId
    worker_id: WorkerId
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    """All a worker needs to run, or to run again: `log` is the whole log so far."""

    lease: Lease
    task: TaskRow
    project: Project
    head: Fragment | None
    history: Sequence[Turn]
    log: Sequence[Recorded]


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing may run now. In `due_s` seconds the first lease ends or the first delay is over.

    As far as is known now: a lease may be renewed meanwhile. None when nothing is waited for.
    """

    due_s: float | None = None


@dataclass(frozen=True, slots=True)
class NewFragment:
    """The app version that a completed task leaves behind; its blobs are stored already."""

    id: FragmentId
    title: str
    framework: Framework
    files: Mapping[str, BlobHash]
    sandbox_id: SandboxId | None = None
    preview_url: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The last write of a task: remaining events, the terminal one last, all or nothing.

    Only a completed task may carry a `fragment`, which becomes the project's head.
    """

    events: Sequence[Event]
    status: TaskStatus
    reply: str
    fragment: NewFragment | None = None
    title: str | None = None
    framework: Framework | None = None


class Projects(Protocol):
    """Apps and their history."""

    async def project(self, owner: OwnerId, project_id: ProjectId) -> Project:
        """Raises: NotFound."""
        ...

    async def projects(self, owner: OwnerId, *, limit: int = 100) -> list[Project]:
        """Newest change first."""
        ...

    async def fragments(self, owner: OwnerId, project_id: ProjectId) -> list[Fragment]:
        """Newest first. Raises: NotFound."""
        ...

    async def fragment(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId
    ) -> Fragment:
        """Raises: NotFound."""
        ...

    async def restore(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId, new_id: FragmentId
    ) -> Fragment:
        """Make a new head with exactly the files of an old fragment; nothing is lost.

        Raises: NotFound; SeqConflict while a task of the project is running.
        """
        ...

    async def messages(self, owner: OwnerId, project_id: ProjectId) -> list[StoredMessage]:
        """Oldest first. Raises: NotFound."""
        ...

    async def set_preview(
        self,
        project_id: ProjectId,
        *,
        was: SandboxId | None,
        sandbox_id: SandboxId | None,
        preview_url: str | None,
    ) -> None:
        """Note where the project's app runs now, None for nowhere, if it `was` in that sandbox.

        Otherwise another process has moved it meanwhile, and nothing changes.
        """
        ...


class Queue(Protocol):
    """Tasks: accept, claim, keep, give back, end. One running task per project, in order."""

    async def enqueue(self, new: NewTask) -> TaskRow:
        """Write task, project if new, user and assistant messages and `task_accepted`.

        Raises: NotFound (project); QuotaExceeded (by its `terms`; nothing is written then).
        """
        ...

    async def task(self, owner: OwnerId, task_id: TaskId) -> TaskRow:
        """Raises: NotFound."""
        ...

    async def tasks(self, owner: OwnerId, project_id: ProjectId) -> list[TaskRow]:
        """Newest first. Raises: NotFound."""
        ...

    async def newest_tasks(
        self, owner: OwnerId, project_ids: Sequence[ProjectId]
    ) -> dict[ProjectId, TaskRow]:
        """The newest task of each; a foreign or missing project has none."""
        ...

    async def claim(self, worker_id: WorkerId, *, only: TaskId | None = None) -> Claim | Idle:
        """Take the oldest task that may run now, or `only` that one; expired leases count.

        Raises the epoch, so that every write of the former holder is refused. A task whose
        lease expired in its last attempt, or was asked to stop while nobody held it, is ended
        here (`failed` with code `worker_lost`, or `cancelled`) and the next one is looked at.

        `Idle` tells when to ask again; a task behind an open one of its project does not count.
        """
        ...

    async def renew(self, lease: Lease) -> str | None:
        """Keep the lease for LEASE_S more; answers who asked to stop, if anybody did.

        Raises: LeaseLost.
        """
        ...

    async def hand_back(self, lease: Lease, *, delay_s: float, count_attempt: bool) -> None:
        """Make the task pending again, claimable after `delay_s`. Raises: LeaseLost."""
        ...

    async def finish(self, lease: Lease, expected_seq: int, ending: Ending) -> int:
        """End the task in one transaction; answers the last seq.

        Raises: LeaseLost, SeqConflict.
        """
        ...

    async def request_cancel(self, owner: OwnerId, task_id: TaskId, *, by: str) -> TaskRow:
        """Ask a task to stop; a pending one is cancelled at once, an ended one stays as it is.

        Raises: NotFound.
        """
        ...


class EventLog(Protocol):
    """Append-only logs, read by cursor."""

    async def append(self, lease: Lease, expected_seq: int, events: Sequence[Event]) -> int:
        """Add to the log, and keep the lease as `renew` does; answers the new last seq.

        Raises: LeaseLost (stale epoch, or the task has ended); SeqConflict (not at
        `expected_seq`). Refused appends change nothing. Terminal events go through `finish`.
        """
        ...

    async def read(self, task_id: TaskId, *, after: int = 0, limit: int = 500) -> list[Recorded]:
        """Events with `seq > after`, in order; empty when there is nothing newer."""
        ...


class Store(
    Projects,
    Queue,
    EventLog,
    Blobs,
    SlackState,
    People,
    PreviewKeys,
    Identities,
    Audit,
    Usages,
    Protocol,
):
    """All roles together, as an adapter offers them."""

    async def check(self) -> None:
        """Answer when the database does. Raises: StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Finish what was accepted, then let go."""
        ...


class Waker(Protocol):
    """In-process news: who waits for a log or for work is woken at once."""

    def notify(self, topic: str) -> None:
        """Something happened on `topic`: a task id, `QUEUE_TOPIC`, or a `cancel_topic`."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one store accepts; adapters refuse beyond it with `StoreError`."""

    event_bytes: int = 900_000
    blob_bytes: int = 32 * 1024 * 1024
    files_per_fragment: int = 2_000
    extra: Mapping[str, int] = field(default_factory=dict)

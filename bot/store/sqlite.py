"""The embedded store: the whole port on one SQLite file, or in memory.

What a method answers is durable. Statements live beside the tables they are about
(`sqlite_projects`, `sqlite_queue`, `sqlite_log` and so on); `sqlite_database` says how they run.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from agents.background import Background
from agents.events import Event, Recorded
from agents.ports import Clock, Ids
from agents.types import BlobHash, FragmentId, OwnerId, ProjectId, SandboxId, TaskId, WorkerId
from bot.store import sqlite_links as links
from bot.store import sqlite_log as log
from bot.store import sqlite_people as people
from bot.store import sqlite_projects as projects
from bot.store import sqlite_queue as tasks
from bot.store import sqlite_slack as slack
from bot.store.encoding import check_ending, hash_blobs
from bot.store.people_port import MemberRole, Preferences
from bot.store.port import (
    QUEUE_TOPIC,
    Claim,
    Ending,
    Fragment,
    Idle,
    Lease,
    NewTask,
    Project,
    StoredMessage,
    TaskRow,
    Waker,
)
from bot.store.slack_port import Delivery, DeliveryEnd, InstallKey, SlackThread, ThreadProject
from bot.store.sqlite_database import BUSY_S, MEMORY, Database
from bot.store.sqlite_identities import SqliteIdentities
from bot.store.sqlite_rows import seconds_us, to_us
from bot.store.sqlite_usage import SqliteUsages

__all__ = ["MEMORY", "SqliteStore"]


class SqliteStore(SqliteIdentities, SqliteUsages):
    """Implements `bot.store.port.Store`. Make it with `open`."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, waker: Waker | None) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._waker = waker
        self._background = Background()

    @classmethod
    async def open(
        cls,
        path: Path | str,
        *,
        clock: Clock,
        ids: Ids,
        waker: Waker | None = None,
        busy_s: float = BUSY_S,
    ) -> "SqliteStore":
        """Open or make the file; `MEMORY` keeps all in this process. `waker` hears of changes.

        Another process that holds the write lock for longer than `busy_s` makes writes fail.

        Raises: StoreUnavailable; StoreError (the file is of a newer program).
        """
        return cls(await Database.open(path, busy_s=busy_s), clock, ids, waker)

    async def check(self) -> None:
        await self._database.write(lambda connection: connection.execute("SELECT 1").close())

    async def close(self) -> None:
        await self._database.close()

    # --- projects ------------------------------------------------------------------------

    async def project(self, owner: OwnerId, project_id: ProjectId) -> Project:
        return await self._database.read(lambda c: projects.get_project(c, owner, project_id))

    async def projects(self, owner: OwnerId, *, limit: int = 100) -> list[Project]:
        return await self._database.read(lambda c: projects.list_projects(c, owner, limit))

    async def fragments(self, owner: OwnerId, project_id: ProjectId) -> list[Fragment]:
        def work(connection: sqlite3.Connection) -> list[Fragment]:
            projects.get_project(connection, owner, project_id)
            return projects.list_fragments(connection, project_id)

        return await self._database.read(work)

    async def fragment(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId
    ) -> Fragment:
        def work(connection: sqlite3.Connection) -> Fragment:
            projects.get_project(connection, owner, project_id)
            return projects.get_fragment(connection, project_id, fragment_id)

        return await self._database.read(work)

    async def restore(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId, new_id: FragmentId
    ) -> Fragment:
        now = self._now()

        def work(connection: sqlite3.Connection) -> Fragment:
            project = projects.get_project(connection, owner, project_id)
            return projects.restore(connection, project, fragment_id, new_id, now)

        return await self._database.write(work)

    async def messages(self, owner: OwnerId, project_id: ProjectId) -> list[StoredMessage]:
        def work(connection: sqlite3.Connection) -> list[StoredMessage]:
            projects.get_project(connection, owner, project_id)
            return projects.list_messages(connection, project_id)

        return await self._database.read(work)

    async def set_preview(
        self,
        project_id: ProjectId,
        *,
        was: SandboxId | None,
        sandbox_id: SandboxId | None,
        preview_url: str | None,
    ) -> None:
        await self._database.write(
            lambda c: projects.set_preview(c, project_id, was, sandbox_id, preview_url)
        )

    # --- the queue -----------------------------------------------------------------------

    async def enqueue(self, new: NewTask) -> TaskRow:
        now, ids = self._now(), tasks.fresh_ids(self._ids, new)
        row = await self._database.write(lambda c: tasks.enqueue(c, new, ids, now))
        self._notify(row.id, QUEUE_TOPIC)
        return row

    async def task(self, owner: OwnerId, task_id: TaskId) -> TaskRow:
        return await self._database.read(lambda c: tasks.get_task(c, owner, task_id))

    async def tasks(self, owner: OwnerId, project_id: ProjectId) -> list[TaskRow]:
        def work(connection: sqlite3.Connection) -> list[TaskRow]:
            projects.get_project(connection, owner, project_id)
            return tasks.list_tasks(connection, project_id)

        return await self._database.read(work)

    async def newest_tasks(
        self, owner: OwnerId, project_ids: Sequence[ProjectId]
    ) -> dict[ProjectId, TaskRow]:
        return await self._database.read(lambda c: tasks.newest_tasks(c, owner, project_ids))

    async def claim(self, worker_id: WorkerId, *, only: TaskId | None = None) -> Claim | Idle:
        """As the port says. A caller that is cancelled meanwhile leaves the task claimable."""
        claiming = self._background.start(self._claim(worker_id, only), name="store-claim")
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await asyncio.wait({claiming})
            if claiming.exception() is None and isinstance(claim := claiming.result(), Claim):
                await self.hand_back(claim.lease, delay_s=0.0, count_attempt=False)
            raise

    async def _claim(self, worker_id: WorkerId, only: TaskId | None) -> Claim | Idle:
        now = self._now()
        taken = await self._database.write(lambda c: tasks.take(c, worker_id, now, only))
        if taken.ended:
            self._notify(*taken.ended, QUEUE_TOPIC)
        task = taken.task
        if task is None:
            return Idle(taken.due_s)
        return await self._database.read(lambda c: _load_claim(c, task, worker_id))

    async def renew(self, lease: Lease) -> str | None:
        now = self._now()
        return await self._database.write(lambda c: tasks.renew(c, lease, now))

    async def hand_back(self, lease: Lease, *, delay_s: float, count_attempt: bool) -> None:
        now = self._now()
        run_after = to_us(self._clock.now() + timedelta(seconds=delay_s))
        await self._database.write(
            lambda c: tasks.hand_back(c, lease, now, run_after, count_attempt=count_attempt)
        )
        self._notify(QUEUE_TOPIC)

    async def finish(self, lease: Lease, expected_seq: int, ending: Ending) -> int:
        check_ending(ending)
        now = self._now()
        last_seq = await self._database.write(
            lambda c: tasks.finish(c, lease, expected_seq, ending, now)
        )
        self._notify(lease.task_id, QUEUE_TOPIC)
        return last_seq

    async def request_cancel(self, owner: OwnerId, task_id: TaskId, *, by: str) -> TaskRow:
        now = self._now()
        row = await self._database.write(lambda c: tasks.request_cancel(c, owner, task_id, by, now))
        self._notify(task_id, QUEUE_TOPIC)
        return row

    # --- logs and blobs ------------------------------------------------------------------

    async def append(self, lease: Lease, expected_seq: int, events: Sequence[Event]) -> int:
        lines = log.dump_events(events)
        now = self._now()
        last_seq = await self._database.write(
            lambda c: log.append(c, lease, expected_seq, lines, now)
        )
        self._notify(lease.task_id)
        return last_seq

    async def read(self, task_id: TaskId, *, after: int = 0, limit: int = 500) -> list[Recorded]:
        return await self._database.read(lambda c: log.read(c, task_id, after, limit))

    async def put(self, contents: Sequence[bytes]) -> list[BlobHash]:
        hashes = await self._database.compute(lambda: hash_blobs(contents))
        blobs = dict(zip(hashes, contents, strict=True))
        await self._database.write(lambda c: log.put_blobs(c, blobs))
        return hashes

    async def get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        return await self._database.read(lambda c: log.get_blobs(c, hashes))

    # --- Slack ---------------------------------------------------------------------------

    async def thread_project(self, thread: SlackThread) -> ThreadProject | None:
        return await self._database.read(lambda c: slack.thread_project(c, thread))

    async def open_workspaces(self) -> list[str]:
        return await self._database.read(slack.open_workspaces)

    async def open_deliveries(self, team_id: str) -> list[Delivery]:
        return await self._database.read(lambda c: slack.open_deliveries(c, team_id))

    async def delivery(self, task_id: TaskId) -> Delivery | None:
        return await self._database.read(lambda c: slack.get_delivery(c, task_id))

    async def note_message(self, task_id: TaskId, message_ts: str) -> None:
        await self._database.write(lambda c: slack.note_message(c, task_id, message_ts))

    async def end_delivery(self, task_id: TaskId, end: DeliveryEnd) -> None:
        await self._database.write(lambda c: slack.end_delivery(c, task_id, end))

    async def first_time(self, key: str, *, keep_s: float) -> bool:
        now = self._now()
        until = now + seconds_us(keep_s)
        return await self._database.write(lambda c: slack.first_time(c, key, now, until))

    async def seen(self, keys: Sequence[str]) -> frozenset[str]:
        now = self._now()
        return await self._database.read(lambda c: slack.seen(c, keys, now))

    async def hold(self, name: str, holder: str, *, for_s: float) -> bool:
        now = self._now()
        until = now + seconds_us(for_s)
        return await self._database.write(lambda c: slack.hold(c, name, holder, now, until))

    async def release(self, name: str, holder: str) -> None:
        await self._database.write(lambda c: slack.release(c, name, holder))

    async def save_installation(self, key: InstallKey, sealed: str) -> None:
        await self._database.write(lambda c: slack.save_installation(c, key, sealed))

    async def installation(self, key: InstallKey) -> str | None:
        return await self._database.read(lambda c: slack.get_installation(c, key))

    async def installations(self) -> list[InstallKey]:
        return await self._database.read(slack.list_installations)

    async def replace_installation(self, key: InstallKey, was: str, sealed: str | None) -> bool:
        return await self._database.write(lambda c: slack.replace_installation(c, key, was, sealed))

    async def keep_state(self, state: str, data: str, *, keep_s: float) -> None:
        now = self._now()
        until = now + seconds_us(keep_s)
        await self._database.write(lambda c: slack.keep_state(c, state, data, now, until))

    async def use_state(self, state: str) -> str | None:
        now = self._now()
        return await self._database.write(lambda c: slack.use_state(c, state, now))

    # --- people --------------------------------------------------------------------------

    async def members(self, project_id: ProjectId) -> Mapping[str, MemberRole]:
        return await self._database.read(lambda c: people.list_members(c, project_id))

    async def set_member(self, project_id: ProjectId, member: str, role: MemberRole | None) -> None:
        now = self._now()

        def work(connection: sqlite3.Connection) -> None:
            if role is None:
                people.delete_member(connection, project_id, member)
            else:
                people.set_member(connection, project_id, member, role, now)

        await self._database.write(work)

    async def preferences(self, owner: OwnerId) -> Preferences:
        return await self._database.read(lambda c: people.get_preferences(c, owner))

    async def save_preferences(self, owner: OwnerId, preferences: Preferences) -> None:
        now = self._now()
        await self._database.write(lambda c: people.save_preferences(c, owner, preferences, now))

    # --- preview links -------------------------------------------------------------------

    async def preview_key(self, project_id: ProjectId, fresh: str) -> str:
        return await self._database.write(lambda c: links.preview_key(c, project_id, fresh))

    async def preview_keys(self, owner: OwnerId) -> Mapping[ProjectId, str]:
        return await self._database.read(lambda c: links.preview_keys(c, owner))

    async def renew_preview_key(self, owner: OwnerId, project_id: ProjectId, fresh: str) -> None:
        await self._database.write(lambda c: links.renew_preview_key(c, owner, project_id, fresh))

    async def project_of_key(self, key: str) -> Project | None:
        return await self._database.read(lambda c: links.project_of_key(c, key))

    def _now(self) -> int:
        return to_us(self._clock.now())

    def _notify(self, *topics: str) -> None:
        if self._waker is not None:
            for topic in topics:
                self._waker.notify(topic)


def _load_claim(connection: sqlite3.Connection, task: TaskRow, worker_id: WorkerId) -> Claim:
    """What a claimed task needs. Its project cannot change while it is held."""
    project = projects.get_project(connection, task.owner, task.project_id)
    head = None
    if project.head is not None:
        head = projects.get_fragment(connection, project.id, project.head)
    return Claim(
        lease=Lease(task.id, worker_id, task.epoch),
        task=task,
        project=project,
        head=head,
        history=projects.history(connection, task.project_id, task.id),
        log=log.read(connection, task.id, after=0, limit=-1),
    )

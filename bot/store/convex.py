"""The store at Convex: the whole port, over calls to the functions in `convex/`.

What a method answers is durable, and any number of processes share it. Mutations carry what makes
a second try harmless: an idempotency key, or an id made here. Time is Convex's own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import aiohttp

from agents.background import Background
from agents.errors import LeaseLost, StoreError, StoreUnavailable
from agents.events import Event, Recorded
from agents.ports import Clock, Ids
from agents.types import (
    BlobHash,
    FragmentId,
    OwnerId,
    ProjectId,
    SandboxId,
    TaskId,
    TaskStatus,
    Turn,
    WorkerId,
)
from bot.store import convex_rows as rows
from bot.store.convex_client import ConvexClient
from bot.store.convex_files import ConvexFiles
from bot.store.convex_identities import ConvexIdentities
from bot.store.convex_links import ConvexLinks
from bot.store.convex_people import ConvexPeople
from bot.store.convex_progress import ProgressRows
from bot.store.convex_requests import claim_args, enqueue_args, result_args
from bot.store.convex_slack import ConvexSlack
from bot.store.convex_token import ServiceKey, ServiceToken
from bot.store.convex_usage import ConvexUsages
from bot.store.encoding import check_appended, check_ending, clean_event, clean_text, dump_event
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
    cancel_topic,
)

FUNCTIONS_VERSION = 4
"""What `convex/lib/version.ts` has to be for this program."""

LINE_BYTES = 100_000
"""A larger event is stored as a file (`LINE_BYTES` of `convex/lib/log.ts`)."""

LET_GO_S = 3.0
"""How long a process that ends waits for the answer to a claim, to give the task back."""

_LOG_PAGE = 1_000
_NEWEST_PAGE = 100
"""Tasks with the longest prompts stay below what one call may answer."""


class ConvexStore(ConvexSlack, ConvexPeople, ConvexLinks, ConvexIdentities, ConvexUsages):
    """Implements `bot.store.port.Store`. Make it with `open`."""

    def __init__(
        self, client: ConvexClient, files: ConvexFiles, clock: Clock, ids: Ids, waker: Waker | None
    ) -> None:
        super().__init__(client, ids)
        self._files = files
        self._waker = waker
        self._progress = ProgressRows(clock)
        self._unanswered: dict[tuple[WorkerId, TaskId | None], str] = {}
        self._background = Background()

    @classmethod
    async def open(
        cls,
        url: str,
        key: ServiceKey,
        *,
        clock: Clock,
        ids: Ids,
        waker: Waker | None = None,
        http: aiohttp.ClientSession | None = None,
    ) -> "ConvexStore":
        """Talk to the deployment at `url`; nothing is asked of it yet. `waker` hears of changes."""
        client = ConvexClient(url, ServiceToken(key, clock), clock, http=http)
        return cls(client, ConvexFiles(client), clock, ids, waker)

    async def check(self) -> None:
        """As the port says. Raises also: StoreError (the deployment runs older functions)."""
        version = int((await self._client.query("health:check"))["version"])
        if version < FUNCTIONS_VERSION:
            raise StoreError(
                f"The functions at CONVEX_URL have version {version}; this program needs "
                f"{FUNCTIONS_VERSION}. Deploy them: npx convex deploy."
            )

    async def close(self) -> None:
        await self._background.stop()
        await self._client.close()

    # --- projects ------------------------------------------------------------------------

    async def project(self, owner: OwnerId, project_id: ProjectId) -> Project:
        row = await self._client.query("projects:get", owner=owner, projectId=project_id)
        return rows.project_of(row)

    async def projects(self, owner: OwnerId, *, limit: int = 100) -> list[Project]:
        found = await self._client.query("projects:list", owner=owner, limit=limit)
        return [rows.project_of(row) for row in found]

    async def fragments(self, owner: OwnerId, project_id: ProjectId) -> list[Fragment]:
        found = await self._pages("fragments", "before", owner=owner, projectId=project_id)
        return [rows.fragment_of(row) for row in found]

    async def fragment(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId
    ) -> Fragment:
        row = await self._client.query(
            "fragments:get", owner=owner, projectId=project_id, fragmentId=fragment_id
        )
        return rows.fragment_of(row)

    async def restore(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId, new_id: FragmentId
    ) -> Fragment:
        row = await self._client.mutation(
            "fragments:restore",
            owner=owner,
            projectId=project_id,
            fragmentId=fragment_id,
            newId=new_id,
        )
        return rows.fragment_of(row)

    async def messages(self, owner: OwnerId, project_id: ProjectId) -> list[StoredMessage]:
        found = await self._pages("messages", "after", owner=owner, projectId=project_id)
        return [rows.message_of(row) for row in found]

    async def set_preview(
        self,
        project_id: ProjectId,
        *,
        was: SandboxId | None,
        sandbox_id: SandboxId | None,
        preview_url: str | None,
    ) -> None:
        await self._client.mutation(
            "projects:setPreview",
            projectId=project_id,
            was=was,
            sandboxId=sandbox_id,
            previewUrl=preview_url,
        )

    # --- the queue -----------------------------------------------------------------------

    async def enqueue(self, new: NewTask) -> TaskRow:
        row = await self._client.mutation("tasks:enqueue", **enqueue_args(new, self._ids))
        self._notify(row["taskId"], QUEUE_TOPIC)
        return rows.task_of(row)

    async def task(self, owner: OwnerId, task_id: TaskId) -> TaskRow:
        return rows.task_of(await self._client.query("tasks:get", owner=owner, taskId=task_id))

    async def tasks(self, owner: OwnerId, project_id: ProjectId) -> list[TaskRow]:
        found = await self._pages("tasks", "before", owner=owner, projectId=project_id)
        return [rows.task_of(row) for row in found]

    async def newest_tasks(
        self, owner: OwnerId, project_ids: Sequence[ProjectId]
    ) -> dict[ProjectId, TaskRow]:
        starts = range(0, len(project_ids), _NEWEST_PAGE)
        pages = [project_ids[start : start + _NEWEST_PAGE] for start in starts]
        found = await asyncio.gather(
            *(self._client.query("tasks:newest", owner=owner, projectIds=page) for page in pages)
        )
        newest = [rows.task_of(row) for page in found for row in page]
        return {task.project_id: task for task in newest}

    async def claim(self, worker_id: WorkerId, *, only: TaskId | None = None) -> Claim | Idle:
        """As the port says. A caller that is cancelled meanwhile leaves the task claimable."""
        claiming = self._background.start(self._claim(worker_id, only), name="store-claim")
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with suppress(StoreError, TimeoutError):  # else the lease ends by itself
                async with asyncio.timeout(LET_GO_S):
                    if isinstance(claim := await claiming, Claim):
                        await self.hand_back(claim.lease, delay_s=0.0, count_attempt=False)
            raise

    async def _claim(self, worker_id: WorkerId, only: TaskId | None) -> Claim | Idle:
        key = self._unanswered.pop((worker_id, only), None) or self._ids.new("key")
        try:
            taken = await self._client.mutation("tasks:claim", **claim_args(worker_id, key, only))
        except StoreUnavailable:  # it may have taken a task: the next one asks for that
            self._unanswered[worker_id, only] = key
            raise
        if taken["ended"]:
            self._notify(*taken["ended"], QUEUE_TOPIC)
        if "found" not in taken:
            due_ms = taken.get("dueInMs")
            return Idle(None if due_ms is None else due_ms / 1_000)
        try:
            claim = await self._claim_of(taken["found"], worker_id)
        except StoreUnavailable:  # nobody would know that it is held
            lease = _lease_of(taken["found"]["task"], worker_id)
            with suppress(StoreError):
                await self.hand_back(lease, delay_s=0.0, count_attempt=False)
            raise
        self._progress.begin(claim.task.id, claim.log)
        return claim

    async def _claim_of(self, found: rows.Row, worker_id: WorkerId) -> Claim:
        """All that a run needs; of a long conversation or log the rest is still to be read."""
        task, project = rows.task_of(found["task"]), rows.project_of(found["project"])
        log = await self._recorded(task.id, found["log"]["events"])
        if found["log"]["more"]:
            log = await self._whole_log(task.id, log)
        if found["messages"].get("next") is None:
            messages = [rows.message_of(row) for row in found["messages"]["messages"]]
        else:
            messages = await self.messages(task.owner, task.project_id)
        return Claim(
            lease=_lease_of(found["task"], worker_id),
            task=task,
            project=project,
            head=rows.fragment_of(found["head"]) if "head" in found else None,
            history=_history(messages, task.id),
            log=log,
        )

    async def renew(self, lease: Lease) -> str | None:
        answer = await self._holding(lease, "tasks:heartbeat")
        cancel_by: str | None = answer.get("cancelBy")
        return cancel_by

    async def hand_back(self, lease: Lease, *, delay_s: float, count_attempt: bool) -> None:
        self._progress.end(lease.task_id)
        await self._holding(
            lease,
            "tasks:requeue",
            key=self._ids.new("key"),
            delayMs=delay_s * 1_000,
            countAttempt=count_attempt,
        )
        self._notify(QUEUE_TOPIC)

    async def finish(self, lease: Lease, expected_seq: int, ending: Ending) -> int:
        check_ending(ending)
        ending = replace(ending, events=tuple(map(clean_event, ending.events)))
        await self._know(lease.task_id, expected_seq)
        _, progress = self._progress.after(lease.task_id, ending.events)
        args = {
            "key": self._ids.new("key"),
            "expectedSeq": expected_seq,
            "events": await self._lines(ending.events),
            "reply": clean_text(ending.reply),
            "progress": progress,
        }
        last_seq = int(await self._finish(lease, ending, args))
        self._progress.end(lease.task_id)
        self._notify(lease.task_id, QUEUE_TOPIC)
        return last_seq

    async def _finish(self, lease: Lease, ending: Ending, args: Mapping[str, Any]) -> Any:
        if ending.status is not TaskStatus.COMPLETE:
            return await self._holding(lease, "tasks:fail", status=ending.status, **args)
        return await self._holding(lease, "tasks:complete", **result_args(ending), **args)

    async def _holding(self, lease: Lease, function: str, **args: Any) -> Any:
        """A holder's write. Without the lease its fold is of no use any more."""
        try:
            return await self._client.mutation(function, lease=rows.lease_row(lease), **args)
        except StoreError as error:
            self._notify(lease.task_id)  # it may have been written all the same
            if isinstance(error, LeaseLost):
                self._progress.end(lease.task_id)
            raise

    async def request_cancel(self, owner: OwnerId, task_id: TaskId, *, by: str) -> TaskRow:
        row = await self._client.mutation("tasks:cancel", owner=owner, taskId=task_id, by=by)
        self._notify(task_id, QUEUE_TOPIC)
        return rows.task_of(row)

    # --- logs and blobs ------------------------------------------------------------------

    async def append(self, lease: Lease, expected_seq: int, events: Sequence[Event]) -> int:
        check_appended(events)
        events = [clean_event(event) for event in events]
        lines = await self._lines(events)
        await self._know(lease.task_id, expected_seq)
        tracked, progress = self._progress.after(lease.task_id, events)
        answer = await self._holding(
            lease,
            "streaming:append",
            key=self._ids.new("key"),
            expectedSeq=expected_seq,
            events=lines,
            progress=progress or None,
        )
        self._progress.keep(lease.task_id, tracked)
        self._notify(lease.task_id)
        if answer.get("cancelBy") is not None:
            self._notify(cancel_topic(lease.task_id))
        return int(answer["lastSeq"])

    async def read(self, task_id: TaskId, *, after: int = 0, limit: int = 500) -> list[Recorded]:
        found: list[Recorded] = []
        more = True
        while more and len(found) < limit:
            page = await self._client.query(
                "streaming:list", taskId=task_id, after=after, limit=limit - len(found)
            )
            found += await self._recorded(task_id, page["events"])
            after, more = found[-1].seq if found else after, page["more"]
        return found

    async def put(self, contents: Sequence[bytes]) -> list[BlobHash]:
        return await self._files.put(contents)

    async def get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        return await self._files.get(hashes)

    async def _lines(self, events: Sequence[Event]) -> list[dict[str, str]]:
        """The events as JSON, large ones by reference to a file."""
        lines: list[dict[str, str]] = []
        for event in events:
            text = dump_event(event)
            if len(text) > LINE_BYTES // 4 and len(text.encode()) > LINE_BYTES:
                [blob] = await self._files.put([text.encode()])
                lines.append({"kind": event.kind, "blob": blob})
            else:
                lines.append({"kind": event.kind, "event": text})
        return lines

    async def _recorded(self, task_id: TaskId, lines: Sequence[rows.Row]) -> list[Recorded]:
        blobs = await self._files.get([line["blob"] for line in lines if "blob" in line])
        return [
            rows.recorded_of(
                task_id, line, blobs[line["blob"]] if "blob" in line else line["event"]
            )
            for line in lines
        ]

    async def _whole_log(self, task_id: TaskId, begun: Sequence[Recorded] = ()) -> list[Recorded]:
        log = list(begun)
        while page := await self.read(task_id, after=len(log), limit=_LOG_PAGE):
            log += page
        return log

    async def _know(self, task_id: TaskId, seq: int) -> None:
        """Have the task's fold at hand; it is read again after a write whose answer was lost."""
        if not self._progress.knows(task_id, seq):
            self._progress.begin(task_id, await self._whole_log(task_id))

    async def _pages(self, noun: str, cursor: str, **args: Any) -> list[Any]:
        """All rows of a list that comes in pages."""
        found: list[Any] = []
        start: float | None = None
        while True:
            page = await self._client.query(f"{noun}:list", **args, **{cursor: start})
            found += page[noun]
            start = page.get("next")
            if start is None:
                return found

    def _notify(self, *topics: str) -> None:
        if self._waker is not None:
            for topic in topics:
                self._waker.notify(topic)


def _lease_of(task: rows.Row, worker_id: WorkerId) -> Lease:
    return Lease(TaskId(task["taskId"]), worker_id, int(task["epoch"]))


def _history(messages: Sequence[StoredMessage], task_id: TaskId) -> list[Turn]:
    """What was said before this task and is settled, oldest first."""
    turns: list[Turn] = []
    for message in messages:
        if message.task_id == task_id:
            break
        if message.status == "COMPLETE":
            asked = message.role == "USER"
            turns.append(Turn(role="user" if asked else "assistant", text=message.content))
    return turns

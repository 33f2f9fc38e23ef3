"""Does what people ask for in Slack: one thing asked of a service, one short answer.

Nothing here knows Bolt. Everything that starts work is idempotent: by where it was said, or, for a
button, by what it would do. So the same event twice, at whichever process, is one effect.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol

from agents.errors import BadRequest, QuotaExceeded, StoreUnavailable
from agents.imports.references import reference_in
from agents.models import ModelCatalog
from agents.ports import Blobs
from agents.task_state import TaskState, fold
from agents.types import OwnerId, TaskId, TaskKind, TaskStatus
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage
from bot.services.identity import IdentityService, IdentityStore
from bot.services.projects import ProjectService, version_before
from bot.services.tasks import ImportRequest, StartRequest, TaskService
from bot.slack.intents import Again, Build, Import, Share, Stop, Undo
from bot.slack.messages import SLACK_TOPIC, workspace_topic
from bot.slack.payloads import Said
from bot.slack.rights import Rights
from bot.store.links_port import PreviewKeys
from bot.store.people_port import People
from bot.store.port import EventLog, Projects, Queue, TaskRow, Waker
from bot.store.slack_port import Delivery, SlackThread, ThreadProject

Press = Literal["stop", "retry", "fix", "undo", "suggest"]
Job = Build | Import | Stop | Again | Undo | Share

WHOLE_LOG = 1_000_000
REMEMBERED_S = 86_400.0
"""Longer than Slack repeats anything."""

_RESTORING_S = 60.0
"""How long an undo that died half-way keeps another one from being tried."""
_LOOKED_AT = 10
BUSY = "A build of this app is running."
BUSY_HINT = "Stop it first, or wait until it has ended."


class DeskStore(Projects, Queue, EventLog, Blobs, People, PreviewKeys, IdentityStore, Protocol):
    """The roles of a store that a desk plays on."""


class Desk:
    """Does the work. An answer is for the one who asked; None when the live message says it.

    Each method raises StoreError, and UserError for what a person can mend.
    """

    def __init__(
        self,
        store: DeskStore,
        tasks: TaskService,
        projects: ProjectService,
        models: ModelCatalog,
        waker: Waker,
    ) -> None:
        self.store = store
        self.projects = projects
        self.models = models
        self.tasks = tasks
        self.identities = IdentityService(store, tasks)
        self.rights = Rights(store, self.identities)
        self._waker = waker
        self.told_again: Callable[[], None] = lambda: None
        """Told when something came that had come before."""

    async def do(self, said: Said, job: Job) -> SlackMessage | None:
        """What was asked for in words."""
        match job:
            case Build():
                return await self._build(said, job)
            case Import():
                await self._import(said, job)
                return None
            case Stop():
                return await self._stop(said)
            case Again():
                return await self._again(said)
            case Undo():
                return await self._undo_newest(said)
            case Share():
                return await self.rights.share(said, await self.here(said), job)

    async def knows(self, thread: SlackThread) -> bool:
        """Whether the thread is about one of our projects."""
        return await self.store.thread_project(thread) is not None

    async def first_time(self, what: str) -> bool:
        """Whether this has not been seen yet."""
        is_new = await self.store.first_time(what, keep_s=REMEMBERED_S)
        if not is_new:
            self.told_again()
        return is_new

    async def project_of(self, said: Said) -> ThreadProject | None:
        """The project that is talked about, where there is a thread."""
        return await self.store.thread_project(said.thread) if said.thread_ts else None

    # --- building ------------------------------------------------------------------------

    async def _build(self, said: Said, build: Build) -> SlackMessage | None:
        """A new app, or a change of the thread's; its live message follows by itself."""
        there = await self.project_of(said)
        if there is not None:
            await self.rights.check_edit(said, there)
        row = await self._start(said, there, build, said.key)
        return await self._queued(row) if there is not None else None

    async def _import(self, said: Said, wanted: Import) -> None:
        """A new app from what is at that address. Raises: BadRequest where there is an app."""
        if await self.project_of(said) is not None:
            raise BadRequest(
                "There is an app in this thread already.",
                hint="Import in a thread of its own: mention me in the channel, or use the command.",
            )
        await self._import_into(None, said, wanted.url, said.key)

    async def _import_into(
        self, there: ThreadProject | None, said: Said, url: str, origin: str
    ) -> TaskRow:
        owner, project_id = (there.owner, there.project_id) if there else (said.owner, None)
        wishes = await self.store.preferences(said.owner)
        request = ImportRequest(
            url=url,
            project_id=project_id,
            framework=wishes.framework,
            model=wishes.model or self.models.default.key,
            origin=origin,
            requested_by=said.user_id,
            slack=said.origin,
        )
        row = await self.tasks.start_import(owner, request)
        self._ring(said)
        return row

    async def _queued(self, row: TaskRow) -> SlackMessage | None:
        """That a task waits for others of its project; None when it does not."""
        if row.status.is_terminal:
            return None
        rows = await self.store.tasks(row.owner, row.project_id)
        ids = [other.id for other in rows]
        earlier = rows[ids.index(row.id) + 1 :]  # the newest is first
        behind = sum(not other.status.is_terminal for other in earlier)
        return replies.render_queued(row.prompt, behind) if behind else None

    async def _start(
        self,
        said: Said,
        there: ThreadProject | None,
        build: Build,
        origin: str,
        replaces: TaskId | None = None,
    ) -> TaskRow:
        wishes = await self.store.preferences(said.owner)
        request = StartRequest(
            prompt=build.prompt,
            project_id=None if there is None else there.project_id,
            framework=build.framework or (wishes.framework if there is None else None),
            model=build.model or wishes.model or self.models.default.key,
            origin=origin,
            requested_by=said.user_id,
            slack=said.origin,
            replaces=replaces,
        )
        row = await self.tasks.start(said.owner if there is None else there.owner, request)
        self._ring(said)
        return row

    def _ring(self, said: Said) -> None:
        """There is a message to be kept."""
        for topic in (SLACK_TOPIC, workspace_topic(said.team_id)):
            self._waker.notify(topic)

    async def _fix(self, said: Said, there: ThreadProject, origin: str) -> TaskRow:
        """Check the app and mend what is wrong. Raises: BadRequest (nothing built yet)."""
        row = await self.tasks.fix(
            there.owner,
            there.project_id,
            origin=origin,
            requested_by=said.user_id,
            slack=said.origin,
        )
        self._ring(said)
        return row

    async def _repeat(self, said: Said, there: ThreadProject, row: TaskRow, origin: str) -> TaskRow:
        if row.kind is TaskKind.FIX:
            return await self._fix(said, there, origin)
        if row.kind is TaskKind.IMPORT:
            return await self._import_into(there, said, reference_in(row.prompt), origin)
        return await self._start(said, there, Build(row.prompt, row.framework, row.model), origin)

    # --- in words ------------------------------------------------------------------------

    async def here(self, said: Said) -> ThreadProject:
        """Raises: BadRequest where there is no project."""
        there = await self.project_of(said)
        if there is not None:
            return there
        if said.thread_ts:
            raise BadRequest(
                "There is no app in this thread.", hint="Tell me what to build, and I start one."
            )
        raise BadRequest("Which app?", hint="Reply with that word in the app's thread.")

    async def _stop(self, said: Said) -> SlackMessage | None:
        """Stops everything of the thread's app; without a thread, of the person's newest one."""
        if not await self.first_time(f"stop:{said.key}"):
            return None  # by now there may be nothing left, which would be said wrongly
        there = await self.project_of(said)
        if there is not None:
            await self.rights.check_edit(said, there)
        opened = await (self._open_of(there) if there else self._newest_open(said.owner))
        if not opened:
            return replies.render_nothing_to_stop()
        for row in opened:
            await self.tasks.cancel(row.owner, row.id, by=said.user_id)
        return None if there is not None else replies.render_notice("Stopping your newest build.")

    async def _open_of(self, there: ThreadProject) -> list[TaskRow]:
        rows = await self.store.tasks(there.owner, there.project_id)
        return [row for row in rows if not row.status.is_terminal]

    async def _newest_open(self, owner: OwnerId) -> list[TaskRow]:
        for project in await self.store.projects(owner, limit=_LOOKED_AT):
            opened = await self._open_of(ThreadProject(project.id, owner))
            if opened:
                return opened
        return []

    async def _again(self, said: Said) -> SlackMessage | None:
        there = await self.here(said)
        rows = await self.store.tasks(there.owner, there.project_id)
        mine = [row for row in rows if row.origin == said.key]
        if mine:
            return None  # told again
        await self.rights.check_edit(said, there)
        if not rows or not rows[0].status.is_terminal:
            raise BadRequest(BUSY, hint=BUSY_HINT)
        if rows[0].status is TaskStatus.COMPLETE:
            raise BadRequest("The last build went well.", hint="Reply with what should change.")
        await self._repeat(said, there, rows[0], said.key)
        return None

    async def _undo_newest(self, said: Said) -> SlackMessage | None:
        there = await self.here(said)
        await self.rights.check_edit(said, there)
        if not await self.first_time(f"undo:{said.key}"):
            return None
        return await self._go_back(said, there)

    async def _go_back(self, said: Said, there: ThreadProject) -> SlackMessage | None:
        """The version before the current one becomes the newest, and is checked and started.

        Raises: BadRequest when there is none, or while a build runs; SeqConflict.
        """
        if await self._open_of(there):
            raise BadRequest(BUSY, hint=BUSY_HINT)
        _, versions = await self.projects.fragments(there.owner, there.project_id)
        before = version_before(versions)
        if before is None:
            raise BadRequest("This is the first version: there is nothing before it.")
        claimed = f"restore:{there.project_id}:{versions[0].id}"
        if not await self.store.first_time(claimed, keep_s=_RESTORING_S):
            return replies.render_notice("It is being undone already.")
        await self.projects.restore(there.owner, there.project_id, before.id)
        try:
            await self._fix(said, there, f"slack:undone:{versions[0].id}")
        except (StoreUnavailable, QuotaExceeded):  # asked again it would go back once more
            return replies.render_undone(before.title, is_checked=False)
        return replies.render_undone(before.title)

    # --- a message that was edited -------------------------------------------------------

    async def has_run(self, said: Said) -> bool:
        """Whether this message has started something."""
        there = await self.project_of(said)
        rows = [] if there is None else await self.store.tasks(there.owner, there.project_id)
        return any(_is_of(row, said.key) for row in rows)

    async def correct(self, said: Said, edited_ts: str, build: Build | None) -> SlackMessage | None:
        """The message that started a run says something else now; None: nothing to be built.

        Once per edit, and the newest edit stays. What has been built on since is not touched.
        """
        there = await self.project_of(said)
        rows = [] if there is None else await self.store.tasks(there.owner, there.project_id)
        origin = _edit_key(said.key, edited_ts)
        runs = [row for row in rows if _is_of(row, said.key)]
        is_begun = any(row.origin == origin for row in runs)
        earlier = next((row for row in runs if row.origin != origin), None)
        if there is None or earlier is None or max(str(row.origin) for row in runs) > origin:
            return None
        await self.rights.check_edit(said, there)
        is_open = not earlier.status.is_terminal
        if not is_open and is_begun:
            return None  # told again
        if not is_open and build is not None and rows[0] is not earlier:
            return replies.render_refused(
                "Your edit comes too late: the app was changed again since.",
                "Reply in this thread with what should be different.",
            )
        if build is not None:  # first, as it may be refused
            await self._start(said, there, build, origin, earlier.id)
        if is_open:
            await self.tasks.cancel(earlier.owner, earlier.id, by=said.user_id)
        return None if build is None else replies.render_corrected(build.prompt)

    # --- buttons -------------------------------------------------------------------------

    async def delivery_for(self, said: Said, task_id: TaskId) -> Delivery | None:
        """The task's message, if it is this workspace's; what may be done with it `rights` says."""
        delivery = await self.store.delivery(task_id)
        if delivery is None or said.is_foreign:
            return None
        return delivery if delivery.origin.thread.team_id == said.team_id else None

    async def press(
        self, said: Said, press: Press, task_id: TaskId, number: int | None
    ) -> SlackMessage | None:
        """What a button of a task's message does. Pressed again, it has been done already."""
        delivery = await self.delivery_for(said, task_id)
        if delivery is None:
            return replies.render_not_allowed()
        there = ThreadProject(delivery.project_id, delivery.owner)
        if said.channel_id == delivery.origin.thread.channel_id:
            said = replace(said, thread_ts=delivery.origin.thread.thread_ts)
        await self.rights.check_edit(said, there)
        row = await self.store.task(there.owner, task_id)
        started: TaskRow
        match press:
            case "stop":
                if row.status.is_terminal:
                    return replies.render_over(row.status)
                await self.tasks.cancel(there.owner, task_id, by=said.user_id)
                return None
            case "undo":
                return await self._undo(said, there, task_id)
            case "retry":
                started = await self._repeat(said, there, row, f"slack:retry:{task_id}")
            case "fix":
                started = await self._fix(said, there, f"slack:fix:{task_id}")
            case "suggest":
                started = await self._take(said, there, task_id, number)
        if started.status.is_terminal:
            return replies.render_over(started.status)
        return await self._queued(started)

    async def _take(
        self, said: Said, there: ThreadProject, task_id: TaskId, number: int | None
    ) -> TaskRow:
        """A suggestion, each once; or the answer to a stuck task's question, of which one counts."""
        state = await self.state_of(there.owner, task_id)
        asked = state.problem is not None
        options = state.problem.options if state.problem else state.suggestions
        if number is None or number >= len(options):
            raise BadRequest("That suggestion is not there any more.")
        origin = f"slack:{'answer' if asked else f'suggest:{number}'}:{task_id}"
        return await self._start(said, there, Build(options[number]), origin)

    async def _undo(self, said: Said, there: ThreadProject, task_id: TaskId) -> SlackMessage | None:
        """Only the newest version is undone by its button; twice is once."""
        _, versions = await self.projects.fragments(there.owner, there.project_id)
        newest = versions[0] if versions else None
        if newest is None or newest.task_id != task_id:
            raise BadRequest(
                "The app is at another version by now, so this change cannot be undone from here.",
                hint="Use the buttons of the newest message, or reply with the word undo.",
            )
        return await self._go_back(said, there)

    async def state_of(self, owner: OwnerId, task_id: TaskId) -> TaskState:
        """Raises: NotFound."""
        await self.store.task(owner, task_id)
        return fold(task_id, await self.store.read(task_id, limit=WHOLE_LOG))


def _edit_key(key: str, edited_ts: str) -> str:
    """Of one edit of a message. Slack's timestamps have one length, so later ones sort last."""
    return f"{key}:edit:{edited_ts}"


def _is_of(row: TaskRow, key: str) -> bool:
    """Whether this message started the run, or corrected it."""
    origin = row.origin or ""
    return origin == key or origin.startswith(_edit_key(key, ""))

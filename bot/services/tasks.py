"""Tasks as a person asks for them: start, follow up, fix, stop, look.

Every door (HTTP, terminal, Slack) comes through here, so what is refused is refused everywhere in
the same words. Nothing is run here: a row is written and workers are woken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agents.errors import BadRequest, NotFound, UnsupportedFramework
from agents.imports.figma.references import FigmaReference, is_design, parse_design
from agents.imports.references import GitHubReference, import_prompt, parse_reference
from agents.ports import Blobs
from agents.task_state import Problem, TaskState
from agents.types import (
    BlobHash,
    Framework,
    OwnerId,
    ProjectId,
    TaskId,
    TaskKind,
    TaskProgress,
    Turn,
)
from bot.services.metering import Asker, Meter, UsageReport, in_slack
from bot.services.projects import read_state, read_text
from bot.store.port import (
    QUEUE_TOPIC,
    EventLog,
    NewTask,
    Projects,
    Queue,
    TaskRow,
    Waker,
    cancel_topic,
)
from bot.store.slack_port import SlackOrigin

LOCAL_OWNER = OwnerId("local")
"""Everybody, until there are accounts."""

PROMPT_MAX = 20_000
MODEL_MAX = 100
ORIGIN_MAX = 200
FIX_PROMPT = "Find and fix the errors of this app."


class TaskStore(Projects, Queue, EventLog, Blobs, Protocol):
    """The roles of a store that this service plays on."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a person typed, not yet checked. `origin` makes asking twice harmless.

    `asker` is held to their limits, and so is whoever asks in `slack`. `replaces` is a task that is
    stopped next: if it is open, its credit passes on to this one.
    """

    prompt: str
    project_id: ProjectId | None = None
    framework: str | None = None
    model: str | None = None
    history: Sequence[Turn] = ()
    origin: str | None = None
    requested_by: str = "web"
    slack: SlackOrigin | None = None
    asker: Asker | None = None
    replaces: TaskId | None = None


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What a person wants to start from: a repository in any form that people write, or a design.

    A model builds a design, so `framework` and `model` count for it alone.
    """

    url: str
    project_id: ProjectId | None = None
    framework: str | None = None
    model: str | None = None
    origin: str | None = None
    requested_by: str = "web"
    slack: SlackOrigin | None = None
    asker: Asker | None = None


class TaskService:
    """Accepts, stops and reports tasks. Without a `meter` nothing costs and nobody is limited."""

    def __init__(
        self,
        store: TaskStore,
        waker: Waker,
        meter: Meter | None = None,
        *,
        github_host: str | None = None,
        reads_designs: bool = False,
    ) -> None:
        self._store = store
        self._waker = waker
        self._meter = meter
        self._github_host = github_host
        self._reads_designs = reads_designs

    async def start(self, owner: OwnerId, request: StartRequest) -> TaskRow:
        """Queue a build, or a follow-up when the request names a project.

        History is taken for a project that has no conversation yet and ignored otherwise: what
        the store holds is the truth.

        Raises:
            BadRequest: names the field. UnsupportedFramework. NotFound: the project.
            QuotaExceeded. StoreUnavailable.
        """
        prompt = _prompt(request.prompt)
        framework = _framework(request.framework)
        history = request.history
        if request.project_id is not None:
            project = await self._store.project(owner, request.project_id)
            if framework and project.framework and framework is not project.framework:
                raise BadRequest(
                    f"This project is built with {project.framework}; it cannot become {framework}.",
                    field="framework",
                    hint="Leave the framework out, or start a new project.",
                )
            if history and await self._store.messages(owner, request.project_id):
                history = ()
        return await self._enqueue(
            NewTask(
                owner=owner,
                kind=TaskKind.GENERATE,
                prompt=prompt,
                model=_model(request.model),
                framework=framework,
                project_id=request.project_id,
                requested_by=request.requested_by,
                origin=_origin(request.origin),
                history=history,
                slack=request.slack,
                replaces=request.replaces,
            ),
            request.asker,
        )

    async def start_import(self, owner: OwnerId, request: ImportRequest) -> TaskRow:
        """Queue an import: a new project, or one that has no version yet.

        Raises:
            BadRequest: no repository or design, none that can be had here, or the project has an
                app. UnsupportedFramework. NotFound: the project.
            QuotaExceeded. StoreUnavailable.
        """
        reference = self._reference(request.url)
        of_design = isinstance(reference, FigmaReference)
        if request.project_id is not None:
            project = await self._store.project(owner, request.project_id)
            if project.head is not None:
                raise BadRequest(
                    "There is an app in this project already.",
                    field="projectId",
                    hint="Import into a new one.",
                )
        return await self._enqueue(
            NewTask(
                owner=owner,
                kind=TaskKind.IMPORT,
                prompt=import_prompt(reference),
                framework=_framework(request.framework) if of_design else None,
                model=(request.model or "auto") if of_design else "auto",
                project_id=request.project_id,
                requested_by=request.requested_by,
                origin=_origin(request.origin),
                slack=request.slack,
            ),
            request.asker,
        )

    def _reference(self, url: str) -> GitHubReference | FigmaReference:
        """Raises: BadRequest."""
        if not is_design(url):
            return parse_reference(url, host=self._github_host)
        reference = parse_design(url)
        if not self._reads_designs:
            raise BadRequest(
                "Designs cannot be imported here yet.",
                field="url",
                hint="Whoever runs Zapdev has to set FIGMA_TOKEN.",
            )
        return reference

    async def fix(
        self,
        owner: OwnerId,
        project_id: ProjectId,
        *,
        origin: str | None = None,
        requested_by: str = "web",
        slack: SlackOrigin | None = None,
        asker: Asker | None = None,
    ) -> TaskRow:
        """Queue a check-and-fix run on the project's current version. It takes no credit.

        Raises: NotFound (project), BadRequest (nothing was built yet), QuotaExceeded,
        StoreUnavailable.
        """
        project = await self._store.project(owner, project_id)
        if project.head is None:
            raise BadRequest(
                "This project has no version to fix yet.",
                field="projectId",
                hint="Build it first.",
            )
        return await self._enqueue(
            NewTask(
                owner=owner,
                kind=TaskKind.FIX,
                prompt=FIX_PROMPT,
                project_id=project_id,
                requested_by=requested_by,
                origin=_origin(origin),
                slack=slack,
            ),
            asker,
        )

    async def cancel(self, owner: OwnerId, task_id: TaskId, *, by: str = "web") -> TaskRow:
        """Ask a task to stop; one that has ended stays as it is.

        Raises: NotFound, StoreUnavailable.
        """
        row = await self._store.request_cancel(owner, task_id, by=by)
        for topic in (cancel_topic(task_id), task_id, QUEUE_TOPIC):
            self._waker.notify(topic)
        return row

    async def usage(self, owner: OwnerId, plan: str | None = None) -> UsageReport | None:
        """What the owner has used; `plan` is what their token names. None without a meter.

        Raises: StoreUnavailable.
        """
        return None if self._meter is None else await self._meter.report(owner, plan)

    async def note_plan(self, owner: OwnerId, plan: str | None) -> None:
        """Keep the plan that the owner's token names. Raises: StoreUnavailable."""
        if self._meter is not None:
            await self._meter.note_plan(owner, plan)

    async def task(self, owner: OwnerId, task_id: TaskId) -> TaskRow:
        """Raises: NotFound, StoreUnavailable."""
        return await self._store.task(owner, task_id)

    async def progress(self, owner: OwnerId, task_id: TaskId) -> TaskProgress:
        """The fold of the task's log, for clients that poll.

        `files` holds the text of what the task wrote so far, or of the whole app once it is
        complete; binary files are left out.

        Raises: NotFound, StoreUnavailable.
        """
        state = await self._state(owner, task_id)
        files = await read_text(self._store, await self._files(owner, state))
        return _progress(state, files.text)

    async def screenshot(self, owner: OwnerId, task_id: TaskId) -> bytes:
        """What a browser saw of the app that the task made, as a JPEG.

        Raises: NotFound (the task, or it has no picture), StoreUnavailable.
        """
        picture = (await self._state(owner, task_id)).screenshot
        if picture is None:
            raise NotFound("a task without a picture")
        return (await self._store.get([picture]))[picture]

    async def _state(self, owner: OwnerId, task_id: TaskId) -> TaskState:
        """The fold of the log as it is now. Raises: NotFound, StoreUnavailable."""
        return await read_state(self._store, await self._store.task(owner, task_id))

    async def _files(self, owner: OwnerId, state: TaskState) -> Mapping[str, BlobHash]:
        if state.fragment_id is not None:
            fragment = await self._store.fragment(owner, state.project_id, state.fragment_id)
            return fragment.files
        return {path: file.blob for path, file in state.files.items() if file.blob is not None}

    async def _enqueue(self, new: NewTask, asker: Asker | None) -> TaskRow:
        if asker is None and new.slack is not None:
            asker = in_slack(new.slack)
        if self._meter is not None:
            new = replace(new, terms=await self._meter.terms(new.owner, new.kind, asker))
        row = await self._store.enqueue(new)
        self._waker.notify(row.id)
        self._waker.notify(QUEUE_TOPIC)
        return row


def _prompt(raw: str) -> str:
    prompt = raw.strip()
    if not prompt:
        raise BadRequest("The prompt is empty. Say in a sentence what to build.", field="prompt")
    if len(prompt) > PROMPT_MAX:
        raise BadRequest(
            f"The prompt has {len(prompt):,} characters; at most {PROMPT_MAX:,} are allowed.",
            field="prompt",
        )
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise BadRequest("The prompt is not valid Unicode text.", field="prompt") from None
    return prompt


def _framework(raw: str | None) -> Framework | None:
    name = (raw or "").strip().lower()
    if not name:
        return None
    try:
        return Framework(name)
    except ValueError:
        known = ", ".join(Framework)
        raise UnsupportedFramework(
            f"There is no framework called “{name[:40]}”. Choose one of {known}.",
            field="framework",
        ) from None


def _model(raw: str | None) -> str:
    model = (raw or "").strip() or "auto"
    if len(model) > MODEL_MAX or not model.isprintable():
        raise BadRequest(
            f"A model's name has at most {MODEL_MAX} printable characters.", field="model"
        )
    return model


def _origin(raw: str | None) -> str | None:
    if raw is None:
        return None
    if not raw or len(raw) > ORIGIN_MAX or not raw.isprintable():
        raise BadRequest(
            f"An idempotency key has 1 to {ORIGIN_MAX} printable characters.",
            field="Idempotency-Key",
        )
    return raw


def _progress(state: TaskState, files: dict[str, str]) -> TaskProgress:
    if state.created_at is None or state.updated_at is None:
        raise NotFound("a task without a log")
    return TaskProgress(
        taskId=state.task_id,
        status=state.status,
        stage=state.stage,
        message=state.message,
        streamedContent=state.text,
        files=files,
        error=_error(state.problem),
        createdAt=state.created_at.isoformat(),
        updatedAt=state.updated_at.isoformat(),
        lastSeq=state.last_seq,
    )


def _error(problem: Problem | None) -> dict[str, str | bool | None] | None:
    if problem is None:
        return None
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "retryable": problem.retryable,
    }

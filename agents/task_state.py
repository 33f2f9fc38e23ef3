"""What a task looks like now: a pure, total fold over its log.

Slack, SSE, the terminal and the progress row are renderings of the same `TaskState`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal, assert_never

from agents import events as e
from agents.types import (
    BlobHash,
    Check,
    Diagnostic,
    FileAction,
    FragmentId,
    Framework,
    ProjectId,
    SandboxId,
    Stage,
    TaskId,
    TaskKind,
    TaskStatus,
    Usage,
)

CheckVerdict = Literal["running", "passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class FileState:
    """What the task did to one file; `blob` is None when it was deleted."""

    action: FileAction
    size_bytes: int
    blob: BlobHash | None


@dataclass(frozen=True, slots=True)
class ToolState:
    """One tool call; `ok` is None while it runs."""

    call_id: str
    name: str
    summary: str
    ok: bool | None = None


@dataclass(frozen=True, slots=True)
class CheckState:
    """The latest verdict of one check."""

    verdict: CheckVerdict
    diagnostics: tuple[Diagnostic, ...] = ()
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a task failed, in a person's words."""

    code: str
    message: str
    hint: str | None
    retryable: bool
    options: tuple[str, ...]


_NO_FILES: Mapping[str, FileState] = MappingProxyType({})
_NO_CHECKS: Mapping[Check, CheckState] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TaskState:
    """The fold's value. `initial` is the state before seq 1."""

    task_id: TaskId
    project_id: ProjectId = ProjectId("")
    kind: TaskKind = TaskKind.GENERATE
    prompt: str = ""
    requested_by: str = ""
    status: TaskStatus = TaskStatus.PENDING
    stage: Stage = Stage.QUEUED
    message: str = "Waiting for a worker"
    attempt: int = 0
    framework: Framework | None = None
    framework_reason: str = ""
    sandbox_id: SandboxId | None = None
    imported: e.SourceImported | None = None
    design: e.DesignImported | None = None
    likeness: int | None = None
    text: str = ""
    files: Mapping[str, FileState] = field(default_factory=lambda: _NO_FILES)
    tools: tuple[ToolState, ...] = ()
    checks: Mapping[Check, CheckState] = field(default_factory=lambda: _NO_CHECKS)
    notices: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    preview_url: str | None = None
    preview_checks: tuple[str, ...] = ()
    screenshot: BlobHash | None = None
    usage: Usage = Usage()
    billable: Usage = Usage()
    title: str = ""
    summary: str = ""
    suggestions: tuple[str, ...] = ()
    fragment_id: FragmentId | None = None
    problem: Problem | None = None
    cancelled_by: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    last_seq: int = 0
    turn_open: bool = False
    tool_open: bool = False
    text_mark: int = 0
    files_mark: Mapping[str, FileState] = field(default_factory=lambda: _NO_FILES)

    @property
    def elapsed_s(self) -> float:
        """Seconds from acceptance to the newest event."""
        if self.created_at is None or self.updated_at is None:
            return 0.0
        return (self.updated_at - self.created_at).total_seconds()


def fold(task_id: TaskId, log: Iterable[e.Recorded]) -> TaskState:
    """The state after a whole log, which must start at seq 1 and have no gaps."""
    state = TaskState(task_id)
    for recorded in log:
        state = step(state, recorded)
    return state


def step(state: TaskState, recorded: e.Recorded) -> TaskState:
    """The state after one more event. Total: every kind has a case, and nothing raises."""
    state = replace(
        state,
        last_seq=recorded.seq,
        updated_at=recorded.at,
        created_at=state.created_at or recorded.at,
    )
    match recorded.event:
        case e.TaskAccepted(project_id=project_id, task_kind=kind, prompt=prompt) as event:
            return replace(
                state,
                project_id=project_id,
                kind=kind,
                prompt=prompt,
                requested_by=event.requested_by,
            )
        case e.TaskStarted(attempt=attempt):
            return replace(
                _void(state),
                status=TaskStatus.RUNNING,
                attempt=attempt,
                started_at=recorded.at,
                message="Starting" if attempt == 1 else f"Picking up again (attempt {attempt})",
            )
        case e.StageEntered(stage=stage, message=message):
            return replace(state, stage=stage, message=message)
        case e.NoticeGiven(message=message):
            return replace(state, notices=(*state.notices, message))
        case e.FrameworkSelected(framework=framework, reason=reason):
            return replace(state, framework=framework, framework_reason=reason)
        case e.SandboxChanged(sandbox_id=sandbox_id, state=sandbox_state):
            return replace(state, sandbox_id=None if sandbox_state == "lost" else sandbox_id)
        case e.TurnStarted():
            state = _void(state)
            return replace(state, turn_open=True, text_mark=len(state.text), files_mark=state.files)
        case e.TextStreamed(content=content):
            return replace(state, text=state.text + content)
        case e.TextVoided():
            return replace(_void(state), turn_open=state.turn_open)  # the turn is tried again
        case e.TurnFinished():
            return replace(state, turn_open=False)
        case e.ToolStarted(call_id=call_id, name=name, summary=summary):
            others = tuple(t for t in state.tools if t.call_id != call_id)
            tools = (*others, ToolState(call_id, name, summary))
            return replace(state, tools=tools, tool_open=True, files_mark=state.files)
        case e.ToolFinished(call_id=call_id, name=name, summary=summary, ok=ok):
            done = ToolState(call_id, name, summary, ok)
            tools = tuple(done if t.call_id == call_id else t for t in state.tools)
            return replace(state, tools=tools, tool_open=False)
        case e.SourceImported() as event:
            return replace(state, imported=event)
        case e.DesignImported() as event:
            return replace(state, design=event)
        case e.DesignCompared(likeness=likeness):
            return replace(state, likeness=likeness)
        case e.FileChanged(path=path, action=action, size_bytes=size, blob=blob):
            return replace(
                state, files={**state.files, path: _merge(state, path, action, size, blob)}
            )
        case e.UsageRecorded(usage=usage, billable=billable):
            charged = state.billable + usage if billable else state.billable
            return replace(state, usage=state.usage + usage, billable=charged)
        case e.CheckStarted(check=check):
            return replace(state, checks={**state.checks, check: CheckState("running")})
        case e.CheckFinished(check=check) as event:
            return replace(state, checks={**state.checks, check: _verdict(event)})
        case e.FixStarted(fingerprint=fingerprint):
            return replace(state, fixes=(*state.fixes, fingerprint))
        case e.PreviewVerified(url=url, checks=checks, screenshot=screenshot):
            return replace(state, preview_url=url, preview_checks=checks, screenshot=screenshot)
        case e.SummaryWritten(title=title, summary=summary, suggestions=suggestions):
            return replace(state, title=title, summary=summary, suggestions=suggestions)
        case e.TaskCompleted() as event:
            return _completed(state, event)
        case e.TaskFailed() as event:
            problem = Problem(event.code, event.message, event.hint, event.retryable, event.options)
            return replace(
                _void(state), status=TaskStatus.FAILED, message=event.message, problem=problem
            )
        case e.TaskCancelled(by=by):
            return replace(
                _void(state), status=TaskStatus.CANCELLED, message="Stopped", cancelled_by=by
            )
        case _ as unknown:  # pragma: no cover
            assert_never(unknown)


def _void(state: TaskState) -> TaskState:
    """Take back what an unfinished turn has streamed, or an unfinished tool has changed."""
    if state.tool_open:
        state = replace(state, tool_open=False, files=state.files_mark)
    if not state.turn_open:
        return state
    return replace(
        state, turn_open=False, text=state.text[: state.text_mark], files=state.files_mark
    )


def _merge(
    state: TaskState, path: str, action: FileAction, size_bytes: int, blob: BlobHash | None
) -> FileState:
    """A file created in this task stays `created` however often it is updated after."""
    before = state.files.get(path)
    if action == "updated" and before is not None and before.action == "created":
        action = "created"
    return FileState(action, size_bytes, blob)


def _verdict(event: e.CheckFinished) -> CheckState:
    verdict: CheckVerdict = "skipped" if event.skipped else "passed" if event.ok else "failed"
    return CheckState(verdict, event.diagnostics, event.duration_s)


def _completed(state: TaskState, event: e.TaskCompleted) -> TaskState:
    return replace(
        state,
        status=TaskStatus.COMPLETE,
        stage=Stage.FINISHING,
        message=event.message,
        title=event.title,
        fragment_id=event.fragment_id,
        preview_url=event.preview_url,
        suggestions=event.suggestions,
    )

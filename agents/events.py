"""The spine: what can happen in a task, one frozen model per kind, in the past tense.

A task is its event log. Adding a kind or an optional field is free; renaming or removing one is
forbidden, since stored logs are read for ever (`tests/golden/` proves it). Big payloads are
stored once by hash and referenced from here.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from agents.types import (
    BlobHash,
    Check,
    Diagnostic,
    FileAction,
    FragmentId,
    Framework,
    Frozen,
    LeftOut,
    ProjectId,
    SandboxId,
    SandboxState,
    Stage,
    TaskId,
    TaskKind,
    Usage,
)

AgentPurpose = Literal["generate", "fix"]


class TaskAccepted(Frozen):
    """Written together with the task's row, always as seq 1."""

    kind: Literal["task_accepted"] = "task_accepted"
    project_id: ProjectId
    task_kind: TaskKind
    prompt: str
    requested_by: str


class TaskStarted(Frozen):
    """A worker claimed the task. `attempt` counts from 1; above 1 it is a takeover or a retry."""

    kind: Literal["task_started"] = "task_started"
    attempt: int
    worker_id: str


class StageEntered(Frozen):
    kind: Literal["stage_entered"] = "stage_entered"
    stage: Stage
    message: str


class NoticeGiven(Frozen):
    """Something a person should know that changes no state, such as an unknown model key."""

    kind: Literal["notice_given"] = "notice_given"
    message: str
    stage: Stage = Stage.GENERATING


class FrameworkSelected(Frozen):
    kind: Literal["framework_selected"] = "framework_selected"
    framework: Framework
    reason: str


class SandboxChanged(Frozen):
    kind: Literal["sandbox_changed"] = "sandbox_changed"
    sandbox_id: SandboxId
    state: SandboxState


class TurnStarted(Frozen):
    """A completion was asked for; what it streams is provisional until `TurnFinished`."""

    kind: Literal["turn_started"] = "turn_started"
    step: int
    purpose: AgentPurpose


class TextStreamed(Frozen):
    kind: Literal["text_streamed"] = "text_streamed"
    content: str


class TextVoided(Frozen):
    """Text and file writes since the last `TurnStarted` never happened."""

    kind: Literal["text_voided"] = "text_voided"
    reason: str


class ToolAsked(Frozen):
    """One tool call of a finished turn. `arguments` is the model's JSON text, or its blob."""

    id: str
    name: str
    arguments: str = ""
    arguments_blob: BlobHash | None = None


class TurnFinished(Frozen):
    """A completion that may be acted on: the whole assistant message."""

    kind: Literal["turn_finished"] = "turn_finished"
    step: int
    text: str
    calls: tuple[ToolAsked, ...] = ()
    finish_reason: str


class ToolStarted(Frozen):
    kind: Literal["tool_started"] = "tool_started"
    call_id: str
    name: str
    summary: str


class ToolFinished(Frozen):
    """A tool ran; `result` is what the model reads. It is never run again."""

    kind: Literal["tool_finished"] = "tool_finished"
    call_id: str
    name: str
    summary: str
    ok: bool
    result: str


class SourceImported(Frozen):
    """All files of an app from elsewhere are in the log now, as `FileChanged`.

    `origin` is for people (`github.com/owner/repo`), `commit` what was taken of it (hex), `path`
    the folder of it ("" is all). `title` is what it is made with (`Next.js 15.1`). `left_out` are
    the first of `left_out_count`; `warnings` are sentences.
    """

    kind: Literal["source_imported"] = "source_imported"
    origin: str
    ref: str
    commit: str
    path: str = ""
    title: str = ""
    files: int = 0
    size_bytes: int = 0
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0
    warnings: tuple[str, ...] = ()


class DesignImported(Frozen):
    """A frame of a design was read, and its `images` are in the log as `FileChanged`.

    `origin` is for people (`figma.com/design/KEY`), `brief` what a model reads of it, `picture` the
    frame as its makers see it (PNG), `width` and `height` its size in CSS pixels. `notes` are
    sentences.
    """

    kind: Literal["design_imported"] = "design_imported"
    origin: str
    name: str
    frame: str
    version: str = ""
    width: int = 0
    height: int = 0
    colours: int = 0
    text_styles: int = 0
    components: int = 0
    images: int = 0
    brief: BlobHash
    picture: BlobHash | None = None
    notes: tuple[str, ...] = ()


class DesignCompared(Frozen):
    """How like the design's picture the app looks: 0 to 100, as `agents.likeness` has it."""

    kind: Literal["design_compared"] = "design_compared"
    likeness: int


class FileChanged(Frozen):
    """A file in the sandbox now has this content; `blob` is None for a deletion."""

    kind: Literal["file_changed"] = "file_changed"
    path: str
    action: FileAction
    size_bytes: int
    blob: BlobHash | None = None


class UsageRecorded(Frozen):
    """One model call's usage. Calls that are not billable are never charged to a person."""

    kind: Literal["usage_recorded"] = "usage_recorded"
    model: str
    usage: Usage
    billable: bool = True


class CheckStarted(Frozen):
    kind: Literal["check_started"] = "check_started"
    check: Check


class CheckFinished(Frozen):
    """A check's verdict. `skipped`: neither pass nor fail.

    There was nothing to run, or lint ran out of time: then the one diagnostic says so.
    """

    kind: Literal["check_finished"] = "check_finished"
    check: Check
    ok: bool
    skipped: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()
    duration_s: float = 0.0


class FixStarted(Frozen):
    kind: Literal["fix_started"] = "fix_started"
    attempt: int
    fingerprint: str


class PreviewVerified(Frozen):
    """The link may be handed out. `checks` names what was looked at, such as `http`."""

    kind: Literal["preview_verified"] = "preview_verified"
    url: str
    checks: tuple[str, ...]
    screenshot: BlobHash | None = None


class SummaryWritten(Frozen):
    kind: Literal["summary_written"] = "summary_written"
    title: str
    summary: str
    suggestions: tuple[str, ...] = ()


class TaskCompleted(Frozen):
    """Terminal. The fragment holds the whole app after the task."""

    kind: Literal["task_completed"] = "task_completed"
    message: str
    title: str
    fragment_id: FragmentId | None
    preview_url: str | None
    suggestions: tuple[str, ...] = ()
    usage: Usage = Usage()


class TaskFailed(Frozen):
    """Terminal. `code` is stable; `options` are follow-ups that answer the question in `hint`."""

    kind: Literal["task_failed"] = "task_failed"
    code: str
    message: str
    hint: str | None = None
    retryable: bool = False
    options: tuple[str, ...] = ()


class TaskCancelled(Frozen):
    """Terminal."""

    kind: Literal["task_cancelled"] = "task_cancelled"
    by: str


Event = Annotated[
    TaskAccepted
    | TaskStarted
    | StageEntered
    | NoticeGiven
    | FrameworkSelected
    | SandboxChanged
    | TurnStarted
    | TextStreamed
    | TextVoided
    | TurnFinished
    | ToolStarted
    | ToolFinished
    | SourceImported
    | DesignImported
    | DesignCompared
    | FileChanged
    | UsageRecorded
    | CheckStarted
    | CheckFinished
    | FixStarted
    | PreviewVerified
    | SummaryWritten
    | TaskCompleted
    | TaskFailed
    | TaskCancelled,
    Field(discriminator="kind"),
]

TERMINAL = (TaskCompleted, TaskFailed, TaskCancelled)

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads and writes one event as JSON."""


class Recorded(Frozen):
    """The envelope: an event as the log holds it. `seq` counts from 1 without gaps."""

    task_id: TaskId
    seq: int
    at: datetime
    v: int = 1
    event: Event

    @property
    def is_terminal(self) -> bool:
        """Whether the log ends here."""
        return isinstance(self.event, TERMINAL)

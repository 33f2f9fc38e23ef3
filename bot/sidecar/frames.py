"""The frames of a task's event stream, as models: what `/openapi.json` says of them.

`bot.render.sse` makes the frames; a test holds the two together.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from agents.types import Check, FileAction, Framework, SandboxState, Stage, TaskKind


class _Frame(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", validate_by_name=True)


class TaskFrame(_Frame):
    """Always the first."""

    type: Literal["task"]
    task_id: str
    project_id: str
    kind: TaskKind


class StatusFrame(_Frame):
    """What is being done now."""

    type: Literal["status"]
    message: str
    stage: Stage


class FrameworkFrame(_Frame):
    """What the app is built with, and why."""

    type: Literal["framework"]
    framework: Framework
    reason: str


class SandboxFrame(_Frame):
    """Where the app's files are."""

    type: Literal["sandbox"]
    sandbox_id: str
    state: SandboxState


class StepFrame(_Frame):
    """The model is asked again."""

    type: Literal["step"]
    step: int
    purpose: Literal["generate", "fix"]


class StreamFrame(_Frame):
    """A piece of the model's text."""

    type: Literal["stream"]
    content: str


class ResetFrame(_Frame):
    """The text since the last step is void."""

    type: Literal["reset"]
    reason: str


class ToolFrame(_Frame):
    """A tool has begun (`ok` is null) or ended."""

    type: Literal["tool"]
    name: str
    summary: str
    state: Literal["started", "finished"]
    ok: bool | None


class LeftOutFile(_Frame):
    """What an import did not bring, and why."""

    path: str
    reason: str


class ImportFrame(_Frame):
    """All files of a repository are here. `left_out` are the first of `left_out_count`."""

    type: Literal["import"]
    origin: str
    ref: str
    commit: str
    path: str
    title: str
    files: int
    bytes: int
    left_out: list[LeftOutFile]
    left_out_count: int
    warnings: list[str]


class DesignFrame(_Frame):
    """A frame of a design was read; sizes are CSS pixels, the rest but for `notes` are counts."""

    type: Literal["design"]
    origin: str
    name: str
    frame: str
    version: str
    width: int
    height: int
    colours: int
    text_styles: int
    components: int
    images: int
    notes: list[str]


class LikenessFrame(_Frame):
    """How like the design's picture the app looks, 0 to 100."""

    type: Literal["likeness"]
    likeness: int


class FileFrame(_Frame):
    """A file was written or deleted."""

    type: Literal["file"]
    file_path: str
    action: FileAction
    bytes: int


class UsageFrame(_Frame):
    """What one call of the model took."""

    type: Literal["usage"]
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class FoundDiagnostic(_Frame):
    """One finding of a check."""

    message: str
    file: str | None
    line: int | None
    severity: Literal["error", "warning"]


class ValidationFrame(_Frame):
    """A check's verdict. `skipped`: neither pass nor fail.

    There was nothing to run, or lint ran out of time: then the one diagnostic says so.
    """

    type: Literal["validation"]
    step: Check
    ok: bool
    skipped: bool
    diagnostics: list[FoundDiagnostic]


class PreviewFrame(_Frame):
    """The app runs and was looked at."""

    type: Literal["preview"]
    url: str
    checks: list[str]
    screenshot_url: str | None = None


class TotalUsage(_Frame):
    """Tokens and dollars of the whole task."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class CompleteFrame(_Frame):
    """The last frame. `files` is the whole app, path -> text; what is not text is only named."""

    type: Literal["complete"]
    message: str
    title: str
    task_id: str
    project_id: str | None
    fragment_id: str | None
    preview_url: str | None
    suggestions: list[str]
    usage: TotalUsage
    files: dict[str, str]
    binary_files: list[str]


class ErrorFrame(_Frame):
    """The last frame of a task that failed. `options` are prompts that answer the hint."""

    type: Literal["error"]
    error: str
    code: str
    hint: str | None
    retryable: bool
    options: list[str]


class CancelledFrame(_Frame):
    """The last frame of a task that was stopped."""

    type: Literal["cancelled"]
    by: str


class ReauthFrame(_Frame):
    """The stream ends here, and its task goes on: follow it with a new token. It has no id."""

    type: Literal["reauth"]
    code: Literal["stream_expired", "session_ended"]


class Frame(
    RootModel[
        Annotated[
            TaskFrame
            | StatusFrame
            | FrameworkFrame
            | SandboxFrame
            | StepFrame
            | StreamFrame
            | ResetFrame
            | ToolFrame
            | ImportFrame
            | DesignFrame
            | LikenessFrame
            | FileFrame
            | UsageFrame
            | ValidationFrame
            | PreviewFrame
            | CompleteFrame
            | ErrorFrame
            | CancelledFrame
            | ReauthFrame,
            Field(discriminator="type"),
        ]
    ]
):
    """One event of a task's stream: the object behind `data:`."""

"""Value types and ids that every other module speaks in."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NewType

from pydantic import BaseModel, ConfigDict, Field

TaskId = NewType("TaskId", str)
ProjectId = NewType("ProjectId", str)
FragmentId = NewType("FragmentId", str)
MessageId = NewType("MessageId", str)
SandboxId = NewType("SandboxId", str)
OwnerId = NewType("OwnerId", str)
WorkerId = NewType("WorkerId", str)
BlobHash = NewType("BlobHash", str)
"""Lower-case hex SHA-256 of a file's bytes."""

AppFiles = Mapping[str, bytes]
"""A whole app: path relative to its root -> content."""


class Frozen(BaseModel):
    """An immutable value that refuses fields it does not know, and numbers JSON cannot hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Framework(StrEnum):
    """The frameworks an app can be built with."""

    NEXTJS = "nextjs"
    REACT = "react"
    VUE = "vue"
    ANGULAR = "angular"
    SVELTE = "svelte"


class TaskKind(StrEnum):
    """Why the pipeline runs; a follow-up is a `generate` too."""

    GENERATE = "generate"
    FIX = "fix"
    IMPORT = "import"


class TaskStatus(StrEnum):
    """A task's life: pending, running, then exactly one of the other three."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can follow."""
        return self not in (TaskStatus.PENDING, TaskStatus.RUNNING)


class Stage(StrEnum):
    """The pipeline's stages, in the order a person would name them."""

    QUEUED = "queued"
    FRAMEWORK = "framework"
    SANDBOX = "sandbox"
    GENERATING = "generating"
    VALIDATING = "validating"
    FIXING = "fixing"
    PREVIEW = "preview"
    FINISHING = "finishing"


class Check(StrEnum):
    """What is checked before an app is handed out."""

    LINT = "lint"
    BUILD = "build"
    PREVIEW = "preview"


FileAction = Literal["created", "updated", "deleted"]
SandboxState = Literal["creating", "ready", "restored", "lost"]


class Diagnostic(Frozen):
    """One finding of a check: where it is and what it says."""

    message: str
    file: str | None = None
    line: int | None = None
    severity: Literal["error", "warning"] = "error"


class LeftOut(Frozen):
    """A file, or a part of one, that an import did not bring; `reason` is for people."""

    path: str
    reason: str


class Usage(Frozen):
    """Tokens and dollars of one or many model calls."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost_usd=_finite(self.cost_usd + other.cost_usd),
        )


def _finite(number: float) -> float:
    """A sum beyond what a float holds stays the largest: adding up never fails."""
    return min(max(number, -sys.float_info.max), sys.float_info.max)


class Turn(Frozen):
    """One earlier exchange of a project's conversation."""

    role: Literal["user", "assistant"]
    text: str


class GenerationRequest(Frozen):
    """What a person asked for, checked at the door.

    `prompt` is 1 to 20,000 characters once white space at the ends is gone.
    """

    prompt: str = Field(min_length=1, max_length=20_000)
    model: str = "auto"
    framework: Framework | None = None


class ValidationResult(Frozen):
    """The outcome of lint and build together, in the shape an existing frontend knows."""

    success: bool
    errors: str | None = None
    type: Literal["lint", "build", "preview"] | None = None


class StreamUpdate(Frozen):
    """One wire object `{type, ...}` as existing frontends read it."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str


class AgentState(Frozen):
    """The plan's summary of a run: what the agent has produced so far."""

    summary: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    selectedFramework: Framework | None = None  # noqa: N815 - the plan's name
    summaryRetryCount: int = 0  # noqa: N815 - the plan's name


class TaskProgress(Frozen):
    """The polling answer of `GET /api/tasks/{id}`; times are ISO 8601 in UTC."""

    taskId: str  # noqa: N815 - wire names
    status: TaskStatus
    stage: Stage
    message: str
    streamedContent: str  # noqa: N815
    files: dict[str, str]
    error: dict[str, str | bool | None] | None
    createdAt: str  # noqa: N815
    updatedAt: str  # noqa: N815
    lastSeq: int  # noqa: N815

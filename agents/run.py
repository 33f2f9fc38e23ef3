"""What one run of the pipeline carries from stage to stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents import events as e
from agents.imports.figma.references import is_design
from agents.imports.references import reference_in
from agents.logger import breadcrumb
from agents.models import ModelCatalog
from agents.ports import Journal, Toolkit
from agents.replay import Progress
from agents.spending import Spending
from agents.types import BlobHash, Framework, Stage, TaskId, TaskKind, Turn, Usage

KEEP_ANYWAY = "Keep it anyway"
"""The answer that makes a version of what the checks refused."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What an earlier task left when its checks stayed red: its changes, by path."""

    prompt: str
    files: Mapping[str, BlobHash | None]
    framework: Framework


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed task as the pipeline sees it.

    `base` is the app's head version, if it has one; `keep` is set when a person wants the
    changes that were refused, as they are.
    """

    task_id: TaskId
    kind: TaskKind
    prompt: str
    model: str = "auto"
    framework: Framework | None = None
    history: Sequence[Turn] = ()
    base: Mapping[str, BlobHash] | None = None
    log: Sequence[e.Recorded] = ()
    keep: Refused | None = None

    @property
    def brings_design(self) -> bool:
        """Whether it starts from somebody's design, which a model builds."""
        return self.kind is TaskKind.IMPORT and is_design(reference_in(self.prompt))

    @property
    def brings_app(self) -> bool:
        """Whether it starts from somebody's code, which is taken as it is."""
        return self.kind is TaskKind.IMPORT and not self.brings_design

    @property
    def asks(self) -> bool:
        """Whether a person asks something about an app that is there."""
        return self.base is not None and self.prompt.rstrip().endswith("?")


@dataclass(slots=True)
class Run:
    """A job on its way: the tools it may use, its journal, what it has spent and done before.

    `turn` counts the whole task's, so that what is numbered by it stays unique after a takeover.
    """

    job: Job
    kit: Toolkit
    journal: Journal
    models: ModelCatalog
    progress: Progress
    spending: Spending
    turn: int = field(init=False)
    stage: Stage = Stage.QUEUED
    start: Mapping[str, BlobHash] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Go on counting where the earlier attempts ended."""
        self.turn = self.progress.requests

    def changed(self, known: Mapping[str, BlobHash]) -> bool:
        """Whether the app differs from what the task began with."""
        return dict(known) != dict(self.start)

    @property
    def wish(self) -> str:
        """What was asked for, in words: those of the person, or which frame of which design."""
        design = self.progress.design
        return self.job.prompt if design is None else f"{design.frame} of the design {design.name}"

    def enter(self, stage: Stage, message: str) -> None:
        """Say that a stage begins."""
        self.stage = stage
        breadcrumb("stage", message)
        self.journal.record(e.StageEntered(stage=stage, message=message))

    def notice(self, message: str) -> None:
        """Tell people something that changes nothing."""
        self.journal.record(e.NoticeGiven(message=message, stage=self.stage))


class SpendingListener:
    """Implements `agents.completion.CompletionListener`: counts the cost, shows nothing."""

    def __init__(self, run: Run, model: str, *, billable: bool) -> None:
        self._run = run
        self._model = model
        self._billable = billable

    def on_text(self, text: str) -> None:
        """Say nothing: the answer is read as a whole."""

    async def on_file(self, call_index: int, path: str, content: str) -> None:
        """Do nothing: no tools are offered."""

    async def on_void(self, reason: str) -> None:
        """Do nothing: nothing was shown."""

    def on_usage(self, usage: Usage) -> None:
        """Count it for the budget and record it for people."""
        self._run.spending.add(usage)
        self._run.journal.record(
            e.UsageRecorded(model=self._model, usage=usage, billable=self._billable)
        )

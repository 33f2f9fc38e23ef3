"""Sample logs for the gallery: one app from the request to its end, and the ways it can fail."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from agents import events as e
from agents.task_state import TaskState, fold
from agents.types import (
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
    Usage,
)

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
TASK = TaskId("task_01sample")

Story = Sequence[tuple[float, e.Event]]
"""What happened, and how many seconds after the start."""

ACCEPTED: Story = [
    (
        0,
        e.TaskAccepted(
            project_id=ProjectId("proj_01sample"),
            task_kind=TaskKind.GENERATE,
            prompt="A kanban board for a bike shop\nwith three columns",
            requested_by="slack",
        ),
    )
]
STARTED: Story = [
    *ACCEPTED,
    (1, e.TaskStarted(attempt=1, worker_id="worker_1")),
    (1, e.StageEntered(stage=Stage.FRAMEWORK, message="Choosing the framework")),
]
CHOSEN: Story = [
    *STARTED,
    (3, e.FrameworkSelected(framework=Framework.REACT, reason="A single page with lively parts")),
    (3, e.StageEntered(stage=Stage.SANDBOX, message="Preparing a React with Vite sandbox")),
]
BEGUN: Story = [
    *CHOSEN,
    (5, e.SandboxChanged(sandbox_id=SandboxId("sbx_1"), state="ready")),
    (6, e.StageEntered(stage=Stage.GENERATING, message="Writing the app")),
    (6, e.TurnStarted(step=1, purpose="generate")),
    (
        9,
        e.TextStreamed(content="I begin with the **data** of a repair job: bike, owner, date.\n\n"),
    ),
]


def file_changed(
    at: float, path: str, size: int, action: FileAction = "created"
) -> tuple[float, e.Event]:
    return (at, e.FileChanged(path=path, action=action, size_bytes=size))


WRITING: Story = [
    *BEGUN,
    file_changed(14, "src/data.ts", 733),
    file_changed(18, "src/theme.css", 497, "updated"),
    file_changed(25, "src/board.ts", 2_621),
    file_changed(31, "src/components/CardItem.tsx", 1_903),
    (33, e.TextStreamed(content="Now the board itself, with drag and drop between its columns.")),
]
WRITTEN: Story = [
    *WRITING,
    file_changed(41, "src/components/Board.tsx", 4_980),
    file_changed(46, "src/App.tsx", 1_714, "updated"),
    file_changed(47, "src/components/Counter.tsx", 0, "deleted"),
    (
        48,
        e.UsageRecorded(
            model="auto",
            usage=Usage(prompt_tokens=8_200, completion_tokens=3_100, cost_usd=0.0217),
        ),
    ),
    (49, e.TurnFinished(step=1, text="", finish_reason="stop")),
]
CHECKING: Story = [
    *WRITTEN,
    (50, e.StageEntered(stage=Stage.VALIDATING, message="Checking: lint and build")),
    (50, e.CheckStarted(check=Check.LINT)),
    (50, e.CheckStarted(check=Check.BUILD)),
    (53, e.CheckFinished(check=Check.LINT, ok=True, duration_s=3.2)),
]
RED = Diagnostic(
    message="TS2345: Argument of type 'Card | undefined' is not assignable to 'Card'.",
    file="src/components/Board.tsx",
    line=41,
)
BROKEN: Story = [
    *CHECKING,
    (58, e.CheckFinished(check=Check.BUILD, ok=False, diagnostics=(RED, RED), duration_s=7.9)),
]
FIXING: Story = [
    *BROKEN,
    (58, e.StageEntered(stage=Stage.FIXING, message="Fixing 2 problems (attempt 1 of 2)")),
    (58, e.FixStarted(attempt=1, fingerprint="a")),
    (
        61,
        e.TextStreamed(content="\n\nA card can be missing while it is dragged; I check for that."),
    ),
]
GREEN: Story = [
    *FIXING,
    file_changed(66, "src/components/Board.tsx", 5_047, "updated"),
    (67, e.StageEntered(stage=Stage.VALIDATING, message="Checking: lint and build")),
    (70, e.CheckFinished(check=Check.LINT, ok=True, duration_s=3.1)),
    (74, e.CheckFinished(check=Check.BUILD, ok=True, duration_s=6.8)),
    (75, e.StageEntered(stage=Stage.PREVIEW, message="Starting the app")),
    (75, e.CheckStarted(check=Check.PREVIEW)),
]
SHOWN: Story = [
    *GREEN,
    (79, e.CheckFinished(check=Check.PREVIEW, ok=True, duration_s=3.4)),
    (79, e.PreviewVerified(url="http://127.0.0.1:4173", checks=("http", "browser"))),
    (80, e.StageEntered(stage=Stage.FINISHING, message="Saving the app")),
]
SUMMARY = (
    "A board for repair jobs with three columns. Cards can be dragged, searched and given notes; "
    "they are kept in the browser."
)
SUGGESTIONS = ("Add a due date to each card", "Make the accent colour green", "Show who owns it")


def completed(message: str = SUMMARY, *, saved: bool = True) -> e.TaskCompleted:
    return e.TaskCompleted(
        message=message,
        title="Bike shop board",
        fragment_id=FragmentId("frag_1") if saved else None,
        preview_url="http://127.0.0.1:4173",
        suggestions=SUGGESTIONS if saved else (),
    )


COMPLETE: Story = [*SHOWN, (81, completed())]
QUICK: Story = [event for event in COMPLETE if event not in FIXING or event in CHECKING]
STUCK: Story = [
    *FIXING,
    (
        90,
        e.TaskFailed(
            code="stuck",
            message="I could not get the checks green.",
            hint=f"What should I do about this? {RED.file}:{RED.line} {RED.message}",
            retryable=True,
            options=("Try another way", "Build a simpler version", "Keep it anyway"),
        ),
    ),
]


def state_of(story: Story) -> TaskState:
    """The fold of a story."""
    log = [
        e.Recorded(task_id=TASK, seq=n, at=START + timedelta(seconds=at), event=event)
        for n, (at, event) in enumerate(story, start=1)
    ]
    return fold(TASK, log)

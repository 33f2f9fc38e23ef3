"""The progress row of a running task: its fold, as far as a frontend shows it live.

The row is written in the same transaction as the events it follows from, so it never says what
the log does not. Text alone changes it at most once a second: rewriting it costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.events import Event, Recorded
from agents.ports import Clock
from agents.task_state import Problem, TaskState, fold, step
from agents.types import TaskId

TEXT_CHARS = 16_000
"""The row holds the end of the streamed text; `streaming.events` has all of it."""

_PATH_CHARS = 60_000
"""The row lists files until their paths are this long together: it stays far below 1 MiB."""

TEXT_EVERY_S = 1.0

Patch = dict[str, Any]


@dataclass(slots=True)
class Tracked:
    """One running task: its fold, and what its row says."""

    state: TaskState
    sent: Patch = field(default_factory=dict)
    text_due: float = 0.0


class ProgressRows:
    """Keeps the folds of the tasks that this process runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tracked: dict[TaskId, Tracked] = {}

    def begin(self, task_id: TaskId, log: Sequence[Recorded]) -> None:
        """The task was claimed; this is its log."""
        self._tracked[task_id] = Tracked(fold(task_id, log))

    def knows(self, task_id: TaskId, seq: int) -> bool:
        """Whether the fold is at this seq."""
        tracked = self._tracked.get(task_id)
        return tracked is not None and tracked.state.last_seq == seq

    def end(self, task_id: TaskId) -> None:
        """The task is not held any more."""
        self._tracked.pop(task_id, None)

    def after(self, task_id: TaskId, events: Sequence[Event]) -> tuple[Tracked, Patch]:
        """What these events make of the task, and what has to be written for it.

        Nothing is kept until `keep`: the append may be refused.
        """
        before = self._tracked[task_id]
        state = before.state
        at = self._clock.now()
        for event in events:
            seq = state.last_seq + 1
            state = step(state, Recorded(task_id=task_id, seq=seq, at=at, event=event))
        rendered = render(state)
        changed = {k: v for k, v in rendered.items() if before.sent.get(k) != v}
        now = self._clock.monotonic()
        if set(changed) == {"streamedContent"} and now < before.text_due:
            changed = {}
        sent = {**before.sent, **changed}
        due = now + TEXT_EVERY_S if "streamedContent" in changed else before.text_due
        return Tracked(state, sent, due), changed

    def keep(self, task_id: TaskId, tracked: Tracked) -> None:
        """The append took place."""
        if task_id in self._tracked:
            self._tracked[task_id] = tracked


def render(state: TaskState) -> Patch:
    """Fields of `convex/lib/validators.ts: progressPatch`; what is None is left out.

    The status is the queue's to write.
    """
    patch = {
        "stage": state.stage,
        "message": state.message,
        "streamedContent": state.text[-TEXT_CHARS:],
        "files": _files(state),
        "previewUrl": state.preview_url,
        "error": _error(state.problem),
    }
    return {name: value for name, value in patch.items() if value is not None}


def _files(state: TaskState) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    chars = 0
    for path, file in state.files.items():
        chars += len(path)
        if chars > _PATH_CHARS:
            break
        listed.append({"path": path, "action": file.action, "bytes": file.size_bytes})
    return listed


def _error(problem: Problem | None) -> dict[str, Any] | None:
    if problem is None:
        return None
    error = {"code": problem.code, "message": problem.message, "retryable": problem.retryable}
    return error if problem.hint is None else {**error, "hint": problem.hint}

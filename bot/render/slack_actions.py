"""The buttons of a task's message, and the names by which their clicks come back. Pure.

A button's `value` holds the task's id, and for a suggestion its number; who may press it is
decided where the click arrives.
"""

from collections.abc import Sequence

from agents.task_state import TaskState
from agents.types import Check, TaskId, TaskStatus
from bot.render.slack_blocks import Block, button, confirm
from bot.render.slack_text import is_link

STOP = "zd_stop"
OPEN_PREVIEW = "zd_open_preview"
FILES = "zd_files"
DOWNLOAD = "zd_download"
UNDO = "zd_undo"
DIFF = "zd_diff"
RETRY = "zd_retry"
FIX = "zd_fix"
SUGGEST = "zd_suggest"

MAX_SUGGESTIONS = 3
MAX_OPTIONS = 5

_CONFIRM_STOP = confirm(
    "Stop this build?",
    "What it has written so far is dropped. The app stays as it was before.",
    yes="Stop",
    no="Keep building",
    style="danger",
)
_CONFIRM_UNDO = confirm(
    "Go back one version?",
    "The app becomes what it was before this change.",
    yes="Undo",
    no="Keep it",
)


def suggest(number: int) -> str:
    """The action id of one suggestion or answer, counted from 0."""
    return f"{SUGGEST}:{number}"


def value_of(task_id: TaskId, number: int | None = None) -> str:
    """What a button carries."""
    return task_id if number is None else f"{task_id}:{number}"


def read_value(value: str) -> tuple[TaskId, int | None]:
    """The task of a click, and the number of the suggestion if it was one."""
    task_id, colon, number = value.rpartition(":")
    if colon and number.isascii() and number.isdecimal() and len(number) < 4:
        return TaskId(task_id), int(number)
    return TaskId(value), None


def stop_buttons(task_id: TaskId) -> list[Block]:
    return [button("Stop", STOP, value_of(task_id), style="danger", confirm=_CONFIRM_STOP)]


def done_buttons(state: TaskState, preview_link: str | None, *, can_undo: bool) -> list[Block]:
    """For a finished task; an answer in words changed nothing, so there is nothing to look at."""
    value = value_of(state.task_id)
    made = preview_buttons(value, preview_link)
    if state.fragment_id is None:
        return made
    made.append(button("Files", FILES, value))
    if state.files:
        made.append(button("Changes", DIFF, value))
    made.append(button("Download", DOWNLOAD, value))
    if can_undo:
        made.append(button("Undo", UNDO, value, confirm=_CONFIRM_UNDO))
    if has_red_check(state):
        made.append(button("Fix errors", FIX, value))
    return made


def preview_buttons(value: str, preview_link: str | None) -> list[Block]:
    """The link as a button, when there is one."""
    if not is_link(preview_link):
        return []
    return [button("Open preview", OPEN_PREVIEW, value, url=preview_link, style="primary")]


def failed_buttons(state: TaskState) -> list[Block]:
    """The answers to the task's question first, then the ways to try again."""
    value = value_of(state.task_id)
    if state.problem is None:
        return [button("Retry", RETRY, value)]
    made = suggestion_buttons(state.task_id, state.problem.options[:MAX_OPTIONS])
    if state.problem.retryable:
        made.append(button("Retry", RETRY, value))
    if has_red_check(state):
        made.append(button("Fix errors", FIX, value))
    return made


def suggestion_buttons(task_id: TaskId, words: Sequence[str]) -> list[Block]:
    """One button each; the words themselves are read from the task's log at the click."""
    return [button(said, suggest(n), value_of(task_id, n)) for n, said in enumerate(words)]


def has_red_check(state: TaskState, *, beside_lint: bool = False) -> bool:
    """Whether a check has findings; lint alone stops no app from working."""
    failed = {check for check, found in state.checks.items() if found.verdict == "failed"}
    return bool(failed - {Check.LINT} if beside_lint else failed)


def buttons(state: TaskState, preview_link: str | None, *, can_undo: bool) -> list[Block]:
    """The main row, by how the task stands."""
    match state.status:
        case TaskStatus.PENDING | TaskStatus.RUNNING:
            return stop_buttons(state.task_id)
        case TaskStatus.COMPLETE:
            return done_buttons(state, preview_link, can_undo=can_undo)
        case TaskStatus.FAILED:
            return failed_buttons(state)
        case TaskStatus.CANCELLED:
            return [button("Retry", RETRY, value_of(state.task_id))]

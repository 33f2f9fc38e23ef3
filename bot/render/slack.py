"""A task as one live Slack message that is edited in place. Pure.

`render_task` is called for each edit and gives the same message for the same state and the same
five seconds. Every block has one id for the whole life of a task: with a changing id Slack folds
the plan at each edit. Tiers are what is left when Slack refuses the message for its size.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from agents.task_state import FileState, TaskState
from agents.types import TaskId, TaskStatus
from bot.render.slack_actions import (
    MAX_OPTIONS,
    MAX_SUGGESTIONS,
    buttons,
    has_red_check,
    suggestion_buttons,
)
from bot.render.slack_blocks import (
    MAX_TEXT_BYTES,
    Block,
    SlackMessage,
    actions,
    context,
    picture,
    plain_section,
    section,
)
from bot.render.slack_plan import (
    FRAMEWORKS,
    files_changed,
    iterate_titles,
    render_plan,
    steps,
)
from bot.render.slack_text import (
    clean,
    escape,
    escape_line,
    fence,
    is_link,
    label,
    link,
    mention,
    notification,
    one_line,
)
from bot.render.terminal import duration, size

FULL, SHORT, TEXT_ONLY = 0, 1, 2
"""The tiers: everything; without files and picture and with few words; without blocks."""

MAX_FILES = 12
SILENT_S = 90.0
"""After so long without an event people are told that the work goes on."""

_NARRATION = {FULL: 300, SHORT: 120}
_FILES_BYTES = 1_500
_SPARE_BYTES = 100
_SIGNS = {"created": "+", "updated": "~", "deleted": "-"}
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_TAG = re.compile("</?task_summary>")
_MARKS = re.compile(r"^\s*(?:#{1,6}|[-*+>])\s+|\*\*|`", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TaskView:
    """What a task's log does not know, and its message shows. Users are Slack user ids."""

    now: datetime
    requested_by_user: str | None = None
    stopped_by_user: str | None = None
    preview_link: str | None = None
    """The link that is given to people; it need not be the sandbox's own address."""
    preview_is_local: bool = False
    """It opens on the machine that the bot runs on, and nowhere else."""
    screenshot_file: str | None = None
    """The picture's file id, once it is uploaded to Slack."""
    queued_behind: int = 0
    can_undo: bool = False
    offline_model: bool = False
    notice: str | None = None
    """What people should know beside the task, such as a restart of the bot."""


def render_task(state: TaskState, view: TaskView, tier: int = FULL) -> SlackMessage:
    """The whole message at this moment."""
    if tier >= TEXT_ONLY:
        return SlackMessage(_text_alone(state, view))
    blocks = [render_plan(state, _plan_title(state), block_id(state.task_id, "plan"))]
    blocks.append(context("\n".join(_now(state, view)), block_id(state.task_id, "now")))
    blocks += _said(state, view, tier)
    blocks += _files(state) if tier == FULL else []
    blocks += _problem(state)
    blocks += _preview(state, view, tier)
    blocks += _buttons(state, view)
    return SlackMessage(_text(state, view), blocks)


def block_id(task_id: TaskId, part: str) -> str:
    """The id of one block, the same for as long as the task's message lives."""
    return f"zd:{task_id}:{part}"


def app_name(state: TaskState, limit: int = 80) -> str:
    """What the app is called, else what was asked for: foreign words on one line."""
    asked = state.prompt.strip().partition("\n")[0]
    name = one_line(state.title) or one_line(asked) or "A new app"
    return name if len(name) <= limit else f"{name[: limit - 1].rstrip()}…"


def money(cost_usd: float) -> str:
    """Dollars as people write them; nothing when there was no cost."""
    if cost_usd <= 0:
        return ""
    return f"${cost_usd:,.2f}" if cost_usd >= 0.01 else "under $0.01"


def narration(text: str, limit: int) -> str:
    """The newest words of a model, without its Markdown: the last paragraph, from its end."""
    prose = _MARKS.sub("", _CODE.sub("\n\n", _TAG.sub("\n\n", clean(text[-4_000:]))))
    paragraphs = [one_line(part) for part in prose.split("\n\n")]
    last = next((part for part in reversed(paragraphs) if part), "")
    if len(last) <= limit:
        return last
    return "…" + last[1 - limit :].partition(" ")[2]


def _plan_title(state: TaskState) -> str:
    return f"{app_name(state)} · {label(_where(state), 60)}"


def _where(state: TaskState) -> str:
    """Where the task stands, in a few words."""
    match state.status:
        case TaskStatus.PENDING:
            return "waiting"
        case TaskStatus.RUNNING:
            return one_line(state.message) or "working"
        case TaskStatus.COMPLETE if state.fragment_id is None:
            return "answered"
        case TaskStatus.COMPLETE:
            return "kept, not green" if has_red_check(state, beside_lint=True) else "ready"
        case TaskStatus.CANCELLED:
            return "stopped"
        case TaskStatus.FAILED:
            return "needs your decision" if _options(state) else "not finished"


def _options(state: TaskState) -> tuple[str, ...]:
    return state.problem.options[:MAX_OPTIONS] if state.problem else ()


def _now(state: TaskState, view: TaskView) -> Iterator[str]:
    """The small grey lines: time, step, files, cost, who asked; then what should be known."""
    yield " · ".join(_facts(state, view))
    notices = [view.notice] if view.notice else []
    if state.status is not TaskStatus.COMPLETE:
        notices += state.notices[-2:]
    yield from (notification(notice, 300) for notice in notices)


def _facts(state: TaskState, view: TaskView) -> Iterator[str]:
    yield from _times(state, view)
    if state.framework is not None:
        yield FRAMEWORKS[state.framework]
    if written := files_changed(state):
        yield written
    if cost := money(state.usage.cost_usd):
        yield cost
    if view.offline_model:
        yield "offline model, no AI"
    if asker := mention(view.requested_by_user):
        yield f"asked by {asker}"


def _times(state: TaskState, view: TaskView) -> Iterator[str]:
    if state.status.is_terminal:
        yield duration(state.elapsed_s)
        return
    passed_s = in_steps((view.now - (state.created_at or view.now)).total_seconds())
    if state.status is TaskStatus.PENDING:
        yield waiting(view.queued_behind)
        if passed_s > 0:
            yield duration(passed_s)
        return
    yield duration(passed_s)
    step, of = steps(state)
    yield f"step {step} of {of}"
    if passed_s - state.elapsed_s >= SILENT_S:
        yield "still working"


def in_steps(seconds: float) -> float:
    """Time in steps of five seconds, so that a message changes no more often than that."""
    return seconds // 5 * 5


def waiting(behind: int) -> str:
    """What a task in the queue waits for."""
    if behind <= 0:
        return "Starting in a moment"
    return f"Waiting for {'one build' if behind == 1 else f'{behind} builds'} before it"


def _said(state: TaskState, view: TaskView, tier: int) -> list[Block]:
    """The model's newest words; at the end, how it ended."""
    block = block_id(state.task_id, "say")
    match state.status:
        case TaskStatus.RUNNING:
            said = narration(state.text, _NARRATION[tier])
            return [plain_section(said, block, _NARRATION[tier])] if said else []
        case TaskStatus.COMPLETE:
            said = clean(state.message).strip() or "Done."
            return [plain_section(said, block, 3 * _NARRATION[tier])]
        case TaskStatus.CANCELLED:
            return [section(_stopped(view), block)]
        case _:
            return []


def _stopped(view: TaskView) -> str:
    stopper = mention(view.stopped_by_user)
    return f"Stopped{f' by {stopper}' if stopper else ''}. Nothing was changed."


def _files(state: TaskState) -> list[Block]:
    """The newest files with sizes; earlier ones are counted. Files that are gone are not shown."""
    is_kept = state.status in (TaskStatus.RUNNING, TaskStatus.COMPLETE) or _options(state)
    if not state.files or not is_kept:
        return []
    names = list(state.files)
    shown = [_file(path, state.files[path]) for path in names[-MAX_FILES:]]
    while len(fence("\n".join(shown)).encode()) > _FILES_BYTES:
        shown.pop(0)
    hidden = len(names) - len(shown)
    if hidden > 0:
        shown.append(f"… and {hidden} more")
    return [section(fence("\n".join(shown)), block_id(state.task_id, "files"))]


def _file(path: str, file: FileState) -> str:
    told = "" if file.action == "deleted" else f"  {size(file.size_bytes)}"
    name = one_line(path)
    if len(name) > 90:
        name = f"…{name[-89:]}"
    return f"{_SIGNS[file.action]} {name}{told}"


def _problem(state: TaskState) -> list[Block]:
    """Why a task failed, and the question that its buttons answer."""
    if state.problem is None:
        return []
    words = f"*{escape_line(state.problem.message, 700) or 'It did not work.'}*"
    if state.problem.hint:
        words += f"\n{escape(state.problem.hint.strip(), 1_200)}"
    return [section(words, block_id(state.task_id, "problem"))]


def _preview(state: TaskState, view: TaskView, tier: int) -> list[Block]:
    """The link once the app has answered, and the picture of it."""
    if state.preview_url is None or not _may_show_preview(state):
        return []
    blocks = []
    if line := preview_line(view):
        blocks.append(section(line, block_id(state.task_id, "preview")))
    if view.screenshot_file and tier == FULL:
        words = f"Picture of {app_name(state)}"
        blocks.append(picture(view.screenshot_file, words, block_id(state.task_id, "shot")))
    return blocks


def _may_show_preview(state: TaskState) -> bool:
    return state.status in (TaskStatus.RUNNING, TaskStatus.COMPLETE)


def preview_line(view: TaskView) -> str | None:
    """The link in a sentence, saying where it opens when that is not everywhere."""
    if view.preview_link is None or not is_link(view.preview_link):
        return None
    shown = view.preview_link.partition("://")[2].rstrip("/")
    found = link(view.preview_link, shown if len(shown) <= 60 else f"{shown[:59]}…")
    local = " (opens only on the machine that the bot runs on)" if view.preview_is_local else ""
    return f"*Preview:* {found}{local}"


def _buttons(state: TaskState, view: TaskView) -> list[Block]:
    """The main row; below it what could be asked for next."""
    shown = view.preview_link if state.preview_url is not None else None
    row = buttons(state, shown, can_undo=view.can_undo)
    blocks = [actions(row, block_id(state.task_id, "act"))] if row else []
    said = state.suggestions[:MAX_SUGGESTIONS] if state.status is TaskStatus.COMPLETE else ()
    if said:
        words = "Reply in this thread to change it, or take one of these:"
        blocks.append(context(words, block_id(state.task_id, "hint")))
        row = suggestion_buttons(state.task_id, said)
        blocks.append(actions(row, block_id(state.task_id, "next")))
    return blocks


def _text(state: TaskState, view: TaskView) -> str:
    """For notifications and screen readers: what it is, where it stands, the link."""
    words = f"{notification(app_name(state), 400)}: {notification(_where(state), 300)}"
    if state.problem is not None:
        words += f". {notification(state.problem.message, 600)}"
    if state.status is TaskStatus.COMPLETE and state.preview_url is not None:
        found = link(view.preview_link or "", "Open the preview")
        words += f". {found}" if found else ""
    return words


def _text_alone(state: TaskState, view: TaskView) -> str:
    """The message where no block is taken: the same story in lines."""
    kept: list[str] = []
    used = 0
    for line in _lines(state, view):
        used += len(line.encode()) + 1
        if used > MAX_TEXT_BYTES - _SPARE_BYTES:
            break
        kept.append(line)
    return "\n".join(kept)


def _lines(state: TaskState, view: TaskView) -> Iterator[str]:
    yield f"*{notification(app_name(state), 300)}* · {notification(_where(state), 200)}"
    yield from _now(state, view)
    yield "   ".join(iterate_titles(state))
    if state.status is TaskStatus.RUNNING and (said := narration(state.text, 120)):
        yield notification(said, 400)
    if state.status is TaskStatus.COMPLETE:
        yield notification(state.message, 500)
    if state.status is TaskStatus.CANCELLED:
        yield _stopped(view)
    if state.problem is not None:
        yield f"*{notification(state.problem.message, 400) or 'It did not work.'}*"
        yield from (notification(words, 500) for words in (state.problem.hint or "").splitlines())
    if state.preview_url and _may_show_preview(state) and (line := preview_line(view)):
        yield line
    yield from _next_words(state)


def _next_words(state: TaskState) -> Iterable[str]:
    """What to type where there are no buttons."""
    match state.status:
        case TaskStatus.PENDING | TaskStatus.RUNNING:
            return ["Reply `stop` to stop it."]
        case TaskStatus.COMPLETE:
            return ["Reply in this thread to change it."]
        case TaskStatus.CANCELLED:
            return ["Reply `retry` to start again."]
        case TaskStatus.FAILED if _options(state):
            answers = [f"• {notification(option, 150)}" for option in _options(state)]
            return ["Reply with one of these, or in your own words:", *answers]
        case _:
            return ["Reply `retry` to try again, or say what to change."]

"""A task in the terminal, as one screen that is drawn again and again. Pure.

Texts from outside lose their control characters, which could steer the terminal. Where there is
no terminal, `bot.render.lines` tells the same story line by line.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from rich.console import Group
from rich.text import Text

from agents.events import DesignImported
from agents.task_state import CheckState, FileState, TaskState
from agents.types import Check, Diagnostic, Stage, TaskStatus

MAX_FILES = 12
MAX_DIAGNOSTICS = 3

_SUMMARY_TAG = re.compile("</?task_summary>")
_ORDER = {stage: index for index, stage in enumerate(Stage)}
_CONTROL = {
    **dict.fromkeys([*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029], " "),
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F], ""),
}
_DONE, _ACTIVE, _WAITING, _FAILED = "✓", "●", "○", "✗"
_FILE_SIGNS = {"created": ("+", "green"), "updated": ("~", "yellow"), "deleted": ("-", "red")}


def render_task(state: TaskState, *, now: datetime | None = None) -> Group:
    """The whole task on one compact screen; lines are cut at the terminal's width,
    but not the last message.

    `now` lets the clock of a running task go on between events.
    """
    lines: list[Text] = [_headline(state, now)]
    lines += _plan(state)
    lines += _files(state)
    lines += _findings(state)
    if state.status is not TaskStatus.COMPLETE:
        lines += [_line(f"  ! {notice}", "yellow") for notice in state.notices[-3:]]
    if state.status is TaskStatus.RUNNING and (last := _last_line(state.text)):
        lines.append(_line(f"  {last}", "dim italic"))
    return Group(*lines, *_ending(state))


def clean(text: str) -> str:
    """One line without control characters and without signs that turn the writing round."""
    return text.translate(_CONTROL).strip()


def indented(text: str) -> str:
    """`clean`, but the spaces in front stay."""
    return text[: len(text) - len(text.lstrip(" "))] + clean(text)


def size(size_bytes: int) -> str:
    """A file's size as people write it: 512 B, 2.1 kB."""
    if size_bytes < 1_000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1_000:.1f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def duration(seconds: float) -> str:
    """12s, or 3m 05s."""
    whole = max(0, int(seconds))
    return f"{whole}s" if whole < 60 else f"{whole // 60}m {whole % 60:02d}s"


def _line(text: str, style: str = "") -> Text:
    return Text(indented(text), style=style, no_wrap=True, overflow="ellipsis", end="\n")


def _headline(state: TaskState, now: datetime | None) -> Text:
    elapsed_s = state.elapsed_s
    if now is not None and state.created_at is not None and not state.status.is_terminal:
        elapsed_s = (now - state.created_at).total_seconds()
    facts = [str(state.framework)] if state.framework else []
    facts += [duration(elapsed_s), *spent(state)]
    line = _line(state.title or state.prompt.partition("\n")[0] or "A new app", "bold")
    return Text.assemble(
        _shorten(line, 60),
        (f"  {' · '.join(facts)}", "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )


def _shorten(line: Text, width: int) -> Text:
    if len(line) > width:
        line.right_crop(len(line) - width)
        line.append("…")
    return line


def spent(state: TaskState) -> list[str]:
    """What the task used, as far as it is known: tokens, dollars."""
    tokens = state.usage.prompt_tokens + state.usage.completion_tokens
    facts = [f"{tokens:,} tokens"] if tokens else []
    return facts + ([f"${state.usage.cost_usd:.4f}"] if state.usage.cost_usd else [])


def design(read: DesignImported) -> str:
    """A design in a line: the frame, its size, and what it is made of."""
    counts = ((read.colours, "colour"), (read.text_styles, "text style"), (read.images, "image"))
    told = [f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts if count]
    return ", ".join([f"“{read.frame}” of {read.name}, {read.width} × {read.height}", *told])


def _plan(state: TaskState) -> list[Text]:
    """The stages with ticks. They overlap, so each has its own sign of being done."""
    stage = _ORDER[state.stage]
    ended = state.status is TaskStatus.COMPLETE
    checks = [state.checks[c] for c in (Check.LINT, Check.BUILD) if c in state.checks]
    checked = bool(checks) and all(c.verdict in ("passed", "skipped") for c in checks)
    written = f"{len(state.files)} file{'s' * (len(state.files) != 1)}" if state.files else ""
    rows = [
        (Stage.FRAMEWORK, "Framework", state.framework is not None, state.framework_reason),
        (Stage.SANDBOX, "Sandbox", state.sandbox_id is not None, ""),
        (Stage.GENERATING, "Code", ended or stage > _ORDER[Stage.GENERATING], written),
        (Stage.VALIDATING, "Checks", checked, _verdicts(state)),
        (Stage.PREVIEW, "Preview", state.preview_url is not None, ", ".join(state.preview_checks)),
    ]
    lines = []
    for at, name, done, detail in rows:
        if ended and not done:
            continue  # an answer to a question builds and checks nothing
        active = state.status is TaskStatus.RUNNING and _is_active(at, state.stage)
        mark, style = _mark(done=done, active=active)
        said = detail or (state.message if active else "")
        lines.append(_line(f"  {mark} {name:<10} {said}".rstrip(), style))
    if state.fixes:
        mark, style = _mark(done=checked, active=state.stage is Stage.FIXING)
        lines.append(_line(f"  {mark} Fixing     attempt {len(state.fixes)}", style))
    return lines


def _is_active(row: Stage, now: Stage) -> bool:
    return now is row or (row is Stage.VALIDATING and now is Stage.FIXING)


def _mark(*, done: bool, active: bool) -> tuple[str, str]:
    if done:
        return _DONE, "green"
    return (_ACTIVE, "cyan") if active else (_WAITING, "dim")


def _verdicts(state: TaskState) -> str:
    signs = {
        "running": "…",
        "passed": _DONE,
        "failed": _FAILED,
        "skipped": "skipped",
    }
    shown = [(c, s) for c, s in state.checks.items() if c is not Check.PREVIEW]
    return "  ".join(f"{check} {signs[found.verdict]}{_took(found)}" for check, found in shown)


def _took(check: CheckState) -> str:
    return f" {check.duration_s:.1f}s" if check.duration_s else ""


def _files(state: TaskState) -> list[Text]:
    """The newest files, with sizes; earlier ones are counted."""
    names = list(state.files)
    hidden = len(names) - MAX_FILES
    lines = [_line(f"    … {hidden} earlier files", "dim")] if hidden > 0 else []
    return lines + [_file(path, state.files[path]) for path in names[-MAX_FILES:]]


def _file(path: str, file: FileState) -> Text:
    told = "" if file.action == "deleted" else f"  {size(file.size_bytes)}"
    mark, style = _FILE_SIGNS[file.action]
    return _line(f"    {mark} {path}{told}", style)


def _findings(state: TaskState) -> list[Text]:
    lines = []
    for check, found in state.checks.items():
        if found.verdict != "failed":
            continue
        lines.append(_line(f"  {_FAILED} {check} failed", "red"))
        lines += [_line(f"      {where(d)}", "red") for d in found.diagnostics[:MAX_DIAGNOSTICS]]
        hidden = len(found.diagnostics) - MAX_DIAGNOSTICS
        if hidden > 0:
            lines.append(_line(f"      … {hidden} more", "dim"))
    return lines


def where(found: Diagnostic) -> str:
    """A finding on one line: file:line message."""
    place = found.file or ""
    if found.line is not None:
        place += f":{found.line}"
    return f"{place} {found.message}".strip()


def _ending(state: TaskState) -> list[Text]:
    if state.status is TaskStatus.COMPLETE:
        return list(_success(state))
    if state.problem is not None:
        lines = [_line(f"{_FAILED} {state.problem.message}", "bold red")]
        lines += [_line(f"  {state.problem.hint}")] if state.problem.hint else []
        return lines + [_line(f"  · {option}") for option in state.problem.options]
    if state.status is TaskStatus.CANCELLED:
        return [_line(f"Stopped by {state.cancelled_by}. The project is as it was.", "yellow")]
    return []


def _success(state: TaskState) -> Iterator[Text]:
    yield Text(f"{_DONE} {clean(state.message)}", style="green")  # whole: it says what was not done
    if state.preview_url:
        yield Text.assemble("  Preview  ", (clean(state.preview_url), "bold cyan"), overflow="fold")
    if state.suggestions:
        yield _line("  Next, you could say:", "dim")
    for suggestion in state.suggestions:
        yield _line(f"    · {suggestion}")


def _last_line(text: str) -> str:
    said = _SUMMARY_TAG.sub("", text[-2_000:])
    lines = [line for line in said.splitlines() if line.strip()]
    return clean(lines[-1]) if lines else ""

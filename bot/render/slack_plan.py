"""The plan of a task: Slack's `plan` block with one card per stage. Pure.

Stages overlap, so each card has its own sign of being done. A task that has ended leaves nothing
open: what was under way when it stopped is marked, what it never came to is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.events import DesignImported, SourceImported
from agents.task_state import CheckState, TaskState
from agents.types import Check, Framework, Stage, TaskKind, TaskStatus
from bot.render.slack_blocks import Block, CardStatus, rich_line
from bot.render.slack_text import escape_line, label
from bot.render.terminal import design, where

MAX_TITLE = 150
MAX_CARD_TITLE = 80
MAX_DETAIL = 200

FRAMEWORKS = {
    Framework.NEXTJS: "Next.js",
    Framework.REACT: "React",
    Framework.VUE: "Vue",
    Framework.ANGULAR: "Angular",
    Framework.SVELTE: "Svelte",
}

_ORDER = {stage: index for index, stage in enumerate(Stage)}
_WRITTEN = (Check.LINT, Check.BUILD)
_GOOD = ("passed", "skipped")


@dataclass(frozen=True, slots=True)
class Card:
    """One stage as people see it. `key` stays the same as long as the task lives."""

    key: str
    title: str
    status: CardStatus
    detail: str = ""


def render_plan(state: TaskState, title: str, block_id: str) -> Block:
    """The plan block. Its title has to do alone where Slack shows it folded."""
    return {
        "type": "plan",
        "block_id": block_id,
        "title": label(title, MAX_TITLE),
        "tasks": [_task_card(card) for card in plan_cards(state)],
    }


def plan_cards(state: TaskState) -> list[Card]:
    """The stages in the order a person would name them."""
    cards = [_framework(state), _sandbox(state), _writing(state), _checks(state)]
    if state.fixes or state.stage is Stage.FIXING:
        cards.append(_fixing(state))
    cards += [_preview(state), _finishing(state)]
    if not state.status.is_terminal:
        return cards
    if state.status is TaskStatus.COMPLETE:
        return [card for card in cards if card.status in ("complete", "error")]
    reached = [card for card in cards if card.status != "pending"]
    return [_closed(card, state) for card in reached] or [_unstarted(state)]


def steps(state: TaskState) -> tuple[int, int]:
    """Which card the task is at, counted from 1, and how many there are."""
    cards = plan_cards(state)
    at = [n for n, card in enumerate(cards, start=1) if card.status == "in_progress"]
    done = sum(card.status == "complete" for card in cards)
    return (at[-1] if at else max(done, 1), len(cards))


def _framework(state: TaskState) -> Card:
    chosen = state.framework
    if chosen is None:
        return Card("framework", "Choose the framework", _status(state, Stage.FRAMEWORK))
    return Card("framework", f"Framework: {FRAMEWORKS[chosen]}", "complete", state.framework_reason)


def _sandbox(state: TaskState) -> Card:
    if state.sandbox_id is not None:
        return Card("sandbox", "Sandbox is ready", "complete")
    status: CardStatus = "pending"
    if state.status is TaskStatus.COMPLETE:
        return Card("sandbox", "Sandbox", status)
    if _ORDER[state.stage] >= _ORDER[Stage.SANDBOX] and state.started_at is not None:
        status = "in_progress"
    return Card("sandbox", "Prepare a sandbox", status)


def _writing(state: TaskState) -> Card:
    written = files_changed(state)
    status = _status(state, Stage.GENERATING, done=_past(state, Stage.GENERATING))
    detail = _imported(state.imported) if state.design is None else _designed(state.design)
    if status == "complete":
        return Card("writing", f"Code: {written}" if written else "Read the app", status, detail)
    title = _WORK[state.kind] if state.design is None else _WORK[TaskKind.GENERATE]
    return Card("writing", f"{title}: {written}" if written else title, status, detail)


_WORK = {
    TaskKind.GENERATE: "Write the code",
    TaskKind.FIX: "Read the app",
    TaskKind.IMPORT: "Bring in the code",
}


def _imported(found: SourceImported | None) -> str:
    """Where it came from, and how much of it did not come; nothing where it was written here."""
    if found is None:
        return ""
    place = f"{found.origin}/{found.path}" if found.path else found.origin
    left = f", {found.left_out_count} left out" if found.left_out_count else ""
    return f"From {place}, {found.ref} at {found.commit[:7]}{left}"


def _designed(read: DesignImported) -> str:
    return f"From {read.origin}: {design(read)}"


def _checks(state: TaskState) -> Card:
    verdicts = {c: state.checks[c] for c in _WRITTEN if c in state.checks}
    told = ", ".join(_verdict(check, found) for check, found in verdicts.items())
    title = f"Checks: {told}" if told else "Check with lint and build"
    red = _finding(state, *_WRITTEN)
    passed = bool(verdicts) and all(v.verdict in _GOOD for v in verdicts.values())
    if state.stage is Stage.VALIDATING and not state.status.is_terminal:
        return Card("checks", title, "in_progress", red)
    if _failed(state, Check.BUILD) or (_failed(state, Check.LINT) and not _past_checks(state)):
        return Card("checks", title, "error", red)
    if passed or (verdicts and _past_checks(state)):
        return Card("checks", title, "complete", red)
    return Card("checks", title, "in_progress" if verdicts else "pending", red)


def _fixing(state: TaskState) -> Card:
    count = len(state.fixes)
    times = f" in {count} attempts" if count > 1 else ""
    if state.stage is Stage.FIXING:
        return Card("fixing", "Fix what the checks found", "in_progress")
    red = _failed(state, Check.BUILD) or _failed(state, Check.PREVIEW)
    if red and state.status.is_terminal:
        return Card("fixing", f"Not fixed{times}", "error")
    settled = not red and all(found.verdict != "running" for found in state.checks.values())
    return Card("fixing", f"Fixed{times}" if settled else "Repair made", "complete")


def _preview(state: TaskState) -> Card:
    looked_at = ", ".join(_LOOKED_AT.get(check, check) for check in state.preview_checks)
    if state.preview_checks:
        like = f", {state.likeness} % like the design" if state.likeness is not None else ""
        return Card("preview", f"Preview answers{like}", "complete", f"Looked at: {looked_at}")
    if state.stage is Stage.PREVIEW and not state.status.is_terminal:
        return Card("preview", "Start the app and look at it", "in_progress")
    if _failed(state, Check.PREVIEW):
        return Card("preview", "Preview", "error", _finding(state, Check.PREVIEW))
    at = state.stage is Stage.PREVIEW and state.status is not TaskStatus.COMPLETE
    return Card("preview", "Start a preview", "in_progress" if at else "pending")


_LOOKED_AT = {
    "http": "the page answers",
    "start page": "it is your app",
    "browser": "a browser shows it",
}


def _finishing(state: TaskState) -> Card:
    if state.status is TaskStatus.COMPLETE:
        return Card("finishing", "Saved" if state.fragment_id else "Answered", "complete")
    return Card("finishing", "Save the version", _status(state, Stage.FINISHING))


def _status(state: TaskState, stage: Stage, *, done: bool = False) -> CardStatus:
    if done:
        return "complete"
    return "in_progress" if state.stage is stage else "pending"


def _past(state: TaskState, stage: Stage) -> bool:
    return state.status is TaskStatus.COMPLETE or _ORDER[state.stage] > _ORDER[stage]


def _past_checks(state: TaskState) -> bool:
    """Whether the task went on to the preview: what is red now was let through."""
    return state.status is TaskStatus.COMPLETE or state.stage in (Stage.PREVIEW, Stage.FINISHING)


def _closed(card: Card, state: TaskState) -> Card:
    """The card of a task that ended before its end: nothing stays open."""
    if card.status != "in_progress":
        return card
    detail = "Stopped here" if state.status is TaskStatus.CANCELLED else card.detail
    return Card(card.key, card.title, "error", detail)


def _unstarted(state: TaskState) -> Card:
    ended = "Stopped" if state.status is TaskStatus.CANCELLED else "Ended"
    return Card("framework", f"{ended} before it began", "error")


def files_changed(state: TaskState) -> str:
    """`7 files`, or nothing."""
    count = len(state.files)
    return f"{count} file{'s' * (count != 1)}" if count else ""


def _failed(state: TaskState, check: Check) -> bool:
    return check in state.checks and state.checks[check].verdict == "failed"


def _verdict(check: Check, found: CheckState) -> str:
    took = f" in {found.duration_s:.1f}s" if found.duration_s and found.verdict == "passed" else ""
    if check is Check.LINT and found.verdict == "failed":
        count = len(found.diagnostics) or 1
        return f"{count} lint finding{'s' * (count != 1)}"
    if found.verdict == "skipped":
        return (
            f"{check} {found.diagnostics[0].message}" if found.diagnostics else f"no {check} to run"
        )
    return f"{check} {'runs' if found.verdict == 'running' else found.verdict}{took}"


def _finding(state: TaskState, *checks: Check) -> str:
    """The first finding of the first red check, and how many follow."""
    found = [d for c in checks if _failed(state, c) for d in state.checks[c].diagnostics]
    if not found:
        return ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{label(where(found[0]), MAX_DETAIL - len(more))}{more}"


def _task_card(card: Card) -> Block:
    made: Block = {
        "type": "task_card",
        "task_id": card.key,
        "title": label(card.title, MAX_CARD_TITLE),
        "status": card.status,
    }
    return made | ({"details": rich_line(label(card.detail, MAX_DETAIL))} if card.detail else {})


def iterate_titles(state: TaskState) -> Iterator[str]:
    """The cards' titles, for the message without blocks."""
    for card in plan_cards(state):
        yield f"{_SIGNS[card.status]} {escape_line(card.title, 200)}"


_SIGNS: dict[CardStatus, str] = {
    "pending": "○",
    "in_progress": "●",
    "complete": "✓",
    "error": "✗",
}

"""A task as plain lines, one per interesting event: for pipes and CI logs. Pure."""

from collections.abc import Sequence
from functools import singledispatch

from agents import events as e
from agents.task_state import TaskState
from bot.render.terminal import MAX_DIAGNOSTICS, design, indented, size, spent, where

_PROMPT_LENGTH = 80
_LEFT_OUT = 8


def plain_lines(recorded: e.Recorded, state: TaskState) -> list[str]:
    """What one event is worth: usually a line, or nothing. `state` is the one after it."""
    stamp = f"[{state.elapsed_s:6.1f}s] "
    return [f"{stamp}{indented(text)}" for text in _told(recorded.event, state)]


@singledispatch
def _told(_event: object, _state: TaskState) -> Sequence[str]:
    """Kinds without a case of their own are not worth a line."""
    return ()


@_told.register
def _(event: e.TaskAccepted, state: TaskState) -> Sequence[str]:
    prompt = event.prompt.partition("\n")[0]
    if len(prompt) > _PROMPT_LENGTH:
        prompt = f"{prompt[: _PROMPT_LENGTH - 1]}…"
    return [f"accepted as {state.task_id} in {event.project_id}: {prompt}"]


@_told.register
def _(event: e.TaskStarted, _state: TaskState) -> Sequence[str]:
    return ["started" if event.attempt == 1 else f"picked up again, attempt {event.attempt}"]


@_told.register
def _(event: e.StageEntered, _state: TaskState) -> Sequence[str]:
    return [event.message]


@_told.register
def _(event: e.NoticeGiven, _state: TaskState) -> Sequence[str]:
    return [f"note: {event.message}"]


@_told.register
def _(event: e.FrameworkSelected, _state: TaskState) -> Sequence[str]:
    return [f"framework: {event.framework} ({event.reason})"]


@_told.register
def _(event: e.SandboxChanged, _state: TaskState) -> Sequence[str]:
    return [f"sandbox: {event.state}"]


@_told.register
def _(event: e.TextVoided, _state: TaskState) -> Sequence[str]:
    return [f"this step starts over: {event.reason}"]


@_told.register
def _(event: e.SourceImported, _state: TaskState) -> Sequence[str]:
    place = f"{event.origin}/{event.path}" if event.path else event.origin
    left = [f"  left out {left.path}: {left.reason}" for left in event.left_out[:_LEFT_OUT]]
    if event.left_out_count > _LEFT_OUT:
        left.append(f"  left out {event.left_out_count - _LEFT_OUT} more")
    return [f"imported {place} at {event.commit[:7]} ({event.ref}): {event.title}", *left]


@_told.register
def _(event: e.DesignImported, _state: TaskState) -> Sequence[str]:
    return [f"read the design {event.origin}: {design(event)}"]


@_told.register
def _(event: e.DesignCompared, _state: TaskState) -> Sequence[str]:
    return [f"looks {event.likeness} % like the design's picture"]


@_told.register
def _(event: e.FileChanged, _state: TaskState) -> Sequence[str]:
    told = "" if event.action == "deleted" else f" ({size(event.size_bytes)})"
    return [f"{event.action} {event.path}{told}"]


@_told.register
def _(event: e.ToolFinished, _state: TaskState) -> Sequence[str]:
    return () if event.ok else [f"{event.summary}: failed, the model is told"]


@_told.register
def _(event: e.CheckFinished, _state: TaskState) -> Sequence[str]:
    if event.skipped:
        why = [found.message for found in event.diagnostics] or ["skipped, there is nothing to run"]
        return [f"{event.check}: {why[0]}"]
    found = [f"  {where(d)}" for d in event.diagnostics[:MAX_DIAGNOSTICS]]
    return [f"{event.check}: {'passed' if event.ok else 'failed'}{_took(event)}", *found]


def _took(event: e.CheckFinished) -> str:
    return f" in {event.duration_s:.1f}s" if event.duration_s else ""


@_told.register
def _(event: e.FixStarted, _state: TaskState) -> Sequence[str]:
    return [f"fixing, attempt {event.attempt}"]


@_told.register
def _(event: e.PreviewVerified, _state: TaskState) -> Sequence[str]:
    return [f"preview answers: {event.url} (looked at: {', '.join(event.checks)})"]


@_told.register
def _(event: e.TaskCompleted, state: TaskState) -> Sequence[str]:
    facts = ", ".join([_files(len(state.files)), *spent(state)])
    lines = [f"complete: {event.message} ({facts})"]
    lines += [f"preview: {event.preview_url}"] if event.preview_url else []
    return lines + [f"next, you could say: {suggestion}" for suggestion in event.suggestions]


@_told.register
def _(event: e.TaskFailed, _state: TaskState) -> Sequence[str]:
    hint = [event.hint] if event.hint else []
    return [f"failed ({event.code}): {event.message}", *hint, *event.options]


@_told.register
def _(event: e.TaskCancelled, _state: TaskState) -> Sequence[str]:
    return [f"stopped by {event.by}"]


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"

r"""One stored event as one Server-Sent Events frame, and back. Pure.

A frame is `id: <seq>`, one `data:` line of JSON and an empty line. `<` is written `\u003c`, so that
a frame pasted into a page opens no tag. Kinds without a wire form give no frame: seqs on the wire
rise, but may skip.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import msgspec

from agents import events as e
from agents.types import Check, Diagnostic, ProjectId, Stage, Usage

Wire = dict[str, Any]
"""A wire object `{"type": …, …}`, camelCase, ready for JSON."""

_CHECKING = {
    Check.LINT: ("Checking: lint", Stage.VALIDATING),
    Check.BUILD: ("Checking: build", Stage.VALIDATING),
    Check.PREVIEW: ("Checking: preview", Stage.PREVIEW),
}


def encode(
    recorded: e.Recorded,
    *,
    files: Mapping[str, str] | None = None,
    binary_files: Sequence[str] = (),
    project_id: ProjectId | None = None,
) -> bytes | None:
    """The event's frame, or None when its kind has no wire form.

    The keywords fill `complete`, and only that: the whole app as path -> text, the paths of what
    is not text, and whose app it is. Without files it says so by `{}`.
    """
    wire = to_wire(recorded)
    if wire is None:
        return None
    if wire["type"] == "complete":
        wire |= {
            "files": dict(files or {}),
            "binaryFiles": list(binary_files),
            "projectId": project_id,
        }
    data = msgspec.json.encode(wire).replace(b"<", b"\\u003c")
    return b"id: %d\ndata: %b\n\n" % (recorded.seq, data)


def comment(text: str) -> bytes:
    """A line that clients skip; it keeps proxies from closing a silent connection."""
    return f": {' '.join(text.split())}\n\n".encode()


def sign_in_again(code: str) -> bytes:
    """The stream ends here, not its task: go on from the last id with a new token.

    It is no event of the task, and has no id: a client's cursor stays where it is.
    """
    return b'data: {"type":"reauth","code":"%b"}\n\n' % code.encode()


def to_wire(recorded: e.Recorded) -> Wire | None:
    """The event's wire object before the app is added to `complete`."""
    wire = _wire(recorded.event)
    if wire is not None and wire["type"] in ("task", "complete"):
        wire["taskId"] = recorded.task_id
    if isinstance(recorded.event, e.PreviewVerified) and recorded.event.screenshot and wire:
        wire["screenshotUrl"] = f"/api/tasks/{recorded.task_id}/screenshot"
    return wire


@singledispatch
def _wire(event: object) -> Wire | None:
    raise TypeError(f"no wire form is known for {type(event).__name__}")


def _silent(event: object) -> None:
    """A kind that is for the machinery only."""
    del event


_wire.register(e.FixStarted, _silent)  # the stage's own status says it
_wire.register(e.TurnFinished, _silent)
_wire.register(e.SummaryWritten, _silent)


@_wire.register
def _(event: e.TaskAccepted) -> Wire:
    return {"type": "task", "projectId": event.project_id, "kind": event.task_kind}


@_wire.register
def _(event: e.TaskStarted) -> Wire:
    again = event.attempt > 1
    message = f"Picking up again (attempt {event.attempt})" if again else "Starting"
    return _status(message, Stage.QUEUED)


@_wire.register
def _(event: e.StageEntered) -> Wire:
    return _status(event.message, event.stage)


@_wire.register
def _(event: e.NoticeGiven) -> Wire:
    return _status(event.message, event.stage)


@_wire.register
def _(event: e.CheckStarted) -> Wire:
    return _status(*_CHECKING[event.check])


@_wire.register
def _(event: e.FrameworkSelected) -> Wire:
    return {"type": "framework", "framework": event.framework, "reason": event.reason}


@_wire.register
def _(event: e.SandboxChanged) -> Wire:
    return {"type": "sandbox", "sandboxId": event.sandbox_id, "state": event.state}


@_wire.register
def _(event: e.TurnStarted) -> Wire:
    return {"type": "step", "step": event.step, "purpose": event.purpose}


@_wire.register
def _(event: e.TextStreamed) -> Wire:
    return {"type": "stream", "content": event.content}


@_wire.register
def _(event: e.TextVoided) -> Wire:
    return {"type": "reset", "reason": event.reason}


@_wire.register
def _(event: e.ToolStarted) -> Wire:
    return {
        "type": "tool",
        "name": event.name,
        "summary": event.summary,
        "state": "started",
        "ok": None,
    }


@_wire.register
def _(event: e.ToolFinished) -> Wire:
    return {
        "type": "tool",
        "name": event.name,
        "summary": event.summary,
        "state": "finished",
        "ok": event.ok,
    }


@_wire.register
def _(event: e.SourceImported) -> Wire:
    return {
        "type": "import",
        "origin": event.origin,
        "ref": event.ref,
        "commit": event.commit,
        "path": event.path,
        "title": event.title,
        "files": event.files,
        "bytes": event.size_bytes,
        "leftOut": [{"path": left.path, "reason": left.reason} for left in event.left_out],
        "leftOutCount": event.left_out_count,
        "warnings": list(event.warnings),
    }


@_wire.register
def _(event: e.DesignImported) -> Wire:
    return {
        "type": "design",
        "origin": event.origin,
        "name": event.name,
        "frame": event.frame,
        "version": event.version,
        "width": event.width,
        "height": event.height,
        "colours": event.colours,
        "textStyles": event.text_styles,
        "components": event.components,
        "images": event.images,
        "notes": list(event.notes),
    }


@_wire.register
def _(event: e.DesignCompared) -> Wire:
    return {"type": "likeness", "likeness": event.likeness}


@_wire.register
def _(event: e.FileChanged) -> Wire:
    return {
        "type": "file",
        "filePath": event.path,
        "action": event.action,
        "bytes": event.size_bytes,
    }


@_wire.register
def _(event: e.UsageRecorded) -> Wire:
    return {"type": "usage", **_usage(event.usage)}


@_wire.register
def _(event: e.CheckFinished) -> Wire:
    return {
        "type": "validation",
        "step": event.check,
        "ok": event.ok,
        "skipped": event.skipped,
        "diagnostics": [_diagnostic(found) for found in event.diagnostics],
    }


@_wire.register
def _(event: e.PreviewVerified) -> Wire:
    return {"type": "preview", "url": event.url, "checks": list(event.checks)}


@_wire.register
def _(event: e.TaskCompleted) -> Wire:
    return {
        "type": "complete",
        "message": event.message,
        "title": event.title,
        "fragmentId": event.fragment_id,
        "previewUrl": event.preview_url,
        "suggestions": list(event.suggestions),
        "usage": _usage(event.usage),
    }


@_wire.register
def _(event: e.TaskFailed) -> Wire:
    return {
        "type": "error",
        "error": event.message,
        "code": event.code,
        "hint": event.hint,
        "retryable": event.retryable,
        "options": list(event.options),
    }


@_wire.register
def _(event: e.TaskCancelled) -> Wire:
    return {"type": "cancelled", "by": event.by}


def _status(message: str, stage: Stage) -> Wire:
    return {"type": "status", "message": message, "stage": stage}


def _usage(usage: Usage) -> Wire:
    return {
        "promptTokens": usage.prompt_tokens,
        "completionTokens": usage.completion_tokens,
        "costUsd": usage.cost_usd,
    }


def _diagnostic(found: Diagnostic) -> Wire:
    return {
        "message": found.message,
        "file": found.file,
        "line": found.line,
        "severity": found.severity,
    }


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatched event: `id` is the last one seen on the stream, as the standard has it."""

    id: str
    data: str

    @property
    def wire(self) -> Wire:
        """The wire object. Raises: msgspec.DecodeError."""
        wire: Wire = msgspec.json.decode(self.data, type=dict)
        return wire


class Decoder:
    """Reads a stream of bytes cut anywhere, as WHATWG HTML §9.2.6 says a client does.

    Comments and fields that this program does not send are skipped.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that this chunk completes. Raises: UnicodeDecodeError."""
        lines = (self._rest + chunk).splitlines(keepends=True)
        # A last line without its end, or whose CR may be half of a CRLF, waits for more.
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        return [frame for line in lines for frame in self._take(line.decode().rstrip("\r\n"))]

    def _take(self, line: str) -> Iterator[Frame]:
        if not line:
            if self._data:
                yield Frame(self._id, "\n".join(self._data))
            self._data = []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value


def decode(stream: bytes) -> list[Frame]:
    """Every complete frame of a whole answer."""
    return Decoder().feed(stream)

"""Findings of Next.js (Turbopack and prerendering) and of Vite (Rolldown and Rollup)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agents.diagnostics.output import PATH, Finding, finding

_NEXT_PLACE: Final = re.compile(rf"^(?P<file>\./{PATH})(?::(?P<line>\d+):\d+)?$")
_ERROR: Final = re.compile(r"^(?:[A-Z]\w*)?(?:Error|Exception)(?: \[[^\]]+\])?: (?P<message>.+)$")
_TYPE_ERROR: Final = re.compile(r"^(?:Type error|Module not found|Syntax Error): .+$")
_PLACED: Final = re.compile(rf"^(?P<file>/?{PATH}):(?P<line>\d+):\d+:? (?P<message>.+)$")
_PRERENDER: Final = re.compile(r"^Error occurred prerendering page \"(?P<page>[^\"]+)\"")
_STACK: Final = re.compile(rf"^\s+at .*?\(?(?P<file>(?:file://)?/?{PATH}):(?P<line>\d+):\d+\)?$")

_TAGGED: Final = re.compile(
    r"^(?:error during build:\s*)?(?P<tags>(?:\[[\w:@./ -]+\]:? ?)+)(?P<message>\S.*)$"
)
_FRAME: Final = re.compile(rf"^\s*[╭┌]\W*\[\s*(?P<file>/?{PATH}):(?P<line>\d+):\d+\s*\]")
_FILE_LINE: Final = re.compile(rf"^\s*file: (?P<file>/?{PATH})(?:\?\S*)?(?::(?P<line>\d+):\d+)?$")
_ROLLUP: Final = re.compile(rf"^(?P<file>/?{PATH}) \((?P<line>\d+):\d+\): (?P<message>.+)$")
_UNRESOLVED: Final = re.compile(
    rf"(?P<message>(?:Rollup failed to resolve import|Could not resolve|Failed to resolve import)"
    rf" [\"'][^\"']+[\"'] (?:from|in) [\"']?(?P<file>/?{PATH})[\"']?)"
)
_ONLY_FILE: Final = re.compile(rf"^(?P<file>/?{PATH})(?:\?\S*)?(?::(?P<line>\d+):\d+)?$")
_AHEAD: Final = 12


def turbopack(lines: Sequence[str]) -> Iterator[Finding]:
    """`./file:line:column`, then `Error: message`; a tool's own error may name the line."""
    for at, line in enumerate(lines):
        place = _NEXT_PLACE.match(line)
        if place is None or at + 1 >= len(lines):
            continue
        error = _ERROR.match(lines[at + 1])
        message = error["message"] if error else lines[at + 1].strip()
        if not (error or _TYPE_ERROR.match(message)):
            continue
        inner = _inner_error(lines[at + 2 : at + 4])
        if message == "Error evaluating Node.js code" and inner:
            yield finding(at, inner["message"], file=inner["file"], line=inner["line"])
        else:
            message += _advice(lines[at + 2 : at + 2 + _AHEAD * 2])
            yield finding(at, message, file=place["file"], line=place["line"])


def _advice(lines: Sequence[str]) -> str:
    """The "Did you mean" that belongs to an error, or ""."""
    for line in lines:
        if _NEXT_PLACE.match(line):
            break
        if line.startswith("Did you mean"):
            return f". {line}"
    return ""


def _inner_error(lines: Sequence[str]) -> re.Match[str] | None:
    for line in lines:
        error = _ERROR.match(line)
        placed = _PLACED.match(error["message"]) if error else None
        if placed:
            return placed
    return None


def prerender(lines: Sequence[str]) -> Iterator[Finding]:
    """Code that failed while Next.js made a static page: the first own line of the stack."""
    for at, line in enumerate(lines):
        page = _PRERENDER.match(line)
        if page is None or at + 1 >= len(lines):
            continue
        message = f"{lines[at + 1].strip()} (while prerendering page {page['page']})"
        place = _own_frame(lines[at + 2 : at + 2 + _AHEAD])
        if place:
            yield finding(at, message, file=place["file"], line=place["line"])
        else:
            yield finding(at, message)


def _own_frame(lines: Sequence[str]) -> re.Match[str] | None:
    for line in lines:
        frame = _STACK.match(line)
        if frame and "node_modules" not in frame["file"] and ".next/" not in frame["file"]:
            return frame
    return None


def vite(lines: Sequence[str]) -> Iterator[Finding]:
    """`[plugin] message` with the place in the message, in a frame or on a `file:` line."""
    for at, line in enumerate(lines):
        unresolved = _UNRESOLVED.search(line)
        rollup = _ROLLUP.match(line)
        tagged = _TAGGED.match(line)
        if rollup:
            yield finding(at, rollup["message"], file=rollup["file"], line=rollup["line"])
        elif tagged:
            yield from _tagged(lines, at, tagged["message"])
        elif unresolved:
            yield finding(at, unresolved["message"], file=unresolved["file"])


def _tagged(lines: Sequence[str], at: int, message: str) -> Iterator[Finding]:
    own = _ONLY_FILE.match(message)
    error = _ERROR.match(lines[at + 1]) if own and at + 1 < len(lines) else None
    if own and error:
        placed = _PLACED.match(error["message"])
        text = placed["message"] if placed else error["message"]
        yield finding(at, text, file=own["file"], line=own["line"])
        return
    place = _ROLLUP.match(message) or _PLACED.match(message)
    if place:
        yield finding(at, place["message"], file=place["file"], line=place["line"])
        return
    for line in lines[at + 1 : at + 1 + _AHEAD]:
        if _TAGGED.match(line):
            break
        framed = _FRAME.match(line) or _FILE_LINE.match(line)
        if framed:
            yield finding(at, message, file=framed["file"], line=framed["line"])
            return
    unresolved = _UNRESOLVED.search(message)
    if unresolved:
        yield finding(at, message, file=unresolved["file"])

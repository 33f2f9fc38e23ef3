"""What all parsers share: plain lines, relative paths, and a finding with its place in the text."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from agents.types import Diagnostic

MAX_MESSAGE_CHARS: Final = 600

_MAX_LINE_CHARS: Final = 1_000

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ROOT: Final = re.compile(r"^(?:file://)?(?:/home/user/|\[project\]/|\./|\.\\)+")

PATH: Final = r"[^\s:()\[\]'\"`](?:[^\s:'\"`]|(?<=\w) (?=\w))*?\.[A-Za-z]\w{0,9}"
"""A file with an ending, as tools print it; brackets of Next.js routes included."""


class Finding(NamedTuple):
    """A diagnostic and the number of the output line it was read from."""

    at: int
    diagnostic: Diagnostic


Parser = Callable[[Sequence[str]], Iterator[Finding]]
Severity = Literal["error", "warning"]


def plain_lines(output: str) -> list[str]:
    """The output's lines without colours and control characters.

    A line overwritten by a carriage return counts as it stood last.
    """
    text = _ANSI.sub("", output).replace("\r\n", "\n")
    return [
        _CONTROL.sub("", line.rpartition("\r")[2])[:_MAX_LINE_CHARS].rstrip()
        for line in text.split("\n")
    ]


def relative(path: str) -> str:
    """The path as the app knows it: from the project's root, without a loader's query."""
    return _ROOT.sub("", path.partition("?")[0])


def finding(
    at: int,
    message: str,
    *,
    file: str | None = None,
    line: str | int | None = None,
    severity: Severity = "error",
) -> Finding:
    """Build a finding; the message is put on one line and cut at 600 characters."""
    words = " ".join(message.replace("/home/user/", "").split())
    if len(words) > MAX_MESSAGE_CHARS:
        words = words[: MAX_MESSAGE_CHARS - 1] + "…"
    diagnostic = Diagnostic(
        message=words,
        file=relative(file) if file else None,
        line=int(line) if line is not None else None,
        severity=severity,
    )
    return Finding(at, diagnostic)

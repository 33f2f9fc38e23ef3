"""Findings of ESLint (stylish) and oxlint."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agents.diagnostics.output import PATH, Finding, Severity, finding

_ESLINT_FILE: Final = re.compile(rf"^(?P<file>/?{PATH})$")
_ESLINT_ROW: Final = re.compile(
    r"^\s+(?P<line>\d+):\d+\s+(?P<severity>error|warning)\s+(?P<message>.+?)"
    r"(?:\s{2,}(?P<rule>@?[\w./-]+))?$"
)
_OXLINT_HEAD: Final = re.compile(r"^\s*(?P<mark>[×x✖!⚠])\s+(?P<message>\S.*)$")
_FRAME: Final = re.compile(rf"^\s*[╭,]─?-?\[\s*(?P<file>/?{PATH}):(?P<line>\d+):\d+\s*\]")


def eslint(lines: Sequence[str]) -> Iterator[Finding]:
    """A file's path on a line of its own, then rows of `line:column severity message rule`."""
    file: str | None = None
    for at, line in enumerate(lines):
        head = _ESLINT_FILE.match(line)
        if head:
            file = head["file"]
            continue
        row = _ESLINT_ROW.match(line)
        if row and file is not None:
            severity: Severity = "warning" if row["severity"] == "warning" else "error"
            rule = f" ({row['rule']})" if row["rule"] else ""
            yield finding(at, row["message"] + rule, file=file, line=row["line"], severity=severity)
        elif not line.strip():
            continue
        elif not line.startswith(" "):
            file = None


def oxlint(lines: Sequence[str]) -> Iterator[Finding]:
    """`× rule: message`, then a frame that names the place."""
    head: re.Match[str] | None = None
    for at, line in enumerate(lines):
        found = _OXLINT_HEAD.match(line)
        if found:
            head = found
            continue
        frame = _FRAME.match(line)
        if frame and head is not None:
            severity: Severity = "warning" if head["mark"] in "!⚠" else "error"
            yield finding(
                at, head["message"], file=frame["file"], line=frame["line"], severity=severity
            )
            head = None

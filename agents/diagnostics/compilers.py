"""Findings of TypeScript (also vue-tsc), svelte-check, and esbuild as Angular prints it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agents.diagnostics.output import PATH, Finding, Severity, finding

_TSC: Final = re.compile(
    rf"^(?P<file>/?{PATH})(?:\((?P<line>\d+),\d+\):|:(?P<pretty>\d+):\d+ -)"
    r" (?P<severity>error|warning) (?P<message>TS\d+: .*)$"
)
_ESBUILD: Final = re.compile(r"^\s*[✘X▲⚠]\s*\[(?P<severity>ERROR|WARNING)\]\s*(?P<message>.*)$")
_PLUGIN: Final = re.compile(r"\s*\[plugin [^\]]+\]$")
_PLACE: Final = re.compile(rf"^\s{{2,}}(?P<file>/?{PATH}):(?P<line>\d+):\d+:$")
_SVELTE_PLACE: Final = re.compile(rf"^\s*(?!\./)(?P<file>/?{PATH}):(?P<line>\d+):\d+$")
_SVELTE_TEXT: Final = re.compile(r"^\s*(?P<severity>Error|Warn(?:ing)?|Hint): (?P<message>.*)$")
_SVELTE_MACHINE: Final = re.compile(
    rf"^\d+ (?P<severity>ERROR|WARNING) \"(?P<file>{PATH})\" (?P<line>\d+):\d+ \"(?P<message>.*)\"$"
)
_MAX_EXTRA: Final = 6


def typescript(lines: Sequence[str]) -> Iterator[Finding]:
    """`file(line,column): error TS1: message`, or the pretty form with colons."""
    for at, line in enumerate(lines):
        found = _TSC.match(line)
        if found is None:
            continue
        severity: Severity = "warning" if found["severity"] == "warning" else "error"
        message = " ".join([found["message"], *_indented(lines, at + 1)])
        number = found["line"] or found["pretty"]
        yield finding(at, message, file=found["file"], line=number, severity=severity)


def _indented(lines: Sequence[str], start: int) -> list[str]:
    """The indented lines that explain a TypeScript error, two at most."""
    extra = []
    for line in lines[start : start + 2]:
        if not re.match(r"^ {2,}[A-Z]", line):
            break
        extra.append(line.strip())
    return extra


def esbuild(lines: Sequence[str]) -> Iterator[Finding]:
    """`✘ [ERROR] message [plugin …]`, then the place on an indented line."""
    for at, line in enumerate(lines):
        head = _ESBUILD.match(line)
        if head is None:
            continue
        severity: Severity = "warning" if head["severity"] == "WARNING" else "error"
        message = [_PLUGIN.sub("", head["message"])]
        place = None
        for extra in lines[at + 1 : at + 1 + _MAX_EXTRA]:
            place = _PLACE.match(extra)
            if place or _ESBUILD.match(extra):
                break
            message.append(_PLUGIN.sub("", extra.strip()))
        if place is None:
            yield finding(at, message[0], severity=severity)
        else:
            text = " ".join(message)
            yield finding(at, text, file=place["file"], line=place["line"], severity=severity)


def svelte_check(lines: Sequence[str]) -> Iterator[Finding]:
    """`file:line:column`, then `Error: message (ts)`; also the machine form."""
    for at, line in enumerate(lines):
        machine = _SVELTE_MACHINE.match(line)
        if machine:
            severity: Severity = "warning" if machine["severity"] == "WARNING" else "error"
            yield finding(
                at,
                machine["message"],
                file=machine["file"],
                line=machine["line"],
                severity=severity,
            )
            continue
        place = _SVELTE_PLACE.match(line)
        text = _SVELTE_TEXT.match(lines[at + 1]) if place and at + 1 < len(lines) else None
        if place and text and text["severity"] != "Hint":
            level: Severity = "warning" if text["severity"].startswith("Warn") else "error"
            yield finding(
                at, text["message"], file=place["file"], line=place["line"], severity=level
            )

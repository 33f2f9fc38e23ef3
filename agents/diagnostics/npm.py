"""What npm itself complains about: a missing script, a package that cannot be had."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agents.diagnostics.output import Finding, finding

_LINE: Final = re.compile(r"^npm (?:error|ERR!)(?: code| \d{3})? ?(?P<text>.*)$")
_SCRIPT: Final = re.compile(r"Missing script: \"?(?P<name>[^\"]+)\"?")
_NOT_FOUND: Final = re.compile(r"'(?P<name>[^']+)' is not in this registry|No matching version.+")
_PEER: Final = re.compile(r"^(?:Could not resolve dependency:|While resolving:.*|Conflicting .*)$")
_BROKEN: Final = re.compile(
    r"^(?:JSON\.parse .*|Invalid package name.*|Unsupported .*|Invalid .*)$"
)


def npm(lines: Sequence[str]) -> Iterator[Finding]:
    """The lines of `npm error` that say what is wrong; all of it is about package.json."""
    for at, line in enumerate(lines):
        match = _LINE.match(line)
        text = match["text"].strip() if match else ""
        if not text:
            continue
        script, missing = _SCRIPT.search(text), _NOT_FOUND.search(text)
        if script:
            yield finding(at, f"Missing script: {script['name']}", file="package.json")
        elif missing:
            yield finding(at, text.removeprefix("Not Found - "), file="package.json")
        elif _PEER.match(text) or _BROKEN.match(text):
            following = _LINE.match(lines[at + 1]) if at + 1 < len(lines) else None
            extra = following["text"].strip() if following else ""
            yield finding(at, f"{text} {extra}", file="package.json")

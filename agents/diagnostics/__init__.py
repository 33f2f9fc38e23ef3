"""From what a check printed to diagnostics: file, line, message.

Each parser knows one family of tools and reads the whole output; what several of them find is
told once. Output that no parser knows becomes one diagnostic with its last telling lines.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agents.diagnostics.bundlers import prerender, turbopack, vite
from agents.diagnostics.compilers import esbuild, svelte_check, typescript
from agents.diagnostics.linters import eslint, oxlint
from agents.diagnostics.npm import npm
from agents.diagnostics.output import Finding, Parser, finding, plain_lines
from agents.types import Diagnostic

MAX_DIAGNOSTICS: Final = 50
MAX_OUTPUT_CHARS: Final = 256 * 1024

_PARSERS: Final[Sequence[Parser]] = (
    eslint,
    oxlint,
    typescript,
    esbuild,
    svelte_check,
    turbopack,
    prerender,
    vite,
    npm,
)
_NOISE: Final = re.compile(
    r"^(?:\s*at .+|> .*|npm (?:error|ERR!|notice|warn)\b.*|\s*[\d|>│╵╰~^ ─-]*|[{}\])]+|"
    r"\s*(?:errno|code|syscall|digest|path): .*|\S*node_modules/\S+:\d+)$"
)
_FAILURE: Final = re.compile(r"(?i)\b(?:failed|fatal|exited with|out of memory|killed)\b|Error: ")
_TAIL_LINES: Final = 6


def parse(check: str, output: str, *, failed: bool = True) -> tuple[Diagnostic, ...]:
    """What a `lint` or `build` complains about: errors first, then in the output's order.

    Paths are relative to the app's root. At most 50; the same place and message once. Where the
    command failed and no parser knows the output, one diagnostic tells its last words, so that a
    failure never is silent.
    """
    lines = plain_lines(output[-MAX_OUTPUT_CHARS:])
    found = sorted(_all_findings(lines), key=lambda item: item.at)
    unique = list(dict.fromkeys(item.diagnostic for item in found))
    errors = [diagnostic for diagnostic in unique if diagnostic.severity == "error"]
    warnings = [diagnostic for diagnostic in unique if diagnostic.severity == "warning"]
    if failed and not errors:
        errors = list(_last_words(check, lines, certain=not warnings))
    return tuple([*errors, *warnings][:MAX_DIAGNOSTICS])


def fingerprint(diagnostics: Iterable[Diagnostic]) -> str:
    """12 hex digits that name a set of findings whatever their order and lines.

    Warnings count only where there are no errors. How often a message comes in a file counts.
    """
    return hashlib.sha256("\n".join(telling_findings(diagnostics)).encode()).hexdigest()[:12]


def telling_findings(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """What a fingerprint is made of: a text for each finding that counts, sorted."""
    listed = list(diagnostics)
    errors = [diagnostic for diagnostic in listed if diagnostic.severity == "error"]
    return sorted(f"{d.file or ''}\0{_without_lines(d.message)}" for d in errors or listed)


def _all_findings(lines: Sequence[str]) -> Iterator[Finding]:
    for parser in _PARSERS:
        yield from parser(lines)


def _without_lines(message: str) -> str:
    """The message without line and column numbers in it; other numbers stay."""
    return re.sub(r":\d+(?::\d+)?|\(\d+[,:]\d+\)|\b(?:line|column) \d+", "", message)


def _last_words(check: str, lines: Sequence[str], *, certain: bool) -> Iterator[Diagnostic]:
    """One diagnostic from the first line that names an error, or from the end."""
    telling = [line.strip() for line in lines if line.strip() and not _NOISE.match(line)]
    start = next((at for at, line in enumerate(telling) if re.search(r"Error: \S", line)), None)
    chosen = telling[-_TAIL_LINES:] if start is None else telling[start : start + _TAIL_LINES]
    if certain or any(map(_FAILURE.search, chosen)):
        text = "\n".join(chosen) or f"The {check} failed without saying why."
        yield finding(len(lines), text).diagnostic

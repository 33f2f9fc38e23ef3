"""From what a browser saw of a page to diagnostics: only what a person would call broken.

Requests of an app's own that fail (an API that answers 500) are its business as long as it catches
them; so are a missing picture and noise on the console. Where this machine does not let the page
reach other hosts, that may be why an error is not caught or nothing is shown: then both are warnings,
and say so.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from agents.diagnostics import parse
from agents.sighting import FailedLoad, PageError, Sighting
from agents.types import Diagnostic

MAX_FINDINGS: Final = 10
_MAX_LOADS: Final = 5
_MAX_CHARS: Final = 600
_TOLD: Final = 3
_MAX_HOSTS_CHARS: Final = 200

# Browsers report these as errors; pages that show them work. The last two are a headless
# browser's own refusals: no person has clicked, so nothing may play, and nothing is permitted.
_HARMLESS: Final = re.compile(
    r"ResizeObserver loop|^Script error\.?$|\bAbortError\b|NotAllowedError"
)
_PLACE: Final = re.compile(r"(?:https?://[^/\s]+|webpack-internal:///\.)/(\S+?):(\d+):\d+")
_SOURCE: Final = re.compile(
    r"^(?:\(app-pages-browser\)/)?(?:\./)?((?:src|app|pages)/[\w./@()\[\]-]+)"
)
_FILE_LINE: Final = re.compile(r"(?m)^(/\S+:\d+:\d+)$")


def judge(seen: Sighting) -> tuple[Diagnostic, ...]:
    """What is wrong with the page, errors first; no error when a person can use it.

    With errors come, as warnings, the last things the page itself said on the console.
    """
    every = dict.fromkeys(_findings(seen))
    found = sorted(every, key=lambda finding: finding.severity != "error")[:MAX_FINDINGS]
    if all(finding.severity == "warning" for finding in found):
        return tuple(found)
    known = " ".join(diagnostic.message for diagnostic in found)
    said = [text for text in seen.console if text.partition("\n")[0][:80] not in known][:_TOLD]
    return (*found, *(_warn(f"The console says: {text}") for text in said))


def _findings(seen: Sighting) -> Iterator[Diagnostic]:
    if seen.problem is not None:
        yield _finding(_not_opened(seen, seen.problem))
        return
    if seen.status is not None and seen.status >= 400:
        yield _finding(f"The page answers a browser with {seen.status}.")
    if seen.loads > _MAX_LOADS:
        yield _finding("The page reloads itself or goes to another page without end.")
        return
    yield from _overlay(seen.overlay)
    yield from map(_failure, seen.failures)
    yield from _uncaught(seen)
    if not seen.settled:
        yield _finding("The page keeps the browser busy without end and cannot be used.")
    elif seen.blank:
        yield _doubted(seen, _finding("The page stays blank: nothing can be seen on it."))


def _not_opened(seen: Sighting, problem: str) -> str:
    if "TOO_MANY_REDIRECTS" in problem:
        return "The page redirects in a circle."
    if "tab crashed" in problem:
        return "The page makes the browser's tab crash: it may need too much memory."
    away = f" It leads to {', '.join(sorted(seen.unreachable))}." if seen.unreachable else ""
    return f"The page could not be opened in a browser: {problem}.{away}"


def _overlay(text: str | None) -> Iterator[Diagnostic]:
    if text is None:
        return
    for found in parse("build", _FILE_LINE.sub(r"file: \1", text)):
        message = f"The page shows an error overlay: {found.message}"
        yield found.model_copy(update={"message": message[:_MAX_CHARS]})


def _failure(failed: FailedLoad) -> Diagnostic:
    parts = urlsplit(failed.url)
    what = failed.reason or f"answers {failed.status}"
    match = _SOURCE.match(parts.path.lstrip("/"))
    kind = "page in a frame" if failed.kind == "document" else failed.kind
    message = f"The {kind} {_short(failed.url)} cannot be loaded: {what}."
    return Diagnostic(message=message[:_MAX_CHARS], file=match[1] if match else None)


def _uncaught(seen: Sighting) -> Iterator[Diagnostic]:
    for error in seen.errors:
        if _HARMLESS.search(error.message):
            continue
        file, line = _place(error)
        message = f"Uncaught error in the page: {error.message}"[:_MAX_CHARS]
        yield _doubted(seen, Diagnostic(message=message, file=file, line=line))


def _place(error: PageError) -> tuple[str | None, int | None]:
    """The first line of the stack that is in the app's own sources, where those are served."""
    for path, line in _PLACE.findall(error.stack):
        match = _SOURCE.match(path.partition("?")[0])
        if match:
            return match[1], int(line)
    return None, None


def _doubted(seen: Sighting, found: Diagnostic) -> Diagnostic:
    """A warning, where what the page did not get from other hosts may have caused it."""
    if not seen.unreachable:
        return found
    hosts = ", ".join(sorted(seen.unreachable))[:_MAX_HOSTS_CHARS]
    text = f"Perhaps only because this machine does not let it reach {hosts}: {found.message}"
    return found.model_copy(update={"message": text[:_MAX_CHARS], "severity": "warning"})


def _short(url: str) -> str:
    """An app's own address without its host, and without what changes with every build."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host in ("127.0.0.1", "localhost") or host.endswith(".localhost")
    return parts.path if local else f"{host}{parts.path}"


def _finding(message: str) -> Diagnostic:
    return Diagnostic(message=message[:_MAX_CHARS])


def _warn(message: str) -> Diagnostic:
    return Diagnostic(message=message[:_MAX_CHARS], severity="warning")

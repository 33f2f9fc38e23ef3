"""The preview gate: a link is handed out only when what is behind it has been seen to work."""

import re
from dataclasses import dataclass

from agents.addresses import on_same_server
from agents.diagnostics.page import judge
from agents.ports import Browser, Clock, Page, PageFetcher, Sandbox
from agents.sighting import Sighting
from agents.templates import Template
from agents.types import Diagnostic

START_TIMEOUT_S = 60.0
_POLL_S = 0.1
_REQUEST_TIMEOUT_S = 10.0
_DYING_S = 1.0
_MAX_SCRIPTS = 12
_IN_A_CIRCLE = 508
_TOO_LATE = re.compile(r"timeout|TIMED_OUT", re.IGNORECASE)
_SCRIPT = re.compile(r"""<script[^>]+src=["']([^"']+)["']""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found behind an address: it may be shown when it is `ok`.

    `checks` names what was looked at: `http` (it answers 200), `start page` (it is not the
    template's), `browser` (a browser shows it). `screenshot` is a JPEG, where one could be made.
    """

    url: str
    findings: tuple[Diagnostic, ...]
    checks: tuple[str, ...]
    screenshot: bytes | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, but for warnings."""
        return all(finding.severity == "warning" for finding in self.findings)


class PreviewGate:
    """Starts the app and looks at it: over HTTP, then in a browser where there is one."""

    def __init__(self, fetcher: PageFetcher, clock: Clock, browser: Browser | None = None) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._browser = browser

    async def verify(self, sandbox: Sandbox, template: Template) -> Verdict:
        """Start the app, and look until something is wrong or nothing is left to look at.

        Raises: SandboxLost, SandboxFull.
        """
        url = await sandbox.serve(template.preview, port=template.port)
        page = await self._wait_for(url, sandbox)
        if page is None or page.status != 200:
            found = await self._no_page(page, sandbox)
            return Verdict(url, (found,), ("http",))
        checks: tuple[str, ...] = ("http", "start page")
        if await self._is_start_page(url, page, template):
            return Verdict(url, (_start_page(template),), checks)
        seen = await self._look(url)
        if seen is not None:
            checks += ("browser",)
        failed = seen is not None and seen.problem is not None
        what, wait_s = "The page answered once.", _DYING_S if failed else 0.0
        stopped = await self._stopped(sandbox, what, wait_s=wait_s)
        if stopped is not None:
            return Verdict(url, (stopped,), checks)
        if seen is None:
            return Verdict(url, (), checks)
        if template.start_page_marker in seen.html:
            return Verdict(url, (_start_page(template),), checks)
        return Verdict(url, judge(seen), checks, seen.screenshot)

    async def _look(self, url: str) -> Sighting | None:
        """What a browser sees; twice where a machine that is short of time looks like a bad page."""
        if self._browser is None:
            return None
        seen = await self._browser.look(url)
        if seen is None or not _is_doubtful(seen):
            return seen
        return await self._browser.look(url) or seen

    async def _no_page(self, page: Page | None, sandbox: Sandbox) -> Diagnostic:
        if page is None:
            what = "The preview did not start."
            stopped = await self._stopped(sandbox, what)
            return stopped or Diagnostic(message=f"{what} Nothing answered.")
        if page.status == _IN_A_CIRCLE:
            return Diagnostic(message="The page redirects in a circle.")
        text = re.sub(r"<[^>]+>|\s+", " ", page.body)[:500].strip()
        return Diagnostic(message=f"The page answers {page.status}: {text}")

    async def _stopped(
        self, sandbox: Sandbox, what: str, *, wait_s: float = 0.0
    ) -> Diagnostic | None:
        """What a server said that is no more; one that does not answer may be just dying."""
        until = self._clock.monotonic() + wait_s
        while (said := await sandbox.server_output()) is None:
            if self._clock.monotonic() >= until:
                return None
            await self._clock.sleep(_POLL_S)
        tail = f"\n{said[-2_000:]}" if said else ""
        return Diagnostic(message=f"{what} The app's server stopped.{tail}")

    async def _wait_for(self, url: str, sandbox: Sandbox) -> Page | None:
        """The first answer that is not a gateway's, within the time to start."""
        deadline = self._clock.monotonic() + START_TIMEOUT_S
        while self._clock.monotonic() < deadline:
            page = await self._fetcher.get(url, timeout_s=_REQUEST_TIMEOUT_S)
            if page is not None and page.status not in (502, 503, 504):
                return page
            if await sandbox.server_output() is not None:
                return None
            await self._clock.sleep(_POLL_S)
        return None

    async def _is_start_page(self, url: str, page: Page, template: Template) -> bool:
        """Look for the marker in the page and in its own scripts."""
        if template.start_page_marker in page.body:
            return True
        for reference in _SCRIPT.findall(page.body)[:_MAX_SCRIPTS]:
            source = on_same_server(url, reference)
            if source is None:
                continue
            script = await self._fetcher.get(source, timeout_s=_REQUEST_TIMEOUT_S)
            if script is not None and template.start_page_marker in script.body:
                return True
        return False


def _is_doubtful(seen: Sighting) -> bool:
    """Whether a machine that is short of time may have caused what is wrong."""
    if seen.problem is not None:
        return _TOO_LATE.search(seen.problem) is not None
    return not seen.settled or (seen.blank and not seen.errors and not seen.failures)


def _start_page(template: Template) -> Diagnostic:
    message = "The template's start page is still shown: replace it with the app."
    return Diagnostic(message=message, file=template.entry[0])

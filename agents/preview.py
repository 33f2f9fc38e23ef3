"""The preview gate: a link is handed out only when what is behind it has been seen to work."""

import re
from urllib.parse import urljoin, urlsplit

from agents.ports import Clock, Page, PageFetcher, Sandbox
from agents.templates import Template
from agents.types import Diagnostic

START_TIMEOUT_S = 60.0
_POLL_S = 0.1
_REQUEST_TIMEOUT_S = 10.0
_MAX_SCRIPTS = 12
_SCRIPT = re.compile(r"""<script[^>]+src=["']([^"']+)["']""", re.IGNORECASE)


class PreviewGate:
    """Starts the app and looks at it over HTTP."""

    def __init__(self, fetcher: PageFetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock

    async def verify(self, sandbox: Sandbox, template: Template) -> tuple[str, list[Diagnostic]]:
        """The preview's address and what is wrong with it: nothing means it may be shown.

        Raises: SandboxLost, SandboxFull.
        """
        url = await sandbox.serve(template.preview, port=template.port)
        page = await self._wait_for(url, sandbox)
        if page is None:
            said = await sandbox.server_output()
            what = "The app's server stopped." if said is not None else "Nothing answered."
            tail = f"\n{said[-2_000:]}" if said else ""
            return url, [Diagnostic(message=f"The preview did not start. {what}{tail}")]
        if page.status != 200:
            text = re.sub(r"<[^>]+>|\s+", " ", page.body)[:500].strip()
            return url, [Diagnostic(message=f"The page answers {page.status}: {text}")]
        if await self._is_start_page(url, page, template):
            entry = template.entry[0]
            message = "The template's start page is still shown: replace it with the app."
            return url, [Diagnostic(message=message, file=entry)]
        return url, []

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
        here = urlsplit(url).netloc
        sources = [urljoin(url, src) for src in _SCRIPT.findall(page.body)[:_MAX_SCRIPTS]]
        for source in sources:
            if urlsplit(source).netloc != here:
                continue
            script = await self._fetcher.get(source, timeout_s=_REQUEST_TIMEOUT_S)
            if script is not None and template.start_page_marker in script.body:
                return True
        return False

"""One look at one page: load it, watch it settle, ask what it shows, take its picture.

Every step has its own time, so that a page which never loads, never settles or keeps the browser
busy ends with what was seen of it.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Dialog, Page, Request, Response
from playwright.async_api import Error as PlaywrightError

from agents.background import Background
from agents.browser.probes import PROBE, WATCH
from agents.sighting import FailedLoad, PageError, Sighting

VISIT_S = 15.0
_OPEN_S, _LOAD_S, _BUSY_S, _PICTURE_S = 8.0, 3.0, 8.0, 2.5
_WATCH_MS, _PENDING_S, _EMPTY_S = 1250, 1.5, 2.5
_MOST, _TEXT, _HTML = 20, 2_000, 256 * 1024
_MOST_LOADS = 6
_QUALITIES, _PICTURE_BYTES = (80, 40), 1024 * 1024

Kind = Literal["document", "script", "stylesheet"]
_KINDS: dict[str, Kind] = {"document": "document", "script": "script", "stylesheet": "stylesheet"}
_AWAITED = frozenset({"script", "stylesheet", "fetch", "xhr"})


class Visit:
    """A look at `url` with a page that nothing was done with yet."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self._url = url
        self._origin = urlsplit(url)[:2]
        self._background = Background()
        self._pending: set[Request] = set()
        self._status: int | None = None
        self._problem: str | None = None
        self._lost: str | None = None
        self._errors: list[PageError] = []
        self._failures: list[FailedLoad] = []
        self._console: list[str] = []
        self._loads = 0
        self._probe: dict[str, Any] = {}
        self._settled = True
        self._crashed = asyncio.Event()
        self._picture: bytes | None = None

    async def make(self) -> None:
        """Look; returns within `VISIT_S`. Raises: PlaywrightError (the browser is gone)."""
        self._listen()
        try:
            async with asyncio.timeout(VISIT_S):
                await self._open()
                if self._problem is None:
                    await self._settle()
                    self._problem = self._gone_away()
                if self._problem is None:
                    await self._take_picture()
        except TimeoutError:
            self._settled = bool(self._probe)
        finally:
            await self._background.stop()

    def sighting(self, unreachable: frozenset[str]) -> Sighting:
        """What was seen."""
        return Sighting(
            url=self._page.url,
            status=self._status,
            problem="the tab crashed" if self._crashed.is_set() else self._problem,
            errors=tuple(self._errors),
            failures=tuple(dict.fromkeys(self._failures)),
            console=tuple(dict.fromkeys(self._console)),
            overlay=self._probe.get("overlay") or None,
            html=self._probe.get("html", ""),
            blank=bool(self._probe.get("blank")),
            settled=self._settled,
            loads=self._loads,
            unreachable=unreachable,
            screenshot=self._picture,
        )

    # --- the steps -----------------------------------------------------------------------

    async def _open(self) -> None:
        """Ask for the page; it has come when its first byte has."""
        try:
            answer = await self._page.goto(self._url, wait_until="commit", timeout=_OPEN_S * 1000)
        except PlaywrightError as error:
            if self._page.is_closed():
                raise
            self._problem = _reason(error)
            return
        self._status = answer.status if answer is not None else None

    def _gone_away(self) -> str | None:
        """Why this is not the app any more, when scripts have gone on to somewhere else."""
        scheme, host, *_ = urlsplit(self._page.url)
        if scheme == "chrome-error":
            return f"the page that it goes on to cannot be loaded ({self._lost or 'no answer'})"
        if scheme in ("http", "https") and (scheme, host) != self._origin:
            return f"the page leads away from the app, to {host}"
        return None

    async def _settle(self) -> None:
        """Until its timers of a second have run, and something is to be seen."""
        with suppress(PlaywrightError):  # what is still loading then may never come
            await self._page.wait_for_load_state("load", timeout=_LOAD_S * 1000)
        await self._watch(_WATCH_MS)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PENDING_S):
                while self._pending and self._can_go_on():
                    await self._watch(100)
        await self._ask()
        with suppress(TimeoutError):
            async with asyncio.timeout(_EMPTY_S):
                while self._probe.get("blank") and self._can_go_on():
                    await self._watch(250)
                    await self._ask()

    async def _watch(self, quiet_ms: int) -> None:
        """Let this much of the page's own time pass, however often it loads anew meanwhile."""
        while self._can_go_on():
            if await self._try(lambda: self._page.evaluate(WATCH, quiet_ms), quiet_ms / 1000):
                return

    async def _ask(self) -> None:
        while self._can_go_on():
            found = await self._try(lambda: self._page.evaluate(PROBE, _HTML), 1.5)
            if found:
                self._probe = found[0]
                return

    async def _try(self, ask: Callable[[], Awaitable[Any]], takes_s: float) -> list[Any]:
        """The answer, or nothing when the page went elsewhere meanwhile.

        A page that gives no answer in time keeps the browser busy: it has not settled.
        """
        try:
            async with asyncio.timeout(takes_s + _BUSY_S):
                return [await ask()]
        except TimeoutError:
            self._settled = False
        except PlaywrightError:
            if self._page.is_closed():
                raise
            await asyncio.sleep(0.02)  # a new document is on its way
        return []

    def _can_go_on(self) -> bool:
        return self._settled and self._loads < _MOST_LOADS and not self._crashed.is_set()

    async def _take_picture(self) -> None:
        """Playwright's own way would wait for fonts that may never come."""
        if not self._can_go_on():
            return
        with suppress(TimeoutError, PlaywrightError):
            async with asyncio.timeout(_PICTURE_S):
                session = await self._page.context.new_cdp_session(self._page)
                for quality in _QUALITIES:
                    options = {"format": "jpeg", "quality": quality}
                    shot = await session.send("Page.captureScreenshot", options)
                    picture = base64.b64decode(shot["data"])
                    if len(picture) <= _PICTURE_BYTES:
                        self._picture = picture
                        return

    # --- what happens meanwhile ----------------------------------------------------------

    def _listen(self) -> None:
        page = self._page
        page.on("pageerror", self._on_error)
        page.on("console", self._on_console)
        page.on("request", self._on_request)
        page.on("requestfinished", self._on_request_finished)
        page.on("requestfailed", self._on_request_failed)
        page.on("response", self._on_response)
        page.on("dialog", lambda dialog: self._background.spawn(_dismiss(dialog), name="dialog"))
        page.on("crash", lambda _: self._crashed.set())
        page.context.on("page", self._on_popup)

    def _on_popup(self, popup: Page) -> None:
        if popup is not self._page:
            self._background.spawn(_close(popup), name="popup")

    def _on_error(self, error: PlaywrightError) -> None:
        if len(self._errors) < _MOST:
            name = error.name if error.name and not error.message.startswith(error.name) else ""
            message = f"{name}: {error.message}" if name else error.message
            self._errors.append(PageError(message[:_TEXT], (error.stack or "")[:_TEXT]))

    def _on_console(self, line: ConsoleMessage) -> None:
        if line.type != "error" or line.text.startswith("Failed to load resource"):
            return
        if len(self._console) < _MOST:
            self._console.append(line.text[:_TEXT])

    def _on_request(self, request: Request) -> None:
        if request.is_navigation_request():
            if self._is_main(request) and request.redirected_from is None:
                self._loads += 1
                self._pending.clear()
        elif request.resource_type in _AWAITED and self._is_own(request.url):
            self._pending.add(request)

    def _on_request_finished(self, request: Request) -> None:
        self._pending.discard(request)

    def _on_request_failed(self, request: Request) -> None:
        self._pending.discard(request)
        reason = request.failure or "failed"
        if request.is_navigation_request() and self._is_main(request):
            self._lost = reason
        if "ERR_ABORTED" not in reason and self._is_own(request.url):
            self._note(request, None, reason)

    def _on_response(self, response: Response) -> None:
        request = response.request
        own = self._is_own(response.url)
        if response.status >= 400 and (own or self._is_main(request)):
            self._note(request, response.status, "")
        elif own and request.resource_type in ("script", "stylesheet"):
            content_type = response.headers.get("content-type", "")
            if response.ok and content_type.startswith("text/html"):
                self._note(request, response.status, "an HTML page came in its place")

    def _note(self, request: Request, status: int | None, reason: str) -> None:
        kind = _KINDS.get(request.resource_type)
        main = request.is_navigation_request() and self._is_main(request)
        if kind is not None and not main and len(self._failures) < _MOST:
            self._failures.append(FailedLoad(request.url[:_TEXT], kind, status, reason))

    def _is_main(self, request: Request) -> bool:
        """Whether it is the page's own, not that of a frame in it, or of a worker."""
        try:
            return request.frame is self._page.main_frame
        except PlaywrightError:  # its frame is not there yet, or it has none
            return False

    def _is_own(self, url: str) -> bool:
        return urlsplit(url)[:2] == self._origin


async def _dismiss(dialog: Dialog) -> None:
    with suppress(PlaywrightError):
        await dialog.dismiss()


async def _close(popup: Page) -> None:
    with suppress(PlaywrightError):
        await popup.close()


def _reason(error: PlaywrightError) -> str:
    """Chromium's own name for what went wrong, or Playwright's first words."""
    said = error.message.partition("\n")[0]
    found = said.find("net::")
    return said[found:].split(" ", 1)[0] if found >= 0 else said.removeprefix("Page.goto: ")

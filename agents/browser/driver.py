"""Starts the browser through Playwright, and gives each look a profile of its own."""

import asyncio
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from agents.background import Background
from agents.browser.chromium import SWITCHES, BrowserFailed, Home, NoSandbox, may_run_unsandboxed
from agents.browser.visit import VISIT_S, Visit
from agents.browser.way_out import WayOut
from agents.sighting import Sighting

_START_S = 30.0
_CLOSE_S = 5.0
_OPEN_S = 10.0
VIEWPORT = (1280, 800)


class Driver:
    """A running browser; made by `start`."""

    def __init__(
        self, playwright: Playwright, browser: Browser, home: Home, endings: Background
    ) -> None:
        self._playwright = playwright
        self._browser = browser
        self._home = home
        self._endings = endings
        self._closing: asyncio.Task[None] | None = None
        self._stuck = False

    @classmethod
    async def start(cls, program: Path, endings: Background) -> "Driver":
        """Raises: BrowserFailed.

        When it raises or is cancelled, what was started is ended, in `endings` where that takes
        long: Playwright half started can be stopped only when it is there.
        """
        starting = endings.start(async_playwright().start(), name="start Playwright")
        try:
            async with asyncio.timeout(_START_S):
                playwright = await asyncio.shield(starting)
                browser, home = await _launch_as_allowed(playwright, program)
        except BaseException as error:
            ending = endings.start(_stop_when_started(starting), name="stop Playwright")
            await asyncio.wait({ending}, timeout=_CLOSE_S)
            if isinstance(error, PlaywrightError | OSError):  # a time-out is an OSError too
                what = "the browser does not start"
                raise BrowserFailed(f"{what}: {_first_line(error)}") from error
            raise
        return cls(playwright, browser, home, endings)

    @property
    def is_alive(self) -> bool:
        """Whether it may be asked for another look."""
        return self._browser.is_connected() and not self._stuck and self._closing is None

    async def look(self, url: str) -> Sighting:
        """Raises: BrowserFailed."""
        try:
            async with asyncio.timeout(VISIT_S + 2 * _OPEN_S), WayOut(url) as way:
                return await self._visit(url, way)
        except (PlaywrightError, OSError) as error:
            raise BrowserFailed(_first_line(error)) from error

    async def close(self) -> None:
        """End it; never raises, and twice is fine. Cancelling the wait does not stop the ending."""
        if self._closing is None:
            self._closing = self._endings.start(self._close(), name="close browser")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        with suppress(PlaywrightError, OSError):
            async with asyncio.timeout(_CLOSE_S):
                await self._browser.close()
        await asyncio.to_thread(self._home.destroy)
        await _stop(self._playwright)

    async def _visit(self, url: str, way: WayOut) -> Sighting:
        width, height = VIEWPORT
        async with asyncio.timeout(_OPEN_S):
            context = await self._browser.new_context(
                viewport={"width": width, "height": height},
                proxy={"server": way.url},
                accept_downloads=False,
                service_workers="allow",  # good apps use what they register
                ignore_https_errors=False,
                locale="en-US",
            )
        try:
            async with asyncio.timeout(_OPEN_S):
                page = await context.new_page()
            visit = Visit(page, url)
            await visit.make()
            if not self._browser.is_connected():
                raise BrowserFailed("the browser crashed")
            return visit.sighting(frozenset(way.unreachable))
        finally:
            await self._leave(context)

    async def _leave(self, context: BrowserContext) -> None:
        """Throw the profile away; a browser that cannot is not used again."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await context.close()
        except (PlaywrightError, OSError):
            self._stuck = True


async def _launch_as_allowed(playwright: Playwright, program: Path) -> tuple[Browser, Home]:
    """Raises: BrowserFailed."""
    try:
        return await _launch(playwright, program, sandboxed=True)
    except NoSandbox:
        if not may_run_unsandboxed():
            raise
    return await _launch(playwright, program, sandboxed=False)


async def _launch(
    playwright: Playwright, program: Path, *, sandboxed: bool
) -> tuple[Browser, Home]:
    try:
        home = await asyncio.to_thread(Home.make, program)
    except OSError as error:
        raise BrowserFailed(f"no folder for Chromium: {error.strerror}") from error
    try:
        browser = await playwright.chromium.launch(
            executable_path=home.start,
            args=list(SWITCHES),
            chromium_sandbox=sandboxed,
            env=dict(home.env),
            proxy={"server": "http://127.0.0.1:9"},  # each look brings its own
            timeout=_START_S * 1000,
        )
    except BaseException as error:
        await asyncio.to_thread(home.destroy)
        if isinstance(error, PlaywrightError):
            raise _failure(error) from error
        raise
    return browser, home


async def _stop_when_started(starting: asyncio.Task[Playwright]) -> None:
    await asyncio.wait({starting})
    if not starting.cancelled() and starting.exception() is None:
        await _stop(starting.result())


async def _stop(playwright: Playwright) -> None:
    with suppress(PlaywrightError, OSError):
        async with asyncio.timeout(_CLOSE_S):
            await playwright.stop()


def _failure(error: PlaywrightError) -> BrowserFailed:
    """Playwright's message holds what the browser printed."""
    what = "Chromium does not start"
    if "No usable sandbox" in error.message:
        needs = "its sandbox needs user namespaces, which this system does not allow"
        return NoSandbox(f"{what}: {needs}")
    return BrowserFailed(f"{what}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    return str(error).strip().partition("\n")[0] or type(error).__name__

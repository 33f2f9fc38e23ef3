"""One browser for all looks: started late, reused, and started anew when it has crashed."""

import asyncio
from typing import TYPE_CHECKING

from agents.background import Background
from agents.browser.chromium import BrowserFailed, find_chromium
from agents.logger import create_logger
from agents.ports import Clock
from agents.sighting import Sighting

if TYPE_CHECKING:
    from agents.browser.driver import Driver

log = create_logger(__name__)

SLOTS = 2
IDLE_S = 300.0
_AGAIN_S = 60.0
_TRIES = 2


class ChromiumBrowser:
    """Implements `agents.ports.Browser` with the system's Chromium.

    At most `SLOTS` looks at once; the others wait. A browser that nobody used for `idle_s` is
    closed until the next look. After one that does not start, the next try is a minute later.
    """

    def __init__(self, clock: Clock, *, idle_s: float = IDLE_S) -> None:
        self._clock = clock
        self._idle_s = idle_s
        self._slots = asyncio.Semaphore(SLOTS)
        self._starting = asyncio.Lock()
        self._background = Background()
        self._endings = Background()
        self._driver: Driver | None = None
        self._looking = 0
        self._expiry: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._closed = False
        self.problem: str | None = None
        """Why there is no browser, once that is known."""

    async def warm_up(self) -> None:
        async with self._slots:
            await self._ready()
            self._expire_later()

    async def look(self, url: str) -> Sighting | None:
        async with self._slots:
            self._looking += 1
            try:
                return await self._look(url)
            finally:
                self._looking -= 1
                self._expire_later()

    async def close(self) -> None:
        """End the browser, for good; never raises, and twice is fine."""
        self._closed = True
        await self._background.stop()
        self._expiry = None
        async with self._starting:
            await self._discard()
        await self._endings.stop()

    async def _look(self, url: str) -> Sighting | None:
        for _ in range(_TRIES):
            driver = await self._ready()
            if driver is None:
                return None
            try:
                return await driver.look(url)
            except BrowserFailed as error:
                log.warning("the browser failed", reason=str(error))
                async with self._starting:
                    if self._driver is driver:
                        await self._discard()
        return None

    async def _ready(self) -> "Driver | None":
        if self._expiry is not None:
            self._expiry.cancel()
        async with self._starting:
            if self._driver is not None and self._driver.is_alive:
                return self._driver
            await self._discard()
            if self._clock.monotonic() >= self._not_before and not self._closed:
                self._driver = await self._start()
            return self._driver

    async def _start(self) -> "Driver | None":
        program = await asyncio.to_thread(find_chromium)
        if program is None:
            self.problem = "no Chromium is installed"
            return None
        from agents.browser.driver import Driver  # noqa: PLC0415 - only who looks waits for it

        try:
            driver = await Driver.start(program, self._endings)
        except BrowserFailed as error:
            self.problem = str(error)
            self._not_before = self._clock.monotonic() + _AGAIN_S
            log.warning("no browser", program=str(program), reason=self.problem)
            return None
        self.problem = None
        return driver

    async def _discard(self) -> None:
        """End the browser; one that is left while it ends is still waited for by the next."""
        if self._driver is not None:
            await self._driver.close()
            self._driver = None

    def _expire_later(self) -> None:
        if self._looking == 0 and self._driver is not None:
            if self._expiry is not None:
                self._expiry.cancel()
            self._expiry = self._background.start(self._expire(), name="browser expiry")

    async def _expire(self) -> None:
        await self._clock.sleep(self._idle_s)
        self._expiry = None
        async with self._starting:
            if self._looking == 0:
                await self._discard()

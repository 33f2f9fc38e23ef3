"""What holds for every browser behind the port, the scripted one included."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from typing_extensions import override

from agents.browser.session import ChromiumBrowser
from agents.diagnostics.page import judge
from agents.ports import Browser
from agents.sighting import PageError, Sighting
from agents.system import SystemClock
from agents.testing import ScriptedBrowser, sighting
from tests.fakes.pages import serving_pages

PAGES = {
    "/good": "<title>Bikes</title><h1>Bikes</h1>",
    "/blank": "<title>Bikes</title>",
    "/error": "<h1>Bikes</h1><script>throw new Error('no bikes')</script>",
}
SEEN: dict[str, dict[str, Any]] = {
    "/good": {},
    "/blank": {"blank": True, "html": "<body></body>"},
    "/error": {"errors": (PageError("Error: no bikes"),)},
    "/missing": {"status": 404},
}


@dataclass
class Place:
    """A browser, and where the pages are; `nowhere` is an address that does not answer."""

    browser: Browser
    url: str
    nowhere: str

    async def look(self, path: str) -> Sighting:
        seen = await self.browser.look(self.nowhere if path == "nowhere" else self.url + path)
        assert seen is not None
        return seen


@asynccontextmanager
async def chromium() -> AsyncIterator[Place]:
    async with serving_pages({}) as gone:
        pass
    browser = ChromiumBrowser(SystemClock())
    async with serving_pages(PAGES) as site:
        yield Place(browser, site.url.rstrip("/"), gone.url)
    await browser.close()


@asynccontextmanager
async def scripted() -> AsyncIterator[Place]:
    class Knowing(ScriptedBrowser):
        """Knows what is behind each address."""

        @override
        async def look(self, url: str) -> Sighting | None:
            path = "/" + url.rpartition("/")[2]
            found = SEEN.get(path)
            if found is None:
                return Sighting(url, None, problem="net::ERR_CONNECTION_REFUSED")
            return sighting(url, **found)

    yield Place(Knowing(), "http://127.0.0.1:5173", "http://127.0.0.1:9/nowhere")


Adapter = Callable[[], AbstractAsyncContextManager[Place]]
ADAPTERS: dict[str, Adapter] = {"chromium": chromium, "scripted": scripted}


@pytest.fixture(params=ADAPTERS)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    adapter = ADAPTERS[request.param]
    async with adapter() as place:
        yield place


async def test_a_good_page_is_seen_with_a_picture_that_can_be_stored(place: Place) -> None:
    seen = await place.look("/good")
    assert (seen.url, seen.status, seen.problem, seen.loads) == (f"{place.url}/good", 200, None, 1)
    assert "Bikes" in seen.html
    assert seen.screenshot is not None
    assert seen.screenshot.startswith(b"\xff\xd8")
    assert len(seen.screenshot) <= 1024 * 1024
    assert judge(seen) == ()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/blank", "stays blank"),
        ("/error", "no bikes"),
        ("/missing", "404"),
        ("nowhere", "could not be opened"),
    ],
)
async def test_a_page_that_is_not_good_is_told_and_never_raised(
    place: Place, path: str, told: str
) -> None:
    [finding] = [d for d in judge(await place.look(path)) if d.severity == "error"]
    assert told in finding.message


async def test_what_does_not_answer_has_neither_status_nor_picture(place: Place) -> None:
    seen = await place.look("nowhere")
    assert (seen.status, seen.screenshot) == (None, None)
    assert seen.problem


async def test_it_may_be_warmed_up_again_and_again_and_look_at_several_pages_at_once(
    place: Place,
) -> None:
    await asyncio.gather(place.browser.warm_up(), place.browser.warm_up())
    seen = await asyncio.gather(*map(place.look, ("/good", "/error", "/good")))
    assert [bool(judge(one)) for one in seen] == [False, True, False]

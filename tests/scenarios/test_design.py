"""A design through the front door: a real server, a Figma on loopback, a real sandbox and browser."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.agents.imports.figma.designs import ADDRESS, KEY, landing
from tests.fakes.figma import FakeFigma
from tests.fakes.server import Frame, Server, frames, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def figma() -> AsyncIterator[FakeFigma]:
    async with FakeFigma() as running:
        running.add(KEY, landing())
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    figma: FakeFigma, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("design") / "data"
    async with serving(folder, FIGMA_API_URL=figma.url, FIGMA_TOKEN=figma.token) as running:
        yield running


async def imported(server: Server, **wanted: str) -> list[Frame]:
    async with server.http.post("/api/import/figma/process", json=wanted) as answer:
        assert answer.status == 200, await answer.text()
        return [frame async for frame in frames(answer)]


async def test_a_design_becomes_a_running_app_that_serves_its_images(
    server: Server, figma: FakeFigma
) -> None:
    seen = await imported(server, url=ADDRESS, framework="react")
    done: dict[str, Any] = seen[-1].data
    assert done["type"] == "complete", done
    assert done["title"] == "Home of the design Bikes"
    assert "Without AI a design is not followed" in done["message"]
    told = {frame.type: frame.data for frame in seen}
    assert (told["design"]["frame"], told["design"]["images"]) == ("Home", 2)
    if "browser" in told["preview"]["checks"]:
        assert 0 < told["likeness"]["likeness"] < 100
    async with aiohttp.ClientSession() as http:
        async with http.get(done["previewUrl"]) as page:  # which leads on to the app
            assert page.status == 200
        async with http.get(page.url.with_path("/design/photo.png")) as image:
            assert await image.read() == figma.files[KEY].fills["ref-bike"]
    assert figma.token not in str([frame.data for frame in seen])

    project_id = seen[0].data["projectId"]
    changed = (await server.generate("Make it green", projectId=project_id))[-1].data
    assert changed["type"] == "complete"
    assert "public/design/logo-mark.svg" in changed["files"]
    assert server.complaints == []


async def test_a_design_that_cannot_be_had_fails_in_plain_words(server: Server) -> None:
    failed = (await imported(server, url="https://www.figma.com/design/NoSuchFile1"))[-1].data
    assert (failed["type"], failed["code"]) == ("error", "import_denied")
    assert failed["error"] == "Figma shows no such design."
    assert "shared with the token's owner" in failed["hint"]
    assert server.complaints == []

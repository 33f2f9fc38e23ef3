"""The client on somebody else's page: the example of the README as it stands there."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import Page, expect

from tests.browser.conftest import ROOT
from tests.browser.test_sign_in import ANN, sign_in, signed_in_sidecar
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.server import free_port
from tests.fakes.sidecar import RunningSidecar
from tests.fakes.waiting import until_async
from tests.fakes.worker import APP

EXAMPLE = re.findall(
    r"```js\n(import \{ cancel.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
)
LINES_MAX = 10


@asynccontextmanager
async def frontend(clerk: FakeClerk, port: int, script: str) -> AsyncIterator[str]:
    """Another site with Clerk's sign-in, and the script once somebody is there."""
    key = clerk.publishable_key
    page = f"""<!doctype html><title>Frontend</title><link rel="icon" href="data:,">
      <div id="form"></div><pre id="output"></pre><a id="preview">Open</a>
      <button id="stopButton">Stop</button>
      <script data-clerk-publishable-key="{key}"
        src="{clerk.issuer}/npm/@clerk/clerk-js@5/dist/clerk.browser.js"></script>
      <script type="module">
        await Clerk.load();
        Clerk.mountSignIn(document.querySelector("#form"));
        Clerk.addListener(({{ session }}) => session && import("/example.js"));
      </script>"""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def example(_request: web.Request) -> web.Response:
        return web.Response(text=script, content_type="text/javascript")

    app = web.Application()
    app.add_routes([web.get("/", show), web.get("/example.js", example)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def opened(page: Page, at: Path, **changes: object) -> AsyncIterator[RunningSidecar]:
    """The example at work on a page of another origin, signed in, its task just begun."""
    [text] = EXAMPLE
    port, other = free_port(), free_port()
    origin = f"http://127.0.0.1:{other}"
    async with serving_clerk() as clerk:
        clerk.browsers.people["ann"] = ANN
        async with signed_in_sidecar(
            clerk, at, port, parties={origin}, cors_origins=frozenset({origin}), **changes
        ) as sidecar:
            script = text.replace("https://zapdev.example.com", sidecar.url)
            async with frontend(clerk, other, script) as address:
                await page.goto(address)
                await sign_in(page, "ann")
                await until_async(sidecar.worker.take_any)
                yield sidecar


def test_the_example_has_ten_lines() -> None:
    [text] = EXAMPLE

    assert len([line for line in text.splitlines() if line]) <= LINES_MAX


async def test_the_example_of_the_readme_builds_an_app_on_a_page_of_another_origin(
    page: Page, tmp_path: Path
) -> None:
    async with opened(page, tmp_path / "zapdev.db", stream_s=0.5) as sidecar:
        await sidecar.worker.prepare()
        for word in ("One ", "two ", "three"):
            await sidecar.worker.say(word)
            async with page.expect_response("**/api/stream-progress**"):
                pass
        await expect(page.locator("#output")).to_have_text("One two three")
        await sidecar.worker.complete(APP, preview_url="http://127.0.0.1:9/p/key")
        await expect(page.locator("#preview")).to_have_attribute("href", "http://127.0.0.1:9/p/key")


async def test_the_example_stops_its_task(page: Page, tmp_path: Path) -> None:
    async with opened(page, tmp_path / "zapdev.db") as sidecar:
        async with page.expect_response("**/cancel") as answer:
            await page.get_by_role("button", name="Stop").click()
        assert (await answer.value).status == 202
        await until_async(sidecar.worker.stop_if_asked)

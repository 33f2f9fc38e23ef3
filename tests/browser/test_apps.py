"""An app of this machine, opened from outside: the real program, a real app, a real browser.

The names are made up, and the browser is told where they lead: to the one server there is.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Page, async_playwright, expect

from tests.browser.conftest import CHROMIUM
from tests.fakes.openrouter import FakeOpenRouter, Reply, Seen, files, text
from tests.fakes.quick_app import quick_app
from tests.fakes.server import Server, free_port, serving

PROMPT = "A kanban board for a bike shop"
WORDS = "Kanban board for a bike shop"
OURS = "http://zapdev.test"
SETTINGS = {"ZAPDEV_PUBLIC_URL": OURS, "ZAPDEV_APPS_URL": "http://{key}.apps.test"}
WAKES_MS = 150_000

TRY_OUR_API = """async ([url, server]) => {
  const told = [];
  for (const at of [`${url}/api/projects`, `${server}/api/projects`, `${url}/api/info`]) {
    try { told.push(await (await fetch(at)).text()); } catch (error) { told.push(error.name); }
    try { await fetch(at, { mode: "no-cors", method: "POST", body: '{"prompt": "x"}' }); } catch {}
  }
  const forge = { mode: "no-cors", method: "POST", body: '{"prompt": "Forged"}' };
  try { await fetch(`${url}/api/generate`, forge); } catch {}
  return told;
}"""


def write_the_app(seen: Seen) -> Reply:
    """A model whose app is built in a second."""
    if not seen.tools:
        return text(f'{{"title": "{WORDS}", "summary": "A board.", "suggestions": []}}')
    if seen.last["role"] == "tool":
        return text("Done. <task_summary>A board.</task_summary>")
    return files(quick_app(WORDS))


@asynccontextmanager
async def starting(data_dir: Path) -> AsyncIterator[Server]:
    """The program on a port of its own, with a model."""
    async with FakeOpenRouter() as model:
        model.always(write_the_app)
        own = {"OPENROUTER_BASE_URL": model.base_url, "ZAPDEV_PORT": str(free_port())}
        async with serving(data_dir, **SETTINGS, **own) as server:
            yield server


@asynccontextmanager
async def outside(server: Server) -> AsyncIterator[Page]:
    """A page of a browser to which our names lead to this server."""
    at = urlsplit(server.url).netloc
    rules = f"MAP *.apps.test {at}, MAP zapdev.test {at}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", f"--host-resolver-rules={rules}"]
        )
        yield await browser.new_page()
        await browser.close()


async def test_an_app_opens_from_outside_at_an_origin_of_its_own(tmp_path: Path) -> None:
    async with starting(tmp_path / "data") as server:
        done = (await server.generate(PROMPT, framework="react"))[-1].data
        link, path = done["previewUrl"], f"/api/projects/{done['projectId']}"
        key = link.rpartition("/")[2]
        own = f"http://{key}.apps.test"
        assert link == f"{OURS}/p/{key}"

        async with outside(server) as page:
            await page.goto(link)
            await expect(page.get_by_text(WORDS).first).to_be_visible()
            assert page.url == f"{own}/"
            await page.evaluate("localStorage.setItem('bike', 'red')")
            await page.reload()
            assert await page.evaluate("localStorage.getItem('bike')") == "red"

            told = await page.evaluate(TRY_OUR_API, [OURS, server.url])
            assert told == ["TypeError"] * 3
            its_own = await page.evaluate("fetch('/api/projects').then((a) => a.text())")
            assert done["projectId"] not in its_own
            assert len((await server.get("/api/projects"))["projects"]) == 1

            await page.goto(OURS)
            await page.evaluate(
                "(link) => document.body.append(Object.assign(document.createElement('iframe'),"
                " { src: link, id: 'framed' }))",
                link,
            )
            framed = page.frame_locator("#framed").get_by_text(WORDS).first
            await expect(framed).to_be_visible()

            async with server.http.post(f"{path}/preview-link", json={}) as answer:
                renewed = (await answer.json())["previewUrl"]
            await page.goto(own)
            await expect(page.get_by_text("There is no app here")).to_be_visible()
            await page.goto(renewed)
            await expect(page.get_by_text(WORDS).first).to_be_visible()
            assert await page.evaluate("localStorage.getItem('bike')") is None
        assert server.complaints == []

    async with starting(tmp_path / "data") as server, outside(server) as page:
        await page.goto(f"http://{renewed.rpartition('/')[2]}.apps.test/deep?a=1")
        await expect(page.get_by_role("heading")).to_contain_text("wakes up")
        await expect(page.get_by_text(WORDS).first).to_be_visible(timeout=WAKES_MS)
        assert page.url.endswith("/deep?a=1"), "who followed a link into the app is still there"
        assert server.complaints == []

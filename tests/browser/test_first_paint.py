"""What the page asks for before a person sees it, and of whom."""

import re

from playwright.async_api import Page, Request, expect

from tests.browser.conftest import ROOT
from tests.fakes.sidecar import RunningSidecar

PAGE = ROOT / "bot/sidecar/page"
REQUESTS_MAX = 40
BYTES_MAX = 200_000


async def test_the_first_paint_asks_our_own_server_alone_and_for_little(
    page: Page, sidecar: RunningSidecar
) -> None:
    asked: list[Request] = []

    def keep(request: Request) -> None:
        asked.append(request)

    page.on("request", keep)
    await page.goto(sidecar.url)
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    await page.wait_for_load_state("networkidle")

    assert {request.url.removeprefix(sidecar.url)[:1] for request in asked} == {"/"}
    assert len(asked) <= REQUESTS_MAX
    urls = [request.url for request in asked if not request.url.endswith("icon.svg")]
    assert len(set(urls)) == len(urls), "something is loaded twice"
    sizes = [await request.sizes() for request in asked]
    assert sum(size["responseBodySize"] for size in sizes) <= BYTES_MAX


def test_every_module_of_the_page_is_asked_for_at_once() -> None:
    """A module that is found out late costs a way to the server and back for each step."""
    index = (PAGE / "index.html").read_text()

    told = set(re.findall(r'<link rel="modulepreload" href="(?:/page)?/([\w.]+)">', index))
    beside = {"app.js", "link.js"}  # where this page, and the one for linking, begin
    assert told | beside == {path.name for path in PAGE.glob("*.js")}


def test_no_file_of_the_page_names_another_host_but_where_clerk_documents_its_script() -> None:
    found = {
        (path.name, url)
        for path in PAGE.iterdir()
        for url in re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+[^\s\"')]*", path.read_text())
        if not url.startswith(("http://www.w3.org/", "//www.w3.org/"))
    }

    assert {url for _, url in found} == {
        "https://clerk.com/docs/js-frontend/getting-started/quickstart"
    }

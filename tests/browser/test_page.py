"""The page in a real browser, over a real sidecar; a test plays the worker."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from agents.events import CheckFinished, StageEntered
from agents.types import Check, Diagnostic, Stage, TaskKind
from bot.services.previews import PreviewLinks
from tests.fakes.sidecar import RunningSidecar, running_sidecar
from tests.fakes.waiting import until_async
from tests.fakes.worker import APP

PROMPT = "A kanban board for a bike shop"
HOSTILE = b"<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"


@asynccontextmanager
async def running_app(heading: str) -> AsyncIterator[str]:
    """A built app on its own loopback port."""

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(text=f"<h1>{heading}</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def begin(page: Page, sidecar: RunningSidecar, prompt: str = PROMPT) -> None:
    """Type a prompt on the start page and wait until the task is in the address."""
    await page.goto(sidecar.url)
    await page.get_by_label("What should be built").fill(prompt)
    await page.get_by_role("button", name="Build").click()
    await page.wait_for_url("**/#/t/task_*")


def step(page: Page, name: str) -> str:
    return f".plan li:has-text('{name}')"


async def test_the_whole_job_from_a_sentence_to_a_running_app_and_back(
    page: Page, sidecar: RunningSidecar
) -> None:
    async with running_app("Bikes on the stand") as preview_url:
        await begin(page, sidecar)
        worker = sidecar.worker
        await worker.take()
        await worker.prepare()
        await worker.say("I will build a board.")
        await expect(page.get_by_text("I will build a board.")).to_be_visible()
        await expect(page.locator(step(page, "Choose the framework"))).to_contain_text("React")
        await expect(page.locator("#live")).to_have_text("Writing the app")

        await page.get_by_role("tab", name="Files").click()
        await worker.write(APP)
        await page.locator("button.file", has_text="App.tsx").click()
        await expect(page.locator("pre.code")).to_contain_text("Kanban for the bike shop")

        await worker.complete(APP, preview_url=preview_url)
        await expect(page.locator(".headline")).to_have_text("Built and checked")
        await page.get_by_role("tab", name="Preview").click()
        framed = page.frame_locator("iframe[title='Preview of the app']")
        await expect(framed.get_by_role("heading")).to_have_text("Bikes on the stand")
        link = page.get_by_role("link", name="Open preview")
        await expect(link).to_have_attribute("href", preview_url)
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download zip").click()
        assert (await download.value).suggested_filename == "bike-shop-board.zip"

        await page.get_by_role("button", name="Add due dates").click()
        await expect(page.locator(".said.user").last).to_have_text("Add due dates")
        await until_async(worker.take_any)
        await worker.build({"src/App.tsx": b"changed"})
        await page.get_by_role("tab", name="Versions").click()
        await expect(page.locator(".versions li")).to_have_count(2)
        await page.get_by_role("button", name="Restore version 1").click()
        await expect(page.locator(".versions li")).to_have_count(3)
        await page.get_by_role("tab", name="Files").click()
        await expect(page.locator("button.file")).to_have_count(len(APP))

        await page.get_by_role("link", name="New app").click()
        await page.get_by_role("link", name="Bike shop board").click()
        await expect(page.get_by_role("heading", name="Bike shop board")).to_be_visible()


async def test_a_reload_in_mid_stream_shows_the_same_and_goes_on(
    page: Page, sidecar: RunningSidecar
) -> None:
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.prepare()
    await sidecar.worker.say("First half, ")
    await expect(page.get_by_text("First half,")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("First half,")).to_be_visible()
    await expect(page.locator(".said.user")).to_have_text(PROMPT)
    await sidecar.worker.say("second half.")
    await expect(page.get_by_text("First half, second half.")).to_be_visible()
    await sidecar.worker.complete(APP)
    await expect(page.locator(".turn")).to_have_attribute("data-status", "complete")


async def test_the_page_reconnects_by_itself_after_a_server_restart(
    page: Page, tmp_path: Path
) -> None:
    store = tmp_path / "zapdev.db"
    async with running_sidecar(store) as first:
        await begin(page, first)
        await first.worker.take()
        await first.worker.prepare()
        await first.worker.say("Before the restart, ")
        await expect(page.get_by_text("Before the restart,")).to_be_visible()
        port = int(first.url.rsplit(":", 1)[1])
        await first.runner.cleanup()
        await expect(page.get_by_text("Reconnecting…")).to_be_visible()
        async with running_sidecar(store, port=port):
            await first.worker.say("after it.")
            await expect(page.get_by_text("Before the restart, after it.")).to_be_visible()
            await first.worker.complete(APP)
            await expect(page.locator(".turn")).to_have_attribute("data-status", "complete")


async def test_without_a_stream_the_page_falls_back_to_polling(
    page: Page, sidecar: RunningSidecar
) -> None:
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.prepare()
    await page.route("**/api/stream-progress**", lambda route: route.abort())
    await page.reload()
    await sidecar.worker.say("Seen by asking again.")
    await expect(page.get_by_text("Seen by asking again.")).to_be_visible()
    await expect(page.locator(".connection")).to_contain_text("asking again")
    await page.unroute("**/api/stream-progress**")
    await sidecar.worker.build()
    await expect(page.locator(".turn")).to_have_attribute("data-status", "complete")
    await expect(page.get_by_role("button", name="Add due dates")).to_be_visible()


async def test_the_apps_link_is_copied_and_renewed(page: Page, tmp_path: Path) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    path = tmp_path / "links.db"
    async with (
        running_app("Bikes") as preview_url,
        running_sidecar(path) as beside,
        running_sidecar(path, links=PreviewLinks(beside.store, "http://127.0.0.1:9")) as sidecar,
    ):
        await begin(page, sidecar)
        await sidecar.worker.take()
        await sidecar.worker.build(preview_url=preview_url)
        address = page.get_by_label("Link to the app")
        await expect(address).to_have_value(re.compile(r"^http://127\.0\.0\.1:9/p/\w{40}$"))
        first = await address.input_value()
        await page.get_by_role("button", name="Copy the link").click()
        await expect(page.locator("#live")).to_have_text("Link copied")
        assert await page.evaluate("navigator.clipboard.readText()") == first

        await page.get_by_role("button", name="Make a new link").click()
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(address).to_have_value(first)
        await page.get_by_role("button", name="Make a new link").click()
        await page.get_by_role("dialog").get_by_role("button", name="Make a new link").click()
        await expect(address).not_to_have_value(first)
        await expect(address).to_have_value(re.compile(r"/p/\w{40}$"))


async def test_what_a_change_changed_is_shown_line_by_line(
    page: Page, sidecar: RunningSidecar
) -> None:
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.build()
    await page.get_by_role("button", name="Add due dates").click()
    await until_async(sidecar.worker.take_any)
    changed = APP["src/App.tsx"].replace(b"Kanban", b"Board")
    await sidecar.worker.build({**APP, "src/App.tsx": changed})
    await expect(page.locator(".headline")).to_have_text("Built and checked")
    await page.get_by_role("tab", name="Versions").click()
    await page.get_by_role("button", name="Changes of version 2").click()
    await expect(page.get_by_role("tab", name="Changes")).to_be_focused()
    await expect(page.locator(".change")).to_have_count(1)
    await expect(page.locator(".changes-about")).to_have_text("1 file, 1 line added, 1 removed")
    await expect(page.locator(".diff .removed")).to_contain_text("Kanban for the bike shop")
    await expect(page.locator(".diff .added")).to_contain_text("Board for the bike shop")
    await page.get_by_label("with").select_option(index=1)
    await page.get_by_label("Compare", exact=True).select_option("The version before")
    await expect(page.locator(".change")).to_have_count(len(APP))


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/octo/board/tree/main/apps/web",
        "https://www.figma.com/design/AbCdEf0/Bikes?node-id=1-2&t=x",
    ],
)
async def test_the_address_of_a_repository_or_a_design_begins_with_what_is_there(
    page: Page, sidecar: RunningSidecar, address: str
) -> None:
    await begin(page, sidecar, prompt=address)
    await until_async(sidecar.worker.take_any)
    assert sidecar.worker.claim.task.kind is TaskKind.IMPORT


async def test_stop_stops(page: Page, sidecar: RunningSidecar) -> None:
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.prepare()
    async with page.expect_response("**/cancel") as answer:
        await page.get_by_role("button", name="Stop").click()
    assert (await answer.value).status == 202
    assert await sidecar.worker.stop_if_asked()
    await expect(page.locator(".headline")).to_have_text("Stopped")
    await expect(page.get_by_role("button", name="Stop")).to_be_hidden()


async def test_a_failure_says_what_was_found_and_offers_the_answers(
    page: Page, sidecar: RunningSidecar
) -> None:
    await begin(page, sidecar)
    worker = sidecar.worker
    await worker.take()
    await worker.prepare()
    found = Diagnostic(message="Cannot find name 'Card'.", file="src/App.tsx", line=12)
    await worker.play(
        StageEntered(stage=Stage.VALIDATING, message="Checking the app"),
        CheckFinished(check=Check.BUILD, ok=False, diagnostics=(found,)),
    )
    await worker.fail()
    await expect(page.get_by_role("alert").filter(has_text="two fixes")).to_be_visible()
    await expect(page.get_by_text("src/App.tsx:12")).to_be_visible()
    await expect(page.get_by_role("button", name="Leave the chart out")).to_be_visible()
    await page.get_by_role("button", name="Try again").click()
    await until_async(worker.take_any)
    assert worker.claim.task.prompt == PROMPT


async def test_generated_text_is_never_run(page: Page, sidecar: RunningSidecar) -> None:
    await begin(page, sidecar, prompt=f"Show {HOSTILE.decode()}")
    worker = sidecar.worker
    await worker.take()
    await worker.prepare()
    await worker.say(HOSTILE.decode())
    await worker.write({"index.html": HOSTILE})
    await worker.complete({"index.html": HOSTILE}, title=HOSTILE.decode())
    await expect(page.locator(".headline")).to_have_text("Built and checked")
    await page.get_by_role("tab", name="Files").click()
    await expect(page.locator("pre.code")).to_have_text(HOSTILE.decode())
    assert await page.locator("main img[src], main script").count() == 0
    assert await page.title() != "broken"


async def test_skipping_to_the_content_stays_where_one_is(
    page: Page, sidecar: RunningSidecar
) -> None:
    await begin(page, sidecar)
    address = page.url
    await page.locator(".skip").press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    assert page.url == address
    await expect(page.get_by_label("What to change")).to_be_visible()


async def test_everything_can_be_reached_by_keyboard(page: Page, sidecar: RunningSidecar) -> None:
    await page.goto(sidecar.url)
    await expect(page.get_by_label("What should be built")).to_be_focused()
    await page.keyboard.type(PROMPT)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/#/t/task_*")
    await sidecar.worker.take()
    await sidecar.worker.build()
    await page.get_by_role("tab", name="Preview").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Files")).to_be_focused()
    await expect(page.get_by_role("tabpanel", name="Files")).to_be_visible()
    unnamed = await page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, textarea, iframe")]
            .filter((el) => !(el.textContent.trim() || el.getAttribute("aria-label") || el.title))
            .map((el) => el.outerHTML)"""
    )
    assert unnamed == []


@pytest.mark.parametrize("width", [390, 768, 1024, 1920])
async def test_nothing_is_wider_than_the_window(
    page: Page, sidecar: RunningSidecar, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await begin(page, sidecar, prompt="x" * 300)
    await sidecar.worker.take()
    await sidecar.worker.build({"a/very/deep/folder/with/a/long/name/Component.tsx": b"y" * 500})
    await expect(page.locator(".headline")).to_have_text("Built and checked")
    for tab in ("Preview", "Files", "Versions"):
        await page.get_by_role("tab", name=tab).click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("link", name="New app").click()
    await expect(page.locator(".projects li")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width

"""Where the keyboard is after something was pressed that goes away by it."""

from playwright.async_api import Page, expect

from agents.events import FileChanged
from tests.browser.test_access import tab_to
from tests.browser.test_page import begin
from tests.fakes.sidecar import RunningSidecar
from tests.fakes.waiting import until_async


async def test_what_goes_away_when_it_is_pressed_hands_the_focus_on(
    page: Page, sidecar: RunningSidecar
) -> None:
    title, worker = page.get_by_role("heading", level=1), sidecar.worker
    await begin(page, sidecar)
    await expect(title).to_be_focused()
    await worker.take()
    await worker.build()
    await page.get_by_role("button", name="Add due dates").press("Enter")
    await until_async(worker.take_any)
    await expect(title).to_be_focused()
    await page.get_by_role("button", name="Stop").press("Enter")
    await until_async(worker.stop_if_asked)
    await expect(page.locator(".headline")).to_have_text("Stopped")
    await expect(title).to_be_focused()


async def test_a_file_that_was_deleted_can_be_come_past_with_a_keyboard(
    page: Page, sidecar: RunningSidecar
) -> None:
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.prepare()
    await sidecar.worker.play(FileChanged(path="gone.ts", action="deleted", size_bytes=0))
    await page.get_by_role("tab", name="Files").click()
    await tab_to(page, "treeitem ")
    await expect(page.get_by_role("treeitem", name="gone.ts")).to_be_focused()


async def test_a_comparison_that_failed_is_asked_for_again_only_when_wanted(
    page: Page, sidecar: RunningSidecar
) -> None:
    asked: list[str] = []
    await sidecar.built_project()
    await page.goto(sidecar.url)
    await page.get_by_role("link", name="Bike shop board").click()
    await page.get_by_role("button", name="Add due dates").click()
    await until_async(sidecar.worker.take_any)
    await sidecar.worker.prepare()
    page.on(
        "request", lambda request: asked.append(request.url) if "/diff?" in request.url else None
    )
    await page.route("**/diff?*", lambda route: route.abort())
    await page.get_by_role("tab", name="Changes").click()
    again = page.locator(".changes").get_by_role("button", name="Try again")
    await expect(again).to_be_visible()
    for word in ("One ", "two ", "three"):
        await sidecar.worker.say(word)
        await expect(page.locator(".prose")).to_contain_text(word.strip())
    assert len(asked) == 1
    await page.unroute("**/diff?*")
    await again.click()
    await expect(page.locator(".change").first).to_be_visible()

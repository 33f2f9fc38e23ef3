"""What is said of an app while the server does not answer, answers late, or is no longer asked."""

import asyncio
import re

from playwright.async_api import Page, Route, expect

from tests.browser.test_page import begin
from tests.fakes.sidecar import RunningSidecar
from tests.fakes.worker import APP

DETAIL = re.compile(r"/api/projects/\w+$")


async def test_what_a_run_left_is_asked_for_until_it_is_known(
    page: Page, sidecar: RunningSidecar
) -> None:
    failures = 2

    async def fail(route: Route) -> None:
        nonlocal failures
        failures -= 1
        await (route.abort() if failures >= 0 else route.fallback())

    await begin(page, sidecar)
    await sidecar.worker.take()
    await page.route(DETAIL, fail)
    await sidecar.worker.build()
    await expect(page.locator(".headline")).to_have_text("Built and checked")
    await expect(page.get_by_role("button", name="Check and start")).to_be_visible()
    await page.get_by_role("tab", name="Files").click()
    await expect(page.locator("button.file")).to_have_count(len(APP))
    assert failures < 0


async def test_a_late_answer_does_not_undo_a_newer_one(page: Page, sidecar: RunningSidecar) -> None:
    asked, gate, told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        if asked.is_set():
            return await route.continue_()
        answer = await route.fetch()
        asked.set()
        await gate.wait()
        await route.fulfill(response=answer)
        return told.set()

    await page.route(DETAIL, late)
    await begin(page, sidecar)
    await asked.wait()
    await sidecar.worker.take()
    await sidecar.worker.build()
    download = page.get_by_role("button", name="Download zip")
    await expect(download).to_be_visible()
    gate.set()
    await told.wait()
    await page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    await expect(download).to_be_visible()


async def test_an_app_that_was_left_does_not_name_the_page(
    page: Page, sidecar: RunningSidecar
) -> None:
    async def hold(_route: Route) -> None:
        """No answer ever comes."""

    await page.route(DETAIL, hold)
    await begin(page, sidecar)
    await page.get_by_role("link", name="New app").click()
    await expect(page.locator(".projects li")).to_have_count(1)
    assert await page.title() == "Zapdev"

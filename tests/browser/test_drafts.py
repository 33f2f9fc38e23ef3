"""What is typed and not yet accepted stays; what belongs to one app shows up in no other."""

from playwright.async_api import Page, Route, expect

from tests.browser.test_page import PROMPT
from tests.fakes.sidecar import RunningSidecar


async def test_words_are_kept_until_the_server_has_accepted_them(
    page: Page, sidecar: RunningSidecar
) -> None:
    async def hold(_route: Route) -> None:
        """No answer ever comes."""

    box = page.get_by_label("What should be built")
    await page.goto(sidecar.url)
    await page.route("**/api/generate", hold)
    await box.fill(PROMPT)
    async with page.expect_request("**/api/generate"):
        await page.get_by_role("button", name="Build").click()
    await page.goto("about:blank")
    await page.goto(sidecar.url)
    await expect(box).to_have_value(PROMPT)

    await page.unroute("**/api/generate")
    await page.get_by_role("button", name="Build").click()
    await page.wait_for_url("**/#/t/task_*")
    await page.get_by_role("link", name="New app").click()
    await expect(page.locator(".projects li")).to_have_count(1)
    await expect(box).to_have_value("")


async def test_each_app_has_a_draft_of_its_own(page: Page, sidecar: RunningSidecar) -> None:
    one, other = await sidecar.built_project(), await sidecar.built_project()
    box = page.get_by_label("What to change")
    for task, before, typed in (
        (one, "", "Add due dates"),
        (other, "", "Make it blue"),
        (one, "Add due dates", "Add due dates and names"),
        (other, "Make it blue", ""),
    ):
        await page.goto(f"{sidecar.url}/#/t/{task['taskId']}")
        await expect(page.locator(".headline")).to_have_text("Built and checked")
        await expect(box).to_have_value(before)
        await box.fill(typed)

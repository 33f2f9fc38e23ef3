"""What the conversation tells, and where it stands on a phone."""

import pytest
from playwright.async_api import Page, ViewportSize, expect

from agents.events import CheckFinished, CheckStarted, StageEntered
from agents.types import Check, Diagnostic, Stage
from tests.browser.conftest import UNKNOWN_TASK
from tests.browser.test_access import AXE, check_access
from tests.browser.test_page import PROMPT, begin, step
from tests.fakes.sidecar import RunningSidecar
from tests.fakes.waiting import until_async
from tests.fakes.worker import APP

PHONE: ViewportSize = {"width": 390, "height": 800}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ((Diagnostic(message="not finished within 60 s", severity="warning"),), "within 60 s"),
        ((), "nothing to run"),
    ],
)
async def test_a_check_that_was_skipped_says_why(
    page: Page, sidecar: RunningSidecar, found: tuple[Diagnostic, ...], told: str
) -> None:
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.prepare()
    await sidecar.worker.play(
        StageEntered(stage=Stage.VALIDATING, message="Checking the app"),
        CheckStarted(check=Check.LINT),
        CheckFinished(check=Check.LINT, ok=False, skipped=True, diagnostics=found),
    )
    lint = page.locator(step(page, "Lint"))
    await expect(lint).to_have_attribute("data-mark", "skipped")
    await expect(lint).to_contain_text(told)


async def test_going_back_to_a_version_is_told_where_it_happened(
    page: Page, sidecar: RunningSidecar
) -> None:
    """Below the run on screen, and above one that came after it."""
    worker, line = sidecar.worker, page.locator(".restored")
    await begin(page, sidecar)
    await worker.take()
    await worker.build()
    await page.get_by_role("button", name="Add due dates").click()
    await until_async(worker.take_any)
    await worker.build({**APP, "src/App.tsx": b"changed"})
    await expect(page.locator(".headline")).to_have_text("Built and checked")
    await expect(line).to_have_count(0)
    await page.get_by_role("tab", name="Versions").click()
    await page.get_by_role("button", name="Restore version 1").click()
    await expect(page.locator(".turn ~ .past .restored")).to_contain_text("Went back to version 1")

    await page.get_by_label("What to change").fill("And a search")
    await page.keyboard.press("Enter")
    await until_async(worker.take_any)
    await worker.build({**APP, "src/search.ts": b"export {};\n"})
    await expect(page.locator(".headline")).to_have_text("Built and checked")
    await expect(page.locator(".turn ~ .past .restored")).to_have_count(0)
    await expect(line).to_have_count(1)
    told = await page.locator(".past > *").all_inner_texts()
    assert [words.split("\n")[0].split(" · ")[0] for words in told] == [
        PROMPT,
        "The board is ready.",
        "Add due dates",
        "The board is ready.",
        "Went back to version 1",
    ]


async def test_an_address_that_leads_nowhere_says_so_and_leads_on(
    page: Page, sidecar: RunningSidecar
) -> None:
    await page.add_init_script(AXE)
    await page.goto(f"{sidecar.url}/#/t/{UNKNOWN_TASK}")
    title = page.get_by_role("heading", level=1)
    await expect(title).to_have_text("There is no such app here")
    await expect(title).to_be_focused()
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    await check_access(page, "nothing")
    await page.get_by_role("link", name="Your apps").click()
    await expect(page.get_by_label("What should be built")).to_be_visible()


async def test_on_a_phone_nothing_lies_over_the_app(page: Page, sidecar: RunningSidecar) -> None:
    await page.set_viewport_size(PHONE)
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.build()
    await page.get_by_role("tab", name="Versions").click()
    await page.locator(".workspace").scroll_into_view_if_needed()
    boxes = await page.evaluate(
        """() => [".composer-area", ".workspace"].map((name) => {
            const { top, bottom } = document.querySelector(name).getBoundingClientRect();
            return [top, bottom];
        })"""
    )
    (_, end), (start, _) = boxes
    assert end <= start

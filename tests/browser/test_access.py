"""The page for everybody: axe-core finds nothing serious, and a keyboard is enough."""

from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from agents.events import CheckFinished, StageEntered
from agents.types import Check, Diagnostic, Stage
from tests.browser.conftest import ROOT
from tests.browser.test_page import PROMPT, begin, running_app
from tests.fakes.sidecar import RunningSidecar
from tests.fakes.waiting import until_async
from tests.fakes.worker import APP

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
RUN = """async () => {
  const found = await axe.run({ iframes: false, resultTypes: ["violations"] });
  return found.violations.map(({ id, impact, nodes }) =>
    ({ id, impact, where: nodes.map((node) => node.target.join(" ") + ": " + node.failureSummary) }));
}"""
GRAVE = ("serious", "critical")
FOUND = Diagnostic(message="Cannot find name 'Card'.", file="src/App.tsx", line=12)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def check_access(page: Page, view: str) -> None:
    """In both themes; whoever moved the page waits until it is still."""
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found: list[dict[str, Any]] = await page.evaluate(RUN)
        grave = [each for each in found if each["impact"] in GRAVE]
        assert grave == [], f"{view} in {theme}"


@pytest.fixture
async def sighted(page: Page) -> Page:
    """A page in which axe can be run: the policy is for pages, not for who looks at them."""
    await page.add_init_script(AXE)
    return page


async def test_axe_finds_nothing_serious_on_any_view_in_either_theme(
    sighted: Page, sidecar: RunningSidecar
) -> None:
    page, worker = sighted, sidecar.worker
    await page.goto(sidecar.url)
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    await check_access(page, "start, empty")

    async with running_app("Bikes on the stand") as preview_url:
        await begin(page, sidecar)
        await worker.take()
        await worker.prepare()
        await worker.say("I will build a board.")
        await worker.write(APP)
        await expect(page.locator(".activity li")).to_have_count(len(APP))
        await check_access(page, "running")

        await worker.play(
            StageEntered(stage=Stage.VALIDATING, message="Checking the app"),
            CheckFinished(check=Check.LINT, ok=False, diagnostics=(FOUND,)),
        )
        await worker.complete(APP, preview_url=preview_url)
        await expect(page.locator(".headline")).to_have_text("Built, with warnings")
        await check_access(page, "done")

        await page.get_by_role("button", name="Add due dates").click()
        await until_async(worker.take_any)
        await worker.build({**APP, "src/App.tsx": b"export default 1;\n"}, preview_url=preview_url)
        await expect(page.locator(".headline")).to_have_text("Built and checked")
        for tab in ("Files", "Changes", "Versions", "Preview"):
            await page.get_by_role("tab", name=tab).click()
            if tab == "Files":
                await page.locator("button.file", has_text="App.tsx").click()
                await expect(page.locator(".c-keyword").first).to_be_visible()
            if tab == "Changes":
                await expect(page.locator(".diff .added").first).to_be_visible()
            await check_access(page, tab)

    await begin(page, sidecar)
    await worker.take()
    await worker.prepare()
    await worker.fail()
    await expect(page.get_by_role("alert").filter(has_text="two fixes")).to_be_visible()
    await check_access(page, "failed")
    await page.get_by_role("link", name="New app").click()
    await expect(page.locator(".projects li")).to_have_count(2)
    await check_access(page, "start")
    await page.get_by_role("link", name="Usage").click()
    await expect(page.locator(".dearest")).to_contain_text("Bike shop board")
    await check_access(page, "usage")


async def test_the_main_job_is_done_with_a_keyboard_alone(
    page: Page, sidecar: RunningSidecar
) -> None:
    worker, press = sidecar.worker, page.keyboard.press
    await page.goto(sidecar.url)
    await expect(page.get_by_label("What should be built")).to_be_focused()
    await page.keyboard.type(PROMPT)
    await press("Enter")
    await page.wait_for_url("**/#/t/task_*")
    await worker.take()
    await worker.build()
    await expect(page.locator(".headline")).to_have_text("Built and checked")

    await tab_to(page, "Add due dates")
    await press("Enter")
    await until_async(worker.take_any)
    await worker.build({**APP, "src/App.tsx": b"export default 1;\n"})
    await expect(page.locator(".versions li")).to_have_count(2)

    await tab_to(page, "Preview")
    await press("ArrowRight")
    await expect(page.get_by_role("tab", name="Files")).to_be_focused()
    await tab_to(page, "treeitem ")
    await press("Home")
    await expect(page.get_by_role("treeitem", name="src")).to_be_focused()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        await press(key)
    await expect(page.locator("pre.code")).to_contain_text("import App")
    await press("ArrowLeft")
    await press("ArrowLeft")
    await expect(page.get_by_role("treeitem", name="src")).to_have_attribute(
        "aria-expanded", "false"
    )

    await page.get_by_role("tab", name="Files").focus()
    await press("End")
    await expect(page.get_by_role("tab", name="Versions")).to_be_focused()
    await tab_to(page, "Restore version 1")
    await press("Enter")
    await expect(page.locator(".versions li")).to_have_count(3)
    await tab_to(page, "What to change", backwards=True)
    await page.keyboard.type("And a search")
    await press("Enter")
    await until_async(worker.take_any)
    assert worker.claim.task.prompt == "And a search"
    await tab_to(page, "Stop", backwards=True)
    await press("Enter")
    await until_async(worker.stop_if_asked)
    await expect(page.locator(".headline")).to_have_text("Stopped")


NAME = """() => {
  const at = document.activeElement;
  const role = at?.getAttribute("role") === "treeitem" ? "treeitem " : "";
  return role + (at?.getAttribute("aria-label") ?? at?.textContent?.trim() ?? "");
}"""
STEPS = 40


async def tab_to(page: Page, name: str, *, backwards: bool = False) -> None:
    """Press the tabulator until what has the focus begins with this name."""
    for _ in range(STEPS):
        if str(await page.evaluate(NAME)).startswith(name):
            return
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
    raise AssertionError(f"the tabulator does not lead to {name!r}")


async def test_the_menu_of_files_is_left_by_one_press(page: Page, sidecar: RunningSidecar) -> None:
    """However many files there are: arrow keys are for them."""
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.build({f"src/part{n}.ts": b"export {};\n" for n in range(60)})
    await page.get_by_role("tab", name="Files").click()
    await expect(page.locator("button.file")).to_have_count(60)
    assert await page.locator("[role=treeitem][tabindex='0']").count() == 1

"""Whatever a model or a person writes is text on the page, wherever the page shows it."""

import re
from collections.abc import Sequence

from playwright.async_api import Page, expect

from agents.events import CheckFinished, NoticeGiven, StageEntered, ToolFinished, ToolStarted
from agents.types import Check, Diagnostic, Stage
from tests.browser.payloads import PAYLOADS
from tests.fakes.sidecar import RunningSidecar

WATCH = """
window.ran = [];
window.xss = () => window.ran.push("ran");
document.addEventListener("securitypolicyviolation", (e) => window.ran.push(e.violatedDirective));
"""
TABS = ("Preview", "Files", "Changes", "Versions")
AT_ONCE = 12
"""Payloads in one app."""


def name_of(payload: str) -> str:
    """No name of a file holds a control character: `agents.paths` refuses them."""
    visible = re.sub(r"[\x00-\x1f]", " ", payload)
    return f"src/{visible}.tsx"


def text_of(payloads: Sequence[str]) -> str:
    """A file with NUL in it is no text."""
    return "\n".join(payloads).replace("\0", "")


async def build_hostile(sidecar: RunningSidecar, payloads: Sequence[str]) -> None:
    """An app with these texts in everything that a task says and leaves; two versions of it."""
    worker, all_of_them = sidecar.worker, "\n\n".join(payloads)
    started: dict[str, str] = {}
    for number, ending in enumerate((" ", f"\n{payloads[0]}\n")):
        again = {"projectId": started["projectId"]} if number else {}
        started = await sidecar.start_task(all_of_them, **again)
        await worker.take()
        await worker.prepare()
        await worker.say(all_of_them)
        text = (text_of(payloads) + ending).encode()
        files = {name_of(payload): text for payload in payloads}
        await worker.write(files)
        for at, payload in enumerate(payloads):
            call, said = f"call_{at}", payload
            await worker.play(
                ToolStarted(call_id=call, name=said, summary=said),
                ToolFinished(call_id=call, name=said, summary=said, ok=False, result=said),
                NoticeGiven(message=said),
            )
        found = [Diagnostic(message=payload, file=payload, line=1) for payload in payloads]
        await worker.play(StageEntered(stage=Stage.VALIDATING, message=payloads[-1]))
        await worker.play(CheckFinished(check=Check.LINT, ok=False, diagnostics=tuple(found)))
        await worker.complete(
            files,
            title=payloads[number],
            message=all_of_them,
            suggestions=payloads,
            preview_url=f"javascript:xss('{number}')",
        )


async def test_no_text_of_the_corpus_runs_anywhere_on_the_page(
    page: Page, sidecar: RunningSidecar
) -> None:
    assert len(PAYLOADS) >= 40
    dialogs: list[str] = []
    asked: set[str] = set()
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.on("request", lambda request: asked.add(request.url))
    await page.add_init_script(WATCH)
    chunks = [PAYLOADS[at : at + AT_ONCE] for at in range(0, len(PAYLOADS), AT_ONCE)]
    for chunk in chunks:
        await build_hostile(sidecar, chunk)
    shown = 0
    for chunk in chunks:
        await page.goto(f"{sidecar.url}/#/")
        await page.get_by_role("link").filter(has_text=chunk[1]).first.click()
        shown += await look_everywhere(page, chunk)
    assert shown == len(PAYLOADS)
    assert dialogs == []
    assert all(url.startswith((f"{sidecar.url}/", "blob:")) for url in asked), asked


async def look_everywhere(page: Page, payloads: Sequence[str]) -> int:
    """Open all there is of one app; how many files it has."""
    await expect(page.locator(".turn")).to_have_attribute("data-status", "complete")
    await page.locator("details").evaluate_all("(all) => all.forEach((one) => (one.open = true))")
    await expect(page.locator(".answer")).to_contain_text(payloads[0])
    assert await page.locator("iframe").count() == 0, "the address of a preview was not checked"
    read = 0
    for tab in TABS:
        await page.get_by_role("tab", name=tab).click()
        if tab == "Changes":
            await expect(page.locator(".change")).to_have_count(len(payloads))
            await page.locator(".change").evaluate_all(
                "(all) => all.forEach((a) => (a.open = true))"
            )
            await expect(page.locator(".diff").first).to_contain_text("+")
        if tab == "Files":
            read = await read_files(page, payloads)
    foreign = page.locator(
        "main :is(script, iframe, object, embed, video, audio, form:not(.composer), base, link, meta)"
    )
    assert await foreign.count() == 0
    assert await page.evaluate("window.ran") == []
    return read


async def read_files(page: Page, payloads: Sequence[str]) -> int:
    """All are listed; open some, in colour, and see that they are there word for word."""
    rows = await page.locator("button.file").all()
    for row in rows[:: len(rows) // 2]:
        await row.click()
        await expect(page.locator("pre.code .c-tag, pre.code .c-string").first).to_be_attached()
        text = await page.locator("pre.code").evaluate("(code) => code.textContent")
        assert text == f"{text_of(payloads)}\n{payloads[0]}\n"
    return len(rows)

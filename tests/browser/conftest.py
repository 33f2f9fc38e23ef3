from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.fakes.sidecar import RunningSidecar, running_sidecar

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
"""The system's own browser: nothing is downloaded."""


expect.set_options(timeout=15_000)


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[RunningSidecar]:
    async with running_sidecar(tmp_path / "zapdev.db", reads_designs=True) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page on which any script error or broken policy fails the test.

    Lost connections do not, nor being signed out: servers go away while pages are open, and
    sessions end, which is what the tests are for.
    """
    opened = await (await browser.new_context()).new_page()
    opened.set_default_timeout(20_000)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda line: _note(problems, line))
    yield opened
    await opened.context.close()
    assert problems == []


UNKNOWN_TASK = "task_unknown"
"""A test may open its address: there is none."""
EXPECTED = ("net::ERR_", "status of 401", f"/api/stream-progress?taskId={UNKNOWN_TASK}")


def _note(problems: list[str], line: ConsoleMessage) -> None:
    said = f"{line.text} {line.location['url']}"
    if line.type == "error" and not any(text in said for text in EXPECTED):
        problems.append(said)

"""Whatever happens while the gate's browser starts or ends, nothing of it stays."""

import asyncio
import os

import pytest

from agents.browser.session import ChromiumBrowser
from agents.system import SystemClock
from tests.browser.processes import browsers_of, drivers_of

LIMIT_S = 30.0


def running() -> set[int]:
    """Playwright's driver in Node, and the browser."""
    return {*drivers_of(os.getpid()), *browsers_of(os.getpid())}


async def all_gone(before: set[int]) -> None:
    """Wait until nothing else runs than before."""
    async with asyncio.timeout(LIMIT_S):
        while running() - before:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.3, 0.8])
async def test_a_start_that_is_cancelled_leaves_nothing(after_s: float) -> None:
    before = running()
    eye = ChromiumBrowser(SystemClock())
    start = asyncio.ensure_future(eye.warm_up())  # noqa: TID251
    await asyncio.sleep(after_s)
    start.cancel()
    await asyncio.wait({start})
    if start.cancelled():
        await all_gone(before)
    await eye.close()
    await all_gone(before)
    assert running() <= before


async def test_a_close_that_is_cancelled_still_ends_the_browser() -> None:
    before = running()
    eye = ChromiumBrowser(SystemClock())
    await eye.warm_up()
    assert running() - before
    close = asyncio.ensure_future(eye.close())  # noqa: TID251
    await asyncio.sleep(0.01)
    close.cancel()
    await asyncio.wait({close})
    assert close.cancelled()
    await all_gone(before)
    await eye.close()


async def test_playwright_that_starts_too_late_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.browser.driver._START_S", 0.05)
    before = running()
    eye = ChromiumBrowser(SystemClock())
    await eye.warm_up()
    assert "takes too long" in (eye.problem or "")
    await all_gone(before)
    await eye.close()

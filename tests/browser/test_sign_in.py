"""Signing in on the page, in a real browser: our page, our verifier, and a stand-in for Clerk."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from agents.system import SystemClock
from agents.types import OwnerId
from bot.config import Settings
from bot.sidecar.sign_in import clerk_page, clerk_sign_in
from tests.browser.test_access import AXE, check_access
from tests.browser.test_page import PROMPT, begin
from tests.fakes.clerk.browser import Person
from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.server import free_port
from tests.fakes.sidecar import RunningSidecar, running_sidecar
from tests.fakes.worker import APP

ANN = Person("user_ann", "Ann Example", {"org_bikes": "Bike Shop"})
BOB = Person("user_bob", "Bob Example")


@asynccontextmanager
async def signed_in_sidecar(
    clerk: FakeClerk, at: Path, port: int, *, parties: Iterable[str] = (), **changes: Any
) -> AsyncIterator[RunningSidecar]:
    """A sidecar whose people sign in at this instance, on its page and on those of `parties`."""
    origins = frozenset({f"http://127.0.0.1:{port}", *parties})
    settings = Settings(clerk_issuer=clerk.issuer, clerk_authorized_parties=origins, port=port)
    sign_in = clerk_sign_in(settings, SystemClock())
    assert sign_in is not None
    try:
        async with running_sidecar(
            at, port=port, sign_in=sign_in, clerk=clerk_page(settings), **changes
        ) as sidecar:
            yield sidecar
    finally:
        await sign_in.keys.close()


@pytest.fixture
async def clerk() -> AsyncIterator[FakeClerk]:
    async with serving_clerk() as instance:
        instance.browsers.people |= {"ann": ANN, "bob": BOB}
        yield instance


@pytest.fixture
async def sidecar(clerk: FakeClerk, tmp_path: Path) -> AsyncIterator[RunningSidecar]:
    async with signed_in_sidecar(clerk, tmp_path / "zapdev.db", free_port()) as running:
        yield running


async def sign_in(page: Page, who: str) -> None:
    """Returns when the page has been told who is there: a reload finds them signed in."""
    await page.get_by_label("Email address").fill(who)
    async with page.expect_response("**/v1/client/sessions/*"):
        await page.get_by_role("button", name="Continue").click()


async def test_who_signs_in_sees_their_own_apps_and_whoever_comes_next_does_not(
    page: Page, sidecar: RunningSidecar
) -> None:
    await page.add_init_script(AXE)
    await page.goto(sidecar.url)
    await expect(page.get_by_label("What should be built")).to_have_count(0)
    await expect(page.get_by_label("Email address")).to_be_visible()
    await check_access(page, "signed out")
    await sign_in(page, "ann")
    await expect(page.locator(".account")).to_contain_text("Ann Example")
    await page.get_by_label("What should be built").fill(PROMPT)
    await page.get_by_role("button", name="Build").click()
    await page.wait_for_url("**/#/t/task_*")
    claim = await sidecar.worker.take()
    assert claim.task.owner == OwnerId("user_ann")
    await sidecar.worker.build()
    await expect(page.locator(".headline")).to_have_text("Built and checked")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download zip").click()
    assert (await download.value).suggested_filename == "bike-shop-board.zip"

    await page.get_by_role("button", name="Sign out").click()
    await sign_in(page, "bob")
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    await expect(page.get_by_text("Bike shop board")).to_have_count(0)
    await check_access(page, "signed in")
    await page.set_viewport_size({"width": 390, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_a_link_to_an_app_is_followed_once_its_owner_has_signed_in(
    page: Page, clerk: FakeClerk, sidecar: RunningSidecar
) -> None:
    await page.goto(sidecar.url)
    await sign_in(page, "ann")
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    await page.get_by_label("What should be built").fill(PROMPT)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/#/t/task_*")
    link = page.url
    clerk.browsers.end_all()
    await page.goto("about:blank")
    await page.goto(link)
    await sign_in(page, "ann")
    await expect(page.locator(".said.user")).to_have_text(PROMPT)
    assert page.url == link


async def test_acting_as_an_organisation_shows_its_apps_in_place_of_ones_own(
    page: Page, sidecar: RunningSidecar
) -> None:
    await page.goto(sidecar.url)
    await sign_in(page, "ann")
    await page.get_by_label("Act as").select_option("Bike Shop")
    await expect(page.get_by_label("Act as")).to_have_value("org_bikes")
    await page.get_by_label("What should be built").fill(PROMPT)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/#/t/task_*")
    assert (await sidecar.worker.take()).task.owner == OwnerId("org_bikes")
    await page.get_by_label("Act as").select_option("Ann Example")
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    await page.get_by_label("Act as").select_option("Bike Shop")
    await expect(page.locator(".projects")).to_contain_text(PROMPT)


async def test_who_is_signed_out_elsewhere_signs_in_again_and_nothing_typed_is_lost(
    page: Page, clerk: FakeClerk, sidecar: RunningSidecar
) -> None:
    await page.goto(sidecar.url)
    await sign_in(page, "ann")
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    clerk.browsers.life_s = 5  # every call fetches a token of its own
    await page.reload()
    await page.get_by_label("What should be built").fill(PROMPT)
    clerk.browsers.end_all()
    await page.get_by_role("button", name="Build").click()
    banner = page.locator("#banner")
    await expect(banner).to_contain_text("You are signed out")
    await banner.get_by_role("button", name="Sign in").click()
    await sign_in(page, "ann")
    await page.wait_for_url("**/#/t/task_*")
    await expect(banner).to_be_hidden()
    claim = await sidecar.worker.take()
    assert (claim.task.prompt, claim.task.owner) == (PROMPT, OwnerId("user_ann"))


async def test_what_ann_was_about_to_send_is_never_sent_as_bob(
    page: Page, clerk: FakeClerk, sidecar: RunningSidecar
) -> None:
    await page.goto(sidecar.url)
    await sign_in(page, "ann")
    clerk.browsers.life_s = 5
    await page.reload()
    await page.get_by_label("What should be built").fill(PROMPT)
    clerk.browsers.end_all()
    await page.get_by_role("button", name="Build").click()
    await page.locator("#banner").get_by_role("button", name="Sign in").click()
    await sign_in(page, "bob")
    await expect(page.locator(".account")).to_contain_text("Bob Example")
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    assert await sidecar.store.projects(OwnerId("user_bob")) == []


async def test_a_task_goes_on_after_its_tokens_time_on_a_server_that_comes_back(
    page: Page, clerk: FakeClerk, tmp_path: Path
) -> None:
    port, store = free_port(), tmp_path / "other.db"
    clerk.browsers.life_s = 5
    async with signed_in_sidecar(clerk, store, port) as first:
        await page.goto(first.url)
        await sign_in(page, "ann")
        await begin(page, first)
        await first.worker.take()
        await first.worker.prepare()
        await first.worker.say("Before, ")
        await expect(page.get_by_text("Before,")).to_be_visible()
        asked = clerk.browsers.asked
        await first.runner.cleanup()
        async with signed_in_sidecar(clerk, store, port):
            await first.worker.say("and after.")
            await expect(page.get_by_text("Before, and after.")).to_be_visible()
            await first.worker.complete(APP)
            await expect(page.locator(".turn")).to_have_attribute("data-status", "complete")
    assert clerk.browsers.asked > asked


async def test_a_stream_that_wants_a_newer_token_goes_on_without_a_gap_and_without_a_word(
    page: Page, clerk: FakeClerk, tmp_path: Path
) -> None:
    await page.add_init_script(
        "window.said = []; new MutationObserver(() => window.said.push(document.querySelector("
        "'.connection')?.textContent)).observe(document, { subtree: true, childList: true })"
    )
    store = tmp_path / "short.db"
    async with signed_in_sidecar(clerk, store, free_port(), stream_s=0.4) as sidecar:
        await page.goto(sidecar.url)
        await sign_in(page, "ann")
        await begin(page, sidecar)
        await sidecar.worker.take()
        await sidecar.worker.prepare()
        words = [f"word{number} " for number in range(12)]
        for at, word in enumerate(words):
            await sidecar.worker.say(word)
            await expect(page.locator(".prose")).to_contain_text("".join(words[: at + 1]).strip())
            async with page.expect_response("**/api/stream-progress**"):
                pass
        await sidecar.worker.complete(APP)
        await expect(page.locator(".turn")).to_have_attribute("data-status", "complete")
        said = await page.evaluate("window.said")
    assert set(said) <= {None, ""}


async def test_where_clerk_cannot_be_reached_the_page_says_so(
    page: Page, sidecar: RunningSidecar
) -> None:
    await page.route("**/clerk.browser.js", lambda route: route.abort())
    await page.goto(sidecar.url)
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Sign-in does not work just now"
    )
    await page.unroute("**/clerk.browser.js")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_label("Email address")).to_be_visible()


async def test_where_clerk_gives_no_token_it_is_asked_again_later_and_later(
    page: Page, clerk: FakeClerk, sidecar: RunningSidecar
) -> None:
    await page.goto(sidecar.url)
    await sign_in(page, "ann")
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    clerk.browsers.withheld = 3
    await page.reload()
    await expect(page.locator(".projects")).to_contain_text("Nothing yet")
    times = clerk.browsers.withheld_at
    assert all(after - before > 0.2 for before, after in pairwise(times))
    assert len(times) == 3


async def test_what_ann_typed_and_did_not_send_is_not_there_for_bob(
    page: Page, sidecar: RunningSidecar
) -> None:
    box = page.get_by_label("What should be built")
    await page.goto(sidecar.url)
    await sign_in(page, "ann")
    await box.fill("Ann's secret plan")
    await page.reload()
    await expect(box).to_have_value("Ann's secret plan")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Email address")).to_be_visible()
    assert "secret" not in await page.evaluate("JSON.stringify({ ...sessionStorage })")
    await sign_in(page, "bob")
    await expect(box).to_have_value("")

"""Linking an account, in real browsers: our page, a stand-in for Clerk, and one for Slack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from bot.store.identity_port import SlackPerson
from tests.browser.test_access import AXE, check_access
from tests.fakes.link_house import LinkHouse, greeting, link_house

ANN = SlackPerson("T1", "U1")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LinkHouse]:
    async with link_house(tmp_path / "zapdev.db") as running, greeting(running):
        yield running


@pytest.fixture
async def codes(tmp_path: Path) -> AsyncIterator[LinkHouse]:
    async with link_house(tmp_path / "zapdev.db", by_code=True) as running, greeting(running):
        yield running


async def sign_in(page: Page, house: LinkHouse, who: str) -> None:
    await page.goto(f"{house.url}/link")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("Email address").fill(who)
    await page.get_by_role("button", name="Continue", exact=True).click()
    await expect(page.get_by_text("Signed in as")).to_be_visible()


async def test_from_the_wall_in_slack_to_the_build_that_begins_by_itself(
    page: Page, house: LinkHouse
) -> None:
    await house.slack.mention("U1", "C1", "a shop for bikes")
    await house.bot.settled()
    [wall] = house.slack.ephemeral("U1")
    [button] = [e for b in wall.blocks for e in b.get("elements", [])]
    assert button["url"] == f"{house.url}/link"

    await sign_in(page, house, "ada")
    house.slack.browser.signed_in = "U1"
    await page.get_by_role("button", name="Continue with Slack").click()
    await expect(page.locator(".parties")).to_contain_text("u1 in Bikes")
    await expect(page.locator(".parties")).to_contain_text("ada@bikes.example")
    assert page.url == f"{house.url}/link", "nothing of it stays in the address"
    await page.get_by_role("button", name="Link them").click()
    await expect(page.get_by_role("status").filter(has_text="Linked.").last).to_be_visible()
    await expect(page.locator(".links li")).to_contain_text("u1 in Bikes")

    claim = await house.bot.worker.take()
    assert (claim.task.prompt, claim.task.owner) == ("a shop for bikes", "user_ada")
    [told] = house.slack.bot_messages(house.bot.team.dm("U1").id)
    await house.slack.click("U1", told, "zd_link_not_me")
    await house.bot.settled()
    await page.reload()
    await expect(page.get_by_role("button", name="Continue with Slack")).to_be_visible()
    await expect(page.locator(".links li")).to_have_count(0)


async def test_a_forwarded_link_links_who_follows_it_to_themselves_only(
    page: Page, browser: Browser, house: LinkHouse
) -> None:
    """Two browsers: the attacker began, and sends the address to somebody else."""
    await sign_in(page, house, "ada")
    house.slack.browser.signed_in = "U1"
    async with page.expect_request("**/openid/connect/authorize*") as asked:
        await page.get_by_role("button", name="Continue with Slack").click()
    sent_to_slack = (await asked.value).url
    await expect(page.locator(".parties")).to_be_visible()

    context = await browser.new_context()
    victim = await context.new_page()
    await sign_in(victim, house, "ben")
    house.slack.browser.signed_in = "U2"
    await victim.goto(sent_to_slack)
    await expect(victim.get_by_role("heading")).to_have_text("This did not begin here")
    await victim.goto(f"{house.url}/link")
    await expect(victim.get_by_text("ben@bikes.example")).to_be_visible()
    await expect(victim.locator(".parties")).to_have_count(0)

    await victim.get_by_role("button", name="Continue with Slack").click()
    await victim.get_by_role("button", name="Link them").click()
    await expect(victim.locator(".links li")).to_contain_text("u2 in Bikes")
    await page.get_by_role("button", name="Link them").click()
    await expect(page.locator(".links li")).to_contain_text("u1 in Bikes")
    links = await house.store.links_of_team("T1")
    assert {link.person.user_id: link.account.user_id for link in links} == {
        "U1": "user_ada",
        "U2": "user_ben",
    }
    await context.close()


async def test_by_a_code_the_page_waits_for_slack_and_then_asks(
    page: Page, codes: LinkHouse
) -> None:
    await sign_in(page, codes, "ada")
    await page.get_by_role("button", name="Get a code").click()
    typed = await page.locator(".code-to-type").inner_text()
    await codes.slack.command("U1", "C1", "/zapdev", typed.removeprefix("/zapdev "))
    await codes.bot.settled()
    await expect(page.locator(".link-card")).to_contain_text("u1 in T1 has typed the code")
    await codes.slack.click("U1", codes.slack.ephemeral("U1")[-1], "zd_link_agree")
    await codes.bot.settled()
    await expect(page.locator(".parties")).to_contain_text("u1 in T1")
    await page.get_by_role("button", name="Link them").click()
    await expect(page.locator(".links li")).to_contain_text("u1 in T1")
    assert await codes.store.link_of(ANN) is not None


async def test_who_is_linked_elsewhere_is_told_and_stays_where_they_are(
    browser: Browser, house: LinkHouse
) -> None:
    page = await browser.new_page()  # whose console may tell of the refusal
    ben = await house.browser("user_ben")
    assert (await ben.link("U1"))[0] == 200
    await sign_in(page, house, "ada")
    house.slack.browser.signed_in = "U1"
    await page.get_by_role("button", name="Continue with Slack").click()
    await page.get_by_role("button", name="Link them").click()
    await expect(page.get_by_role("alert")).to_contain_text("linked to another account")
    link = await house.store.link_of(ANN)
    assert link is not None
    assert link.account.user_id == "user_ben"


async def test_what_is_linked_is_unlinked_on_the_page(page: Page, house: LinkHouse) -> None:
    ada = await house.browser("user_ada")
    await ada.link("U1")
    await sign_in(page, house, "ada")
    await page.get_by_role("button", name="Unlink u1 in Bikes").click()
    await expect(page.locator(".links li")).to_have_count(0)
    assert await house.store.link_of(ANN) is None


async def test_administrators_see_what_was_done_of_late_and_others_do_not(
    page: Page, house: LinkHouse
) -> None:
    await page.add_init_script(AXE)
    ada = await house.browser("user_ada", org_id="org_bikes")
    await ada.link("U1")
    await sign_in(page, house, "ada")
    await expect(page.locator(".links li")).to_have_count(1)
    await expect(page.locator(".audit")).to_have_count(0)
    [*house.clerk.browsers.sessions.values()][-1].organisation = "org_bikes"
    await page.reload()
    await page.get_by_text("What was done of late").click()
    await expect(page.locator(".audit li")).to_contain_text(
        "u1 in Bikes: linked by ada@bikes.example"
    )
    await check_access(page, "audit")
    await page.get_by_role("button", name="Unlink u1 in Bikes").click()
    await page.get_by_text("What was done of late").click()
    await expect(page.locator(".audit li").first).to_contain_text("U1 in T1: unlinked by ada@")


async def test_axe_finds_nothing_serious_on_any_step(page: Page, house: LinkHouse) -> None:
    await page.add_init_script(AXE)
    await page.goto(f"{house.url}/link")
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await check_access(page, "signed out")
    await sign_in(page, house, "ada")
    await check_access(page, "signed in")
    house.slack.browser.signed_in = "U1"
    await page.get_by_role("button", name="Continue with Slack").click()
    await expect(page.locator(".parties")).to_be_visible()
    await check_access(page, "to be confirmed")
    await page.get_by_role("button", name="Link them").click()
    await expect(page.locator(".links li")).to_be_visible()
    await check_access(page, "linked")


async def test_a_keyboard_is_enough_and_keeps_its_place(page: Page, codes: LinkHouse) -> None:
    await sign_in(page, codes, "ada")
    await page.get_by_role("button", name="Get a code").focus()
    await page.keyboard.press("Enter")
    typed = await page.locator(".code-to-type").inner_text()
    await expect(page.locator("#main")).to_be_focused()
    await codes.slack.command("U1", "C1", "/zapdev", typed.removeprefix("/zapdev "))
    await codes.bot.settled()
    await expect(page.locator(".link-card")).to_contain_text("has typed the code")
    await codes.slack.click("U1", codes.slack.ephemeral("U1")[-1], "zd_link_agree")
    await codes.bot.settled()
    await expect(page.locator(".parties")).to_be_visible()
    await page.get_by_role("button", name="Link them").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await expect(page.locator("#live")).to_contain_text("Linked.")

"""The page of the API, as wide as a desk's screen and as narrow as a phone."""

from playwright.async_api import Page, expect

from tests.fakes.sidecar import RunningSidecar

BROKEN = """() => [...document.querySelectorAll("nav a")].flatMap((link) => {
  const texts = document.createTreeWalker(link, NodeFilter.SHOW_TEXT);
  const broken = [];
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(text);
    if (range.getClientRects().length > 1) broken.push(text.data);
  }
  return broken;
})"""
"""Texts of the list that stand on more than one line: between two texts a path may be broken."""


async def test_on_a_phone_the_page_begins_with_itself_and_the_list_unfolds(
    page: Page, sidecar: RunningSidecar
) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"{sidecar.url}/docs")
    await expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    link = page.get_by_role("link", name="/api/generate", exact=False)
    await expect(link).to_have_count(0)
    await page.get_by_text("Contents", exact=True).click()
    await link.click()
    await expect(page.locator("#post-api-generate h3")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_beside_the_page_no_word_of_the_list_is_broken(
    page: Page, sidecar: RunningSidecar
) -> None:
    for width in (1280, 1000):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(f"{sidecar.url}/docs")
        await expect(page.get_by_role("link", name="/api/generate", exact=False)).to_be_visible()
        assert await page.evaluate(BROKEN) == []

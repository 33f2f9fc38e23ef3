"""A page whose line breaks, and pages of others that would like to be ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from playwright.async_api import Page, expect

from tests.browser.test_page import begin, running_app
from tests.fakes.sidecar import RunningSidecar
from tests.fakes.worker import APP


async def test_a_page_that_was_offline_catches_up_by_itself(
    page: Page, sidecar: RunningSidecar
) -> None:
    await begin(page, sidecar)
    await sidecar.worker.take()
    await sidecar.worker.prepare()
    await sidecar.worker.say("Before, ")
    await expect(page.get_by_text("Before,")).to_be_visible()

    await page.context.set_offline(True)
    sidecar.cut()  # being offline keeps what is open
    await expect(page.locator("#banner")).to_contain_text("You are offline")
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    await sidecar.worker.say("meanwhile, ")
    async with page.expect_response("**/api/stream-progress**"):
        await page.context.set_offline(False)
    await expect(page.locator("#banner")).to_be_hidden()
    await sidecar.worker.say("after.")
    await expect(page.get_by_text("Before, meanwhile, after.")).to_be_visible()
    await sidecar.worker.complete(APP)
    await expect(page.locator(".turn")).to_have_attribute("data-status", "complete")


async def test_what_cannot_be_sent_stays_in_the_box_with_what_to_do(
    page: Page, sidecar: RunningSidecar
) -> None:
    await page.goto(sidecar.url)
    await page.get_by_label("What should be built").fill("A recipe box")
    await page.route("**/api/generate", lambda route: route.abort())
    await page.get_by_role("button", name="Build").click()
    trouble = page.locator(".trouble")
    await expect(trouble).to_contain_text("The server cannot be reached.")
    await expect(trouble).to_contain_text("Your words are still there.")
    await expect(page.get_by_label("What to change")).to_have_value("A recipe box")
    await page.unroute("**/api/generate")
    await page.get_by_label("What to change").press("Enter")
    await page.wait_for_url("**/#/t/task_*")
    assert (await sidecar.worker.take()).task.prompt == "A recipe box"


ATTACK = """async (server) => {
  const told = [];
  const attempt = async (name, work) => {
    try { told.push([name, await work()]); } catch (error) { told.push([name, error.name]); }
  };
  const body = JSON.stringify({ prompt: "Forged" });
  await attempt("read", async () => (await fetch(`${server}/api/projects`)).text());
  await attempt("json", async () => (await fetch(`${server}/api/generate`, {
    method: "POST", body, headers: { "Content-Type": "application/json" } })).status);
  for (const type of ["text/plain", "application/x-www-form-urlencoded"])
    await attempt(type, async () => (await fetch(`${server}/api/generate`, {
      method: "POST", mode: "no-cors", body, headers: { "Content-Type": type } })).type);
  await attempt("import", async () => Object.keys(await import(`${server}/page/wire.js`)).join());
  return told;
}"""
FORM = """(server) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action: `${server}/api/generate`, enctype: "text/plain" });
  const box = document.createElement("input");
  Object.assign(box, { name: '{"prompt": "Forged", "x": "', value: '"}' });
  form.append(box);
  document.body.append(form);
  form.submit();
}"""
FRAME = """(server) => {
  const frame = document.createElement("iframe");
  frame.src = server;
  document.body.append(frame);
}"""


@asynccontextmanager
async def another_tab(page: Page) -> AsyncIterator[Page]:
    """Of the same browser; errors on it are what is wanted."""
    other = await page.context.new_page()
    yield other
    await other.close()


async def test_another_site_in_the_same_browser_starts_and_reads_nothing(
    page: Page, sidecar: RunningSidecar
) -> None:
    await sidecar.built_project()
    async with running_app("A site of somebody else") as evil, another_tab(page) as other:
        for site in (evil, evil.replace("127.0.0.1", "localhost")):
            await other.goto(site)
            told = dict(await other.evaluate(ATTACK, sidecar.url))
            assert told.pop("text/plain") in {"opaque", "TypeError"}
            assert told.pop("application/x-www-form-urlencoded") in {"opaque", "TypeError"}
            assert told == {"read": "TypeError", "json": "TypeError", "import": "TypeError"}
            await other.evaluate(FRAME, sidecar.url)
            framed = other.frame_locator("iframe").get_by_label("What should be built")
            await expect(framed).to_have_count(0)
            await other.evaluate(FORM, sidecar.url)
            await other.wait_for_url("**/api/generate")
            await expect(other.locator("body")).to_contain_text("not allowed")
    listed = await sidecar.get("/api/projects")
    assert len(listed["projects"]) == 1


async def test_the_app_in_the_frame_does_not_reach_the_page_around_it(
    page: Page, sidecar: RunningSidecar
) -> None:
    """Nor does it lead the page elsewhere, or read what our host has kept."""
    await page.goto(sidecar.url)
    await page.evaluate("document.cookie = 'session=ours'")
    tries: list[str] = []
    script = """<h1>App</h1><script>
      const tried = [document.cookie];
      for (const reach of [() => parent.document.title, () => { top.location = "/elsewhere"; }])
        try { tried.push(String(reach())); } catch (error) { tried.push(error.name); }
      fetch("/told", { method: "POST", body: JSON.stringify(tried) });
    </script>"""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=script, content_type="text/html")

    async def told(request: web.Request) -> web.Response:
        tries.extend(await request.json())
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/", show), web.post("/told", told)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with another_tab(page) as tab:
            await begin(tab, sidecar)
            await sidecar.worker.take()
            async with tab.expect_response("**/told"):
                await sidecar.worker.build(preview_url=address)
            assert tries[0] == ""
            assert tries[1:] == ["SecurityError", "SecurityError"]
            assert "#/t/task_" in tab.url
    finally:
        await runner.cleanup()

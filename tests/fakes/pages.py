"""Small pages from a real server on loopback, for a browser to look at.

    async with serving_pages({"/": "<h1>Hi</h1>", "/data": json_answer}) as site:
        await browser.look(site.url)

A page is its HTML, or a handler of aiohttp's. What nobody names is 404. `asked` has every path.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Pages = Mapping[str, str | Handler]


@dataclass
class Site:
    """A server that runs."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving_pages(pages: Pages) -> AsyncIterator[Site]:
    """Serve while inside; requests that still wait end with it."""
    site = Site()

    async def answer(request: web.Request) -> web.StreamResponse:
        site.asked.append(request.path)
        page = pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        if isinstance(page, str):
            return web.Response(text=page, content_type="text/html")
        return await page(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield site
    finally:
        await runner.cleanup()

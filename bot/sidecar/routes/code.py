"""Code as a page shows it: pieces of text with the names of their colours, never markup."""

from aiohttp import web

from bot.sidecar.bodies import HighlightBody, read_body
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import in_time


def routes() -> list[web.RouteDef]:
    """The table."""
    return [web.post("/api/highlight", in_time(highlight))]


async def highlight(request: web.Request) -> web.Response:
    """`{path, text}` → `{lines: [[[kind, text], …], …]}`; joined, the pieces are the text."""
    body = await read_body(request, HighlightBody)
    lines = await request.app[DEPS].highlighter.lines(body.path, body.text)
    return web.Response(body=lines, content_type="application/json", charset="utf-8")

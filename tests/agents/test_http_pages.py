"""What an app answers is bytes of a stranger's: none of them may break the gate."""

import pytest
from aiohttp import web

from agents.http_pages import HttpPages
from agents.ports import Page
from tests.fakes.pages import Handler, serving_pages

LIMIT_S = 10.0


async def got(handler: Handler) -> Page | None:
    async with serving_pages({"/": handler, "/app": "<h1>App</h1>"}) as site, HttpPages() as pages:
        return await pages.get(site.url, timeout_s=LIMIT_S)


@pytest.mark.parametrize("charset", ["foo", "hex", "idna", "undefined", "utf-8", ""])
async def test_a_charset_that_nobody_knows_is_read_as_utf_8(charset: str) -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        kind = {"Content-Type": f"text/html; charset={charset}"}
        return web.Response(body="<p>Räder</p>".encode(), headers=kind)

    assert await got(page) == Page(200, "<p>Räder</p>", "text/html")


async def test_a_charset_that_is_known_counts() -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<p>Räder</p>", charset="latin-1", content_type="text/html")

    assert await got(page) == Page(200, "<p>Räder</p>", "text/html")


@pytest.mark.parametrize(
    "target", ["http://[x", "//[", "http://127.0.0.1:no/", "http://example.com/", "mailto:a@b"]
)
async def test_a_redirect_that_leads_away_or_nowhere_is_not_followed(target: str) -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, text="moved", headers={"Location": target})

    assert await got(page) == Page(302, "moved", "text/plain")


async def test_a_redirect_on_the_same_server_is_followed() -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/app")

    assert await got(page) == Page(200, "<h1>App</h1>", "text/html")


async def test_a_redirect_with_bytes_that_are_no_text_is_no_answer_or_an_error_page() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(
            b"HTTP/1.1 302 Found\r\nLocation: /\xff\xfe\r\nContent-Length: 0\r\n\r\n"
        )
        request.transport.close()
        return web.Response()

    found = await got(page)
    assert found is None or found.status >= 300

"""Reads a preview over HTTP for the gate."""

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

from agents.addresses import on_same_server
from agents.ports import Page

BODY_LIMIT = 2 * 1024 * 1024
_REDIRECTS = 5


class HttpPages:
    """Implements `agents.ports.PageFetcher` with aiohttp; an async context manager."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def get(self, url: str, *, timeout_s: float) -> Page | None:
        """The answer after at most five redirects on the same origin; None when none came."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._follow(url)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def _follow(self, url: str) -> Page:
        for _ in range(_REDIRECTS):
            async with self._session.get(url, allow_redirects=False) as answer:
                target = answer.headers.get("Location")
                moved = on_same_server(url, target) if target else None
                if moved is None or not 300 <= answer.status < 400:
                    return await _read(answer)
                url = moved
        return Page(508, "The page redirects in a circle.")


async def _read(answer: aiohttp.ClientResponse) -> Page:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        body += chunk
        if len(body) >= BODY_LIMIT:
            break
    text = _decode(bytes(body[:BODY_LIMIT]), answer.charset or "utf-8")
    return Page(answer.status, text, answer.content_type)


def _decode(body: bytes, charset: str) -> str:
    """As the server says, unless that is no charset."""
    try:
        return body.decode(charset, errors="replace")
    except (LookupError, ValueError):  # some of Python's codecs are not for bytes off the network
        return body.decode(errors="replace")

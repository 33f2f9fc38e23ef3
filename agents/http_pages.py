"""Reads a preview over HTTP for the gate."""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp

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
        origin = urlsplit(url).netloc
        for _ in range(_REDIRECTS):
            async with self._session.get(url, allow_redirects=False) as answer:
                target = answer.headers.get("Location")
                moved = urljoin(url, target) if 300 <= answer.status < 400 and target else None
                if moved is None or urlsplit(moved).netloc != origin:
                    return await _read(answer)
                url = moved
        return Page(508, "The page redirects in a circle.")


async def _read(answer: aiohttp.ClientResponse) -> Page:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        body += chunk
        if len(body) >= BODY_LIMIT:
            break
    text = bytes(body[:BODY_LIMIT]).decode(answer.charset or "utf-8", errors="replace")
    return Page(answer.status, text, answer.content_type)

"""Asks the package registry that npm on this machine is configured for."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec

from agents.errors import ProviderTimeout, ProviderUnavailable, SandboxUnavailable
from agents.publications import Publication
from agents.sandbox.toolchain import Registry, ask_npm

ANSWER_S: Final = 8.0
"""How long one look may take, finding out the registry's address aside."""
MAX_BYTES: Final = 32 * 1024 * 1024
"""The longest histories are shorter; beyond it the age stays unknown."""


class _Document(msgspec.Struct):
    """What counts of a package's document: when each version came, and `created`."""

    time: dict[str, str] | None = None


class NpmRegistry:
    """Implements `agents.ports.PackageRegistry` over HTTP; npm is asked once where it is."""

    def __init__(
        self, find: Callable[[], Awaitable[Registry]] = ask_npm, *, answer_s: float = ANSWER_S
    ) -> None:
        self._find = find
        self._answer_s = answer_s
        self._registry: Registry | None = None
        self._finding = asyncio.Lock()

    async def published(self, name: str) -> Publication | None:
        registry = await self._where()
        try:
            async with asyncio.timeout(self._answer_s):
                return await _ask(registry, name)
        except TimeoutError as error:
            raise ProviderTimeout("the package registry does not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ProviderUnavailable("the package registry does not answer") from error

    async def _where(self) -> Registry:
        async with self._finding:
            if self._registry is None:
                try:
                    self._registry = await self._find()
                except SandboxUnavailable as error:
                    raise ProviderUnavailable("npm here names no registry") from error
            return self._registry


async def _ask(registry: Registry, name: str) -> Publication | None:
    url = f"{registry.url.rstrip('/')}/{quote(name, safe='@')}"
    trusted = await asyncio.to_thread(_trusting, registry)
    async with (
        aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(
            url, proxy=registry.proxy, ssl=trusted, headers={"Accept": "application/json"}
        ) as answer,
    ):
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ProviderUnavailable(f"the package registry answers {answer.status}")
        body = bytearray()
        async for chunk in answer.content.iter_chunked(65_536):
            body += chunk
            if len(body) > MAX_BYTES:
                return Publication(since=None)
    created = (msgspec.json.decode(bytes(body), type=_Document).time or {}).get("created")
    return Publication(since=_as_utc(created) if created else None)


def _trusting(registry: Registry) -> ssl.SSLContext:
    """The system's certificates and npm's extra ones. Blocks."""
    context = ssl.create_default_context()
    if registry.ca_file is not None:
        context.load_verify_locations(cafile=registry.ca_file)
    return context


def _as_utc(text: str) -> datetime:
    """Raises: ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

"""The guarded way out: GET requests to a few named hosts, and to nowhere else.

Callers build addresses themselves; what a server answers (a redirect) is checked like an address
of a stranger. Three walls stand behind one another: the host's name is on the list, the scheme is
https on port 443, and the address that the name leads to is public, looked at when the socket is
made, so that neither a spelling nor a name server can choose another one. An origin that the
operator has set is trusted as it is set.
"""

import asyncio
import io
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from agents.addresses import is_public
from agents.errors import ImportDenied, SourceUnavailable

MAX_REDIRECTS: Final = 3
MAX_BODY: Final = 1024 * 1024
"""Bytes of an answer that is kept in memory."""

TOTAL_S: Final = 30.0
CONNECT_S: Final = 10.0
SILENCE_S: Final = 20.0
_CHUNK: Final = 65_536
_HOST: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_MOVED: Final = (301, 302, 303, 307, 308)


class PrivateAddress(OSError):
    """A name led to an address that is not on the public internet."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where a client may go: public `hosts`, and `trusted` origins (`http://10.0.0.5:3000`)."""

    hosts: frozenset[str]
    trusted: frozenset[str] = frozenset()

    def trust(self, url: URL) -> bool:
        """Whether an operator has named this address's scheme, host and port."""
        return _origin(url) in self.trusted

    def check(self, address: str, base: URL | None = None) -> URL:
        """The address, if one may go there. Raises: ImportDenied."""
        try:
            url = URL(address, encoded=True)
            url = base.join(url) if base is not None else url
            host, port = url.raw_host, url.port
        except ValueError:
            raise _denied("it is no address") from None
        if url.raw_user is not None or url.raw_password is not None or "@" in url.raw_authority:
            raise _denied("it holds a user name")
        if not address.isprintable() or not address.isascii() or "\\" in address:
            raise _denied("it holds characters that no address has")
        if self.trust(url):
            return url
        if url.scheme != "https" or port != 443:
            raise _denied("it is not https on its usual port")
        if host is None or not _HOST.fullmatch(host) or host not in self.hosts:
            raise _denied("that host is not one that imports come from")
        return url


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer: never a redirect that was followed. `headers` have lower-case names.

    `body` is empty where a 200 went into a file.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Download:
    """Where the body of a 200 goes instead of into memory, and how much it may be."""

    file: BinaryIO
    max_bytes: int
    limit_s: float


def guarded_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """A socket to a public address, for aiohttp. Raises: PrivateAddress."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PrivateAddress(f"{address[0]} is not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)


class GuardedClient:
    """GET under guard; an async context manager.

    Nothing of the environment counts, no cookie is kept, and nothing is unpacked on the way.
    """

    def __init__(
        self, destinations: Destinations, *, resolver: AbstractResolver | None = None
    ) -> None:
        self._destinations = destinations
        self._resolver = resolver

    async def __aenter__(self) -> Self:
        self._guarded = self._session(
            aiohttp.TCPConnector(resolver=self._resolver, socket_factory=guarded_socket)
        )
        self._trusting = self._session(aiohttp.TCPConnector(resolver=self._resolver))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._guarded.close()
        await self._trusting.close()

    async def get(
        self,
        address: str,
        *,
        headers: Mapping[str, str],
        credentials: Mapping[str, str] | None = None,
        download: Download | None = None,
    ) -> Answer:
        """The answer, after at most three redirects, each checked like the first address.

        `credentials` are headers that are sent to the origin of `address` only.

        Raises: ImportDenied (an address that is not allowed, an answer beyond its cap),
        SourceUnavailable.
        """
        limit_s = download.limit_s if download is not None else TOTAL_S
        try:
            async with asyncio.timeout(limit_s):
                return await self._follow(address, headers, credentials or {}, download)
        except TimeoutError:
            raise SourceUnavailable(f"no whole answer within {limit_s:g} s") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddress):
                raise _denied("its name leads to a private address") from error
            raise SourceUnavailable(f"not reached: {error}") from error
        except (aiohttp.ClientError, OSError, UnicodeError, ValueError) as error:
            raise SourceUnavailable(f"broke off: {type(error).__name__}") from error

    async def _follow(
        self,
        address: str,
        headers: Mapping[str, str],
        credentials: Mapping[str, str],
        download: Download | None,
    ) -> Answer:
        first = url = self._destinations.check(address)
        for _ in range(MAX_REDIRECTS + 1):
            sent = {"Accept-Encoding": "identity", **headers}
            if _origin(url) == _origin(first):
                sent |= credentials
            trusted = self._destinations.trust(url)
            session = self._trusting if trusted else self._guarded
            async with session.get(url, headers=sent, allow_redirects=False) as answer:
                target = answer.headers.get("Location")
                if target is None or answer.status not in _MOVED:
                    return await _read(answer, download)
                url = self._destinations.check(target, base=url)
        raise _denied("it redirects in a circle")

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S, connect=CONNECT_S
            ),
        )


async def _read(answer: aiohttp.ClientResponse, download: Download | None) -> Answer:
    """Raises: ImportDenied beyond the cap, or for a body that is packed unasked."""
    kept = io.BytesIO()
    into: BinaryIO = kept
    limit = MAX_BODY
    if download is not None and answer.status == 200:
        into, limit = download.file, download.max_bytes
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise ImportDenied("The answer is packed in a way that was not asked for.")
    read = 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        read += len(chunk)
        if read > limit:
            raise ImportDenied(
                f"It is larger than {limit // 1024**2} MiB, the most that is fetched."
            )
        into.write(chunk)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status, headers, kept.getvalue(), str(answer.url))


def _origin(url: URL) -> str:
    return f"{url.scheme}://{url.raw_host}:{url.port}"


def origin_of(address: str) -> str:
    """An address's origin as `Destinations.trusted` holds it, the port always written out."""
    return _origin(URL(address))


def _denied(reason: str) -> ImportDenied:
    return ImportDenied(f"I do not go to that address: {reason}.")

"""The one way out of a look: a proxy on loopback that everything the page does goes through.

It decides by where a connection really leads, so redirects, web sockets, workers and names that
resolve to inside addresses are all covered: the preview's own address may be reached, and public
hosts over https (apps load fonts and libraries). Nothing else: no other port of this machine, no
private network, no metadata service. A page that asks for many hosts waits for itself alone: names
are looked up in threads of the look's own, and only so many of them.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

from agents.addresses import is_public
from agents.tunnel import CHUNK, Connection, Door

_HTTPS = 443
_CONNECT_S = 5.0
_LOOKUPS, _DIALS, _MOST_HOSTS = 4, 32, 64
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_REFUSED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
_HOP = (b"proxy-connection:", b"proxy-authorization:", b"connection:", b"keep-alive:")

Address = tuple[str, int]


class WayOut:
    """An HTTP proxy for one look at `preview`; an async context manager.

    `unreachable` names hosts that were asked for and not reached, the preview's own left out.
    """

    def __init__(self, preview: str) -> None:
        self._own = _address(urlsplit(preview))
        self._door = Door(self._dial)
        self._resolver = ThreadPoolExecutor(_LOOKUPS, "look-up")
        self._dials = asyncio.Semaphore(_DIALS)
        self._hosts: set[str] = set()
        self.url = ""
        self.unreachable: set[str] = set()

    async def __aenter__(self) -> Self:
        self._door.server = await asyncio.start_server(
            self._door.accept, "127.0.0.1", 0, limit=CHUNK
        )
        self.url = f"http://127.0.0.1:{self._door.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._door.close()
        finally:
            self._resolver.shutdown(wait=False, cancel_futures=True)

    async def _dial(self, client: Connection) -> Connection | None:
        """Read one request head, and connect to where it leads if that is allowed."""
        reader, writer = client
        async with asyncio.timeout(_CONNECT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        tunnel = method == b"CONNECT"
        wanted = urlsplit(f"https://{target.decode()}" if tunnel else target.decode())
        upstream = await self._reach(_address(wanted), tunnel=tunnel)
        if tunnel:
            writer.write(_ESTABLISHED if upstream is not None else _REFUSED)
            await writer.drain()
        elif upstream is not None:
            upstream[1].write(_for_origin(head, wanted))
        return upstream

    async def _reach(self, wanted: Address, *, tunnel: bool) -> Connection | None:
        """A connection to an allowed address; None for others, and where nothing answers."""
        host, port = wanted
        try:
            async with asyncio.timeout(_CONNECT_S):
                if wanted == self._own:
                    # Resolvers know only some names below `localhost`; browsers know them all.
                    here = "127.0.0.1" if host.endswith(".localhost") else host
                    return await asyncio.open_connection(here, port, limit=CHUNK)
                if tunnel and port == _HTTPS and self._may_ask_for(host):
                    async with self._dials:
                        public = await self._public_address(host)
                        return await asyncio.open_connection(public, port, limit=CHUNK)
        except (OSError, UnicodeError):  # a time-out is an OSError too
            if wanted == self._own:
                return None
        if len(self.unreachable) < _MOST_HOSTS:
            self.unreachable.add(host)
        return None

    def _may_ask_for(self, host: str) -> bool:
        """Whether it is one of the first hosts that the page asks for."""
        if len(self._hosts) < _MOST_HOSTS:
            self._hosts.add(host)
        return host in self._hosts

    async def _public_address(self, host: str) -> str:
        """Where a name leads, if all it leads to is public. Raises: OSError, UnicodeError."""
        ask = partial(socket.getaddrinfo, host, _HTTPS, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._resolver, ask)
        addresses = [str(entry[4][0]) for entry in found]
        if not all(map(is_public, addresses)):
            raise OSError(f"{host} is not a public host")
        return addresses[0]


def _address(url: SplitResult) -> Address:
    """Host and port. Raises: ValueError."""
    return (url.hostname or "").rstrip("."), url.port or (_HTTPS if url.scheme == "https" else 80)


def _for_origin(head: bytes, wanted: SplitResult) -> bytes:
    """The request as its server reads it; one request per connection, so that none goes astray."""
    first, *fields = head[:-4].split(b"\r\n")
    method, _, version = first.split(b" ", 2)
    path = f"{wanted.path or '/'}{'?' + wanted.query if wanted.query else ''}".encode()
    kept = [field for field in fields if not field.lower().startswith(_HOP)]
    return b"\r\n".join([b" ".join((method, path, version)), *kept, b"Connection: close", b"", b""])

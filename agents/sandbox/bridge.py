"""The two doors in a sandbox's wall, both from our side.

`PreviewBridge` lets people in: a loopback port of the host whose connections go to a unix socket
that the sandbox's forwarder listens on. `RegistryGate` lets package installs out: a proxy on a
unix socket that reaches the package registry and nothing else.
"""

import asyncio
import base64
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agents.sandbox.isolation import CA_FILE, REGISTRY_PORT
from agents.sandbox.toolchain import Registry, address_of
from agents.tunnel import CHUNK, Connection, Door

_HEAD_LIMIT = 16 * 1024
_CONNECT_S = 20.0


class PreviewBridge:
    """`folder` holds the forwarder's socket, and is written by code nobody trusts."""

    def __init__(self, folder: Path) -> None:
        self._door = Door(self._dial)
        self._folder = folder

    async def open(self) -> str:
        """Listen, once; the answer is the base URL, the same for the sandbox's whole life."""
        if self._door.server is None:
            self._door.server = await asyncio.start_server(
                self._door.accept, "127.0.0.1", 0, limit=CHUNK
            )
        return f"http://127.0.0.1:{self._door.server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening and end every connection; twice is fine."""
        await self._door.close()

    async def _dial(self, client: Connection) -> Connection | None:
        """Connect to the very socket that was looked at.

        A symbolic link put in its place must not lead to another service of the host, so the
        entry is opened without following it, checked, and reached through its descriptor.
        """
        del client
        path = self._folder / "server.sock"
        entry = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        try:
            if not stat.S_ISSOCK(os.fstat(entry).st_mode):
                return None
            return await asyncio.open_unix_connection(f"/proc/self/fd/{entry}", limit=CHUNK)
        finally:
            os.close(entry)


class RegistryGate:
    """An HTTP proxy on a unix socket in `folder` that knows one destination."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self._door = Door(self._dial)
        self._folder = folder
        self._registry = registry

    @property
    def env(self) -> Mapping[str, str]:
        """What package managers inside must know to get through."""
        proxy = f"http://127.0.0.1:{REGISTRY_PORT}"
        env = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy)
        ca_file = Path(CA_FILE) if self._registry.ca_file else None
        return {**env, **registry_env(self._registry, ca_file)}

    async def open(self) -> None:
        """Listen, once."""
        if self._door.server is None:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:  # the short name: a socket's path has at most 107 bytes
                short = f"/proc/self/fd/{folder}/registry.sock"
                self._door.server = await asyncio.start_unix_server(
                    self._door.accept, short, limit=_HEAD_LIMIT
                )
            finally:
                os.close(folder)
            (self._folder / "registry.sock").chmod(0o666)

    async def close(self) -> None:
        """Stop listening and end every connection; twice is fine."""
        await self._door.close()

    async def _dial(self, client: Connection) -> Connection | None:
        """Read one request for the way through; anything but the registry is refused."""
        reader, writer = client
        async with asyncio.timeout(_CONNECT_S):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, *_ = head.split(b" ", 2)
            tunnel = method == b"CONNECT"
            wanted = target.decode("latin-1")
            if address_of(f"https://{wanted}" if tunnel else wanted) != self._registry.address:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return None
            proxy = self._registry.proxy
            host, port = address_of(proxy) if proxy else self._registry.address
            upstream = await asyncio.open_connection(host, port, limit=CHUNK)
        if tunnel and proxy is None:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream[1].write(_with_credentials(head, proxy))
        return upstream


def registry_env(registry: Registry, ca_file: Path | None) -> dict[str, str]:
    """The registry, in npm's own words; packages may not run programs while they install.

    `ca_file` is where the command finds extra certificates to trust.
    """
    env = {
        "npm_config_registry": registry.url,
        "npm_config_ignore_scripts": "true",
        "npm_config_git": "/bin/false",
        "npm_config_userconfig": "/nonexistent/npmrc",
        "npm_config_fetch_retry_mintimeout": "1000",
        "npm_config_fetch_retry_maxtimeout": "5000",
    }
    if ca_file is not None:
        env |= {"npm_config_cafile": str(ca_file), "NODE_EXTRA_CA_CERTS": str(ca_file)}
    return env


def _with_credentials(head: bytes, proxy: str | None) -> bytes:
    """The request head, with the host's own credentials for its proxy, if it has any."""
    user = urlsplit(proxy or "").netloc.rpartition("@")[0]
    if not user:
        return head
    basic = base64.b64encode(unquote(user).encode())
    return head[:-2] + b"Proxy-Authorization: Basic " + basic + b"\r\n\r\n"

"""The way from outside to a guest's port: bytes are passed on, both ways.

Each sandbox has a listener of its own for the stand-in's whole life, and the listener's port is
the sandbox's id, so that `http://127.0.0.1:{sandbox_id}` is its preview. It leads to the port
that a command of the sandbox named last.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from agents.background import Background
from agents.tunnel import join

_HEAD_LIMIT = 64 * 1024

Target = Callable[[], Awaitable[int | dict[str, Any]]]
"""The host's port to go on to, or the body of a 502."""


async def _nowhere() -> dict[str, Any]:
    return {}


class Listener:
    """One sandbox's door."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._background = Background()
        self.target: Target = _nowhere
        self.on_closed: Callable[[int], dict[str, Any]] = lambda _: {}

    async def open(self) -> int:
        """Listen on a free loopback port; answers it."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, limit=_HEAD_LIMIT, backlog=256
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._background.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._background.spawn(self._serve(reader, writer), name="preview connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = await self.target()
            if isinstance(target, int):
                try:
                    upstream = await asyncio.open_connection("127.0.0.1", target)
                except OSError:
                    target = self.on_closed(target)
                else:
                    upstream[1].write(head)
                    await join((reader, writer), upstream)
                    return
            body = json.dumps(target).encode()
            writer.write(
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\n"
                b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone
        finally:
            writer.close()

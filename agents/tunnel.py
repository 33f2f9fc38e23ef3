"""Doors that join two connections: what comes in on one side goes out on the other."""

import asyncio
from collections.abc import Awaitable, Callable

from agents.background import Background

CHUNK = 64 * 1024

# Nothing listens, it took too long, or what the client sent is no request.
_NO_WAY_THROUGH = (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Door:
    """A listening server whose connections are joined to what `dial` answers, and end with it."""

    def __init__(self, dial: Callable[[Connection], Awaitable[Connection | None]]) -> None:
        self._dial = dial
        self._background = Background()
        self.server: asyncio.Server | None = None

    async def close(self) -> None:
        """Stop listening and end every connection; twice is fine."""
        if self.server is not None:
            self.server.close()
            self.server = None
        await self._background.stop()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection, as a callback of the server."""
        _ = self._background.start(self._serve((reader, writer)), name="connection")

    async def _serve(self, client: Connection) -> None:
        try:
            upstream = await self._dial(client)
        except _NO_WAY_THROUGH:
            upstream = None
        try:
            if upstream is not None:
                await join(client, upstream)
        finally:
            client[1].close()


async def join(client: Connection, upstream: Connection) -> None:
    """Copy both ways until both sides have ended or one has failed."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(client[0], upstream[1]))
            both.create_task(_copy(upstream[0], client[1]))
    except* OSError:
        pass  # one side is gone: so is the connection
    finally:
        upstream[1].close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()

"""Socket Mode: the app's WebSockets, envelopes and their acknowledgements."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import aiohttp
from aiohttp import WSMsgType, web

from agents.background import Background
from agents.ports import Clock
from tests.fakes.slack.delivery import Attempt, Delivery
from tests.fakes.slack.rates import TIER_3
from tests.fakes.slack.web_request import Method, Request
from tests.fakes.slack.world import Json, World

CONNECTIONS_MAX: Final = 10
_LOST: Final = object()
Reason = Literal["refresh_requested", "warning", "link_disabled"]
_ENVELOPES: Final = {
    "event": "events_api",
    "command": "slash_commands",
    "interactive": "interactive",
}


@dataclass(eq=False)
class Connection:
    """One WebSocket of the app."""

    number: int
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    is_leaving: bool = False
    """Told to reconnect: nothing more is sent here."""
    is_frozen: bool = False
    """Neither pings nor acknowledgements get an answer, as when the network has gone silent."""
    pongs: int = 0
    late_acks: int = 0
    """Of envelopes that nobody waited for any more."""
    _waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        return not (self.is_leaving or self.socket.closed)

    async def listen(self) -> None:
        """Until the app closes it or it is lost."""
        try:
            async for message in self.socket:
                await self._take(message)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_result(_LOST)

    async def _take(self, message: aiohttp.WSMessage) -> None:
        if self.is_frozen:
            return
        if message.type is WSMsgType.PING:
            await self.socket.pong(message.data)
        elif message.type is WSMsgType.PONG:
            self.pongs += 1
        elif message.type is WSMsgType.TEXT:
            ack = json.loads(message.data)
            waiting = self._waiting.pop(ack.get("envelope_id", ""), None)
            if waiting is None or waiting.done():
                self.late_acks += 1
            else:
                waiting.set_result(ack.get("payload"))

    async def send(self, envelope: Json) -> asyncio.Future[Any]:
        """What comes is the acknowledgement's payload, or `_LOST` with the connection."""
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = waiting
        await self.socket.send_json(envelope)
        return waiting

    async def ping(self) -> None:
        await self.socket.ping(b"Ping from applink-1")

    def drop(self) -> None:
        """Lose the TCP connection without a word."""
        if self.transport is not None:
            self.transport.abort()


class SocketMode:
    """Every connection of the app; a payload goes to one of them, in turn."""

    def __init__(self, world: World, clock: Clock, ack_limit_s: float) -> None:
        self._world, self._clock, self._limit_s = world, clock, ack_limit_s
        self._tickets: set[str] = set()
        self._turn = 0
        self._background = Background()
        self.opened: list[Connection] = []
        """Every connection there ever was."""
        self.method = Method(self._open, TIER_3, ("connections:write",), "app")

    @property
    def connections(self) -> list[Connection]:
        return [c for c in self.opened if c.is_usable]

    @property
    def is_open(self) -> bool:
        return bool(self.connections)

    def _open(self, request: Request) -> Json:
        """`apps.connections.open`: an address good for one connection."""
        ticket = self._world.next_id("ticket-")
        self._tickets.add(ticket)
        base = self._world.base_url.replace("http://", "ws://")
        return {"url": f"{base}/link/?ticket={ticket}&app_id={self._world.app_id}"}

    async def link(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket itself."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if len(self.connections) >= CONNECTIONS_MAX:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        transport = request.transport
        connection = Connection(len(self.opened) + 1, socket, transport)
        self.opened.append(connection)
        await socket.send_json(self._hello())
        await connection.listen()
        return socket

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": "applink-1", "build_number": 1},
            "connection_info": {"app_id": self._world.app_id},
        }

    async def attempt(self, delivery: Delivery, number: int, reason: str | None) -> Attempt:
        start = self._clock.monotonic()
        connections = self.connections
        connection = connections[self._turn % len(connections)]
        self._turn += 1
        name = f"socket {connection.number}"
        try:
            waiting = await connection.send(self._envelope(delivery, number, reason))
        except ConnectionError:
            return Attempt(name, start, 0.0, "connection_failed")
        late = self._background.start(self._clock.sleep(self._limit_s), name="slack-ack-limit")
        try:
            await asyncio.wait({waiting, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
            waiting.cancel()
        latency = self._clock.monotonic() - start
        if waiting.cancelled():
            return Attempt(name, start, latency, "timeout")
        if waiting.result() is _LOST:
            return Attempt(name, start, latency, "connection_failed")
        return Attempt(name, start, latency, ack=waiting.result())

    def _envelope(self, delivery: Delivery, number: int, reason: str | None) -> Json:
        envelope: Json = {
            "envelope_id": self._world.next_id("envelope-"),
            "type": _ENVELOPES[delivery.kind],
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "event",
        }
        if delivery.kind == "event":
            # Slack names a first try 0 and gives it no reason.
            envelope |= {"retry_attempt": number, "retry_reason": reason or ""}
        return envelope

    async def disconnect(
        self, reason: Reason = "refresh_requested", *, connection: Connection | None = None
    ) -> None:
        """Tell an app to connect anew; a `warning` comes ten seconds before, and changes nothing."""
        chosen = self.connections[0] if connection is None else connection
        chosen.is_leaving = reason != "warning"
        note = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
        await chosen.socket.send_json(note)

    async def close(self) -> None:
        await self._background.stop()
        for connection in self.opened:
            if not connection.socket.closed:
                connection.drop()

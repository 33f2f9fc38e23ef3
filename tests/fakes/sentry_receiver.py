"""A loopback Sentry: takes envelopes as the real ingest does, and keeps every item."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from sentry_sdk.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Item:
    """One envelope item: its type, its JSON payload, and every byte that carried it."""

    type: str
    payload: Any
    headers: dict[str, Any]


@dataclass(slots=True)
class SentryReceiver:
    """`dsn` for the SDK; `items` and `raw` for the test."""

    dsn: str = ""
    items: list[Item] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def of(self, type_: str) -> list[Any]:
        """The payloads of one type of item: event, transaction, span, log, trace_metric …"""
        return [item.payload for item in self.items if item.type == type_]

    def text(self) -> str:
        """Everything that arrived, as one text."""
        return "\n".join(body.decode(errors="replace") for body in self.raw)

    async def _envelope(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.raw.append(body)
        for item in Envelope.deserialize(body).items:
            headers = dict(item.headers)
            payload = json.loads(item.payload.get_bytes())
            self.items.append(Item(str(headers.get("type")), payload, headers))
        return web.json_response({})


@asynccontextmanager
async def sentry_receiver() -> AsyncIterator[SentryReceiver]:
    """Serve a receiver on a free loopback port."""
    receiver = SentryReceiver()
    # A plain server: what the SDK instruments is `Application`, and it would report its reports.
    runner = web.ServerRunner(web.Server(receiver._envelope, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    receiver.dsn = f"http://publickey@127.0.0.1:{port}/1"
    try:
        yield receiver
    finally:
        await runner.cleanup()

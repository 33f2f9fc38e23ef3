"""A stand-in for Clerk on loopback: an issuer with its JWKS, and tokens of its people.

    async with serving_clerk() as clerk:
        settings = Settings(clerk_issuer=clerk.issuer, clerk_authorized_parties={clerk.origin})
        token = clerk.mint(sub="user_ann")                  # version 2, no organisation
        token = clerk.mint(version=1, **organisation(version=1))
        clerk.latency_s = 1; clerk.outage = 503; clerk.garbage = b"<html>"; clerk.rotate()

Tokens are as Clerk's; what they may not be is made with `clerk.key.sign(claims)`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from agents.ports import Clock
from agents.system import SystemClock
from bot.setting_values import publishable_key_of
from tests.fakes.clerk.backend import Backend
from tests.fakes.clerk.browser import BrowserSide
from tests.fakes.clerk.tokens import SigningKey, session_claims

ORIGIN = "https://app.example.com"


@dataclass
class FakeClerk:
    """One instance. `issuer` is its Frontend API address; the last of `keys` signs.

    `fetches` holds when (by `clock.monotonic()`) each request for the keys came. `outage` is a
    status to answer with, or 0 to break the connection; `garbage` is sent in place of the keys.
    `backend` is its Backend API, at the same address.
    """

    issuer: str = ""
    origin: str = ORIGIN
    clock: Clock = field(default_factory=SystemClock)
    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.generate()])
    latency_s: float = 0.0
    outage: int | None = None
    garbage: bytes | None = None
    redirect_to: str | None = None
    fetches: list[float] = field(default_factory=list)

    backend: Backend = field(default_factory=Backend)

    def __post_init__(self) -> None:
        self.browsers = BrowserSide(self)

    @property
    def jwks_url(self) -> str:
        return f"{self.issuer}/.well-known/jwks.json"

    @property
    def publishable_key(self) -> str:
        """What pages have: the address of this instance, in Clerk's way of writing it."""
        return publishable_key_of(self.issuer)

    @property
    def key(self) -> SigningKey:
        """The one that signs now."""
        return self.keys[-1]

    def rotate(self, new: SigningKey | None = None, *, keep_old: bool = True) -> SigningKey:
        """A new key signs from now on; Clerk keeps publishing the old one for a while."""
        self.keys = [*(self.keys if keep_old else ()), new or SigningKey.generate()]
        return self.key

    def claims(self, *, version: int = 2, **claims: Any) -> dict[str, Any]:
        """A session's claims as of now; None takes one out."""
        now = int(self.clock.now().timestamp())
        return session_claims(
            issuer=self.issuer, origin=self.origin, now=now, version=version, **claims
        )

    def mint(self, *, version: int = 2, **claims: Any) -> str:
        """A session token that is good for a minute, unless `claims` say otherwise."""
        return self.key.sign(self.claims(version=version, **claims))

    def bearer(self, **claims: Any) -> dict[str, str]:
        """The header that brings such a token."""
        return {"Authorization": f"Bearer {self.mint(**claims)}"}

    async def _jwks(self, request: web.Request) -> web.Response:
        self.fetches.append(self.clock.monotonic())
        await asyncio.sleep(self.latency_s)
        if self.outage == 0:
            assert request.transport is not None
            request.transport.abort()
        if self.outage:
            return web.json_response({"errors": [{"code": "down"}]}, status=self.outage)
        if self.redirect_to is not None and not request.query_string:
            raise web.HTTPFound(self.redirect_to)
        if self.garbage is not None:
            return web.Response(body=self.garbage, content_type="application/json")
        return web.json_response({"keys": [key.jwk for key in self.keys]})


@asynccontextmanager
async def serving_clerk(**given: Any) -> AsyncIterator[FakeClerk]:
    """Serve an instance on a free loopback port; `given` are fields of it."""
    clerk = FakeClerk(**given)
    app = web.Application()
    app.router.add_get("/.well-known/jwks.json", clerk._jwks)
    app.add_routes(clerk.browsers.routes())
    app.add_routes(clerk.backend.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        clerk.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield clerk
    finally:
        await runner.cleanup()

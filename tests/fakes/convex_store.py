"""The store at Convex over the loopback host, driven by a clock of the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import aiohttp

from agents.ports import Clock, Ids
from bot.store.convex import ConvexStore
from bot.store.convex_token import ServiceKey
from bot.store.port import Waker
from tests.fakes.convex import ConvexHost, shared_host

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = (f"store-{number}" for number in count())


class _Unhurried:
    """Tells the test's time; waits between retries are over at once."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now
        self.monotonic = clock.monotonic

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@asynccontextmanager
async def open_convex_store(
    clock: Clock,
    ids: Ids,
    *,
    host: ConvexHost | None = None,
    deployment: str | None = None,
    waker: Waker | None = None,
) -> AsyncIterator[ConvexStore]:
    """A store on a deployment of its own, unless one is named; Convex has this clock's time."""
    host = host or shared_host()
    name = deployment or next(_NAMES)

    async def tell_the_time(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["X-Host-Now"] = str((clock.now() - _EPOCH).total_seconds() * 1_000)
        return await handler(request)

    http = aiohttp.ClientSession(
        middlewares=[tell_the_time], timeout=aiohttp.ClientTimeout(total=10)
    )
    store = await ConvexStore.open(
        host.deployment(name),
        ServiceKey.parse(host.service_key_pem),
        clock=_Unhurried(clock),
        ids=ids,
        waker=waker,
        http=http,
    )
    try:
        yield store
    finally:
        await store.close()
        if deployment is None:
            await host.reset(name)

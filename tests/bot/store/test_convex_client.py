"""Calls to Convex when it is away, slow, or not to be talked to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from agents.errors import NotFound, StoreError, StoreUnavailable
from bot.store import convex
from bot.store.convex_client import ConvexClient
from bot.store.convex_token import ServiceKey, ServiceToken, auth_setting
from tests.fakes.convex import shared_host, start_host
from tests.fakes.convex_store import open_convex_store
from tests.fakes.instant_clock import InstantClock

HOST = shared_host
PREVIEW = {"projectId": "proj_none"}
VERSION = {"version": float(convex.FUNCTIONS_VERSION)}


class _NoWaiting(InstantClock):
    """The real time, with instant waits between tries."""

    def __init__(self) -> None:
        super().__init__()
        from agents.system import SystemClock  # noqa: PLC0415

        self.now = SystemClock().now  # type: ignore[method-assign]


@asynccontextmanager
async def client_of(
    url: str, key: str | None = None, *, timeout_s: float = 5.0, clock: _NoWaiting | None = None
) -> AsyncIterator[ConvexClient]:
    clock = clock or _NoWaiting()
    token = ServiceToken(ServiceKey.parse(key or HOST().service_key_pem), clock)
    http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s))
    client = ConvexClient(url, token, clock, http=http)
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.parametrize("kind", ["unavailable", "rate_limited", "reset"])
async def test_a_call_outlasts_a_short_trouble(kind: str) -> None:
    name = f"short-{kind}"
    await HOST().set_fault(kind, name, times=3)  # type: ignore[arg-type]
    async with client_of(HOST().deployment(name)) as client:
        assert await client.query("health:check") == VERSION
        assert await client.mutation("projects:setPreview", **PREVIEW) is None


@pytest.mark.parametrize("kind", ["unavailable", "rate_limited", "reset", "hang"])
async def test_a_longer_trouble_is_told_as_unavailable(kind: str) -> None:
    name = f"long-{kind}"
    await HOST().set_fault(kind, name)  # type: ignore[arg-type]
    async with client_of(HOST().deployment(name), timeout_s=0.1) as client:
        with pytest.raises(StoreUnavailable):
            await client.query("health:check")
    await HOST().set_fault("none", name)


async def test_an_address_where_nobody_listens_is_told_as_unavailable() -> None:
    with start_host() as host:
        await host.stop_listening()
        async with client_of(host.url, host.service_key_pem) as client:
            with pytest.raises(StoreUnavailable, match="not reachable"):
                await client.query("health:check")
            await host.listen_again()
            assert await client.query("health:check") == VERSION


async def test_a_slow_answer_is_waited_for() -> None:
    await HOST().set_fault("slow", "slow", ms=300)
    async with client_of(HOST().deployment("slow")) as client:
        assert await client.query("health:check") == VERSION


async def test_a_key_that_the_deployment_does_not_know_is_told_with_what_to_do() -> None:
    stranger = ServiceKey.generate().export()
    async with client_of(HOST().deployment("stranger"), stranger) as client:
        with pytest.raises(StoreUnavailable, match="ZAPDEV_AUTH"):
            await client.query("health:check")


async def test_two_keys_are_believed_while_one_replaces_the_other() -> None:
    old, new = ServiceKey.generate(), ServiceKey.generate()
    with start_host(env={"ZAPDEV_AUTH": auth_setting([old, new])}) as host:
        for key in (old, new):
            async with client_of(host.url, key.export()) as client:
                assert await client.query("health:check") == VERSION


async def test_a_function_that_is_not_there_is_our_mistake_and_not_tried_again() -> None:
    clock = _NoWaiting()
    async with client_of(HOST().deployment("missing"), clock=clock) as client:
        with pytest.raises(StoreError) as caught:
            await client.query("health:nothing")
    assert not isinstance(caught.value, StoreUnavailable | NotFound)
    assert clock.sleeps == []


async def test_something_else_at_that_address_is_told_as_such() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="<h1>Welcome</h1>")

    app = web.Application()
    app.router.add_post("/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with client_of(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            with pytest.raises(StoreUnavailable, match="not Convex"):
                await client.query("health:check")
    finally:
        await runner.cleanup()


async def test_older_functions_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convex, "FUNCTIONS_VERSION", convex.FUNCTIONS_VERSION + 1)
    clock = _NoWaiting()
    async with open_convex_store(clock, ids=_Ids()) as store:
        with pytest.raises(StoreError, match="npx convex deploy"):
            await store.check()


class _Ids:
    def new(self, prefix: str) -> str:
        return f"{prefix}_1"

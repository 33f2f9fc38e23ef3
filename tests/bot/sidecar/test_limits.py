"""Limits of what is sent: how often, how much, how slowly, how deep."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.logger import configure_logging
from agents.testing import FakeClock
from agents.types import OwnerId
from bot.services.principals import Principal
from bot.sidecar.buckets import Buckets
from tests.fakes.sidecar import RunningSidecar, running_sidecar

PER_MINUTE = 8
BURST = 2


class Anybody:
    """The token is the person's name."""

    async def verify(self, token: str) -> Principal:
        return Principal(OwnerId(token), token)


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[tuple[RunningSidecar, FakeClock]]:
    clock = FakeClock()
    limits = Buckets(clock, PER_MINUTE)
    async with running_sidecar(tmp_path / "z.db", limits=limits, proxies=1) as sidecar:
        yield sidecar, clock


async def ask(sidecar: RunningSidecar, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with sidecar.http.get("/api/projects", headers=named) as answer:
        if answer.status == 429:
            said = (await answer.json())["error"]
            assert (said["code"], set(said)) == ("rate_limited", {"code", "message", "hint"})
            assert 1 <= int(answer.headers["Retry-After"]) <= 60 // PER_MINUTE + 1
        return answer.status


async def test_an_address_that_asks_too_often_waits_and_may_again(
    limited: tuple[RunningSidecar, FakeClock],
) -> None:
    sidecar, clock = limited
    asked = [await ask(sidecar, X_Forwarded_For="192.0.2.1") for _ in range(BURST + 1)]
    assert asked == [200] * BURST + [429]
    assert await ask(sidecar, X_Forwarded_For="192.0.2.2") == 200, "another is not held up"
    await clock.advance(60 / PER_MINUTE)
    assert await ask(sidecar, X_Forwarded_For="192.0.2.1") == 200
    assert await ask(sidecar, X_Forwarded_For="192.0.2.1") == 429


async def test_what_a_client_says_of_its_own_address_does_not_count(
    limited: tuple[RunningSidecar, FakeClock],
) -> None:
    sidecar, _ = limited
    said = [f"198.51.100.{n}, 192.0.2.1" for n in range(BURST + 1)]
    assert [await ask(sidecar, X_Forwarded_For=way) for way in said] == [200] * BURST + [429]


async def test_a_network_of_ipv6_is_one_address(limited: tuple[RunningSidecar, FakeClock]) -> None:
    sidecar, _ = limited
    said = [f"2001:db8::{n:x}" for n in range(BURST + 1)]
    assert [await ask(sidecar, X_Forwarded_For=way) for way in said] == [200] * BURST + [429]
    assert await ask(sidecar, X_Forwarded_For="2001:db8:0:1::1") == 200


@pytest.mark.parametrize("path", ["/slack/events", "/webhooks/clerk"])
async def test_what_slack_and_clerk_send_is_not_limited(
    limited: tuple[RunningSidecar, FakeClock], path: str
) -> None:
    sidecar, _ = limited
    for _ in range(BURST * 2):
        async with sidecar.http.post(path, headers={"X-Forwarded-For": "192.0.2.1"}) as answer:
            assert answer.status != 429


@pytest.mark.parametrize(
    "said",
    [
        [f"192.0.2.1:{port}" for port in (1024, 1025, 65535)],
        ["::ffff:192.0.2.1", "192.0.2.1", "[::ffff:c000:201]:80"],
        ["2001:db8::1", "[2001:db8::2]", "[2001:db8::3]:443"],
        ["unknown", "_secret", ""],
    ],
)
async def test_another_spelling_is_no_other_address(
    limited: tuple[RunningSidecar, FakeClock], said: list[str]
) -> None:
    sidecar, _ = limited
    assert [await ask(sidecar, X_Forwarded_For=way) for way in said] == [200] * BURST + [429]


async def test_addresses_of_ipv4_are_told_apart_within_ipv6(
    limited: tuple[RunningSidecar, FakeClock],
) -> None:
    sidecar, _ = limited
    said = [f"::ffff:192.0.2.{n}" for n in range(BURST + 1)]
    assert [await ask(sidecar, X_Forwarded_For=way) for way in said] == [200] * (BURST + 1)


async def test_fewer_hops_than_proxies_make_nobody_this_machine(tmp_path: Path) -> None:
    limits = Buckets(FakeClock(), PER_MINUTE)
    async with running_sidecar(tmp_path / "z.db", limits=limits, proxies=2) as sidecar:
        for who in ("192.0.2.1", "192.0.2.2"):
            asked = [await ask(sidecar, X_Forwarded_For=who) for _ in range(BURST + 1)]
            assert asked == [200] * BURST + [429]
        assert [await ask(sidecar) for _ in range(BURST + 1)] == [200] * BURST + [429]


async def test_this_machine_is_not_limited(tmp_path: Path) -> None:
    limits = Buckets(FakeClock(), PER_MINUTE)
    async with running_sidecar(tmp_path / "z.db", limits=limits) as sidecar:
        assert [await ask(sidecar) for _ in range(BURST * 3)] == [200] * BURST * 3


async def test_an_unnamed_proxy_on_this_machine_is_one_address(tmp_path: Path) -> None:
    limits = Buckets(FakeClock(), PER_MINUTE)
    async with running_sidecar(tmp_path / "z.db", limits=limits) as sidecar:
        said = [f"192.0.2.{n}" for n in range(BURST + 1)]
        assert [await ask(sidecar, X_Forwarded_For=way) for way in said] == [200] * BURST + [429]


async def test_an_owner_is_limited_wherever_they_ask_from(tmp_path: Path) -> None:
    limits = Buckets(FakeClock(), PER_MINUTE)
    async with running_sidecar(tmp_path / "z.db", limits=limits, sign_in=Anybody()) as sidecar:
        asked = [await ask(sidecar, Authorization="Bearer ann") for _ in range(BURST + 1)]
        assert asked == [200] * BURST + [429]
        assert await ask(sidecar, Authorization="Bearer bob") == 200


def test_old_buckets_are_forgotten() -> None:
    buckets = Buckets(FakeClock(), PER_MINUTE)
    for number in range(30_000):
        assert buckets.wait_s(number) == 0
    assert len(buckets) == 20_000


async def sent_slowly(sidecar: RunningSidecar, head: bytes) -> bytes:
    """What is answered to a body that never comes whole."""
    port = int(sidecar.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head + b'\r\n{"prompt": "A board')
        await writer.drain()
        return await asyncio.wait_for(reader.readuntil(b"}}"), 10)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_body_that_takes_too_long_is_408(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "z.db", body_s=0.1) as sidecar:
        head = b"POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n"
        answer = await sent_slowly(sidecar, head)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code": "request_timeout"' in answer
        assert (await sidecar.get("/api/projects"))["projects"] == []


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"prompt": ' + b'{"a":' * 50_000, b'{"prompt": 1' + b"0" * 100_000 + b"}"],
)
async def test_json_that_is_meant_to_hurt_is_400_and_quick(
    sidecar: RunningSidecar, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    async with asyncio.timeout(5):
        async with sidecar.http.post("/api/generate", data=body, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "bad_request"


async def test_headers_that_are_too_long_are_400(sidecar: RunningSidecar) -> None:
    for headers in ({"X-Long": "a" * 20_000}, {f"X-{n}": "a" for n in range(200)}):
        async with sidecar.http.get("/healthz", headers=headers) as answer:
            assert answer.status == 400


async def test_what_is_no_http_is_400_and_no_error_of_ours(sidecar: RunningSidecar) -> None:
    stream = io.StringIO()
    configure_logging(level="info", stream=stream)
    port = int(sidecar.url.rsplit(":", 1)[1])
    try:
        for junk in (b"GET / HTTP/1.1\r\nAuthorization: a\x00b\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(junk)
            assert (await reader.read()).startswith(b"HTTP/1.0 400 "), junk
            writer.close()
            await writer.wait_closed()
    finally:
        configure_logging(level="warning")
    assert stream.getvalue() == ""

"""The proxy that a look goes through: where a request leads decides, not what it says."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from agents.browser.way_out import WayOut

LIMIT_S = 10.0


@asynccontextmanager
async def app(heads: list[bytes]) -> AsyncIterator[str]:
    """A server that keeps what it is asked, says `hello`, and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def ask(way: WayOut, *sent: bytes) -> bytes:
    """All that the proxy answers; each piece is sent when there was an answer to the one before."""
    port = urlsplit(way.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        async with asyncio.timeout(LIMIT_S):
            for piece in sent:
                writer.write(piece)
                got += await reader.read(65_536)
            got += await reader.read(-1)
    finally:
        writer.close()
    return got


def get(url: str) -> bytes:
    host = urlsplit(url).netloc
    head = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nProxy-Connection: keep-alive\r\nX-A: b\r\n\r\n"
    return head.encode()


async def test_the_preview_is_reached_as_if_there_were_no_proxy() -> None:
    heads: list[bytes] = []
    async with app(heads) as url, WayOut(url) as way:
        assert (await ask(way, get(f"{url}/a/b?c=d"))).endswith(b"hello")
    [head] = heads
    assert head.startswith(b"GET /a/b?c=d HTTP/1.1\r\n")
    assert b"X-A: b\r\nConnection: close\r\n\r\n" in head
    assert b"proxy" not in head.lower()
    assert way.unreachable == set()


async def test_a_web_socket_to_the_preview_goes_through_a_tunnel() -> None:
    heads: list[bytes] = []
    async with app(heads) as url, WayOut(url) as way:
        netloc = urlsplit(url).netloc.encode()
        got = await ask(way, b"CONNECT " + netloc + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.endswith(b"hello")


@pytest.mark.parametrize("kind", ["plain", "tunnel"])
@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "[::1]", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]"]
)
async def test_another_port_of_this_machine_is_not_reached(kind: str, name: str) -> None:
    heads: list[bytes] = []
    async with app(heads) as inside, WayOut("http://127.0.0.1:9") as way:
        port = urlsplit(inside).port
        plain = get(f"http://{name}:{port}/")
        tunnel = f"CONNECT {name}:{port} HTTP/1.1\r\n\r\n".encode()
        got = await ask(way, plain if kind == "plain" else tunnel)
    assert heads == []
    assert got in (b"", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    assert way.unreachable == {name.strip("[]")}


@pytest.mark.parametrize("target", ["localhost:443", "127.0.0.1:443", "[::1]:443", "127.1:443"])
async def test_a_name_that_leads_inside_is_no_public_host(target: str) -> None:
    async with WayOut("http://127.0.0.1:9") as way:
        got = await ask(way, f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 502 ")
    assert way.unreachable


def connect(host: str) -> bytes:
    return f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode()


async def test_a_silent_name_server_holds_up_only_the_look_that_asks_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, asked = threading.Event(), list[str]()

    def silent(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        told.wait(LIMIT_S)
        raise OSError("nobody knows")

    monkeypatch.setattr("agents.browser.way_out._CONNECT_S", 0.5)
    monkeypatch.setattr("agents.browser.way_out.socket.getaddrinfo", silent)
    try:
        async with app([]) as url, WayOut(url) as way:
            names = [f"h{n}.example.com" for n in range(200)]
            waiting = asyncio.gather(*(ask(way, connect(name)) for name in names))
            async with asyncio.timeout(LIMIT_S):
                assert await asyncio.to_thread(lambda: "free") == "free"
                assert (await ask(way, get(f"{url}/"))).endswith(b"hello")
                got = await waiting
            assert all(
                answer in (b"", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                for answer in got
            )
            assert 0 < len(asked) <= 4
            assert way.unreachable
    finally:
        told.set()


async def test_a_look_asks_for_so_many_hosts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def unknown(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise OSError("nobody knows")

    monkeypatch.setattr("agents.browser.way_out.socket.getaddrinfo", unknown)
    async with WayOut("http://127.0.0.1:9") as way:
        for n in range(100):
            assert (await ask(way, connect(f"h{n}.example.com"))).startswith(b"HTTP/1.1 502 ")
        await ask(way, connect("h0.example.com"))
    assert asked == [*(f"h{n}.example.com" for n in range(64)), "h0.example.com"]
    assert len(way.unreachable) == 64


async def test_a_preview_that_does_not_answer_is_not_told_as_a_foreign_host() -> None:
    async with app([]) as url:
        pass
    async with WayOut(url) as way:
        assert await ask(way, get(f"{url}/")) == b""
    assert way.unreachable == set()


@pytest.mark.parametrize(
    "sent",
    [b"hello\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"CONNECT a:b HTTP/1.1\r\n\r\n", b"\xff\r\n\r\n"],
)
async def test_what_is_no_request_is_hung_up_on(sent: bytes) -> None:
    async with WayOut("http://127.0.0.1:9") as way:
        assert b"200" not in await ask(way, sent)

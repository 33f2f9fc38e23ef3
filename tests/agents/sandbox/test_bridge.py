"""The registry gate: one destination, and no other."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from agents.sandbox.bridge import RegistryGate, registry_env
from agents.sandbox.toolchain import Registry, address_of

Heads = list[bytes]


@asynccontextmanager
async def echo_server(heads: Heads, *, tunnel: bool = False) -> AsyncIterator[int]:
    """Keeps the first request head, or the first line of a tunnel, and sends it back."""

    async def on_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = b"\n" if tunnel else b"\r\n\r\n"
        heads.append(await reader.readuntil(end))
        writer.write(b"echo " + heads[-1])
        writer.close()

    server = await asyncio.start_server(on_call, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def open_gate(
    stack: AsyncExitStack, folder: Path, url: str, proxy: str | None = None
) -> None:
    gate = RegistryGate(folder, Registry(url, None, proxy))
    await gate.open()
    stack.push_async_callback(gate.close)


async def ask(folder: Path, request: bytes, then: bytes = b"") -> bytes:
    """Everything the gate answers."""
    reader, writer = await asyncio.open_unix_connection(folder / "registry.sock")
    writer.write(request)
    answer = b""
    if then:
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.write(then)
    writer.write_eof()
    answer += await reader.read()
    writer.close()
    return answer


async def test_a_tunnel_to_the_registry_is_opened(stack: AsyncExitStack, tmp_path: Path) -> None:
    heads: Heads = []
    port = await stack.enter_async_context(echo_server(heads, tunnel=True))
    await open_gate(stack, tmp_path, f"https://127.0.0.1:{port}/npm/")
    connect = f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    answer = await ask(tmp_path, connect, then=b"secret hello\n")
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\necho secret hello\n"
    assert heads == [b"secret hello\n"]


async def test_a_plain_request_to_the_registry_passes(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    heads: Heads = []
    port = await stack.enter_async_context(echo_server(heads))
    await open_gate(stack, tmp_path, f"http://127.0.0.1:{port}/")
    request = f"GET http://127.0.0.1:{port}/react HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert await ask(tmp_path, request) == b"echo " + request


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT 127.0.0.1:{other} HTTP/1.1",
        "CONNECT localhost:{port} HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "CONNECT 127.0.0.1:{port}@evil.example:443 HTTP/1.1",
        "GET http://127.0.0.1:{other}/ HTTP/1.1",
        "GET /react HTTP/1.1",
        "GET http://169.254.169.254/latest HTTP/1.1",
    ],
)
async def test_any_other_destination_is_refused(
    stack: AsyncExitStack, tmp_path: Path, request_line: str
) -> None:
    registry, elsewhere = Heads(), Heads()
    port = await stack.enter_async_context(echo_server(registry))
    other = await stack.enter_async_context(echo_server(elsewhere))
    await open_gate(stack, tmp_path, f"http://127.0.0.1:{port}/")
    line = request_line.format(port=port, other=other)
    answer = await ask(tmp_path, f"{line}\r\nHost: 127.0.0.1:{other}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert registry == elsewhere == []


@pytest.mark.parametrize(
    "garbage", [b"", b"\r\n\r\n", b"CONNECT\r\n\r\n", b"\x16\x03\x01" * 99, b"x" * 40_000]
)
async def test_what_is_no_request_is_hung_up_on(
    stack: AsyncExitStack, tmp_path: Path, garbage: bytes
) -> None:
    await open_gate(stack, tmp_path, "http://127.0.0.1:1/")
    try:
        answer = await ask(tmp_path, garbage)
    except OSError:
        answer = b""
    assert answer == b""


async def test_a_registry_that_is_away_is_a_hang_up(stack: AsyncExitStack, tmp_path: Path) -> None:
    await open_gate(stack, tmp_path, "http://127.0.0.1:1/")
    assert await ask(tmp_path, b"GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n") == b""


async def test_the_hosts_own_proxy_is_used_and_its_credentials_stay_outside(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    heads: Heads = []
    port = await stack.enter_async_context(echo_server(heads))
    await open_gate(
        stack, tmp_path, "https://registry.example/", f"http://me:p%40ss@127.0.0.1:{port}"
    )
    connect = b"CONNECT registry.example:443 HTTP/1.1\r\nHost: x\r\n\r\n"
    await ask(tmp_path, connect)
    basic = base64.b64encode(b"me:p@ss")
    assert heads == [connect[:-2] + b"Proxy-Authorization: Basic " + basic + b"\r\n\r\n"]


def test_the_address_of_a_registry_has_the_schemes_port() -> None:
    assert address_of("https://registry.example/npm/") == ("registry.example", 443)
    assert address_of("http://registry.example/npm/") == ("registry.example", 80)
    assert address_of("http://[::1]:4873/") == ("::1", 4873)


def test_npm_learns_the_certificates_only_where_there_are_some() -> None:
    registry = Registry("https://registry.example/", None, None)
    assert "npm_config_cafile" not in registry_env(registry, None)
    assert registry_env(registry, Path("/ca.pem"))["npm_config_cafile"] == "/ca.pem"

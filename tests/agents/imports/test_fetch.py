"""The guarded client: nothing but what it was meant for is ever reached. All on loopback."""

import io
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from agents.errors import ImportDenied, SourceUnavailable
from agents.imports import fetch
from agents.imports.fetch import Answer, Destinations, Download, GuardedClient, origin_of

PUBLIC = Destinations(frozenset({"api.github.com", "codeload.github.com"}))


class Rebinding(AbstractResolver):
    """A name server that says what somebody likes; every name leads there."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port
        self.asked: list[str] = []

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=self._port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    @override
    async def close(self) -> None:
        """Hold nothing."""


@dataclass
class Inside:
    """A server on loopback that nobody should reach unasked; `seen` has what did."""

    url: str = ""
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    """Path, and what came as `Authorization`."""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@asynccontextmanager
async def inside(**answers: Callable[[], web.Response] | str) -> AsyncIterator[Inside]:
    """Answers by the path's first name; a text is where that path redirects to."""
    server = Inside()

    async def answer(request: web.Request) -> web.Response:
        server.seen.append((request.path_qs, request.headers.get("Authorization")))
        found = answers.get(request.path.split("/")[1], "")
        if not isinstance(found, str):
            return found()
        headers = {"Location": found.replace("HERE", server.url)} if found else {}
        return web.Response(status=302 if found else 200, headers=headers, text="inside")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def body(size: int) -> Callable[[], web.Response]:
    return lambda: web.Response(body=b"x" * size)


def trusting(*urls: str) -> Destinations:
    return Destinations(PUBLIC.hosts, frozenset(map(origin_of, urls)))


async def get(
    destinations: Destinations,
    address: str,
    *,
    credentials: Mapping[str, str] | None = None,
    download: Download | None = None,
    resolver: AbstractResolver | None = None,
) -> Answer:
    async with GuardedClient(destinations, resolver=resolver) as client:
        return await client.get(address, headers={}, credentials=credentials, download=download)


@pytest.mark.parametrize(
    "spelling",
    [
        *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://0.0.0.0:{port}/"),
        *("http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://2130706433:{port}/"),
        *("http://0x7f.1:{port}/", "http://127.1:{port}/", "http://127.0.0.1.:{port}/"),
        *("http://api.github.com@127.0.0.1:{port}/", "https://api.github.com:{port}/"),
        *("http://api.github.com/", "https://api.github.com./", "https://API.GITHUB.COM/"),
        *(
            "https://user@api.github.com/",
            "https://:pw@api.github.com/",
            "https://@api.github.com/",
        ),
        *(
            "https://api.github.com.evil.example/",
            "https://xapi.github.com/",
            "https://github.com/",
        ),
        *("https://api.github.com\\@127.0.0.1/", "https://api.github.com\n/", "//api.github.com/"),
        *("https://аpi.github.com/", "file:///etc/passwd", "https:///x", "", "api.github.com"),
        *("https://[::1]/", "https://169.254.169.254/", "gopher://api.github.com/", "https://%31/"),
    ],
)
async def test_an_address_that_is_not_on_the_list_is_not_even_looked_up(spelling: str) -> None:
    async with inside() as server:
        resolver = Rebinding("127.0.0.1", server.port)
        with pytest.raises(ImportDenied):
            await get(PUBLIC, spelling.format(port=server.port), resolver=resolver)

    assert server.seen == []
    assert resolver.asked == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0", "10.0.0.1"]
)
async def test_a_listed_name_that_leads_inside_is_refused_before_a_socket_is_made(
    address: str,
) -> None:
    async with inside() as server:
        resolver = Rebinding(address, server.port)
        with pytest.raises(ImportDenied, match="private address"):
            await get(PUBLIC, "https://api.github.com/repos/a/b", resolver=resolver)

    assert resolver.asked == ["api.github.com"]
    assert server.seen == []


@pytest.mark.parametrize(
    "target",
    [
        *("http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "//127.0.0.1:1/x"),
        *(
            "https://codeload.github.com:8443/",
            "https://a@codeload.github.com/",
            "https://evil.example/",
        ),
        *("http://codeload.github.com/", "ftp://codeload.github.com/", "https://127.0.0.1/"),
    ],
)
async def test_a_redirect_is_checked_like_any_address(target: str) -> None:
    async with inside(go=target) as server:
        with pytest.raises(ImportDenied, match="address"):
            await get(trusting(server.url), f"{server.url}/go")

    assert [path for path, _ in server.seen] == ["/go"]


async def test_a_redirect_to_a_listed_name_that_leads_inside_is_refused() -> None:
    async with inside(go="https://codeload.github.com/x") as server:
        resolver = Rebinding("127.0.0.1", server.port)
        with pytest.raises(ImportDenied, match="private address"):
            await get(trusting(server.url), f"{server.url}/go", resolver=resolver)

    assert [path for path, _ in server.seen] == ["/go"]


async def test_an_origin_that_the_operator_has_set_is_reached_also_on_loopback() -> None:
    async with inside() as server:
        answer = await get(trusting(server.url), f"{server.url}/repos/a/b?x=1")

    assert (answer.status, answer.body) == (200, b"inside")
    assert server.seen == [("/repos/a/b?x=1", None)]


async def test_another_port_of_a_trusted_host_is_not_trusted() -> None:
    async with inside() as trusted, inside() as other:
        with pytest.raises(ImportDenied):
            await get(trusting(trusted.url), f"{other.url}/")

    assert other.seen == []


async def test_credentials_stay_with_the_origin_they_are_for() -> None:
    async with inside() as other, inside(go=f"{other.url}/there", on="HERE/near") as server:
        destinations = trusting(server.url, other.url)
        await get(destinations, f"{server.url}/go", credentials={"Authorization": "Bearer secret"})
        await get(destinations, f"{server.url}/on", credentials={"Authorization": "Bearer secret"})

    assert other.seen == [("/there", None)]
    assert server.seen == [(path, "Bearer secret") for path in ("/go", "/on", "/near")]


async def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    async with inside(a="HERE/b", b="HERE/c", c="HERE/d", d="HERE/e", e="HERE/f") as server:
        answer = await get(trusting(server.url), f"{server.url}/c")
        assert answer.status == 200
        with pytest.raises(ImportDenied, match="circle"):
            await get(trusting(server.url), f"{server.url}/a")


async def test_the_environments_proxy_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async with inside() as proxy, inside() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await get(trusting(server.url), f"{server.url}/x")

    assert proxy.seen == []


async def test_a_body_beyond_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BODY", 10)
    async with inside(big=body(11), fits=body(10)) as server:
        assert (await get(trusting(server.url), f"{server.url}/fits")).body == b"x" * 10
        with pytest.raises(ImportDenied, match="larger than"):
            await get(trusting(server.url), f"{server.url}/big")


async def test_a_download_goes_into_the_file_within_its_own_cap() -> None:
    async with inside(big=body(2_000_000)) as server:
        file = io.BytesIO()
        answer = await get(
            trusting(server.url), f"{server.url}/big", download=Download(file, 2_000_000, 5.0)
        )
        assert (answer.body, len(file.getvalue())) == (b"", 2_000_000)
        with pytest.raises(ImportDenied, match="larger than"):
            await get(
                trusting(server.url), f"{server.url}/big", download=Download(file, 1_999_999, 5.0)
            )


async def test_a_body_that_is_packed_unasked_is_refused() -> None:
    def packed() -> web.Response:
        return web.Response(body=b"x", headers={"Content-Encoding": "br"})

    async with inside(packed=packed) as server:
        with pytest.raises(ImportDenied, match="packed"):
            await get(trusting(server.url), f"{server.url}/packed")


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SourceUnavailable, match=r"within 0\.2 s"):
            await get(trusting(url), url, download=Download(io.BytesIO(), 10, 0.2))


async def test_where_nothing_listens_is_unavailable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(SourceUnavailable, match="not reached"):
        await get(trusting(url), url)


@given(st.text(max_size=60) | st.from_regex(r"https?://[^\s]{1,40}", fullmatch=True))
def test_whatever_is_allowed_is_one_of_the_hosts_over_https(text: str) -> None:
    try:
        url = PUBLIC.check(text)
    except ImportDenied:
        return
    assert (url.scheme, url.port, url.raw_user) == ("https", 443, None)
    assert url.raw_host in PUBLIC.hosts


@given(st.text(max_size=40), st.sampled_from(["", "/", "//", "https:", "https://", "\\\\", "?"]))
def test_no_redirect_leads_to_another_host(text: str, start: str) -> None:
    base = PUBLIC.check("https://api.github.com/repos/a/b/tarball/c")
    try:
        url = PUBLIC.check(start + text, base=base)
    except ImportDenied:
        return
    assert (url.scheme, url.port, url.raw_user) == ("https", 443, None)
    assert url.raw_host in PUBLIC.hosts

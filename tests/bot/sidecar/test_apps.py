"""Apps at hosts of their own: a real app behind the real server, told apart by the Host header."""

import asyncio
import gzip
import io
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from agents.errors import StoreUnavailable
from agents.types import ProjectId
from bot.services.app_hosts import AppHosts
from bot.services.previews import Asleep, Awake, Waking
from bot.services.tasks import LOCAL_OWNER
from bot.sidecar import passage
from tests.fakes.previews import ScriptedPreviews
from tests.fakes.sidecar import RunningSidecar, running_sidecar
from tests.fakes.waiting import until

HOST = "the-key.apps.test"
PAGE = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate"}
MB = 1024 * 1024


@dataclass
class App:
    """What a model may have written, and what of each request it saw."""

    seen: list[tuple[str, str, CIMultiDict[str]]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.raw_path, CIMultiDict(request.headers)))
        match request.path:
            case "/upload":
                return await _size(request)
            case "/stream":
                return await self._stream(request)
            case "/socket":
                return await _echo(request)
            case "/cookie":
                answer = web.Response(text="set")
                answer.set_cookie("sid", "1", domain="apps.test")
                answer.set_cookie("theme", "dark")
                return answer
            case "/away":
                inside = f"http://{request.headers['Host']}"
                raise web.HTTPFound(f"{inside}/back")
            case "/empty":
                return web.Response(status=204)
            case "/halfway":
                await self._halfway(request)
            case _:
                pass
        return web.Response(
            text=f"<h1>The app at {request.raw_path}</h1>", content_type="text/html"
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        await self.go_on.wait()
        await response.write(b"data: second\n\n")
        return response

    async def _halfway(self, request: web.Request) -> None:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()


async def _size(request: web.Request) -> web.Response:
    size = 0
    with suppress(ConnectionError):
        async for chunk in request.content.iter_any():
            size += len(chunk)
    return web.json_response(size)


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket_ = web.WebSocketResponse(protocols=["vite-hmr"])
    await socket_.prepare(request)
    async for message in socket_:
        if message.data == "close":
            await socket_.close(code=4001)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await socket_.send_bytes(message.data[::-1])
        else:
            await socket_.send_str(f"you said {message.data}")
    return socket_


@dataclass
class Stage:
    """The app, where it is said to be, and the server in front of it."""

    app: App
    previews: ScriptedPreviews
    sidecar: RunningSidecar

    async def ask(
        self, path: str = "/", method: str = "GET", host: str = HOST, **more: Any
    ) -> tuple[int, Mapping[str, str], str]:
        headers = {"Host": host, **more.pop("headers", {})}
        asking = self.sidecar.http.request(
            method,
            URL(f"{self.sidecar.url}{path}", encoded=True),
            headers=headers,
            allow_redirects=False,
            **more,
        )
        async with asking as answer:
            return answer.status, answer.headers, await answer.text()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    app = App()
    server = web.Application(client_max_size=1 << 30)
    server.router.add_route("*", "/{path:.*}", app.answer)
    runner = web.AppRunner(server, shutdown_timeout=1, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    previews = ScriptedPreviews(standing=Awake(f"http://127.0.0.1:{runner.addresses[0][1]}"))
    hosts = AppHosts("https://{key}.apps.test")
    async with running_sidecar(
        tmp_path / "zapdev.db", previews=previews, app_hosts=hosts
    ) as sidecar:
        started = await sidecar.built_project()
        project_id = ProjectId(started["projectId"])
        previews.project = await sidecar.store.project(LOCAL_OWNER, project_id)
        yield Stage(app, previews, sidecar)
        app.go_on.set()
    await runner.cleanup()


# --- through to the app ------------------------------------------------------------------


async def test_every_address_at_its_host_is_the_apps_also_those_of_ours(stage: Stage) -> None:
    for path in (
        "/",
        "/api/projects",
        "/p/the-key",
        "/healthz",
        "/a%2Fb/%C3%BC?q=%20",
        "//x.test/",
    ):
        status, _, text = await stage.ask(path)
        assert (status, text.startswith("<h1>The app at ")) == (200, True), path
    assert [seen[1] for seen in stage.app.seen[4:]] == ["/a%2Fb/%C3%BC?q=%20", "//x.test/"]


async def test_none_of_our_headers_and_rules_hold_there(stage: Stage) -> None:
    foreign = {"Origin": "https://elsewhere.test", "Sec-Fetch-Site": "cross-site"}
    status, headers, _ = await stage.ask(method="POST", data={"a": "b"}, headers=foreign)
    assert status == 200
    assert "Content-Security-Policy" not in headers
    assert "X-Frame-Options" not in headers
    assert headers["Referrer-Policy"] == "same-origin"


async def test_the_app_is_asked_by_the_name_it_listens_to_and_told_the_other(stage: Stage) -> None:
    sent = {"X-Forwarded-For": "203.0.113.7", "Cookie": "zapdev_install=x; mine=1; __session=jwt"}
    await stage.ask(headers=sent)
    _, _, seen = stage.app.seen[-1]
    assert seen["Host"].startswith("127.0.0.1:")
    assert seen["X-Forwarded-Host"] == HOST
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-For"] == "203.0.113.7, 127.0.0.1"
    assert seen.getall("Cookie") == ["mine=1"]


async def test_nothing_is_said_in_the_browsers_name(stage: Stage) -> None:
    quiet = ["User-Agent", "Accept", "Accept-Encoding"]
    async with (
        aiohttp.ClientSession(skip_auto_headers=quiet) as http,
        http.get(f"{stage.sidecar.url}/", headers={"Host": HOST}) as answer,
    ):
        assert answer.status == 200
    assert not set(quiet) & set(stage.app.seen[-1][2])


async def test_cookies_and_redirects_come_back_for_the_apps_host_alone(stage: Stage) -> None:
    async with stage.sidecar.http.get("/cookie", headers={"Host": HOST}) as answer:
        cookies = answer.headers.getall("Set-Cookie")
    assert [c.partition(";")[0] for c in cookies] == ["sid=1", "theme=dark"]
    assert "omain" not in str(cookies)
    status, headers, _ = await stage.ask("/away")
    assert (status, headers["Location"]) == (302, f"https://{HOST}/back")


async def test_an_answer_arrives_as_it_is_written(stage: Stage) -> None:
    async with stage.sidecar.http.get("/stream", headers={"Host": HOST}) as answer:
        assert await answer.content.readuntil(b"\n\n") == b"data: first\n\n"
        assert stage.previews.using == 1, "as long as it is open"
        stage.app.go_on.set()
        assert await answer.content.read() == b"data: second\n\n"
    await until(lambda: stage.previews.using == 0)


async def test_a_body_passes_whether_its_size_is_known_or_not(stage: Stage) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    assert (await stage.ask("/upload", "POST", data=io.BytesIO(b"x" * 3_000_000)))[2] == "3000000"
    assert (await stage.ask("/upload", "PUT", data=pieces()))[2] == "3000000"
    assert stage.app.seen[0][2]["Content-Length"] == "3000000"


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 3_000_000])
async def test_a_body_that_is_packed_stays_packed(stage: Stage, body: bytes) -> None:
    packed = gzip.compress(body)
    told = {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}
    assert (await stage.ask("/upload", "POST", data=packed, headers=told))[2] == str(len(packed))
    assert stage.app.seen[-1][2]["Content-Encoding"] == "gzip"
    assert stage.app.seen[-1][2]["Content-Length"] == str(len(packed))


async def test_a_body_has_a_limit_told_or_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "BODY_MAX_BYTES", MB)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    assert (await stage.ask("/upload", "POST", data=io.BytesIO(b"x" * (MB + 1))))[0] == 413
    assert stage.app.seen == []
    assert (await stage.ask("/upload", "POST", data=pieces()))[0] == 413


async def test_half_an_answer_never_looks_like_a_whole_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(aiohttp.ClientError):
        await stage.ask("/halfway")
    monkeypatch.setattr(passage, "ANSWER_MAX_BYTES", 8)
    with pytest.raises(aiohttp.ClientError):
        await stage.ask()


async def test_answers_without_a_body_have_none(stage: Stage) -> None:
    assert (await stage.ask(method="HEAD"))[::2] == (200, "")
    assert (await stage.ask("/empty"))[::2] == (204, "")


async def test_an_app_that_is_asked_too_much_at_once_refuses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "AT_ONCE", 1)
    async with stage.sidecar.http.get("/stream", headers={"Host": HOST}) as answer:
        await answer.content.readuntil(b"\n\n")
        assert (await stage.ask())[0] == 503
        stage.app.go_on.set()
        await answer.read()
    assert (await stage.ask())[0] == 200


# --- web sockets -------------------------------------------------------------------------


async def test_a_web_socket_passes_text_bytes_protocol_and_end(stage: Stage) -> None:
    url = "/socket"
    async with stage.sidecar.http.ws_connect(
        url, headers={"Host": HOST}, protocols=["other", "vite-hmr"]
    ) as socket_:
        assert socket_.protocol == "vite-hmr"
        await socket_.send_str("hello")
        assert await socket_.receive_str() == "you said hello"
        await socket_.send_bytes(b"abc")
        assert await socket_.receive_bytes() == b"cba"
        await socket_.send_str("close")
        assert (await socket_.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket_.close_code == 4001


async def test_where_the_app_has_no_socket_none_opens(stage: Stage) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await stage.sidecar.http.ws_connect("/nothing", headers={"Host": HOST})


# --- not there ---------------------------------------------------------------------------


async def test_a_key_that_was_renewed_opens_nothing_at_once(stage: Stage) -> None:
    assert (await stage.ask(headers=PAGE))[0] == 200
    stage.previews.key = "renewed"
    status, headers, page = await stage.ask(headers=PAGE)
    assert (status, "There is no app here" in page) == (404, True)
    assert headers["Cache-Control"] == "no-store"
    assert len(stage.app.seen) == 1


async def test_one_that_sleeps_is_woken_by_who_waits_for_a_page(stage: Stage) -> None:
    stage.previews.standing = Waking("Building it", 2.4)
    status, headers, page = await stage.ask("/deep", headers=PAGE)
    assert (status, "Building it … 2 s" in page) == (503, True)
    assert 'http-equiv="refresh" content="1"' in page, "the same address is asked for again"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    stage.previews.standing = Asleep("It does not build: <script>")
    status, _, page = await stage.ask(headers=PAGE)
    assert (status, "<script" in page) == (503, False)
    assert stage.previews.opened == 2


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Accept": "application/json"}),
        ("GET", {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}),
        ("HEAD", PAGE),
        ("POST", PAGE),
    ],
)
async def test_what_a_forgotten_tab_asks_wakes_nothing(
    stage: Stage, method: str, headers: dict[str, str]
) -> None:
    stage.previews.standing = Waking("Building it", 2.4)
    status, answered, _ = await stage.ask(method=method, headers=headers)
    assert (status, answered["Content-Type"]) == (503, "text/plain; charset=utf-8")
    assert stage.previews.opened == 0


async def test_one_that_stopped_unseen_is_looked_after(stage: Stage) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
        stage.previews.standing = Awake(nowhere)
        status, _, page = await stage.ask(headers=PAGE)
    assert (status, "broke off" in page) == (502, True)
    assert stage.previews.opened == 1


async def test_hosts_that_are_no_apps_are_not_led_anywhere(stage: Stage) -> None:
    for host in ("apps.test", "a.the-key.apps.test", "the-key.apps.test.evil.test"):
        status, headers, _ = await stage.ask(host=host)
        assert (status, headers["X-Frame-Options"]) == (403, "DENY")
    assert (await stage.ask("/healthz", host="127.0.0.1"))[0] == 200
    assert stage.app.seen == []


async def test_without_a_store_nobody_gets_through(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(key: str) -> None:
        raise StoreUnavailable(key)

    monkeypatch.setattr(stage.previews, "project_of", away)
    assert (await stage.ask(headers=PAGE))[0] == 503
    assert stage.app.seen == []

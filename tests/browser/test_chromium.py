"""The gate's own browser: what it may reach, and what is left of it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from typing_extensions import override

from agents.browser.chromium import find_chromium
from agents.browser.session import SLOTS, ChromiumBrowser
from agents.diagnostics.page import judge
from agents.sighting import Sighting
from agents.system import SystemClock
from agents.testing import FakeClock, settle
from tests.agents.sandbox.tiny import open_place
from tests.browser.processes import browsers_of
from tests.fakes.pages import Site, serving_pages

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
CHROMIUM = find_chromium()
JPEG = b"\xff\xd8\xff"
LIMIT_S = 30.0
WORKER = (
    "new Worker(URL.createObjectURL(new Blob([\"fetch('{inside}secret', {{mode: 'no-cors'}})\"])))"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def eye() -> AsyncIterator[ChromiumBrowser]:
    """One browser for all tests; some of them kill it, which it has to survive."""
    browser = ChromiumBrowser(SystemClock())
    yield browser
    await browser.close()


async def look(eye: ChromiumBrowser, url: str) -> Sighting:
    seen = await eye.look(url)
    assert seen is not None, eye.problem
    return seen


def kill(pids: list[int]) -> None:
    """By force; some go when others have gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def gone(*pids: int) -> None:
    """Wait until none of these processes is there."""
    async with asyncio.timeout(LIMIT_S):
        while any(Path(f"/proc/{pid}").exists() for pid in pids):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_good_page_is_seen_with_its_picture(eye: ChromiumBrowser) -> None:
    async with serving_pages({"/": "<title>Bikes</title><h1>Bikes</h1>"}) as site:
        seen = await look(eye, site.url)
    assert (seen.url, seen.status, seen.problem) == (site.url, 200, None)
    assert "<h1>Bikes</h1>" in seen.html
    assert judge(seen) == ()
    assert seen.screenshot is not None
    assert seen.screenshot.startswith(JPEG)
    assert 2_000 < len(seen.screenshot) < 1024 * 1024


async def test_no_look_remembers_another(eye: ChromiumBrowser) -> None:
    script = "document.body.append(`${localStorage.n ?? 0} ${document.cookie || '-'}`);"
    keep = "localStorage.n = 1; document.cookie = 'n=1';"
    async with serving_pages({"/": f"<script>onload=()=>{{{script}{keep}}}</script>"}) as site:
        for _ in range(2):
            assert "0 -" in (await look(eye, site.url)).html


@pytest.mark.parametrize(
    "way",
    [
        "<iframe src='{inside}secret'></iframe>",
        "<script>fetch('{inside}secret', {{mode: 'no-cors'}}).catch(() => 0)</script>",
        "<img src='/moved'>",
        "<script>new WebSocket('{inside}secret'.replace('http', 'ws'))</script>",
        f"<script>{WORKER}</script>",
        "<script>window.open('{inside}secret')</script>",
        "<a id=a href='{inside}secret' target=_blank download>x</a><script>a.click()</script>",
        "<script>fetch('https://localhost/secret').catch(() => 0)</script>",
        "<script>navigator.serviceWorker.register('/sw.js')</script>",
    ],
)
async def test_a_page_reaches_nothing_else_on_this_machine(eye: ChromiumBrowser, way: str) -> None:
    inside: Site

    async def moved(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{inside.url}secret")

    async def worker(_request: web.Request) -> web.StreamResponse:
        code = f"fetch('{inside.url}secret', {{mode: 'no-cors'}}).catch(() => 0)"
        return web.Response(text=code, content_type="text/javascript")

    async with serving_pages({"/secret": "told"}) as inside:
        page = "<h1>Hi</h1>" + way.format(inside=inside.url)
        async with serving_pages({"/": page, "/moved": moved, "/sw.js": worker}) as site:
            seen = await look(eye, site.url)
    assert inside.asked == []
    assert seen.unreachable <= {"127.0.0.1", "localhost"}
    assert seen.unreachable


async def test_a_service_worker_is_there_for_one_look(eye: ChromiumBrowser) -> None:
    async def worker(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="self.onfetch = () => 0", content_type="text/javascript")

    code = (
        "const all = await navigator.serviceWorker.getRegistrations();"
        "const reg = await navigator.serviceWorker.register('/sw.js');"
        "reg.addEventListener('updatefound', () => 0);"
        "document.body.append(`${all.length} before, ${reg.scope}`);"
    )
    page = f"<body><script>(async () => {{{code}}})()</script>"
    async with serving_pages({"/": page, "/sw.js": worker}) as site:
        for _ in range(2):
            seen = await look(eye, site.url)
            assert f"0 before, {site.url}" in seen.html
            assert judge(seen) == ()


async def test_a_page_sends_nothing_past_the_way_out(eye: ChromiumBrowser) -> None:
    """Peer connections would go over UDP, which no proxy sees."""
    heard: list[bytes] = []

    class Ear(asyncio.DatagramProtocol):
        @override
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            heard.append(data)

    loop = asyncio.get_running_loop()
    ear, _ = await loop.create_datagram_endpoint(Ear, local_addr=("127.0.0.1", 0))
    port = ear.get_extra_info("sockname")[1]
    code = (
        f"const p = new RTCPeerConnection({{iceServers: [{{urls: 'stun:127.0.0.1:{port}'}}]}});"
        "p.createDataChannel('x'); p.setLocalDescription().then(() => document.body.append('sent'));"
    )
    async with serving_pages({"/": f"<h1>Hi</h1><script>{code}</script>"}) as site:
        seen = await look(eye, site.url)
    ear.close()
    assert "sent" in seen.html
    assert heard == []


async def test_a_page_that_moves_to_another_server_here_is_not_shown(
    eye: ChromiumBrowser,
) -> None:
    inside: Site

    async def moved(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{inside.url}secret")

    async with serving_pages({"/secret": "told"}) as inside, serving_pages({"/": moved}) as site:
        seen = await look(eye, site.url)
    assert (inside.asked, seen.screenshot, seen.html) == ([], None, "")
    assert seen.problem


async def test_at_most_a_few_looks_go_on_at_once(eye: ChromiumBrowser) -> None:
    now, most = [0], [0]

    async def slow(_request: web.Request) -> web.StreamResponse:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.2)
        now[0] -= 1
        return web.Response(text="<h1>Hi</h1>", content_type="text/html")

    async with serving_pages({"/": slow}) as site:
        seen = await asyncio.gather(*(look(eye, site.url) for _ in range(SLOTS + 2)))
    assert [s.status for s in seen] == [200] * (SLOTS + 2)
    assert most[0] <= SLOTS


async def test_a_browser_that_was_killed_is_started_anew(eye: ChromiumBrowser) -> None:
    async with serving_pages({"/": "<h1>Hi</h1>"}) as site:
        await look(eye, site.url)
        pids = browsers_of(os.getpid())
        assert pids
        kill(pids)
        assert (await look(eye, site.url)).status == 200


async def test_a_browser_that_is_killed_during_a_look_looks_again(eye: ChromiumBrowser) -> None:
    killed: list[int] = []

    async def page(_request: web.Request) -> web.StreamResponse:
        if not killed:
            killed.extend(browsers_of(os.getpid()))
            kill(killed)
        return web.Response(text="<h1>Hi</h1>", content_type="text/html")

    async with serving_pages({"/": page}) as site:
        assert (await look(eye, site.url)).status == 200
    assert killed


async def test_closing_leaves_no_process_and_no_folder() -> None:
    before = browsers_of(os.getpid())
    eye = ChromiumBrowser(SystemClock())
    await eye.warm_up()
    pids = [pid for pid in browsers_of(os.getpid()) if pid not in before]
    homes = homes_of(pids)
    assert homes
    await eye.close()
    await gone(*pids)
    assert not any(home.exists() for home in homes)


async def test_a_browser_that_nobody_uses_is_closed() -> None:
    before = browsers_of(os.getpid())
    clock = FakeClock()
    eye = ChromiumBrowser(clock, idle_s=100)
    await eye.warm_up()
    pids = [pid for pid in browsers_of(os.getpid()) if pid not in before]
    assert pids
    await settle()
    await clock.advance(101)
    await gone(*pids)
    async with serving_pages({"/": "<h1>Hi</h1>"}) as site:
        assert (await look(eye, site.url)).status == 200
    await eye.close()


OWNER = """
import asyncio
from agents.browser.session import ChromiumBrowser
from agents.system import SystemClock

async def main():
    browser = ChromiumBrowser(SystemClock())
    await browser.warm_up()
    print(browser.problem, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_nothing_is_left_of_it_when_its_owner_is_killed() -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    try:
        async with asyncio.timeout(LIMIT_S):
            assert (await owner.stdout.readline()).strip() == b"None"
        pids = browsers_of(owner.pid)
        homes = homes_of(pids)
    finally:
        owner.kill()
        await owner.wait()
    assert homes
    await gone(*pids)
    async with asyncio.timeout(LIMIT_S):
        while any(home.exists() for home in homes):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def homes_of(pids: list[int]) -> set[Path]:
    words = " ".join(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids)
    return {
        Path(word.partition("=")[2]).parent
        for word in words.split()
        if word.startswith("--user-data-dir=") and "zapdev-browser-" in word
    }


async def test_where_there_is_no_browser_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    eye = ChromiumBrowser(SystemClock())
    await eye.warm_up()
    assert await eye.look("http://127.0.0.1:9/") is None
    assert eye.problem == "no Chromium is installed"
    await eye.close()


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What is found in the browser's place, and a file `asked` beside it, open to everybody."""
    with open_place() as place:
        program, asked = place / "chromium", place / "asked"
        asked.touch()
        asked.chmod(0o666)
        program.touch(mode=0o755)
        monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
        assert find_chromium() == program
        yield program


async def test_a_browser_that_does_not_start_says_why_and_is_not_tried_at_once(
    program: Path,
) -> None:
    asked = program.with_name("asked")
    program.write_text(f'#!/bin/sh\necho "$*" >>{asked}\nexit 3\n')
    eye = ChromiumBrowser(SystemClock())
    assert await eye.look("http://127.0.0.1:9/") is None
    tries = asked.read_text()
    assert tries
    assert "--no-sandbox" not in tries  # nobody said that the sandbox was the reason
    assert await eye.look("http://127.0.0.1:9/") is None
    assert asked.read_text() == tries
    assert "Chromium does not start" in (eye.problem or "")
    await eye.close()


async def test_starting_has_one_deadline_over_all_of_it(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.browser.driver._START_S", 3.0)
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--no-sandbox*) exec sleep 60 ;; esac\n'
        "sleep 1\necho No usable sandbox >&2\nexit 1\n"
    )
    eye = ChromiumBrowser(SystemClock())
    began = asyncio.get_running_loop().time()
    await eye.warm_up()
    assert asyncio.get_running_loop().time() - began < 3 + LIMIT_S / 2
    assert eye.problem is not None
    if os.geteuid() == 0:
        assert "takes too long" in eye.problem
    await eye.close()


async def test_a_browser_whose_sandbox_fails_runs_only_as_somebody_who_owns_nothing(
    program: Path,
) -> None:
    asked = program.with_name("asked")
    program.write_text(
        f'#!/bin/sh\nid -u >>{asked}\ncase "$*" in *--no-sandbox*) exec {CHROMIUM} "$@" ;; esac\n'
        "echo No usable sandbox >&2\nexit 1\n"
    )
    eye = ChromiumBrowser(SystemClock())
    async with serving_pages({"/": "<h1>Hi</h1>"}) as site:
        seen = await eye.look(site.url)
    await eye.close()
    users = set(asked.read_text().split())
    if os.geteuid() == 0:
        assert seen is not None
        assert users.isdisjoint({"0"})
    else:
        assert seen is None
        assert "user namespaces" in (eye.problem or "")

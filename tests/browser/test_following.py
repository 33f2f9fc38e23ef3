"""The client in Node, at a server that behaves badly: what it tells, and how often it asks."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.browser.conftest import ROOT

CLIENT = ROOT / "bot/sidecar/page/client.js"
PROGRAM = ROOT / "tests/browser/following.mjs"

Handler = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[str, web.AppRunner]]:
    """Every path is answered by `handler`."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", runner
    finally:
        await runner.cleanup()


async def follow(url: str, what: str) -> Any:
    """What the program tells of following a task there."""
    node = await asyncio.create_subprocess_exec(
        "node", PROGRAM, CLIENT, url, what, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await node.communicate()
    return json.loads(out)


async def test_an_outage_after_a_token_was_renewed_is_told_and_asked_about_ever_less_often() -> (
    None
):
    gone = asyncio.Event()

    async def renewing(_request: web.Request) -> web.StreamResponse:
        gone.set()
        body = 'data: {"type": "reauth", "code": "stream_expired"}\n\n'
        return web.Response(text=body, content_type="text/event-stream")

    async with serving(renewing) as (url, runner), asyncio.TaskGroup() as group:
        told = group.create_task(follow(url, "outage"))
        await gone.wait()
        await runner.cleanup()

    states, gaps = told.result()["states"], told.result()["gaps"]
    assert states == ["live", "reconnecting", "reconnecting", "reconnecting"]
    assert gaps[1] > gaps[0]  # 0.6 s after 0.3 s, each give or take a fifth


async def test_a_server_that_never_begins_its_answer_is_given_up_and_asked_again() -> None:
    asked: list[str] = []

    async def silent(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if len(asked) == 1:
            await asyncio.Event().wait()
        return web.Response(status=204)

    async with serving(silent) as (url, _):
        told = await follow(url, "silence")

    assert asked == ["/api/stream-progress", "/api/stream-progress"]
    assert told["given"] is False

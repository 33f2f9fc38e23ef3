import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from agents.errors import (
    BadRequest,
    LeaseLost,
    NotFound,
    ProviderUnavailable,
    QuotaExceeded,
    SeqConflict,
    StoreUnavailable,
    UnsupportedFramework,
)
from bot.sidecar.errors import ANSWER_S, BODY_MAX_BYTES, error_boundary, in_time
from bot.store.convex_client import CALL_S
from tests.fakes.sidecar import RunningSidecar

SECRET = "sk-or-v1-very-secret"


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[aiohttp.ClientResponse]:
    app = web.Application(middlewares=[error_boundary])
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as http, http.get(f"http://{host}:{port}/") as answer:
            yield answer
    finally:
        await runner.cleanup()


def raising(error: BaseException) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
    async def handler(_request: web.Request) -> web.Response:
        raise error

    return answering(handler)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadRequest("The prompt is empty.", field="prompt"), 400, "bad_request"),
        (UnsupportedFramework("No ember.", field="framework"), 400, "unsupported_framework"),
        (QuotaExceeded("Five today."), 429, "quota_exceeded"),
        (NotFound(SECRET), 404, "not_found"),
        (SeqConflict(SECRET), 409, "seq_conflict"),
        (StoreUnavailable(SECRET), 503, "store_unavailable"),
        (LeaseLost(SECRET), 500, "internal"),
        (ProviderUnavailable(SECRET), 500, "internal"),
        (RuntimeError(SECRET), 500, "internal"),
        (KeyError(SECRET), 500, "internal"),
    ],
)
async def test_each_error_has_its_status_and_says_nothing_secret(
    error: Exception, status: int, code: str
) -> None:
    async with raising(error) as answer:
        text = await answer.text()
        said = (await answer.json())["error"]
    assert answer.status == status
    assert said["code"] == code
    assert SECRET not in text
    assert set(said) <= {"code", "message", "hint", "field"}


async def test_a_users_error_keeps_its_words_field_and_hint() -> None:
    error = BadRequest("The prompt is empty.", field="prompt", hint="Say what to build.")
    async with raising(error) as answer:
        assert (await answer.json())["error"] == {
            "code": "bad_request",
            "message": "The prompt is empty.",
            "field": "prompt",
            "hint": "Say what to build.",
        }


async def test_an_unavailable_store_says_when_to_come_back() -> None:
    async with raising(StoreUnavailable("disk")) as answer:
        assert int(answer.headers["Retry-After"]) > 0


async def test_an_unexpected_error_is_logged_under_the_reference_it_gives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with raising(RuntimeError("boom in the engine room")) as answer:
        hint = (await answer.json())["error"]["hint"]
    reference = hint.rstrip(".").rsplit(" ", 1)[1]
    logged = capsys.readouterr().err
    assert reference in logged
    assert "boom in the engine room" in logged


async def test_an_unknown_address_and_a_wrong_method_have_the_same_shape(
    sidecar: RunningSidecar,
) -> None:
    async with sidecar.http.get("/api/nothing") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"
    async with sidecar.http.get("/api/generate") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
        assert (await answer.json())["error"]["code"] == "method_not_allowed"


async def test_a_body_beyond_the_cap_is_413(sidecar: RunningSidecar) -> None:
    body = b'{"prompt": "' + b"a" * BODY_MAX_BYTES + b'"}'
    async with sidecar.http.post(
        "/api/generate", data=io.BytesIO(body), headers={"Content-Type": "application/json"}
    ) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["code"] == "too_large"


async def test_a_store_that_takes_too_long_over_all_its_calls_is_unavailable() -> None:
    async def handler(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with answering(in_time(handler, 0)) as answer:
        assert answer.status == 503
        assert (await answer.json())["error"]["code"] == "store_unavailable"
        assert int(answer.headers["Retry-After"]) > 0


async def test_an_answer_in_time_is_passed_on() -> None:
    async def handler(_request: web.Request) -> web.Response:
        raise NotFound("task t1")

    async with answering(in_time(handler)) as answer:
        assert answer.status == 404


def test_an_answer_may_take_as_long_as_one_call_of_the_store() -> None:
    assert ANSWER_S == CALL_S

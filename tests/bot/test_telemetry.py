"""What reaches Sentry, read back from a loopback receiver."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
import sentry_sdk
from aiohttp import web

from agents.logger import breadcrumb, create_logger, span, task_scope
from agents.scrubber import Scrubber
from bot.telemetry import telemetry
from tests.fakes.sentry_receiver import SentryReceiver, sentry_receiver

log = create_logger("agents.test")


@asynccontextmanager
async def reporting(*, task_sample_rate: float = 1.0) -> AsyncIterator[SentryReceiver]:
    """Telemetry into a receiver; read it after the block, when everything has been flushed."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(sentry_receiver())
        reports = telemetry(receiver.dsn, Scrubber(), task_sample_rate=task_sample_rate)
        await stack.enter_async_context(reports)
        yield receiver


async def test_an_error_arrives_with_its_tasks_tags_crumbs_and_type_but_nothing_else() -> None:
    async with reporting() as receiver:
        with task_scope("task_1", project_id="proj_1"):
            breadcrumb("tool", "wrote a.ts", path="a.ts")
            sentry_sdk.add_breadcrumb(category="httplib", message="GET http://elsewhere/")
            log.error("broke", exc_info=ValueError("why"))

    [event] = receiver.of("event")
    assert event["tags"] == {"task_id": "task_1", "project_id": "proj_1"}
    assert [c["message"] for c in event["breadcrumbs"]["values"]] == ["wrote a.ts"]
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert {"user", "request", "extra", "modules"}.isdisjoint(event)


async def test_spans_say_how_long_and_model_calls_come_as_items_of_their_own() -> None:
    async with reporting() as receiver:
        with task_scope("task_1"), span("stage", "build"), span("gen_ai.chat", "chat auto"):
            await asyncio.sleep(0)

    [transaction] = receiver.of("transaction")
    [stage] = transaction["spans"]
    [calls] = receiver.of("span")
    assert (stage["op"], stage["description"]) == ("stage", "build")
    assert stage["start_timestamp"] <= stage["timestamp"]
    assert [call["name"] for call in calls["items"]] == ["chat auto"]


async def test_steps_that_run_side_by_side_keep_their_own_parents() -> None:
    gate = asyncio.Barrier(2)

    async def stage(name: str) -> None:
        with span("stage", name):
            await gate.wait()
            with span("step", f"in {name}"):
                await gate.wait()

    async with reporting() as receiver:
        with task_scope("task_1"):
            await asyncio.gather(stage("lint"), stage("build"))

    [transaction] = receiver.of("transaction")
    spans = {s["description"]: s for s in transaction["spans"]}
    assert spans["in lint"]["parent_span_id"] == spans["lint"]["span_id"]
    assert spans["in build"]["parent_span_id"] == spans["build"]["span_id"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/stream-progress"])
async def test_probes_and_streams_are_not_traced(path: str) -> None:
    assert await _transactions(path) == []


async def test_an_ordinary_request_is_traced_by_its_pattern_and_not_by_its_address() -> None:
    assert await _transactions("/api/tasks/task_1?token=abc") == ["GET /api/tasks/{id}"]


async def _transactions(path: str) -> list[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with reporting() as receiver:
        app = web.Application()
        for route in ("/healthz", "/readyz", "/metrics", "/api/stream-progress", "/api/tasks/{id}"):
            app.router.add_get(route, answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
            async with aiohttp.ClientSession() as session, session.get(url) as reply:
                assert reply.status == 200
        finally:
            await runner.cleanup()
    return [t["transaction"] for t in receiver.of("transaction") if t["transaction"] != "task"]


async def test_no_request_of_ours_carries_trace_headers_to_other_services() -> None:
    seen: dict[str, str] = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update({name.lower(): value for name, value in request.headers.items()})
        return web.Response()

    async with reporting():
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            with task_scope("task_1"):
                async with aiohttp.ClientSession() as session, session.get(url) as reply:
                    assert reply.status == 200
        finally:
            await runner.cleanup()

    assert "user-agent" in seen
    assert {"sentry-trace", "baggage", "traceparent"}.isdisjoint(seen)


async def test_a_task_outside_the_sample_leaves_no_transaction_but_its_errors_arrive() -> None:
    async with reporting(task_sample_rate=0.0) as receiver:
        with task_scope("task_1"):
            log.error("broke")

    assert receiver.of("transaction") == []
    assert [event["message"] for event in receiver.of("event")] == ["broke"]


async def test_without_a_dsn_nothing_is_set_up_and_everything_still_works() -> None:
    async with telemetry(None, Scrubber()):
        with task_scope("task_1"), span("stage", "x"):
            breadcrumb("tool", "x")

    assert not sentry_sdk.get_client().is_active()


async def test_after_the_end_nothing_is_reported_any_more() -> None:
    async with reporting() as receiver:
        before = sentry_sdk.get_client()
        assert before.is_active()

    log.error("too late")

    assert not sentry_sdk.get_client().is_active()
    assert "too late" not in receiver.text()

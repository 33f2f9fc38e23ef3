"""Payloads over HTTP: signed, in time, and tried again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.contracts.slack_host.app import TinyApp, over_http, serving
from tests.fakes.instant_clock import InstantClock
from tests.fakes.slack.delivery import AS_SLACK_RETRIES_S
from tests.fakes.slack.http_delivery import encode, sign
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace


class Endpoint:
    """Answers with each of `statuses` in turn, the last one for good."""

    def __init__(self, *statuses: int, **headers: str) -> None:
        self.statuses, self.headers = list(statuses), headers
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((await request.text(), dict(request.headers)))
        await self.slow.wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers=self.headers)

    def header(self, name: str) -> list[str | None]:
        return [headers.get(name) for _, headers in self.requests]


@pytest.fixture
async def quick() -> AsyncIterator[FakeSlack]:
    """A Slack that loses its patience soon."""
    async with FakeSlack(ack_limit_s=0.03) as slack:
        slack.workspace("T1").channel("C1", members=["U1"])
        yield slack


async def test_bolt_takes_what_is_signed_and_refuses_anything_else(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    tiny = TinyApp(slack, client)
    async with over_http(slack, tiny):
        said = await slack.say("U1", "C1", "hello")
        assert len(tiny.bodies) == 1
        payload = slack.payloads.event("T1", {"type": "message", "event_ts": said.ts})
        body, kind = encode("event", payload)
        for secret, timestamp in (("another", int(float(said.ts))), ("signing-secret", 1)):
            headers = {"Content-Type": kind, **sign(secret, body, timestamp)}
            attempt = await slack.http.post(body, headers)
            assert (attempt.error, attempt.status) == ("http_error", 401)
        attempt = await slack.http.post(body, {"Content-Type": kind})
        assert attempt.status == 401
    assert len(tiny.bodies) == 1


async def test_a_request_url_proves_itself(slack: FakeSlack, client: AsyncWebClient) -> None:
    async with over_http(slack, TinyApp(slack, client)):
        answer = await slack.verify_url(slack.http.url or "", "xyz")

    assert answer.ack == {"challenge": "xyz"}


async def test_an_event_is_tried_four_times_and_says_why(slack: FakeSlack, team: Workspace) -> None:
    endpoint = Endpoint(500, 500, 500, 200)
    async with serving(endpoint.answer) as url:
        slack.attach_http(url)
        await slack.say("U1", "C1", "hello")

    assert endpoint.header("X-Slack-Retry-Num") == [None, "1", "2", "3"]
    assert endpoint.header("X-Slack-Retry-Reason")[1:] == ["http_error"] * 3
    assert len({body for body, _ in endpoint.requests}) == 1
    [delivery] = slack.deliveries
    assert delivery.is_acked
    assert len(delivery.attempts) == 4


async def test_an_app_may_ask_for_no_retries(slack: FakeSlack, team: Workspace) -> None:
    endpoint = Endpoint(500, **{"X-Slack-No-Retry": "1"})
    async with serving(endpoint.answer) as url:
        slack.attach_http(url)
        await slack.say("U1", "C1", "hello")

    assert len(endpoint.requests) == 1
    assert not slack.deliveries[0].is_acked


async def test_who_is_not_there_is_tried_again(slack: FakeSlack, team: Workspace) -> None:
    async with serving(Endpoint(200).answer) as url:
        pass
    slack.attach_http(url)
    await slack.say("U1", "C1", "hello")

    assert [a.error for a in slack.deliveries[0].attempts] == ["connection_failed"] * 4


async def test_an_answer_after_the_limit_is_none(quick: FakeSlack) -> None:
    endpoint = Endpoint(200)
    endpoint.slow.clear()
    async with serving(endpoint.answer) as url:
        quick.attach_http(url)
        await quick.say("U1", "C1", "hello")
        delivery = await quick.command("U1", "C1", "/zapdev")
        endpoint.slow.set()

    assert [a.error for a in quick.deliveries[0].attempts] == ["http_timeout"] * 4
    assert all(a.latency_s >= 0.03 for a in quick.deliveries[0].attempts)
    assert [a.error for a in delivery.attempts] == ["http_timeout"]  # a command is sent once


async def test_retries_wait_as_long_as_slack_does() -> None:
    clock = InstantClock()
    async with FakeSlack(clock=clock, retries_s=AS_SLACK_RETRIES_S) as slack:
        slack.workspace("T1").channel("C1", members=["U1"])
        await slack.say("U1", "C1", "nobody listens")

    assert len(slack.deliveries[0].attempts) == 4
    assert clock.sleeps == [60.0, 300.0]


async def test_the_signature_is_the_one_that_slack_sdk_verifies() -> None:
    body, _ = encode("command", {"command": "/zapdev", "text": "ä & b"})
    headers = sign("secret", body, 1_700_000_000)

    class Then:
        def now(self) -> float:
            return 1_700_000_000

    verifier = SignatureVerifier("secret", Then())  # type: ignore[arg-type]
    assert verifier.is_valid_request(body, headers)
    assert not verifier.is_valid_request(body + " ", headers)

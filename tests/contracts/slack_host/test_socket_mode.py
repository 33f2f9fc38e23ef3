"""Payloads over WebSockets, taken by the SDK's own client."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from agents.background import Background
from tests.contracts.slack_host.app import TinyApp, over_socket
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.sockets import CONNECTIONS_MAX
from tests.fakes.slack.workspace import Workspace
from tests.fakes.waiting import until


class Listener:
    """The SDK's client; `acks` says for how many payloads from now on it answers."""

    def __init__(self, slack: FakeSlack, acks: int = 1_000) -> None:
        self.acks, self.requests = acks, list[SocketModeRequest]()
        web = AsyncWebClient(base_url=slack.api_url)
        self.client = SocketModeClient(slack.app_token, web_client=web, ping_interval=0.05)
        self.client.socket_mode_request_listeners.append(self._take)

    async def _take(self, _: Any, request: SocketModeRequest) -> None:
        self.requests.append(request)
        if len(self.requests) <= self.acks:
            answer = {"envelope_id": request.envelope_id, "payload": {"text": "on it"}}
            await self.client.send_socket_mode_response(answer)


@asynccontextmanager
async def listening(slack: FakeSlack, acks: int = 1_000) -> AsyncIterator[Listener]:
    listener, already = Listener(slack, acks), len(slack.connections)
    await listener.client.connect()  # type: ignore[no-untyped-call]
    await slack.connected(already + 1)
    yield listener
    await listener.client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
async def quick() -> AsyncIterator[FakeSlack]:
    """A Slack that loses its patience soon."""
    async with FakeSlack(ack_limit_s=0.03) as slack:
        slack.workspace("T1").channel("C1", members=["U1"])
        yield slack


async def test_an_acknowledgement_is_timed_and_may_say_something(
    slack: FakeSlack, team: Workspace
) -> None:
    async with listening(slack) as listener:
        delivery = await slack.command("U1", "C1", "/zapdev", "a board")

    assert (delivery.ack, delivery.attempts[0].transport) == ({"text": "on it"}, "socket 1")
    assert 0 < delivery.latency_s < 1
    [request] = listener.requests
    assert (request.type, request.accepts_response_payload) == ("slash_commands", True)


async def test_each_payload_goes_to_one_connection(slack: FakeSlack, team: Workspace) -> None:
    async with listening(slack) as one, listening(slack) as other:
        for number in range(4):
            await slack.say("U1", "C1", f"{number}")

    assert (len(one.requests), len(other.requests)) == (2, 2)


async def test_an_event_without_acknowledgement_comes_again(quick: FakeSlack) -> None:
    async with listening(quick, acks=0) as listener:
        await quick.say("U1", "C1", "hello")
        command = await quick.command("U1", "C1", "/zapdev")

    tries = [r for r in listener.requests if r.type == "events_api"]
    assert [(r.retry_attempt, r.retry_reason) for r in tries] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({r.envelope_id for r in tries}) == 4
    assert len({r.payload["event_id"] for r in tries}) == 1
    assert not quick.deliveries[0].is_acked
    assert len(command.attempts) == 1


async def test_bolt_is_told_of_the_retry(quick: FakeSlack) -> None:
    client = AsyncWebClient(quick.workspace("T1").token, quick.api_url)
    tiny = TinyApp(quick, client)
    async with over_socket(quick, tiny):
        [connection] = quick.connections
        connection.is_frozen = True
        saying = Background().start(quick.say("U1", "C1", "hello"), name="say")
        await until(lambda: len(tiny.retries) > 1)
        connection.is_frozen = False
        await saying

    assert tiny.retries[:2] == ["0", "1"]


async def test_an_app_told_to_refresh_comes_back_and_misses_nothing(
    slack: FakeSlack, team: Workspace
) -> None:
    async with listening(slack) as listener:
        await slack.socket_mode.disconnect()
        assert slack.connections == []
        await slack.connected()
        await slack.say("U1", "C1", "hello")

    assert [c.number for c in slack.socket_mode.opened] == [1, 2]
    assert len(listener.requests) == 1
    opened = slack.calls_of("apps.connections.open")
    assert [call.error for call in opened] == [None, None]


async def test_a_warning_changes_nothing_yet(slack: FakeSlack, team: Workspace) -> None:
    async with aiohttp.ClientSession() as http:
        client = AsyncWebClient(base_url=slack.api_url)
        url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
        async with http.ws_connect(url) as socket:
            hello = await socket.receive_json()
            await slack.socket_mode.disconnect("warning")
            note = await socket.receive_json()
            assert len(slack.connections) == 1
            async with http.get(url.replace("ws://", "http://")) as again:
                assert again.status == 401  # an address is good for one connection

    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert (note["type"], note["reason"]) == ("disconnect", "warning")


async def test_a_lost_connection_is_made_anew_and_its_payload_comes_again(
    slack: FakeSlack, team: Workspace
) -> None:
    async with listening(slack) as listener:
        slack.connections[0].drop()
        await until(lambda: len(slack.socket_mode.opened) == 2)
        await slack.connected()
        await slack.say("U1", "C1", "hello")

    assert len(listener.requests) == 1
    assert slack.deliveries[0].is_acked


async def test_a_connection_that_breaks_before_the_acknowledgement_did_not_take_it(
    slack: FakeSlack, team: Workspace
) -> None:
    async with listening(slack, acks=0) as deaf, listening(slack) as good:
        deaf.client.auto_reconnect_enabled = False
        saying = Background().start(slack.say("U1", "C1", "hello"), name="say")
        await until(lambda: bool(deaf.requests))
        slack.connections[0].drop()
        await saying

    [delivery] = slack.deliveries
    assert [a.error for a in delivery.attempts] == ["connection_failed", None]
    assert [r.retry_attempt for r in good.requests] == [1]


async def test_pings_go_both_ways(slack: FakeSlack, team: Workspace) -> None:
    async with listening(slack) as listener:
        [connection] = slack.connections
        await connection.ping()
        await until(lambda: connection.pongs > 0)
        await until(lambda: listener.client.last_ping_pong_time is not None)
        assert await listener.client.is_connected()


async def test_there_are_no_more_than_ten_connections(slack: FakeSlack, team: Workspace) -> None:
    client = AsyncWebClient(base_url=slack.api_url)
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        first = []
        for _ in range(CONNECTIONS_MAX + 1):
            url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
            socket = await stack.enter_async_context(http.ws_connect(url))
            first.append(await socket.receive_json())

    assert [note["type"] for note in first] == ["hello"] * CONNECTIONS_MAX + ["disconnect"]
    assert first[-1]["reason"] == "too_many_websockets"


async def test_http_is_taken_when_no_socket_is_open(slack: FakeSlack, team: Workspace) -> None:
    slack.attach_http("http://127.0.0.1:9/slack/events")
    async with listening(slack):
        await slack.say("U1", "C1", "one")
    await until(lambda: slack.connections == [])
    await slack.say("U1", "C1", "two")

    transports = [d.attempts[0].transport for d in slack.deliveries]
    assert transports == ["socket 1", "http"]

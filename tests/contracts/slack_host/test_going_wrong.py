"""Rate limits and scripted faults, as the real client meets them."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from agents.background import Background
from agents.testing import FakeClock
from tests.contracts.slack_host.refusals import error_of
from tests.fakes.slack.rates import POST_BURST, TIER_3, ScaledClock
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace
from tests.fakes.waiting import until


async def retry_after(client: AsyncWebClient, ts: str) -> int:
    """What an edit that comes too often is told to wait."""
    with pytest.raises(SlackApiError) as caught:
        await client.chat_update(channel="C1", ts=ts, text="x")
    answer = caught.value.response
    assert (answer["error"], answer.status_code) == ("ratelimited", 429)
    return int(answer.headers["Retry-After"])


async def test_a_tier_is_so_many_calls_in_any_minute_for_each_workspace() -> None:
    clock = FakeClock()
    async with FakeSlack(clock=clock) as slack:
        for name in ("T1", "T2"):
            slack.workspace(name).channel(f"C{name[1]}", members=[f"U{name[1]}"])
        client = AsyncWebClient(slack.workspace("T1").token, slack.api_url)
        posted = await client.chat_postMessage(channel="C1", text="x")
        for _ in range(TIER_3):
            await client.chat_update(channel="C1", ts=posted["ts"], text="x")
            await clock.advance(1)

        assert await retry_after(client, posted["ts"]) == 10
        other = AsyncWebClient(slack.workspace("T2").token, slack.api_url)
        await other.chat_postMessage(channel="C2", text="another workspace has its own")
        await client.auth_test()  # and another method too
        await clock.advance(10)
        await client.chat_update(channel="C1", ts=posted["ts"], text="x")
        assert await retry_after(client, posted["ts"]) == 1
        assert slack.rates.refused == {"chat.update": 2}
        assert [c.error for c in slack.calls_of("chat.update") if c.error] == ["ratelimited"] * 2


async def test_a_channel_takes_a_short_burst_and_then_a_message_a_second() -> None:
    clock = FakeClock()
    async with FakeSlack(clock=clock) as slack:
        team = slack.workspace("T1")
        for name in ("C1", "C2"):
            team.channel(name, members=["U1"])
        client = AsyncWebClient(team.token, slack.api_url)
        for _ in range(POST_BURST):
            await client.chat_postMessage(channel="C1", text="x")

        assert await error_of(client.chat_postMessage(channel="C1", text="x")) == "ratelimited"
        await client.chat_postMessage(channel="C2", text="x")
        await clock.advance(POST_BURST)
        await client.chat_postMessage(channel="C1", text="x")


async def test_a_limit_can_be_set_and_time_can_run_faster() -> None:
    async with FakeSlack(clock=ScaledClock(600)) as slack:
        team = slack.workspace("T1")
        slack.limit("auth.test", 1)
        client = AsyncWebClient(team.token, slack.api_url)
        await client.auth_test()
        assert await error_of(client.auth_test()) == "ratelimited"
        await slack.clock.sleep(60)
        await client.auth_test()


async def test_a_scripted_error_befalls_so_many_calls_of_one_place(
    client: AsyncWebClient, team: Workspace, slack: FakeSlack
) -> None:
    team.channel("C2", members=["U1"])
    slack.fail("chat.postMessage", "restricted_action", times=2, channel="C1")
    slack.fail("*", "fatal_error", team="T2")

    await client.chat_postMessage(channel="C2", text="x")
    for _ in range(2):
        post = client.chat_postMessage(channel="C1", text="x")
        assert await error_of(post) == "restricted_action"
    await client.chat_postMessage(channel="C1", text="y")
    assert [m.text for m in slack.messages("C1")] == ["y"]


async def test_a_scripted_429_is_retried_by_the_sdk_s_handler(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    slack.fail("auth.test", "ratelimited", retry_after=0)
    await client.auth_test()

    assert [call.status for call in slack.calls_of("auth.test")] == [429, 200]


async def test_a_status_without_json_is_an_error_too(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    slack.fail("auth.test", status=503)
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()

    assert caught.value.response.status_code == 503
    assert slack.calls[-1].error == "HTTP 503"


async def test_a_cut_connection_did_nothing_and_a_lost_answer_did(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    client.retry_handlers.clear()
    slack.cut("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C1", text="cut")
    slack.lose_answer("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C1", text="lost")

    assert [m.text for m in slack.messages("C1")] == ["lost"]
    assert [call.status for call in slack.calls] == [0, 0]


async def test_calls_are_held_until_the_test_lets_them_go(
    client: AsyncWebClient, slack: FakeSlack
) -> None:
    held = slack.hold("chat.postMessage")
    post = Background().start(client.chat_postMessage(channel="C1", text="x"), name="held")
    await held.reached.wait()
    await client.auth_test()
    assert slack.messages("C1") == []
    held.release()
    await post
    assert len(slack.messages("C1")) == 1


async def test_a_delay_passes_by_the_test_s_clock() -> None:
    clock = FakeClock()
    async with FakeSlack(clock=clock) as slack:
        client = AsyncWebClient(slack.workspace("T1").token, slack.api_url)
        slack.delay("auth.test", 5)
        call = Background().start(client.auth_test(), name="slow")
        await until(lambda: clock.sleeping == 1)
        await clock.advance(5)
        assert (await call)["ok"]


async def test_a_flood_of_events_is_cut_off_with_a_note(slack: FakeSlack, team: Workspace) -> None:
    slack.courier.events_per_hour = 2
    for number in range(4):
        await slack.say("U1", "C1", f"{number}")

    kinds = [delivery.type for delivery in slack.deliveries]
    assert kinds == ["message", "message", "app_rate_limited"]

"""The door to Slack: each refusal is told apart by what is to be done about it."""

from collections.abc import AsyncIterator, Callable

import pytest

from agents.errors import (
    BadProviderResponse,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from bot.render.slack_blocks import SlackMessage
from bot.slack import door as slack_door
from bot.slack.door import OneToken, SlackDoor
from bot.slack.errors import (
    RETRY_AFTER_S,
    ChannelGone,
    MessageGone,
    MessageTooLarge,
    ThreadGone,
    WorkspaceGone,
    refusal,
)
from bot.slack.line import SlackLine
from tests.fakes.slack.server import FakeSlack

HELLO = SlackMessage("Hello")


async def test_each_call_is_told_with_how_it_was_answered(slack: FakeSlack) -> None:
    told: list[tuple[str, str]] = []
    line = SlackLine(slack.api_url, lambda method, outcome: told.append((method, outcome)))
    door = SlackDoor(line, OneToken(slack.workspace("T1").token))
    try:
        await door.post("T1", "C1", HELLO)
        slack.fail("chat.postMessage", status=502)
        with pytest.raises(ProviderUnavailable):
            await door.post("T1", "C1", HELLO)
    finally:
        await line.close()
    method = "chat_postMessage"
    assert told == [(method, "ok"), (method, "provider_unavailable")]


@pytest.fixture
async def door(slack: FakeSlack) -> AsyncIterator[SlackDoor]:
    door = SlackDoor(SlackLine(slack.api_url), OneToken(slack.workspace("T1").token))
    yield door
    await door.line.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("msg_too_long", MessageTooLarge),
        ("invalid_blocks", MessageTooLarge),
        ("message_not_found", MessageGone),
        ("edit_window_closed", MessageGone),
        ("thread_not_found", ThreadGone),
        ("is_archived", ChannelGone),
        ("not_in_channel", ChannelGone),
        ("token_revoked", WorkspaceGone),
        ("account_inactive", WorkspaceGone),
        ("internal_error", ProviderUnavailable),
        ("ratelimited", RateLimited),
        ("never_heard_of", BadProviderResponse),
    ],
)
async def test_each_refusal_is_told_apart(
    slack: FakeSlack, door: SlackDoor, code: str, kind: type[ProviderError]
) -> None:
    slack.fail("chat.postMessage", code)

    with pytest.raises(kind):
        await door.post("T1", "C1", HELLO)


async def test_what_is_no_answer_of_slacks_api_is_an_outage(
    slack: FakeSlack, door: SlackDoor
) -> None:
    script: list[Callable[[str], None]] = [
        lambda method: slack.fail(method, status=502),
        slack.cut,
        slack.lose_answer,
    ]
    for fail in script:
        fail("chat.postMessage")
        with pytest.raises(ProviderUnavailable):
            await door.post("T1", "C1", HELLO)
    assert len(slack.bot_messages("C1")) == 1, "the last one took place"
    assert len(slack.calls_of("chat.postMessage")) == 3, "nothing is tried again here"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        *[(nonsense, RETRY_AFTER_S) for nonsense in (None, "soon", "inf", "nan")],
    ],
)
def test_slacks_wait_is_read_whatever_it_says(header: str | None, seconds: float) -> None:
    error = refusal("ratelimited", 429, header)

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_tasks_message_is_found_by_its_metadata_behind_many_others(
    slack: FakeSlack, door: SlackDoor, monkeypatch: pytest.MonkeyPatch, *, in_thread: bool
) -> None:
    monkeypatch.setattr(slack_door, "_LOOKED_AT", 3)
    root = (await slack.say("U1", "C1", "build it")).ts if in_thread else ""
    old = await door.post("T1", "C1", HELLO, thread_ts=root, task_id="task_1")
    for _ in range(4):
        await slack.say("U1", "C1", "well", root or None)
    new = await door.post("T1", "C1", HELLO, thread_ts=root, task_id="task_1")
    other = await door.post("T1", "C1", HELLO, thread_ts=root, task_id="task_2")

    async def find(task_id: str, after: str) -> str | None:
        return await door.find("T1", "C1", root, task_id, after=after)

    assert await find("task_1", "0") in (old, new)
    assert await find("task_1", old) == new
    assert await find("task_1", new) is None
    assert await find("task_2", "0") == other
    assert await find("task_3", "0") is None


async def test_an_edit_without_blocks_takes_the_old_ones_away(
    slack: FakeSlack, door: SlackDoor
) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "long"}}
    ts = await door.post("T1", "C1", SlackMessage("Hello", [block]))
    await door.update("T1", "C1", ts, SlackMessage("only words"))

    [message] = slack.bot_messages("C1")
    assert (message.text, list(message.blocks)) == ("only words", [])

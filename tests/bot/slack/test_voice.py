"""Short answers arrive, also in a channel where so much is said that Slack tells us to wait."""

from collections.abc import AsyncIterator

import pytest

from bot.render.slack_blocks import SlackMessage
from bot.slack.door import OneToken, SlackDoor
from bot.slack.line import SlackLine
from bot.slack.payloads import Said
from bot.slack.voice import PATIENCE, Voice
from tests.fakes.instant_clock import InstantClock
from tests.fakes.slack.server import FakeSlack

SAID = Said("T1", "U1", "C1", "", "slack:T1:C1:1.0")
ANSWER = SlackMessage("Here it is.")


@pytest.fixture
def clock() -> InstantClock:
    return InstantClock()


@pytest.fixture
async def voice(slack: FakeSlack, clock: InstantClock) -> AsyncIterator[Voice]:
    door = SlackDoor(SlackLine(slack.api_url), OneToken(slack.workspace("T1").token))
    yield Voice(door, clock)
    await door.line.close()


async def test_an_answer_that_slack_limits_is_said_when_it_may_be(
    slack: FakeSlack, voice: Voice, clock: InstantClock
) -> None:
    slack.fail("chat.postMessage", "ratelimited", retry_after=7, times=2)

    await voice.say(SAID, ANSWER)

    assert [m.text for m in slack.bot_messages("C1")] == [ANSWER.text]
    assert len(clock.sleeps) == 2
    assert min(clock.sleeps) >= 7


async def test_so_is_one_for_a_person_alone(slack: FakeSlack, voice: Voice) -> None:
    slack.fail("chat.postEphemeral", "ratelimited", retry_after=1)

    await voice.whisper(SAID, ANSWER)

    assert [m.text for m in slack.ephemeral("U1")] == [ANSWER.text]


async def test_an_answer_that_may_have_arrived_is_not_said_again(
    slack: FakeSlack, voice: Voice
) -> None:
    slack.lose_answer("chat.postMessage")

    await voice.say(SAID, ANSWER)

    assert [m.text for m in slack.bot_messages("C1")] == [ANSWER.text]


async def test_patience_has_an_end(slack: FakeSlack, voice: Voice) -> None:
    slack.fail("chat.postMessage", "ratelimited", times=None)

    await voice.say(SAID, ANSWER)

    assert slack.bot_messages("C1") == []
    assert len(slack.calls_of("chat.postMessage")) <= PATIENCE.attempts

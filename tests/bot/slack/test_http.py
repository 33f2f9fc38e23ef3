"""What comes to the request URL: Slack's own, signed; and what anybody may send there."""

import json
import logging
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from agents.system import SystemClock
from tests.fakes.slack.http_delivery import sign
from tests.fakes.slack_bot import Bot

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = json.dumps({"type": "event_callback", "event": {"type": "reaction_added"}})


def now() -> int:
    return int(SystemClock().now().timestamp())


async def post(bot: Bot, body: bytes, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as http, http.post(bot.url, data=body, headers=headers) as a:
        return a.status


async def signed(bot: Bot, body: str, headers: dict[str, str]) -> int:
    mark = sign(bot.slack.secrets.signing_secret, body, now())
    return await post(bot, body.encode(), {**headers, **mark})


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


async def test_slack_verifies_the_address(bot: Bot) -> None:
    attempt = await bot.slack.verify_url(bot.url, "a-challenge")
    assert (attempt.error, attempt.ack) == (None, {"challenge": "a-challenge"})


async def test_what_slack_did_not_sign_is_refused_and_its_words_are_in_no_log(
    bot: Bot, logged: pytest.LogCaptureFixture
) -> None:
    secret = bot.slack.secrets.signing_secret
    body = json.dumps({"type": "event_callback", "event": {"text": "a very private word"}})
    good = sign(secret, body, now())
    stamp, signature = "X-Slack-Request-Timestamp", "X-Slack-Signature"
    for wrong in (
        {},
        {signature: good[signature]},
        {stamp: good[stamp]},
        {**good, signature: "v0=" + "0" * 64},
        {**good, signature: "nonsense"},
        {**good, signature: "v0=é"},
        {**good, stamp: "yesterday"},
        {**good, stamp: "-1"},
        {**good, stamp: "9" * 5_000},
        {**good, stamp: "²"},
        sign(secret, body, now() - 600),
        sign(secret, body, now() + 600),
        sign("another secret", body, now()),
        sign(secret, body + " ", now()),
    ):
        assert await post(bot, body.encode(), {**JSON, **wrong}) == 401
    assert "a very private word" not in logged.text


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", JSON),
        ("", FORM),
        ("{", JSON),
        ("[1]", JSON),
        ('"text"', JSON),
        ("null", JSON),
        ("{}", JSON),
        ("[" * 100_000, JSON),
        ("payload=", FORM),
        ("payload=[1]", FORM),
        ("payload={", FORM),
        ("payload", FORM),
        (urlencode({"payload": "null"}), FORM),
        ("\x00\x01", {"Content-Type": "text/plain"}),
        ('{"type": "event_callback", "event": "text"}', JSON),
        ('{"type": "event_callback", "event": {}}', JSON),
        ('{"type": "event_callback", "event": {"type": 7}}', JSON),
        ('{"type": "event_callback", "event": {"type": "message", "user": "U1"}}', JSON),
        ('{"type": "event_callback", "event": {"type": "app_home_opened", "tab": "home"}}', JSON),
        ('{"type": "event_callback", "authorizations": 7, "event": {"type": "message"}}', JSON),
        (urlencode({"command": "/zapdev"}), FORM),
        (urlencode({"command": "/zapdev", "text": "a board", "user_id": "U1"}), FORM),
        (urlencode({"payload": '{"type": "block_actions"}'}), FORM),
        (urlencode({"payload": '{"type": "block_actions", "actions": []}'}), FORM),
        (urlencode({"payload": '{"type": "block_actions", "actions": [{}], "user": 7}'}), FORM),
        (urlencode({"payload": '{"type": "view_submission", "view": {}}'}), FORM),
        (
            urlencode(
                {"payload": '{"type": "view_submission", "view": {"callback_id": "zd_build_form"}}'}
            ),
            FORM,
        ),
        (
            urlencode(
                {"payload": '{"type": "shortcut", "callback_id": "zapdev_new_build", "user": {}}'}
            ),
            FORM,
        ),
    ],
)
async def test_signed_nonsense_is_a_bad_request_or_acknowledged_and_never_an_error(
    bot: Bot, body: str, headers: dict[str, str], logged: pytest.LogCaptureFixture
) -> None:
    assert await signed(bot, body, headers) in (200, 400)
    assert [r for r in logged.records if r.levelno >= logging.ERROR] == []
    assert await bot.tasks() == []


async def test_bytes_that_are_no_text_are_a_bad_request(bot: Bot) -> None:
    raw = b"\xff\xfe{"
    mark = sign(bot.slack.secrets.signing_secret, raw.decode("latin-1"), now())
    assert await post(bot, raw, {**JSON, **mark}) == 401
    form = b"payload=%ff%fe"
    mark = sign(bot.slack.secrets.signing_secret, form.decode(), now())
    assert await post(bot, form, {**FORM, **mark}) == 400


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "event_callback", "event": {"type": "reaction_added", "user": "U1"}},
        {"type": "event_callback", "event": {"type": "team_join", "user": {"id": "U1"}}},
        {"type": "app_rate_limited", "team_id": "T1"},
        {"type": "something_new", "secret": "a very private word"},
    ],
)
async def test_what_nobody_listens_to_is_acknowledged_and_not_logged(
    bot: Bot, payload: dict[str, Any], logged: pytest.LogCaptureFixture
) -> None:
    delivery = await bot.slack.deliver("event", {"team_id": "T1", **payload})
    assert delivery.is_acked
    assert "a very private word" not in logged.text


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "shortcut", "callback_id": "another_app's"},
        {"type": "message_action", "callback_id": "another_app's"},
        {
            "type": "view_submission",
            "view": {"type": "modal", "callback_id": "zd_another_form"},
        },
        {"type": "view_closed", "view": {"type": "modal", "callback_id": "zd_build_form"}},
        {"type": "block_suggestion", "action_id": "x", "value": "y", "container": {}},
    ],
)
async def test_interactions_that_nobody_takes_are_acknowledged(
    bot: Bot, payload: dict[str, Any]
) -> None:
    who = {"user": {"id": "U1", "team_id": "T1"}, "team": {"id": "T1"}}
    delivery = await bot.slack.deliver("interactive", {**who, **payload})
    assert delivery.is_acked, delivery.attempts


async def test_another_command_is_acknowledged(bot: Bot) -> None:
    delivery = await bot.slack.command("U1", "C1", "/another", "x")
    assert delivery.is_acked
    assert await bot.tasks() == []


async def test_nothing_that_people_write_is_in_a_log(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    root = await bot.slack.mention("U1", "C1", "a very private word")
    await bot.slack.say("U1", "C1", "a very private word", root.ts)
    await bot.slack.command("U1", "C1", "/zapdev", "a very private word")
    await bot.slack.dm("U1", "a very private word --colour red")
    await bot.settled()
    assert "a very private word" not in caplog.text

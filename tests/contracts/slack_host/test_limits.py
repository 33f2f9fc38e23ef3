"""Slack's limits, each just kept and just broken: as pure functions and over the wire."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from tests.contracts.slack_host.app import Json, actions, button
from tests.contracts.slack_host.refusals import error_of, refused
from tests.fakes.slack.limits import (
    BLOCKS,
    UPDATE_TEXT_BYTES,
    WEIGHT_MAX,
    text_bytes,
    validate,
    validate_view,
    weight,
)
from tests.fakes.slack.server import FakeSlack


def text(length: int = 1, kind: str = "mrkdwn") -> Json:
    return {"type": kind, "text": "x" * length}


def plain(length: int = 1) -> Json:
    return text(length, "plain_text")


def section(length: int = 1, **more: Any) -> Json:
    return {"type": "section", "text": text(length), **more}


def task(number: int = 0, status: str = "pending", **more: Any) -> Json:
    card = {"type": "task_card", "task_id": f"t{number}", "title": "Writing", "status": status}
    return {**card, **more}


def plan(*tasks: Json) -> Json:
    return {"type": "plan", "title": "Building", "tasks": list(tasks)}


def confirm(title: int = 1, body: int = 1, yes: int = 1, no: int = 1) -> Json:
    return {"title": plain(title), "text": text(body), "confirm": plain(yes), "deny": plain(no)}


def context(how_many: int) -> Json:
    return {"type": "context", "elements": [text()] * how_many}


def feedback(label: int = 1, value: int = 1) -> Json:
    half = {"text": plain(label), "value": "x" * value}
    buttons = {"positive_button": half, "negative_button": half}
    return {"type": "feedback_buttons", "action_id": "f", **buttons}


def context_actions(how_many: int, **sizes: int) -> Json:
    elements = [{**feedback(**sizes), "action_id": f"f{n}"} for n in range(how_many)]
    return {"type": "context_actions", "elements": elements}


def image(url: str = "https://x.test/a.png", alt: int = 1) -> Json:
    return {"type": "image", "image_url": url, "alt_text": "x" * alt}


def buttons(how_many: int) -> Json:
    return actions(*(button(f"b{n}") for n in range(how_many)))[0]


def one(**more: Any) -> Json:
    return actions(button(**more))[0]


def rich(**more: Any) -> Json:
    inside = {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}
    return {"type": "rich_text", "elements": [inside], **more}


def menu(how_many: int, value: int = 1) -> Json:
    options = [{"text": plain(), "value": "x" * value}] * how_many
    return section(accessory={"type": "static_select", "action_id": "m", "options": options})


LIMITS = {
    "section text": (section(3_000), section(3_001), "/blocks/0/text/text"),
    "empty text": (section(1), section(0), "/blocks/0/text/text"),
    "no text": (section(), {"type": "section"}, "/blocks/0"),
    "fields": (section(fields=[text()] * 10), section(fields=[text()] * 11), "/blocks/0/fields"),
    "field": (section(fields=[text(2_000)]), section(fields=[text(2_001)]), "/fields/0/text"),
    "header": (
        {"type": "header", "text": plain(150)},
        {"type": "header", "text": plain(151)},
        "/blocks/0/text/text",
    ),
    "header of mrkdwn": (
        {"type": "header", "text": plain()},
        {"type": "header", "text": text()},
        "/blocks/0/text",
    ),
    "actions": (buttons(25), buttons(26), "/blocks/0/elements"),
    "context": (context(10), context(11), "/blocks/0/elements"),
    "context actions": (context_actions(5), context_actions(6), "/blocks/0/elements"),
    "feedback text": (
        context_actions(1, label=75),
        context_actions(1, label=76),
        "/positive_button/text/text",
    ),
    "feedback value": (
        context_actions(1, value=2_000),
        context_actions(1, value=2_001),
        "/positive_button/value",
    ),
    "button text": (one(text=plain(75)), one(text=plain(76)), "/elements/0/text/text"),
    "button text of mrkdwn": (one(text=plain()), one(text=text()), "/elements/0/text"),
    "button value": (one(value="x" * 2_000), one(value="x" * 2_001), "/elements/0/value"),
    "button url": (
        one(url="https://" + "x" * 2_992),
        one(url="https://" + "x" * 2_993),
        "/elements/0/url",
    ),
    "no url": (one(url="https://x.test"), one(url="x.test"), "/elements/0/url"),
    "style": (one(style="danger"), one(style="default"), "/elements/0/style"),
    "action_id": (
        one(action_id="x" * 255),
        one(action_id="x" * 256),
        "/elements/0/action_id",
    ),
    "same action_id": (
        actions(button("a"), button("b"))[0],
        actions(button("a"), button("a"))[0],
        "/elements/1/action_id",
    ),
    "block_id": (
        section(block_id="x" * 255),
        section(block_id="x" * 256),
        "/blocks/0/block_id",
    ),
    "dialog title": (one(confirm=confirm(100)), one(confirm=confirm(101)), "/confirm/title/text"),
    "dialog text": (
        one(confirm=confirm(body=300)),
        one(confirm=confirm(body=301)),
        "/confirm/text/text",
    ),
    "dialog yes": (
        one(confirm=confirm(yes=30)),
        one(confirm=confirm(yes=31)),
        "/confirm/confirm/text",
    ),
    "dialog no": (one(confirm=confirm(no=30)), one(confirm=confirm(no=31)), "/confirm/deny/text"),
    "image url": (
        image("https://" + "x" * 2_992),
        image("https://" + "x" * 2_993),
        "/blocks/0/image_url",
    ),
    "no image url": (image(), image("file:///a.png"), "/blocks/0/image_url"),
    "alt text": (image(alt=2_000), image(alt=2_001), "/blocks/0/alt_text"),
    "markdown": (
        {"type": "markdown", "text": "x" * 12_000},
        {"type": "markdown", "text": "x" * 12_001},
        "/blocks/0/text",
    ),
    "status": (
        plan(*(task(n, s) for n, s in enumerate(("pending", "in_progress", "complete", "error")))),
        plan(task(status="completed")),
        "/tasks/0/status",
    ),
    "same task": (plan(task(1), task(2)), plan(task(1), task(1)), "/tasks/1/task_id"),
    "task's details": (
        plan(task(details=rich())),
        plan(task(details="wrote a file")),
        "/tasks/0/details",
    ),
    "options": (menu(100), menu(101), "/accessory/options"),
    "option value": (menu(1, 150), menu(1, 151), "/accessory/options/0/value"),
    "kind of block": (section(), {"type": "progress_bar"}, "/blocks/0/type"),
    "kind of element": (
        actions(button())[0],
        actions({"type": "slider", "action_id": "s"})[0],
        "/elements/0/type",
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_each_limit_holds_at_its_edge(name: str) -> None:
    kept, broken, where = LIMITS[name]

    assert validate([kept]) == []
    complaint = validate([broken])[0]
    assert complaint.partition("json-pointer:")[2].removesuffix("]").endswith(where)


def test_a_message_has_fifty_blocks_with_ids_of_their_own() -> None:
    assert validate([section()] * 50) == []
    assert validate([section()] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]
    same = [section(block_id="a"), section(block_id="a")]
    assert validate(same) == ["block_id a already exists [json-pointer:/blocks/1/block_id]"]


def test_a_plan_and_loose_task_cards_exclude_each_other() -> None:
    assert validate([plan(task())]) == validate([task(1), task(2)]) == []
    assert len(validate([plan(task()), task(1)])) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "elements", "element", "options", "accessory", "tasks"]
            ),
            inner | st.sampled_from([*BLOCKS, "button", "static_select", "mrkdwn"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3))
def test_whatever_is_sent_gets_a_verdict(blocks: list[Any]) -> None:
    assert all("json-pointer" in complaint for complaint in validate(blocks))
    assert isinstance(validate_view({"type": "modal", "blocks": blocks}), list)


# --- over the wire ----------------------------------------------------------------------------


async def test_invalid_blocks_are_refused_with_the_place(client: AsyncWebClient) -> None:
    post = client.chat_postMessage(channel="C1", text="x", blocks=[section(), section(3_001)])

    answer = await refused(post)
    said = "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert (answer["error"], answer["errors"]) == ("invalid_blocks", [said])
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {said}"]


async def test_blocks_that_are_no_list_are_no_blocks(client: AsyncWebClient) -> None:
    for blocks in ("{", '{"type": "divider"}'):
        post = client.chat_postMessage(channel="C1", text="x", blocks=blocks)
        assert await error_of(post) == "invalid_blocks_format"


async def test_an_edit_s_text_is_counted_in_bytes_once_escaped(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C1", text="x")
    for kept, broken in (
        ("x" * 4_000, "x" * 4_001),
        ("&" * 800, "&" * 801),
        ("ä" * 2_000, "ä" * 2_001),
    ):
        assert text_bytes(kept) == UPDATE_TEXT_BYTES
        await client.chat_update(channel="C1", ts=posted["ts"], text=kept)
        edit = client.chat_update(channel="C1", ts=posted["ts"], text=broken)
        assert await error_of(edit) == "msg_too_long"
    assert text_bytes("&amp;&lt;") == 9


async def test_a_new_message_s_text_is_cut(client: AsyncWebClient, slack: FakeSlack) -> None:
    await client.chat_postMessage(channel="C1", text="x" * 40_001)

    assert [len(m.text) for m in slack.messages("C1")] == [40_000]


async def test_all_blocks_together_must_not_weigh_too_much(client: AsyncWebClient) -> None:
    blocks = [section(3_000), section(3_000), section(3_000), section(3_000)]
    rest = WEIGHT_MAX - weight(blocks) - weight([section(0)])
    fits = [*blocks, section(rest)]
    assert weight(fits) == WEIGHT_MAX
    await client.chat_postMessage(channel="C1", text="x", blocks=fits)

    post = client.chat_postMessage(channel="C1", text="x", blocks=[*blocks, section(rest + 1)])
    assert await error_of(post) == "msg_blocks_too_long"


async def test_a_message_says_something(client: AsyncWebClient) -> None:
    post = client.api_call("chat.postMessage", json={"channel": "C1", "text": "", "blocks": []})
    assert await error_of(post) == "no_text"
    twice = client.chat_postMessage(channel="C1", text="x", markdown_text="x")
    assert await error_of(twice) == "markdown_text_conflict"


async def test_metadata_has_a_form_and_a_size(client: AsyncWebClient, slack: FakeSlack) -> None:
    def note(**payload: str) -> Json:
        return {"event_type": "build", "event_payload": payload}

    await client.chat_postMessage(channel="C1", text="x", metadata=note(job="1"))
    assert slack.messages("C1")[0].now.metadata == note(job="1")
    large = client.chat_postMessage(channel="C1", text="x", metadata=note(job="x" * 8_000))
    assert await error_of(large) == "metadata_too_large"
    odd = client.chat_postMessage(channel="C1", text="x", metadata={"job": "1"})
    assert await error_of(odd) == "invalid_metadata_format"

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.chat_stream import Problem, StreamDecoder, provider_error
from agents.errors import (
    AuthFailed,
    BadOutput,
    BadProviderResponse,
    ContentRefused,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from agents.ports import Finished, LLMChunk, TextDelta, ToolCallDelta
from agents.types import Usage
from tests.fakes.openrouter import (
    COMMENT,
    DONE,
    call_frames,
    chunk,
    error_chunk,
    error_event,
    text_frames,
    usage,
)


def decode(*reads: bytes) -> list[LLMChunk]:
    decoder = StreamDecoder()
    return [item for read in (*reads, b"") for item in decoder.feed(read)]


def told(chunks: list[LLMChunk]) -> tuple[str, dict[int, list[str | None]], list[Finished]]:
    """What the chunks say, however they are cut: text, calls, finishes."""
    calls: dict[int, list[str | None]] = {}
    for item in chunks:
        if isinstance(item, ToolCallDelta):
            known = calls.setdefault(item.index, [None, None, ""])
            known[0], known[1] = known[0] or item.id, known[1] or item.name
            known[2] = (known[2] or "") + item.arguments
    text = "".join(item.text for item in chunks if isinstance(item, TextDelta))
    return text, calls, [item for item in chunks if isinstance(item, Finished)]


def pieces(*calls: dict[str, Any]) -> bytes:
    return b"".join(chunk({"tool_calls": [call]}) for call in calls)


@given(st.lists(st.integers(0, 2_000), max_size=40))
def test_however_the_bytes_are_cut_the_chunks_say_the_same(points: list[int]) -> None:
    frames = [
        COMMENT,
        *text_frames("Grüße ", "😀", "!"),
        *call_frames("a", '{"x": "é"}'),
        *call_frames("b", "{}", index=1),
        chunk({}, "tool_calls"),
        usage(),
        DONE,
    ]
    whole = b"".join(frame for frame in frames if isinstance(frame, bytes))
    ends = sorted({0, len(whole), *(point % len(whole) for point in points)})
    reads = [whole[a:b] for a, b in pairwise(ends)]
    assert told(decode(*reads)) == (
        "Grüße 😀!",
        {0: ["call_0", "a", '{"x": "é"}'], 1: ["call_1", "b", "{}"]},
        [Finished("tool_calls")],
    )


def test_the_pieces_of_one_read_are_joined() -> None:
    read = b"".join(f for f in text_frames("a", "b", "c") if isinstance(f, bytes))
    assert decode(read) == [TextDelta("abc")]


def test_after_done_nothing_counts_any_more() -> None:
    decoder = StreamDecoder()
    read = chunk({"content": "a"}) + DONE + chunk({"content": "b"})
    assert decoder.feed(read) == [TextDelta("a")]
    assert decoder.done


def test_other_fields_of_the_event_stream_and_carriage_returns_are_skipped() -> None:
    read = b"event: x\r\nid: 1\r\nretry: 5\r\n" + chunk({"content": "a"}).replace(b"\n", b"\r\n")
    assert decode(read) == [TextDelta("a")]


def test_usage_is_kept_from_the_last_chunk_that_has_it() -> None:
    decoder = StreamDecoder()
    decoder.feed(chunk({}, usage=None) + usage(1, 1, 0.1) + usage(100, 50, 0.5))
    assert decoder.usage == Usage(prompt_tokens=100, completion_tokens=50, cost_usd=0.5)


@pytest.mark.parametrize(
    "read",
    [
        b'data: {"choices": [{"delta": {"content": "a\n\n',
        b"data: \xff\xfe\n\n",
        b'data: {"choices": 7}\n\n',
        b"data: [1]\n\n",
        b"data: nonsense\n\n",
        b'data: {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": {}}}]}}]}\n\n',
    ],
)
def test_a_chunk_that_is_not_in_the_known_form_is_bad_output(read: bytes) -> None:
    with pytest.raises(BadOutput):
        decode(read)


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (error_chunk(), ProviderUnavailable),
        (error_event(), ProviderUnavailable),
        (error_event(429), RateLimited),
        (error_event("429"), RateLimited),
        (error_event("rate_limit_exceeded"), RateLimited),
        (error_event("server_error"), ProviderUnavailable),
        (error_event(401), AuthFailed),
        (error_event("insufficient_quota"), AuthFailed),
        (error_event("content_filter"), ContentRefused),
        (error_event(400), BadProviderResponse),
        (error_event(408), ProviderTimeout),
        (b'data: {"error": "overloaded"}\n\n', ProviderUnavailable),
        (b'data: {"error": {"code": 429, "message": {"a": 1}, "metadata": "x"}}\n\n', RateLimited),
        (b'{"error": {"code": 402, "message": "no credit"}}', AuthFailed),
        (b'data: {"choices": [{"error": {"code": 502, "message": "x"}}]}\n\n', ProviderUnavailable),
    ],
)
def test_an_error_object_in_the_stream_is_raised_like_its_status(
    read: bytes, error: type[ProviderError]
) -> None:
    with pytest.raises(error):
        decode(chunk({"content": "par"}) + read)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("error", "error"),
        ("something_new", "error"),
    ],
)
def test_only_known_finish_reasons_are_good(reason: str, finish: str) -> None:
    [item] = decode(chunk({}, reason))
    assert isinstance(item, Finished)
    assert item.reason == finish


def test_parallel_calls_that_all_say_index_0_are_told_apart() -> None:
    read = pieces(
        {"index": 0, "id": "x", "function": {"name": "a", "arguments": "{}"}},
        {"index": 0, "id": "y", "function": {"name": "a", "arguments": '{"b'}},
        {"index": 0, "id": "y", "function": {"name": "a", "arguments": '":1}'}},
    )
    assert told(decode(read))[1] == {0: ["x", "a", "{}"], 1: ["y", "a", '{"b":1}']}


def test_calls_without_an_index_are_told_apart_by_their_names() -> None:
    read = pieces(
        {"id": "x", "function": {"name": "a", "arguments": ""}},
        {"function": {"arguments": "{}"}},
        {"function": {"name": "b", "arguments": "{"}},
        {"function": {"arguments": "}"}},
    )
    assert told(decode(read))[1] == {0: ["x", "a", "{}"], 1: [None, "b", "{}"]}


def test_id_and_name_come_once_whatever_the_server_repeats() -> None:
    piece = {"index": 3, "id": "x", "function": {"name": "a", "arguments": "1"}}
    decoder = StreamDecoder()
    first, second = (decoder.feed(pieces(piece)) for _ in range(2))
    assert first == [ToolCallDelta(0, "1", id="x", name="a")]
    assert second == [ToolCallDelta(0, "1")]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadProviderResponse),
        (401, AuthFailed),
        (402, AuthFailed),
        (403, AuthFailed),
        (404, BadProviderResponse),
        (408, ProviderTimeout),
        (409, ProviderUnavailable),
        (413, BadProviderResponse),
        (422, BadProviderResponse),
        (429, RateLimited),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderTimeout),
        (529, ProviderUnavailable),
    ],
)
def test_each_status_has_its_place_in_the_error_tree(
    status: int, error: type[ProviderError]
) -> None:
    assert type(provider_error(status, Problem(), {})) is error


def test_moderation_is_told_from_a_missing_permission() -> None:
    flagged = Problem(code=403, metadata={"reasons": ["x"], "flagged_input": "…"})
    assert type(provider_error(403, flagged, {})) is ContentRefused


def test_an_empty_account_behind_429_is_not_worth_waiting_for() -> None:
    assert type(provider_error(429, Problem(code="insufficient_quota"), {})) is AuthFailed


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        (
            {
                "retry-after": "Sun, 22 Nov 2026 10:00:20 GMT",
                "date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            20.0,
        ),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:20 GMT"}, None),
        ({"retry-after": "soon", "date": "today"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], wait_s: float | None) -> None:
    error = provider_error(429, Problem(), headers)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize("status", [402, 503])
def test_a_status_that_names_a_wait_is_a_rate_limit(status: int) -> None:
    error = provider_error(status, Problem(), {"retry-after": "3"})
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 3.0


def test_the_provider_s_words_are_kept_short() -> None:
    error = provider_error(500, Problem(message=json.dumps(["x"] * 10_000)), {})
    assert len(str(error)) < 400

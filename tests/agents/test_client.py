import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from agents.client import Deadlines, Endpoint, OpenRouterLLM
from agents.errors import (
    AuthFailed,
    BadOutput,
    BadProviderResponse,
    ContentRefused,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    ZapdevError,
)
from agents.models import ModelConfig, build_catalog
from agents.ports import (
    Finished,
    LLMChunk,
    LLMRequest,
    Message,
    TextDelta,
    ToolCall,
    ToolSpec,
    UsageReport,
)
from agents.types import Usage
from tests.fakes import openrouter as fake
from tests.fakes.openrouter import FakeOpenRouter, Reply

TOOL = ToolSpec("readFiles", "Read", {"type": "object", "required": ["paths"]})
REQUEST = LLMRequest("generate", "openai/gpt-4o", (Message("user", "Hi"),), 0.7, 8000)
SHORT = Deadlines(first_token_s=0.15, between_chunks_s=0.15, total_s=60.0)


@pytest.fixture
async def server() -> AsyncIterator[FakeOpenRouter]:
    async with FakeOpenRouter() as running:
        yield running


@pytest.fixture
async def llm(server: FakeOpenRouter) -> AsyncIterator[OpenRouterLLM]:
    made = OpenRouterLLM(server.endpoint, deadlines=Deadlines(5.0, 5.0, 10.0))
    yield made
    await made.aclose()


@pytest.fixture
async def hasty(server: FakeOpenRouter) -> AsyncIterator[OpenRouterLLM]:
    made = OpenRouterLLM(server.endpoint, deadlines=SHORT)
    yield made
    await made.aclose()


async def collect(llm: OpenRouterLLM, request: LLMRequest = REQUEST) -> list[LLMChunk]:
    return [chunk async for chunk in llm.stream(request)]


def text_of(chunks: list[LLMChunk]) -> str:
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta))


async def test_openrouter_gets_its_headers_and_its_own_parameters(server: FakeOpenRouter) -> None:
    server.reply(fake.text("Hello"))
    catalog = build_catalog(fallbacks=["openai/gpt-4o", "other/model"])
    endpoint = Endpoint(server.base_url, "sk-or-1", "https://me.example", openrouter=True)
    llm = OpenRouterLLM(endpoint, catalog=catalog)
    await collect(llm)
    await llm.aclose()
    [seen] = server.requests
    headers = {name.lower(): value for name, value in seen.headers.items()}
    assert headers["authorization"] == "Bearer sk-or-1"
    assert headers["http-referer"] == "https://me.example"
    assert headers["x-title"] == "Zapdev"
    assert headers["accept-encoding"] == "identity"
    assert "openai-organization" not in headers
    assert seen.body == {
        "model": "openai/gpt-4o",
        "models": ["other/model"],
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.7,
        "max_tokens": 8000,
        "stream": True,
        "usage": {"include": True},
    }


async def test_another_server_is_asked_in_plain_chat_completions(server: FakeOpenRouter) -> None:
    server.reply(fake.text("Hello"))
    llm = OpenRouterLLM(Endpoint(server.base_url), catalog=build_catalog(fallbacks=["a/b"]))
    await collect(llm)
    await llm.aclose()
    body = server.requests[0].body
    assert body["stream_options"] == {"include_usage": True}
    assert not {"usage", "models", "tools"} & set(body)


LOOP = (
    Message("system", "You build apps."),
    Message("user", "A board"),
    Message("assistant", "Done."),
    Message("user", "Green"),
    Message("tool", "ok", tool_call_id="c1"),
)


def marked(text: str) -> list[dict[str, object]]:
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


async def test_the_prefix_that_stays_is_marked_for_models_that_cache_up_to_marks(
    server: FakeOpenRouter,
) -> None:
    server.always(lambda _: fake.text("ok"))
    for openrouter in (True, False):
        endpoint = Endpoint(server.base_url, openrouter=openrouter)
        llm = OpenRouterLLM(endpoint)
        for model in ("anthropic/claude-haiku-4.5", "openai/gpt-4o"):
            await collect(llm, LLMRequest("generate", model, LOOP, 0.7, 100, (TOOL,)))
        await llm.aclose()
    sent = [[m["content"] for m in seen.body["messages"]] for seen in server.requests]
    plain = [message.content for message in LOOP]
    assert sent[0] == [marked("You build apps."), "A board", "Done.", marked("Green"), "ok"]
    assert sent[1:] == [plain] * 3


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://openrouter.ai/api/v1", True),
        ("https://eu.openrouter.ai/api/v1", True),
        ("http://localhost:11434/v1", False),
        ("https://notopenrouter.ai/v1", False),
    ],
)
def test_openrouter_is_known_by_its_address(url: str, known: bool) -> None:
    assert Endpoint(url).is_openrouter is known


async def test_tools_and_their_results_travel_as_the_protocol_says(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    server.reply(fake.text("ok"))
    call = ToolCall("c1", "readFiles", '{"paths": ["a"]}')
    messages = (
        Message("system", "You build apps."),
        Message("user", "Go"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "content of a", tool_call_id="c1"),
    )
    await collect(llm, LLMRequest("generate", "m", messages, 0.7, 100, (TOOL,)))
    body = server.requests[0].body
    assert body["messages"][2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "readFiles", "arguments": '{"paths": ["a"]}'},
                }
            ],
        },
        {"role": "tool", "content": "content of a", "tool_call_id": "c1"},
    ]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "readFiles", "description": "Read", "parameters": TOOL.parameters},
        }
    ]


async def test_comment_lines_are_passed_over_and_usage_with_its_cost_comes_last(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    frames = [fake.COMMENT, *fake.text_frames("Hel"), fake.COMMENT, *fake.text_frames("lo")]
    server.reply(fake.stream(frames))
    chunks = await collect(llm)
    assert text_of(chunks) == "Hello"
    usage = Usage(prompt_tokens=100, completion_tokens=50, cost_usd=0.0012)
    assert chunks[-2:] == [Finished("stop"), UsageReport(usage)]


async def test_our_own_prices_fill_in_for_a_server_that_reports_none(
    server: FakeOpenRouter,
) -> None:
    server.reply(Reply([fake.chunk({"content": "a"}, "stop"), fake.usage(1_000, 0, 0.0)]))
    catalog = build_catalog(default="m", extra=[ModelConfig("m", "m", prompt_usd_per_million=3.0)])
    llm = OpenRouterLLM(server.endpoint, catalog=catalog)
    chunks = await collect(llm, LLMRequest("generate", "m", REQUEST.messages, 0.7, 10))
    await llm.aclose()
    [report] = [chunk for chunk in chunks if isinstance(chunk, UsageReport)]
    assert report.usage.cost_usd == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fake.status(400), BadProviderResponse),
        (fake.status(401), AuthFailed),
        (fake.status(402), AuthFailed),
        (fake.status(403), AuthFailed),
        (fake.status(403, metadata={"flagged_input": "x", "reasons": ["y"]}), ContentRefused),
        (fake.status(404), BadProviderResponse),
        (fake.status(429, retry_after=3), RateLimited),
        (fake.status(500), ProviderUnavailable),
        (fake.status(502), ProviderUnavailable),
        (fake.status(503), ProviderUnavailable),
        (fake.status(504), ProviderTimeout),
        (Reply([b"<html>bad gateway</html>"], 502), ProviderUnavailable),
        (Reply([b'{"error": "model not found"}'], 404), BadProviderResponse),
        (fake.stream([*fake.text_frames("par"), fake.error_chunk()], None), ProviderUnavailable),
        (fake.stream([*fake.text_frames("par"), fake.error_event()], None), ProviderUnavailable),
        (fake.stream([*fake.text_frames("par"), b'data: {"cho\n\n'], None), BadOutput),
        (fake.stream([*fake.text_frames("par"), fake.CUT]), ProviderUnavailable),
        (Reply([fake.CUT]), ProviderUnavailable),
    ],
)
async def test_every_failure_has_its_place_in_the_error_tree_and_is_one_request(
    server: FakeOpenRouter, llm: OpenRouterLLM, reply: Reply, error: type[ZapdevError]
) -> None:
    server.always(reply)
    with pytest.raises(error) as caught:
        await collect(llm)
    assert type(caught.value) is error
    assert len(server.requests) == 1


async def test_the_wait_of_a_rate_limit_is_told(server: FakeOpenRouter, llm: OpenRouterLLM) -> None:
    server.reply(fake.status(429, retry_after=3))
    with pytest.raises(RateLimited) as caught:
        await collect(llm)
    assert caught.value.retry_after_s == 3.0


async def test_a_stream_that_just_ends_says_nothing_of_having_finished(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    server.reply(fake.stream(fake.text_frames("par"), None, tail=False))
    assert await collect(llm) == [TextDelta("par")]


async def test_a_finished_stream_without_done_is_whole(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    server.reply(fake.stream(fake.text_frames("all"), "stop", tail=False))
    assert await collect(llm) == [TextDelta("all"), Finished("stop")]


async def test_nobody_there_is_an_unavailable_provider() -> None:
    async with FakeOpenRouter() as gone:
        endpoint = gone.endpoint
    llm = OpenRouterLLM(endpoint)
    with pytest.raises(ProviderUnavailable):
        await collect(llm)
    await llm.aclose()


@pytest.mark.parametrize(
    "frames",
    [
        [fake.Pause(60)],
        [fake.COMMENT, fake.Pause(0.1)] * 20,
        [*fake.text_frames("par"), fake.Pause(60)],
        [*fake.text_frames("par"), *[fake.COMMENT, fake.Pause(0.1)] * 20],
    ],
    ids=["no headers", "only comments", "stall", "stall with comments"],
)
async def test_a_stream_that_keeps_us_waiting_is_given_up_and_closed(
    server: FakeOpenRouter, hasty: OpenRouterLLM, frames: list[fake.Frame]
) -> None:
    server.reply(Reply(frames))
    with pytest.raises(ProviderTimeout):
        async with asyncio.timeout(5):
            await collect(hasty)
    async with asyncio.timeout(5):
        await server.requests[0].ended.wait()


async def test_a_stream_without_end_is_given_up(server: FakeOpenRouter) -> None:
    server.reply(Reply([*fake.text_frames("more"), fake.Pause(0.02)] * 500))
    llm = OpenRouterLLM(server.endpoint, deadlines=Deadlines(5.0, 5.0, total_s=0.2))
    with pytest.raises(ProviderTimeout):
        await collect(llm)
    await llm.aclose()


async def test_a_reader_that_takes_its_time_is_not_a_stall(
    server: FakeOpenRouter, hasty: OpenRouterLLM
) -> None:
    gate = asyncio.Event()
    server.reply(fake.stream([*fake.text_frames("a"), fake.Hold(gate), *fake.text_frames("b")]))
    chunks = []
    async for chunk in hasty.stream(REQUEST):
        if not gate.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * SHORT.between_chunks_s):
                    await asyncio.Event().wait()
            gate.set()
        chunks.append(chunk)
    assert text_of(chunks) == "ab"


async def test_closing_the_stream_closes_the_connection(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    server.reply(fake.stream([*fake.text_frames("a"), fake.Pause(60)]))
    stream = llm.stream(REQUEST)
    assert await anext(stream) == TextDelta("a")
    assert not server.requests[0].ended.is_set()
    await stream.aclose()
    async with asyncio.timeout(5):
        await server.requests[0].ended.wait()


async def test_cancelling_the_reader_closes_the_connection(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    server.reply(Reply([fake.Pause(60)]))
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(collect(llm))
        async with asyncio.timeout(5):
            while not server.requests:  # noqa: ASYNC110 - the server is in this loop too
                await asyncio.sleep(0)
        reading.cancel()
    assert reading.cancelled()
    async with asyncio.timeout(5):
        await server.requests[0].ended.wait()


async def test_one_connection_serves_one_call_after_another(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    server.always(Reply([*fake.text("Hello").frames, fake.Pause(0.05)]))
    for _ in range(3):
        await collect(llm)
    assert len({seen.peer for seen in server.requests}) == 1


async def test_concurrent_streams_do_not_mix(server: FakeOpenRouter, llm: OpenRouterLLM) -> None:
    server.always(lambda seen: fake.text(*seen.last["content"]))
    requests = [
        LLMRequest("generate", "m", (Message("user", str(n) * 200),), 0.7, 10) for n in range(10)
    ]
    answers = await asyncio.gather(*(collect(llm, request) for request in requests))
    assert [text_of(answer) for answer in answers] == [str(n) * 200 for n in range(10)]


async def test_text_that_was_sent_is_shown_before_more_comes(
    server: FakeOpenRouter, llm: OpenRouterLLM
) -> None:
    gate = asyncio.Event()
    server.reply(fake.stream([*fake.text_frames("now"), fake.Hold(gate), *fake.text_frames("!")]))
    stream = llm.stream(REQUEST)
    async with asyncio.timeout(5):
        assert await anext(stream) == TextDelta("now")
    gate.set()
    assert text_of([chunk async for chunk in stream]) == "!"

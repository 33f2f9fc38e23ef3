"""What every `agents.ports.LLM` promises. A new adapter joins with one line in `ADAPTERS`."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from agents.client import OpenRouterLLM
from agents.completion import complete
from agents.offline import OfflineModel
from agents.ports import (
    LLM,
    Finished,
    LLMChunk,
    LLMRequest,
    Message,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from agents.testing import ScriptedLLM
from agents.tools import create_tools
from agents.types import Framework, Usage
from tests.fakes import openrouter as fake
from tests.fakes.instant_clock import InstantClock

FILES = {"src/a.txt": "one", "src/b.txt": "zwei 😀"}


@dataclass(frozen=True)
class Adapter:
    """How to get a model that writes files when it is offered tools, and else says a word."""

    name: str
    open: Callable[[], AbstractAsyncContextManager[LLM]]


@asynccontextmanager
async def openrouter() -> AsyncIterator[LLM]:
    async with fake.FakeOpenRouter() as server:
        server.always(fake.files(FILES), when=lambda seen: bool(seen.tools))
        server.always(fake.text("rea", "ct"))
        llm = OpenRouterLLM(server.endpoint)
        yield llm
        await llm.aclose()


@asynccontextmanager
async def scripted() -> AsyncIterator[LLM]:
    def turn(request: LLMRequest) -> list[LLMChunk]:
        said: list[LLMChunk] = [TextDelta("rea"), TextDelta("ct"), Finished("stop")]
        arguments = fake.files_arguments(FILES)
        wrote: list[LLMChunk] = [
            ToolCallDelta(0, arguments[:9], id="c", name="createOrUpdateFiles"),
            ToolCallDelta(0, arguments[9:]),
            Finished("tool_calls"),
        ]
        return [*(wrote if request.tools else said), UsageReport(Usage())]

    yield ScriptedLLM(*[turn] * 20)


@asynccontextmanager
async def offline() -> AsyncIterator[LLM]:
    yield OfflineModel(InstantClock())


ADAPTERS = [
    Adapter("openrouter", openrouter),
    Adapter("offline", offline),
    Adapter("scripted", scripted),
]

SELECT = LLMRequest(
    "select", "m", (Message("system", "One word."), Message("user", "A board")), 0.3, 50
)
GENERATE = LLMRequest(
    "generate",
    "m",
    (Message("system", "You build apps."), Message("user", "A kanban board for a bike shop")),
    0.7,
    8000,
    tools=create_tools(),
    framework=Framework.REACT,
)


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: str(adapter.name))
async def llm(request: pytest.FixtureRequest) -> AsyncIterator[LLM]:
    async with request.param.open() as made:
        yield made


async def chunks_of(llm: LLM, request: LLMRequest) -> list[LLMChunk]:
    return [chunk async for chunk in llm.stream(request)]


async def test_a_whole_stream_says_once_why_it_ended(llm: LLM) -> None:
    for request in (SELECT, GENERATE):
        chunks = await chunks_of(llm, request)
        [finished] = [chunk for chunk in chunks if isinstance(chunk, Finished)]
        assert finished.reason == ("tool_calls" if request.tools else "stop")


async def test_nothing_is_said_after_the_end_but_what_it_cost(llm: LLM) -> None:
    chunks = await chunks_of(llm, SELECT)
    end = next(at for at, chunk in enumerate(chunks) if isinstance(chunk, Finished))
    assert all(isinstance(chunk, UsageReport) for chunk in chunks[end + 1 :])
    assert sum(isinstance(chunk, UsageReport) for chunk in chunks) <= 1


async def test_text_is_the_sum_of_its_pieces_and_no_piece_is_empty(llm: LLM) -> None:
    texts = [chunk.text for chunk in await chunks_of(llm, SELECT) if isinstance(chunk, TextDelta)]
    assert "".join(texts) == "react"
    assert all(texts)


async def test_a_call_has_its_id_and_name_once_and_first_and_its_arguments_parse(llm: LLM) -> None:
    chunks = await chunks_of(llm, GENERATE)
    calls = [chunk for chunk in chunks if isinstance(chunk, ToolCallDelta)]
    assert calls[0].id
    assert calls[0].name == "createOrUpdateFiles"
    assert all((call.index, call.id, call.name) == (0, None, None) for call in calls[1:])
    files = json.loads("".join(call.arguments for call in calls))["files"]
    assert all(isinstance(file["content"], str) and file["path"] for file in files)


async def test_no_tool_is_called_that_was_not_offered(llm: LLM) -> None:
    assert not any(isinstance(chunk, ToolCallDelta) for chunk in await chunks_of(llm, SELECT))


async def test_asking_twice_is_two_separate_streams(llm: LLM) -> None:
    one, two, three = await asyncio.gather(*[chunks_of(llm, SELECT) for _ in range(3)])
    assert one == two == three


async def test_a_stream_may_be_left_in_the_middle_and_another_begun(llm: LLM) -> None:
    stream = llm.stream(GENERATE)
    await anext(stream)
    assert isinstance(stream, AsyncGenerator), "closing is how a reader lets go"
    await stream.aclose()
    assert [chunk async for chunk in stream] == []
    assert isinstance((await chunks_of(llm, SELECT))[0], TextDelta)


async def test_the_same_question_may_be_asked_with_any_model_name(llm: LLM) -> None:
    assert await chunks_of(llm, replace(SELECT, model="x/y")) == await chunks_of(llm, SELECT)


class Collected:
    """A listener that keeps the files."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def on_text(self, text: str) -> None:
        """Nothing to keep."""

    async def on_file(self, call_index: int, path: str, content: str) -> None:
        self.files[path] = content

    async def on_void(self, reason: str) -> None:
        raise AssertionError(reason)

    def on_usage(self, usage: Usage) -> None:
        """Nothing to keep."""


async def test_the_files_that_stream_by_are_the_files_of_the_finished_call(llm: LLM) -> None:
    seen = Collected()
    done = await complete(llm, GENERATE, seen, clock=InstantClock())
    [call] = done.calls
    files = json.loads(call.arguments)["files"]
    assert seen.files == {file["path"]: file["content"] for file in files}
    assert seen.files

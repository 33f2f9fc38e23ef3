import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from typing_extensions import override

from agents.completion import CONTINUE, MODEL_CALL, Completion, complete
from agents.errors import (
    AuthFailed,
    BadOutput,
    ContentRefused,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    Truncated,
    ZapdevError,
)
from agents.ports import (
    Finished,
    LLMChunk,
    LLMRequest,
    Message,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    UsageReport,
)
from agents.testing import ScriptedLLM, ScriptedTurn
from agents.types import Usage
from tests.fakes.instant_clock import InstantClock

TOOLS = (
    ToolSpec("createOrUpdateFiles", "", {"type": "object", "required": ["files"]}),
    ToolSpec("listFiles", "", {"type": "object", "properties": {"path": {"default": "."}}}),
)
REQUEST = LLMRequest("generate", "m", (Message("user", "Build"),), 0.7, 8000, TOOLS)
COST = UsageReport(Usage(prompt_tokens=10, completion_tokens=5, cost_usd=0.01))
STOP, CALLS, LENGTH = Finished("stop"), Finished("tool_calls"), Finished("length")
GOOD: Sequence[LLMChunk] = [TextDelta("Hello"), COST, STOP]
FILES = json.dumps(
    {"files": [{"path": "a.txt", "content": "1"}, {"path": "b.txt", "content": "2"}]}
)


def call(arguments: str, name: str = "createOrUpdateFiles", index: int = 0) -> list[LLMChunk]:
    pieces: list[LLMChunk] = [
        ToolCallDelta(index, arguments[at : at + 5]) for at in range(0, len(arguments), 5)
    ]
    return [ToolCallDelta(index, "", id=f"id{index}", name=name), *pieces]


class Witness:
    """Keeps what a reader would see, and every message in order."""

    def __init__(self, file_error: ZapdevError | None = None) -> None:
        self.log: list[str] = []
        self.text = ""
        self.files: dict[str, str] = {}
        self.usage = Usage()
        self._file_error = file_error

    def on_text(self, text: str) -> None:
        self.log.append(f"text {text}")
        self.text += text

    async def on_file(self, call_index: int, path: str, content: str) -> None:
        self.log.append(f"file {call_index} {path}")
        if self._file_error:
            raise self._file_error
        self.files[path] = content

    async def on_void(self, reason: str) -> None:
        assert reason
        self.log.append("void")
        self.text, self.files = "", {}

    def on_usage(self, usage: Usage) -> None:
        self.usage += usage


async def ask(
    llm: ScriptedLLM, witness: Witness | None = None, clock: InstantClock | None = None
) -> Completion:
    return await complete(llm, REQUEST, witness or Witness(), clock=clock or InstantClock())


async def test_a_finished_reply_is_a_success() -> None:
    llm, seen = ScriptedLLM([TextDelta("Hel"), TextDelta("lo"), COST, STOP]), Witness()
    assert await ask(llm, seen) == Completion("Hello", (), "stop", COST.usage)
    assert seen.log == ["text Hel", "text lo"]
    assert seen.usage == COST.usage


async def test_each_file_is_handed_out_before_the_next_one_begins() -> None:
    seen = Witness()
    progress: list[tuple[str, int]] = []

    class Watched(ScriptedLLM):
        @override
        async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
            sent = ""
            async for chunk in super().stream(request):
                if isinstance(chunk, ToolCallDelta):
                    sent += chunk.arguments
                    progress.append((sent, len(seen.files)))
                yield chunk

    done = await ask(Watched([*call(FILES), CALLS]), seen)
    begun = next(files for sent, files in progress if "b.txt" in sent)
    assert begun == 1
    assert seen.files == {"a.txt": "1", "b.txt": "2"}
    assert done.calls == (ToolCall("id0", "createOrUpdateFiles", FILES),)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ([TextDelta("par")], Truncated),
        ([], Truncated),
        ([*call(FILES)], Truncated),
        ([TextDelta("par"), Finished("error")], ProviderUnavailable),
        ([TextDelta("par"), Finished("error"), STOP], ProviderUnavailable),
        ([*call(FILES[:-4]), CALLS], BadOutput),
        ([*call(FILES), *call('{"path": ', "listFiles", 1), CALLS], BadOutput),
        ([*call("[" * 100_000), CALLS], BadOutput),
        ([*call(""), CALLS], BadOutput),
        ([ToolCallDelta(0, FILES), CALLS], BadOutput),
        ([TextDelta("I call a tool"), CALLS], BadOutput),
        ([STOP], BadOutput),
        ([TextDelta(" \n"), STOP], BadOutput),
        ([TextDelta("par"), ProviderTimeout("stalled")], ProviderTimeout),
        ([TextDelta("par"), BadOutput("corrupt chunk")], BadOutput),
    ],
)
async def test_a_broken_reply_is_never_a_success(
    broken: Sequence[LLMChunk | Exception], error: type[Exception]
) -> None:
    hopeless, seen = ScriptedLLM(*[broken] * 4), Witness()
    with pytest.raises(error):
        await ask(hopeless, seen)
    assert len(hopeless.requests) == 3
    assert (seen.text, seen.files) == ("", {})

    passing, seen = ScriptedLLM(broken, broken, GOOD), Witness()
    done = await ask(passing, seen)
    assert done.text == seen.text == "Hello"
    assert done.calls == ()
    assert seen.files == {}
    assert len(passing.requests) == 3


async def test_what_a_lost_attempt_showed_is_voided_before_the_next_one_speaks() -> None:
    llm = ScriptedLLM([TextDelta("par"), *call(FILES)], [TextDelta("Hello"), STOP])
    seen = Witness()
    await ask(llm, seen)
    assert seen.log == ["text par", "file 0 a.txt", "file 0 b.txt", "void", "text Hello"]


async def test_nothing_is_voided_when_nothing_was_shown() -> None:
    seen = Witness()
    await ask(ScriptedLLM([RateLimited("wait")], GOOD), seen)
    assert seen.log == ["text Hello"]


@pytest.mark.parametrize(
    ("turn", "error"),
    [
        ([AuthFailed("no key")], AuthFailed),
        ([TextDelta("par"), ContentRefused("no")], ContentRefused),
        ([TextDelta("par"), Finished("content_filter")], ContentRefused),
    ],
)
async def test_a_permanent_error_is_never_asked_again(
    turn: Sequence[LLMChunk | Exception], error: type[Exception]
) -> None:
    llm, clock = ScriptedLLM(turn, GOOD), InstantClock()
    with pytest.raises(error):
        await ask(llm, clock=clock)
    assert len(llm.requests) == 1
    assert clock.sleeps == []


async def test_the_wait_that_the_provider_asks_for_is_kept() -> None:
    clock = InstantClock()
    llm = ScriptedLLM([RateLimited("wait", retry_after_s=12.5)], GOOD)
    await ask(llm, clock=clock)
    assert clock.sleeps == [12.5]


async def test_a_reply_cut_by_length_is_continued_once_and_the_texts_join() -> None:
    cut = [TextDelta("First, "), *call(FILES[:50]), COST, LENGTH]
    llm, seen = ScriptedLLM(cut, [TextDelta("second."), *call(FILES), COST, CALLS]), Witness()
    done = await ask(llm, seen)
    assert done.text == seen.text == "First, second."
    assert done.calls == (ToolCall("id0", "createOrUpdateFiles", FILES),)
    assert done.usage == seen.usage == COST.usage + COST.usage
    assert seen.log[:5] == ["text First, ", "file 0 a.txt", "void", "text First, ", "text second."]
    assert [(m.role, m.content) for m in llm.requests[1].messages] == [
        ("user", "Build"),
        ("assistant", "First, "),
        ("user", CONTINUE),
    ]


async def test_whole_calls_of_a_cut_reply_never_come_out() -> None:
    llm, seen = ScriptedLLM([*call(FILES), LENGTH], GOOD), Witness()
    done = await ask(llm, seen)
    assert done.calls == ()
    assert seen.files == {}
    assert [m.role for m in llm.requests[1].messages] == ["user", "user"]


async def test_a_second_cut_is_an_error() -> None:
    llm, seen = ScriptedLLM([TextDelta("a"), LENGTH], [TextDelta("b"), LENGTH]), Witness()
    with pytest.raises(Truncated):
        await ask(llm, seen)
    assert len(llm.requests) == 2
    assert seen.text == ""


async def test_a_call_never_takes_more_than_four_requests() -> None:
    lost: ScriptedTurn = [TextDelta("x"), ProviderUnavailable("503")]
    llm = ScriptedLLM(lost, lost, [TextDelta("a"), LENGTH], GOOD)
    assert (await ask(llm)).text == "aHello"
    assert len(llm.requests) == 4

    llm, seen = ScriptedLLM(lost, [TextDelta("a"), LENGTH], lost, lost, GOOD), Witness()
    with pytest.raises(ProviderUnavailable):
        await ask(llm, seen)
    assert len(llm.requests) == 4
    assert seen.text == ""


async def test_a_continuation_that_breaks_is_asked_again_with_the_kept_text() -> None:
    llm = ScriptedLLM(
        [TextDelta("a"), LENGTH],
        [TextDelta("x"), ProviderUnavailable("503")],
        [TextDelta("b"), STOP],
    )
    seen = Witness()
    assert (await ask(llm, seen)).text == seen.text == "ab"
    assert llm.requests[1] == llm.requests[2]


async def test_an_empty_continuation_does_not_make_a_half_text_whole() -> None:
    llm = ScriptedLLM([TextDelta("Half"), LENGTH], [STOP], [TextDelta(" and half"), STOP])
    assert (await ask(llm)).text == "Half and half"


async def test_a_caller_may_ask_for_fewer_attempts() -> None:
    llm = ScriptedLLM(*[[ProviderUnavailable("503")]] * 3)
    with pytest.raises(ProviderUnavailable):
        await complete(
            llm, REQUEST, Witness(), clock=InstantClock(), policy=MODEL_CALL.with_attempts(2)
        )
    assert len(llm.requests) == 2


async def test_stop_together_with_tool_calls_is_a_success() -> None:
    done = await ask(ScriptedLLM([*call(FILES), STOP]))
    assert (done.finish_reason, len(done.calls)) == ("stop", 1)


async def test_gaps_and_missing_ids_are_put_right() -> None:
    turn = [
        ToolCallDelta(7, "{}", name="listFiles"),
        *call(FILES, index=2),
        ToolCallDelta(9, "", name="listFiles"),
        CALLS,
    ]
    done = await ask(ScriptedLLM(turn))
    assert done.calls == (
        ToolCall("id2", "createOrUpdateFiles", FILES),
        ToolCall("call_7", "listFiles", "{}"),
        ToolCall("call_9", "listFiles", "{}"),
    )


async def test_arguments_that_parse_but_are_wrong_are_left_to_the_tool() -> None:
    turn = [*call('{"files": 7}'), *call('["x"]', "noSuchTool", 1), CALLS]
    done = await ask(ScriptedLLM(turn))
    assert [c.arguments for c in done.calls] == ['{"files": 7}', '["x"]']


async def test_a_file_of_half_characters_is_left_to_the_tool() -> None:
    arguments = r'{"files": [{"path": "a", "content": "\ud83d"}, {"path": "b", "content": "2"}]}'
    seen = Witness()
    done = await ask(ScriptedLLM([*call(arguments), CALLS]), seen)
    assert seen.files == {"b": "2"}
    assert done.calls[0].arguments == arguments


async def test_the_files_of_a_tool_that_was_not_offered_are_not_handed_out() -> None:
    request = LLMRequest("summarize", "m", REQUEST.messages, 0.7, 8000)
    seen = Witness()
    await complete(ScriptedLLM([*call(FILES), CALLS]), request, seen, clock=InstantClock())
    assert seen.files == {}


async def test_a_listener_s_error_ends_the_call_and_is_not_taken_for_the_model_s() -> None:
    lost = ProviderUnavailable("the sandbox provider")
    closed: list[bool] = []

    class Watched(ScriptedLLM):
        @override
        async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
            try:
                async for chunk in super().stream(request):
                    yield chunk
            finally:
                closed.append(True)

    llm, seen = Watched([*call(FILES), CALLS], GOOD), Witness(lost)
    with pytest.raises(ProviderUnavailable) as caught:
        await ask(llm, seen)
    assert caught.value is lost
    assert len(llm.requests) == 1
    assert closed == [True]


async def test_cancelling_passes_through_and_closes_the_stream() -> None:
    closed, streaming = asyncio.Event(), asyncio.Event()

    class Endless(ScriptedLLM):
        @override
        async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
            try:
                yield TextDelta("par")
                streaming.set()
                await asyncio.Event().wait()
            finally:
                closed.set()

    seen = Witness()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(ask(Endless(), seen))
        await streaming.wait()
        running.cancel()
    assert running.cancelled()
    assert closed.is_set()
    assert seen.log == ["text par"]

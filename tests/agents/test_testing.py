"""The shipped fakes keep their promises; the sandbox ones also pass the contract suite."""

import asyncio
import hashlib

import pytest

from agents.errors import NotFound, StoreUnavailable
from agents.events import NoticeGiven
from agents.ports import CommandResult, Finished, LLMChunk, LLMRequest, Message, Page, TextDelta
from agents.testing import (
    FakeClock,
    InMemoryBlobs,
    InMemorySandbox,
    RecordingJournal,
    ScriptedFetcher,
    ScriptedLLM,
    SequentialIds,
)
from agents.types import BlobHash, SandboxId
from tests.agents.sandbox.tiny import tiny_template

REQUEST = LLMRequest("generate", "m", [Message("user", "hi")], 0.7, 100)
HELLO: list[LLMChunk | Exception] = [TextDelta("hello"), Finished("stop")]


async def play(llm: ScriptedLLM, request: LLMRequest = REQUEST) -> list[LLMChunk]:
    return [chunk async for chunk in llm.stream(request)]


async def test_time_passes_only_when_told() -> None:
    clock = FakeClock()
    before = clock.now()
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(f"{name} at {clock.monotonic():g}")

    tasks = [asyncio.ensure_future(sleeper(*it)) for it in (("b", 2), ("a", 1), ("c", 9))]  # noqa: TID251
    await clock.advance(0)
    assert (woken, clock.sleeping) == ([], 3)
    await clock.advance(5)
    assert woken == ["a at 1", "b at 2"]
    assert (clock.now() - before).total_seconds() == 5
    await clock.advance(5)
    await asyncio.gather(*tasks)


async def test_one_who_sleeps_again_within_an_advance_is_woken_again() -> None:
    clock = FakeClock()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await clock.sleep(10)
            ticks.append(clock.monotonic())

    ticking = asyncio.ensure_future(tick())  # noqa: TID251
    await clock.advance(0)
    await clock.advance(35)
    assert ticks == [10, 20, 30]
    ticking.cancel()


async def test_sleeping_no_time_returns() -> None:
    clock = FakeClock()
    await asyncio.wait_for(clock.sleep(0), 1)
    assert clock.sleeping == 0


def test_ids_count_per_prefix() -> None:
    ids = SequentialIds()
    assert [ids.new(p) for p in ("task", "sbx", "task")] == ["task_1", "sbx_1", "task_2"]


async def test_a_script_is_played_turn_by_turn() -> None:
    llm = ScriptedLLM(HELLO, lambda request: [TextDelta(request.model)])
    assert await play(llm) == HELLO
    assert await play(llm) == [TextDelta("m")]
    assert llm.requests == [REQUEST, REQUEST]


async def test_an_exception_in_a_script_is_raised_there() -> None:
    stream = ScriptedLLM([TextDelta("a"), StoreUnavailable("b")]).stream(REQUEST)
    assert await anext(stream) == TextDelta("a")
    with pytest.raises(StoreUnavailable):
        await anext(stream)


async def test_turns_of_a_purpose_are_played_for_it_only() -> None:
    llm = ScriptedLLM(HELLO, by_purpose={"select": [[TextDelta("vue")]]})
    select = LLMRequest("select", "m", [], 0.3, 50)
    assert await play(llm) == HELLO
    assert await play(llm, select) == [TextDelta("vue")]


async def test_a_request_beyond_the_script_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="no turn left"):
        await play(ScriptedLLM())


async def test_blobs_are_kept_by_hash() -> None:
    blobs = InMemoryBlobs()
    [first, again] = await blobs.put([b"x", b"x"])
    assert first == again == hashlib.sha256(b"x").hexdigest()
    assert await blobs.get([first]) == {first: b"x"}
    with pytest.raises(NotFound):
        await blobs.get([first, BlobHash("0" * 64)])


async def test_a_journal_tells_what_is_durable_and_fails_once_when_told() -> None:
    journal = RecordingJournal()
    journal.record(NoticeGiven(message="hi"))
    assert (journal.kinds, journal.durable) == (["notice_given"], 0)
    journal.failure = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        await journal.flush()
    await journal.flush()
    assert journal.durable == 1


async def test_a_fetcher_repeats_its_last_answer() -> None:
    fetcher = ScriptedFetcher(None, Page(200, "up"))
    answers = [await fetcher.get("http://x", timeout_s=1) for _ in range(3)]
    assert answers == [None, Page(200, "up"), Page(200, "up")]
    assert fetcher.urls == ["http://x"] * 3


async def test_a_command_goes_to_its_handler_and_is_kept() -> None:
    async def on_command(sandbox: InMemorySandbox, command: str) -> CommandResult:
        await sandbox.write({"made.txt": b"by the command"})
        return CommandResult(0, f"ran {command}")

    sandbox = InMemorySandbox(SandboxId("s"), tiny_template(), on_command)
    seen: list[str] = []
    result = await sandbox.run("npm i", timeout_s=1, network=True, on_output=seen.append)
    assert (result.output, seen) == ("ran npm i", ["ran npm i"])
    assert (sandbox.commands, sandbox.networked) == (["npm i"], ["npm i"])
    assert await sandbox.read("made.txt") == b"by the command"


async def test_a_handler_that_never_ends_times_out() -> None:
    async def on_command(sandbox: InMemorySandbox, command: str) -> CommandResult:
        del sandbox, command
        await asyncio.Event().wait()
        raise AssertionError

    sandbox = InMemorySandbox(SandboxId("s"), tiny_template(), on_command)
    result = await sandbox.run("sleep", timeout_s=0.01)
    assert (result.timed_out, result.exit_code) == (True, 124)


async def test_serving_is_kept_and_a_crash_can_be_told() -> None:
    sandbox = InMemorySandbox(SandboxId("s"), tiny_template())
    assert await sandbox.serve("npm start", port=3000) == "http://127.0.0.1:3000"
    assert sandbox.served == [("npm start", 3000)]
    assert await sandbox.server_output() is None
    sandbox.crash_output = "boom"
    assert await sandbox.server_output() == "boom"

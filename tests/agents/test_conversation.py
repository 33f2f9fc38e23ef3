"""What a follow-up opens with: the rules, the past, a map, the files that matter, the request."""

import asyncio
from dataclasses import replace

from agents.context import tokens_of
from agents.conversation import opening_messages, read_sources
from agents.pipeline import Built, run_pipeline
from agents.ports import Budget, LLMRequest
from agents.prompts import get_framework_prompt
from agents.spending import Spending
from agents.templates import get_template
from agents.testing import InMemoryBlobs, ScriptedLLM
from agents.types import BlobHash, Framework, Turn
from tests.fakes.pipelines import SUMMARY, Stage, call, job, say, write

TEMPLATE = get_template(Framework.REACT)
APP = {
    "src/App.tsx": "export default function App() {\n  return <h1>Bikes</h1>;\n}\n",
    "src/lib/invoice.ts": "export function invoiceTotal() {\n  return 3;\n}\n",
    "src/lib/other.ts": "export const other = 1;\n",
    "src/lib/long.ts": "export const zebras = 1;\n" * 800,
}
DONE = say("Done.\n<task_summary>A board.</task_summary>")


async def built() -> tuple[Stage, dict[str, BlobHash]]:
    llm = ScriptedLLM(write(APP), DONE, by_purpose={"summarize": [SUMMARY]})
    stage = Stage(llm)
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Built)
    return stage, dict(outcome.files)


async def requests_of(prompt: str, budget: Budget, *turns: object) -> list[LLMRequest]:
    """What the model is asked during a follow-up."""
    before, files = await built()
    llm = ScriptedLLM(*turns, by_purpose={"summarize": [SUMMARY]})  # type: ignore[arg-type]
    stage = Stage(llm, blobs=before.blobs)
    run = stage.run(job(prompt, base=files))
    run.kit = replace(run.kit, budget=budget)
    run.spending = Spending(budget, usage=run.progress.usage, requests=0)
    await run_pipeline(run)
    return [request for request in llm.requests if request.purpose == "generate"]


async def test_a_follow_up_is_shown_the_map_and_the_files_it_is_about() -> None:
    [request] = await requests_of("Is the invoice total right?", Budget(), DONE)
    system, shown, asked = request.messages
    assert system.content == get_framework_prompt(Framework.REACT, TEMPLATE)
    assert "src/lib/invoice.ts (3 lines): invoiceTotal" in shown.content
    assert "return 3;" in shown.content
    assert "export const other = 1;" not in shown.content
    assert asked.content == "Is the invoice total right?"


async def test_what_is_shown_is_wrapped_as_data_with_its_origin() -> None:
    [request] = await requests_of("Is the invoice total right?", Budget(), DONE)
    assert '<data kind="file" origin="src/lib/invoice.ts" boundary=' in request.messages[1].content


async def test_a_small_budget_shows_the_map_alone() -> None:
    small = Budget(context_tokens=80)
    [request] = await requests_of("Is the invoice total right?", small, DONE)
    assert "src/lib/invoice.ts (3 lines)" in request.messages[1].content
    assert "return 3;" not in request.messages[1].content


async def test_a_long_turn_stays_within_its_budget() -> None:
    reads = [call("readFiles", {"paths": ["src/lib/long.ts"]}, f"r{n}") for n in range(9)]
    budget = Budget(context_tokens=30_000)
    asked = await requests_of("Read a lot. Is it right?", budget, *reads, DONE)
    assert len(asked) == 10
    sizes = [sum(tokens_of(message.content) for message in r.messages) for r in asked]
    assert max(sizes) <= 30_000
    results = [message.content for message in asked[-1].messages if message.role == "tool"]
    assert "zebras" in results[-1]
    assert results[0].startswith("[Left out")


def test_a_first_build_has_no_map() -> None:
    messages = opening_messages(job("A board"), TEMPLATE, [], {}, 90_000)
    assert [message.role for message in messages] == ["system", "user"]


def test_the_past_comes_between_the_rules_and_the_request() -> None:
    past = [Turn(role="user", text="A board"), Turn(role="assistant", text="Done.")]
    asked = replace(job("Green", base={}), history=past)
    messages = opening_messages(asked, TEMPLATE, ["a.ts"], {}, 90_000)
    assert [m.content for m in messages[1:3]] == ["A board", "Done."]
    assert messages[-1].content == "Green"


async def test_only_source_files_of_a_readable_size_are_read() -> None:
    blobs = InMemoryBlobs()
    contents = {
        "src/a.ts": b"a\n",
        "package-lock.json": b"{}",
        "logo.png": b"\x89PNG",
        "src/latin.ts": b"\xe9",
        "src/long.ts": b"x" * 60_001,
    }
    hashes = await blobs.put(list(contents.values()))
    known = dict(zip(contents, hashes, strict=True))
    assert await read_sources(known, blobs) == {"src/a.ts": "a\n"}
    assert await asyncio.wait_for(read_sources({}, blobs), 1) == {}

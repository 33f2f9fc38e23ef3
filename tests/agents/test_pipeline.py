import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from typing_extensions import override

from agents import events as e
from agents.background import Background
from agents.errors import BadOutput, LimitExceeded, ProviderUnavailable, SandboxUnavailable
from agents.pipeline import Answered, Built, Stuck, run_pipeline
from agents.ports import (
    Budget,
    CommandResult,
    Finished,
    LLMChunk,
    LLMRequest,
    TextDelta,
    ToolCallDelta,
)
from agents.replay import read_progress
from agents.run import KEEP_ANYWAY, Refused, Run
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import InMemorySandbox, InMemorySandboxProvider, ScriptedLLM
from agents.types import Check, Framework, TaskId, TaskKind
from agents.workspace import blob_hash
from tests.fakes.pipelines import SUMMARY, Stage, call, job, say, write
from tests.fakes.waiting import until

DONE = say("All done.\n<task_summary>A board.</task_summary>")
APP = {"src/App.tsx": "export default function App() { return <h1>Bikes</h1> }\n"}
TEMPLATE = get_template(Framework.REACT)
BROKEN = "src/App.tsx(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n"


def scripted(*turns: list[LLMChunk], fixes: tuple[list[LLMChunk], ...] = ()) -> ScriptedLLM:
    return ScriptedLLM(
        *turns, by_purpose={"summarize": [SUMMARY], "fix": fixes, "select": [say("vue")]}
    )


def red_builds(count: int, output: str = BROKEN) -> InMemorySandboxProvider:
    """The first `count` builds fail."""
    left = [count]

    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        if line == TEMPLATE.build and left[0] > 0:
            left[0] -= 1
            return CommandResult(2, output.replace("(3,", f"({3 + left[0]},"))
        return CommandResult(0, "")

    return InMemorySandboxProvider(on_command=command)


async def built(stage: Stage, run: Run) -> Built:
    outcome = await run_pipeline(run)
    assert isinstance(outcome, Built)
    assert all(not s.lost for s in stage.provider.sandboxes.values() if s is outcome.sandbox)
    return outcome


async def test_a_sentence_becomes_a_checked_app_with_a_link() -> None:
    stage = Stage(scripted(write(APP), DONE))
    outcome = await built(stage, stage.run(job()))
    assert outcome.preview_url == "http://127.0.0.1:5173"
    assert outcome.summary.title == "Bike board"
    assert outcome.files["src/App.tsx"] == blob_hash(APP["src/App.tsx"].encode())
    assert set(outcome.files) >= set(TEMPLATE.files)
    verdicts = [(v.check, v.ok) for v in stage.journal.events if isinstance(v, e.CheckFinished)]
    assert sorted(verdicts) == [(Check.BUILD, True), (Check.LINT, True), (Check.PREVIEW, True)]


async def test_every_file_of_the_result_is_in_the_store() -> None:
    stage = Stage(scripted(write(APP), DONE))
    outcome = await built(stage, stage.run(job()))
    assert len(await stage.blobs.get(list(outcome.files.values()))) > 5


async def test_what_is_odd_about_a_sandbox_is_told_to_people() -> None:
    class Odd(InMemorySandboxProvider):
        @override
        async def create(self, framework: Framework, *, task_id: TaskId) -> InMemorySandbox:
            sandbox = await super().create(framework, task_id=task_id)
            sandbox.notice = "Made the long way."
            return sandbox

    stage = Stage(scripted(write(APP), DONE), provider=Odd())
    await built(stage, stage.run(job()))
    told = [v.message for v in stage.journal.events if isinstance(v, e.NoticeGiven)]
    assert told == ["Made the long way."]


async def test_nobody_named_a_framework_so_the_model_chooses_and_the_guess_is_closed() -> None:
    stage = Stage(scripted(write({"src/App.vue": "<template>hi</template>"}), DONE))
    outcome = await built(stage, stage.run(job(framework=None)))
    assert outcome.framework is Framework.VUE
    kept = [s.framework for s in stage.provider.sandboxes.values() if not s.lost]
    assert kept == [Framework.VUE]
    [chosen] = [v for v in stage.journal.events if isinstance(v, e.FrameworkSelected)]
    assert chosen.reason == "Chosen for this request"


async def test_a_framework_in_the_sentence_needs_no_model() -> None:
    llm = scripted(write({"src/App.svelte": "<h1>hi</h1>"}), DONE)
    stage = Stage(llm)
    outcome = await built(stage, stage.run(job("A board in Svelte", framework=None)))
    assert outcome.framework is Framework.SVELTE
    assert "select" not in {request.purpose for request in llm.requests}


async def test_a_file_is_in_the_sandbox_before_the_next_ones_arguments_begin() -> None:
    seen: list[tuple[bool, bool]] = []
    provider = InMemorySandboxProvider()
    stage: Stage

    class PacedModel:
        async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
            if request.purpose == "summarize" or any(m.role == "tool" for m in request.messages):
                yield TextDelta("{}" if request.purpose == "summarize" else "done")
                yield Finished("stop")
                return
            yield ToolCallDelta(0, "", id="c", name="createOrUpdateFiles")
            yield ToolCallDelta(0, '{"files":[{"path":"one.ts","content":"1"}')
            await until(lambda: "one.ts" in [v.path for v in stage.changes()])
            boxes = [sandbox.files for sandbox in provider.sandboxes.values()]
            seen.append(("one.ts" in boxes[0], "two.ts" in boxes[0]))
            yield ToolCallDelta(0, ',{"path":"two.ts","content":"2"}]}')
            yield Finished("tool_calls")

    stage = Stage(PacedModel(), provider=provider)
    await built(stage, stage.run(job()))
    assert seen == [(True, False)]


async def test_a_red_build_is_fixed_and_checked_again() -> None:
    fixes = (write({"src/App.tsx": "fixed\n"}, "f1"), say("fixed"))
    llm = scripted(write(APP), DONE, fixes=fixes)
    stage = Stage(llm, provider=red_builds(1))
    outcome = await built(stage, stage.run(job()))
    assert outcome.files["src/App.tsx"] == blob_hash(b"fixed\n")
    [prompt] = [r for r in llm.requests if r.purpose == "fix"][:1]
    assert "TS2322" in prompt.messages[-1].content
    assert "Bikes" in prompt.messages[-1].content


async def test_fix_attempts_are_recorded_as_not_billable() -> None:
    fixes = (write({"src/App.tsx": "fixed\n"}, "f1"), say("fixed"))
    stage = Stage(scripted(write(APP), DONE, fixes=fixes), provider=red_builds(1))
    await built(stage, stage.run(job()))
    used = [v for v in stage.journal.events if isinstance(v, e.UsageRecorded)]
    assert [v.billable for v in used].count(False) == 2


async def test_the_same_findings_twice_mean_stuck_after_one_fix() -> None:
    fixes = (write({"src/App.tsx": "other\n"}, "f1"), say("fixed?"))
    stage = Stage(scripted(write(APP), DONE, fixes=fixes), provider=red_builds(9))
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Stuck)
    assert [f.file for f in outcome.findings] == ["src/App.tsx"]
    assert len([v for v in stage.journal.events if isinstance(v, e.FixStarted)]) == 1
    assert all(sandbox.lost for sandbox in stage.provider.sandboxes.values())


async def test_an_app_without_a_build_script_is_not_green() -> None:
    fixes = (say("There is nothing to build."),)
    files = {**APP, "package.json": '{"scripts": {"lint": "l"}}'}
    stage = Stage(scripted(write(files), DONE, fixes=fixes))
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Stuck)
    assert outcome.findings[0].file == "package.json"


async def test_a_sandbox_that_cannot_be_had_ends_the_run_while_the_model_still_writes() -> None:
    asked = asyncio.Event()

    class Endless:
        async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
            asked.set()
            yield TextDelta("…")
            await asyncio.Event().wait()

    class Refusing(InMemorySandboxProvider):
        @override
        async def create(self, framework: Framework, *, task_id: TaskId) -> InMemorySandbox:
            await asked.wait()
            raise SandboxUnavailable("no isolation here")

    stage = Stage(Endless(), provider=Refusing())
    with pytest.raises(SandboxUnavailable):
        await run_pipeline(stage.run(job()))


@pytest.mark.parametrize("path", ["src/App.tsx/x.ts", "src"])
async def test_a_file_cannot_take_the_place_of_a_folder_or_the_reverse(path: str) -> None:
    llm = scripted(write({path: "x"}), write(APP, "c2"), DONE)
    stage = Stage(llm)
    outcome = await built(stage, stage.run(job()))
    assert path not in outcome.files
    [sandbox] = stage.provider.sandboxes.values()
    assert set(await sandbox.tree()) == set(outcome.files)
    assert path in llm.requests[1].messages[-1].content


async def test_a_quoted_file_in_an_answer_changes_nothing() -> None:
    first = Stage(scripted(write(APP), DONE))
    base = (await built(first, first.run(job()))).files
    quoted = "It is short:\n\n```tsx src/App.tsx\nreturn <h1>Bikes</h1>\n```\n"
    stage = Stage(scripted(say(quoted)), blobs=first.blobs)
    outcome = await run_pipeline(stage.run(job("Explain what App.tsx does.", base=base)))
    assert isinstance(outcome, Answered)


async def test_what_the_checks_refused_can_be_kept_anyway() -> None:
    fixes = (write({"src/App.tsx": "other\n"}, "f1"), say("fixed?"))
    first = Stage(scripted(write(APP), DONE, fixes=fixes), provider=red_builds(9))
    assert isinstance(await run_pipeline(first.run(job())), Stuck)
    left = read_progress(first.log())
    stage = Stage(scripted(), provider=red_builds(9), blobs=first.blobs)
    run = stage.run(job(KEEP_ANYWAY))
    run.job = replace(run.job, keep=Refused("A board", left.files, Framework.REACT))
    kept = await built(stage, run)
    assert kept.files["src/App.tsx"] == blob_hash(b"other\n")
    assert kept.preview_url is None
    assert [finding.file for finding in kept.red] == ["src/App.tsx"]


async def test_lint_findings_alone_do_not_fail_the_app() -> None:
    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        output = "/home/user/src/App.tsx\n  1:1  error  Unexpected var  no-var\n"
        return CommandResult(1, output) if line == TEMPLATE.lint else CommandResult(0, "")

    provider = InMemorySandboxProvider(on_command=command)
    stage = Stage(scripted(write(APP), DONE), provider=provider)
    outcome = await built(stage, stage.run(job()))
    assert [finding.file for finding in outcome.lint] == ["src/App.tsx"]


async def test_a_script_that_is_not_there_is_skipped_and_never_a_pass() -> None:
    files = {**APP, "package.json": '{"scripts": {"build": "vite build"}}'}
    stage = Stage(scripted(write(files), DONE))
    await built(stage, stage.run(job()))
    [lint] = [
        v for v in stage.journal.events if isinstance(v, e.CheckFinished) and v.check is Check.LINT
    ]
    assert (lint.ok, lint.skipped) == (False, True)


async def test_a_new_manifest_is_installed_while_the_model_goes_on() -> None:
    manifest = '{"scripts": {"build": "b"}}'
    stage = Stage(scripted(write({**APP, "package.json": manifest}), DONE))
    outcome = await built(stage, stage.run(job()))
    [sandbox] = stage.provider.sandboxes.values()
    assert sandbox.networked == [TEMPLATE.install]
    assert outcome.files["package.json"] == blob_hash(manifest.encode())


async def test_a_first_build_without_a_file_is_reminded_once_and_then_fails() -> None:
    stage = Stage(scripted(say("I would build it."), say("I really would.")))
    with pytest.raises(BadOutput):
        await run_pipeline(stage.run(job()))
    assert all(sandbox.lost for sandbox in stage.provider.sandboxes.values())


async def test_a_model_that_prints_its_files_is_understood() -> None:
    printed = "```tsx src/App.tsx\nexport default function App() { return <p>hi</p> }\n```"
    stage = Stage(scripted(say(printed), DONE))
    outcome = await built(stage, stage.run(job()))
    assert outcome.files["src/App.tsx"] != blob_hash(TEMPLATE.files["src/App.tsx"])


async def test_bad_arguments_are_a_result_that_the_model_sees() -> None:
    llm = scripted(call("readFiles", {"path": 3}), call("nonsense", {}), write(APP), DONE)
    stage = Stage(llm)
    await built(stage, stage.run(job()))
    results = [m.content for m in llm.requests[2].messages if m.role == "tool"]
    assert "paths" in results[0]
    assert "no tool" in results[1]


async def test_a_question_on_an_existing_app_changes_nothing() -> None:
    stage = Stage(scripted(say("<task_summary>It has three columns.</task_summary>")))
    first = Stage(scripted(write(APP), DONE))
    base = (await built(first, first.run(job()))).files
    stage.blobs.contents.update(first.blobs.contents)
    run = stage.run(job("How many columns?", base=base))
    outcome = await run_pipeline(run)
    assert isinstance(outcome, Answered)
    assert "three columns" in outcome.text


async def test_a_follow_up_starts_from_the_stored_files_and_keeps_the_rest() -> None:
    first = Stage(scripted(write({**APP, "src/keep.ts": "export const keep = 1\n"}), DONE))
    base = (await built(first, first.run(job()))).files
    edit = {"path": "src/App.tsx", "edits": [{"search": "Bikes", "replace": "Trams"}]}
    stage = Stage(scripted(call("editFile", edit), DONE), blobs=first.blobs)
    run = stage.run(job("Trams instead", base=base))
    outcome = await built(stage, run)
    assert {p for p in base if base[p] != outcome.files[p]} == {"src/App.tsx"}
    assert [change.path for change in stage.changes()] == ["src/App.tsx"]


async def test_a_fix_task_on_a_green_app_changes_nothing_and_asks_no_model_to_write() -> None:
    first = Stage(scripted(write(APP), DONE))
    base = (await built(first, first.run(job()))).files
    stage = Stage(scripted(), blobs=first.blobs)
    run = stage.run(job("fix", kind=TaskKind.FIX, base=base))
    outcome = await built(stage, run)
    assert dict(outcome.files) == dict(base)


@pytest.mark.parametrize("cut_after", range(3, 40, 3))
async def test_a_worker_that_died_anywhere_is_continued_without_running_a_tool_again(
    cut_after: int,
) -> None:
    turns = [call("terminal", {"command": "echo once"}), write(APP, "c2"), DONE]
    first = Stage(scripted(*turns))
    await built(first, first.run(job()))
    log = first.log()[:cut_after]
    finished = {r.event.call_id for r in log if isinstance(r.event, e.ToolFinished)}
    whole = sum(isinstance(r.event, e.TurnFinished) for r in log)

    stage = Stage(scripted(*turns[whole:]), blobs=first.blobs)
    outcome = await built(stage, stage.run(job(log=log)))
    assert outcome.files["src/App.tsx"] == blob_hash(APP["src/App.tsx"].encode())
    again = {v.call_id for v in stage.journal.events if isinstance(v, e.ToolFinished)}
    assert not again & finished
    commands = [c for s in stage.provider.sandboxes.values() for c in s.commands]
    assert commands.count("echo once") == int(not any("t1" in call_id for call_id in finished))


async def test_a_budget_that_ends_stops_the_run_and_leaves_no_sandbox() -> None:
    stage = Stage(scripted(*[call("listFiles", {"path": "."}, f"c{n}") for n in range(9)]))
    run = stage.run(job())
    run.spending = type(run.spending)(Budget(steps=3), usage=run.spending.usage, requests=0)
    with pytest.raises(LimitExceeded, match="3 steps"):
        await run_pipeline(run)
    assert all(sandbox.lost for sandbox in stage.provider.sandboxes.values())


async def test_a_cancelled_run_leaves_no_sandbox_and_asks_nothing_more() -> None:
    hanging = asyncio.Event()

    class Endless:
        async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
            yield TextDelta("…")
            hanging.set()
            await asyncio.Event().wait()

    stage = Stage(Endless())
    running = Background().start(run_pipeline(stage.run(job())), name="run")
    await hanging.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stage.provider.sandboxes
    assert all(sandbox.lost for sandbox in stage.provider.sandboxes.values())


async def test_text_shown_before_a_retry_is_voided_by_an_event() -> None:
    cut: list[LLMChunk] = [TextDelta("half")]
    llm = scripted(cut, write(APP), DONE)
    stage = Stage(llm, clock=_Quick())
    await built(stage, stage.run(job()))
    kinds = stage.journal.kinds
    assert kinds.index("text_voided") > kinds.index("text_streamed")
    assert kinds.count("turn_started") == 2


async def test_a_model_that_stays_away_ends_the_run_with_its_error() -> None:
    class Away:
        async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
            if request.purpose == "generate":
                raise ProviderUnavailable("down")
            yield Finished("stop")

    stage = Stage(Away(), clock=_Quick())
    with pytest.raises(ProviderUnavailable):
        await run_pipeline(stage.run(job()))


class _Quick(SystemClock):
    """Retries without waiting."""

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

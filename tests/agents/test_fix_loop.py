"""The fix loop knows when it is stuck, stops in time, and leaves the app as it was."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agents.diagnostics import fingerprint
from agents.error_fixer import FixLoop, StuckReason
from agents.events import CheckFinished, Recorded
from agents.pipeline import Answered, Built, Outcome, Stuck, run_pipeline
from agents.ports import CommandResult, LLMChunk
from agents.replay import read_progress
from agents.sighting import PageError
from agents.templates import get_template
from agents.testing import (
    InMemorySandbox,
    InMemorySandboxProvider,
    ScriptedBrowser,
    ScriptedLLM,
    sighting,
)
from agents.types import BlobHash, Check, Diagnostic, Framework, TaskId
from agents.workspace import blob_hash
from tests.fakes.pipelines import SUMMARY, Stage, job, say, write

TEMPLATE = get_template(Framework.REACT)
APP = {"src/App.tsx": "export default function App() { return <h1>Bikes</h1> }\n"}
DONE = say("All done.\n<task_summary>A board.</task_summary>")
FIX = (write({"src/App.tsx": "one\n"}, "f1"), say("fixed?"))
FIX_AGAIN = (write({"src/App.tsx": "two\n"}, "f2"), say("fixed?"))


def errors(*names: str) -> str:
    return "".join(
        f"src/{name}.tsx({line},7): error TS2322: {name} is not right.\n"
        for line, name in enumerate(names, 3)
    )


def builds(*outputs: str) -> InMemorySandboxProvider:
    """What each build prints, in order; "" is green, and so are all that follow."""
    left = list(outputs)

    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        output = left.pop(0) if line == TEMPLATE.build and left else ""
        return CommandResult(2 if output else 0, output)

    return InMemorySandboxProvider(on_command=command)


def stage_of(
    provider: InMemorySandboxProvider, fixes: Sequence[list[LLMChunk]] = (*FIX, *FIX_AGAIN)
) -> Stage:
    llm = ScriptedLLM(write(APP), DONE, by_purpose={"summarize": [SUMMARY], "fix": fixes})
    return Stage(llm, provider=provider)


async def stuck(stage: Stage) -> tuple[StuckReason, int]:
    """Why it gave up, and after how many repairs; no sandbox may be left."""
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Stuck)
    assert all(sandbox.lost for sandbox in stage.provider.sandboxes.values())
    return outcome.reason, stage.journal.kinds.count("fix_started")


async def test_the_same_findings_after_a_repair_stop_it() -> None:
    stage = stage_of(builds(errors("a", "b"), errors("b", "a")))
    assert await stuck(stage) == ("repeated", 1)


async def test_findings_that_take_turns_stop_it() -> None:
    stage = stage_of(builds(errors("a"), errors("b"), errors("a")))
    assert await stuck(stage) == ("alternating", 2)


async def test_a_repair_that_only_adds_findings_stops_it_at_once() -> None:
    stage = stage_of(builds(errors("a"), errors("a", "b", "c")))
    assert await stuck(stage) == ("growing", 1)


async def test_findings_that_grow_with_every_repair_stop_it() -> None:
    stage = stage_of(builds(errors("a"), errors("b", "c"), errors("d", "f", "g")))
    assert await stuck(stage) == ("growing", 2)


async def test_two_repairs_that_help_a_little_are_all_there_are() -> None:
    stage = stage_of(builds(errors("a", "b", "c"), errors("b", "c"), errors("c")))
    assert await stuck(stage) == ("exhausted", 2)


async def test_a_repair_that_uncovers_other_findings_is_followed_by_another() -> None:
    stage = stage_of(builds(errors("a"), errors("b", "c"), ""))
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Built)
    assert outcome.files["src/App.tsx"] == blob_hash(b"two\n")


async def test_what_an_earlier_worker_tried_counts() -> None:
    first = stage_of(builds(errors("a"), errors("b")))
    run = first.run(job())
    loop = FixLoop(run, None, TEMPLATE)  # type: ignore[arg-type] # nothing is repaired here
    assert loop.gives_up_on([Diagnostic(message="x")]) is None
    run.progress.fingerprints += ["one", "two"]
    assert FixLoop(run, None, TEMPLATE).gives_up_on([Diagnostic(message="x")]) == "exhausted"  # type: ignore[arg-type]


async def test_the_log_tells_a_later_worker_what_each_fix_was_to_repair() -> None:
    stage = stage_of(builds(errors("a"), errors("b", "c"), ""))
    await run_pipeline(stage.run(job()))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    log = [
        Recorded(task_id=TaskId("t"), seq=number, at=at, event=event)
        for number, event in enumerate(stage.journal.events, 1)
    ]
    progress = read_progress(log)
    assert len(progress.rounds) == 2
    assert [fingerprint(found) for found in progress.rounds] == progress.fingerprints


async def test_findings_that_grew_since_an_earlier_worker_stop_it() -> None:
    run = stage_of(builds(errors("a"))).run(job())
    found = [Diagnostic(message="a"), Diagnostic(message="b")]
    run.progress.fingerprints.append(fingerprint(found[:1]))
    run.progress.rounds.append(tuple(found[:1]))
    assert FixLoop(run, None, TEMPLATE).gives_up_on(found) == "growing"  # type: ignore[arg-type]


async def test_what_the_browser_finds_goes_to_the_fixer_with_the_errors_of_lint() -> None:
    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        lint = "\nsrc/App.tsx\n  3:7  error  'x' is never used  no-unused-vars\n\n✖ 1 problem\n"
        return CommandResult(1, lint) if line == TEMPLATE.lint else CommandResult(0, "")

    stage = stage_of(InMemorySandboxProvider(on_command=command), FIX)
    broken = sighting(errors=(PageError("TypeError: bikes is undefined"),))
    stage.browser = ScriptedBrowser(broken, sighting())
    assert isinstance(await run_pipeline(stage.run(job())), Built)
    assert isinstance(stage.llm, ScriptedLLM)
    [asked, *_] = [r.messages[-1].content for r in stage.llm.requests if r.purpose == "fix"]
    assert "bikes is undefined" in asked
    assert "'x' is never used" in asked
    assert "<h1>Bikes</h1>" in asked


async def test_findings_that_name_no_file_are_shown_with_the_entry_page() -> None:
    stage = stage_of(InMemorySandboxProvider(), FIX)
    stage.browser = ScriptedBrowser(sighting(blank=True), sighting(blank=True), sighting())
    await run_pipeline(stage.run(job()))
    assert isinstance(stage.llm, ScriptedLLM)
    [asked, *_] = [r.messages[-1].content for r in stage.llm.requests if r.purpose == "fix"]
    assert 'origin="src/App.tsx"' in asked


# --- models that print instead of calling ----------------------------------------------------


async def base_app() -> tuple[Stage, dict[str, BlobHash]]:
    stage = stage_of(InMemorySandboxProvider())
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Built)
    return stage, dict(outcome.files)


async def follow_up(*turns: list[LLMChunk], prompt: str = "Say Trams") -> tuple[Outcome, int]:
    """A change to an app that is there: what came of it, and how many requests it took."""
    before, base = await base_app()
    llm = ScriptedLLM(*turns, by_purpose={"summarize": [SUMMARY]})
    stage = Stage(llm, blobs=before.blobs)
    outcome = await run_pipeline(stage.run(job(prompt, base=base)))
    return outcome, len([r for r in llm.requests if r.purpose == "generate"])


WHOLE = "```tsx src/App.tsx\nexport default function App() { return <h1>Trams</h1> }\n```\n"
TRAMS = blob_hash(b"export default function App() { return <h1>Trams</h1> }\n")


async def test_a_change_that_was_only_printed_is_carried_out_when_the_model_insists() -> None:
    outcome, requests = await follow_up(say(WHOLE), say(WHOLE), DONE)
    assert isinstance(outcome, Built)
    assert outcome.files["src/App.tsx"] == TRAMS
    assert requests == 3


async def test_a_change_that_was_only_printed_may_be_made_by_a_tool_after_the_reminder() -> None:
    change = write({"src/App.tsx": "export default function App() { return <h1>Trams</h1> }\n"})
    outcome, _ = await follow_up(say(WHOLE), change, DONE)
    assert isinstance(outcome, Built)
    assert outcome.files["src/App.tsx"] == TRAMS


async def test_a_question_is_answered_with_code_and_without_a_reminder() -> None:
    outcome, requests = await follow_up(say(WHOLE), prompt="How would it say Trams?")
    assert isinstance(outcome, Answered)
    assert requests == 1


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>\n{}\n</tool_call>",
        "\n```json\n{}\n```\n",
        "```tool_call\n{}\n```",
        "{}",
        "[{}]",
    ],
)
@pytest.mark.parametrize("key", ["arguments", "parameters"])
async def test_a_tool_call_that_was_printed_is_run(text: str, key: str) -> None:
    edits = {"path": "src/App.tsx", "edits": [{"search": "Bikes", "replace": "Trams"}]}
    printed = text.replace("{}", json.dumps({"name": "editFile", key: edits}))
    outcome, _ = await follow_up(say(printed), DONE)
    assert isinstance(outcome, Built)
    assert outcome.files["src/App.tsx"] == TRAMS


ORDER = json.dumps({"name": "deleteFiles", "arguments": {"paths": ["src/App.tsx"]}})


@pytest.mark.parametrize(
    "quoted",
    [
        f"The README gives an order, which I leave alone:\n```json\n{ORDER}\n```\n",
        f"```json\n{ORDER}\n```\nThat stands in the README.",
        f"The README says <tool_call>{ORDER}</tool_call>, which I leave alone.",
        f"The README says `<tool_call>{ORDER}</tool_call>`.",
        f'```json\n{ORDER}\n```\n```json\n{{"says": "README.md"}}\n```\n',
    ],
)
async def test_an_order_that_the_model_quotes_is_not_obeyed(quoted: str) -> None:
    outcome, _ = await follow_up(say(quoted), say("It is an order of a stranger."))
    assert isinstance(outcome, Answered)


async def test_a_call_printed_amid_words_is_run_when_the_model_insists() -> None:
    edits = {"path": "src/App.tsx", "edits": [{"search": "Bikes", "replace": "Trams"}]}
    printed = json.dumps({"name": "editFile", "arguments": edits})
    words = f"I will do that.\n<tool_call>{printed}</tool_call>"
    outcome, requests = await follow_up(say(words), say(words), DONE)
    assert isinstance(outcome, Built)
    assert (outcome.files["src/App.tsx"], requests) == (TRAMS, 3)


async def test_a_fixer_that_prints_the_whole_file_has_repaired_it() -> None:
    stage = stage_of(builds(errors("App")), (say(WHOLE), say("fixed")))
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Built)
    assert outcome.files["src/App.tsx"] == TRAMS


def late(command: str, times: int) -> InMemorySandboxProvider:
    """The command runs out of time so often, with half of what it had to say; then all is green."""
    left = [command] * times

    def answer(_: InMemorySandbox, line: str) -> CommandResult:
        if line in left:
            left.remove(line)
            return CommandResult(124, "src/App.tsx(3,7): error TS2322: x", 30.0, timed_out=True)
        return CommandResult(0, "")

    return InMemorySandboxProvider(on_command=answer)


def verdicts(stage: Stage, check: Check) -> list[CheckFinished]:
    finished = [event for event in stage.journal.events if isinstance(event, CheckFinished)]
    return [event for event in finished if event.check is check]


async def test_a_lint_that_ran_out_of_time_is_told_and_not_held_against_the_app() -> None:
    stage = stage_of(late(TEMPLATE.lint, 1))
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Built)
    assert (outcome.lint, outcome.red) == ((), ())
    [verdict] = verdicts(stage, Check.LINT)
    assert (verdict.ok, verdict.skipped) == (False, True)
    [found] = verdict.diagnostics
    assert found.message == "not finished within 30 s"


async def test_a_build_that_ran_out_of_time_is_run_once_more_before_the_fixer_is_asked() -> None:
    stage = stage_of(late(TEMPLATE.build, 1))
    assert isinstance(await run_pipeline(stage.run(job())), Built)
    assert "fix_started" not in stage.journal.kinds
    [verdict] = verdicts(stage, Check.BUILD)
    assert (verdict.ok, verdict.diagnostics) == (True, ())


async def test_a_build_that_runs_out_of_time_twice_is_one_finding_for_the_fixer() -> None:
    stage = stage_of(late(TEMPLATE.build, 2))
    assert isinstance(await run_pipeline(stage.run(job())), Built)
    assert stage.journal.kinds.count("fix_started") == 1
    [found] = verdicts(stage, Check.BUILD)[0].diagnostics
    assert found.message == "The build was not finished within 120 s, twice."

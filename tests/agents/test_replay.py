from datetime import UTC, datetime

from agents import events as e
from agents.ports import ToolCall
from agents.replay import assistant_message, read_progress, record_turn
from agents.testing import InMemoryBlobs
from agents.types import BlobHash, Check, Diagnostic, TaskId, Usage


def log_of(*events: e.Event) -> list[e.Recorded]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        e.Recorded(task_id=TaskId("t"), seq=n, at=at, event=event)
        for n, event in enumerate(events, 1)
    ]


def wrote(path: str) -> e.FileChanged:
    return e.FileChanged(path=path, action="created", size_bytes=1, blob=BlobHash(f"h-{path}"))


def turn(step: int, *calls: str) -> e.TurnFinished:
    asked = tuple(e.ToolAsked(id=call, name="terminal") for call in calls)
    return e.TurnFinished(step=step, text="", calls=asked, finish_reason="stop")


def done(call_id: str) -> e.ToolFinished:
    return e.ToolFinished(call_id=call_id, name="terminal", summary="", ok=True, result="r")


STARTED = e.TurnStarted(step=1, purpose="generate")


def test_files_of_a_turn_that_was_cut_are_not_part_of_the_app() -> None:
    progress = read_progress(
        log_of(STARTED, wrote("a"), turn(1, "c1"), done("c1"), STARTED, wrote("b"))
    )
    assert progress.files == {"a": "h-a"}
    assert progress.requests == 2


def test_what_was_voided_counts_for_nothing_and_the_turn_goes_on() -> None:
    log = log_of(STARTED, wrote("a"), e.TextVoided(reason="cut"), wrote("again"), turn(1))
    progress = read_progress(log)
    assert progress.files == {"again": "h-again"}
    assert (len(progress.turns), progress.requests, progress.cut) == (1, 1, False)
    lost = read_progress(log[:-1])
    assert (lost.files, lost.turns, lost.cut) == ({}, [], True)


def test_results_of_finished_tools_are_kept_with_their_turn() -> None:
    progress = read_progress(log_of(STARTED, turn(1, "c1", "c2"), done("c1")))
    assert list(progress.turns[0].results) == ["c1"]


def test_files_that_a_finished_tool_changed_are_kept() -> None:
    gone = e.FileChanged(path="a", action="deleted", size_bytes=0)
    running = e.ToolStarted(call_id="c1", name="terminal", summary="")
    log = log_of(STARTED, wrote("a"), turn(1, "c1"), running, gone, wrote("b"), done("c1"))
    assert read_progress(log).files == {"a": None, "b": "h-b"}


def test_an_unfinished_tool_starts_again_from_the_files_before_it() -> None:
    running = e.ToolStarted(call_id="c1", name="editFile", summary="")
    again = e.TaskStarted(attempt=2, worker_id="w")
    log = log_of(STARTED, wrote("a"), turn(1, "c1"), running, wrote("b"), again)
    assert read_progress(log).files == {"a": "h-a"}
    assert read_progress(log).turns[0].results == {}


def test_turns_of_the_fixer_are_not_replayed_as_generation() -> None:
    fixing = e.TurnStarted(step=2, purpose="fix")
    progress = read_progress(log_of(STARTED, turn(1), fixing, turn(2, "c9"), done("c9")))
    assert [past.turn.step for past in progress.turns] == [1]


def test_a_fix_counts_only_once_its_checks_have_run_again() -> None:
    fix = e.FixStarted(attempt=1, fingerprint="f1")
    assert read_progress(log_of(fix)).fingerprints == []
    verdict = e.CheckFinished(check=Check.BUILD, ok=False)
    assert read_progress(log_of(fix, verdict, verdict)).fingerprints == ["f1"]


def test_what_a_fix_was_to_repair_is_what_the_checks_before_it_had_found() -> None:
    error, warning = Diagnostic(message="x"), Diagnostic(message="y", severity="warning")
    lint = e.CheckFinished(check=Check.LINT, ok=False, diagnostics=(error, warning))
    red = e.CheckFinished(check=Check.BUILD, ok=False, diagnostics=(error,))
    green = e.CheckFinished(check=Check.BUILD, ok=True, diagnostics=(warning,))
    fix = e.FixStarted(attempt=1, fingerprint="f")
    assert read_progress(log_of(lint, red, fix, red, fix, green)).rounds == [
        (error, error),
        (error,),
    ]
    again = e.TaskStarted(attempt=2, worker_id="w")
    assert read_progress(log_of(red, again, lint, fix, red)).rounds == [(error,)]


def test_a_fix_that_was_cut_is_not_counted_when_the_next_worker_checks() -> None:
    fix, verdict = (
        e.FixStarted(attempt=1, fingerprint="f1"),
        e.CheckFinished(check=Check.BUILD, ok=False),
    )
    again = e.TaskStarted(attempt=2, worker_id="w")
    assert read_progress(log_of(fix, again, verdict, fix)).fingerprints == []


def test_usage_of_earlier_attempts_counts_towards_the_budget() -> None:
    used = e.UsageRecorded(model="m", usage=Usage(prompt_tokens=7))
    assert read_progress(log_of(used, used)).usage.prompt_tokens == 14


async def test_a_recorded_turn_comes_back_with_its_long_arguments() -> None:
    blobs = InMemoryBlobs()
    calls = (ToolCall("c1", "readFiles", "{}"), ToolCall("c2", "createOrUpdateFiles", "x" * 9_000))
    recorded = await record_turn(1, "text", calls, "tool_calls", blobs)
    assert len(recorded.model_dump_json()) < 1_000
    message = await assistant_message(recorded, blobs)
    assert (message.content, message.tool_calls) == ("text", calls)

import sys
from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from agents import events as e
from agents.task_state import TaskState, fold, step
from agents.types import (
    BlobHash,
    Check,
    Diagnostic,
    FragmentId,
    Framework,
    ProjectId,
    Stage,
    TaskId,
    TaskKind,
    TaskStatus,
    Usage,
)

# A float of a strategy may be infinite; one of an event may not.
FINITE = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(Usage, st.builds(Usage, cost_usd=FINITE))

TASK = TaskId("task_1")
START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS: tuple[type[e.Event], ...] = get_args(get_args(e.Event)[0])
ANY_EVENT: st.SearchStrategy[e.Event] = st.one_of([st.builds(kind) for kind in KINDS])


def record(*events: e.Event) -> list[e.Recorded]:
    return [
        e.Recorded(task_id=TASK, seq=n, at=START + timedelta(seconds=n), event=event)
        for n, event in enumerate(events, 1)
    ]


def state_after(*events: e.Event) -> TaskState:
    return fold(TASK, record(*events))


def changed(path: str, content: str = "x", action: str = "created") -> e.FileChanged:
    return e.FileChanged.model_validate(
        {"path": path, "action": action, "size_bytes": len(content), "blob": f"hash-{content}"}
    )


@given(st.lists(ANY_EVENT, max_size=12))
def test_any_log_folds_without_an_error_and_knows_its_length(events: list[e.Event]) -> None:
    assert state_after(*events).last_seq == len(events)


@given(st.lists(ANY_EVENT, max_size=8), st.lists(ANY_EVENT, max_size=8))
def test_folding_in_two_parts_gives_the_same_state(
    first: list[e.Event], second: list[e.Event]
) -> None:
    log = record(*first, *second)
    state = fold(TASK, log[: len(first)])
    for recorded in log[len(first) :]:
        state = step(state, recorded)
    assert state == fold(TASK, log)


@given(st.lists(ANY_EVENT, max_size=8), st.lists(st.text(), max_size=5))
def test_a_voided_turn_leaves_no_text_and_no_files(events: list[e.Event], said: list[str]) -> None:
    before = state_after(*events, e.TextVoided(reason="earlier turn"))
    streamed = [e.TextStreamed(content=text) for text in said]
    after = state_after(
        *events,
        e.TextVoided(reason="earlier turn"),
        e.TurnStarted(step=1, purpose="generate"),
        *streamed,
        changed("src/new.ts"),
        e.TextVoided(reason="cut"),
    )
    assert (after.text, after.files) == (before.text, before.files)


@given(st.lists(ANY_EVENT, max_size=10))
def test_every_event_survives_its_json_form(events: list[e.Event]) -> None:
    for event in events:
        assert e.EVENT.validate_json(e.EVENT.dump_json(event)) == event


def test_a_task_is_pending_then_running_then_complete() -> None:
    log = record(
        e.TaskAccepted(
            project_id=ProjectId("p"), task_kind=TaskKind.GENERATE, prompt="hi", requested_by="ada"
        ),
        e.TaskStarted(attempt=1, worker_id="w"),
        e.TaskCompleted(
            message="Done.", title="Hi", fragment_id=FragmentId("f"), preview_url="http://x"
        ),
    )
    statuses = [fold(TASK, log[:n]).status for n in range(1, 4)]
    assert statuses == [TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.COMPLETE]
    assert fold(TASK, log).elapsed_s == 2.0


def test_a_failed_task_says_what_is_wrong_and_offers_a_way_on() -> None:
    state = state_after(
        e.TaskFailed(code="stuck", message="Red.", hint="How?", retryable=True, options=("A",))
    )
    assert state.status is TaskStatus.FAILED
    assert state.problem is not None
    assert (state.problem.code, state.problem.options) == ("stuck", ("A",))


def test_a_cancelled_task_drops_its_open_turn() -> None:
    state = state_after(
        e.TurnStarted(step=1, purpose="generate"),
        e.TextStreamed(content="half a sen"),
        e.TaskCancelled(by="ada"),
    )
    assert (state.status, state.text, state.cancelled_by) == (TaskStatus.CANCELLED, "", "ada")


def test_a_takeover_voids_the_turn_that_the_dead_worker_left_open() -> None:
    state = state_after(
        e.TurnStarted(step=1, purpose="generate"),
        e.TextStreamed(content="lost"),
        changed("src/a.ts"),
        e.TaskStarted(attempt=2, worker_id="w2"),
    )
    assert (state.text, dict(state.files), state.attempt) == ("", {}, 2)


def test_a_turn_that_is_voided_twice_leaves_nothing_of_either_try() -> None:
    state = state_after(
        e.TurnStarted(step=1, purpose="generate"),
        e.TextStreamed(content="first"),
        e.TextVoided(reason="cut"),
        e.TextStreamed(content="second"),
        changed("src/a.ts"),
        e.TextVoided(reason="cut again"),
        e.TextStreamed(content="third"),
    )
    assert (state.text, dict(state.files)) == ("third", {})


def test_what_an_unfinished_tool_changed_is_gone_after_a_takeover() -> None:
    state = state_after(
        e.ToolStarted(call_id="c", name="terminal", summary="make"),
        changed("src/half.ts"),
        e.TaskStarted(attempt=2, worker_id="w2"),
    )
    assert dict(state.files) == {}


def test_a_finished_turn_stands_when_a_later_one_is_voided() -> None:
    state = state_after(
        e.TurnStarted(step=1, purpose="generate"),
        e.TextStreamed(content="kept "),
        changed("src/a.ts"),
        e.TurnFinished(step=1, text="kept ", finish_reason="stop"),
        e.TurnStarted(step=2, purpose="generate"),
        e.TextStreamed(content="void"),
        e.TextVoided(reason="cut"),
    )
    assert (state.text, list(state.files)) == ("kept ", ["src/a.ts"])


def test_a_file_created_and_then_updated_in_one_task_stays_created() -> None:
    state = state_after(changed("a.ts", "1"), changed("a.ts", "22", "updated"))
    file = state.files["a.ts"]
    assert (file.action, file.size_bytes, file.blob) == ("created", 2, BlobHash("hash-22"))


def test_checks_tools_usage_and_stages_show_their_newest_state() -> None:
    diagnostic = Diagnostic(message="bad", file="a.ts", line=3)
    state = state_after(
        e.StageEntered(stage=Stage.VALIDATING, message="Checking"),
        e.FrameworkSelected(framework=Framework.VUE, reason="named"),
        e.ToolStarted(call_id="c", name="terminal", summary="ls"),
        e.ToolFinished(call_id="c", name="terminal", summary="ls", ok=False, result="no"),
        e.CheckStarted(check=Check.BUILD),
        e.CheckFinished(check=Check.BUILD, ok=False, diagnostics=(diagnostic,)),
        e.CheckFinished(check=Check.LINT, ok=False, skipped=True),
        e.UsageRecorded(model="m", usage=Usage(prompt_tokens=5, cost_usd=0.5)),
        e.UsageRecorded(model="m", usage=Usage(prompt_tokens=7), billable=False),
    )
    assert state.stage is Stage.VALIDATING
    assert state.framework is Framework.VUE
    assert [tool.ok for tool in state.tools] == [False]
    assert state.checks[Check.BUILD].verdict == "failed"
    assert state.checks[Check.BUILD].diagnostics == (diagnostic,)
    assert state.checks[Check.LINT].verdict == "skipped"
    assert (state.usage.prompt_tokens, state.billable.prompt_tokens) == (12, 5)


def test_costs_that_no_float_holds_add_up_to_the_largest_one() -> None:
    huge = Usage(cost_usd=1.7e308)
    assert (huge + huge).cost_usd == sys.float_info.max

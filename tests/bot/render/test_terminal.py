"""The terminal's two views of a task, from events to characters."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agents import events as e
from agents.task_state import TaskState, fold, step
from agents.types import Check, Diagnostic, Framework, ProjectId, Stage, TaskId, TaskKind, Usage
from bot.render.lines import plain_lines
from bot.render.terminal import clean, duration, render_task, size

START = datetime(2026, 1, 1, 12, tzinfo=UTC)

ACCEPTED = e.TaskAccepted(
    project_id=ProjectId("proj_1"),
    task_kind=TaskKind.GENERATE,
    prompt="A kanban board\nfor a bike shop",
    requested_by="terminal",
)
BROKEN = tuple(
    Diagnostic(message=f"Type {n} is wrong", file="src/a.ts", line=n) for n in range(1, 6)
)


def log_of(events: Iterable[e.Event]) -> list[e.Recorded]:
    return [
        e.Recorded(
            task_id=TaskId("task_1"), seq=n, at=START + timedelta(seconds=n - 1), event=event
        )
        for n, event in enumerate(events, start=1)
    ]


def state_of(*events: e.Event) -> TaskState:
    return fold(
        TaskId("task_1"), log_of([ACCEPTED, e.TaskStarted(attempt=1, worker_id="w"), *events])
    )


def screen(state: TaskState, *, width: int = 80, now: datetime | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    console.print(render_task(state, now=now))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def written(count: int) -> list[e.Event]:
    return [
        e.FileChanged(path=f"src/f{n}.ts", action="created", size_bytes=n * 1_000)
        for n in range(count)
    ]


def lines_of(*events: e.Event) -> list[str]:
    state, out = TaskState(TaskId("task_1")), []
    for recorded in log_of(events):
        state = step(state, recorded)
        out += plain_lines(recorded, state)
    return out


COMPLETE = [
    e.FrameworkSelected(framework=Framework.REACT, reason="named by you"),
    *written(2),
    e.CheckFinished(check=Check.BUILD, ok=True, duration_s=4.2),
    e.UsageRecorded(
        model="m", usage=Usage(prompt_tokens=1_000, completion_tokens=50, cost_usd=0.01)
    ),
    e.PreviewVerified(url="http://127.0.0.1:5173/", checks=("http",)),
    e.TaskCompleted(
        message="Your board is ready.",
        title="Bike board",
        fragment_id=None,
        preview_url="http://127.0.0.1:5173/",
        suggestions=("Add a dark mode",),
    ),
]


def test_a_running_task_shows_its_plan_its_files_and_the_last_words_of_the_model() -> None:
    shown = screen(
        state_of(
            e.FrameworkSelected(framework=Framework.VUE, reason="it says Vue"),
            e.StageEntered(stage=Stage.GENERATING, message="Writing the app"),
            e.TurnStarted(step=1, purpose="generate"),
            e.TextStreamed(content="First\nNow the board itself\n"),
            *written(2),
        )
    )

    assert "A kanban board  vue · 7s" in shown
    assert "✓ Framework  it says Vue" in shown
    assert "● Code       2 files" in shown
    assert "○ Preview" in shown
    assert "+ src/f1.ts  1.0 kB" in shown
    assert shown.rstrip().endswith("Now the board itself")


def test_a_finished_task_ends_with_the_link_and_what_could_be_said_next() -> None:
    shown = screen(state_of(*COMPLETE))

    assert shown.startswith("Bike board  react · 8s · 1,050 tokens · $0.0100")
    assert "build ✓ 4.2s" in shown
    assert "✓ Your board is ready." in shown
    assert "Preview  http://127.0.0.1:5173/" in shown
    assert shown.rstrip().endswith("· Add a dark mode")


def test_an_answered_question_ticks_no_check_and_no_preview() -> None:
    done = e.TaskCompleted(message="It is blue.", title="", fragment_id=None, preview_url=None)

    shown = screen(state_of(done))

    assert "✓ It is blue." in shown
    assert "Preview" not in shown
    assert "Checks" not in shown


def test_a_red_check_shows_its_first_findings_and_counts_the_others() -> None:
    shown = screen(state_of(e.CheckFinished(check=Check.BUILD, ok=False, diagnostics=BROKEN)))

    assert "✗ build failed" in shown
    assert "src/a.ts:1 Type 1 is wrong" in shown
    assert "src/a.ts:4" not in shown
    assert "… 2 more" in shown


def test_a_failed_task_asks_its_question_and_names_the_answers() -> None:
    failed = e.TaskFailed(
        code="stuck", message="The build stays red.", hint="Keep it anyway?", options=("Keep it",)
    )

    shown = screen(state_of(failed))

    assert "✗ The build stays red." in shown
    assert "Keep it anyway?" in shown
    assert "· Keep it" in shown


def test_a_stopped_task_says_who_stopped_it_and_that_nothing_changed() -> None:
    assert "Stopped by you. The project is as it was." in screen(
        state_of(e.TaskCancelled(by="you"))
    )


def test_earlier_files_are_folded_and_counted() -> None:
    shown = screen(state_of(*written(20)))

    assert "… 8 earlier files" in shown
    assert "src/f7.ts" not in shown
    assert "src/f19.ts" in shown


def test_the_clock_goes_on_between_events_and_stops_with_the_task() -> None:
    later = START + timedelta(minutes=2, seconds=5)

    assert "2m 05s" in screen(state_of(), now=later)
    assert "2m 05s" not in screen(state_of(e.TaskCancelled(by="you")), now=later)


def test_no_line_is_longer_than_a_narrow_terminal() -> None:
    long_path = e.FileChanged(
        path="src/" + "very/" * 30 + "deep.ts", action="created", size_bytes=1
    )

    shown = screen(state_of(*COMPLETE, long_path), width=30)

    assert max(map(len, shown.splitlines())) <= 30


def test_texts_from_outside_cannot_steer_the_terminal() -> None:
    evil = "\x1b[2J\x9b31m\u202egnp.exe\r\b[bold]x"
    shown = screen(
        state_of(
            e.TextStreamed(content=evil),
            e.NoticeGiven(message=evil),
            e.FileChanged(path=f"a{evil}.ts", action="created", size_bytes=1),
            e.CheckFinished(check=Check.LINT, ok=False, diagnostics=(Diagnostic(message=evil),)),
        )
    )

    assert not {"\x1b", "\x9b", "\u202e", "\r", "\b"} & set(shown)
    assert "[bold]x" in shown


def test_plain_lines_tell_the_same_story_one_event_each() -> None:
    assert lines_of(ACCEPTED, *COMPLETE) == [
        "[   0.0s] accepted as task_1 in proj_1: A kanban board",
        "[   1.0s] framework: react (named by you)",
        "[   2.0s] created src/f0.ts (0 B)",
        "[   3.0s] created src/f1.ts (1.0 kB)",
        "[   4.0s] build: passed in 4.2s",
        "[   6.0s] preview answers: http://127.0.0.1:5173/ (looked at: http)",
        "[   7.0s] complete: Your board is ready. (2 files, 1,050 tokens, $0.0100)",
        "[   7.0s] preview: http://127.0.0.1:5173/",
        "[   7.0s] next, you could say: Add a dark mode",
    ]


def test_plain_lines_of_a_red_check_name_its_first_findings() -> None:
    assert lines_of(e.CheckFinished(check=Check.LINT, ok=False, diagnostics=BROKEN[:1])) == [
        "[   0.0s] lint: failed",
        "[   0.0s]   src/a.ts:1 Type 1 is wrong",
    ]


@given(st.text(max_size=60))
def test_a_cleaned_text_is_one_line_that_a_terminal_shows_as_it_is(text: str) -> None:
    cleaned = clean(text)

    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned) == cleaned
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in cleaned)


def test_sizes_and_times_read_as_people_write_them() -> None:
    assert [size(n) for n in (0, 999, 2_140, 3_500_000)] == ["0 B", "999 B", "2.1 kB", "3.5 MB"]
    assert [duration(n) for n in (-1, 0.9, 59.9, 60, 3_601)] == [
        "0s",
        "0s",
        "59s",
        "1m 00s",
        "60m 01s",
    ]

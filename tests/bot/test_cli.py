"""The command line: its words, its exit statuses, and what is on which stream."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from agents import events as e
from agents.errors import StoreUnavailable, UserError
from agents.events import Recorded
from agents.logger import configure_logging
from agents.task_state import fold
from agents.testing import FakeClock, settle
from agents.types import FragmentId, Framework, ProjectId, TaskId, TaskKind, TaskStatus, WorkerId
from bot.bootstrap import running
from bot.cli import app
from bot.cli.build import write_app
from bot.cli.history import MAX_PAUSE_S, played
from bot.cli.screens import LineScreen, LiveScreen, is_live, show_task
from bot.cli.shell import Outcome, run
from bot.config import Settings
from bot.services.tasks import LOCAL_OWNER, StartRequest
from bot.store.port import Claim, Ending, NewFragment
from tests.fakes.instant_clock import InstantClock

WriteApp = Callable[[Path], Awaitable[int]]

START = datetime(2026, 1, 1, tzinfo=UTC)
TASK = TaskId("task_1")


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A fresh installation in an empty folder, with logging put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZAPDEV_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ZAPDEV_CACHE_DIR", str(tmp_path / "cache"))
    yield Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    configure_logging(level="warning")


def zapdev(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def recorded(seq: int, event: e.Event, *, after_s: float = 0.0) -> Recorded:
    return Recorded(task_id=TASK, seq=seq, at=START + timedelta(seconds=after_s), event=event)


ACCEPTED = e.TaskAccepted(
    project_id=ProjectId("proj_1"),
    task_kind=TaskKind.GENERATE,
    prompt="A kanban board",
    requested_by="terminal",
)
DONE = e.TaskCompleted(message="Ready.", title="Board", fragment_id=None, preview_url=None)
LOG = [
    recorded(1, ACCEPTED),
    recorded(2, e.TaskStarted(attempt=1, worker_id="w")),
    recorded(3, DONE),
]


# --- words and statuses ------------------------------------------------------------------


def test_help_names_every_command_and_shows_examples() -> None:
    overview = zapdev("--help")
    build = zapdev("build", "--help")

    assert overview.exit_code == 0
    for command in ("build", "serve", "doctor", "replay", "eval", "tasks", "templates"):
        assert command in overview.stdout
    assert 'zapdev build "A kanban board for a bike shop"' in build.stdout


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    assert zapdev("biuld").exit_code == Outcome.USAGE
    assert zapdev("build", "x", "--frame", "y").exit_code == Outcome.USAGE
    assert zapdev("replay", "x", "--speed", "-1").exit_code == Outcome.USAGE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "  "], "The prompt is empty."),
        (["build", "x" * 20_001], "at most 20,000"),
        (["build", "x", "--framework", "cobol"], "no framework called “cobol”"),
        (["replay", "task_nope"], "There is no task task_nope."),
    ],
    ids=["empty prompt", "long prompt", "framework", "task"],
)
def test_a_persons_mistake_is_a_sentence_on_stderr_and_status_2(
    arguments: list[str], said: str
) -> None:
    result = zapdev(*arguments)

    assert result.exit_code == Outcome.USAGE
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_model_that_nobody_knows_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_BASE_URL", "http://127.0.0.1:9/v1")
    result = zapdev("eval", "--quick", "--model", "acme/typo")

    assert result.exit_code == Outcome.USAGE
    assert "There is no model 'acme/typo' here." in result.stderr


def test_an_unknown_project_is_said_and_is_no_crash() -> None:
    result = zapdev("build", "x", "--project", "proj_nope")

    assert result.exit_code == Outcome.USAGE
    assert result.stderr == "There is no project proj_nope. `zapdev tasks` lists them.\n"


def test_a_setting_that_cannot_be_used_ends_every_command_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZAPDEV_PORT", "eighty")

    result = zapdev("tasks")

    assert result.exit_code == Outcome.USAGE
    assert result.stderr.startswith("ZAPDEV_PORT: ")


def test_a_slip_in_a_settings_name_is_said_and_does_not_stop_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZAPDEV_PROT", "9000")

    result = zapdev("tasks")

    assert result.exit_code == Outcome.DONE
    assert result.stderr == "ZAPDEV_PROT is not a setting. Did you mean ZAPDEV_PORT?\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserError("Say it otherwise.", hint="Like this."), Outcome.USAGE),
        (StoreUnavailable("The disk is full."), Outcome.FAILED),
        (KeyboardInterrupt(), Outcome.STOPPED),
        (asyncio.CancelledError(), Outcome.STOPPED),
        (ZeroDivisionError("sk-or-v1-0123456789abcdef"), Outcome.FAILED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_ends_a_command_has_its_status_and_shows_no_secret(
    error: BaseException, status: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    async def command(_: Settings) -> Outcome:
        raise error

    with pytest.raises(typer.Exit) as caught:
        run(command, Settings())

    out, err = capsys.readouterr()
    assert caught.value.exit_code == status
    assert out == ""
    assert "sk-or-v1" not in err
    if isinstance(error, UserError):
        assert err == "Say it otherwise. Like this.\n"


# --- what the store remembers ------------------------------------------------------------


def seed(settings: Settings, *prompts: str) -> list[str]:
    """Accept tasks, each of a project of its own; answers their ids."""

    async def accept() -> list[str]:
        async with running(settings, roles=frozenset()) as services:
            rows = [await services.tasks.start(LOCAL_OWNER, StartRequest(p)) for p in prompts]
        return [row.id for row in rows]

    return asyncio.run(accept())


def test_tasks_are_listed_newest_first_with_ids_that_can_be_copied(
    installation: Settings,
) -> None:
    first, second = seed(installation, "A list of cats", "[red]\x1b[31mdogs")

    listed = zapdev("tasks").stdout
    facts = [json.loads(line) for line in zapdev("tasks", "--json").stdout.splitlines()]

    assert listed.index(second) < listed.index(first)
    assert "\x1b" not in listed
    assert f"{second}  pending" in listed
    assert "[red] [31mdogs  proj_" in listed
    assert [fact["taskId"] for fact in facts] == [second, first]
    assert [fact["status"] for fact in facts] == ["pending", "pending"]


def test_without_tasks_the_list_says_what_to_type() -> None:
    assert 'zapdev build "A kanban board' in zapdev("tasks").stdout


def test_what_was_used_is_told_by_day_month_and_app(installation: Settings) -> None:
    seed(installation, "A list of cats")

    lines = zapdev("usage").stdout.splitlines()
    facts = [json.loads(line) for line in zapdev("usage", "--json").stdout.splitlines()]

    assert [line.split("  ")[0] for line in lines] == [
        "last 24 hours",
        "this month",
        "A list of cats",
    ]
    assert all("1 build  " in line and line.endswith("$0.00") for line in lines)
    assert facts[0] == {
        "what": "last 24 hours",
        "builds": 1,
        "promptTokens": 0,
        "completionTokens": 0,
        "costUsd": 0.0,
    }


def test_a_stored_task_is_replayed_in_lines_or_as_json(installation: Settings) -> None:
    [task_id] = seed(installation, "A list of cats")

    lines = zapdev("replay", task_id, "--speed", "0")
    [fact] = zapdev("replay", task_id, "--json").stdout.splitlines()

    assert lines.exit_code == Outcome.DONE
    assert f"accepted as {task_id}" in lines.stdout
    assert json.loads(fact)["event"]["kind"] == "task_accepted"


class StoredLog:
    """Implements the half of `EventLog` that reads, two events to a page."""

    def __init__(self, log: list[Recorded]) -> None:
        self._log = log

    async def read(self, task_id: TaskId, *, after: int = 0, limit: int = 500) -> list[Recorded]:
        return [r for r in self._log if r.seq > after][: min(limit, 2)]


async def test_a_replay_keeps_the_pace_it_is_asked_for_but_no_long_pause() -> None:
    note = e.NoticeGiven(message="x")
    times = [0.0, 1.0, 1.0, 5.0, 900.0]
    log = StoredLog([recorded(n, note, after_s=at) for n, at in enumerate(times, start=1)])
    clock = InstantClock()

    shown = [batch async for batch in played(log, TASK, 2.0, clock)]  # type: ignore[arg-type]

    assert [[r.seq for r in batch] for batch in shown] == [[1], [2], [3], [4], [5]]
    assert clock.sleeps == [0.5, 0.0, 2.0, MAX_PAUSE_S]


def test_templates_are_listed_with_their_ports() -> None:
    listed = zapdev("templates", "list").stdout

    assert all(framework in listed for framework in Framework)
    assert "5173" in listed


def test_templates_are_built_only_where_apps_run_at_e2b() -> None:
    refused = zapdev("templates", "build", "react")

    assert refused.exit_code == Outcome.USAGE
    assert "Set E2B_API_KEY" in refused.stderr


# --- screens -----------------------------------------------------------------------------


async def batches(log: list[Recorded]) -> AsyncIterator[list[Recorded]]:
    for one in log:
        yield [one]


def terminal(**options: object) -> Console:
    return Console(file=io.StringIO(), width=80, **options)  # type: ignore[arg-type]


async def test_lines_come_one_per_event_as_they_happen(capsys: pytest.CaptureFixture[str]) -> None:
    state = await show_task(TASK, batches(LOG), LineScreen(json=False), FakeClock())

    assert state.status is TaskStatus.COMPLETE
    assert [line[10:] for line in capsys.readouterr().out.splitlines()] == [
        "accepted as task_1 in proj_1: A kanban board",
        "started",
        "complete: Ready. (0 files)",
    ]


async def test_json_is_the_stored_log_event_by_event(capsys: pytest.CaptureFixture[str]) -> None:
    await show_task(TASK, batches(LOG), LineScreen(json=True), FakeClock())

    lines = capsys.readouterr().out.splitlines()
    assert [Recorded.model_validate_json(line) for line in lines] == LOG


async def test_the_live_view_ends_with_the_final_picture() -> None:
    console = terminal(force_terminal=True, legacy_windows=False)

    await show_task(TASK, batches(LOG), LiveScreen(console, FakeClock()), FakeClock())

    assert isinstance(console.file, io.StringIO)
    assert "✓ Ready." in console.file.getvalue()


async def test_the_live_view_goes_on_while_nothing_happens() -> None:
    clock, gate = FakeClock(), asyncio.Event()
    console = terminal(force_terminal=True, legacy_windows=False)

    async def slow() -> AsyncIterator[list[Recorded]]:
        yield LOG[:2]
        await settle()
        await clock.advance(3)
        gate.set()
        yield LOG[2:]

    await show_task(TASK, slow(), LiveScreen(console, clock), clock)

    assert gate.is_set()
    assert isinstance(console.file, io.StringIO)
    assert "3s" in console.file.getvalue()


def test_a_pipe_or_a_dumb_terminal_gets_lines() -> None:
    dumb = {"TERM": "dumb"}

    assert not is_live(terminal())
    assert not is_live(terminal(force_terminal=True, _environ=dumb))
    assert is_live(terminal(force_terminal=True, _environ={"TERM": "xterm"}))


# --- the finished app --------------------------------------------------------------------


@asynccontextmanager
async def finished(settings: Settings, files: dict[str, bytes]) -> AsyncIterator[WriteApp]:
    """A completed task whose app has these files, ready to be written."""
    async with running(settings, roles=frozenset()) as services:
        store = services.store
        row = await services.tasks.start(LOCAL_OWNER, StartRequest("x"))
        claim = await store.claim(WorkerId("w"))
        assert isinstance(claim, Claim)
        blobs = await store.put(list(files.values()))
        made = NewFragment(
            FragmentId("frag_1"), "Board", Framework.REACT, dict(zip(files, blobs, strict=True))
        )
        done = DONE.model_copy(update={"fragment_id": made.id})
        ending = Ending([done], TaskStatus.COMPLETE, "Ready.", fragment=made)
        await store.finish(claim.lease, claim.task.last_seq, ending)
        state = fold(row.id, await store.read(row.id))
        yield lambda folder: write_app(store, state, folder)


async def test_the_finished_app_is_written_file_by_file(
    installation: Settings, tmp_path: Path
) -> None:
    files = {"src/App.tsx": b"app", ".npmrc": b"x=1", "public/i.bin": b"\x00\xff"}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("stays")

    async with finished(installation, files) as write:
        count = await write(tmp_path / "out")

    assert count == 3
    written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    assert written == {*files, "mine.txt"}
    assert (tmp_path / "out" / "public" / "i.bin").read_bytes() == b"\x00\xff"


async def test_a_file_is_never_written_outside_the_folder(
    installation: Settings, tmp_path: Path
) -> None:
    async with finished(installation, {"../escaped.txt": b"x"}) as write:
        with pytest.raises(UserError, match="outside"):
            await write(tmp_path / "out")

    assert not (tmp_path / "escaped.txt").exists()


async def test_a_folder_that_cannot_be_written_is_a_sentence(
    installation: Settings, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file stands in the way")

    async with finished(installation, {"a.txt": b"x"}) as write:
        with pytest.raises(UserError, match="cannot be written"):
            await write(tmp_path / "out")

"""Stored logs × each renderer: a log written once must read the same for ever.

After an intended change of a rendering, delete the expected files and run this twice: the first
run writes them and fails, so that the difference is looked at before it is committed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from agents.events import Event, Recorded
from agents.task_state import TaskState, fold, step
from agents.types import TaskStatus
from bot.render.lines import plain_lines
from bot.render.sse import encode
from bot.render.terminal import render_task
from tests.agents.test_task_state import KINDS

LOGS = Path(__file__).parent / "logs"
NAMES = sorted(path.stem for path in LOGS.glob("*.jsonl"))


def read(name: str) -> list[Recorded]:
    lines = (LOGS / f"{name}.jsonl").read_text().splitlines()
    return [Recorded.model_validate_json(line) for line in lines]


def as_sse(log: list[Recorded]) -> str:
    frames = (encode(recorded, files={"a.ts": "1"}) for recorded in log)
    return b"".join(frame for frame in frames if frame is not None).decode()


def as_lines(log: list[Recorded]) -> str:
    state = TaskState(log[0].task_id)
    told: list[str] = []
    for recorded in log:
        state = step(state, recorded)
        told += plain_lines(recorded, state)
    return "\n".join(told) + "\n"


def as_screen(log: list[Recorded]) -> str:
    console = Console(width=80, color_system=None, legacy_windows=False)
    with console.capture() as shown:
        console.print(render_task(fold(log[0].task_id, log), now=log[-1].at))
    return "\n".join(line.rstrip() for line in shown.get().splitlines()) + "\n"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("suffix", "render"), [("sse", as_sse), ("lines", as_lines), ("screen", as_screen)]
)
def test_a_stored_log_renders_as_it_did(
    name: str, suffix: str, render: Callable[[list[Recorded]], str]
) -> None:
    expected = LOGS / f"{name}.{suffix}"
    shown = render(read(name))
    if not expected.exists():
        expected.write_text(shown, newline="")
        pytest.fail(f"{expected.name} was missing and has been written: look at it")
    assert shown == expected.read_bytes().decode()


def test_the_logs_end_in_each_terminal_status() -> None:
    statuses = {fold(read(name)[0].task_id, read(name)).status for name in NAMES}
    assert statuses == {TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.CANCELLED}


def test_every_kind_of_event_is_in_a_stored_log() -> None:
    seen: set[type[Event]] = {type(r.event) for name in NAMES for r in read(name)}
    assert seen == set(KINDS)

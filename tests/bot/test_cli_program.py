"""The command line as a process of its own: signals, ports, exit statuses."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from agents import events as e
from agents.events import Recorded
from agents.types import Framework
from bot.cli.shell import Outcome

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program inherits: a fresh place for its things."""
    monkeypatch.setenv("ZAPDEV_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ZAPDEV_CACHE_DIR", str(tmp_path / "cache"))


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m bot …` with the installation's settings; never outlives the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(stream: IO[str] | None, word: str) -> list[str]:
    """Lines up to the first that holds `word`, or to the end."""
    assert stream is not None
    lines = []
    for line in stream:
        lines.append(line)
        if word in line:
            break
    return lines


@pytest.mark.parametrize("arguments", [["eval", "--framework"], ["templates", "prepare"]])
def test_a_framework_that_is_none_is_a_sentence_that_names_those_there_are(
    arguments: list[str],
) -> None:
    with program(*arguments, "django") as zap:
        _, err = zap.communicate(timeout=60)
    said = " ".join(err.replace("│", " ").split())
    assert zap.returncode == Outcome.USAGE
    assert "There is no framework called “django”." in said
    assert all(framework in said for framework in Framework)
    assert "Value error" not in said


def test_ctrl_c_once_stops_the_task_says_so_and_exits_130() -> None:
    with program("build", "A kanban board", "--json") as zap:
        before = read_until(zap.stdout, "task_started")
        zap.send_signal(signal.SIGINT)
        out, err = zap.communicate(timeout=60)

    last = Recorded.model_validate_json((before + out.splitlines())[-1])
    assert last.event == e.TaskCancelled(by="you")
    assert "Stopping the task." in err
    assert "Traceback" not in err
    assert zap.returncode == Outcome.STOPPED


def test_serving_on_a_taken_port_says_which_and_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with program("serve", "--port", str(port)) as zap:
            _, err = zap.communicate(timeout=60)

    assert zap.returncode == Outcome.USAGE
    assert f"127.0.0.1:{port} cannot be listened on" in err
    assert "make run PORT=9000" in err


def test_a_stop_signal_ends_serving_in_order() -> None:
    with program("serve", "--port", "0") as zap:
        ready = read_until(zap.stderr, "is ready")
        zap.send_signal(signal.SIGTERM)
        _, err = zap.communicate(timeout=60)

    assert "Zapdev is ready: http://127.0.0.1:" in ready[-1]
    assert "Stopping." in err
    assert "Traceback" not in err
    assert zap.returncode == Outcome.DONE

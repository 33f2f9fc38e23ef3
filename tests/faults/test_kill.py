"""kill -9 of the server in each stage: the next one ends the task once, and repeats nothing.

Model, sandbox, database and clients are the real ones, but for the half minute that a dead
server's lease still lasts: the database is told that it is over.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.models import FIXER, SELECTOR
from bot.render.sse import to_wire
from tests.fakes.openrouter import (
    FakeOpenRouter,
    Pause,
    Reply,
    Seen,
    files,
    text,
    tool_call,
)
from tests.fakes.quick_app import quick_app
from tests.fakes.server import Frame, Server, let_leases_expire, log_of, serving
from tests.fakes.waiting import until

PAGE = '<!doctype html><h1>Bikes</h1><script type="module" src="/src/main.ts"></script>\n'
APP = {**quick_app(), "index.html": PAGE, "src/main.ts": "console.log('bikes');\n"}
BROKEN = {**APP, "src/main.ts": "console.log('bikes;\n"}
NOTE = json.dumps({"command": "echo ran >> once.log"})
STALL = Pause(600)


class Model:
    """Answers by what the conversation holds; at one moment it stalls, the first time only.

    The moments: `select`, `note` (a command), `write` (the app), `close`, `mend`, `mended`,
    `summary`. `broken`: the app does not build before it is mended.
    """

    def __init__(self, stall_at: str, *, after: int, broken: bool) -> None:
        self.asked: Counter[str] = Counter()
        self._stall_at = stall_at
        self._after = after
        self._replies = {
            "select": text("react"),
            "note": tool_call("terminal", NOTE),
            "write": files(BROKEN if broken else APP, size=40),
            "close": text("All done. <task_summary>A page.</task_summary>"),
            "mend": files(APP),
            "mended": text("Mended."),
            "summary": text('{"title": "Bikes", "summary": "A page.", "suggestions": []}'),
        }

    def answer(self, seen: Seen) -> Reply:
        moment = _moment(seen)
        self.asked[moment] += 1
        reply = self._replies[moment]
        if moment == self._stall_at and self.asked[moment] == 1:
            return Reply([*reply.frames[: self._after], STALL])
        return reply


def _moment(seen: Seen) -> str:
    results = sum(message["role"] == "tool" for message in seen.body["messages"])
    if seen.body["model"] == SELECTOR.id:
        return "select"
    if not seen.tools:
        return "summary"
    if seen.body["model"] == FIXER.id:
        return ("mend", "mended")[results]
    return ("note", "write", "close")[results]


@dataclass(frozen=True)
class Stage:
    """Kill when this frame is seen; the model stalls so that nothing comes after it in time."""

    name: str
    kill_at: Callable[[Frame], bool]
    stall_at: str = ""
    after: int = 0
    broken: bool = False


def _enters(stage: str) -> Callable[[Frame], bool]:
    return lambda frame: frame.data.get("stage") == stage


def _finished(tool: str) -> Callable[[Frame], bool]:
    return lambda frame: frame.data.get("state") == "finished" and frame.data.get("name") == tool


STAGES = [
    Stage("framework", _enters("framework"), "select"),
    Stage("sandbox", lambda frame: frame.type == "framework", "note"),
    Stage("generating, while a file streams", lambda f: f.type == "file", "write", after=20),
    Stage("generating, after a tool", _finished("terminal"), "write"),
    Stage("validating", lambda f: f.data.get("message") == "Checking: build", "summary"),
    Stage("fixing", _enters("fixing"), "mend", broken=True),
    Stage("fixing, after a tool", _finished("createOrUpdateFiles"), "mended", broken=True),
    Stage("preview", _enters("preview"), "summary"),
    Stage("finishing", _enters("finishing"), "summary"),
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
async def test_a_task_whose_server_is_killed_ends_once_and_repeats_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    model = Model(stage.stall_at, after=stage.after, broken=stage.broken)
    async with FakeOpenRouter() as provider:
        provider.always(model.answer)
        settings = {"OPENROUTER_BASE_URL": provider.base_url}
        async with serving(data_dir, **settings) as first:
            started = await first.start("A page about bikes")
            before = await _follow_and_kill(first, started.task_id, stage)
            await until(lambda: first.processes() == [])
        asked = model.asked.copy()
        let_leases_expire(data_dir)
        async with serving(data_dir, **settings) as second:
            after = await second.follow(started.task_id, before[-1].seq)
            await until(lambda: first.boxes() == [])
            assert second.complaints == []
    assert after[-1].type == "complete", after[-1].data
    assert after[-1].data["files"]["once.log"] == "ran\n"
    assert after[-1].data["files"]["src/main.ts"] == APP["src/main.ts"]
    await _assert_no_gap_and_one_end(data_dir, started.task_id, [*before, *after])
    _assert_nothing_finished_was_asked_again(model, asked, stage)


async def _follow_and_kill(server: Server, task_id: str, stage: Stage) -> list[Frame]:
    """What a client has seen until its server was gone."""
    seen: list[Frame] = []
    stream = server.frames(task_id)
    async for frame in stream:
        seen.append(frame)
        if stage.kill_at(frame) and not _was_in(seen[:-1], stage):
            await server.kill()
    assert not seen[-1].is_terminal, "the task was over before the server was killed"
    return seen


def _was_in(seen: list[Frame], stage: Stage) -> bool:
    return any(stage.kill_at(frame) for frame in seen)


async def _assert_no_gap_and_one_end(data_dir: Path, task_id: str, seen: list[Frame]) -> None:
    log = await log_of(data_dir, task_id)
    assert [recorded.seq for recorded in log] == list(range(1, len(log) + 1))
    assert [recorded.is_terminal for recorded in log].count(True) == 1
    assert log[-1].is_terminal
    wired = [(recorded.seq, to_wire(recorded)) for recorded in log]
    assert [frame.seq for frame in seen] == [seq for seq, wire in wired if wire is not None]
    ended = [recorded.event.call_id for recorded in log if recorded.event.kind == "tool_finished"]
    assert len(ended) == len(set(ended))


def _assert_nothing_finished_was_asked_again(
    model: Model, asked: Counter[str], stage: Stage
) -> None:
    """Only the moment that was cut short is asked for again, and what is not on the log."""
    again = {moment for moment in asked if model.asked[moment] > asked[moment]}
    assert again <= {stage.stall_at, "summary", "mend"}
    assert max(model.asked.values()) <= 2

"""kill -9 of the server in each stage: the next one ends each task once, and repeats nothing.

Model, sandbox, database and clients are the real ones, but for the half minute that a dead
server's lease still lasts: the database is told that it is over.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.background import Background
from agents.events import Recorded, ToolFinished
from agents.models import FIXER, SELECTOR
from bot.render.sse import to_wire
from tests.fakes.openrouter import FakeOpenRouter, Pause, Reply, Seen, files, text, tool_call
from tests.fakes.quick_app import quick_app
from tests.fakes.server import Frame, Server, Started, let_leases_expire, log_of, serving
from tests.fakes.waiting import until

NAME = re.compile(r"harbour-\d")
PAGE = '<!doctype html><h1>Boats</h1><script type="module" src="/src/main.ts"></script>\n'
NOTE = json.dumps({"command": "echo ran >> once.log"})
STALL = Pause(600)


@dataclass(frozen=True)
class Stage:
    """One task is at `reached` when the server is killed; its model stalls at that moment.

    The moments of a model: `select`, `note` (a command), `write` (the app), `close`, `mend`,
    `mended`, `summary`. `after` frames of the reply come before it stalls. `broken`: the app does
    not build until it is mended.
    """

    title: str
    reached: Callable[[list[Frame]], bool]
    stall_at: str = ""
    after: int = 0
    broken: bool = False


def _saw(**data: str) -> Callable[[list[Frame]], bool]:
    """Whether the newest frame holds this."""
    return lambda seen: seen[-1].data.items() >= data.items()


def _finished(tools: int) -> Callable[[list[Frame]], bool]:
    """Whether so many tool calls have finished."""
    return lambda seen: sum(f.data.get("state") == "finished" for f in seen) == tools


HELD_BY_THE_MODEL = [
    Stage("framework", _saw(stage="framework"), "select"),
    Stage("generating, while files stream", _saw(type="file"), "write", after=8),
    Stage("generating, after a tool", _finished(1), "write"),
    Stage("fixing", _saw(stage="fixing"), "mend", broken=True),
    Stage("fixing, after a tool", _finished(3), "mended", broken=True),
    Stage("finishing", _saw(stage="finishing"), "summary"),
]
ROUNDS = [
    [*HELD_BY_THE_MODEL, Stage("validating", _saw(message="Checking: build"), "summary")],
    [Stage("sandbox", _saw(type="framework"), "note")],
    [Stage("preview", _saw(stage="preview"), "summary")],
]
"""The last one of a round passes quickly: it is begun when the others are held."""


class Model:
    """Answers one task by what its conversation holds; it stalls the first time only."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.asked: Counter[str] = Counter()
        self.app = {**quick_app(), "index.html": PAGE, "src/main.ts": f"console.log('{name}');\n"}
        broken = {**self.app, "src/main.ts": f"console.log('{name};\n"}
        self._stage = stage
        self._replies = {
            "select": text("react"),
            "note": tool_call("terminal", NOTE),
            "write": files(broken if stage.broken else self.app, size=40),
            "close": text("All done. <task_summary>A page.</task_summary>"),
            "mend": files(self.app),
            "mended": text("Mended."),
            "summary": text('{"title": "Boats", "summary": "A page.", "suggestions": []}'),
        }

    def answer(self, seen: Seen) -> Reply:
        moment = _moment(seen)
        self.asked[moment] += 1
        reply = self._replies[moment]
        if moment == self._stage.stall_at and self.asked[moment] == 1:
            return Reply([*reply.frames[: self._stage.after], STALL])
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


@dataclass
class Watched:
    """A task, its model, and what its one client has seen over both servers."""

    stage: Stage
    model: Model
    started: Started
    seen: list[Frame] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    asked: Counter[str] = field(default_factory=Counter)

    async def follow(self, server: Server) -> None:
        """Read on from the last frame seen, as a browser does, until the server has gone."""
        after = self.seen[-1].seq if self.seen else 0
        async for frame in server.frames(self.started.task_id, after):
            self.seen.append(frame)
            if self.stage.reached(self.seen):
                self.reached.set()


@pytest.mark.parametrize("stages", ROUNDS, ids=lambda stages: stages[-1].title)
async def test_tasks_whose_server_is_killed_end_once_and_repeat_nothing(
    stages: list[Stage], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    models = {f"harbour-{at}": Model(stage, f"harbour-{at}") for at, stage in enumerate(stages)}
    async with FakeOpenRouter() as provider:
        provider.always(lambda seen: models[_name_in(seen)].answer(seen))
        settings = {"OPENROUTER_BASE_URL": provider.base_url, "ZAPDEV_WORKERS": str(len(stages))}
        async with serving(data_dir, **settings) as first:
            tasks = await _bring_to_their_stages(first, stages, models)
            await until(lambda: first.processes() == [])
        let_leases_expire(data_dir)
        async with serving(data_dir, **settings) as second:
            await asyncio.gather(*(task.follow(second) for task in tasks))
            await until(lambda: first.boxes() == [])
            assert second.complaints == []
    for task in tasks:
        _assert_ended_well(task, await log_of(data_dir, task.started.task_id))


def _name_in(seen: Seen) -> str:
    [name] = set(NAME.findall(str(seen.body["messages"])))
    return str(name)


async def _bring_to_their_stages(
    server: Server, stages: list[Stage], models: dict[str, Model]
) -> list[Watched]:
    """Start the tasks, the last one when the others are where they belong; then kill -9."""
    tasks: list[Watched] = []
    clients = Background()
    reading = []
    for stage, (name, model) in zip(stages, models.items(), strict=True):
        if stage is stages[-1]:
            await asyncio.gather(*(task.reached.wait() for task in tasks))
        task = Watched(stage, model, await server.start(f"A page about {name}"))
        tasks.append(task)
        reading.append(clients.start(task.follow(server), name=name))
    await tasks[-1].reached.wait()
    await server.kill()
    await asyncio.gather(*reading)
    for task in tasks:
        assert not task.seen[-1].is_terminal, f"{task.stage.title}: it was over before the kill"
        task.asked = task.model.asked.copy()
    return tasks


def _assert_ended_well(task: Watched, log: list[Recorded]) -> None:
    title, last = task.stage.title, task.seen[-1]
    assert last.type == "complete", (title, last.data)
    assert last.data["files"]["once.log"] == "ran\n", title
    assert last.data["files"].items() >= task.model.app.items(), title
    assert [recorded.seq for recorded in log] == list(range(1, len(log) + 1)), title
    assert [recorded.is_terminal for recorded in log].count(True) == 1, title
    shown = [recorded.seq for recorded in log if to_wire(recorded) is not None]
    assert [frame.seq for frame in task.seen] == shown, title
    ended = [r.event.call_id for r in log if isinstance(r.event, ToolFinished)]
    assert len(ended) == len(set(ended)), title
    again = {moment for moment in task.asked if task.model.asked[moment] > task.asked[moment]}
    assert again <= {task.stage.stall_at, "summary"}, title
    assert max(task.model.asked.values()) <= 2, title

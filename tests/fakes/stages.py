"""Tasks on their way: each is brought to a stage of its run and held there by its model.

models = models_of(stages)
provider.always(answer_from(models))
tasks = await bring_to_their_stages(server, stages, models)
...                                # take away what runs them
for task in tasks:
    task.interrupted()
...                                # let another one end them
for task in tasks:
    check_ended_well(task, await server.recorded(task.started.task_id))
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.background import Background
from agents.events import Recorded, ToolFinished
from agents.models import FIXER, SELECTOR
from bot.render.sse import to_wire
from tests.fakes.openrouter import Pause, Reply, Seen, files, text, tool_call
from tests.fakes.quick_app import quick_app
from tests.fakes.server import Frame, Server, Started

NAME = re.compile(r"harbour-\d")
PAGE = '<!doctype html><h1>Boats</h1><script type="module" src="/src/main.ts"></script>\n'
NOTE = json.dumps({"command": "echo ran >> once.log"})
STALL = Pause(600)


@dataclass(frozen=True)
class Stage:
    """One task has `reached` it when what runs the task goes; its model stalls at that moment.

    The moments of a model: `select`, `note` (a command), `write` (the app), `close`, `mend`,
    `mended`, `summary`. `after` frames of the reply come before it stalls. `broken`: the app does
    not build until it is mended.
    """

    title: str
    reached: Callable[[list[Frame]], bool]
    stall_at: str = ""
    after: int = 0
    broken: bool = False


def saw(**data: str) -> Callable[[list[Frame]], bool]:
    """Whether the newest frame holds this."""
    return lambda seen: seen[-1].data.items() >= data.items()


def finished(tools: int) -> Callable[[list[Frame]], bool]:
    """Whether so many tool calls have finished."""
    return lambda seen: sum(f.data.get("state") == "finished" for f in seen) == tools


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


def models_of(stages: Sequence[Stage]) -> dict[str, Model]:
    """A model for each stage's task, by the name that its prompt will hold."""
    return {f"harbour-{at}": Model(stage, f"harbour-{at}") for at, stage in enumerate(stages)}


def answer_from(models: Mapping[str, Model]) -> Callable[[Seen], Reply]:
    """What a provider answers: the model decides whose task it is."""
    return lambda seen: models[_name_in(seen)].answer(seen)


def _name_in(seen: Seen) -> str:
    [name] = set(NAME.findall(str(seen.body["messages"])))
    return str(name)


@dataclass
class Watched:
    """A task, its model, and what its one client has seen, over however many servers."""

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

    def interrupted(self) -> None:
        """What ran it has gone; it was not over by then."""
        assert not self.seen[-1].is_terminal, f"{self.stage.title}: it was over before"
        self.asked = self.model.asked.copy()


async def bring_to_their_stages(
    server: Server, stages: Sequence[Stage], models: Mapping[str, Model]
) -> tuple[list[Watched], list[asyncio.Task[None]]]:
    """Start the tasks, the last one when the others are where they belong.

    Answers them and their clients, which read on.
    """
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
    return tasks, reading


def check_ended_well(task: Watched, log: Sequence[Recorded]) -> None:
    """It was completed once, its client saw each event once, and what was done was not redone."""
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

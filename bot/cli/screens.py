"""How a task is shown: redrawn in place on a terminal, line by line elsewhere, or as JSON."""

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from agents.background import Background
from agents.events import Recorded
from agents.ports import Clock
from agents.task_state import TaskState, step
from agents.types import TaskId
from bot.render.lines import plain_lines
from bot.render.terminal import render_task

_REDRAW_S = 0.25


class Screen(AbstractContextManager["Screen"], Protocol):
    """Shows a task while it is entered."""

    def show(self, recorded: Recorded, state: TaskState) -> None:
        """One more event; `state` is the one after it."""
        ...

    def tick(self, state: TaskState) -> None:
        """Time went by."""
        ...


class LiveScreen:
    """Implements `Screen` on a terminal; the last picture stays."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._clock = clock
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, recorded: Recorded, state: TaskState) -> None:
        if recorded.is_terminal:
            self.tick(state)

    def tick(self, state: TaskState) -> None:
        self._live.update(render_task(state, now=self._clock.now()), refresh=True)


class LineScreen:
    """Implements `Screen` for pipes and CI logs, and with `json` for programs."""

    def __init__(self, *, json: bool) -> None:
        self._json = json

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.stdout.flush()

    def show(self, recorded: Recorded, state: TaskState) -> None:
        lines = [recorded.model_dump_json()] if self._json else plain_lines(recorded, state)
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def tick(self, state: TaskState) -> None:
        """Lines tell what happened, not that time went by."""


def choose_screen(clock: Clock, *, json: bool) -> Screen:
    """The live view on a terminal that can show it, else lines."""
    console = Console()
    if json or not is_live(console):
        return LineScreen(json=json)
    return LiveScreen(console, clock)


def is_live(console: Console) -> bool:
    """Whether pictures can be redrawn there; `TERM=dumb` and plain ASCII terminals cannot."""
    return console.is_terminal and not console.is_dumb_terminal and console.encoding[:3] == "utf"


async def show_task(
    task_id: TaskId, batches: AsyncIterator[list[Recorded]], screen: Screen, clock: Clock
) -> TaskState:
    """Follow a log to its end on a screen; answers the last state."""
    state = TaskState(task_id)
    background = Background()

    async def keep_time() -> None:
        while True:
            await clock.sleep(_REDRAW_S)
            screen.tick(state)

    with screen:
        background.spawn(keep_time(), name="screen")
        try:
            async for batch in batches:
                for recorded in batch:
                    state = step(state, recorded)
                    screen.show(recorded, state)
        finally:
            await background.stop()
    return state

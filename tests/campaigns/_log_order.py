"""Whether a log can have been written by one worker at a time, each from its start on."""

from collections.abc import Iterable

from agents.events import (
    Event,
    Recorded,
    TaskStarted,
    TextStreamed,
    TextVoided,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)


def misplaced(log: Iterable[Recorded]) -> list[str]:
    """The events that cannot stand where they are: text outside a turn, a turn in a turn, …"""
    order = _Order()
    return [
        f"{recorded.seq} {recorded.event.kind}"
        for recorded in log
        if not order.fits(recorded.event)
    ]


class _Order:
    """The open turn and the running tool of the worker that writes now."""

    def __init__(self) -> None:
        self._turn: int | None = None
        self._tool: str | None = None

    def fits(self, event: Event) -> bool:
        """Whether it may come next; then it has."""
        in_turn, in_tool = self._turn is not None, self._tool is not None
        match event:
            case TaskStarted():
                self._turn = self._tool = None
            case TurnStarted(step=step):
                self._turn = step
                return not in_turn and not in_tool
            case TextStreamed() | TextVoided():
                return in_turn
            case TurnFinished(step=step):
                fits = self._turn == step
                self._turn = None
                return fits
            case ToolStarted(call_id=call_id):
                self._tool = call_id
                return not in_turn and not in_tool
            case ToolFinished(call_id=call_id):
                fits = self._tool == call_id
                self._tool = None
                return fits
            case _:
                pass
        return True

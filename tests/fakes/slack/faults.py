"""What goes wrong by script: errors, delays, cut connections, lost answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["error", "delay", "cut", "lost", "hold"]


@dataclass(eq=False)
class Hold:
    """Calls that wait for the test."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as one waits."""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.released.set()


@dataclass(eq=False)
class Fault:
    kind: Kind
    method: str
    """`*` for every method."""
    times: int | None = 1
    """How many calls it befalls; None: every one until `clear_faults`."""
    team: str | None = None
    channel: str | None = None
    error: str = ""
    status: int = 200
    retry_after: float | None = None
    extra: Mapping[str, Any] | None = None
    seconds: float = 0.0
    hold: Hold | None = None

    def befalls(self, method: str, team: str | None, channel: str | None) -> bool:
        return (
            self.method in (method, "*")
            and self.times != 0
            and self.team in (None, team)
            and self.channel in (None, channel)
        )


class Faults:
    """The scripts, in the order they were written: each call takes the first that fits it.

    A delay or a hold comes on top: the same call may then also fail.
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        for fault in self._faults:
            if fault.hold is not None:
                fault.hold.release()
        self._faults.clear()

    def take(self, method: str, team: str | None, channel: str | None) -> list[Fault]:
        """Waits first, then at most one thing that goes wrong."""
        fits = [f for f in self._faults if f.befalls(method, team, channel)]
        waits = [f for f in fits if f.kind in ("delay", "hold")]
        wrong = [f for f in fits if f.kind not in ("delay", "hold")][:1]
        for fault in (*waits, *wrong):
            if fault.times is not None:
                fault.times -= 1
        return [*waits, *wrong]

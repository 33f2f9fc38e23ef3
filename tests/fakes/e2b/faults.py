"""What a test wants to go wrong: where, how, how often, and for which request.

    e2b.faults.at("create", Status(429, "slow down", retry_after_s=1), times=2)
    e2b.faults.at("start", DIE, when="npm install")

Stages: `create`, `connect`, `kill`, `timeout`, `pause`, `network`, `info`, `list` (control
plane); `start` and `running` (before and after a command began), `signal`, `upload`, `download`,
`health` (inside a sandbox).
"""

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from aiohttp import web

from tests.fakes.e2b.wire import refusal


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with this instead."""

    code: int
    message: str = "scripted"
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Slow:
    """Go on after this long."""

    seconds: float


class Doing(Enum):
    """Faults without a parameter."""

    HANG = "no answer until the stand-in is closed"
    CUT = "the connection breaks"
    DIE = "the sandbox is killed first"
    LOSE_FILES = "a resumed sandbox comes back as its template made it"


HANG: Final = Doing.HANG
CUT: Final = Doing.CUT
DIE: Final = Doing.DIE
LOSE_FILES: Final = Doing.LOSE_FILES

Act = Status | Slow | Doing


@dataclass(slots=True)
class _Fault:
    stage: str
    act: Act
    left: int
    when: str


@dataclass(slots=True)
class Faults:
    """The script; each entry is used up by the requests it meets."""

    released: asyncio.Event = field(default_factory=asyncio.Event)
    _script: list[_Fault] = field(default_factory=list)

    def at(self, stage: str, act: Act, *, times: int = 1, when: str = "") -> None:
        """Let the next `times` requests of this stage whose text holds `when` meet it."""
        self._script.append(_Fault(stage, act, times, when))

    @property
    def unmet(self) -> int:
        """How many faults are still to come."""
        return sum(fault.left for fault in self._script)

    def clear(self) -> None:
        self._script.clear()

    def take(self, stage: str, text: str = "") -> Act | None:
        """What happens to this request, if anything."""
        for fault in self._script:
            if fault.stage == stage and fault.left > 0 and fault.when in text:
                fault.left -= 1
                return fault.act
        return None

    async def meet(self, request: web.Request, act: Act | None) -> web.StreamResponse | None:
        """Do what needs no sandbox; an answer here is the answer."""
        match act:
            case Status():
                return refusal(act.code, act.message, retry_after_s=act.retry_after_s)
            case Slow():
                await asyncio.sleep(act.seconds)
            case Doing.HANG:
                await self.released.wait()
                return refusal(503, "closing")
            case Doing.CUT:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            case _:
                pass
        return None

"""Sandboxes in memory whose commands have effects that can be counted afterwards.

`echo WORD >> FILE` appends to that file of the sandbox, as a shell would, and to the ledger: a file
that all processes of a campaign share. Every other command only takes its time.
"""

import asyncio
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from agents.ports import CommandResult, Page
from agents.system import SystemClock
from agents.testing import InMemorySandbox, InMemorySandboxProvider
from agents.types import Framework, SandboxId, TaskId

CHECK_S = 0.4
COMMAND_S = 0.3
PREVIEW_S = 0.4

_APPEND = re.compile(r"echo (\S+) >> (\S+)")


@dataclass(frozen=True, slots=True)
class Effect:
    """A command that ran: `at` is in seconds since 1970, taken before anything was told of it."""

    task_id: str
    word: str
    pid: int
    at: float


class Ledger:
    """One line per effect; whole lines, whoever else writes and is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, effect: Effect) -> None:
        line = json.dumps([effect.task_id, effect.word, effect.pid, effect.at]) + "\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def read(self) -> list[Effect]:
        """Everything noted so far, in order."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [Effect(*json.loads(line)) for line in lines]


class CountedSandboxes(InMemorySandboxProvider):
    """Implements `SandboxProvider`; knows for which task each sandbox was made."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(on_command=self._run)
        self._ledger = ledger
        self._clock = SystemClock()
        self._tasks: dict[SandboxId, TaskId] = {}

    @override
    async def create(self, framework: Framework, *, task_id: TaskId) -> InMemorySandbox:
        sandbox = await super().create(framework, task_id=task_id)
        self._tasks[sandbox.id] = task_id
        return sandbox

    async def _run(self, sandbox: InMemorySandbox, command: str) -> CommandResult:
        append = _APPEND.fullmatch(command)
        if append is None:
            await asyncio.sleep(CHECK_S)
            return CommandResult(0, "", CHECK_S)
        word, path = append.groups()
        await asyncio.sleep(COMMAND_S / 2)
        at = self._clock.now().timestamp()
        self._ledger.note(Effect(self._tasks[sandbox.id], word, os.getpid(), at))
        sandbox.files[path] = sandbox.files.get(path, b"") + f"{word}\n".encode()
        await asyncio.sleep(COMMAND_S / 2)
        return CommandResult(0, "", COMMAND_S)


class UnhurriedPage:
    """Implements `PageFetcher`: a good page, after a moment."""

    async def get(self, url: str, *, timeout_s: float) -> Page | None:
        await asyncio.sleep(PREVIEW_S)
        return Page(200, "<title>Boats</title><h1>Boats</h1>", "text/html")


def command_for(word: str, path: str) -> str:
    """The command that has this effect."""
    return f"echo {word} >> {path}"


def content_of(words: Sequence[str]) -> str:
    """What the file holds when each of these took effect once."""
    return "".join(f"{word}\n" for word in words)

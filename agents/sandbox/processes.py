"""Starting a command behind a wall, reading what it prints, and ending all of it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from agents.background import Background
from agents.sandbox.isolation import Launch, guarded
from agents.sandbox.output import new_decoder

_CHUNK = 64 * 1024
_DYING_S = 5.0
"""What is killed still needs its turn on a processor to die, and builds are the last in the row."""

_LAST_WORDS_S = 1.0
"""How long the output of what has ended is read on: a child that was left behind may hold it."""

_LOOK_S = 0.01
_DELETE = 'rm -rf -- "$1" 2>/dev/null || { chmod -R u+rwX -- "$1"; rm -rf -- "$1"; }'


class Program:
    """A running command and everything it started."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: int | None) -> None:
        self._process = process
        self._lifeline = lifeline
        self._background = Background()
        self._last = Background()
        self._killing: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ended = self._background.start(self._wait(), name="program")

    @classmethod
    async def start(cls, launch: Launch, on_text: Callable[[str], None]) -> "Program":
        """Start it; what it prints, stdout and stderr as they come, goes to `on_text`.

        Cancelled meanwhile, it is ended again first, whole: what is half started is not known yet.
        """
        background = Background()
        task = background.start(cls._start(launch, on_text), name="start program")
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            ending = background.start(_end(task), name="end program")
            await asyncio.shield(ending)
            raise

    @classmethod
    async def _start(cls, launch: Launch, on_text: Callable[[str], None]) -> "Program":
        source, sink = os.pipe()
        inlet, lifeline = os.pipe() if launch.guarded else (os.open(os.devnull, os.O_RDONLY), None)
        try:
            process = await asyncio.create_subprocess_exec(
                *launch.argv,
                env=launch.env,
                cwd=launch.cwd,
                stdin=inlet,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        except BaseException:
            os.close(source)
            if lifeline is not None:
                os.close(lifeline)
            raise
        finally:
            os.close(sink)
            os.close(inlet)
        program = cls(process, lifeline)
        program._reading = program._background.start(_read(source, on_text), name="program output")
        return program

    @property
    def exit_code(self) -> int | None:
        """The exit status as a shell gives it, or None while it runs."""
        code = self._process.returncode
        return 128 - code if code is not None and code < 0 else code

    async def finished(self) -> int:
        """Wait until it has ended and all output is read. Raises what `on_text` raised."""
        await asyncio.shield(self._ended)
        if self._reading is not None:
            done, _ = await asyncio.wait([self._reading], timeout=_LAST_WORDS_S)
            for reading in done:
                reading.result()
        return self.exit_code or 0

    async def kill(self) -> None:
        """End it and everything it started; returns when it is gone. Twice is fine.

        Cancelling the wait does not stop the killing.
        """
        if self._killing is None:
            self._killing = self._last.start(self._kill(), name="kill")
        await asyncio.shield(self._killing)

    async def _kill(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        elif self._process.returncode is None:
            await self._kill_first()
        await asyncio.wait([self._ended], timeout=_DYING_S)
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await asyncio.wait([self._ended], timeout=_DYING_S)
        await asyncio.wait([task for task in [self._reading] if task], timeout=_DYING_S)
        await self._background.stop()

    async def _kill_first(self) -> None:
        """Kill the first process of the namespace.

        When it is gone, all of them are, and only then does bubblewrap itself end. Bubblewrap
        killed while it is starting could leave it behind, so it is waited for.
        """
        rounds = int(_DYING_S / _LOOK_S)
        while not (found := _children(self._process.pid)) and not self._ended.done() and rounds:
            await asyncio.wait([self._ended], timeout=_LOOK_S)
            rounds -= 1
        for pid in found or [self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def _wait(self) -> None:
        await self._process.wait()


async def _end(starting: "asyncio.Task[Program]") -> None:
    await asyncio.wait({starting})
    if not starting.cancelled() and starting.exception() is None:
        await starting.result().kill()


async def delete_folder(folder: Path) -> None:
    """Delete a folder whatever hostile code has made of it: deep, locked or full of links.

    Deleting 10,000 files can take long on a busy disk; cancelling stops it there.
    """
    argv = guarded(folder, ["bash", "-c", _DELETE, "delete", str(folder)])
    program = await Program.start(Launch(argv, {}, Path("/"), guarded=True), lambda _: None)
    try:
        await program.finished()
    finally:
        await program.kill()


async def _read(source: int, on_text: Callable[[str], None]) -> None:
    """Pass on what comes out of the pipe until its last holder is gone."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_CHUNK)
    decoder = new_decoder()
    with os.fdopen(source, "rb", buffering=0) as pipe:
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            while data := await reader.read(_CHUNK):
                on_text(decoder.decode(data))
            on_text(decoder.decode(b"", final=True))
        finally:
            transport.close()


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []

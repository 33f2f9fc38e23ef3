"""The processes of a campaign: started, killed or frozen without warning, replaced, ended with it."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents.background import Background
from tests.campaigns._light_process import Surroundings
from tests.fakes.server import ROOT

START_S = 60.0
STOP_S = 20.0


class ProcessEnded(Exception):
    """A process ended that nobody had killed."""


@dataclass(frozen=True, slots=True)
class Helper:
    """A running process; `id` is a worker's id or a sidecar's address."""

    process: asyncio.subprocess.Process
    id: str
    log: Path


@dataclass(slots=True)
class Crew:
    """Who works on a store right now. A worker that is being replaced is not in `workers`."""

    surroundings: Surroundings
    folder: Path
    workers: list[Helper] = field(default_factory=list)
    sidecars: list[Helper] = field(default_factory=list)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    failure: ProcessEnded | None = None
    background: Background = field(default_factory=Background)

    async def start(self, role: str) -> Helper:
        """A new process of this role, once it is ready."""
        log = self.folder / f"{role}-{len(self.processes) + 1}.log"
        log.touch()
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.campaigns._light_process", role),
                self.surroundings.dump(),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        self.processes.append(process)
        self.background.spawn(self._watch(process, log), name="watch")
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
        if not line:
            raise ProcessEnded(f"a {role} did not start:\n{log.read_text()[-2_000:]}")
        hello = json.loads(line)
        helper = Helper(process, hello.get("worker_id") or hello["url"], log)
        (self.sidecars if role == "sidecar" else self.workers).append(helper)
        return helper

    async def kill(self, worker: Helper) -> None:
        """`kill -9`; one that worked is replaced at once, as a supervisor does."""
        if worker in self.workers:
            self.workers.remove(worker)
            self.background.spawn(self._replace(), name="replace")
        worker.process.kill()
        await worker.process.wait()

    async def freeze(self, worker: Helper) -> None:
        """It stands still and says nothing, so it is replaced as if it were dead.

        Only not inside a transaction: on one database file that would freeze everybody.
        """
        self.workers.remove(worker)
        worker.process.send_signal(signal.SIGSTOP)
        while not await asyncio.to_thread(self.surroundings.place.can_write):
            worker.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.01)
            worker.process.send_signal(signal.SIGSTOP)
        self.background.spawn(self._replace(), name="replace")

    def thaw(self, worker: Helper) -> None:
        """It goes on where it was, and knows of nothing."""
        worker.process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """End every process, gracefully where it listens."""
        self.workers, self.sidecars = [], []
        await self.background.stop()
        await asyncio.gather(*(_end(process) for process in self.processes))

    def complaints(self) -> list[str]:
        """What the processes logged as errors."""
        lines = [line for log in self.folder.glob("*.log") for line in log.read_text().splitlines()]
        return [line for line in lines if '"level": "error"' in line or "Traceback" in line]

    async def _replace(self) -> None:
        try:
            await self.start("worker")
        except (ProcessEnded, TimeoutError) as error:
            self.failure = ProcessEnded(f"no new worker: {error}")

    async def _watch(self, process: asyncio.subprocess.Process, log: Path) -> None:
        status = await process.wait()
        if any(helper.process is process for helper in (*self.workers, *self.sidecars)):
            said = log.read_text()[-2_000:]
            self.failure = ProcessEnded(f"{log.stem} ended with status {status}:\n{said}")


@asynccontextmanager
async def crew(
    surroundings: Surroundings, folder: Path, *, workers: int, sidecars: int
) -> AsyncIterator[Crew]:
    """So many processes over one store; none outlives the context."""
    crew = Crew(surroundings, folder)
    roles = ["worker"] * workers + ["sidecar"] * sidecars
    try:
        await asyncio.gather(*(crew.start(role) for role in roles))
        yield crew
    finally:
        await crew.stop()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    assert process.stdin is not None
    process.send_signal(signal.SIGCONT)
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

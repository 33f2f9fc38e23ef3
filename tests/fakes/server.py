"""The real program as a process of its own: `zapdev serve` on a free loopback port.

    async with serving(tmp_path) as server:
        started = await server.start("A kanban board", framework="react")
        frames = await server.follow(started.task_id)

The same folder served again is the same installation after a restart. Whatever happens, no
process outlives the context.
"""

import asyncio
import io
import json
import os
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from agents.background import Background
from agents.events import Recorded
from agents.system import RandomIds, SystemClock
from agents.types import TaskId
from bot.adapters import DATABASE
from bot.config import variables
from bot.render.sse import Decoder
from bot.store.convex import ConvexStore
from bot.store.convex_token import ServiceKey
from bot.store.port import Store
from bot.store.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Zapdev is ready(?:: (\S+)|; it serves no page\.)")
START_S = 60.0
STOP_S = 20.0
SILENCE_S = 120.0
_PROC = Path("/proc")
_SHARED = Path(f"/var/tmp/zapdev-{os.geteuid()}/sandboxes")  # noqa: S108 - where a root's apps live


@dataclass(frozen=True, slots=True)
class Frame:
    """One SSE frame as a client sees it."""

    seq: int
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.data["type"])

    @property
    def is_terminal(self) -> bool:
        return self.type in ("complete", "error", "cancelled")


@dataclass(frozen=True, slots=True)
class Started:
    """What the server says about a task it has accepted."""

    task_id: str
    project_id: str


class Server:
    """A running server; made by `serving`."""

    def __init__(
        self, process: asyncio.subprocess.Process, url: str, place: "Place", log: list[str]
    ) -> None:
        self._process = process
        self._place = place
        self.url = url
        self.data_dir = place.data_dir
        self.log = log
        self.http = aiohttp.ClientSession(
            url or None, timeout=aiohttp.ClientTimeout(total=None, sock_read=SILENCE_S)
        )

    # --- what a client does --------------------------------------------------------------

    async def start(self, prompt: str, **body: Any) -> Started:
        """Start a task without following it."""
        request = self.http.post(
            "/api/generate",
            json={"prompt": prompt, **body},
            headers={"Accept": "application/json"},
        )
        async with request as answer:
            assert answer.status == 202, await answer.text()
            accepted = await answer.json()
        return Started(accepted["taskId"], accepted["projectId"])

    async def generate(self, prompt: str, **body: Any) -> list[Frame]:
        """Start a task as curl does, and read its stream to the end."""
        async with self.http.post("/api/generate", json={"prompt": prompt, **body}) as answer:
            assert answer.status == 200, await answer.text()
            return [frame async for frame in frames(answer)]

    async def frames(self, task_id: str, after: int = 0) -> AsyncIterator[Frame]:
        """Follow a task from behind a seq; ends with the task, or when the server has gone."""
        headers = {"Last-Event-ID": str(after)} if after else {}
        url = f"/api/stream-progress?taskId={task_id}"
        async with self.http.get(url, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            async for frame in frames(answer):
                yield frame

    async def follow(self, task_id: str, after: int = 0) -> list[Frame]:
        """Every frame behind a seq, to the end of the task."""
        return [frame async for frame in self.frames(task_id, after)]

    async def get(self, path: str) -> Any:
        """A JSON answer that must be 200."""
        async with self.http.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def download(self, path: str) -> bytes:
        """An answer's bytes; it must be 200."""
        async with self.http.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of a POST; text and bytes are sent as they are."""
        raw = body.encode() if isinstance(body, str) else body
        if not isinstance(raw, bytes):
            raw = json.dumps({} if raw is None else raw).encode()
        headers = {"Content-Type": "application/json"}
        async with self.http.post(path, data=io.BytesIO(raw), headers=headers) as answer:
            return answer.status, await answer.json()

    # --- what only somebody on this machine can do ---------------------------------------

    @property
    def pid(self) -> int:
        return self._process.pid

    async def recorded(self, task_id: str) -> list[Recorded]:
        """A task's log as the store holds it."""
        return await self._place.recorded(task_id)

    async def kill(self) -> None:
        """`kill -9` of the server alone; what it had started has to die by itself."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, as Ctrl-C does it; answers the exit status."""
        self._process.terminate()
        async with asyncio.timeout(STOP_S):
            return await self._process.wait()

    def processes(self, sandbox_id: str = "") -> list[int]:
        """Every process that this server has started for this sandbox, or for any.

        Outside the wall the command line names the sandbox's folder; behind it, the mounts do.
        What only deletes a closed sandbox's folder does not count.
        """
        owner = f"/owners/{self.pid}-[0-9a-f]+/".encode()
        name = (sandbox_id or "sbx").encode()
        looks = {"cmdline": owner + name, "mountinfo": owner + b"(trash-)?" + name}
        return [int(entry.name) for entry in _PROC.glob("[0-9]*") if _mentions(entry, looks)]

    def boxes(self) -> list[Path]:
        """The folders of this server's sandboxes, those that wait for deletion included."""
        places = (self.data_dir / "sandboxes", _SHARED)
        return [b for p in places for b in p.glob(f"owners/{self.pid}-*/*") if b.is_dir()]

    def app(self, sandbox_id: str) -> Path:
        """The folder of the app in a living sandbox."""
        [box] = [box for box in self.boxes() if box.name == sandbox_id]
        return box / "app"

    @property
    def complaints(self) -> list[str]:
        """What the server logged as an error."""
        return [line for line in self.log if '"level": "error"' in line or "Traceback" in line]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server keeps its state: in its folder, unless its settings name a Convex."""

    data_dir: Path
    settings: Mapping[str, str]

    async def recorded(self, task_id: str) -> list[Recorded]:
        store = await self.open_store()
        try:
            return await store.read(TaskId(task_id), limit=100_000)
        finally:
            await store.close()

    async def open_store(self) -> Store:
        """The same state, for a process beside the server."""
        clock, ids = SystemClock(), RandomIds()
        url = self.settings.get("CONVEX_URL")
        if url is None:
            return await SqliteStore.open(self.data_dir / DATABASE, clock=clock, ids=ids)
        key = ServiceKey.parse(self.settings["CONVEX_SERVICE_KEY"])
        return await ConvexStore.open(url, key, clock=clock, ids=ids)


@asynccontextmanager
async def serving(data_dir: Path, **settings: str) -> AsyncIterator[Server]:
    """Run `zapdev serve` over this folder with these settings and no others.

    With `ZAPDEV_PORT` it is asked there, whatever address it gives to people.

    Prepared templates are taken from where they always are, so that npm runs once per machine.
    A server without a page (`ZAPDEV_ROLES=worker`) has no address either.
    """
    command = ["env", *_without_the_shells(), f"PYTHONPATH={ROOT}", f"ZAPDEV_DATA_DIR={data_dir}"]
    command += [f"{name}={value}" for name, value in settings.items()]
    port = settings.get("ZAPDEV_PORT", "0")
    process = await asyncio.create_subprocess_exec(
        *command,
        *(sys.executable, "-m", "bot", "serve", "--port", port),
        cwd=data_dir.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    background = Background()
    log: list[str] = []
    try:
        async with asyncio.timeout(START_S):
            url = await _read_address(process, log)
            url = f"http://127.0.0.1:{port}" if int(port) else url
        background.spawn(_keep_reading(process, log), name="server log")
        server = Server(process, url, Place(data_dir, settings), log)
        try:
            yield server
        finally:
            await server.http.close()
    finally:
        await _end(process)
        await background.stop()


async def frames(answer: aiohttp.ClientResponse) -> AsyncGenerator[Frame, None]:
    """The frames of a stream until it ends or its connection breaks."""
    decoder = Decoder()
    with suppress(aiohttp.ClientError):
        async for piece in answer.content.iter_any():
            for frame in decoder.feed(piece):
                yield Frame(int(frame.id or 0), frame.wire)


def free_port() -> int:
    """A port of loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def log_of(data_dir: Path, task_id: str) -> list[Recorded]:
    """A task's log as the database in this folder holds it."""
    return await Place(data_dir, {}).recorded(task_id)


def let_leases_expire(data_dir: Path) -> None:
    """As if half a minute had passed since the holders died; no server may be running."""
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        connection.execute("UPDATE tasks SET lease_until = 1 WHERE lease_until IS NOT NULL")
        connection.commit()


def _without_the_shells() -> Iterator[str]:
    """No setting of the developer's shell reaches the server."""
    for name in (*variables(), "PORT", "NEXT_PUBLIC_CONVEX_URL", "NEXT_PUBLIC_APP_URL"):
        yield from ("-u", name)


async def _read_address(process: asyncio.subprocess.Process, log: list[str]) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        log.append(line.decode().rstrip())
        if found := READY.fullmatch(log[-1]):
            return found[1] or ""
    raise AssertionError("the server ended at once:\n" + "\n".join(log))


async def _keep_reading(process: asyncio.subprocess.Process, log: list[str]) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        log.append(line.decode().rstrip())  # noqa: PERF401 - others look at it meanwhile


async def _end(process: asyncio.subprocess.Process) -> None:
    """Gracefully if it listens, else by force."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _mentions(process: Path, looks: Mapping[str, bytes]) -> bool:
    """Whether one of these files of a process holds its pattern; one that has gone does not."""
    for name, pattern in looks.items():
        with suppress(OSError):
            if re.search(pattern, (process / name).read_bytes()):
                return True
    return False

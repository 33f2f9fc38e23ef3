"""The inside of a stand-in sandbox: a home folder and ordinary processes of this machine.

What is like the real thing: a login shell, `envd`'s environment, one pipe per stream, a signal
that reaches one process and not its children, daemons that live as long as the sandbox. What is
not: no wall. A guest's port is another one on the host, so that two sandboxes can use the same;
wherever a command or `PORT` names a known port, the host's is put in its place.
"""

import asyncio
import base64
import contextlib
import os
import re
import shutil
import signal
import socket
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from agents.background import Background
from tests.fakes.e2b.warden import kill_tagged, signal_tagged
from tests.fakes.e2b.wire import RpcError

HOME = "/home/user"
GUEST_PORTS = (3000, 4200, 5173)
_CHUNK = 32 * 1024
_BEHIND = 64
_DRAIN_S = 0.2

Event = dict[str, Any]


class Process:
    """A running command; what it prints goes to whoever listens, and is lost otherwise."""

    def __init__(
        self, process: asyncio.subprocess.Process, pipes: Mapping[str, int], config: dict[str, Any]
    ) -> None:
        self._process = process
        self._pipes = pipes
        self.config = config
        self.listeners: set[asyncio.Queue[Event]] = set()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """To this one process: what it started is not reached, as in envd."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def run(self) -> None:
        """Pass on output until the process ends; a child that keeps the pipe is not waited for."""
        pumps = Background()
        reading = [
            pumps.start(self._pump(pipe, name), name=name) for name, pipe in self._pipes.items()
        ]
        code = await self._process.wait()
        await asyncio.wait(reading, timeout=_DRAIN_S)
        while any(queue.full() for queue in self.listeners) and not all(r.done() for r in reading):
            await asyncio.wait(reading, timeout=_DRAIN_S)
        await pumps.stop()
        await self._tell({"end": _end(code)})

    async def _pump(self, source: int, name: str) -> None:
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=_CHUNK)
        with os.fdopen(source, "rb", buffering=0) as pipe:
            protocol = asyncio.StreamReaderProtocol(reader)
            transport, _ = await loop.connect_read_pipe(lambda: protocol, pipe)
            try:
                while data := await reader.read(_CHUNK):
                    await self._tell({"data": {name: base64.b64encode(data).decode()}})
            finally:
                transport.close()

    async def _tell(self, event: Event) -> None:
        for queue in list(self.listeners):
            await queue.put(event)

    async def listen(self) -> AsyncGenerator[Event, None]:
        """Every event from now on, to the end of the process."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_BEHIND)
        self.listeners.add(queue)
        try:
            while True:
                event = await queue.get()
                yield event
                if "end" in event:
                    return
        finally:
            self.listeners.discard(queue)
            while not queue.empty():
                queue.get_nowait()


class Machine:
    """One sandbox's disk, ports and processes."""

    def __init__(self, root: Path, sandbox_id: str, tag: str, envs: Mapping[str, str]) -> None:
        self._id = sandbox_id
        self._tag = tag
        self._own_tag = f"E2B_SANDBOX_ID={sandbox_id}"
        self._envs = dict(envs)
        self._root = root
        self._background = Background()
        self.home = root / "home"
        self.home.mkdir(parents=True)
        self.ports = {guest: _free_port() for guest in GUEST_PORTS}
        self.front = GUEST_PORTS[0]
        self.processes: dict[int, Process] = {}
        self.streams: set[asyncio.Task[Any]] = set()
        self.closed_ports: set[int] = set()
        self.seen: list[str] = []

    def path(self, name: str) -> tuple[str, Path]:
        """A path inside, absolute, and where it is on the host."""
        inside = os.path.normpath(os.path.join(HOME, name))  # noqa: PTH118 - of the guest
        if inside != HOME and not inside.startswith(f"{HOME}/"):
            raise RpcError("invalid_argument", f"{inside} is not in this stand-in's home")
        host = self.home / inside.removeprefix(HOME).lstrip("/")
        if not str(host.resolve()).startswith(str(self.home.resolve())):
            raise RpcError("invalid_argument", f"{inside} leads out of this stand-in")
        return inside, host

    async def start(self, config: dict[str, Any]) -> Process:
        """Start a command. Raises: RpcError."""
        cwd = self.path(config.get("cwd") or HOME)[1]
        if not cwd.is_dir():
            raise RpcError("invalid_argument", f"cwd '{config.get('cwd')}' does not exist")
        envs = dict(config.get("envs") or {})
        argv = [config["cmd"], *(self._localize(arg) for arg in config.get("args", []))]
        self.seen += [*argv, *(f"{name}={value}" for name, value in envs.items())]
        if "PORT" in envs:
            envs["PORT"] = self._localize(envs["PORT"])
        own = {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "USER": "user",
            "LOGNAME": "user",
            "E2B_SANDBOX": "true",
            "E2B_SANDBOX_ID": self._id,
        }
        name, _, value = self._tag.partition("=")
        (out, out_sink), (err, err_sink) = os.pipe(), os.pipe()
        try:  # pipes of our own: with asyncio's, a daemon that holds one would hide the exit
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env={**own, **self._envs, **envs, name: value},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out_sink,
                stderr=err_sink,
                start_new_session=True,
            )
        except BaseException:
            os.close(out)
            os.close(err)
            raise
        finally:
            os.close(out_sink)
            os.close(err_sink)
        running = Process(process, {"stdout": out, "stderr": err}, config)
        self.processes[process.pid] = running
        self._background.spawn(self._see_through(running), name=f"guest process {process.pid}")
        return running

    async def _see_through(self, process: Process) -> None:
        try:
            await process.run()
        finally:
            self.processes.pop(process.pid, None)

    async def end(self) -> None:
        """Kill everything: streams break off, as when the machine goes."""
        for stream in self.streams:
            stream.cancel()
        await asyncio.to_thread(kill_tagged, self._own_tag)
        await self._background.stop()

    async def freeze(self) -> None:
        """Stop everything as it is; streams break off."""
        for stream in self.streams:
            stream.cancel()
        await asyncio.to_thread(signal_tagged, self._own_tag, signal.SIGSTOP)

    async def thaw(self) -> None:
        """Let what was frozen go on."""
        await asyncio.to_thread(signal_tagged, self._own_tag, signal.SIGCONT)

    def wipe(self) -> None:
        """Delete the disk. Blocks."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _localize(self, text: str) -> str:
        for guest, host in self.ports.items():
            text, found = re.subn(rf"\b{guest}\b", str(host), text)
            if found:
                self.front = guest
        return text


def _end(code: int) -> dict[str, Any]:
    """As Go's ProcessState says it."""
    if code < 0:
        status = f"signal: {signal.Signals(-code).name.removeprefix('SIG').lower()}"
        return {"exitCode": -1, "exited": False, "status": status, "error": status}
    status = f"exit status {code}"
    end: dict[str, Any] = {"exitCode": code, "exited": True, "status": status}
    return {**end, "error": status} if code else end


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port

"""Sandboxes on this machine: a folder and processes, behind the wall of `isolation`."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agents.background import Background
from agents.errors import SandboxLost
from agents.ports import Clock, CommandResult, OnOutput
from agents.sandbox.boxes import Box
from agents.sandbox.bridge import PreviewBridge, RegistryGate, registry_env
from agents.sandbox.files import AppFolder
from agents.sandbox.isolation import Isolation, Kind
from agents.sandbox.keeper import kill_mentioning
from agents.sandbox.output import HeadAndTail, Tail
from agents.sandbox.processes import Program
from agents.sandbox.toolchain import Registry
from agents.templates import Template
from agents.types import AppFiles, Framework, SandboxId

_TIMED_OUT = 124  # as timeout(1) says it


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sandbox shares with the others of its provider."""

    isolation: Isolation
    registry: Callable[[], Awaitable[Registry]]
    clock: Clock
    forget: Callable[[SandboxId, Path], None]


class LocalSandbox:
    """Implements `agents.ports.Sandbox`. Made by `LocalSandboxProvider.create`."""

    def __init__(
        self, sandbox_id: SandboxId, template: Template, box: Box, shared: Surroundings
    ) -> None:
        self._id = sandbox_id
        self._template = template
        self._box = box
        self._shared = shared
        self._files = AppFolder(box.app, box.stage, box.uid, template.ignore)
        self._programs: set[Program] = set()
        self._server: Program | None = None
        self._server_said = Tail()
        self._serving = asyncio.Lock()
        self._bridge = PreviewBridge(box.bridge)
        self._gate: RegistryGate | None = None
        self._background = Background()
        self._closing: asyncio.Task[None] | None = None

    @property
    def id(self) -> SandboxId:
        return self._id

    @property
    def framework(self) -> Framework:
        return self._template.framework

    @property
    def notice(self) -> str | None:
        return None

    async def write(self, files: AppFiles) -> None:
        self._check()
        await asyncio.to_thread(self._files.write, dict(files))

    async def remove(self, paths: Sequence[str]) -> None:
        self._check()
        await asyncio.to_thread(self._files.remove, list(paths))

    async def read(self, path: str) -> bytes | None:
        self._check()
        return await asyncio.to_thread(self._files.read, path)

    async def tree(self) -> dict[str, bytes]:
        self._check()
        return await asyncio.to_thread(self._files.tree)

    async def run(
        self,
        command: str,
        *,
        timeout_s: float,
        network: bool = False,
        on_output: OnOutput | None = None,
    ) -> CommandResult:
        self._check()
        said = HeadAndTail()

        def on_text(text: str) -> None:
            said.add(text)
            if on_output is not None and text:
                on_output(text)

        began = self._shared.clock.monotonic()
        if network:
            program = await self._start(command, "install", await self._open_gate(), on_text)
        else:
            program = await self._start(command, "run", {}, on_text)
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                exit_code = await program.finished()
        except TimeoutError:
            exit_code, timed_out = _TIMED_OUT, True
        finally:
            self._programs.discard(program)
            await program.kill()
        self._check()
        took = self._shared.clock.monotonic() - began
        return CommandResult(exit_code, said.text, took, timed_out)

    async def serve(self, command: str, *, port: int) -> str:
        self._check()
        async with self._serving:
            await self._stop_server()
            if self._shared.isolation.is_isolated:
                inside, url = port, await self._bridge.open()
            else:
                inside = _free_port()
                command = re.sub(rf"\b{port}\b", str(inside), command)
                url = f"http://127.0.0.1:{inside}"
            self._server_said = Tail()
            env = {"HOST": "127.0.0.1", "PORT": str(inside)}
            self._server = await self._start(command, "serve", env, self._server_said.add)
        return url

    async def server_output(self) -> str | None:
        server = self._server
        if server is None or server.exit_code is None:
            return None
        await server.finished()
        return self._server_said.text

    async def pause(self) -> bool:
        """Never: what is not kept running here is built again from the stored files."""
        return False

    async def close(self) -> None:
        if self._closing is None:
            self._closing = self._background.start(self._close(), name=f"close {self._id}")
        await asyncio.shield(self._closing)

    def _check(self) -> None:
        if self._closing is not None or not self._box.app.is_dir():
            raise SandboxLost(f"sandbox {self._id} is gone")

    async def _start(
        self, command: str, kind: Kind, env: dict[str, str], on_text: Callable[[str], None]
    ) -> Program:
        launch = self._shared.isolation.launch(self._box, command, kind, env)
        program = await Program.start(launch, on_text)
        self._programs.add(program)
        if self._closing is not None:
            await program.kill()
        return program

    async def _open_gate(self) -> dict[str, str]:
        registry = await self._shared.registry()
        if not self._shared.isolation.is_isolated:
            return registry_env(registry, registry.ca_file)
        if self._gate is None:
            self._gate = RegistryGate(self._box.gate, registry)
        await self._gate.open()
        return dict(self._gate.env)

    async def _stop_server(self) -> None:
        if self._server is not None:
            self._programs.discard(self._server)
            await self._server.kill()
            self._server = None

    async def _close(self) -> None:
        await asyncio.gather(*(program.kill() for program in self._programs))
        trash = await asyncio.to_thread(_put_away, self._box)
        await self._bridge.close()  # now: as long as the box is there, its address is its own
        if self._gate is not None:
            await self._gate.close()
        self._shared.forget(self._id, trash)


def _put_away(box: Box) -> Path:
    """Make sure that nothing runs for this box any more; where it now waits for deletion.

    Blocks, but not for long: deleting a big app takes seconds, moving it none.
    """
    kill_mentioning(f"{box.root}/")
    trash = box.root.with_name(f"trash-{box.root.name}")
    with suppress(FileNotFoundError):
        box.root.rename(trash)
    return trash


def _free_port() -> int:
    """A port of the host's loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port

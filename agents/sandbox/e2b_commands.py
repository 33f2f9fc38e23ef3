"""Commands and the server of a sandbox at E2B, each ended with all it has started.

envd's own timeout and signals reach the first process only. So every command carries a tag in its
environment, which its children inherit, and what carries the tag is ended: by the line that runs
the command when it is over, by us at the deadline. Where that cannot be done, the sandbox is.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping

from agents.background import Background
from agents.errors import SandboxError, SandboxLost
from agents.logger import create_logger
from agents.ports import Clock, CommandResult, OnOutput
from agents.sandbox.e2b_guest import APP, end_line, run_line
from agents.sandbox.e2b_remote import KILLED, Handle, Remote
from agents.sandbox.isolation import QUIET_TOOLS
from agents.sandbox.output import HeadAndTail, Tail

log = create_logger(__name__)

TIMED_OUT = 124  # as timeout(1) says it
_NO_SUCH = 126
_LONGEST_BYTES = 100 * 1024
_GRACE_S = 30.0
_DYING_S = 2.0
HEARD_S = 600.0
"""How long a server's output is followed. When E2B pauses a sandbox the SDK asks why what it follows
broke off, and asking wakes the sandbox."""
_NOT_HERE = {"npm_config_globalconfig"}
ENVS: Mapping[str, str] = {k: v for k, v in QUIET_TOOLS.items() if k not in _NOT_HERE} | {
    "LANG": "C.UTF-8"
}
"""Said to every command; the machine's own npm configuration counts at E2B."""


class RemoteProgram:
    """One started command and everything it has started."""

    def __init__(
        self, remote: Remote, on_output: Callable[[str], None], tag: str | None = None
    ) -> None:
        self._remote = remote
        self._on_output = on_output
        self._tag = tag or secrets.token_hex(12)
        self._background = Background()
        self._handle: Handle | None = None
        self._ended: asyncio.Task[int] | None = None
        self._killing: asyncio.Task[None] | None = None

    async def start(self, command: str, envs: Mapping[str, str], timeout_s: float) -> None:
        """Start it; E2B cuts the line after `timeout_s` (0: never). Raises: SandboxLost."""
        self._handle = await self._remote.start(
            run_line(command, self._tag),
            cwd=APP,
            envs={**ENVS, **envs},
            on_output=self._on_output,
            timeout_s=timeout_s,
        )
        self._ended = self._background.start(self._remote.finished(self._handle), name="command")

    async def finished(self, within_s: float) -> int | None:
        """The exit status, or None when it still runs then. Raises: SandboxLost."""
        if self._ended is None:
            return None
        await asyncio.wait({self._ended}, timeout=within_s)
        return self._ended.result() if self._ended.done() else None

    @property
    def has_ended(self) -> bool:
        """Whether it is over, in whatever way, as far as is known."""
        ended = self._ended
        return ended is not None and ended.done() and not ended.cancelled()

    async def let_go(self) -> None:
        """Hear no more of it, and not when it ends; it goes on. Never raises."""
        await self._background.stop()
        if self._handle is not None:
            await self._remote.let_go(self._handle)

    async def kill(self) -> None:
        """End all of it; returns when that is done. Never raises, and twice is fine.

        Cancelling the wait does not stop the killing.
        """
        if self._killing is None:
            self._killing = Background().start(self._kill(), name="kill")
        await asyncio.shield(self._killing)

    async def _kill(self) -> None:
        try:
            if not self._remote.gone and not self._is_over():
                await self._remote.ask(end_line(self._tag))
        except SandboxError as error:
            log.warning("command not ended: ending its sandbox", reason=str(error)[:300])
            await self._remote.end()
        if self._ended is not None:
            await asyncio.wait({self._ended}, timeout=_DYING_S)
        await self._background.stop()
        if self._ended is not None and not self._ended.cancelled():
            self._ended.exception()  # who waited has seen it

    def _is_over(self) -> bool:
        """Whether its own line has ended it all, being alive to do so: it ran to its end."""
        ended = self._ended
        if ended is None or not ended.done() or ended.cancelled() or ended.exception():
            return False
        return ended.result() != KILLED


class RemoteCommands:
    """The commands of one sandbox, and its one server."""

    def __init__(self, remote: Remote, clock: Clock) -> None:
        self._remote = remote
        self._clock = clock
        self._server: RemoteProgram | None = None
        self._server_said = Tail()
        self._serving = asyncio.Lock()
        self._background = Background()

    async def run(
        self, command: str, *, timeout_s: float, envs: Mapping[str, str], on_output: OnOutput | None
    ) -> CommandResult:
        """As the port says. Raises: SandboxLost."""
        if len(command.encode()) > _LONGEST_BYTES:
            return CommandResult(_NO_SUCH, "The command is longer than 100 KiB.")
        said = HeadAndTail()

        def on_text(text: str) -> None:
            said.add(text)
            if on_output is not None and text:
                on_output(text)

        began = self._clock.monotonic()
        program = RemoteProgram(self._remote, on_text)
        try:
            await program.start(command, envs, timeout_s + _GRACE_S)
            remaining = began + timeout_s - self._clock.monotonic()
            exit_code = await program.finished(max(remaining, 0))
        finally:
            await program.kill()
        if self._remote.gone:
            raise SandboxLost(f"sandbox {self._remote.id} is gone")
        took = self._clock.monotonic() - began
        if exit_code is None:
            return CommandResult(TIMED_OUT, said.text, took, timed_out=True)
        return CommandResult(exit_code, said.text, took)

    async def serve(self, command: str, envs: Mapping[str, str]) -> None:
        """(Re)start the server; the former one is ended first. Raises: SandboxLost.

        The former one may be another process's, in a sandbox that was found again.
        """
        tag = f"server-{self._remote.id}"
        async with self._serving:
            if self._server is not None:
                await self._server.kill()
            await self._remote.ask(end_line(tag))
            self._server_said = Tail()
            server = RemoteProgram(self._remote, self._server_said.add, tag)
            await server.start(command, envs, timeout_s=0)
            self._server = server
            self._background.spawn(self._let_go_of(server), name="let go of the server")

    async def server_output(self) -> str | None:
        """What it said last, when it has exited within `HEARD_S`. Raises: SandboxLost."""
        server = self._server
        if server is None or not server.has_ended:
            return None
        await server.finished(0)
        return self._server_said.text

    async def let_go(self) -> None:
        """Hear no more of the server: whoever listens wakes a sandbox that is paused."""
        if self._server is not None:
            await self._server.let_go()

    async def close(self) -> None:
        """End the server."""
        await self._background.stop()
        if self._server is not None:
            await self._server.kill()

    async def _let_go_of(self, server: RemoteProgram) -> None:
        await self._clock.sleep(HEARD_S)
        await server.let_go()

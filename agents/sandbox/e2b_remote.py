"""One sandbox at E2B, as our code speaks to it: bounded calls, our errors, a life that is renewed."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import e2b
from e2b import AsyncSandbox
from e2b.sandbox.filesystem.filesystem import AsyncWriteEntry
from e2b.sandbox_async.commands.command_handle import AsyncCommandHandle

from agents.background import Background
from agents.errors import (
    ProviderError,
    SandboxError,
    SandboxFull,
    SandboxLost,
    ZapdevError,
)
from agents.logger import create_logger
from agents.ports import Clock, CommandResult
from agents.retry import HTTP, with_retry
from agents.sandbox.e2b_calls import ANSWER_S, Calls
from agents.sandbox.e2b_errors import translate
from agents.sandbox.e2b_guest import APP, DISK_FULL, HOME, TOO_LARGE, file_line
from agents.sandbox.output import HeadAndTail

log = create_logger(__name__)

T = TypeVar("T")

LIFETIME_S = 60 * 60
"""How long an unused sandbox runs until E2B pauses it: the longest of the smallest plan."""
RENEW_S = 5 * 60.0
"""How old the last renewal of a used sandbox's life may be."""
_ENDING_S = 10.0
_SECONDS_PER_BYTE = 1 / (512 * 1024)
_TRIES = HTTP.with_attempts(2)

Handle = AsyncCommandHandle[None]


class Remote:
    """The SDK's sandbox. Only what a caller of the sandbox port may see is raised here."""

    def __init__(self, sdk: AsyncSandbox, clock: Clock) -> None:
        self._sdk = sdk
        self._clock = clock
        self._calls = Calls()
        self._background = Background()
        self._renewed_at = clock.monotonic()
        self.gone = False

    @property
    def id(self) -> str:
        return self._sdk.sandbox_id

    def host(self, port: int) -> str:
        """The name under which the port is reached from outside, without a scheme."""
        return self._sdk.get_host(port)

    async def upload(self, files: Mapping[str, bytes]) -> None:
        """Write files by absolute path, all in one request. Raises: SandboxLost, SandboxFull."""
        entries = [AsyncWriteEntry(path=path, data=data) for path, data in files.items()]
        size = sum(map(len, files.values()))
        await self._reach(
            lambda: self._sdk.files.write_files(entries, request_timeout=None),
            within_s=ANSWER_S + size * _SECONDS_PER_BYTE,
        )

    async def download(self, path: str, limit: int) -> bytes:
        """A file's bytes by absolute path. Raises: SandboxLost, also beyond `limit` bytes."""
        return await self._reach(
            lambda: self._download(path, limit), within_s=ANSWER_S + limit * _SECONDS_PER_BYTE
        )

    async def ask(self, line: str, *, within_s: float = ANSWER_S) -> CommandResult:
        """Run one of our own lines at home; it may be run twice. Raises: SandboxLost.

        `output` is its stdout and stderr.
        """
        return await self._reach(lambda: self._ask(line, HOME, within_s), within_s=within_s)

    async def operate(self, operation: str, *arguments: str, within_s: float) -> None:
        """One operation on the app's files, which may be done twice.

        Raises: SandboxLost, SandboxFull.
        """
        line = file_line(operation, *arguments)
        said = await self._reach(lambda: self._ask(line, APP, within_s), within_s=within_s)
        if said.exit_code in (TOO_LARGE, DISK_FULL):
            raise SandboxFull(said.output or "no room in the sandbox")
        if not said.ok:
            raise SandboxLost(f"the app's folder cannot be used: {said.output[-300:]}")

    async def start(
        self,
        line: str,
        *,
        cwd: str,
        envs: Mapping[str, str],
        on_output: Callable[[str], None],
        timeout_s: float,
    ) -> Handle:
        """Start a line whose stdout goes to `on_output`; E2B ends it after `timeout_s` (0: never).

        Raises: SandboxLost.
        """
        async with self._in_use():
            return await self._calls.make(
                self._sdk.commands.run(
                    line,
                    background=True,
                    envs=dict(envs),
                    cwd=cwd,
                    on_stdout=on_output,
                    timeout=timeout_s,
                    request_timeout=ANSWER_S,
                    retain_output=False,
                ),
                within_s=ANSWER_S + 1,
            )

    async def finished(self, handle: Handle) -> int:
        """Wait for the end of a started line; its exit status as a shell gives it.

        Raises: SandboxLost; what `on_output` has raised.
        """
        async with self._in_use():
            try:
                return (await handle.wait()).exit_code
            except e2b.CommandExitException as error:
                return error.exit_code if error.exit_code >= 0 else 137
            except Exception as error:
                raise translate(error) from error

    async def set_egress(self, allowed: Sequence[str]) -> None:
        """Let the whole sandbox reach these hosts and no others. Raises: SandboxLost.

        At E2B an allowed host wins over a denied range.
        """
        rules = e2b.SandboxNetworkUpdate(allow_out=list(allowed), deny_out=[e2b.ALL_TRAFFIC])
        await self._reach(lambda: self._sdk.update_network(rules))

    async def resume(self) -> None:
        """Wake it when it is paused, and renew its life. Raises: SandboxLost."""
        await self._reach(lambda: self._sdk.connect(timeout=LIFETIME_S))

    async def end(self) -> None:
        """Kill it for good; never raises. Where E2B does not listen, its lifetime ends it."""
        if self.gone:
            return
        self.gone = True
        try:
            await with_retry(
                _TRIES,
                lambda: self._calls.make(self._sdk.kill(), within_s=_ENDING_S),
                clock=self._clock,
            )
        except ZapdevError as error:
            log.warning("sandbox not ended", sandbox=self.id, reason=str(error)[:300])

    async def close(self) -> None:
        """Give up every call that is under way."""
        await self._background.stop()
        await self._calls.close()

    async def _reach(
        self, call: Callable[[], Coroutine[Any, Any, T]], *, within_s: float = ANSWER_S
    ) -> T:
        async with self._in_use():
            return await with_retry(
                _TRIES, lambda: self._calls.make(call(), within_s=within_s), clock=self._clock
            )

    @asynccontextmanager
    async def _in_use(self) -> AsyncIterator[None]:
        """Renew the life, and take every trouble on the way as what it is for the app: a loss."""
        if self.gone:
            raise SandboxLost(f"sandbox {self.id} is gone")
        self._renew()
        try:
            yield
        except SandboxError:
            raise
        except ProviderError as error:
            log.info("sandbox unreachable", sandbox=self.id, reason=str(error)[:300])
            raise SandboxLost(f"sandbox {self.id} cannot be reached: {error}") from error

    def _renew(self) -> None:
        """Lengthen its life, in the background, once in a while."""
        now = self._clock.monotonic()
        if now - self._renewed_at >= RENEW_S:
            self._renewed_at = now
            self._background.spawn(self._lengthen(), name=f"renew {self.id}")

    async def _lengthen(self) -> None:
        try:
            await self._calls.make(self._sdk.set_timeout(LIFETIME_S))
        except ZapdevError as error:  # what uses the sandbox next sees what is wrong
            log.info("sandbox not renewed", sandbox=self.id, reason=str(error)[:300])

    async def _download(self, path: str, limit: int) -> bytes:
        found = bytearray()
        async with await self._sdk.files.read(path, format="stream") as stream:
            async for piece in stream:
                found += piece
                if len(found) > limit:
                    raise SandboxLost("the sandbox's answer is too large")
        return bytes(found)

    async def _ask(self, line: str, cwd: str, within_s: float) -> CommandResult:
        said = HeadAndTail()
        try:
            await self._sdk.commands.run(
                line,
                cwd=cwd,
                on_stdout=said.add,
                on_stderr=said.add,
                timeout=within_s,
                request_timeout=ANSWER_S,
                retain_output=False,
            )
        except e2b.CommandExitException as error:
            return CommandResult(error.exit_code, said.text)
        return CommandResult(0, said.text)

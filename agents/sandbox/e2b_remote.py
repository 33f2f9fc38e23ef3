"""One sandbox at E2B, as our code speaks to it: bounded calls, our errors, a life that is renewed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
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
from agents.retry import HTTP, retry_on_rate_limit, with_retry
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
RESUME_S = 60.0
PAUSE_S = 20.0
"""E2B writes the memory down first: some seconds for each GB."""
KILLED = 137
"""As a shell says of a program that SIGKILL has ended; E2B says -1 of what it started itself."""
_ENDING_S = 10.0
_SECONDS_PER_BYTE = 1 / (512 * 1024)
_TRIES = HTTP.with_attempts(2)
_IF_REFUSED = replace(_TRIES, retry_on=retry_on_rate_limit)

Handle = AsyncCommandHandle[None]


class Remote:
    """The SDK's sandbox.

    `upload`, `download` and `operate` are steps, tried once: they raise SandboxError and
    ProviderError, and belong inside `reach`, which does all steps again after passing trouble. Every
    other method raises only what a caller of the sandbox port may see.
    """

    def __init__(
        self,
        sdk: AsyncSandbox,
        clock: Clock,
        answer_s: float = ANSWER_S,
        lifetime_s: int = LIFETIME_S,
    ) -> None:
        self._sdk = sdk
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._calls = Calls(answer_s)
        self._background = Background()
        self._renewed_at = clock.monotonic()
        self.gone = False

    @property
    def id(self) -> str:
        return self._sdk.sandbox_id

    def host(self, port: int) -> str:
        """The name under which the port is reached from outside, without a scheme."""
        return self._sdk.get_host(port)

    async def reach(self, steps: Callable[[], Awaitable[T]]) -> T:
        """Do what may be done twice. Raises: SandboxLost, SandboxFull."""
        async with self._in_use():
            return await with_retry(_TRIES, steps, clock=self._clock)

    async def upload(self, files: Mapping[str, bytes]) -> None:
        """Write files by absolute path, all in one request."""
        entries = [AsyncWriteEntry(path=path, data=data) for path, data in files.items()]
        size = sum(map(len, files.values()))
        within_s = self._calls.answer_s + size * _SECONDS_PER_BYTE
        writing = self._sdk.files.write_files(entries, request_timeout=within_s)
        await self._calls.make(writing, within_s=within_s)

    async def download(self, path: str, limit: int) -> bytes:
        """A file's bytes by absolute path; more than `limit` are a loss."""
        within_s = self._calls.answer_s + limit * _SECONDS_PER_BYTE
        return await self._calls.make(self._download(path, limit), within_s=within_s)

    async def operate(self, operation: str, *arguments: str, within_s: float) -> None:
        """One of `guest.cjs`'s operations on the app's files."""
        line = file_line(operation, *arguments)
        said = await self._calls.make(self._ask(line, APP, within_s), within_s=within_s)
        if said.exit_code in (TOO_LARGE, DISK_FULL):
            raise SandboxFull(said.output or "no room in the sandbox")
        if not said.ok:
            raise SandboxLost(f"the app's folder cannot be used: {said.output[-300:]}")

    async def ask(self, line: str, *, within_s: float | None = None) -> CommandResult:
        """Run one of our own lines at home; it may be run twice. Raises: SandboxLost.

        `output` is its stdout and stderr.
        """
        return await self.reach(lambda: self._ask_at_home(line, within_s))

    async def look(self, line: str) -> CommandResult:
        """As `ask`, but what may pass is told as such.

        Raises: SandboxLost (there is none), ProviderError (E2B does not do it now).
        """
        self._must_be_there()
        return await with_retry(_TRIES, lambda: self._ask_at_home(line), clock=self._clock)

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

        def begin() -> Coroutine[Any, Any, Handle]:
            running = self._sdk.commands.run(
                line,
                background=True,
                envs=dict(envs),
                cwd=cwd,
                on_stdout=on_output,
                timeout=timeout_s,
                request_timeout=self._calls.answer_s,
                retain_output=False,
            )
            return self._calls.make(running, within_s=self._calls.answer_s + 1)

        async with self._in_use():  # only what was surely not begun is begun again
            return await with_retry(_IF_REFUSED, begin, clock=self._clock)

    async def finished(self, handle: Handle) -> int:
        """Wait for the end of a started line; its exit status as a shell gives it.

        Raises: SandboxLost; what `on_output` has raised.
        """
        async with self._in_use():
            try:
                return (await handle.wait()).exit_code
            except e2b.CommandExitException as error:
                return error.exit_code if error.exit_code >= 0 else KILLED
            except Exception as error:
                raise translate(error) from error

    async def let_go(self, handle: Handle) -> None:
        """Follow a started line no further; it goes on. Never raises."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._calls.answer_s):
                await handle.disconnect()

    async def set_egress(self, allowed: Sequence[str]) -> None:
        """Let the whole sandbox reach these hosts and no others. Raises: SandboxLost.

        At E2B an allowed host wins over a denied range.
        """
        rules = e2b.SandboxNetworkUpdate(allow_out=list(allowed), deny_out=[e2b.ALL_TRAFFIC])
        await self.reach(lambda: self._calls.make(self._sdk.update_network(rules)))

    async def resume(self) -> None:
        """Wake it when it is paused, and renew its life.

        Raises: SandboxLost (there is none), ProviderError (E2B does not do it now).
        """
        self._must_be_there()
        await self._calls.make(self._sdk.connect(timeout=self._lifetime_s), within_s=RESUME_S)

    async def pause(self) -> bool:
        """Stop it with its files, and be done with it; False where E2B does not. Never raises."""
        if self.gone:
            return False
        try:
            await self._calls.make(self._sdk.pause(), within_s=PAUSE_S)
        except ZapdevError as error:
            log.info("sandbox not paused", sandbox=self.id, reason=str(error)[:300])
            return False
        self.gone = True
        return True

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

    @asynccontextmanager
    async def _in_use(self) -> AsyncIterator[None]:
        """Renew the life, and take every trouble on the way as what it is for the app: a loss."""
        self._must_be_there()
        self._renew()
        try:
            yield
        except SandboxError:
            raise
        except ProviderError as error:
            log.info("sandbox unreachable", sandbox=self.id, reason=str(error)[:300])
            raise SandboxLost(f"sandbox {self.id} cannot be reached: {error}") from error

    def _must_be_there(self) -> None:
        if self.gone:
            raise SandboxLost(f"sandbox {self.id} is gone")

    def _renew(self) -> None:
        """Lengthen its life, in the background, once in a while."""
        now = self._clock.monotonic()
        if now - self._renewed_at >= RENEW_S:
            self._renewed_at = now
            self._background.spawn(self._lengthen(), name=f"renew {self.id}")

    async def _lengthen(self) -> None:
        try:
            await self._calls.make(self._sdk.set_timeout(self._lifetime_s))
        except ZapdevError as error:  # what uses the sandbox next sees what is wrong
            log.info("sandbox not renewed", sandbox=self.id, reason=str(error)[:300])

    async def _download(self, path: str, limit: int) -> bytes:
        found = bytearray()
        reading = self._sdk.files.read(
            path, format="stream", stream_idle_timeout=self._calls.answer_s
        )
        async with await reading as stream:
            async for piece in stream:
                found += piece
                if len(found) > limit:
                    raise SandboxLost("the sandbox's answer is too large")
        return bytes(found)

    async def _ask_at_home(self, line: str, within_s: float | None = None) -> CommandResult:
        limit_s = within_s or self._calls.answer_s
        return await self._calls.make(self._ask(line, HOME, limit_s), within_s=limit_s)

    async def _ask(self, line: str, cwd: str, within_s: float) -> CommandResult:
        said = HeadAndTail()
        try:
            await self._sdk.commands.run(
                line,
                cwd=cwd,
                on_stdout=said.add,
                on_stderr=said.add,
                timeout=within_s,
                request_timeout=self._calls.answer_s,
                retain_output=False,
            )
        except e2b.CommandExitException as error:
            return CommandResult(error.exit_code, said.text)
        return CommandResult(0, said.text)

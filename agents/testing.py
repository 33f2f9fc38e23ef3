"""In-memory stand-ins for the ports: small, public, and held to the same contract suites.

Use them in the tests of anything built on `agents`. Nothing here touches disk, network or time.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.errors import NotFound, SandboxFull, SandboxLost
from agents.events import Event
from agents.ports import (
    CommandResult,
    LLMChunk,
    LLMRequest,
    OnOutput,
    Page,
)
from agents.sighting import Sighting
from agents.templates import Template, get_template
from agents.types import AppFiles, BlobHash, Framework, SandboxId, TaskId

MAX_FILES = 2_000
MAX_BYTES = 64 * 1024 * 1024


class FakeClock:
    """A clock that moves only by `advance`; sleepers wake in the order of their deadlines."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + max(seconds, 0.0), woken))
        if seconds <= 0:
            self._wake()
        await woken

    async def advance(self, seconds: float) -> None:
        """Let time pass; whoever slept until then has run when this returns."""
        target = self._elapsed + seconds
        while due := [at for at, woken in self._sleepers if at <= target and not woken.done()]:
            self._elapsed = max(self._elapsed, min(due))
            self._wake()
            await settle()
        self._elapsed = target
        await settle()

    @property
    def sleeping(self) -> int:
        """How many wait right now."""
        return sum(not woken.done() for _, woken in self._sleepers)

    def _wake(self) -> None:
        waiting = [item for item in self._sleepers if not item[1].done()]
        for at, woken in waiting:
            if at <= self._elapsed:
                woken.set_result(None)
        self._sleepers = [item for item in waiting if not item[1].done()]


async def settle(turns: int = 20) -> None:
    """Let everything that is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


class SequentialIds:
    """Ids that count per prefix: `task_1`, `task_2`, `sbx_1`."""

    def __init__(self) -> None:
        self._last: defaultdict[str, int] = defaultdict(int)

    def new(self, prefix: str) -> str:
        self._last[prefix] += 1
        return f"{prefix}_{self._last[prefix]}"


ScriptedTurn = Sequence[LLMChunk | Exception]
"""What one completion streams; an exception in it is raised at that point."""


class ScriptedLLM:
    """A model that plays a script, one turn per request, and keeps the requests.

    A turn may also be a function of the request. Turns of `by_purpose` are played for requests
    of that purpose only. A request beyond the script is a failure of the test.
    """

    def __init__(
        self,
        *turns: ScriptedTurn | Callable[[LLMRequest], ScriptedTurn],
        by_purpose: Mapping[str, Iterable[ScriptedTurn | Callable[[LLMRequest], ScriptedTurn]]]
        | None = None,
    ) -> None:
        self._turns = list(turns)
        self._by_purpose = {key: list(value) for key, value in (by_purpose or {}).items()}
        self.requests: list[LLMRequest] = []

    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
        self.requests.append(request)
        script = self._by_purpose.get(request.purpose, self._turns)
        if not script:
            raise AssertionError(f"the script has no turn left for a {request.purpose!r} request")
        turn = script.pop(0)
        for chunk in turn(request) if callable(turn) else turn:
            await asyncio.sleep(0)
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


class InMemoryBlobs:
    """Bytes by hash, in a dict."""

    def __init__(self) -> None:
        self.contents: dict[BlobHash, bytes] = {}

    async def put(self, contents: Sequence[bytes]) -> list[BlobHash]:
        hashes = [BlobHash(hashlib.sha256(content).hexdigest()) for content in contents]
        self.contents.update(zip(hashes, contents, strict=True))
        return hashes

    async def get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        missing = [blob for blob in hashes if blob not in self.contents]
        if missing:
            raise NotFound(f"no such blobs: {', '.join(missing)}")
        return {blob: self.contents[blob] for blob in hashes}


class RecordingJournal:
    """Keeps events in order; `durable` is how many of them the last flush covered.

    Set `failure` to have the next flush raise it.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.durable = 0
        self.failure: Exception | None = None

    def record(self, event: Event) -> None:
        self.events.append(event)

    async def flush(self) -> None:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        self.durable = len(self.events)

    @property
    def kinds(self) -> list[str]:
        """The events' kinds, in order."""
        return [event.kind for event in self.events]


class ScriptedFetcher:
    """Answers every GET from a list; the last answer repeats. None means nothing answered."""

    def __init__(self, *answers: Page | None) -> None:
        self._answers = list(answers) or [None]
        self.urls: list[str] = []

    async def get(self, url: str, *, timeout_s: float) -> Page | None:
        del timeout_s
        self.urls.append(url)
        await asyncio.sleep(0)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def sighting(url: str = "http://127.0.0.1:5173/", **seen: Any) -> Sighting:
    """What a browser sees of a good page, but for what is named."""
    good = Sighting(url, 200, html="<body><h1>Bikes</h1></body>", screenshot=b"\xff\xd8a picture")
    return replace(good, **seen)


class ScriptedBrowser:
    """Sees what its list says, in order; the last repeats. None means that no browser can look."""

    def __init__(self, *seen: Sighting | None) -> None:
        self._seen = list(seen) or [sighting()]
        self.urls: list[str] = []
        self.warmed = 0

    async def warm_up(self) -> None:
        await asyncio.sleep(0)
        self.warmed += 1

    async def look(self, url: str) -> Sighting | None:
        self.urls.append(url)
        await asyncio.sleep(0)
        return self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]


CommandHandler = Callable[["InMemorySandbox", str], Awaitable[CommandResult] | CommandResult]


def succeed(sandbox: "InMemorySandbox", command: str) -> CommandResult:
    """The default handler: every command ends well and prints nothing."""
    del sandbox, command
    return CommandResult(0, "")


class InMemorySandbox:
    """A sandbox of plain dicts. Commands go to `on_command`; `commands` keeps what was run."""

    def __init__(
        self, sandbox_id: SandboxId, template: Template, on_command: CommandHandler = succeed
    ) -> None:
        self._id = sandbox_id
        self._template = template
        self._on_command = on_command
        self.files: dict[str, bytes] = dict(template.files)
        self.commands: list[str] = []
        self.networked: list[str] = []
        self.served: list[tuple[str, int]] = []
        self.crash_output: str | None = None
        self.notice: str | None = None
        self.lost = False
        self.on_pause: Callable[[InMemorySandbox], None] | None = None

    @property
    def id(self) -> SandboxId:
        return self._id

    @property
    def framework(self) -> Framework:
        return self._template.framework

    async def write(self, files: AppFiles) -> None:
        await self._reach()
        for path, content in files.items():
            self._give_way(path)
            self.files[path] = bytes(content)

    async def remove(self, paths: Sequence[str]) -> None:
        await self._reach()
        for path in paths:
            self.files.pop(path, None)

    async def read(self, path: str) -> bytes | None:
        await self._reach()
        return self.files.get(path)

    async def tree(self) -> dict[str, bytes]:
        await self._reach()
        ignored = {*self._template.ignore, "node_modules", ".git"}
        app = {p: c for p, c in self.files.items() if p.partition("/")[0] not in ignored}
        if len(app) > MAX_FILES or sum(map(len, app.values())) > MAX_BYTES:
            raise SandboxFull("the app has too many or too large files")
        return app

    async def run(
        self,
        command: str,
        *,
        timeout_s: float,
        network: bool = False,
        on_output: OnOutput | None = None,
    ) -> CommandResult:
        await self._reach()
        self.commands.append(command)
        if network:
            self.networked.append(command)
        try:
            async with asyncio.timeout(timeout_s):
                answer = self._on_command(self, command)
                result = answer if isinstance(answer, CommandResult) else await answer
        except TimeoutError:
            return CommandResult(124, "", timeout_s, timed_out=True)
        if on_output is not None and result.output:
            on_output(result.output)
        return result

    async def serve(self, command: str, *, port: int) -> str:
        await self._reach()
        self.served.append((command, port))
        return f"http://127.0.0.1:{port}"

    async def server_output(self) -> str | None:
        return self.crash_output

    async def pause(self) -> bool:
        if self.on_pause is None or self.lost:
            return False
        self.lost = True
        self.on_pause(self)
        return True

    def copy(self) -> "InMemorySandbox":
        """As this one was, for somebody who found it again."""
        twin = InMemorySandbox(self._id, self._template, self._on_command)
        twin.files, twin.served = dict(self.files), list(self.served)
        return twin

    async def close(self) -> None:
        self.lost = True

    def _give_way(self, path: str) -> None:
        """Delete files that are folders of this path, and files below it."""
        parts = path.split("/")
        below = f"{path}/"
        in_the_way = ["/".join(parts[:n]) for n in range(1, len(parts))]
        in_the_way += [name for name in self.files if name.startswith(below)]
        for name in in_the_way:
            self.files.pop(name, None)

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.lost:
            raise SandboxLost(f"sandbox {self._id} is gone")


class InMemorySandboxProvider:
    """Makes `InMemorySandbox`es, whose commands go to `on_command` as it is when they are made.

    With `pauses` they can be paused. `failures` are raised by the next calls of `create`, in order; `elsewhere` is what another process
    has.
    """

    def __init__(
        self,
        *,
        on_command: CommandHandler = succeed,
        templates: Callable[[Framework], Template] = get_template,
        max_sandboxes: int = 100,
        pauses: bool = False,
    ) -> None:
        self.on_command = on_command
        self._templates = templates
        self._max_sandboxes = max_sandboxes
        self._ids = SequentialIds()
        self.failures: list[Exception] = []
        self.sandboxes: dict[SandboxId, InMemorySandbox] = {}
        self.connected: list[SandboxId] = []
        self.elsewhere: set[SandboxId] = set()
        self.paused: dict[SandboxId, InMemorySandbox] = {}
        self._pauses = pauses

    async def create(self, framework: Framework, *, task_id: TaskId) -> InMemorySandbox:
        del task_id
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        if sum(not sandbox.lost for sandbox in self.sandboxes.values()) >= self._max_sandboxes:
            raise SandboxFull(f"{self._max_sandboxes} sandboxes are open already")
        sandbox_id = SandboxId(self._ids.new("sbx"))
        return self._put(InMemorySandbox(sandbox_id, self._templates(framework), self.on_command))

    async def connect(self, sandbox_id: SandboxId) -> InMemorySandbox | None:
        await asyncio.sleep(0)
        self.connected.append(sandbox_id)
        slept = self.paused.pop(sandbox_id, None)
        if slept is not None:
            self._put(slept.copy())
        sandbox = self.sandboxes.get(sandbox_id)
        return None if sandbox is None or sandbox.lost else sandbox

    async def lives_elsewhere(self, sandbox_id: SandboxId) -> bool:
        await asyncio.sleep(0)
        return sandbox_id in self.elsewhere

    async def close(self) -> None:
        for sandbox in self.sandboxes.values():
            await sandbox.close()

    def _put(self, sandbox: InMemorySandbox) -> InMemorySandbox:
        self.sandboxes[sandbox.id] = sandbox
        sandbox.on_pause = self._pause if self._pauses else None
        return sandbox

    def _pause(self, sandbox: InMemorySandbox) -> None:
        self.paused[sandbox.id] = sandbox

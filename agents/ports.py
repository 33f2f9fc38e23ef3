"""What the core asks of the outside: small Protocols, owned here, implemented by adapters.

Each method lists every error it may raise; anything else is a defect of the adapter.
`asyncio.CancelledError` passes through all of them and leaves nothing running behind.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from agents.events import Event
from agents.publications import PackageRegistry
from agents.sighting import Sighting
from agents.sources import Designs, Sources
from agents.types import AppFiles, BlobHash, Framework, SandboxId, TaskId, Usage

# --- the model ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the assistant; `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation, in the Chat Completions sense."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool the model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


Purpose = Literal["select", "generate", "fix", "summarize"]


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """One completion. `purpose` tells logs, metrics and the offline model what it is for."""

    purpose: Purpose
    model: str
    messages: Sequence[Message]
    temperature: float
    max_tokens: int
    tools: Sequence[ToolSpec] = ()
    framework: Framework | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the assistant's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of one tool call. `id` and `name` come once, with the first piece of `index`."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Tokens and cost of this completion, sent near its end by providers that have it."""

    usage: Usage


FinishReason = Literal["stop", "tool_calls", "length", "error", "content_filter"]


@dataclass(frozen=True, slots=True)
class Finished:
    """The provider says why it stopped. A stream that ends without this was cut."""

    reason: FinishReason


LLMChunk = TextDelta | ToolCallDelta | UsageReport | Finished


class LLM(Protocol):
    """A chat model that streams."""

    def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
        """Stream one completion; ends after the provider's last byte.

        One request, no retry: retries belong to `agents.retry`. Closing the iterator closes
        the connection. The stream may end without `Finished`: the caller must then treat it as
        truncated. A provider's error object inside a 200 stream raises like the same status.

        Raises:
            RateLimited, ProviderTimeout, ProviderUnavailable, AuthFailed, ContentRefused,
            BadProviderResponse, BadOutput (a chunk that is not JSON).
        """
        ...


# --- the sandbox -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A finished command. A non-zero exit is a result; so is `timed_out` (exit code 124)."""

    exit_code: int
    output: str
    duration_s: float = 0.0
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Exit status 0 in time."""
        return self.exit_code == 0 and not self.timed_out


OnOutput = Callable[[str], None]


class SandboxFiles(Protocol):
    """The app's files. Paths are relative to the app's root and have passed `safe_path`."""

    async def write(self, files: AppFiles) -> None:
        """Write all files, making folders; each file is replaced whole.

        Raises: SandboxLost, SandboxFull.
        """
        ...

    async def remove(self, paths: Sequence[str]) -> None:
        """Delete files, and folders that hold nothing then; one that is missing is no error.

        Raises: SandboxLost.
        """
        ...

    async def read(self, path: str) -> bytes | None:
        """A file's bytes, or None when there is no such regular file in the app.

        Symbolic links that leave the app are not followed. Raises: SandboxLost.
        """
        ...

    async def tree(self) -> dict[str, bytes]:
        """Every app file (the template's `ignore` folders and links left out).

        Raises: SandboxLost, SandboxFull (more than 2,000 files or 64 MiB).
        """
        ...


class SandboxCommands(Protocol):
    """Commands in the app's folder, by `bash -c`; output is stdout and stderr as they came."""

    async def run(
        self,
        command: str,
        *,
        timeout_s: float,
        network: bool = False,
        on_output: OnOutput | None = None,
    ) -> CommandResult:
        """Run to the end; at the deadline, or when cancelled, the whole process tree is killed.

        `output` holds at most 64 KiB: head and tail with a line between that says what is
        missing. `network` allows reaching package registries where the provider can tell.
        Raises: SandboxLost, SandboxFull.
        """
        ...

    async def serve(self, command: str, *, port: int) -> str:
        """(Re)start the app's one background server; answers its base URL at once.

        An earlier server of this sandbox is stopped first. The URL may refuse connections
        until the server is up. Raises: SandboxLost, SandboxFull.
        """
        ...

    async def server_output(self) -> str | None:
        """The last 8 KiB the server printed, when it has exited; None while it runs.

        Raises: SandboxLost (where the provider tells).
        """
        ...


class Sandbox(SandboxFiles, SandboxCommands, Protocol):
    """One app's place to live and run. A cache: the stored files are the truth."""

    @property
    def id(self) -> SandboxId:
        """Unique per provider."""
        ...

    @property
    def framework(self) -> Framework:
        """The template it was made from; never used for another one."""
        ...

    @property
    def notice(self) -> str | None:
        """What people should know about how it was made, in a sentence; None as a rule."""
        ...

    async def pause(self) -> bool:
        """Let it sleep until `connect` wakes it; done with, as after `close`. False: as it was."""
        ...

    async def close(self) -> None:
        """Kill every process and delete the files. Twice is fine; never raises."""
        ...


class SandboxProvider(Protocol):
    """Makes sandboxes and finds them again."""

    async def create(self, framework: Framework, *, task_id: TaskId) -> Sandbox:
        """A new sandbox with the template's files and its dependencies installed.

        Raises: SandboxFull, SandboxUnavailable, PackagesUnavailable, ProviderUnavailable,
        ProviderTimeout, RateLimited, AuthFailed.
        """
        ...

    async def connect(self, sandbox_id: SandboxId) -> Sandbox | None:
        """The living sandbox of that id, woken if it was paused, or None. Raises as `create`."""
        ...

    async def lives_elsewhere(self, sandbox_id: SandboxId) -> bool:
        """Whether a living process but this one has it, which alone can have it. Never raises."""
        ...

    async def close(self) -> None:
        """Close every sandbox this process made and has not paused; never raises."""
        ...


class SandboxSource(Protocol):
    """Where the pipeline gets a sandbox that holds the right files."""

    async def acquire(
        self, framework: Framework, files: AppFiles | None, task_id: TaskId
    ) -> Sandbox:
        """A fresh sandbox with exactly `files`, or the template's own when None.

        Raises: as `SandboxProvider.create`, and SandboxLost.
        """
        ...


# --- fetching ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    """One HTTP answer; `body` is cut at 2 MiB."""

    status: int
    body: str
    content_type: str = ""


class PageFetcher(Protocol):
    """Reads the preview over HTTP, as the gate's plain eye."""

    async def get(self, url: str, *, timeout_s: float) -> Page | None:
        """GET without following redirects off the origin; None when nothing answers."""
        ...


# --- looking at a page -------------------------------------------------------------------


class Browser(Protocol):
    """Looks at a stranger's page, as the gate's second eye. Neither method raises."""

    async def warm_up(self) -> None:
        """Be ready before somebody waits."""
        ...

    async def look(self, url: str) -> Sighting | None:
        """Load it in a fresh profile, within about 15 seconds; None where no browser can look."""
        ...


# --- time, ids, storage ------------------------------------------------------------------


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> datetime:
        """Wall time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Ids(Protocol):
    """The one source of ids."""

    def new(self, prefix: str) -> str:
        """A fresh id such as `task_01k…`: unguessable, sorting by time."""
        ...


class Blobs(Protocol):
    """Bytes by hash."""

    async def put(self, contents: Sequence[bytes]) -> list[BlobHash]:
        """Store; the same bytes twice are one blob. Raises: StoreUnavailable."""
        ...

    async def get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        """All of them. Raises: NotFound, StoreUnavailable."""
        ...


class Journal(Protocol):
    """Where a running task's events go, in order. Implemented by the worker over the store."""

    def record(self, event: Event) -> None:
        """Queue an event for the next flush: soon (30 ms on SQLite), or at 2 KB of text."""
        ...

    async def flush(self) -> None:
        """Return once everything recorded is durable.

        Raises: LeaseLost (this worker no longer owns the task), StoreUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a run ends. All settable; dollars and tokens count the whole task.

    `context_tokens` is what one request may hold, the answer aside.
    """

    steps: int = 40
    tokens: int = 1_500_000
    cost_usd: float = 5.0
    wall_s: float = 30 * 60
    context_tokens: int = 90_000


@dataclass(frozen=True, slots=True)
class Toolkit:
    """Everything the pipeline may touch, put together by the composition root."""

    llm: LLM
    sandboxes: SandboxSource
    fetcher: PageFetcher
    blobs: Blobs
    clock: Clock
    ids: Ids
    budget: Budget = field(default_factory=Budget)
    browser: Browser | None = None
    packages: PackageRegistry | None = None
    sources: Sources | None = None
    designs: Designs | None = None

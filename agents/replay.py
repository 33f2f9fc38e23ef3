"""What an earlier attempt of a task has done, read from its log: the part not to do again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agents import events as e
from agents.ports import Blobs, Message, ToolCall
from agents.types import BlobHash, Check, Diagnostic, Framework, Usage


@dataclass(slots=True)
class PastTurn:
    """A finished completion and the results of those of its tools that finished."""

    turn: e.TurnFinished
    results: dict[str, e.ToolFinished] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """Where a task stands. `turns` are those of the generation, in order.

    `fingerprints` and `rounds` are those of the fixes: what each was to repair.
    `cut` says that the log ends within a turn: what that turn streamed has to be voided.
    """

    framework: Framework | None = None
    imported: e.SourceImported | None = None
    design: e.DesignImported | None = None
    turns: list[PastTurn] = field(default_factory=list)
    files: dict[str, BlobHash | None] = field(default_factory=dict)
    fingerprints: list[str] = field(default_factory=list)
    rounds: list[tuple[Diagnostic, ...]] = field(default_factory=list)
    usage: Usage = Usage()
    requests: int = 0
    cut: bool = False


def read_progress(log: Iterable[e.Recorded]) -> Progress:
    """Fold a log into what need not be repeated.

    What an unfinished turn streamed, or an unfinished tool changed, is left out: it is done again.
    A fix counts once its checks have run again.
    """
    reader = _Reader()
    for recorded in log:
        reader.read(recorded.event)
    reader.progress.cut = reader.is_open
    return reader.progress


class _Reader:
    """The fold's moving parts: the open turn, the newest finished one, a fix not yet checked.

    `_open` and `_tool` hold what the open turn and the running tool have changed so far.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self._open: dict[str, BlobHash | None] | None = None
        self._tool: dict[str, BlobHash | None] | None = None
        self._purpose: e.AgentPurpose = "generate"
        self._newest: PastTurn | None = None
        self._fix: tuple[str, tuple[Diagnostic, ...]] | None = None
        self._found: list[Diagnostic] = []

    @property
    def is_open(self) -> bool:
        """Whether a turn has begun and not ended."""
        return self._open is not None

    def read(self, event: e.Event) -> None:
        progress = self.progress
        match event:
            case e.FrameworkSelected():
                progress.framework = event.framework
            case e.SourceImported():
                progress.imported = event
            case e.DesignImported():
                progress.design = event
            case e.UsageRecorded():
                progress.usage += event.usage
            case e.FixStarted():
                self._fix = event.fingerprint, tuple(self._found)
                self._found.clear()
            case e.CheckFinished():
                self._read_check(event)
            case e.FileChanged():
                changes = (self._open, self._tool, progress.files)
                files = next(held for held in changes if held is not None)
                files[event.path] = event.blob
            case _:
                self._read_turn(event)

    def _read_check(self, event: e.CheckFinished) -> None:
        if self._fix is not None:
            self.progress.fingerprints.append(self._fix[0])
            self.progress.rounds.append(self._fix[1])
            self._fix = None
        if event.skipped:
            return
        if event.check is Check.LINT:
            self._found += [d for d in event.diagnostics if d.severity == "error"]
        elif not event.ok:
            self._found += event.diagnostics

    def _read_turn(self, event: e.Event) -> None:
        match event:
            case e.TurnStarted():
                self.progress.requests += 1
                self._purpose, self._open, self._newest = event.purpose, {}, None
            case e.TextVoided() if self._open is not None:
                self._open = {}  # the turn goes on, unless its worker was lost
            case e.TaskStarted():
                self._open = self._tool = self._fix = None
                self._found.clear()
            case e.ToolStarted():
                self._tool = {}
            case e.TurnFinished():
                self.progress.files.update(self._open or {})
                self._open, self._newest = None, PastTurn(event)
                if self._purpose == "generate":
                    self.progress.turns.append(self._newest)
            case e.ToolFinished():
                self.progress.files.update(self._tool or {})
                self._tool = None
                if self._newest is not None:
                    self._newest.results[event.call_id] = event
            case _:
                pass


async def assistant_message(turn: e.TurnFinished, blobs: Blobs) -> Message:
    """The assistant's message of a recorded turn, its long arguments fetched."""
    stored = await blobs.get([c.arguments_blob for c in turn.calls if c.arguments_blob])
    calls = tuple(
        ToolCall(
            c.id, c.name, stored[c.arguments_blob].decode() if c.arguments_blob else c.arguments
        )
        for c in turn.calls
    )
    return Message("assistant", turn.text, tool_calls=calls)


async def record_turn(
    step: int, text: str, calls: Sequence[ToolCall], finish_reason: str, blobs: Blobs
) -> e.TurnFinished:
    """The event of a finished completion; arguments over 2 KB go to the blob store."""
    asked = []
    for call in calls:
        if len(call.arguments) <= 2_048:
            asked.append(e.ToolAsked(id=call.id, name=call.name, arguments=call.arguments))
        else:
            [blob] = await blobs.put([call.arguments.encode()])
            asked.append(e.ToolAsked(id=call.id, name=call.name, arguments_blob=blob))
    return e.TurnFinished(step=step, text=text, calls=tuple(asked), finish_reason=finish_reason)

"""One logical model call: ask, listen while it streams, decide what came, ask again if needed.

The one place that decides the outcome. A reply counts only if the provider says it is done
(`stop` or `tool_calls`) and every tool call's arguments parse as JSON. Everything else is taken
back and asked again, or raised. No I/O but through the ports it is given.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from agents.errors import (
    BadOutput,
    ContentRefused,
    GenerationError,
    ProviderError,
    ProviderUnavailable,
    Truncated,
    ZapdevError,
)
from agents.ports import (
    LLM,
    Clock,
    Finished,
    FinishReason,
    LLMChunk,
    LLMRequest,
    Message,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    UsageReport,
)
from agents.retry import MODEL, RetryPolicy, with_retry
from agents.stream_parser import FileStreamParser, StreamedFile
from agents.types import Usage

MODEL_CALL = MODEL
"""At most three requests per logical call; a continuation may add one."""

FILES_TOOL = "createOrUpdateFiles"
"""The tool whose files are handed out while its arguments still stream."""

CONTINUE = (
    "Your reply was cut off at the length limit. Go on exactly where your text stopped, without "
    "repeating any of it. A tool call you had begun was not carried out: make it again, in smaller "
    "pieces, with no more than three files or about 150 lines in one call."
)


class CompletionListener(Protocol):
    """Who watches a completion while it streams. Its own errors end the call at once."""

    def on_text(self, text: str) -> None:
        """A piece of the assistant's text."""
        ...

    async def on_file(self, call_index: int, path: str, content: str) -> None:
        """A file of `createOrUpdateFiles` has closed; its tool call may still be streaming."""
        ...

    async def on_void(self, reason: str) -> None:
        """All text and files of this completion so far never happened."""
        ...

    def on_usage(self, usage: Usage) -> None:
        """What one request cost, also of a request whose reply was thrown away."""
        ...


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply that may be acted on. `usage` adds up every request it took."""

    text: str
    calls: tuple[ToolCall, ...]
    finish_reason: Literal["stop", "tool_calls"]
    usage: Usage


async def complete(
    llm: LLM,
    request: LLMRequest,
    listener: CompletionListener,
    *,
    clock: Clock,
    policy: RetryPolicy = MODEL_CALL,
) -> Completion:
    """Get one reply that may be acted on.

    A reply cut by the length limit is continued once: its text stays, its tool calls are
    dropped. At most `policy.attempts` requests, and one more for the continuation.

    Raises:
        Truncated: cut again, or broken off in every attempt.
        BadOutput: no attempt gave arguments that parse, or anything at all.
        ProviderError: the last attempt's, or at once when asking again is useless.
    """
    call = _LogicalCall(llm, listener)
    try:
        reply = await with_retry(policy, lambda: call.ask(request), clock=clock)
        if reply.reason == "length":
            follow_up, kept = _continuation(request, reply.text), reply.text
            rest = policy.with_attempts(policy.attempts + 1 - call.requests)
            reply = await with_retry(rest, lambda: call.ask(follow_up, kept), clock=clock)
    except _ListenerFailed as failed:
        raise failed.error from None
    if reply.reason == "length":
        raise Truncated("The reply reached the length limit twice.")
    return Completion(
        text=reply.text, calls=reply.calls, finish_reason=reply.reason, usage=call.usage
    )


def _continuation(request: LLMRequest, kept: str) -> LLMRequest:
    partial = (Message("assistant", kept),) if kept else ()
    messages = (*request.messages, *partial, Message("user", CONTINUE))
    return replace(request, messages=messages)


class _ListenerFailed(Exception):
    """Carries a listener's error past the retries, which are for the model's alone."""

    def __init__(self, error: ZapdevError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply as far as it can be used: with reason `length` it has no calls."""

    text: str
    calls: tuple[ToolCall, ...]
    reason: Literal["stop", "tool_calls", "length"]


class _LogicalCall:
    """Counts the requests of one call and what they cost together."""

    def __init__(self, llm: LLM, listener: CompletionListener) -> None:
        self._llm = llm
        self._listener = listener
        self.requests = 0
        self.usage = Usage()

    async def ask(self, request: LLMRequest, kept: str = "") -> _Reply:
        """One request. What it showed is voided before its error is raised.

        `kept` is text of an earlier part that the reply continues; it is shown again first.
        """
        self.requests += 1
        stream = _Stream(self._listener, request.tools, kept)
        try:
            async with _closing(self._llm.stream(request)) as chunks:
                async for chunk in chunks:
                    if isinstance(chunk, UsageReport):
                        self.usage += chunk.usage
                    await stream.take(chunk)
            reply = stream.decide()
        except (ProviderError, GenerationError) as error:
            await stream.void(_REASONS.get(type(error), "The model's reply broke off."))
            raise
        if reply.reason == "length":
            await stream.void("The model's reply was too long; it goes on in smaller pieces.")
        return reply


_REASONS: dict[type[ZapdevError], str] = {
    BadOutput: "The model's reply was malformed.",
    ContentRefused: "The provider refused to go on.",
}


@dataclass(slots=True)
class _Call:
    """A tool call as far as it has arrived."""

    id: str | None = None
    name: str | None = None
    arguments: list[str] = field(default_factory=list)
    files: FileStreamParser | None = None


class _Stream:
    """One reply while it streams: passes on what can be shown, keeps what must be judged."""

    def __init__(self, listener: CompletionListener, tools: Sequence[ToolSpec], kept: str) -> None:
        self._listener = listener
        self._tools = {tool.name: tool for tool in tools}
        self._text: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._finish: FinishReason | None = None
        self._kept = kept
        self._shown = bool(kept)
        if kept:
            listener.on_text(kept)

    async def take(self, chunk: LLMChunk) -> None:
        match chunk:
            case TextDelta(text):
                self._take_text(text)
            case ToolCallDelta():
                await self._take_call(chunk)
            case UsageReport(usage):
                self._listener.on_usage(usage)
            case Finished(reason) if self._finish in {None, "stop", "tool_calls"}:
                self._finish = reason  # a bad reason is final, whatever follows
            case Finished():
                pass

    def _take_text(self, text: str) -> None:
        if text:
            self._shown = True
            self._text.append(text)
            self._listener.on_text(text)

    async def _take_call(self, delta: ToolCallDelta) -> None:
        call = self._calls.setdefault(delta.index, _Call())
        call.id = call.id or delta.id
        call.arguments.append(delta.arguments)
        new = delta.arguments
        if call.name is None and delta.name:
            call.name = delta.name
            if call.name == FILES_TOOL and FILES_TOOL in self._tools:
                call.files, new = FileStreamParser(), "".join(call.arguments)
        for file in call.files.feed(new) if call.files else ():
            await self._show_file(delta.index, file)

    async def _show_file(self, index: int, file: StreamedFile) -> None:
        """Hand a file on, unless it holds half characters that no file can: the tool says so."""
        try:
            file.path.encode()
            file.content.encode()
        except UnicodeEncodeError:
            return
        self._shown = True
        try:
            await self._listener.on_file(index, file.path, file.content)
        except ZapdevError as error:
            raise _ListenerFailed(error) from error

    async def void(self, reason: str) -> None:
        """Take back what was shown, if anything was."""
        if self._shown:
            await self._listener.on_void(reason)

    def decide(self) -> _Reply:
        """Whether the reply can be used, now that the stream has ended.

        Raises: Truncated, BadOutput, ProviderUnavailable, ContentRefused.
        """
        text = "".join(self._text)
        match self._finish:
            case None:
                raise Truncated("The stream ended without a finish reason.")
            case "error":
                raise ProviderUnavailable("The provider broke the reply off.")
            case "content_filter":
                raise ContentRefused("The provider's filter stopped the reply.")
            case "length":
                return _Reply(self._kept + text, (), "length")
            case "stop" | "tool_calls":
                calls = self._whole_calls()
                if not calls and (self._finish == "tool_calls" or not text.strip()):
                    raise BadOutput("The reply is empty.")
                return _Reply(self._kept + text, calls, self._finish)

    def _whole_calls(self) -> tuple[ToolCall, ...]:
        """The calls in the provider's order, each with an id, a name and arguments that parse."""
        return tuple(self._whole(index, call) for index, call in sorted(self._calls.items()))

    def _whole(self, index: int, call: _Call) -> ToolCall:
        if not call.name:
            raise BadOutput("A tool call has no name.")
        arguments = "".join(call.arguments)
        if not arguments.strip() and self._needs_nothing(call.name):
            arguments = "{}"
        try:
            json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise BadOutput(f"The arguments of {call.name} are not JSON.") from error
        return ToolCall(call.id or f"call_{index}", call.name, arguments)

    def _needs_nothing(self, name: str) -> bool:
        """Some models send no arguments at all, not even `{}`, to a tool that requires none."""
        tool = self._tools.get(name)
        return tool is not None and not tool.parameters.get("required")


@asynccontextmanager
async def _closing(chunks: AsyncIterator[LLMChunk]) -> AsyncIterator[AsyncIterator[LLMChunk]]:
    """Close the stream, and with it the connection, however the reading ends."""
    try:
        yield chunks
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()

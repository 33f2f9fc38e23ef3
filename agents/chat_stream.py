"""Chat Completions as it comes over the wire: bytes -> chunks, statuses -> errors. Pure."""

from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from agents.errors import (
    AuthFailed,
    BadOutput,
    BadProviderResponse,
    ContentRefused,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from agents.ports import Finished, FinishReason, LLMChunk, TextDelta, ToolCallDelta
from agents.types import Usage


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolPiece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolPiece] | None = None


class Problem(msgspec.Struct):
    """A provider's error object; `code` is a status or a word."""

    code: int | str | None = None
    message: Any = None
    type: Any = None
    metadata: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None
    error: Problem | None = None


class _Tokens(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Tokens | None = None
    error: Problem | str | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)

_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "content_filter",
}


class StreamDecoder:
    """Bytes of Server-Sent Events -> chunks. Keeps its place, so each byte is read once."""

    def __init__(self) -> None:
        self.done = False
        self.usage: Usage | None = None
        self._rest = b""
        self._progress = False
        self._slots = _ToolSlots()

    def take_progress(self) -> bool:
        """Whether the model itself has said anything since the last time this was asked."""
        progress, self._progress = self._progress, False
        return progress

    def feed(self, data: bytes) -> list[LLMChunk]:
        """Take one network read; empty bytes are the end.

        Raises: BadOutput, or the error that the provider reports in the stream.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data:
            lines, self._rest, self.done = [*lines, self._rest], b"", True
        chunks: list[LLMChunk] = []
        for line in lines:
            payload = _payload(line)
            if payload == b"[DONE]":
                self.done = True
                break
            if payload:
                for chunk in self._decode(payload):
                    _append(chunks, chunk)
        return chunks

    def _decode(self, payload: bytes) -> Iterator[LLMChunk]:
        try:
            chunk = _CHUNK.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadOutput("A chunk of the stream is malformed.") from error
        if chunk.error is not None:
            raise _reported(chunk.error)
        if chunk.usage is not None:
            self.usage = Usage(
                prompt_tokens=chunk.usage.prompt_tokens or 0,
                completion_tokens=chunk.usage.completion_tokens or 0,
                cost_usd=chunk.usage.cost or 0.0,
            )
        for choice in (chunk.choices or ())[:1]:
            yield from self._of_choice(choice)

    def _of_choice(self, choice: _Choice) -> Iterator[LLMChunk]:
        if choice.error is not None:
            raise _reported(choice.error)
        delta = choice.delta or _Delta()
        if delta.content:
            yield TextDelta(delta.content)
        for piece in delta.tool_calls or ():
            yield self._slots.place(piece)
        if choice.finish_reason:
            yield Finished(_FINISH.get(choice.finish_reason, "error"))
        self._progress |= bool(
            delta.content
            or delta.tool_calls
            or delta.reasoning
            or delta.reasoning_content
            or choice.finish_reason
        )


class _ToolSlots:
    """Puts each piece of a tool call where it belongs.

    Some servers leave the index out, some give every parallel call index 0 and another id, and
    some repeat id and name with each piece.
    """

    def __init__(self) -> None:
        self._slot_of: dict[int, int] = {}
        self._ids: list[str | None] = []
        self._named: list[bool] = []

    def place(self, piece: _ToolPiece) -> ToolCallDelta:
        function = piece.function or _Function()
        index = piece.index if piece.index is not None else self._guess(piece)
        slot = self._slot_of.get(index)
        if slot is None or self._is_another(slot, piece.id, function.name):
            slot = self._slot_of[index] = len(self._ids)
            self._ids.append(None)
            self._named.append(False)
        new_id = piece.id if self._ids[slot] is None and piece.id else None
        new_name = function.name if not self._named[slot] and function.name else None
        self._ids[slot] = self._ids[slot] or new_id
        self._named[slot] |= new_name is not None
        return ToolCallDelta(slot, function.arguments or "", id=new_id, name=new_name)

    def _guess(self, piece: _ToolPiece) -> int:
        """Without an index, a piece with a name begins a call, and any other goes on."""
        begins = piece.function is not None and bool(piece.function.name)
        return len(self._ids) if begins or not self._ids else len(self._ids) - 1

    def _is_another(self, slot: int, new_id: str | None, name: str | None) -> bool:
        known = self._ids[slot]
        return bool(name and new_id and known and new_id != known)


def _payload(line: bytes) -> bytes:
    """The JSON of one line, or nothing: comments, blank lines and other fields are skipped.

    A bare JSON object is taken too: some servers answer an error under 200 without an event.
    """
    line = line.strip()
    if line.startswith(b"data:"):
        return line[5:].strip()
    return line if line.startswith(b"{") else b""


def _append(chunks: list[LLMChunk], chunk: LLMChunk) -> None:
    """Add a chunk, joined with the one before where that says the same."""
    last = chunks[-1] if chunks else None
    match last, chunk:
        case TextDelta(before), TextDelta(text):
            chunks[-1] = TextDelta(before + text)
        case ToolCallDelta(), ToolCallDelta(id=None, name=None) if last.index == chunk.index:
            chunks[-1] = ToolCallDelta(
                last.index, last.arguments + chunk.arguments, id=last.id, name=last.name
            )
        case _:
            chunks.append(chunk)


# --- what goes wrong ---------------------------------------------------------------------

_NO_CREDIT = ("insufficient_quota", "billing_required", "billing_hard_limit_reached")
_REFUSED = ("content_filter", "content_policy_violation", "moderation", "flagged")
_STATUS_OF_WORD = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
}


def _reported(problem: Problem | str) -> ProviderError:
    """An error object inside a 200 stream, as the status it stands for."""
    if isinstance(problem, str):
        return ProviderUnavailable(f"The provider broke off: {problem[:300]}")
    code = problem.code
    if isinstance(code, int) or (code or "").isdecimal():
        status = int(code or 0)
    else:
        status = _STATUS_OF_WORD.get(str(code or problem.type), 502)
    return provider_error(status, problem, {})


def provider_error(status: int, problem: Problem, headers: Mapping[str, str]) -> ProviderError:
    """The error tree's word for an HTTP status.

    Source: OpenRouter's "Errors and Debugging": 401 key, 402 credit (with `Retry-After` it is
    worth waiting), 403 permission or moderation, 408 and 504 timeouts, 429 rate limit, 5xx model
    or provider down.
    """
    text = f"{status}: {str(problem.message or '')[:300]}"
    words = (problem.code, problem.type)
    metadata = problem.metadata if isinstance(problem.metadata, dict) else {}
    if any(word in words for word in _REFUSED) or "flagged_input" in metadata:
        return ContentRefused(text)
    if any(word in words for word in _NO_CREDIT):
        return AuthFailed(text)
    wait_s = _retry_after_s(headers)
    if status == 429 or (wait_s is not None and (status == 402 or status >= 500)):
        return RateLimited(text, retry_after_s=wait_s)
    if status in (401, 402, 403):
        return AuthFailed(text)
    if status in (408, 504):
        return ProviderTimeout(text)
    transient = status >= 500 or status in (409, 425)
    return ProviderUnavailable(text) if transient else BadProviderResponse(text)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `Retry-After` (RFC 9110: seconds, or a date) or `retry-after-ms`."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers.get(name, "")) / scale)
        except ValueError:
            continue
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, (at - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    except (ValueError, TypeError):
        return None

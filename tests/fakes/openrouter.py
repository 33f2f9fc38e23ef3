"""A stand-in for OpenRouter on loopback: scripted replies, byte for byte, faults included.

    async with FakeOpenRouter() as server:
        server.reply(text("Hello"), when=lambda seen: not seen.tools)
        server.reply(status(429, retry_after=2), files({"src/App.tsx": "…"}))
        llm = OpenRouterLLM(server.endpoint)

A reply is a status or a list of frames. Frames are bytes to send, `Pause`, `Hold` (wait for an
event the test sets) or `CUT` (drop the connection). Build ordinary streams with `text`,
`tool_call`, `files` and `stream`, and faults by leaving out or adding frames.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from agents.client import Endpoint

COMMENT: Final = b": OPENROUTER PROCESSING\n\n"
DONE: Final = b"data: [DONE]\n\n"
BEAT_S: Final = 1.0


class _Cut:
    """Drop the connection here."""


CUT: Final = _Cut()


@dataclass(frozen=True)
class Pause:
    """Wait this long, or until the client has gone."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Wait until the test sets the event; `beat` is sent each second, so that nobody gives up."""

    until: asyncio.Event
    beat: bytes = b""


Frame = bytes | Pause | Hold | _Cut


@dataclass(frozen=True)
class Reply:
    """One answer: an HTTP status with a body, or a stream of frames under 200."""

    frames: Sequence[Frame] = ()
    http_status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; `ended` is set when its answer has, or its client has gone."""

    headers: Mapping[str, str]
    body: dict[str, Any]
    peer: object = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tools(self) -> list[str]:
        """The names of the tools offered."""
        return [tool["function"]["name"] for tool in self.body.get("tools", ())]

    @property
    def last(self) -> dict[str, Any]:
        """The last message of the conversation."""
        last: dict[str, Any] = self.body["messages"][-1]
        return last


Matcher = Callable[[Seen], bool]
Script = Reply | Callable[[Seen], Reply]


# --- frames and replies ------------------------------------------------------------------


def chunk(delta: Mapping[str, Any], finish: str | None = None, **extra: object) -> bytes:
    """One chunk of the stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "fake/model"}
    return b"data: " + json.dumps({**head, "choices": [choice], **extra}).encode() + b"\n\n"


def usage(prompt: int = 100, completion: int = 50, cost: float = 0.0012) -> bytes:
    """The usage chunk that OpenRouter sends last."""
    tokens = {"prompt_tokens": prompt, "completion_tokens": completion, "cost": cost}
    return b"data: " + json.dumps({"choices": [], "usage": tokens}).encode() + b"\n\n"


def error_event(code: int | str = 502, message: str = "Provider disconnected") -> bytes:
    """An event that is nothing but an error object."""
    return b"data: " + json.dumps({"error": {"code": code, "message": message}}).encode() + b"\n\n"


def error_chunk(code: int | str = 502, message: str = "Provider disconnected") -> bytes:
    """An ordinary chunk that carries an error object."""
    return chunk({"content": ""}, "error", error={"code": code, "message": message})


def text_frames(*pieces: str) -> list[Frame]:
    """The assistant's text, a chunk per piece."""
    return [chunk({"content": piece}) for piece in pieces]


def call_frames(
    name: str, arguments: str, *, index: int = 0, call_id: str = "", size: int = 4
) -> list[Frame]:
    """One tool call: a chunk with id and name, then its arguments in pieces of `size`."""
    head = {"index": index, "id": call_id or f"call_{index}", "type": "function"}
    frames: list[Frame] = [
        chunk({"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]})
    ]
    for at in range(0, len(arguments), size):
        piece = {"index": index, "function": {"arguments": arguments[at : at + size]}}
        frames.append(chunk({"tool_calls": [piece]}))
    return frames


def files_arguments(files: Mapping[str, str]) -> str:
    """The arguments of `createOrUpdateFiles`."""
    return json.dumps({"files": [{"path": p, "content": c} for p, c in files.items()]})


def stream(frames: Sequence[Frame], finish: str | None = "stop", *, tail: bool = True) -> Reply:
    """A whole stream around `frames`; without `tail`, no usage and no `[DONE]`."""
    end: list[Frame] = [] if finish is None else [chunk({}, finish)]
    last: list[Frame] = [usage(), DONE] if tail else []
    return Reply([COMMENT, chunk({"role": "assistant", "content": ""}), *frames, *end, *last])


def text(*pieces: str, finish: str = "stop") -> Reply:
    """A plain answer."""
    return stream(text_frames(*pieces), finish)


def tool_call(name: str, arguments: str, *, before: str = "", size: int = 4) -> Reply:
    """An answer that calls one tool."""
    said = text_frames(before) if before else []
    return stream([*said, *call_frames(name, arguments, size=size)], "tool_calls")


def files(contents: Mapping[str, str], *, size: int = 4) -> Reply:
    """An answer that writes files."""
    return tool_call("createOrUpdateFiles", files_arguments(contents), size=size)


def paced(reply: Reply, seconds: float) -> Reply:
    """The same reply with a pause before each frame."""
    frames: list[Frame] = []
    for frame in reply.frames:
        frames += [Pause(seconds), frame]
    return Reply(frames, reply.http_status, reply.headers)


def status(
    code: int,
    *,
    retry_after: float | str | None = None,
    error_code: int | str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Reply:
    """An HTTP error with OpenRouter's body."""
    error = {"code": error_code or code, "message": f"status {code}", "metadata": metadata or {}}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply([json.dumps({"error": error}).encode()], code, headers)


# --- the server --------------------------------------------------------------------------


class FakeOpenRouter:
    """Answers each request with the next reply of the first script that matches it.

    A request that no script answers gets 500 and is listed in `unscripted`.
    """

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.unscripted: list[Seen] = []
        self._scripts: list[tuple[Matcher, list[Script], bool]] = []
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    @property
    def endpoint(self) -> Endpoint:
        """Where an `OpenRouterLLM` finds this server."""
        return Endpoint(self.base_url, "sk-or-test", openrouter=True)

    def reply(self, *replies: Script, when: Matcher = lambda _: True) -> None:
        """Answer the next matching requests with these, one each, in order."""
        self._scripts.append((when, list(replies), False))

    def always(self, reply: Script, when: Matcher = lambda _: True) -> None:
        """Answer every matching request that no earlier script answers."""
        self._scripts.append((when, [reply], True))

    def clear(self) -> None:
        """Forget scripts and requests."""
        self._scripts.clear()
        self.requests.clear()
        self.unscripted.clear()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/api/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{port}/api/v1"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        seen = Seen(dict(request.headers), await request.json(), peer)
        self.requests.append(seen)
        try:
            return await _send(request, self._next(seen))
        finally:
            seen.ended.set()

    def _next(self, seen: Seen) -> Reply:
        for matches, replies, stays in self._scripts:
            if replies and matches(seen):
                script = replies[0] if stays else replies.pop(0)
                return script if isinstance(script, Reply) else script(seen)
        self.unscripted.append(seen)
        return status(500)


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
    kind = "text/event-stream" if reply.http_status == 200 else "application/json"
    response = web.StreamResponse(
        status=reply.http_status, headers={"Content-Type": kind, **reply.headers}
    )
    try:
        await response.prepare(request)
        for frame in reply.frames:
            await _send_frame(request, response, frame)
        await response.write_eof()
    except ConnectionError:
        return response  # the client has gone, or was cut off: nobody is left to tell
    return response


async def _send_frame(request: web.Request, response: web.StreamResponse, frame: Frame) -> None:
    """Raises: ConnectionError once the client has gone."""
    match frame:
        case bytes():
            await response.write(frame)
        case Pause(seconds):
            await _wait(request, seconds)
        case Hold(until, beat):
            while not await _is_set(until, BEAT_S):
                await response.write(beat)
        case _Cut():
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionAbortedError


async def _is_set(event: asyncio.Event, limit_s: float) -> bool:
    """Whether it is within that time."""
    try:
        async with asyncio.timeout(limit_s):
            return await event.wait()
    except TimeoutError:
        return False


async def _wait(request: web.Request, seconds: float) -> None:
    """Stall until the time is over or the client leaves, which shows by its transport."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
        await asyncio.sleep(min(0.02, max(0.0, end - loop.time())))

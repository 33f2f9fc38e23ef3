"""One task's log as Server-Sent Events, from any cursor, to a client that may come and go.

The client never holds anything up: each write has a deadline, after which the connection is
dropped and the client resumes by `Last-Event-ID`. Closing it does not stop the task. There is no
compression, which would hold events back.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from agents.background import Background
from agents.errors import BadRequest, StoreUnavailable
from agents.events import Recorded, TaskCompleted
from agents.logger import create_logger
from agents.types import TaskId
from bot.render import sse
from bot.services.projects import TextFiles
from bot.sidecar.deps import DEPS, SidecarDeps
from bot.sidecar.watchers import Ending, Watchers, keep_signing_out
from bot.sidecar.who import principal_of
from bot.store.port import TaskRow

STREAMS: web.AppKey["Streams"] = web.AppKey("streams")

_RECONNECT_AFTER = b"retry: 1000\n\n"
_PIECE = 64 * 1024
_SEND_BUFFER = 128 * 1024
"""Bytes that the system may hold of what a reader has not read (it doubles this). By itself it
would take megabytes, and a reader that has stopped would be noticed that much later."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""`struct linger`: on, 0 seconds (socket(7))."""

_log = create_logger(__name__)


class ReaderGone(Exception):
    """The client closed the connection, or took longer than allowed to read."""


class Streams:
    """Every open stream of this process, so that a stop or a sign-out can end them."""

    def __init__(self) -> None:
        self.watchers = Watchers()

    async def stop(self, app: web.Application) -> None:
        """Let open streams end after what they are writing; clients reconnect elsewhere."""
        del app
        self.watchers.stop()

    async def looking_for_sign_outs(self, app: web.Application) -> AsyncIterator[None]:
        """For as long as the server runs: those of other processes count, too."""
        deps = app[DEPS]
        background = Background()
        if deps.sign_outs is not None:
            looking = keep_signing_out(self.watchers, deps.sign_outs)
            background.spawn(looking, name="sign-outs")
        yield
        await background.stop()

    async def serve(self, request: web.Request, task: TaskRow, after: int) -> web.StreamResponse:
        """Answer with the task's events after `after`, until the terminal one was sent.

        Once the headers are out no status can tell of an error: it is logged, and the connection is
        broken off, so that the client resumes. So this is a boundary that catches `Exception`.
        """
        deps = request.app[DEPS]
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        writer = _Writer(request, response, deps.write_timeout_s)
        batches = deps.feed.follow(task.id, after)
        background = Background()
        limit_s = None if deps.sign_in is None else deps.stream_s
        try:
            with (
                deps.metrics.streaming(is_resumed=after > 0),
                self.watchers.watching(principal_of(request), limit_s) as watcher,
            ):
                await writer.write(_RECONNECT_AFTER)
                await _relay(deps, task, _Pump(batches, background), writer, watcher.over)
        except ReaderGone:
            _log.info("stream reader gone", task_id=task.id)
        except StoreUnavailable:
            _log.warning("stream interrupted by the store", task_id=task.id)
            writer.abort()
        except Exception:  # noqa: BLE001 - the boundary, as the docstring says
            _log.exception("stream failed", task_id=task.id)
            writer.abort()
        finally:
            await background.stop()
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()
        return response


async def _relay(
    deps: SidecarDeps,
    task: TaskRow,
    pump: "_Pump",
    writer: "_Writer",
    over: asyncio.Future[Ending],
) -> None:
    """Write batches as they come and a comment when none does, until either side ends."""
    following = pump.next()
    while not over.done():
        either: set[asyncio.Future[Any]] = {following, over}
        await asyncio.wait(either, timeout=deps.heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
        if over.done():
            break
        if following.done():
            batch = following.result()
            if batch is None:
                return
            await writer.write(await _encode(deps, task, batch))
            following = pump.next()
        else:
            await writer.write(sse.comment("still here"))
    if over.result() is not Ending.SERVER_STOPS:
        await writer.write(sse.sign_in_again(over.result()))


@dataclass(frozen=True, slots=True)
class _Pump:
    """Takes batches one at a time, so that waiting for one can be interrupted by a heartbeat."""

    batches: AsyncIterator[list[Recorded]]
    background: Background

    def next(self) -> asyncio.Task[list[Recorded] | None]:
        """The next batch, or None after the last."""
        return self.background.start(self._take(), name="stream-follow")

    async def _take(self) -> list[Recorded] | None:
        return await anext(self.batches, None)


class _Writer:
    """Writes with a deadline for each piece; a client that reads nothing meanwhile is cut off."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, timeout_s: float
    ) -> None:
        self._request = request
        self._response = response
        self._timeout_s = timeout_s
        transport, raw = request.transport, self._socket
        if transport is not None and raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            transport.set_write_buffer_limits(high=0)  # a write waits for what the system has not

    @property
    def _socket(self) -> Any:
        """The connection's, as long as there is one."""
        transport = self._request.transport
        return None if transport is None else transport.get_extra_info("socket")

    async def write(self, data: bytes) -> None:
        """In pieces: what is long, such as a whole app, only has to go on. Raises: ReaderGone."""
        try:
            for start in range(0, len(data), _PIECE):
                async with asyncio.timeout(self._timeout_s):
                    await self._response.write(data[start : start + _PIECE])
                    await self._request.writer.drain()
        except TimeoutError:
            self.abort()
            raise ReaderGone from None
        except ConnectionError:
            raise ReaderGone from None

    def abort(self) -> None:
        """Reset the connection at once; the system does not keep what was not read."""
        transport, raw = self._request.transport, self._socket
        if transport is not None and raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()


async def _encode(deps: SidecarDeps, task: TaskRow, batch: list[Recorded]) -> bytes:
    """One write per batch; the completed frame carries the whole app."""
    frames = [await _frame(deps, task, recorded) for recorded in batch]
    return b"".join(frame for frame in frames if frame is not None)


async def _frame(deps: SidecarDeps, task: TaskRow, recorded: Recorded) -> bytes | None:
    event = recorded.event
    if not isinstance(event, TaskCompleted):
        return sse.encode(recorded)
    app = await _app_after(deps, task, event)
    return sse.encode(recorded, files=app.text, binary_files=app.binary, project_id=task.project_id)


async def _app_after(deps: SidecarDeps, task: TaskRow, event: TaskCompleted) -> TextFiles:
    """The whole app after the task: its own version, or the project's when it made none."""
    return await deps.projects.text_files(task.owner, task.project_id, event.fragment_id)


def cursor(request: web.Request, task: TaskRow) -> int:
    """Where to resume: `Last-Event-ID`, else `?after=`, else 0 for the start.

    Raises: BadRequest that names the one that is not a seq of this task's log, also where the
    other one would count.
    """
    given: list[int] = []
    for name, raw in (
        ("Last-Event-ID", request.headers.get("Last-Event-ID")),
        ("after", request.query.get("after")),
    ):
        if raw is None:
            continue
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 12):
            raise BadRequest(f"{name} must be the id of a frame, a whole number.", field=name)
        if int(raw) > task.last_seq:
            raise BadRequest(f"{name} is beyond the end of this task's log.", field=name)
        given.append(int(raw))
    return given[0] if given else 0


def task_id_of(request: web.Request) -> TaskId:
    """The `taskId` of the query. Raises: BadRequest."""
    raw = request.query.get("taskId", "")
    if not raw:
        raise BadRequest("“taskId” is missing.", field="taskId")
    return TaskId(raw)

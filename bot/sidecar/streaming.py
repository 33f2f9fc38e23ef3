"""One task's log as Server-Sent Events, from any cursor, to a client that may come and go.

The client never holds anything up: each write has a deadline, after which the connection is
dropped and the client resumes by `Last-Event-ID`. Closing it does not stop the task. There is no
compression, which would hold events back.
"""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from agents.background import Background
from agents.errors import BadRequest, StoreError
from agents.events import Recorded, TaskCompleted
from agents.logger import create_logger
from agents.types import TaskId
from bot.render import sse
from bot.sidecar.deps import DEPS, SidecarDeps
from bot.store.port import TaskRow

STREAMS: web.AppKey["Streams"] = web.AppKey("streams")

_RECONNECT_AFTER = b"retry: 1000\n\n"
_log = create_logger(__name__)


class ReaderGone(Exception):
    """The client closed the connection, or took longer than allowed to read."""


class Streams:
    """Every open stream of this process, so that a graceful stop can end them."""

    def __init__(self) -> None:
        self._background = Background()
        self._stopping = asyncio.Event()

    async def stop(self, app: web.Application) -> None:
        """Let open streams end after what they are writing; clients reconnect elsewhere."""
        del app
        self._stopping.set()

    async def close(self, app: web.Application) -> None:
        """Leave nothing running."""
        del app
        await self._background.stop()

    async def serve(self, request: web.Request, task: TaskRow, after: int) -> web.StreamResponse:
        """Answer with the task's events after `after`, until the terminal one was sent."""
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
                "X-Task-Id": task.id,
            }
        )
        await response.prepare(request)
        writer = _Writer(request, response, request.app[DEPS].write_timeout_s)
        try:
            await writer.write(_RECONNECT_AFTER)
            await self._relay(request.app[DEPS], task, after, writer)
            await response.write_eof()
        except ReaderGone:
            _log.info("stream reader gone", task_id=task.id)
        except StoreError:
            # The headers are out, so no status can say it: break off, and the client resumes.
            _log.warning("stream interrupted by the store", task_id=task.id, exc_info=True)
            writer.abort()
        return response

    async def _relay(self, deps: SidecarDeps, task: TaskRow, after: int, writer: "_Writer") -> None:
        stopping = self._background.start(self._stopping.wait(), name="stream-stopping")
        batches = deps.feed.follow(task.id, after)
        following = self._background.start(_next(batches), name="stream-follow")
        try:
            while not stopping.done():
                await asyncio.wait(
                    {following, stopping},
                    timeout=deps.heartbeat_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not following.done():
                    await writer.write(sse.comment("still here"))
                    continue
                batch = following.result()
                if batch is None:
                    return
                await writer.write(await _encode(deps, task, batch))
                following = self._background.start(_next(batches), name="stream-follow")
        finally:
            following.cancel()
            stopping.cancel()


class _Writer:
    """Writes with a deadline; a client that is too slow is cut off."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, timeout_s: float
    ) -> None:
        self._request = request
        self._response = response
        self._timeout_s = timeout_s

    async def write(self, data: bytes) -> None:
        """Raises: ReaderGone."""
        if not data:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._response.write(data)
        except TimeoutError:
            self.abort()
            raise ReaderGone from None
        except ConnectionError:
            raise ReaderGone from None

    def abort(self) -> None:
        """Drop the connection at once, with whatever it has not read."""
        if self._request.transport is not None:
            self._request.transport.abort()


async def _next(batches: AsyncIterator[list[Recorded]]) -> list[Recorded] | None:
    return await anext(batches, None)


async def _encode(deps: SidecarDeps, task: TaskRow, batch: list[Recorded]) -> bytes:
    """One write per batch; the completed frame carries the whole app."""
    frames = []
    for recorded in batch:
        files = None
        if isinstance(recorded.event, TaskCompleted) and recorded.event.fragment_id:
            files = await deps.projects.text_files(deps.owner, task.id, recorded.event.fragment_id)
        frames.append(sse.encode(recorded, files=files) or b"")
    return b"".join(frames)


def cursor(request: web.Request, task: TaskRow) -> int:
    """Where to resume: `Last-Event-ID`, else `?after=`, else 0 for the start.

    Raises: BadRequest that names the one that is not a seq of this task's log.
    """
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
        return int(raw)
    return 0


def task_id_of(request: web.Request) -> TaskId:
    """The `taskId` of the query. Raises: BadRequest."""
    raw = request.query.get("taskId", "")
    if not raw:
        raise BadRequest("“taskId” is missing.", field="taskId")
    return TaskId(raw)

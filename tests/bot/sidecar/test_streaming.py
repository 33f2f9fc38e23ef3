import asyncio
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from agents.errors import NotFound, StoreError
from agents.events import Recorded, TaskStarted
from agents.types import TaskId
from tests.fakes.sidecar import Frame, RunningSidecar, frames, read_all, running_sidecar
from tests.fakes.worker import APP, ICON

PROMPT = {"prompt": "A kanban board for a bike shop"}


class BrokenLog:
    """One event, then, when told, an error."""

    def __init__(self, error: Exception) -> None:
        self.breaks = asyncio.Event()
        self._error = error

    async def follow(self, task_id: TaskId, after: int) -> AsyncIterator[list[Recorded]]:
        event = TaskStarted(attempt=1, worker_id="w")
        yield [
            Recorded(
                task_id=task_id, seq=after + 1, at=datetime(2026, 1, 1, tzinfo=UTC), event=event
            )
        ]
        await self.breaks.wait()
        raise self._error


@asynccontextmanager
async def following(
    sidecar: RunningSidecar, task_id: str, *, after: int | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with sidecar.http.get(
        f"/api/stream-progress?taskId={task_id}", headers=headers
    ) as answer:
        assert answer.status == 200, await answer.text()
        yield answer


async def whole_stream(sidecar: RunningSidecar, task_id: str) -> list[Frame]:
    async with following(sidecar, task_id) as answer:
        return await read_all(answer)


async def test_a_build_streams_from_the_first_frame_to_complete(sidecar: RunningSidecar) -> None:
    async with sidecar.http.post("/api/generate", json=PROMPT) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in answer.headers
        stream = frames(answer)
        first = await anext(stream)
        assert (first.seq, first.type, first.data["kind"]) == (1, "task", "generate")
        await sidecar.worker.take()
        await sidecar.worker.build({**APP, "public/icon.png": ICON})
        seen = [frame async for frame in stream]
    assert [frame.seq for frame in seen] == sorted({frame.seq for frame in seen})
    assert [frame.data["filePath"] for frame in seen if frame.type == "file"] == [
        *APP,
        "public/icon.png",
    ]
    last = seen[-1]
    assert last.type == "complete"
    assert last.data["files"] == {path: content.decode() for path, content in APP.items()}
    assert last.data["binaryFiles"] == ["public/icon.png"]
    assert last.data["taskId"] == first.data["taskId"]
    assert last.data["projectId"] == first.data["projectId"]


async def test_a_frame_arrives_before_the_next_event_exists(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task()
    await sidecar.worker.take()
    async with following(sidecar, started["taskId"]) as answer:
        stream = frames(answer)
        for path, content in APP.items():
            await sidecar.worker.write({path: content})
            async for frame in stream:
                if frame.type == "file":
                    assert frame.data["filePath"] == path
                    break


async def test_a_reader_that_reconnects_anywhere_gets_exactly_the_rest(
    sidecar: RunningSidecar,
) -> None:
    started = await sidecar.built_project()
    whole = await whole_stream(sidecar, started["taskId"])
    assert len(whole) > 15
    for cut in range(len(whole) - 1):
        async with following(sidecar, started["taskId"], after=whole[cut].seq) as answer:
            assert await read_all(answer) == whole[cut + 1 :]


async def test_another_instance_over_the_same_file_continues_without_gap_or_duplicate(
    sidecar: RunningSidecar, tmp_path: Path
) -> None:
    started = await sidecar.start_task()
    await sidecar.worker.take()
    await sidecar.worker.prepare()
    await sidecar.worker.say("Here is ")
    seen: list[Frame] = []
    async with following(sidecar, started["taskId"]) as answer:
        async for frame in frames(answer):
            seen.append(frame)
            if frame.type == "stream":
                break
    async with running_sidecar(tmp_path / "zapdev.db") as other:
        async with following(other, started["taskId"], after=seen[-1].seq) as answer:
            await sidecar.worker.say("the app.")
            await sidecar.worker.complete(APP)
            seen += await read_all(answer)
        assert seen == await whole_stream(other, started["taskId"])


async def test_closing_the_client_leaves_the_task_running(sidecar: RunningSidecar) -> None:
    async with sidecar.http.post("/api/generate", json=PROMPT) as answer:
        first = await anext(frames(answer))
        await sidecar.worker.take()
        answer.close()
    await sidecar.worker.build()
    whole = await whole_stream(sidecar, first.data["taskId"])
    assert whole[-1].type == "complete"


async def test_a_cancelled_task_ends_its_stream(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task()
    await sidecar.worker.take()
    async with following(sidecar, started["taskId"]) as answer:
        async with sidecar.http.post(f"/api/tasks/{started['taskId']}/cancel", json={}) as stop:
            assert stop.status == 202
        assert await sidecar.worker.stop_if_asked()
        assert [frame.type for frame in await read_all(answer)][-1] == "cancelled"


async def test_a_slow_reader_is_dropped_and_can_resume(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "zapdev.db", write_timeout_s=0.2) as sidecar:
        started = await sidecar.start_task()
        await sidecar.worker.take()
        with closing(await _reader_that_does_not_read(sidecar, started["taskId"])) as reader:
            for _ in range(40):
                await sidecar.worker.say("x" * 200_000)
            assert await asyncio.to_thread(_reset_within, reader, seconds=20)
        await sidecar.worker.complete(APP)
        whole = await whole_stream(sidecar, started["taskId"])
        texts = [frame.data["content"] for frame in whole if frame.type == "stream"]
        assert sum(map(len, texts)) == 40 * 200_000


async def test_a_reader_that_goes_on_gets_a_long_frame_however_long_it_takes(
    tmp_path: Path,
) -> None:
    async with running_sidecar(tmp_path / "zapdev.db", write_timeout_s=0.3) as sidecar:
        started = await sidecar.start_task()
        await sidecar.worker.take()
        await sidecar.worker.complete({"big.txt": b"a" * 20_000_000})
        loop = asyncio.get_running_loop()
        began, size = loop.time(), 0
        async with following(sidecar, started["taskId"]) as answer:
            while piece := await answer.content.readany():
                size += len(piece)
                await asyncio.sleep(0.02)
        assert size > 20_000_000
        assert loop.time() - began > 0.3, "it was no test of the deadline"


async def _reader_that_does_not_read(sidecar: RunningSidecar, task_id: str) -> socket.socket:
    """A client that asks for a stream, has a tiny buffer, and never looks."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    loop = asyncio.get_running_loop()
    port = int(sidecar.url.rsplit(":", 1)[1])
    await loop.sock_connect(reader, ("127.0.0.1", port))
    asked = f"GET /api/stream-progress?taskId={task_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    await loop.sock_sendall(reader, asked.encode())
    return reader


def _reset_within(reader: socket.socket, *, seconds: float) -> bool:
    """Whether the server breaks the connection in time; data that waits does not count."""
    poller = select.poll()
    poller.register(reader, 0)
    return bool(poller.poll(seconds * 1000))


async def test_a_silent_stream_is_kept_open_by_comments(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "zapdev.db", heartbeat_s=0.02) as sidecar:
        started = await sidecar.start_task()
        async with following(sidecar, started["taskId"]) as answer:
            comments = 0
            async for line in answer.content:
                comments += line.startswith(b":")
                if comments == 3:
                    break
            await sidecar.worker.take()
            await sidecar.worker.build()
            assert (await read_all(answer))[-1].type == "complete"


async def test_a_stream_that_was_seen_to_its_end_answers_204(sidecar: RunningSidecar) -> None:
    started = await sidecar.built_project()
    last = (await whole_stream(sidecar, started["taskId"]))[-1]
    async with sidecar.http.get(
        f"/api/stream-progress?taskId={started['taskId']}&after={last.seq}"
    ) as answer:
        assert answer.status == 204


async def test_after_in_the_query_resumes_too_and_the_header_wins(sidecar: RunningSidecar) -> None:
    started = await sidecar.built_project()
    whole = await whole_stream(sidecar, started["taskId"])
    path = f"/api/stream-progress?taskId={started['taskId']}&after={whole[3].seq}"
    async with sidecar.http.get(path) as answer:
        assert await read_all(answer) == whole[4:]
    async with sidecar.http.get(path, headers={"Last-Event-ID": str(whole[6].seq)}) as answer:
        assert await read_all(answer) == whole[7:]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "", "9999", "1e3", "٣", "9" * 40])
async def test_a_cursor_that_is_none_is_400_and_named(sidecar: RunningSidecar, cursor: str) -> None:
    started = await sidecar.start_task()
    path = f"/api/stream-progress?taskId={started['taskId']}"
    async with sidecar.http.get(path, headers={"Last-Event-ID": cursor}) as answer:
        assert (answer.status, (await answer.json())["error"]["field"]) == (400, "Last-Event-ID")
    for headers in ({}, {"Last-Event-ID": "0"}):
        async with sidecar.http.get(path, params={"after": cursor}, headers=headers) as answer:
            assert (answer.status, (await answer.json())["error"]["field"]) == (400, "after")


async def test_following_without_a_task_is_400_and_named(sidecar: RunningSidecar) -> None:
    async with sidecar.http.get("/api/stream-progress") as answer:
        assert (answer.status, (await answer.json())["error"]["field"]) == (400, "taskId")


async def test_fix_errors_streams_its_own_task(sidecar: RunningSidecar) -> None:
    built = await sidecar.built_project()
    body = {"projectId": built["projectId"]}
    async with sidecar.http.post("/api/fix-errors", json=body) as answer:
        stream = frames(answer)
        first = await anext(stream)
        assert (first.data["kind"], first.data["projectId"]) == ("fix", built["projectId"])
        await sidecar.worker.take()
        await sidecar.worker.fail()
        assert [frame.type async for frame in stream][-1] == "error"


async def test_stopping_the_server_ends_open_streams_without_a_terminal_frame(
    tmp_path: Path,
) -> None:
    async with running_sidecar(tmp_path / "zapdev.db") as sidecar:
        started = await sidecar.start_task()
        async with following(sidecar, started["taskId"]) as answer:
            stream = frames(answer)
            await anext(stream)
            await sidecar.runner.shutdown()
            assert [frame.type async for frame in stream] == []


async def test_a_store_that_goes_away_breaks_the_stream_off_instead_of_ending_it(
    sidecar: RunningSidecar,
) -> None:
    started = await sidecar.start_task()
    async with following(sidecar, started["taskId"]) as answer:
        stream = frames(answer)
        await anext(stream)
        await sidecar.store.close()
        with pytest.raises(aiohttp.ClientPayloadError):
            await anext(stream)
    async with sidecar.http.get(f"/api/tasks/{started['taskId']}") as later:
        assert (later.status, later.headers["Retry-After"]) == (503, "2")


@pytest.mark.parametrize(
    "error",
    [StoreError("no sense"), NotFound("task"), KeyError("kind")],
    ids=lambda e: type(e).__name__,
)
async def test_any_error_breaks_an_open_stream_off_and_answers_no_second_time(
    tmp_path: Path, error: Exception
) -> None:
    log = BrokenLog(error)
    async with running_sidecar(tmp_path / "zapdev.db", feed=log) as sidecar:
        started = await sidecar.start_task()
        port = int(sidecar.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path = f"/api/stream-progress?taskId={started['taskId']}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert (await reader.readuntil(b"id: 1\n")).startswith(b"HTTP/1.1 200 ")
        log.breaks.set()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 5)
        writer.close()

"""Campaign `slow-readers`: SIZE readers stop reading, beside SIZE that read on.

One process serves and writes one log of long events; the stalled ones never look at what comes.
When all of them have been dropped and the log has ended, they resume and read it from its start.

`live_p99_ms`: from an event's place in the log to a live reader. `dropped_within_s`: from when the
system's buffer of a stalled connection was full to its reset, the longest. `rss_growth_mb`: of the
server, from when all were connected to the end. `kept`: stalled readers that were not dropped.
`unread`: frames that a reader, live or resumed, has not got.
"""

import asyncio
import os
import select
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from agents.background import Background
from agents.system import SystemClock
from agents.types import TaskId
from bot.feed import Hub
from bot.render.sse import to_wire
from bot.store.port import Store
from tests.campaigns._crew import Helper, crew
from tests.campaigns._light_process import Surroundings
from tests.campaigns._places import store_place
from tests.fakes.server import frames

DEFAULT_SIZE = 50
LIVE_P99_MS, DROPPED_WITHIN_S, RSS_GROWTH_MB = 250.0, 10.0, 20.0
EVENTS, CHARS = 3_000, 2_000
"""Some 25 seconds, and far more than the system buffers for one connection."""

LIMIT_S = 120.0
_SAMPLE_S = 0.05
_CLOCK = SystemClock()


@dataclass(slots=True)
class Stalled:
    """A connection that asked for a stream and never reads."""

    socket: socket.socket
    queued: int = 0
    full_at: float = 0.0
    dropped_at: float | None = None

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


@dataclass(slots=True)
class Live:
    """When each frame came, by the clock on the wall; `resumed` ones are not timed."""

    came: dict[int, datetime] = field(default_factory=dict)


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Play it; the figures are named in the campaign's module docstring."""
    began = _CLOCK.monotonic()
    with tempfile.TemporaryDirectory(prefix="zapdev-slow-") as name:
        async with store_place(store) as place:
            given = Surroundings(place, "http://127.0.0.1:1/v1", str(Path(name, "effects")))
            async with crew(given, Path(name), workers=0, sidecars=0) as people:
                database = await place.open(Hub())
                try:
                    server = await people.start("herald")
                    figures = await _play(server, database, size)
                finally:
                    await database.close()
                complaints = people.complaints()
    ok = (
        figures["live_p99_ms"] < LIVE_P99_MS
        and figures["dropped_within_s"] <= DROPPED_WITHIN_S
        and figures["rss_growth_mb"] < RSS_GROWTH_MB
        and not (figures["kept"] or figures["unread"] or complaints)
    )
    took_s = round(_CLOCK.monotonic() - began, 1)
    return {"ok": ok, **figures, "complaints": len(complaints), "runtime_s": took_s}


async def _play(server: Helper, database: Store, size: int) -> dict[str, float]:
    background = Background()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        task_id = await _ask(http, server.id)
        live = [Live() for _ in range(size)]
        following = [
            background.start(_follow(http, server.id, task_id, r), name="live") for r in live
        ]
        stalled = [await _stall(server.id, task_id) for _ in range(size)]
        try:
            while not all(reader.came for reader in live):  # noqa: ASYNC110
                await asyncio.sleep(_SAMPLE_S)
            before_kb = _resident_kb(server)
            async with asyncio.timeout(LIMIT_S):
                await _watch(server, stalled)
                await asyncio.gather(*following)
            growth_kb = _resident_kb(server) - before_kb
            resumed = [Live() for _ in stalled]
            await asyncio.gather(*(_follow(http, server.id, task_id, r) for r in resumed))
        finally:
            await background.stop()
            for reader in stalled:
                reader.socket.close()
    log = await database.read(TaskId(task_id), limit=1_000_000)
    at = {recorded.seq: recorded.at for recorded in log if to_wire(recorded) is not None}
    delays = sorted((r.came[seq] - at[seq]).total_seconds() for r in live for seq in r.came)
    dropped = [r.dropped_at - r.full_at for r in stalled if r.dropped_at is not None]
    return {
        "events": len(log),
        "live_p50_ms": round(delays[len(delays) // 2] * 1_000, 1),
        "live_p99_ms": round(delays[int(len(delays) * 0.99)] * 1_000, 1),
        "dropped_within_s": round(max(dropped, default=LIMIT_S), 2),
        "kept": size - len(dropped),
        "rss_growth_mb": round(growth_kb / 1_024, 1),
        "unread": sum(len(at.keys() - r.came.keys()) for r in (*live, *resumed)),
    }


async def _ask(http: aiohttp.ClientSession, url: str) -> str:
    headers, body = {"Accept": "application/json"}, {"prompt": f"{EVENTS} {CHARS}"}
    async with http.post(f"{url}/api/generate", json=body, headers=headers) as answer:
        answer.raise_for_status()
        return str((await answer.json())["taskId"])


async def _follow(http: aiohttp.ClientSession, url: str, task_id: str, reader: Live) -> None:
    timeout = aiohttp.ClientTimeout(total=LIMIT_S)
    address = f"{url}/api/stream-progress?taskId={task_id}"
    async with http.get(address, timeout=timeout) as answer:
        answer.raise_for_status()
        async for frame in frames(answer):
            reader.came[frame.seq] = datetime.now(UTC)  # noqa: TID251 - compared with the log's


async def _stall(url: str, task_id: str) -> Stalled:
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    reader.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    loop, port = asyncio.get_running_loop(), int(url.rpartition(":")[2])
    await loop.sock_connect(reader, ("127.0.0.1", port))
    asked = f"GET /api/stream-progress?taskId={task_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    await loop.sock_sendall(reader, asked.encode())
    return Stalled(reader)


async def _watch(server: Helper, stalled: Sequence[Stalled]) -> None:
    """Until all are dropped, or the server has nothing more to send them."""
    port = int(server.id.rpartition(":")[2])
    give_up_at = _CLOCK.monotonic() + LIMIT_S / 2
    while any(r.dropped_at is None for r in stalled) and _CLOCK.monotonic() < give_up_at:
        queued, now = await asyncio.to_thread(_queued, port), _CLOCK.monotonic()
        for reader in (r for r in stalled if r.dropped_at is None):
            waiting = queued.get(reader.port, 0)
            if _is_reset(reader.socket):
                reader.dropped_at = now
            elif waiting > reader.queued:
                reader.queued, reader.full_at = waiting, now
        await asyncio.sleep(_SAMPLE_S)


def _is_reset(reader: socket.socket) -> bool:
    """Data that waits does not count."""
    poller = select.poll()
    poller.register(reader, 0)
    return bool(poller.poll(0))


def _queued(server_port: int) -> dict[int, int]:
    """How many bytes the system holds of what the server sent, by the client's port."""
    found = {}
    with suppress(ValueError):  # a line that is being written
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, here, there, _, queues, *_ = line.split()
            if int(here.partition(":")[2], 16) == server_port:
                found[int(there.partition(":")[2], 16)] = int(queues.partition(":")[0], 16)
    return found


def _resident_kb(server: Helper) -> int:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_024

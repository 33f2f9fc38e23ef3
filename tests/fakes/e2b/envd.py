"""The daemon inside each sandbox, as it is reached through E2B's proxy: commands and files."""

import asyncio
import re
import signal
from contextlib import aclosing
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web

from tests.fakes.e2b.cloud import Sandbox
from tests.fakes.e2b.control import CLOUD
from tests.fakes.e2b.faults import DIE, Act
from tests.fakes.e2b.machine import Machine, Process
from tests.fakes.e2b.wire import LAST, RpcError, frame, not_running, refusal, unframe

_CHUNK = 64 * 1024
_SIGNALS = {"SIGNAL_SIGKILL": signal.SIGKILL, "SIGNAL_SIGTERM": signal.SIGTERM}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/health", health),
        web.get("/files", download),
        web.post("/files", upload),
        web.post("/process.Process/Start", start),
        web.post("/process.Process/List", processes),
        web.post("/process.Process/SendSignal", send_signal),
    ]


async def begin(
    request: web.Request, stage: str, text: str = ""
) -> tuple[Sandbox | None, web.StreamResponse | None]:
    """The sandbox that the headers name, if it runs and the token is its own."""
    cloud = request.app[CLOUD]
    cloud.requests.append(stage)
    await cloud.look_at_the_clock()
    sandbox_id = request.headers.get("E2b-Sandbox-Id", "")
    sandbox = cloud.sandboxes.get(sandbox_id)
    act: Act | None = cloud.faults.take(stage, text)
    if act is DIE and sandbox is not None:
        await cloud.kill(sandbox)
    if (answer := await cloud.faults.meet(request, act)) is not None:
        return None, answer
    if sandbox is None or not await cloud.reach(sandbox):
        return None, web.json_response(not_running(sandbox_id), status=502)
    if request.headers.get("X-Access-Token") != sandbox.token:
        return None, refusal(401, "unauthorized access, please provide a valid access token")
    return sandbox, None


async def health(request: web.Request) -> web.StreamResponse:
    _, answer = await begin(request, "health")
    return answer or web.Response(status=204)


# --- files: links are followed, a folder is refused, a file is no folder (envd's own manners) ---


async def download(request: web.Request) -> web.StreamResponse:
    sandbox, answer = await begin(request, "download", request.query["path"])
    if sandbox is None:
        return answer or web.Response()
    try:
        inside, host = sandbox.machine.path(request.query["path"])
    except RpcError as error:
        return refusal(400, error.message)
    if not host.exists():
        return refusal(404, f"path '{inside}' does not exist")
    if host.is_dir():
        return refusal(400, f"path '{inside}' is a directory")
    return web.FileResponse(host, headers={"Content-Type": "application/octet-stream"})


async def upload(request: web.Request) -> web.StreamResponse:
    sandbox, answer = await begin(request, "upload", request.query.get("path", ""))
    if sandbox is None:
        return answer or web.Response()
    written: list[dict[str, str]] = []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        name = request.query.get("path") or _whole_name(part)
        refused = await _store(sandbox.machine, name, part)
        if refused is not None:
            return refused
        written.append({"name": Path(name).name, "type": "file", "path": name})
    return web.json_response(written)


def _whole_name(part: BodyPartReader) -> str:
    """The file's name with its folders, which `part.filename` leaves out."""
    found = re.search(r'filename="([^"]*)"', part.headers["Content-Disposition"])
    return found[1] if found else ""


async def _store(machine: Machine, name: str, part: BodyPartReader) -> web.Response | None:
    try:
        inside, host = machine.path(name)
        host.parent.mkdir(parents=True, exist_ok=True)
    except RpcError as error:
        return refusal(400, error.message)
    except OSError as error:
        return refusal(500, f"error ensuring directories: {error.strerror}")
    if host.is_dir():
        return refusal(400, f"path is a directory: {inside}")
    with host.open("wb") as file:
        while data := await part.read_chunk(_CHUNK):
            file.write(data)
    return None


# --- commands -----------------------------------------------------------------------------------


async def processes(request: web.Request) -> web.StreamResponse:
    sandbox, answer = await begin(request, "processes")
    if sandbox is None:
        return answer or web.Response()
    found = sandbox.machine.processes.values()
    return web.json_response(
        {"processes": [{"pid": process.pid, "config": process.config} for process in found]}
    )


async def send_signal(request: web.Request) -> web.StreamResponse:
    sandbox, answer = await begin(request, "signal")
    if sandbox is None:
        return answer or web.Response()
    message = await request.json()
    process = sandbox.machine.processes.get(message["process"].get("pid"))
    if process is None:
        return RpcError("not_found", "process not found").response
    process.signal(_SIGNALS[message["signal"]])
    return web.json_response({})


async def start(request: web.Request) -> web.StreamResponse:
    """Start a command and stream what it prints; it goes on when the client leaves."""
    message = unframe(await request.read())
    config = message["process"]
    text = " ".join(config.get("args", []))
    sandbox, answer = await begin(request, "start", text)
    if sandbox is None:
        return answer or web.Response()
    response = web.StreamResponse(headers={"Content-Type": "application/connect+json"})
    await response.prepare(request)
    task = asyncio.current_task()
    assert task is not None
    sandbox.machine.streams.add(task)
    try:
        last = await _stream(request, response, sandbox, config)
    except ConnectionResetError:
        return response
    except asyncio.CancelledError:
        if sandbox.state == "running":
            raise
        task.uncancel()
        reason = f"the connection to sandbox {sandbox.id} ended before the stream completed"
        last = {"error": RpcError("unavailable", reason).body}
    finally:
        sandbox.machine.streams.discard(task)
    await response.write(frame(last, LAST))
    await response.write_eof()
    return response


async def _stream(
    request: web.Request,
    response: web.StreamResponse,
    sandbox: Sandbox,
    config: dict[str, Any],
) -> dict[str, Any]:
    """Every event of the process; the answer is the stream's last message."""
    cloud = request.app[CLOUD]
    deadline_ms = request.headers.get("Connect-Timeout-Ms")
    process: Process | None = None
    try:
        async with asyncio.timeout(int(deadline_ms) / 1000 if deadline_ms else None):
            process = await sandbox.machine.start(config)
            async with aclosing(process.listen()) as events:
                await response.write(frame({"event": {"start": {"pid": process.pid}}}))
                act = cloud.faults.take("running", " ".join(config.get("args", [])))
                if act is DIE:
                    cloud.kill_soon(sandbox)
                await cloud.faults.meet(request, act)
                async for event in events:
                    await response.write(frame({"event": event}))
    except RpcError as error:
        return {"error": error.body}
    except TimeoutError:
        if process is not None:
            process.signal(signal.SIGKILL)
        return {"error": RpcError("deadline_exceeded", "context deadline exceeded").body}
    return {}

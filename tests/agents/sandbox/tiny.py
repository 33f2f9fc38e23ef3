"""A template without npm, so that sandbox tests take milliseconds, and a place to try it in."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp

from agents.sandbox.local import LocalOptions, LocalSandboxProvider
from agents.system import RandomIds, SystemClock
from agents.templates import Template
from agents.types import Framework, TaskId

TASK = TaskId("task_1")
PORT = 5173
T = TypeVar("T")

_SERVER = b"""
import http from 'node:http';
import { readFileSync } from 'node:fs';
const port = Number(process.argv[2]);
http.createServer((request, response) => {
  if (request.url === '/crash') { console.log('cannot go on'); process.exit(3); }
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let n = 0;
    setInterval(() => response.write(`data: ${n++}\\n\\n`), 20);
    return;
  }
  response.end(readFileSync('app.txt'));
})
  .on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: echo\\r\\nConnection: Upgrade\\r\\n\\r\\n');
    socket.pipe(socket);
  })
  .listen(port, '127.0.0.1');
"""


def tiny_template(framework: Framework = Framework.REACT) -> Template:
    return Template(
        framework=framework,
        title="Tiny",
        stack="Node",
        port=PORT,
        install="mkdir -p node_modules/dep && echo installed > node_modules/dep/index.js",
        lint="true",
        build="true",
        preview=f"node server.mjs {PORT}",
        dev=f"node server.mjs {PORT}",
        entry=("app.txt",),
        ui=(),
        start_page_marker="start-page",
        ignore=("node_modules", "dist"),
        files={
            "package.json": b'{"name": "tiny"}',
            "server.mjs": _SERVER,
            "app.txt": f"start-page {framework}".encode(),
        },
        sample={},
        sample_order=(),
    )


def tiny_provider(
    root: Path,
    *,
    bwrap: str = "bwrap",
    allow_unisolated: bool = False,
    max_sandboxes: int = 24,
    templates: Callable[[Framework], Template] = tiny_template,
) -> LocalSandboxProvider:
    options = LocalOptions(
        bwrap=bwrap,
        allow_unisolated=allow_unisolated,
        max_sandboxes=max_sandboxes,
        templates=templates,
        on_progress=lambda *_: None,
    )
    return LocalSandboxProvider(root, clock=SystemClock(), ids=RandomIds(), options=options)


@contextmanager
def open_place() -> Iterator[Path]:
    """A folder that the sandbox's user can pass through, which pytest's own are not for root."""
    place = Path(tempfile.mkdtemp(prefix="zapdev-test-", dir="/var/tmp"))
    place.chmod(0o711)
    try:
        yield place
    finally:
        shutil.rmtree(place)


async def eventually(
    look: Callable[[], Awaitable[T | None]], *, within_s: float = 20.0, what: str = "it"
) -> T:
    """What `look` answers as soon as it is not None."""
    async with asyncio.timeout(within_s):
        while True:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(0.02)


async def fetch(url: str) -> str | None:
    """The body of a 200, or None while nothing answers."""
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return await answer.text() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None

"""One deployment of the loopback Convex as a client sees it, Convex's own client included."""

import asyncio
import io
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from agents.system import SystemClock
from tests.fakes.convex import ROOT, ConvexHost

SAMPLE = ROOT / "tests" / "fakes" / "convex_host" / "sample"
ADMIN_KEY = "sample|admin"
FEW_S = 10.0
MIB = 1 << 20
CALL = {"path": "notes:count", "args": {}}


@dataclass(frozen=True, slots=True)
class Convex:
    """One deployment of the host as a client sees it."""

    host: ConvexHost
    name: str
    http: aiohttp.ClientSession
    headers: Mapping[str, str]

    def with_header(self, name: str, value: str) -> "Convex":
        return replace(self, headers={**self.headers, name: value})

    def as_bearer(self, token: str) -> "Convex":
        return self.with_header("Authorization", f"Bearer {token}")

    async def post(self, path: str, body: Any) -> tuple[int, str]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        url = self.host.deployment(self.name) + path
        async with self.http.post(url, data=io.BytesIO(raw), headers=headers) as answer:
            return answer.status, await answer.text()

    async def call(self, kind: str, name: str, /, **args: Any) -> dict[str, Any]:
        body = {"path": f"notes:{name}", "args": args, "format": "convex_encoded_json"}
        status, text = await self.post(f"/api/{kind}", body)
        assert status == 200, text
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def value(self, kind: str, name: str, /, **args: Any) -> Any:
        answer = await self.call(kind, name, **args)
        assert answer["status"] == "success", answer
        return answer["value"]

    async def count(self) -> int:
        return int(await self.value("query", "count"))


@dataclass(slots=True)
class Watcher:
    """The official JavaScript client in a process of its own, and the lines that it prints."""

    process: Process

    async def line(self) -> str:
        """The next one. Raises: TimeoutError."""
        assert self.process.stdout is not None
        async with asyncio.timeout(FEW_S):
            printed = await self.process.stdout.readline()
        assert printed, "it ended"
        return printed.decode().strip()

    async def expects(self, line: str) -> None:
        """Until it prints this."""
        async with asyncio.timeout(FEW_S):
            while await self.line() != line:
                pass

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())


@asynccontextmanager
async def watching(program: str, url: str, token: str) -> AsyncIterator[Watcher]:
    """A program over `convex/browser`, which finds the address and the token in its arguments."""
    command = ["node", "--input-type=module", "-e", program, url, token]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    try:
        yield Watcher(process)
    finally:
        process.kill()
        await process.communicate()


def is_redacted(answer: Mapping[str, Any]) -> bool:
    """An error whose message says nothing."""
    message = str(answer.get("errorMessage"))
    return answer["status"] == "error" and message.endswith("] Server Error")


def now() -> int:
    return int(SystemClock().now().timestamp())

"""A workspace in memory for the tools, with a small app in it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.errors import SandboxLost
from agents.packages import as_manifest, wanted_packages
from agents.ports import CommandResult, ToolCall
from agents.tools import ToolResult, run_tool


@dataclass
class MemoryWorkspace:
    """Files in a dict; commands are noted and answered with one prepared result."""

    files: dict[str, bytes] = field(default_factory=dict)
    answer: CommandResult = field(default_factory=lambda: CommandResult(0, "done\n", 0.5))
    ran: list[tuple[str, float, bool]] = field(default_factory=list)
    before: dict[str, bytes] = field(default_factory=dict)
    writes: int = 0
    bad_packages: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    async def write(self, files: Mapping[str, bytes]) -> Mapping[str, str]:
        self._check()
        self.files.update(files)
        self.writes += 1
        return {}

    async def remove(self, paths: Sequence[str]) -> Mapping[str, str]:
        self._check()
        for path in paths:
            self.files.pop(path, None)
        return {}

    async def read(self, path: str) -> bytes | None:
        self._check()
        return self.files.get(path)

    async def peek(self, path: str) -> bytes | None:
        return await self.read(path)

    async def earlier(self, path: str) -> bytes | None:
        return self.before.get(path)

    async def refuse_packages(self, names: Sequence[str]) -> Mapping[str, str]:
        self._check()
        return {name: why for name, why in self.bad_packages.items() if name in names}

    async def refuse_manifest(self, path: str, manifest: bytes) -> Mapping[str, str]:
        return await self.refuse_packages(sorted(wanted_packages(as_manifest(path, manifest))))

    async def paths(self) -> Sequence[str]:
        return sorted(self.files)

    async def tree(self) -> dict[str, bytes]:
        self._check()
        return dict(self.files)

    async def run(self, command: str, *, timeout_s: float, network: bool = False) -> CommandResult:
        self._check()
        self.ran.append((command, timeout_s, network))
        return self.answer

    def _check(self) -> None:
        if self.lost:
            raise SandboxLost("gone")


def small_app() -> MemoryWorkspace:
    return MemoryWorkspace(
        {
            "package.json": b"{}\n",
            "src/App.tsx": b"export function App() {\n  return <p>Hello</p>;\n}\n",
            "src/lib/data.ts": b"export const bikes = 3;\n",
            "public/logo.png": b"\x89PNG\x00\x01",
        }
    )


async def use(space: MemoryWorkspace, name: str, **arguments: Any) -> ToolResult:
    return await run_tool(ToolCall("1", name, json.dumps(arguments)), space)

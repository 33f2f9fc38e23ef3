"""A workspace over an in-memory sandbox, as the tests of both look at it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from agents.events import FileChanged
from agents.packages import PackageGate
from agents.ports import Sandbox, ToolCall
from agents.templates import get_template
from agents.testing import (
    CommandHandler,
    FakeClock,
    InMemoryBlobs,
    InMemorySandbox,
    RecordingJournal,
    succeed,
)
from agents.tools import ToolResult, run_tool
from agents.types import BlobHash, Framework, SandboxId
from agents.workspace import Workspace, blob_hash

INSTALL = "npm install"


@dataclass
class Desk:
    workspace: Workspace
    sandbox: InMemorySandbox
    journal: RecordingJournal
    blobs: InMemoryBlobs

    def changes(self) -> list[tuple[str, str]]:
        events = [e for e in self.journal.events if isinstance(e, FileChanged)]
        return [(event.path, event.action) for event in events]


def started(sandbox: InMemorySandbox, known: Mapping[str, BlobHash], blobs: InMemoryBlobs) -> Desk:
    async def arrive() -> Sandbox:
        return sandbox

    journal = RecordingJournal()
    workspace = Workspace(
        arrive(),
        known,
        install_command=INSTALL,
        blobs=blobs,
        journal=journal,
        gate=PackageGate(None, FakeClock()),
    )
    return Desk(workspace, sandbox, journal, blobs)


async def open_desk(on_command: CommandHandler = succeed) -> Desk:
    template = get_template(Framework.REACT)
    sandbox = InMemorySandbox(SandboxId("sbx"), template, on_command)
    blobs = InMemoryBlobs()
    await blobs.put(list(template.files.values()))
    known = {path: blob_hash(content) for path, content in template.files.items()}
    return started(sandbox, known, blobs)


async def ask(desk: Desk, name: str, **arguments: object) -> ToolResult:
    return await run_tool(ToolCall("1", name, json.dumps(arguments)), desk.workspace)

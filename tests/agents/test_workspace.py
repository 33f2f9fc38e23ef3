import asyncio
import json

import pytest

from agents.background import Background
from agents.packages import PackageGate
from agents.ports import CommandResult, Sandbox
from agents.templates import get_template
from agents.testing import (
    FakeClock,
    InMemoryBlobs,
    InMemorySandbox,
    RecordingJournal,
)
from agents.types import Framework, SandboxId
from agents.workspace import MAX_FILE_BYTES, Workspace, blob_hash
from tests.agents.desk import INSTALL, Desk, ask, open_desk, started
from tests.fakes.waiting import until


async def test_a_write_reaches_sandbox_store_and_log(desk: Desk) -> None:
    await desk.workspace.write({"src/new.ts": b"1", "index.html": b"<p>"})
    assert desk.sandbox.files["src/new.ts"] == b"1"
    assert desk.changes() == [("src/new.ts", "created"), ("index.html", "updated")]
    assert await desk.blobs.get([blob_hash(b"1")]) == {blob_hash(b"1"): b"1"}


async def test_writing_the_same_content_again_is_no_change(desk: Desk) -> None:
    await desk.workspace.write({"a.ts": b"1"})
    await desk.workspace.write({"a.ts": b"1"})
    assert desk.changes() == [("a.ts", "created")]


async def test_a_void_puts_every_file_back(desk: Desk) -> None:
    before = dict(desk.sandbox.files)
    await desk.workspace.write({"kept.ts": b"k"})
    desk.workspace.begin_turn()
    await desk.workspace.write({"new.ts": b"n", "kept.ts": b"other", "index.html": b"x"})
    await desk.workspace.void()
    assert desk.sandbox.files == {**before, "kept.ts": b"k"}
    assert desk.workspace.known["kept.ts"] == blob_hash(b"k")
    assert "new.ts" not in desk.workspace.known


async def test_what_a_command_did_to_the_files_is_recorded() -> None:
    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        sandbox.files["made.ts"] = b"by command"
        del sandbox.files["index.html"]
        return CommandResult(0, line)

    desk = await open_desk(command)
    result = await desk.workspace.run("make it", timeout_s=5)
    assert result.output == "make it"
    assert desk.changes() == [("made.ts", "created"), ("index.html", "deleted")]
    assert blob_hash(b"by command") in desk.blobs.contents
    await desk.workspace.close(keep=True)


async def test_a_command_that_leaves_too_much_is_a_failed_result_and_changes_nothing() -> None:
    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        sandbox.files["core.bin"] = b"x" * (MAX_FILE_BYTES + 1)
        return CommandResult(0, "made it")

    desk = await open_desk(command)
    result = await desk.workspace.run("make core", timeout_s=5)
    assert (result.ok, "core.bin" in result.output) == (False, True)
    assert desk.changes() == []
    await desk.workspace.close(keep=True)


async def test_a_new_manifest_starts_the_install_and_commands_wait_for_it() -> None:
    release = asyncio.Event()
    order: list[str] = []

    async def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        del sandbox
        if line == INSTALL:
            await release.wait()
        order.append(line)
        return CommandResult(0, "")

    desk = await open_desk(command)
    await desk.workspace.write({"package.json": b"{}"})
    running = Background().start(desk.workspace.run("ls", timeout_s=5), name="ls")
    await asyncio.sleep(0)
    release.set()
    await running
    assert order == [INSTALL, "ls"]
    assert desk.sandbox.networked == [INSTALL]
    await desk.workspace.close(keep=True)


async def test_a_second_manifest_starts_the_install_over() -> None:
    runs: list[str] = []

    async def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        runs.append("begin")
        if len(runs) == 1:
            await asyncio.Event().wait()
        runs.append("end")
        return CommandResult(0, "")

    desk = await open_desk(command)
    await desk.workspace.write({"package.json": b"{}"})
    await until(lambda: bool(runs))
    await desk.workspace.write({"package.json": b'{"a": 1}'})
    await desk.workspace.installed()
    assert runs == ["begin", "begin", "end"]
    await desk.workspace.close(keep=True)


async def test_closing_before_the_sandbox_arrives_leaves_none_behind() -> None:
    template = get_template(Framework.REACT)
    sandbox = InMemorySandbox(SandboxId("sbx"), template)
    cancelled = asyncio.Event()

    async def arrive() -> Sandbox:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return sandbox

    workspace = Workspace(
        arrive(),
        {},
        install_command=INSTALL,
        blobs=InMemoryBlobs(),
        journal=RecordingJournal(),
        gate=PackageGate(None, FakeClock()),
    )
    await asyncio.sleep(0)
    await workspace.close(keep=False)
    assert cancelled.is_set()


async def test_closing_without_keeping_closes_the_sandbox(desk: Desk) -> None:
    await desk.workspace.sandbox()
    await desk.workspace.close(keep=False)
    assert desk.sandbox.lost


def manifest(**dependencies: str) -> str:
    return json.dumps({"scripts": {"build": "b"}, "dependencies": dependencies})


async def test_a_manifest_with_a_misspelled_package_is_not_written_and_nothing_installs(
    desk: Desk,
) -> None:
    before = desk.sandbox.files["package.json"]
    files = [
        {"path": "package.json", "content": manifest(axois="1.0.0")},
        {"path": "src/a.ts", "content": "1"},
    ]
    result = await ask(desk, "createOrUpdateFiles", files=files)
    assert not result.ok
    assert "package.json: axois looks like a misspelling of axios." in result.text
    assert desk.sandbox.files["package.json"] == before
    assert desk.sandbox.files["src/a.ts"] == b"1"
    assert desk.sandbox.networked == []


async def test_a_manifest_that_fetches_from_elsewhere_is_not_written(desk: Desk) -> None:
    content = manifest(bell="git+https://example.com/bell.git")
    files = [{"path": "package.json", "content": content}]
    result = await ask(desk, "createOrUpdateFiles", files=files)
    assert "Only packages of the registry" in result.text
    assert desk.sandbox.networked == []


async def test_what_the_app_declared_before_is_not_judged_again() -> None:
    template = get_template(Framework.REACT)
    first = manifest(axois="1.0.0").encode()
    sandbox = InMemorySandbox(SandboxId("sbx"), template)
    sandbox.files["package.json"] = first
    blobs = InMemoryBlobs()
    await blobs.put([first])
    desk = started(sandbox, {"package.json": blob_hash(first)}, blobs)
    content = manifest(axois="1.0.0", react="19.0.0")
    files = [{"path": "package.json", "content": content}]
    assert (await ask(desk, "createOrUpdateFiles", files=files)).ok
    await desk.workspace.installed()
    assert desk.sandbox.networked == [INSTALL]
    await desk.workspace.close(keep=True)


async def test_an_install_of_a_misspelled_package_is_not_run(desk: Desk) -> None:
    result = await ask(desk, "terminal", command="npm install zod axois@1.0.0 --save")
    assert not result.ok
    assert "misspelling of axios" in result.text
    assert desk.sandbox.commands == []


async def test_an_install_without_names_is_judged_by_what_a_command_made_of_the_manifest(
    desk: Desk,
) -> None:
    desk.sandbox.files["package.json"] = manifest(axois="1.0.0").encode()
    result = await ask(desk, "terminal", command="npm install")
    assert not result.ok
    assert "misspelling of axios" in result.text
    assert desk.sandbox.commands == []


async def test_an_install_of_a_good_package_is_not_run_beside_a_bad_manifest(desk: Desk) -> None:
    desk.sandbox.files["package.json"] = manifest(axois="1.0.0").encode()
    result = await ask(desk, "terminal", command="npm install zod")
    assert not result.ok
    assert "misspelling of axios" in result.text
    assert desk.sandbox.commands == []


async def test_a_manifest_that_a_command_made_unfit_is_put_back() -> None:
    def edit(sandbox: InMemorySandbox, _: str) -> CommandResult:
        sandbox.files["package.json"] = manifest(axois="1.0.0").encode()
        sandbox.files["src/a.ts"] = b"1"
        return CommandResult(0, "")

    desk = await open_desk(edit)
    before = desk.sandbox.files["package.json"]
    result = await ask(desk, "terminal", command="npm pkg set dependencies.axois=1.0.0")
    assert not result.ok
    assert "package.json was put back. axois looks like" in result.text
    assert desk.sandbox.files["package.json"] == before
    assert desk.changes() == [("src/a.ts", "created")]
    await desk.workspace.close(keep=True)


async def test_a_trusted_package_may_not_come_from_somewhere_else() -> None:
    template = get_template(Framework.REACT)
    first = manifest(react="19.0.0", bell="github:a/bell").encode()
    sandbox = InMemorySandbox(SandboxId("sbx"), template)
    sandbox.files["package.json"] = first
    blobs = InMemoryBlobs()
    await blobs.put([first])
    desk = started(sandbox, {"package.json": blob_hash(first)}, blobs)
    moved = manifest(react="github:a/react", bell="github:a/bell").encode()
    assert list(await desk.workspace.refuse_manifest("package.json", moved)) == ["react"]
    await desk.workspace.close(keep=True)


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("packages/ui/package.json", manifest(axois="1"), "axois looks like a misspelling"),
        ("packages/ui/package.json", manifest(x="github:a/x"), "Only packages of the registry"),
        ("pnpm-workspace.yaml", "catalog:\n  x: github:a/x\n", "Only packages of the registry"),
        ("pnpm-workspace.yaml", "overrides:\n  x: npm:axois@1\n", "a misspelling of axios"),
    ],
)
async def test_manifests_of_workspaces_are_judged_like_the_root_s(
    desk: Desk, path: str, content: str, why: str
) -> None:
    result = await ask(desk, "createOrUpdateFiles", files=[{"path": path, "content": content}])
    assert f"{path}: " in result.text
    assert why in result.text
    assert path not in desk.sandbox.files
    assert desk.sandbox.networked == []


async def test_a_good_manifest_of_a_workspace_is_installed(desk: Desk) -> None:
    content = manifest(zod="catalog:", near="workspace:*")
    files = [{"path": "packages/ui/package.json", "content": content}]
    assert (await ask(desk, "createOrUpdateFiles", files=files)).ok
    await desk.workspace.installed()
    assert desk.sandbox.networked == [INSTALL]


async def test_all_manifests_that_a_command_made_unfit_are_put_back() -> None:
    nested = "packages/ui/package.json"

    def edit(sandbox: InMemorySandbox, _: str) -> CommandResult:
        sandbox.files[nested] = manifest(axois="1.0.0").encode()
        sandbox.files["package.json"] = manifest(lodahs="1.0.0").encode()
        return CommandResult(0, "")

    desk = await open_desk(edit)
    result = await ask(desk, "terminal", command="npm pkg set dependencies.axois=1.0.0 -w ui")
    assert f"[{nested} was put back. axois looks like" in result.text
    assert "[package.json was put back. lodahs looks like" in result.text
    assert nested not in desk.sandbox.files
    assert desk.changes() == []
    await desk.workspace.close(keep=True)


async def test_an_install_is_not_run_beside_a_bad_manifest_of_a_workspace(desk: Desk) -> None:
    nested = "packages/ui/package.json"
    await desk.workspace.write({nested: manifest(zod="4").encode()})
    desk.sandbox.files[nested] = manifest(axois="1.0.0").encode()
    result = await ask(desk, "terminal", command="npm install zod")
    assert "misspelling of axios" in result.text
    assert desk.sandbox.commands == [INSTALL]


async def test_a_member_of_a_persons_own_workspace_may_be_depended_on() -> None:
    nested = "packages/ui/package.json"
    member = b'{"name": "axois", "version": "1.0.0"}'
    sandbox = InMemorySandbox(SandboxId("sbx"), get_template(Framework.REACT))
    sandbox.files[nested] = member
    blobs = InMemoryBlobs()
    await blobs.put([member])
    desk = started(sandbox, {nested: blob_hash(member)}, blobs)
    wanted = manifest(axois="*", lodahs="*").encode()
    assert list(await desk.workspace.refuse_manifest("package.json", wanted)) == ["lodahs"]
    await desk.workspace.close(keep=True)


async def test_imports_that_nothing_declares_are_told_with_the_files_result(desk: Desk) -> None:
    source = (
        'import { motion } from "framer-motion";\nimport { cn } from "@/lib/cn";\nimport "react";'
    )
    files = [{"path": "src/a.tsx", "content": source}]
    result = await ask(desk, "createOrUpdateFiles", files=files)
    assert result.ok
    assert "- framer-motion, imported by src/a.tsx" in result.text
    assert "react," not in result.text
    assert "@/lib" not in result.text
    edits = [{"search": '"framer-motion"', "replace": '"zod"'}]
    result = await ask(desk, "editFile", path="src/a.tsx", edits=edits)
    assert "- zod, imported by src/a.tsx" in result.text


async def test_a_file_is_remembered_as_it_was_when_the_turn_began(desk: Desk) -> None:
    await desk.workspace.write({"a.ts": b"old"})
    desk.workspace.begin_turn()
    await desk.workspace.write({"a.ts": b"new", "b.ts": b"new"})
    assert await desk.workspace.earlier("a.ts") == b"old"
    assert await desk.workspace.earlier("b.ts") is None

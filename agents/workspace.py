"""The app while a task works on it: the sandbox's files, recorded as they change.

Every change goes to the blob store first, then to the sandbox, then to the log, so that the log
alone can rebuild the app. Dependencies install in the background as soon as a `package.json`
changes; commands wait for that.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from agents.background import Background
from agents.errors import SandboxFull
from agents.events import FileChanged
from agents.packages import (
    PackageGate,
    as_manifest,
    foreign_sources,
    is_manifest,
    own_name,
    wanted_packages,
)
from agents.paths import UnsafePath
from agents.ports import Blobs, CommandResult, Journal, Sandbox
from agents.types import BlobHash, FileAction

T = TypeVar("T")

INSTALL_TIMEOUT_S = 300.0
MAX_FILE_BYTES = 16 * 1024 * 1024
"""The largest file that a command may add to an app."""

_MANIFEST = "package.json"
_CHANGED = "somebody else has changed this file since you saw it; read it again, then edit it."
_ADDED = "somebody else has put a file there that you have not seen; read it, then edit it."


def blob_hash(content: bytes) -> BlobHash:
    """The name of these bytes in the blob store."""
    return BlobHash(hashlib.sha256(content).hexdigest())


class Workspace:
    """Implements `agents.tools.Workspace` over a sandbox that may still be on its way.

    `known` maps each app file to its hash as of the last recorded event.
    """

    def __init__(
        self,
        sandbox: Awaitable[Sandbox],
        known: Mapping[str, BlobHash],
        *,
        install_command: str,
        blobs: Blobs,
        journal: Journal,
        gate: PackageGate,
    ) -> None:
        self._arriving = asyncio.ensure_future(sandbox)  # noqa: TID251 - a task stays itself
        self._install_command = install_command
        self._blobs = blobs
        self._journal = journal
        self._background = Background()
        self._install: asyncio.Task[CommandResult] | None = None
        self._mark = dict(known)
        self._gate = gate
        self._first_manifests = {path: known[path] for path in filter(is_manifest, known)}
        self._trusted: dict[str, bytes] | None = None
        self._writing = asyncio.Lock()
        self._seen: dict[str, BlobHash] = {}
        self.known = dict(known)

    async def sandbox(self) -> Sandbox:
        """The sandbox, once it is there. Raises: whatever creating it raised."""
        return await asyncio.shield(self._arriving)

    async def unless_lost(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, but end it at once when it turns out that there will be no sandbox.

        Raises: as `work`; SandboxError, ProviderError: as creating the sandbox did.
        """
        task = self._background.start(work, name="unless lost")
        try:
            await asyncio.wait({task, self._arriving}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await self.sandbox()
            return await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    def refuse_collision(self, paths: Iterable[str]) -> None:
        """Raises: UnsafePath, for a path that is a folder of another file, or lies below one."""
        there = set(self.known).union(paths)
        folders = {folder: path for path in there for folder in _folders(path)}
        for path in paths:
            if path in folders:
                raise UnsafePath(f"{path!r} is a folder here: it holds {folders[path]!r}.")
            for folder in _folders(path):
                if folder in there:
                    raise UnsafePath(f"{path!r} cannot be written: {folder!r} is a file.")

    async def write(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Write what is new or different; the same content again is nothing.

        Answers which paths were left as they are, and why: somebody else has changed them, or
        the package gate does not let through what a `package.json` declares.
        Raises: UnsafePath (a file where a folder is, or the reverse); SandboxError.
        """
        unfit = await self._unfit_manifests(files)
        async with self._writing:
            self.refuse_collision(files)
            fresh = {p: c for p, c in files.items() if self.known.get(p) != blob_hash(c)}
            refused = (
                unfit | await self._changed_by_others(fresh) | await self._added_by_others(fresh)
            )
            fresh = {path: content for path, content in fresh.items() if path not in refused}
            if not fresh:
                return refused
            await self._blobs.put(list(fresh.values()))
            await (await self.sandbox()).write(fresh)
            for path, content in fresh.items():
                self._note(path, blob_hash(content), len(content))
            await self._journal.flush()
            if any(map(is_manifest, fresh)):
                self.start_install()
        return refused

    async def remove(self, paths: Sequence[str]) -> dict[str, str]:
        """Delete what is known. Answers which paths stay, since somebody else has changed them."""
        async with self._writing:
            there = [path for path in paths if path in self.known]
            sandbox = await self.sandbox()
            refused = await self._changed_by_others(there, gone_is_changed=False)
            there = [path for path in there if path not in refused]
            await sandbox.remove(there)
            for path in there:
                self._note(path, None, 0)
        return refused

    async def apply(self, changes: Mapping[str, BlobHash | None]) -> None:
        """Take over changes that are in the store already; None deletes."""
        wanted = {path: blob for path, blob in changes.items() if blob is not None}
        contents = await self._blobs.get(list(set(wanted.values())))
        await self.write({path: contents[blob] for path, blob in wanted.items()})
        await self.remove([path for path, blob in changes.items() if blob is None])

    async def peek(self, path: str) -> bytes | None:
        return await (await self.sandbox()).read(path)

    async def earlier(self, path: str) -> bytes | None:
        blob = self._mark.get(path)
        return None if blob is None else (await self._blobs.get([blob]))[blob]

    async def refuse_packages(self, names: Sequence[str]) -> dict[str, str]:
        trusted: set[str | None] = set()
        for path, manifest in (await self._trusted_manifests()).items():
            trusted |= wanted_packages(manifest)
            trusted |= {own_name(manifest)} if "/" in path else set()  # a workspace's own
        return await self._gate.refusals(name for name in names if name not in trusted)

    async def refuse_manifest(self, path: str, manifest: bytes) -> dict[str, str]:
        manifest = as_manifest(path, manifest)
        trusted = foreign_sources((await self._trusted_manifests()).get(path, b"{}"))
        refused = {
            name: f"{name} would come from {spec[:80]!r}. Only packages of the registry install."
            for name, spec in foreign_sources(manifest).items()
            if trusted.get(name) != spec
        }
        return refused | await self.refuse_packages(sorted(wanted_packages(manifest)))

    async def paths(self) -> list[str]:
        return sorted({*self.known, _MANIFEST})

    async def read(self, path: str) -> bytes | None:
        """What is there now. Once read, what somebody else did to an app's file is part of the app.

        Raises: SandboxError.
        """
        content = await (await self.sandbox()).read(path)
        if path not in self.known and content is not None:
            self._seen[path] = blob_hash(content)
        if path in self.known and not self._is_known(path, content):
            async with self._writing:
                await self._take_over(path)
        return content

    async def tree(self) -> dict[str, bytes]:
        return await (await self.sandbox()).tree()

    async def run(self, command: str, *, timeout_s: float, network: bool = False) -> CommandResult:
        """A tool's command: waits for the install, then records which files it changed."""
        await self.installed()
        sandbox = await self.sandbox()
        result = await sandbox.run(command, timeout_s=timeout_s, network=network)
        problem = await self._record_differences()
        if problem is None:
            return result
        return replace(result, exit_code=result.exit_code or 1, output=result.output + problem)

    async def check(self, command: str, *, timeout_s: float) -> CommandResult:
        """A check's command: what it leaves in the folder is not part of the app."""
        return await (await self.sandbox()).run(command, timeout_s=timeout_s)

    def start_install(self) -> None:
        """Install dependencies in the background; a running install starts over."""
        before = self._install
        self._install = self._background.start(self._run_install(before), name="install")

    async def installed(self) -> CommandResult | None:
        """The finished install, or None when none was needed."""
        while self._install is not None and not self._install.done():
            await asyncio.wait([self._install])
        return None if self._install is None else self._install.result()

    def begin_turn(self) -> None:
        """Remember the files: `void` comes back to here."""
        self._mark = dict(self.known)

    async def void(self) -> None:
        """Undo in the sandbox what the unfinished turn wrote. The log's fold does the same.

        What somebody else has changed since stays as it is there.
        """
        async with self._writing:
            touched = {p for p in {*self.known, *self._mark} if self._differs(p)}
            if not touched:
                return
            touched -= (await self._changed_by_others(touched, gone_is_changed=False)).keys()
            sandbox = await self.sandbox()
            old = {p: self._mark[p] for p in touched if p in self._mark}
            contents = await self._blobs.get(list(set(old.values())))
            await sandbox.write({path: contents[blob] for path, blob in old.items()})
            await sandbox.remove([path for path in touched if path not in old])
            self.known = dict(self._mark)
            if any(map(is_manifest, touched)):
                self.start_install()

    async def settle(self) -> None:
        """Wait for the install and record what it changed, such as the lock file."""
        if await self.installed() is not None:
            await self._record_differences()

    async def close(self, *, keep: bool) -> None:
        """End background work; unless kept, the sandbox goes too, also one still arriving."""
        await self._background.stop()
        if keep:
            return
        if not self._arriving.done():
            self._arriving.cancel()
        [sandbox] = await asyncio.gather(self._arriving, return_exceptions=True)
        if not isinstance(sandbox, BaseException):
            await sandbox.close()

    async def _unfit_manifests(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Those of the files that are manifests, have changed, and may not be: path -> why."""
        unfit: dict[str, str] = {}
        for path in filter(is_manifest, files):
            if self.known.get(path) == blob_hash(files[path]):
                continue
            problems = await self.refuse_manifest(path, files[path])
            if problems:
                unfit[path] = " ".join(problems.values())
        return unfit

    async def _trusted_manifests(self) -> dict[str, bytes]:
        """The app's when the work began: people have them, and they were judged before."""
        if self._trusted is None:
            first = self._first_manifests
            contents = await self._blobs.get(sorted(set(first.values()))) if first else {}
            self._trusted = {path: as_manifest(path, contents[first[path]]) for path in first}
        return self._trusted

    async def _changed_by_others(
        self, paths: Iterable[str], *, gone_is_changed: bool = True
    ) -> dict[str, str]:
        """Of the app's files those that are not as the log has them, with words for the model."""
        sandbox = await self.sandbox()
        known = [path for path in paths if path in self.known]
        there = await asyncio.gather(*map(sandbox.read, known))
        return {
            path: _CHANGED
            for path, content in zip(known, there, strict=True)
            if not self._is_known(path, content) and (gone_is_changed or content is not None)
        }

    async def _added_by_others(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Of these new files those in whose place are other bytes, that nobody here has read."""
        sandbox = await self.sandbox()
        new = [path for path in files if path not in self.known]
        there = await asyncio.gather(*map(sandbox.read, new))
        return {
            path: _ADDED
            for path, content in zip(new, there, strict=True)
            if content not in (None, files[path]) and self._seen.get(path) != blob_hash(content)
        }

    def _is_known(self, path: str, content: bytes | None) -> bool:
        return content is not None and blob_hash(content) == self.known.get(path)

    async def _take_over(self, path: str) -> None:
        content = await (await self.sandbox()).read(path)
        if path not in self.known or self._is_known(path, content):
            return
        if content is None:
            self._note(path, None, 0)
        else:
            [blob] = await self._blobs.put([content])
            self._note(path, blob, len(content))

    def _differs(self, path: str) -> bool:
        return self.known.get(path) != self._mark.get(path)

    async def _run_install(self, before: asyncio.Task[CommandResult] | None) -> CommandResult:
        if before is not None and not before.done():
            before.cancel()
            await asyncio.wait([before])
        sandbox = await self.sandbox()
        return await sandbox.run(self._install_command, timeout_s=INSTALL_TIMEOUT_S, network=True)

    async def _record_differences(self) -> str | None:
        """Take over into the log what a command did to the files.

        Answers what to tell the model when that is more than an app may hold; then nothing is
        taken over, and the command's result says so.
        """
        async with self._writing:
            try:
                tree = await self.tree()
            except SandboxFull:
                return "\n[The command left more files, or larger ones, than an app may have.]"
            large = [path for path, content in tree.items() if len(content) > MAX_FILE_BYTES]
            if large:
                return f"\n[{large[0]} is larger than a file of an app may be; delete it.]"
            unfit = await self._unfit_manifests(tree)
            for path in unfit:
                await self._put_back(path, tree)
            fresh = {p: c for p, c in tree.items() if self.known.get(p) != blob_hash(c)}
            await self._blobs.put(list(fresh.values()))
            for path, content in fresh.items():
                self._note(path, blob_hash(content), len(content))
            for path in [path for path in self.known if path not in tree]:
                self._note(path, None, 0)
        told = [f"\n[{path} was put back. {why}]" for path, why in unfit.items()]
        return "".join(told) or None

    async def _put_back(self, path: str, tree: dict[str, bytes]) -> None:
        """Give the sandbox, and this tree of it, the file that the log has."""
        sandbox, blob = await self.sandbox(), self.known.get(path)
        if blob is None:
            del tree[path]
            await sandbox.remove([path])
        else:
            tree |= {path: (await self._blobs.get([blob]))[blob]}
            await sandbox.write({path: tree[path]})

    def _note(self, path: str, blob: BlobHash | None, size_bytes: int) -> None:
        if blob is None:
            del self.known[path]
            event = FileChanged(path=path, action="deleted", size_bytes=0)
        else:
            action: FileAction = "updated" if path in self.known else "created"
            self.known[path] = blob
            event = FileChanged(path=path, action=action, size_bytes=size_bytes, blob=blob)
        self._journal.record(event)


def _folders(path: str) -> Iterator[str]:
    """The folders above a file: `a/b/c.ts` -> `a`, `a/b`."""
    names = path.split("/")[:-1]
    return ("/".join(names[: depth + 1]) for depth in range(len(names)))

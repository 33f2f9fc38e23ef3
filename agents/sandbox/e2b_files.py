"""An app's files at E2B: whole requests, and no link followed on the way.

The provider's own file calls follow links, wait on pipes, and refuse a file where a folder is. So
files go to a staging folder in one request, and `guest.cjs` puts them in their places; on the way
back it packs what was asked for into one archive.
"""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from agents.sandbox.e2b_guest import (
    HEADER_LIMIT,
    OURS,
    OURS_NAME,
    caps,
    check_path,
    unpack,
)
from agents.sandbox.e2b_remote import Remote
from agents.sandbox.files import MAX_BYTES, MAX_DEPTH, MAX_ENTRIES, MAX_FILES

_LARGE_S = 60.0
_ARGUMENT_BYTES = 60_000
"""A program's argument has at most 128 KiB on Linux."""


class RemoteFiles:
    """The files of one sandbox. Raises: SandboxLost, SandboxFull."""

    def __init__(self, remote: Remote, ignore: Sequence[str]) -> None:
        self._remote = remote
        self._ignore = ignore

    async def write(self, files: Mapping[str, bytes]) -> None:
        """Replace each file whole; a link or file where a folder must be gives way."""
        if not files:
            return
        paths = [check_path(path) for path in files]
        await self._remote.reach(lambda: self._write(paths, list(files.values())))

    async def remove(self, paths: Sequence[str]) -> None:
        """Delete files and links, and folders that hold nothing then."""
        for some in _portions([check_path(path) for path in paths]):
            await self._remote.reach(partial(self._remove, json.dumps(some)))

    async def read(self, path: str) -> bytes | None:
        """The content, or None when there is no such regular file."""
        found = await self._fetch("read", check_path(path), str(MAX_BYTES))
        return found.get(path)

    async def tree(self) -> dict[str, bytes]:
        """Every app file: no links, nothing ignored, no `.git`, no name that is not UTF-8."""
        limits = {
            "files": MAX_FILES,
            "bytes": MAX_BYTES,
            "entries": MAX_ENTRIES,
            "depth": MAX_DEPTH,
        }
        return await self._fetch("tree", caps(self._ignore, limits))

    async def _fetch(self, operation: str, *arguments: str) -> dict[str, bytes]:
        return await self._remote.reach(lambda: self._pack(operation, *arguments))

    async def _write(self, paths: Sequence[str], contents: Sequence[bytes]) -> None:
        stage = f"stage-{secrets.token_hex(8)}"
        staged = {f"{OURS}/{stage}/{n}": content for n, content in enumerate(contents)}
        staged[f"{OURS}/{stage}/list"] = json.dumps(paths).encode()
        await self._remote.upload(staged)
        await self._remote.operate("place", f"../{OURS_NAME}/{stage}", within_s=_LARGE_S)

    async def _remove(self, some: str) -> None:
        await self._remote.operate("remove", some, within_s=_LARGE_S)

    async def _pack(self, operation: str, *arguments: str) -> dict[str, bytes]:
        name = f"out-{secrets.token_hex(8)}"
        where = f"../{OURS_NAME}/{name}"
        await self._remote.operate(operation, where, *arguments, within_s=_LARGE_S)
        archive = await self._remote.download(f"{OURS}/{name}", MAX_BYTES + HEADER_LIMIT)
        return dict(unpack(archive))


def _portions(paths: Sequence[str]) -> Iterator[list[str]]:
    """The paths in lists that each fit into one argument."""
    some: list[str] = []
    size = 0
    for path in paths:
        room = len(json.dumps(path)) + 2
        if some and size + room > _ARGUMENT_BYTES:
            yield some
            some, size = [], 0
        some.append(path)
        size += room
    if some:
        yield some

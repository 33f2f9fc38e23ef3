"""Bytes by hash at Convex: in chunks, as a document may have 1 MiB at most."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.errors import NotFound
from agents.types import BlobHash
from bot.store.convex_client import ConvexClient
from bot.store.encoding import hash_blobs

CHUNK_BYTES = 256 * 1024
PUT_BYTES = 1024 * 1024
"""So much goes in one call: encoding more would hold the event loop for over 10 ms."""

_ASK_FIRST_BYTES = 64 * 1024
"""Below it, sending the bytes costs less than asking which of them are missing."""

_KNOWN = 50_000
_HASHES_PER_CALL = 1_000

Chunk = dict[str, Any]


class ConvexFiles:
    """Implements `agents.ports.Blobs`. Remembers what is stored: it is never deleted."""

    def __init__(self, client: ConvexClient) -> None:
        self._client = client
        self._known: dict[BlobHash, None] = {}

    async def put(self, contents: Sequence[bytes]) -> list[BlobHash]:
        """Raises: StoreError (over `Limits.blob_bytes`), StoreUnavailable."""
        hashes = await asyncio.to_thread(hash_blobs, contents)
        blobs = dict(zip(hashes, contents, strict=True))
        fresh = [digest for digest in blobs if digest not in self._known]
        if sum(len(blobs[digest]) for digest in fresh) > _ASK_FIRST_BYTES:
            fresh = await self._missing(fresh)
        for chunks in _calls({digest: blobs[digest] for digest in fresh}):
            await self._client.mutation("files:put", chunks=chunks)
        self._remember(hashes)
        return hashes

    async def get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        """Raises: NotFound, StoreUnavailable."""
        found: dict[BlobHash, bytes] = {}
        for some in _slices(list(dict.fromkeys(hashes)), _HASHES_PER_CALL):
            found.update(await self._get(some))
        return found

    async def _get(self, hashes: Sequence[BlobHash]) -> dict[BlobHash, bytes]:
        pieces: dict[BlobHash, list[bytes]] = {digest: [] for digest in hashes}
        start: Mapping[str, float] | None = {"at": 0, "chunk": 0}
        while start is not None:
            page = await self._client.query("files:get", hashes=list(hashes), **{"from": start})
            if page["missing"]:
                raise NotFound(f"there is no blob {page['missing'][0]}")
            for chunk in page["chunks"]:
                pieces[chunk["hash"]].append(chunk["bytes"])
            start = page.get("next")
        return {digest: b"".join(parts) for digest, parts in pieces.items()}

    async def _missing(self, hashes: Sequence[BlobHash]) -> list[BlobHash]:
        missing: list[BlobHash] = []
        for some in _slices(hashes, _HASHES_PER_CALL):
            missing += await self._client.query("files:missing", hashes=list(some))
        return missing

    def _remember(self, hashes: Sequence[BlobHash]) -> None:
        self._known.update(dict.fromkeys(hashes))
        for digest in list(self._known)[: max(0, len(self._known) - _KNOWN)]:
            del self._known[digest]


def _calls(blobs: Mapping[BlobHash, bytes]) -> Iterator[list[Chunk]]:
    """All chunks in order, as many to a call as fit."""
    call: list[Chunk] = []
    size = 0
    for digest, content in blobs.items():
        for chunk in _chunks(digest, content):
            if call and size + len(chunk["bytes"]) > PUT_BYTES:
                yield call
                call, size = [], 0
            call.append(chunk)
            size += len(chunk["bytes"])
    if call:
        yield call


def _chunks(digest: BlobHash, content: bytes) -> Iterator[Chunk]:
    count = max(1, -(-len(content) // CHUNK_BYTES))
    for number in range(count):
        yield {
            "hash": digest,
            "chunk": number,
            "chunks": count,
            "size": len(content),
            "bytes": content[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES],
        }


def _slices(items: Sequence[BlobHash], size: int) -> Iterator[Sequence[BlobHash]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]

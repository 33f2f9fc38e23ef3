"""A repository's archive as the files of an app: what is harmless, within caps. Pure, but slow.

`tar.gz` is read as a stream, once, and never to a disk by the names it holds. Everything an
archive can do wrong is refused or left out: names that climb, links, devices, holes, headers
without end, more bytes, files or seconds than were granted. What was left out is told.
"""

import gzip
import re
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from agents.errors import ImportDenied
from agents.imports.secrets import (
    harmless_settings,
    harmless_workspace,
    is_key_file,
    without_secrets,
)
from agents.paths import UnsafePath, safe_path
from agents.types import LeftOut

_MIB: Final = 1024 * 1024
_ALWAYS: Final = 32 * _MIB
"""However small the archive: many small files pack well, headers and padding above all."""

_HEADER_READ: Final = 8 * 1024
"""The longest header: names of links have 4 KiB. Python's reader is slow with longer ones."""

_HEADERS: Final = 32 * 1024
"""All headers of one entry."""

_DATA_READ: Final = 64 * 1024
_MAX_MANIFESTS: Final = 200
_MANIFEST: Final = "package.json"
_SETTINGS: Final[Mapping[str, tuple[str, Callable[[bytes], bytes]]]] = {
    ".npmrc": ("npm", harmless_settings),
    "pnpm-workspace.yaml": ("pnpm", harmless_workspace),
}
"""Files of settings of which only some are kept: whose they are, and which."""

_HOOKS: Final = re.compile(r"\.?pnpmfile\.\w+", re.IGNORECASE)
_MADE: Final = ("node_modules", ".git")
_DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError)
"""What Python's readers raise for bytes that are no archive, or half of one."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How much an archive may be. Bytes; `ratio` is unpacked to packed, beyond 32 MiB."""

    entries: int = 20_000
    unpacked: int = 200 * _MIB
    ratio: int = 100
    seconds: float = 60.0
    files: int = 2_000
    bytes: int = 64 * _MIB
    file_bytes: int = 16 * _MIB


@dataclass(slots=True)
class Unpacked:
    """What an archive holds below the wanted folder. `overflow`: it is more than an app may be."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    overflow: str | None = None
    is_found: bool = False
    size: int = 0

    def refuse(self, path: str, reason: str) -> None:
        """Note that this path was left out; the first reason counts."""
        self.left_out.setdefault(_shown(path), reason)

    @property
    def report(self) -> tuple[LeftOut, ...]:
        """What was left out, in the order of the names."""
        return tuple(LeftOut(path=p, reason=r) for p, r in sorted(self.left_out.items()))


def unpack(
    archive: BinaryIO, folder: str, now: Callable[[], float], caps: Caps | None = None
) -> Unpacked:
    """Read a `.tar.gz` whose entries all lie in one folder, as GitHub makes them.

    Only what is below `folder` in there counts ("" is everything). `now` are seconds.

    Raises: ImportDenied: damaged, or beyond a cap.
    """
    caps = caps or Caps()
    try:
        return _Reader(archive, folder, now, caps).read()
    except RecursionError as error:
        raise _damaged() from error
    except _DAMAGED as error:
        raise _damaged() from error


class _Unpacking:
    """Unpacked bytes under caps: the little of a file that `tarfile` needs, forward only."""

    def __init__(self, archive: BinaryIO, now: Callable[[], float], caps: Caps) -> None:
        packed = archive.seek(0, 2)
        archive.seek(0)
        self._stream = gzip.GzipFile(fileobj=archive, mode="rb")
        self._limit = min(caps.unpacked, max(_ALWAYS, packed * caps.ratio))
        self._now = now
        self._deadline = now() + caps.seconds
        self._at = 0
        self._headers_left = _HEADERS

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        """What `tarfile` reads by itself is headers, until `read_data` says otherwise."""
        self._headers_left -= size
        if not 0 <= size <= _HEADER_READ or self._headers_left < 0:
            raise ImportDenied("The archive has a header that is longer than any needs to be.")
        return self._take(size)

    def read_data(self, size: int) -> bytes:
        """An entry's content, from where its header ends."""
        content = bytearray()
        while len(content) < size:
            piece = self._take(min(_DATA_READ, size - len(content)))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)

    def begin_entry(self) -> None:
        """The next entry may have headers of its own."""
        self._headers_left = _HEADERS

    def seek(self, position: int) -> None:
        if position < self._at:
            raise ImportDenied("The archive does not follow its own order.")
        while self._at < position:
            if not self._take(min(_DATA_READ, position - self._at)):
                raise EOFError

    def drain(self) -> None:
        """Read what follows the last entry, so that the checksum at the end is looked at."""
        while self._take(_DATA_READ):
            pass

    def _take(self, size: int) -> bytes:
        if self._now() > self._deadline:
            raise ImportDenied("The archive takes too long to unpack.")
        data = self._stream.read(size)
        self._at += len(data)
        if self._at > self._limit:
            raise ImportDenied(
                "The archive unpacks to more than is granted "
                f"({self._limit // _MIB} MiB here); import one folder of a smaller copy."
            )
        return data


class _Reader:
    """One pass over an archive."""

    def __init__(
        self, archive: BinaryIO, folder: str, now: Callable[[], float], caps: Caps
    ) -> None:
        self._stream = _Unpacking(archive, now, caps)
        self._below = f"{folder}/" if folder else ""
        self._caps = caps
        self._found = Unpacked()
        self._root: str | None = None
        self._names: set[str] = set()
        self._folders: set[str] = set()

    def read(self) -> Unpacked:
        with tarfile.open(fileobj=self._stream, mode="r:") as tar:  # type: ignore[call-overload]
            for _ in range(self._caps.entries):
                entry = tar.next()
                if entry is None:
                    break
                self._read_entry(entry)
                self._stream.begin_entry()
                tar.members.clear()  # else every header is kept
            else:
                raise ImportDenied(
                    f"The repository has {self._caps.entries:,} entries or more, too many to read."
                )
        self._stream.drain()
        return self._found

    def _read_entry(self, entry: tarfile.TarInfo) -> None:
        root, _, path = entry.name.partition("/")
        if self._root is None:
            self._root = root
        if root != self._root:
            raise ImportDenied("The archive is not one of a single repository.")
        if not f"{path}/".startswith(self._below):
            return
        self._found.is_found = self._found.is_found or entry.isdir()
        path = f"{path}/".removeprefix(self._below).rstrip("/")
        if path and not entry.isdir():
            self._found.is_found = True
            self._read_file(entry, path)

    def _read_file(self, entry: tarfile.TarInfo, path: str) -> None:
        found, caps = self._found, self._caps
        reason = _kind_refused(entry) or (
            f"larger than {caps.file_bytes // _MIB} MiB" if entry.size > caps.file_bytes else None
        )
        name, refused = _named(path)
        if refused is not None or reason is not None:
            found.refuse(name, refused or reason or "")
            return
        if self._is_taken(name):
            found.refuse(name, "another file or folder has that name")
            return
        is_manifest = name.rpartition("/")[2] == _MANIFEST
        if found.overflow is not None and not is_manifest:
            return
        content = self._stream.read_data(entry.size)
        if is_manifest and len(found.manifests) < _MAX_MANIFESTS:
            found.manifests[name] = content
        self._keep(name, content)

    def _keep(self, name: str, content: bytes) -> None:
        found = self._found
        tool, harmless = _SETTINGS.get(name.rpartition("/")[2], ("", None))
        if harmless is not None:
            settings = harmless(content)
            if settings.split() != content.split():
                found.refuse(name, f"{tool}'s settings, but for harmless ones")
            if not settings:
                return
            content = settings
        clean, count = without_secrets(name, content)
        if count:
            found.refuse(
                name, "a secret was taken out" if count == 1 else f"{count} secrets were taken out"
            )
        found.size += len(clean)
        found.files[name] = clean
        if len(found.files) > self._caps.files:
            found.overflow = f"more than {self._caps.files:,} files"
        elif found.size > self._caps.bytes:
            found.overflow = f"more than {self._caps.bytes // _MIB} MiB"
        if found.overflow is not None:
            found.files.clear()

    def _is_taken(self, name: str) -> bool:
        """A name cannot be two files, or a file and a folder: the first one counts."""
        above = [name[:at] for at, char in enumerate(name) if char == "/"]
        if name in self._folders or not self._names.isdisjoint((name, *above)):
            return True
        self._names.add(name)
        self._folders.update(above)
        return False


def _kind_refused(entry: tarfile.TarInfo) -> str | None:
    """Why an entry is no file that an app may have."""
    if entry.issym() or entry.islnk():
        return "a link"
    if not entry.isreg() or entry.issparse():
        return "no regular file"
    return None


def _named(path: str) -> tuple[str, str | None]:
    """The safe form of a path; or what is told instead, and why it is left out."""
    names = path.split("/")
    for made in _MADE:
        if made in names[:-1]:
            return "/".join(names[: names.index(made) + 1]), "made by tools, not written"
    bare = names[-1]
    if _HOOKS.fullmatch(bare):
        return path, "would run while packages are installed"
    if bare == ".npmrc":  # looked at line by line
        names[-1] = "npmrc"
    try:
        safe = safe_path("/".join(names))
    except UnsafePath as error:
        is_secret = bare.lower().startswith(".env")
        return path, "may hold secrets" if is_secret else _reason(error)
    if bare == ".npmrc":
        return f"{safe.removesuffix('npmrc')}.npmrc", None
    return (safe, "holds secrets") if is_key_file(safe) else (safe, None)


def _reason(error: UnsafePath) -> str:
    return "a name that no app may have" if "protected" in str(error) else "an unsafe path"


def _shown(path: str) -> str:
    """A path of a stranger as people can read it."""
    return "".join(c if c.isprintable() else "�" for c in path)[:200]


def _damaged() -> ImportDenied:
    return ImportDenied("The archive that was sent is damaged, or none at all.")

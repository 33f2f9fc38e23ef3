"""An app's folder, read and written from outside while untrusted code may change it.

Every step goes through the folder's own descriptor with `O_NOFOLLOW`, so that a symbolic link or
a folder swapped in at any moment cannot lead anywhere else. Links are never followed, not even
inside the app. All functions block: call them in a thread.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agents.errors import SandboxFull, SandboxLost

MAX_FILES = 2_000
MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 20_000
MAX_DEPTH = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG)
_NOT_A_FOLDER = (errno.ENOTDIR, errno.ELOOP)
_UNREADABLE = (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EACCES, errno.ENAMETOOLONG)
_ABSENT = (FileNotFoundError, NotADirectoryError, PermissionError)


class AppFolder:
    """`root` holds the app; `stage` is a folder on the same disk that its code cannot reach.

    What is written belongs to `uid` when one is given.
    """

    def __init__(self, root: Path, stage: Path, uid: int | None, ignore: Sequence[str]) -> None:
        self._root = root
        self._stage = stage
        self._uid = uid
        self._ignore = frozenset(ignore)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace each file whole; a link or file where a folder must be gives way.

        Raises: SandboxLost, SandboxFull.
        """
        with self._opened() as root:
            for path, content in files.items():
                self._write_one(root, path, content)

    def remove(self, paths: Sequence[str]) -> None:
        """Delete files and links, and folders that hold nothing then; a folder of that name stays.

        Raises: SandboxLost.
        """
        with self._opened() as root:
            for path in paths:
                *folders, name = _parts(path)
                with contextlib.suppress(*_ABSENT), _walk(root, folders) as folder:
                    _unlink_file(name, folder)
                _remove_empty(root, folders)

    def read(self, path: str) -> bytes | None:
        """The content, or None when there is no such regular file. Raises: SandboxLost."""
        *folders, name = _parts(path)
        with self._opened() as root:
            try:
                with _walk(root, folders) as folder:
                    return _read_file(name, folder, MAX_BYTES)
            except _ABSENT:
                return None

    def tree(self) -> dict[str, bytes]:
        """Every app file: no links, nothing ignored, no `.git`, no name that is not UTF-8.

        Raises: SandboxLost, SandboxFull.
        """
        with self._opened() as root:
            return dict(_Collector(self._ignore).collect(root))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            root = os.open(self._root, _FOLDER)
        except OSError as error:
            raise SandboxLost("the sandbox's folder is gone") from error
        try:
            yield root
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise SandboxFull(f"no room in the sandbox: {error.strerror}") from error
            raise SandboxLost(f"the sandbox's folder cannot be used: {error}") from error
        finally:
            os.close(root)

    def _write_one(self, root: int, path: str, content: bytes) -> None:
        *folders, name = _parts(path)
        staged = self._stage / secrets.token_hex(8)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(staged, flags, 0o644), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
            if self._uid is not None:
                os.fchown(file.fileno(), self._uid, self._uid)
        try:
            with _walk(root, folders, make=True, uid=self._uid) as folder:
                _move_in(staged, name, folder)
        finally:
            staged.unlink(missing_ok=True)


class _Collector:
    """One walk over the app, within the caps."""

    def __init__(self, ignore: frozenset[str]) -> None:
        self._ignore = ignore
        self._entries = 0
        self._files = 0
        self._bytes = 0

    def collect(self, folder: int, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, bytes]]:
        if depth > MAX_DEPTH:
            raise SandboxFull("the app's folders are nested too deep")
        for name in sorted(self._names(folder, prefix)):
            path = prefix + name
            mode = _mode(name, folder)
            if stat.S_ISREG(mode):
                content = _read_file(name, folder, MAX_BYTES - self._bytes)
                if content is not None:
                    self._count(len(content))
                    yield path, content
            elif stat.S_ISDIR(mode):
                with contextlib.suppress(*_ABSENT), _open_folder(name, folder) as below:
                    yield from self.collect(below, f"{path}/", depth + 1)

    def _names(self, folder: int, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                self._entries += 1
                if self._entries > MAX_ENTRIES:
                    raise SandboxFull(f"the app has more than {MAX_ENTRIES} entries")
                hidden = entry.name in (".git", "node_modules")
                if hidden or (not prefix and entry.name in self._ignore):
                    continue
                if _is_text(entry.name):
                    yield entry.name

    def _count(self, size: int) -> None:
        self._files += 1
        self._bytes += size
        if self._files > MAX_FILES:
            raise SandboxFull(f"the app has more than {MAX_FILES} files")


def _parts(path: str) -> list[str]:
    """The path's names. It has passed `safe_path`; climbing out is a defect of the caller."""
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\0" in path:
        raise ValueError(f"not a path inside the app: {path!r}")
    return parts


def _is_text(name: str) -> bool:
    """Whether the name on disk was UTF-8, so that it can be stored."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def _open_folder(name: str, parent: int) -> Iterator[int]:
    try:
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except OSError as error:
        if error.errno in _NOT_A_FOLDER:
            raise NotADirectoryError(name) from error
        raise
    try:
        yield folder
    finally:
        os.close(folder)


@contextlib.contextmanager
def _walk(
    root: int, folders: Sequence[str], *, make: bool = False, uid: int | None = None
) -> Iterator[int]:
    """The descriptor of the folder below `root`, made on the way when `make`."""
    with contextlib.ExitStack() as stack:
        current = root
        for name in folders:
            if make:
                _ensure_folder(name, current, uid)
            current = stack.enter_context(_open_folder(name, current))
        yield current


def _ensure_folder(name: str, parent: int, uid: int | None) -> None:
    if stat.S_ISDIR(_mode(name, parent)):
        return
    _unlink_file(name, parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=parent)
        if uid is not None:
            os.chown(name, uid, uid, dir_fd=parent, follow_symlinks=False)


def _move_in(staged: Path, name: str, folder: int) -> None:
    try:
        os.rename(staged, name, dst_dir_fd=folder)
    except IsADirectoryError:
        shutil.rmtree(name, dir_fd=folder)
        os.rename(staged, name, dst_dir_fd=folder)


def _mode(name: str, parent: int) -> int:
    """The entry's own mode; 0 when there is none."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0


def _unlink_file(name: str, parent: int) -> None:
    if not stat.S_ISDIR(_mode(name, parent)):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(name, dir_fd=parent)


def _remove_empty(root: int, folders: Sequence[str]) -> None:
    """Delete a folder that is empty, then the one above it, as far as they are."""
    for depth in range(len(folders), 0, -1):
        try:
            with _walk(root, folders[: depth - 1]) as parent:
                os.rmdir(folders[depth - 1], dir_fd=parent)
        except OSError:  # it holds something, or was none
            return


def _read_file(name: str, parent: int, limit: int) -> bytes | None:
    """A regular file's bytes; None for anything else. Raises: SandboxFull beyond `limit`."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    except OSError as error:
        if error.errno in _UNREADABLE:
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise SandboxFull(f"the app's files are larger than {MAX_BYTES // 1024**2} MiB")
    return content

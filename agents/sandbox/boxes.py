"""The folders of sandboxes on disk, and who they belong to.

    <root>/owners/<owner>/lock          held (flock) while the owning process lives
    <root>/owners/<owner>/<sandbox>/    one `Box`
    <root>/skeleton/                    the few files every sandbox sees, such as passwd

A crashed owner's lock is free again, so the next one to start sweeps what it left behind.
All functions block: call them in a thread.
"""

import contextlib
import fcntl
import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from agents.errors import SandboxUnavailable
from agents.sandbox.keeper import kill_mentioning


@dataclass(frozen=True, slots=True)
class Box:
    """One sandbox's folders. `uid` owns what the code in it may change; None is ourselves."""

    root: Path
    uid: int | None

    @property
    def app(self) -> Path:
        """The app: home inside."""
        return self.root / "app"

    @property
    def tmp(self) -> Path:
        """Its /tmp."""
        return self.root / "tmp"

    @property
    def bridge(self) -> Path:
        """Where the server's socket appears; written from inside."""
        return self.root / "bridge"

    @property
    def gate(self) -> Path:
        """Where the package registry's socket is; read-only inside."""
        return self.root / "gate"

    @property
    def stage(self) -> Path:
        """Files on their way in; not visible inside."""
        return self.root / "stage"

    def make(self) -> None:
        """Make all folders. Others may pass through to their own, but list nothing."""
        self.root.mkdir(mode=0o711)
        self.stage.mkdir(mode=0o700)
        self.gate.mkdir(mode=0o711)
        for folder in (self.app, self.tmp, self.bridge):
            folder.mkdir(mode=0o700)
            if self.uid is not None:
                os.chown(folder, self.uid, self.uid)


class Boxes:
    """This process's boxes below `root`."""

    def __init__(self, root: Path, owner: str, uid: int | None) -> None:
        self._mine = root / "owners" / owner
        self._uid = uid
        self._lock = Lock(self._mine / "lock")

    def open(self) -> list[Path]:
        """Take a place of our own, and end what still runs for dead owners.

        The answer is what they left on disk: the caller deletes it.
        """
        owners = self._mine.parent
        make_passable(owners)
        sweeping = Lock(owners / ".sweep.lock")
        sweeping.take(wait=True)
        try:
            dead = [owner for owner in owners.iterdir() if owner.is_dir() and _is_dead(owner)]
            for owner in dead:
                kill_mentioning(f"{owner}/")
            self._mine.mkdir(mode=0o711)
            self._lock.take()
            return dead
        finally:
            sweeping.release()

    def is_held_elsewhere(self, name: str) -> bool:
        """Whether another owner, who lives, has a box of that name."""
        owners = [owner for owner in self._mine.parent.iterdir() if owner != self._mine]
        return any((owner / name).is_dir() and not _is_dead(owner) for owner in owners)

    @property
    def mine(self) -> Path:
        """The folder that holds all of our boxes."""
        return self._mine

    def new(self, name: str) -> Box:
        """Fresh, empty folders."""
        box = Box(self._mine / name, self._uid)
        box.make()
        return box

    def close(self) -> None:
        """Let go of our place; what is left in it is for the next one to sweep."""
        with contextlib.suppress(OSError):
            if [entry.name for entry in self._mine.iterdir()] == ["lock"]:
                (self._mine / "lock").unlink()
                self._mine.rmdir()
        self._lock.release()


class Lock:
    """An exclusive lock between processes; it ends with the process, in whatever way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, *, wait: bool = False) -> bool:
        """Whether we have it now."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go; twice is fine."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def make_passable(folder: Path) -> None:
    """Make the folder, with parents, so that others may pass through it but not list it."""
    for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        with contextlib.suppress(FileExistsError):
            missing.mkdir(mode=0o711)


def make_private(folder: Path) -> None:
    """Make a folder in a place everybody may write to, or check that it really is ours.

    Raises: SandboxUnavailable when somebody else owns it or may write to it.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o711)
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or found.st_mode & 0o022:
        raise SandboxUnavailable(f"{folder} exists and is not a folder that only we may change")


def delete_tree(folder: Path) -> None:
    """Delete a folder whatever hostile code has made of it: deep, locked or full of links."""
    command = ["rm", "-rf", "--", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        subprocess.run(
            ["chmod", "-R", "u+rwX", "--", str(folder)], check=False, capture_output=True
        )
        subprocess.run(command, check=False, capture_output=True)


def _is_dead(owner: Path) -> bool:
    """Whether nobody holds the owner's lock; several may look at a time."""
    try:
        descriptor = os.open(owner / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)

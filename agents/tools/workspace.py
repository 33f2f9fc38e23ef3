"""What the tools ask of the place where the app lives, and what they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from posixpath import basename
from typing import Protocol

from agents.errors import GenerationError
from agents.ports import CommandResult


class Workspace(Protocol):
    """The app's files and commands. Paths are relative and have passed `safe_path`.

    Every method may raise `SandboxError`; tools let it pass.
    """

    async def write(self, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Write all that may be; content that is there already is no change.

        Answers what was not written: path -> why, in words for the model.
        """
        ...

    async def remove(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Delete; a missing file is no error. Answers what was not deleted, as `write`."""
        ...

    async def read(self, path: str) -> bytes | None:
        """A file's bytes, or None when there is no such file."""
        ...

    async def peek(self, path: str) -> bytes | None:
        """As `read`, but for us: the model does not see it."""
        ...

    async def earlier(self, path: str) -> bytes | None:
        """The file as it was when the model's turn began; None when it was not there."""
        ...

    async def refuse_packages(self, names: Sequence[str]) -> Mapping[str, str]:
        """The packages that may not be installed: name -> why, in words for the model."""
        ...

    async def refuse_manifest(self, path: str, manifest: bytes) -> Mapping[str, str]:
        """What of a file that is a manifest may not be installed, as `refuse_packages`."""
        ...

    async def paths(self) -> Sequence[str]:
        """The app's files as far as they are recorded, without a look at the sandbox."""
        ...

    async def tree(self) -> dict[str, bytes]:
        """Every app file."""
        ...

    async def run(self, command: str, *, timeout_s: float, network: bool = False) -> CommandResult:
        """Run a command to its end or deadline."""
        ...


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool call came to: `text` for the model, `summary` one short line for people."""

    ok: bool
    summary: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one tool has to say to the model."""

    text: str
    ok: bool = True


class Refused(GenerationError):
    """The call cannot be carried out and changed nothing; `str()` tells the model why."""


def text_of(content: bytes) -> str | None:
    """The file as text, or None when it is binary (not UTF-8, or with a NUL)."""
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def near_names(path: str, paths: Sequence[str]) -> list[str]:
    """Up to three paths that may have been meant: of the same file name, else alike ones."""
    name = basename(path).lower()
    same = [other for other in paths if basename(other).lower() == name]
    return same[:3] or get_close_matches(path, paths, n=3, cutoff=0.6)


def not_there(path: str, paths: Sequence[str]) -> str:
    """`path` does not exist, and what may have been meant."""
    near = near_names(path, paths)
    hint = f" Did you mean {', '.join(near)}?" if near else " listFiles shows what there is."
    return f"{path}: there is no such file.{hint}"

"""Where a generated file may live: one check for every path a model or a person names."""

import re
import unicodedata
from typing import Final

from agents.errors import BadRequest

MAX_PATH_CHARS: Final = 512
MAX_NAME_BYTES: Final = 255
"""The longest file name that Linux file systems take."""

_PROTECTED_NAMES: Final = frozenset(
    {
        ".git",
        "git~1",  # the short name of .git on file systems that have short names
        ".gitconfig",
        ".ssh",
        ".npmrc",
        ".yarnrc",
        ".yarnrc.yml",
        ".netrc",
        ".profile",
        ".login",
        ".inputrc",
        "node_modules",
    }
)
_SHELL_START: Final = re.compile(
    r"\.(ba|z|k|c|tc)?sh(rc|env|_?profile|_?login|_logout|_aliases)|\.zprofile|\.zlogin"
)
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_BAD_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, invisible formatting (also direction changes), lone surrogates, line separators."""


class UnsafePath(BadRequest):
    """A path that may not be read or written; `str()` says why, for a person or a model."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="path")


def safe_path(path: str) -> str:
    """The path relative to the app's root: NFC, `/` between names, no `.` and no empty names.

    Names compare without regard to case, as some file systems do. Brackets, `@` and three dots
    in a name are fine: `app/[...slug]/page.tsx`.

    Raises: UnsafePath: outside the project, absolute, longer than 512 characters, invisible
    characters, a backslash, or a name that belongs to git, npm, a shell or secrets.
    """
    normal = unicodedata.normalize("NFC", path)
    _refuse_spelling(normal)
    names = [name for name in normal.split("/") if name not in ("", ".")]
    if not names:
        raise UnsafePath("The path names no file.")
    for name in names:
        _refuse_name(name)
    safe = "/".join(names)
    _refuse_spelling(safe)  # without what was left out it may be absolute: ./C:
    return safe


def contained_path(path: str) -> str:
    """A stored file's path, unchanged, if writing it below a folder stays below that folder.

    Names that only `safe_path` refuses are fine: a template may bring an `.npmrc`.

    Raises: UnsafePath.
    """
    _refuse_spelling(path)
    if any(name.rstrip(". ") == "" for name in path.split("/")):
        raise UnsafePath("A name in the path is empty or only dots.")
    return path


def _refuse_spelling(path: str) -> None:
    if not path.strip():
        raise UnsafePath("The path is empty.")
    if len(path) > MAX_PATH_CHARS:
        raise UnsafePath(f"The path is longer than {MAX_PATH_CHARS} characters.")
    if any(unicodedata.category(char) in _BAD_CATEGORIES for char in path):
        raise UnsafePath("The path holds a control or invisible character.")
    if "\\" in path:
        raise UnsafePath("The path holds a backslash; separate folders with '/'.")
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        raise UnsafePath(f"{path!r} is absolute; name it relative to the project's root.")
    if path.endswith("/"):
        raise UnsafePath(f"{path!r} names a folder, not a file.")


def _refuse_name(name: str) -> None:
    # What the strangest file system could take the name for: case folded, compatibility forms
    # unfolded, without the blanks and dots that some drop from the end.
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    bare = plain.rstrip(". ")
    if not bare:
        raise UnsafePath("A name in the path is only dots or blanks; '..' is never allowed.")
    if bare.startswith(".env"):
        raise UnsafePath(f"{name!r} is refused: environment files are not part of an app.")
    if bare in _PROTECTED_NAMES or _SHELL_START.fullmatch(bare):
        raise UnsafePath(f"{name!r} is protected; files there are not yours to touch.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise UnsafePath(f"A name in the path is longer than {MAX_NAME_BYTES} bytes.")

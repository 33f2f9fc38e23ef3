"""What runs inside a sandbox at E2B for us, and how what it says is read.

A sandbox is a machine of its own, so its code can fool only itself; what comes out of it is
bounded and checked here all the same. `/home/user` is home there, `app` in it holds the app, and
`.zapdev` what is ours. Paths inside programs are relative to the folder they run in.
"""

import json
import shlex
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from agents.errors import SandboxLost

HOME = "/home/user"
APP_NAME = "app"
APP = f"{HOME}/{APP_NAME}"
OURS_NAME = ".zapdev"
OURS = f"{HOME}/{OURS_NAME}"
MARKER_NAME = f"{OURS_NAME}/digest"
"""The file that says what the app's folder was prepared as: the template's digest."""

TOO_LARGE = 3
DISK_FULL = 28
HEADER_LIMIT = 4 * 1024 * 1024

_TAG = "ZAPDEV_RUN"
_CACHES = " ".join(
    f'{name}="$HOME/{folder}"'
    for name, folder in (
        ("npm_config_cache", ".npm"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CONFIG_HOME", ".config"),
    )
)
"""What tools keep goes into the machine's home; a command's own is the app."""
# $0 is the tag. Every process that a command has started carries it in its environment, daemons
# that left their session included; a signal of envd's would reach the first process only.
_END_ALL = r"""
for round in {1..200}; do
  found=$(grep -lsz "^%s$" /proc/[0-9]*/environ | cut -d/ -f3)
  [ -n "$found" ] || break
  kill -9 $found 2>/dev/null
  sleep 0.01
done
"""

Archive = list[tuple[str, bytes]]


def run_line(command: str, tag: str) -> str:
    """The line that runs an app's command in the app's folder and leaves nothing of it running.

    Its output, stdout and stderr in one, is the line's stdout; so is its exit status.
    """
    inner = f'{_CACHES} HOME="$PWD" {_TAG}={tag} setsid -w bash -c {shlex.quote(command)}'
    return f"{inner} </dev/null 2>&1; status=$?\n{end_line(tag)}\nexit $status"


def end_line(tag: str) -> str:
    """The line that ends everything a command with this tag has started."""
    return _END_ALL % f"{_TAG}={tag}"


def file_line(operation: str, *arguments: str) -> str:
    """The line for one of `guest.cjs`'s operations, to be run in the app's folder."""
    words = ["node", "-e", _program(), "--", operation, *arguments]
    return f"exec {shlex.join(words)}"


def caps(ignore: Sequence[str], limits: dict[str, int]) -> str:
    """How `tree` is limited: `files`, `bytes`, `entries`, `depth`."""
    return json.dumps({"ignore": list(ignore), **limits})


def unpack(archive: bytes) -> Archive:
    """The files in an archive of `guest.cjs`. Raises: SandboxLost when it is none."""
    header, _, body = archive.partition(b"\n")
    try:
        listed = [(str(path), int(size)) for path, size in json.loads(header)]
    except (ValueError, TypeError) as error:
        raise SandboxLost("the sandbox's answer cannot be read") from error
    if sum(size for _, size in listed) != len(body) or any(size < 0 for _, size in listed):
        raise SandboxLost("the sandbox's answer is cut")
    if not all(map(_is_inside, (path for path, _ in listed))):
        raise SandboxLost("the sandbox named a file outside of its app")
    found, at = [], 0
    for path, size in listed:
        found.append((path, body[at : at + size]))
        at += size
    return found


def check_path(path: str) -> str:
    """The path, which has passed `safe_path`; climbing out is a defect of the caller."""
    if not _is_inside(path):
        raise ValueError(f"not a path inside the app: {path!r}")
    return path


def _is_inside(path: str) -> bool:
    return {"", ".", ".."}.isdisjoint(path.split("/")) and "\0" not in path


@lru_cache
def _program() -> str:
    return Path(__file__).with_name("guest.cjs").read_text("utf-8")

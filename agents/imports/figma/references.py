"""What people call a design: any address that Figma shows for a file or a frame of it. Pure."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from agents.errors import BadRequest

MAX_CHARS: Final = 1_000
"""Figma puts the file's name and a token for sharing into its addresses."""

_HOSTS: Final = frozenset({"figma.com", "www.figma.com"})
_KEY: Final = re.compile(r"[A-Za-z0-9]{6,64}")
_NODE: Final = re.compile(r"I?\d{1,12}[:-]\d{1,12}(?:;\d{1,12}[:-]\d{1,12}){0,20}")
_FILES: Final = frozenset({"design", "file", "proto"})
_OTHERS: Final = {
    "board": "a FigJam board",
    "slides": "a slide deck",
    "deck": "a slide deck",
    "make": "a Figma Make file",
    "site": "a Figma site",
    "buzz": "a Figma Buzz file",
    "community": "a file of the community",
}
_EXAMPLE: Final = "Copy the link to a frame in Figma: https://www.figma.com/design/…?node-id=1-2"


@dataclass(frozen=True, slots=True)
class FigmaReference:
    """A file, and which node of it (`1:2`); None is the first frame of its first page."""

    key: str
    node: str | None = None

    @override
    def __str__(self) -> str:
        """The shortest address of it, which reads back as the same reference."""
        node = f"?node-id={self.node.replace(':', '-')}" if self.node is not None else ""
        return f"https://www.figma.com/design/{self.key}{node}"


def is_design(text: str) -> bool:
    """Whether this is meant as an address of Figma, be it a right one or not."""
    host = _split(text)[0]
    return host == "figma.com" or host.endswith(".figma.com")


def parse_design(text: str) -> FigmaReference:
    """Read an address. Raises: BadRequest, whose text says what is wrong and whose hint what to send."""
    wanted = _bare(text)
    if len(wanted) > MAX_CHARS or not wanted.isprintable():
        raise _wrong("That is no address of a design.")
    host, path, query = _split(wanted)
    if host not in _HOSTS:
        raise _wrong(f"{host[:60] or 'That'} is not Figma.")
    names = [name for name in path.split("/") if name]
    kind = names[0] if names else ""
    if kind in _OTHERS:
        what = _OTHERS[kind]
        hint = "Duplicate it into your drafts and send that address." if kind == "community" else ""
        raise BadRequest(f"That is {what}, not a design.", field="url", hint=hint or _EXAMPLE)
    if kind not in _FILES or len(names) < 2:
        raise _wrong("That address of Figma names no design.")
    key = names[3] if len(names) > 3 and names[2] == "branch" else names[1]
    node = parse_qs(query).get("node-id", [""])[0]
    if not _KEY.fullmatch(key) or (node and not _NODE.fullmatch(node)):
        raise _wrong("That address of Figma names no design.")
    return FigmaReference(key, node.replace("-", ":") or None)


def _bare(text: str) -> str:
    """Without what Slack and people put around an address."""
    return text.strip().strip("<>").partition("|")[0].strip()


def _split(text: str) -> tuple[str, str, str]:
    """Host (lower case), path, query; empty where it is no web address."""
    wanted = _bare(text)
    if "://" not in wanted:
        wanted = f"https://{wanted}"
    try:
        parts = urlsplit(wanted)
        host = parts.hostname or ""
    except ValueError:
        return "", "", ""
    if parts.scheme not in ("http", "https"):
        return "", "", ""
    return host.lower(), parts.path, parts.query


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, field="url", hint=_EXAMPLE)

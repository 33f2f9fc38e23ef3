"""Where apps can be imported from: the port, and what comes through it."""

from dataclasses import dataclass, field
from typing import Protocol

from agents.types import AppFiles, LeftOut


@dataclass(frozen=True, slots=True)
class Source:
    """An app as it was found elsewhere: only what an app may hold, secrets taken out.

    `origin` is for people (`github.com/owner/repo`), `commit` what exactly was taken (hex).
    `manifests` are the `package.json` files of all its folders, also where there are more files
    than an app may have: then `overflow` says so, and `files` is not all of them.
    """

    origin: str
    ref: str
    commit: str
    path: str
    files: AppFiles
    left_out: tuple[LeftOut, ...] = ()
    manifests: AppFiles = field(default_factory=dict)
    overflow: str | None = None


class Sources(Protocol):
    """Where apps can be imported from."""

    async def fetch(self, reference: str) -> Source:
        """All files of a repository, or of a folder in it.

        Raises: BadRequest (the reference), ImportDenied, SourceUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Design:
    """A frame of a design, as an app can be built from it: what a model reads, and its images.

    `origin` is for people (`figma.com/design/KEY`), `version` what exactly was taken. `brief` is
    the outline, tokens and components as text for a model: others' words, to be wrapped as data.
    `images` are by the path they are served at (`design/hero.png`). `picture` is the frame itself (PNG),
    `width` and `height` its size in CSS pixels. `notes` are sentences for people: what is not
    in the brief and why.
    """

    origin: str
    name: str
    frame: str
    version: str
    brief: str
    width: int
    height: int
    colours: int = 0
    text_styles: int = 0
    components: int = 0
    images: AppFiles = field(default_factory=dict)
    picture: bytes | None = None
    notes: tuple[str, ...] = ()


class Designs(Protocol):
    """Where designs can be imported from."""

    async def fetch_design(self, reference: str) -> Design:
        """One frame: the one its address names, else the first of its file's first page.

        Raises: BadRequest (the reference), ImportDenied, SourceUnavailable.
        """
        ...

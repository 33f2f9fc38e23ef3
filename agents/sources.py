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

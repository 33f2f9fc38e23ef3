"""What people call a repository: `owner/repo@ref/path`, or any address GitHub shows for it. Pure."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from typing_extensions import override

from agents.errors import BadRequest
from agents.imports.figma.references import FigmaReference
from agents.paths import UnsafePath, safe_path

PROMPT: Final = "Import "
"""What the prompt of an import begins with; the reference follows."""

MAX_CHARS: Final = 500
MAX_REF_CHARS: Final = 250
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_REPO: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_NO_REF: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:^|/)\.|\.(?:/|$)|\.lock(?:/|$)"
)
_SSH: Final = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](.+)")
_GITHUB: Final = frozenset({"github.com", "www.github.com"})
_OTHER_FORGES: Final = ("gitlab.", "bitbucket.", "codeberg.", "gitea.", "sr.ht")
_EXAMPLE: Final = (
    "Write owner/repo, owner/repo@branch, owner/repo/folder, or its address on GitHub."
)


@dataclass(frozen=True, slots=True)
class GitHubReference:
    """A repository, and what of it. `ref` None is its default branch; `path` "" its root.

    Where a branch's name may hold a slash only GitHub knows where the name ends: then `path`
    begins with what may still belong to `ref`, and `is_open` says so.
    """

    owner: str
    repo: str
    ref: str | None = None
    path: str = ""
    is_open: bool = False

    @override
    def __str__(self) -> str:
        """`owner/repo@ref/path`, which reads back as the same reference."""
        ref = f"@{self.ref}" if self.ref is not None else ""
        return f"{self.owner}/{self.repo}{ref}{'/' + self.path if self.path else ''}"


def import_prompt(reference: GitHubReference | FigmaReference) -> str:
    """What people read as the prompt of an import; `reference_in` reads it back."""
    return f"{PROMPT}{reference}"


def reference_in(prompt: str) -> str:
    """What an import's prompt asks for."""
    return prompt.removeprefix(PROMPT).strip()


def parse_reference(text: str, *, host: str | None = None) -> GitHubReference:
    """Read a reference. `host` is that of an operator's own GitHub, whose addresses count too.

    Raises: BadRequest, whose text says what is wrong with it and whose hint what to write.
    """
    wanted = text.strip().strip("<>").strip()
    if not wanted:
        raise BadRequest("Which repository?", field="url", hint=_EXAMPLE)
    if len(wanted) > MAX_CHARS or not wanted.isprintable() or " " in wanted:
        raise _not_understood(wanted)
    ssh = _SSH.fullmatch(wanted)
    if ssh is not None:
        wanted = f"https://{ssh[1]}/{ssh[2]}"
    wanted = re.sub(r"^(?:git\+)?(https?://)", r"\1", wanted, flags=re.IGNORECASE)
    known = _GITHUB | ({host.lower()} if host else frozenset())
    if "://" in wanted:
        return _from_address(wanted, known)
    first = wanted.partition("/")[0].lower()
    if first in known or ("." in first and "/" in wanted):
        return _from_address(f"https://{wanted}", known)
    return _from_words(wanted.removeprefix("github:").replace("#", "@", 1))


def _from_words(text: str) -> GitHubReference:
    """`owner/repo[@ref][/path]`."""
    owner, _, rest = text.partition("/")
    name, at, ref = rest.partition("@")
    if at and "/" not in name:
        return _with_tail(owner, name, ref)
    repo, _, path = rest.partition("/")
    return _checked(owner, repo, None, path)


def _from_address(text: str, known: frozenset[str]) -> GitHubReference:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise _not_understood(text) from None
    if parts.scheme not in ("http", "https"):
        raise _not_understood(text)
    _refuse_other_hosts(host, known)
    names = [unquote(name) for name in parts.path.split("/") if name]
    if len(names) < 2:
        raise BadRequest("That address names no repository.", field="url", hint=_EXAMPLE)
    owner, repo, *rest = names
    match rest:
        case []:
            return _checked(owner, repo, None, "")
        case ["tree", *tail] if tail:
            return _with_tail(owner, repo, "/".join(tail))
        case ["blob" | "edit" | "raw" | "blame", *tail] if len(tail) > 1:
            return _with_tail(owner, repo, "/".join(tail[:-1]))
        case ["commit", sha] | ["releases", "tag", sha]:
            return _checked(owner, repo, sha, "")
        case ["pull", *_]:
            raise BadRequest(
                "That is a pull request.", field="url", hint="Name its branch: owner/repo@branch."
            )
        case _:
            raise BadRequest(
                "That is an address on GitHub, but not of a repository or a folder in one.",
                field="url",
                hint=_EXAMPLE,
            )


def _refuse_other_hosts(host: str, known: frozenset[str]) -> None:
    """Raises: BadRequest."""
    if host in known:
        return
    if any(name in f"{host}." for name in _OTHER_FORGES):
        raise BadRequest(
            "I import from GitHub only.", field="url", hint="Push a copy to GitHub and name that."
        )
    raise BadRequest(f"{host[:60] or 'That'} is not GitHub.", field="url", hint=_EXAMPLE)


def _with_tail(owner: str, repo: str, tail: str) -> GitHubReference:
    """What follows `@` or `/tree/`: a ref, then a path; the first name is surely of the ref."""
    ref, _, path = tail.strip("/").partition("/")
    return _checked(owner, repo, ref, path)


def _checked(owner: str, repo: str, ref: str | None, path: str) -> GitHubReference:
    repo = repo.removesuffix(".git") or repo
    if not _OWNER.fullmatch(owner) or not _REPO.fullmatch(repo):
        raise _not_understood(f"{owner}/{repo}")
    if ref is not None:
        check_ref(ref)
    if path:
        try:
            path = safe_path(path.rstrip("/"))
        except UnsafePath as error:
            raise BadRequest(
                f"That folder cannot be imported: {error}", field="url", hint=_EXAMPLE
            ) from None
    return GitHubReference(owner, repo, ref, path, is_open=ref is not None and bool(path))


def check_ref(ref: str) -> None:
    """Whether git could have a branch, a tag or a commit of that name. Raises: BadRequest."""
    if not ref or len(ref) > MAX_REF_CHARS or ref[0] in "-/" or _NO_REF.search(ref):
        raise BadRequest(
            f"“{ref[:60]}” is no name of a branch, a tag or a commit.", field="url", hint=_EXAMPLE
        )


def _not_understood(text: str) -> BadRequest:
    shown = "".join(char for char in text[:60] if char.isprintable())
    return BadRequest(f"“{shown}” is no repository on GitHub.", field="url", hint=_EXAMPLE)

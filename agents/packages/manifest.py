"""What a `package.json` asks npm to fetch. Pure; a broken manifest asks for nothing."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_SECTIONS: Final = (
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
)
_ELSEWHERE: Final = re.compile(
    r"^(?:git|https?|ssh|github|gitlab|bitbucket|gist)[:+]|^[\w.-]+/[\w.-]+"
)
_ALIAS: Final = re.compile(r"^npm:((?:@[^@/\s]+/)?[^@/\s]+)")


def declared(manifest: str | bytes) -> frozenset[str]:
    """The names under which packages can be imported: those of every section, and the app's own."""
    loaded = _load(manifest)
    own = loaded.get("name")
    names = {name for name, _ in _entries(loaded)}
    return frozenset(names | ({own} if isinstance(own, str) else set()))


def wanted_packages(manifest: str | bytes) -> frozenset[str]:
    """The registry's packages that an install would fetch, aliases resolved, overrides included."""
    return frozenset(_wanted(_load(manifest)))


def foreign_sources(manifest: str | bytes) -> dict[str, str]:
    """Dependencies that are to come from somewhere else than the registry: name -> where from."""
    return {name: spec for name, spec in _entries(_load(manifest)) if _ELSEWHERE.match(spec)}


def _wanted(loaded: dict[str, Any]) -> Iterator[str]:
    for name, spec in _entries(loaded):
        alias = _ALIAS.match(spec)
        if alias:
            yield alias[1]
        elif not _ELSEWHERE.match(spec) and not spec.startswith(("file:", "link:", "workspace:")):
            yield name
    for key in ("overrides", "resolutions"):
        for spec in _strings(loaded.get(key)):
            alias = _ALIAS.match(spec)
            if alias:
                yield alias[1]


def _entries(loaded: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for section in _SECTIONS:
        listed = loaded.get(section)
        if isinstance(listed, dict):
            yield from ((name, str(spec)) for name, spec in listed.items())


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _strings(value)


def _load(manifest: str | bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(manifest)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}

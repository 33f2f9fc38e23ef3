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
_RANGE: Final = re.compile(r"[\w.^~<>=|*+\s-]*", re.ASCII)
"""Versions, ranges of them and tags: neither an address nor a path can be written with these."""
_ALIAS: Final = re.compile(
    rf"npm:((?:@[\w.~-]+/)?[\w.~-]+)(?:@{_RANGE.pattern})?", re.ASCII | re.IGNORECASE
)
_LOCAL: Final = re.compile(r"(?:file:|link:|workspace:|\.{1,2}/).*", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"\$[\w@./-]+", re.ASCII)
"""In overrides: the version that the dependency of that name has."""


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
    """Dependencies that are to come from somewhere else than the registry: name -> where from.

    An override has the name `override of NAME`.
    """
    loaded = _load(manifest)
    listed = {name: spec for name, spec in _entries(loaded) if _is_foreign(spec)}
    overrides = {
        f"override of {name}": spec
        for name, spec in _overrides(loaded)
        if _is_foreign(spec) and not _REFERENCE.fullmatch(spec)
    }
    return listed | overrides


def _is_foreign(spec: str) -> bool:
    return not any(kind.fullmatch(spec) for kind in (_RANGE, _ALIAS, _LOCAL))


def _wanted(loaded: dict[str, Any]) -> Iterator[str]:
    for name, spec in _entries(loaded):
        alias = _ALIAS.fullmatch(spec)
        if alias:
            yield alias[1]
        elif _RANGE.fullmatch(spec):
            yield name
    for _, spec in _overrides(loaded):
        alias = _ALIAS.fullmatch(spec)
        if alias:
            yield alias[1]


def _entries(loaded: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for section in _SECTIONS:
        listed = loaded.get(section)
        if isinstance(listed, dict):
            yield from ((name, str(spec).strip()) for name, spec in listed.items())


def _overrides(loaded: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Those of npm, Yarn and pnpm, however deep."""
    pnpm = loaded.get("pnpm")
    for holder in (loaded, pnpm if isinstance(pnpm, dict) else {}):
        for key in ("overrides", "resolutions"):
            yield from _strings(key, holder.get(key))


def _strings(name: str, node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield name, node.strip()
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _strings(key, value)


def _load(manifest: str | bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(manifest)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}

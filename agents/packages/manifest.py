"""What a `package.json` asks npm to fetch. Pure; a broken manifest asks for nothing.

Those of workspaces are installed with the one of the root, so that all of an app count.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from agents.packages.pnpm import workspace_manifest

_WORKSPACE: Final = "pnpm-workspace.yaml"
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
_CATALOG: Final = re.compile(r"catalog:[\w.-]*", re.ASCII)
"""The version stands in the workspace's catalog, which is judged where it stands."""
_REFERENCE: Final = re.compile(r"\$[\w@./-]+", re.ASCII)
"""In overrides: the version that the dependency of that name has."""


def is_manifest(path: str) -> bool:
    """Whether an install reads this file to know what to fetch."""
    folder, _, name = path.rpartition("/")
    return name == "package.json" or (not folder and name == _WORKSPACE)


def as_manifest(path: str, content: bytes) -> bytes:
    """Such a file in the form of a `package.json`."""
    return workspace_manifest(content) if path == _WORKSPACE else content


def own_name(manifest: str | bytes) -> str | None:
    """What the app, or the member of a workspace, calls itself."""
    name = _load(manifest).get("name")
    return name if isinstance(name, str) else None


def declared(manifest: str | bytes) -> frozenset[str]:
    """The names under which packages can be imported: those of every section, and the app's own."""
    loaded = _load(manifest)
    own = own_name(manifest)
    names = {name for name, _ in _entries(loaded)}
    return frozenset(names | ({own} if own is not None else set()))


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
    return not any(kind.fullmatch(spec) for kind in (_RANGE, _ALIAS, _LOCAL, _CATALOG))


def _wanted(loaded: dict[str, Any]) -> Iterator[str]:
    for name, spec in _entries(loaded):
        alias = _ALIAS.fullmatch(spec)
        if alias:
            yield alias[1]
        elif _RANGE.fullmatch(spec) or _CATALOG.fullmatch(spec):
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

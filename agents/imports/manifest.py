"""A `package.json` of a stranger, read without believing that it has any form. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MAX_BYTES: Final = 1024 * 1024
_VERSION: Final = re.compile(r"\d+(?:\.\d+){0,2}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What of it matters. `packages` are all dependencies with what is asked of their version."""

    name: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    package_manager: str = ""
    has_workspaces: bool = False
    is_readable: bool = True

    def major(self, package: str) -> int | None:
        """The first number of the version that is asked for, where one is named."""
        found = _VERSION.search(self.packages.get(package, ""))
        return int(found[0].partition(".")[0][:6]) if found else None

    def version(self, package: str) -> str:
        """The numbers of the version that is asked for, such as `15.1`; may be empty."""
        found = _VERSION.search(self.packages.get(package, ""))
        return found[0] if found else ""


def read_manifest(content: bytes | None) -> Manifest:
    """Total: what is missing or has another form than it should is left empty."""
    if content is None or len(content) > MAX_BYTES:
        return Manifest(is_readable=False)
    try:
        loaded = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return Manifest(is_readable=False)
    if not isinstance(loaded, dict):
        return Manifest(is_readable=False)
    packages: dict[str, str] = {}
    for key in ("peerDependencies", "devDependencies", "dependencies"):
        packages |= _texts(loaded.get(key))
    manager = loaded.get("packageManager")
    name = loaded.get("name")
    return Manifest(
        name=name if isinstance(name, str) else "",
        packages=packages,
        scripts=_texts(loaded.get("scripts")),
        package_manager=manager if isinstance(manager, str) else "",
        has_workspaces=bool(loaded.get("workspaces")),
    )


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(text, str)}

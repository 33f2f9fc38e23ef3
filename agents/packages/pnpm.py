"""What a `pnpm-workspace.yaml` says of where packages come from: catalogs and overrides. Pure.

Read line by line and in doubt against the file: what is not plainly `name: version` is taken for
a source of its own, which the gate then refuses. Nothing else of YAML is needed here.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

_SECTIONS: Final = frozenset({"catalog", "catalogs", "overrides"})
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")


def workspace_manifest(content: bytes) -> bytes:
    """The same as a `package.json` with overrides, as which it can be judged."""
    lines = content.decode(errors="replace").removeprefix("\ufeff").splitlines()
    entries = {str(number): {name: spec} for number, (name, spec) in enumerate(_entries(lines))}
    return json.dumps({"overrides": entries}).encode()


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    judged = False
    for line in (_COMMENT.sub("", raw).rstrip() for raw in lines):
        if not line or line == "---":
            continue
        name, colon, spec = (part.strip() for part in f"{line} ".partition(": "))
        name, spec = name.strip("\"'"), spec.strip("\"'")
        if line[0] not in " \t-":
            plain = colon and re.fullmatch(r"\w+", name)
            judged = not plain or name in _SECTIONS
        if judged and not colon:
            yield line.strip(), line.strip()
        elif judged and spec:
            yield name, spec

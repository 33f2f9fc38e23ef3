"""A frame's tree, read from the API's JSON: only what is there, of the right kind and finite. Pure.

Names of fields are those of Figma's OpenAPI specification (@figma/rest-api-spec 0.43). What is of
another type than documented counts as absent; names and texts lose what cannot be printed.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_NODES: Final = 3_000
MAX_DEPTH: Final = 40
MAX_NAME: Final = 80
MAX_PAINTS: Final = 16
"""Fills, strokes or effects of a layer, and stops of a gradient."""

MAX_LINE: Final = 4_000
_LARGEST: Final = 1_000_000.0

Raw = Mapping[str, Any]
_NOTHING: Final[Raw] = {}


def mapping(value: object) -> Raw:
    """The value, if it is an object of JSON; else an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def mappings(value: object) -> list[Raw]:
    """The objects in a list of JSON."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """A finite number of at most a million either way."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and abs(found) <= _LARGEST else None


def word(value: object) -> str:
    """A short text on one line, with nothing in it that cannot be printed."""
    return line(value)[:MAX_NAME].strip()


def line(value: object) -> str:
    """A text's beginning on one line, with nothing in it that cannot be printed."""
    if not isinstance(value, str):
        return ""
    shown = "".join(char if char.isprintable() else " " for char in value[:MAX_LINE])
    return " ".join(shown.split())


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is, in CSS pixels of its page."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A visible node. `kind` is the API's `type` (`FRAME`, `TEXT`)."""

    id: str
    name: str
    kind: str
    box: Box | None
    raw: Raw
    children: tuple["Node", ...]

    def number(self, field: str) -> float:
        """A number of the node; 0 where there is none."""
        return number(self.raw.get(field)) or 0.0

    def word(self, field: str) -> str:
        """A short text of the node; "" where there is none."""
        return word(self.raw.get(field))

    def paints(self, field: str) -> list[Raw]:
        """The first visible entries of `fills`, `strokes` or `effects`."""
        given = mappings(self.raw.get(field))
        return [paint for paint in given if paint.get("visible") is not False][:MAX_PAINTS]

    def walk(self) -> Iterator["Node"]:
        """The node, then all below it, in the order of the layers."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Tree:
    """A frame, and how many nodes of it were left out for being too many or too deep."""

    root: Node
    left_out: int


def read_tree(document: object) -> Tree | None:
    """The tree under a node of the API; None where it is none, or is not visible."""
    reader = _Reader()
    root = reader.read(mapping(document), 0)
    return Tree(root, reader.left_out) if root is not None else None


class _Reader:
    def __init__(self) -> None:
        self.left_out = 0
        self._taken = 0

    def read(self, raw: Raw, depth: int) -> Node | None:
        node_id, kind = raw.get("id"), raw.get("type")
        if not isinstance(node_id, str) or not isinstance(kind, str) or not _is_visible(raw):
            return None
        if self._taken >= MAX_NODES or depth > MAX_DEPTH:
            self.left_out += 1
            return None
        self._taken += 1
        below = mappings(raw.get("children"))
        children = [child for c in below if (child := self.read(c, depth + 1)) is not None]
        name = word(raw.get("name")) or kind.lower()
        return Node(node_id, name, word(kind), _box(raw), raw, tuple(children))


def _is_visible(raw: Raw) -> bool:
    return raw.get("visible") is not False and number(raw.get("opacity")) != 0.0


def _box(raw: Raw) -> Box | None:
    given = mapping(raw.get("absoluteBoundingBox"))
    x, y, width, height = (number(given.get(name)) for name in ("x", "y", "width", "height"))
    if x is None or y is None or width is None or height is None:
        return None
    return Box(x, y, max(width, 0.0), max(height, 0.0))

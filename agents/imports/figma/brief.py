"""A design in words for a model, within a budget of tokens. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agents.context import tokens_of
from agents.imports.figma.nodes import Node, Tree
from agents.imports.figma.outline import Outliner
from agents.imports.figma.paints import px
from agents.imports.figma.tokens import Catalog, Tokens, collect, told

BUDGET: Final = 12_000
"""Tokens: a tenth of what the smallest usual model reads."""

_LEAST: Final = 400


@dataclass(frozen=True, slots=True)
class Brief:
    """What a model reads, the tokens it was made from, and what people should know of it."""

    text: str
    tokens: Tokens
    notes: tuple[str, ...]


def write_brief(
    tree: Tree, catalog: Catalog, images: Mapping[str, str], limit: int = BUDGET
) -> Brief:
    """The frame's size, tokens and outline; the outline goes as deep as there is room.

    `images` are the addresses of nodes' images. The text has at most `limit` tokens, where that is
    500 or more.
    """
    root, notes = tree.root, []
    tokens = collect(root, catalog)
    size = f", {px(root.box.width)} × {px(root.box.height)}" if root.box is not None else ""
    head = _cut("\n".join([f"Frame “{root.name}”{size}", *told(tokens, catalog)]), limit - _LEAST)
    outliner = Outliner(catalog, images)
    room = limit - tokens_of(head) - 10
    deepest = _depth(root)
    fitting = _most(deepest + 1, lambda depth: tokens_of(outliner.outline(root, depth)) <= room)
    outline = _cut(outliner.outline(root, max(fitting - 1, 0)), room)
    if 0 < fitting <= deepest:
        notes.append(f"The outline goes {fitting - 1} levels deep: the frame is large.")
    if tree.left_out:
        notes.append(f"{tree.left_out:,} layers are left out: they are too many, or too deep.")
    return Brief(f"{head}\n\nOutline:\n{outline}", tokens, tuple(notes))


def _depth(node: Node) -> int:
    """How many levels are below it."""
    return max((1 + _depth(child) for child in node.children), default=0)


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """How many of the numbers from 0 on fit, all below `count` if they do."""
    return bisect_left(range(count), 1, key=lambda number: int(not fits(number)))


def _cut(text: str, limit: int) -> str:
    """Whole lines, as many as there is room for; of a first line that is too long, its beginning."""
    lines = text.split("\n")
    fitting = _most(len(lines), lambda n: tokens_of("\n".join(lines[: n + 1])) <= limit)
    kept = "\n".join(lines[: max(fitting, 1)])
    while tokens_of(kept) > limit:
        kept = kept[: len(kept) * 3 // 4]
    return kept

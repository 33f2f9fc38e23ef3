"""A design in words for a model, within a budget of tokens. Pure."""

from collections.abc import Mapping
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
    outline = ""
    deepest = _depth(root)
    for depth in range(deepest, -1, -1):
        outline = outliner.outline(root, depth)
        if tokens_of(outline) <= room:
            if depth < deepest:
                notes.append(f"The outline goes {depth} levels deep: the frame is large.")
            break
    else:
        outline = _cut(outline, room)
    if tree.left_out:
        notes.append(f"{tree.left_out:,} layers are left out: they are too many, or too deep.")
    return Brief(f"{head}\n\nOutline:\n{outline}", tokens, tuple(notes))


def _depth(node: Node) -> int:
    """How many levels are below it."""
    return max((1 + _depth(child) for child in node.children), default=0)


def _cut(text: str, limit: int) -> str:
    """Whole lines, as many as there is room for; of a first line that is too long, its beginning."""
    lines = text.split("\n")
    while len(lines) > 1 and tokens_of("\n".join(lines)) > limit:
        lines.pop()
    kept = "\n".join(lines)
    while tokens_of(kept) > limit:
        kept = kept[: len(kept) * 3 // 4]
    return kept

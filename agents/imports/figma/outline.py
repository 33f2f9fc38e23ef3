"""A frame as an outline that a person would write: flex and grid, texts, images, sizes. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from agents.imports.figma.nodes import MAX_PAINTS, Node, line, mapping, mappings, number
from agents.imports.figma.paints import paint, plain, px, shadow
from agents.imports.figma.tokens import (
    CHOICES,
    STYLED,
    Catalog,
    corners,
    overrides,
    padding,
    text_style,
)

MAX_TEXT: Final = 400
_MAIN: Final = {"CENTER": "center", "MAX": "end", "SPACE_BETWEEN": "space-between"}
_CROSS: Final = {"CENTER": "center", "MAX": "end", "BASELINE": "baseline"}
_ALIGN: Final = {"CENTER": "center", "RIGHT": "right", "JUSTIFIED": "justify"}
_SCROLLS: Final = {
    "HORIZONTAL_SCROLLING": "scrolls sideways",
    "VERTICAL_SCROLLING": "scrolls",
    "HORIZONTAL_AND_VERTICAL_SCROLLING": "scrolls both ways",
}


class Outliner:
    """Writes outlines of one frame. `images` are the addresses of nodes that are images."""

    def __init__(self, catalog: Catalog, images: Mapping[str, str]) -> None:
        self._catalog = catalog
        self._images = images

    def outline(self, root: Node, depth: int) -> str:
        """The frame down to `depth` levels below it; what is deeper is counted."""
        return "\n".join(self._lines(root, None, 0, depth))

    def _lines(self, node: Node, parent: Node | None, level: int, depth: int) -> Iterator[str]:
        indent = "  " * level
        yield f"{indent}- {', '.join(self._words(node, parent))}"
        if node.kind == "TEXT" or self._is_picture(node):
            return
        if node.children and level >= depth:
            count = sum(1 for _ in node.walk()) - 1
            yield f"{indent}  - … {count} more inside"
            return
        for child in node.children:
            yield from self._lines(child, node, level + 1, depth)

    def _is_picture(self, node: Node) -> bool:
        """An image with nothing upon it, or a drawing that was exported whole."""
        return node.id in self._images and (
            not node.children or self._images[node.id].endswith(".svg")
        )

    def _words(self, node: Node, parent: Node | None) -> Iterator[str]:
        if node.kind == "TEXT":
            yield from self._text(node)
        else:
            yield from self._element(node)
        yield from _place(node, parent)
        if (opacity := number(node.raw.get("opacity"))) is not None and opacity < 1:
            yield f"opacity {plain(opacity)}"

    def _text(self, node: Node) -> Iterator[str]:
        said = line(node.raw.get("characters"))
        yield f"text “{said[:MAX_TEXT]}{'…' * (len(said) > MAX_TEXT)}”"
        style = mapping(node.raw.get("style"))
        yield text_style(style)
        yield from (f"colour {fill}" for fill in _fills(node))
        if (align := _ALIGN.get(str(style.get("textAlignHorizontal")))) is not None:
            yield f"aligned {align}"
        runs = _runs(node)
        for key, override in overrides(node).items():
            told = [f"in it “{line(runs[key])[:80]}” {text_style({**style, **override})}"]
            fills = mappings(override.get("fills"))[:MAX_PAINTS]
            told += [fill for raw in fills if (fill := paint(raw, None))]
            yield " ".join(told)

    def _element(self, node: Node) -> Iterator[str]:
        yield self._title(node)
        if node.id in self._images:
            yield f"image {self._images[node.id]}"
            if self._images[node.id].endswith(".svg"):
                return
        yield from _layout(node)
        yield from (f"fill {fill}" for fill in _fills(node))
        yield from _border(node)
        if (radius := corners(node)) is not None:
            yield f"radius {radius}"
        yield from (f"shadow {found}" for e in node.paints("effects") if (found := shadow(e)))
        if (scrolls := _SCROLLS.get(node.word("overflowDirection"))) is not None:
            yield scrolls

    def _title(self, node: Node) -> str:
        if node.kind != "INSTANCE":
            return f"{node.name} ({node.kind.lower().replace('_', ' ')})"
        component = self._catalog.component_of(node)
        chosen = ", ".join(_properties(node))
        of = f"instance of {component}" if component else "instance"
        return f"{node.name} ({of}{': ' * bool(chosen)}{chosen})"


def _layout(node: Node) -> Iterator[str]:
    """Auto layout as flex or grid; without one, its children say where they are."""
    mode = node.word("layoutMode")
    if mode == "GRID":
        yield from _grid(node)
    elif mode in ("HORIZONTAL", "VERTICAL"):
        yield from _flex(node, mode)
    elif node.children:
        yield "children at fixed places"
    if (around := padding(node)) is not None:
        yield f"padding {around}"


def _flex(node: Node, mode: str) -> Iterator[str]:
    wraps = node.word("layoutWrap") == "WRAP"
    yield f"flex {'row' if mode == 'HORIZONTAL' else 'column'}{' wrap' * wraps}"
    main = node.word("primaryAxisAlignItems")
    if main != "SPACE_BETWEEN" and (gap := node.number("itemSpacing")):
        yield f"gap {px(gap)}"
    if wraps and (between := node.number("counterAxisSpacing")):
        yield f"gap between lines {px(between)}"
    if (justify := _MAIN.get(main)) is not None:
        yield f"justify {justify}"
    if (align := _CROSS.get(node.word("counterAxisAlignItems"))) is not None:
        yield f"align {align}"


def _grid(node: Node) -> Iterator[str]:
    columns, rows = (plain(node.number(f"grid{name}Count")) for name in ("Column", "Row"))
    yield f"grid {columns} × {rows}"
    for name in ("Columns", "Rows"):
        if sizing := node.word(f"grid{name}Sizing"):
            yield f"{name.lower()} {sizing}"
    row, column = node.number("gridRowGap"), node.number("gridColumnGap")
    if row or column:
        yield f"gap {px(row)}" if row == column else f"gap {px(row)} {px(column)}"


def _place(node: Node, parent: Node | None) -> Iterator[str]:
    """Its size, and where it is when nothing else says so."""
    if node.box is None:
        return
    width = _size(node, "Horizontal", node.box.width)
    height = _size(node, "Vertical", node.box.height)
    if node.kind != "TEXT" or "fill" in (width, height):
        yield f"{width} × {height}"
    is_free = node.word("layoutPositioning") == "ABSOLUTE" or (
        parent is not None and parent.word("layoutMode") in ("", "NONE")
    )
    if is_free and parent is not None and parent.box is not None:
        x, y = node.box.x - parent.box.x, node.box.y - parent.box.y
        yield f"at {plain(x)}, {plain(y)}"


def _size(node: Node, axis: str, length: float) -> str:
    sizing = node.word(f"layoutSizing{axis}")
    return {"FILL": "fill", "HUG": "hug"}.get(sizing) or px(length)


def _fills(node: Node) -> Iterator[str]:
    """From the back to the front, as Figma lists them."""
    for raw in node.paints("fills"):
        if (value := paint(raw, node.box)) is not None:
            yield value


def _border(node: Node) -> Iterator[str]:
    weight = node.number("strokeWeight")
    sides = mapping(node.raw.get("individualStrokeWeights"))
    for raw in node.paints("strokes"):
        value = paint(raw, node.box)
        if value is None:
            continue
        if sides:
            for side in ("top", "right", "bottom", "left"):
                if width := number(sides.get(side)):
                    yield f"border-{side} {px(width)} {value}"
        elif weight:
            yield f"border {px(weight)} {value}"


def _properties(node: Node) -> Iterator[str]:
    """What an instance has chosen: `size=lg`. Names of properties end in a number after `#`."""
    properties = mapping(node.raw.get("componentProperties")).items()
    for name, given in islice(properties, CHOICES):
        value = mapping(given).get("value")
        if mapping(given).get("type") != "INSTANCE_SWAP" and isinstance(value, str | bool):
            shown = str(value).lower() if isinstance(value, bool) else line(value)[:60]
            yield f"{line(name).partition('#')[0][:40]}={shown}"


def _runs(node: Node) -> Mapping[str, str]:
    """The characters of a text by the number of their style."""
    characters, runs = node.raw.get("characters"), node.raw.get("characterStyleOverrides")
    found: defaultdict[str, str] = defaultdict(str)
    if isinstance(characters, str) and isinstance(runs, list):
        for char, run in zip(characters[:STYLED], runs, strict=False):
            found[str(run)] += char
    return found

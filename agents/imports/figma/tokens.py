"""What a design is made of: colours, type, spacing, radii, shadows, components. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from agents.imports.figma.nodes import MAX_PAINTS, Node, Raw, mapping, mappings, number, word
from agents.imports.figma.paints import paint, plain, px, shadow

_SHOWN: Final = 40
"""So many of a kind are listed, the most used first."""

CHOICES: Final = 20
"""So many properties of a component, values of one, and styles in one text."""

STYLED: Final = 2_000
"""Characters of a text whose own styles are looked at."""

_CASES: Final = {"UPPER": "uppercase", "LOWER": "lowercase", "TITLE": "capitalize"}
_LINES: Final = {"UNDERLINE": "underline", "STRIKETHROUGH": "line-through"}
_PADDINGS: Final = ("paddingTop", "paddingRight", "paddingBottom", "paddingLeft")
_GAPS: Final = ("itemSpacing", "counterAxisSpacing", "gridRowGap", "gridColumnGap")


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the API tells beside a tree: its styles, components and sets of variants, by id."""

    styles: Raw
    components: Raw
    sets: Raw

    @classmethod
    def of(cls, answer: Raw) -> "Catalog":
        named = (mapping(answer.get(name)) for name in ("styles", "components", "componentSets"))
        return cls(*named)

    def style_name(self, node: Node, *kinds: str) -> str:
        """What the designers call the node's style of one of these kinds (`fill`, `text`)."""
        used = mapping(node.raw.get("styles"))
        for kind in kinds:
            name = word(mapping(self.styles.get(str(used.get(kind)))).get("name"))
            if name:
                return name
        return ""

    def component_of(self, instance: Node) -> str:
        """The name of the component, or of the set of variants, that an instance shows."""
        component = mapping(self.components.get(str(instance.raw.get("componentId"))))
        whole = mapping(self.sets.get(str(component.get("componentSetId"))))
        return word(whole.get("name")) or word(component.get("name"))


@dataclass(frozen=True, slots=True)
class Token:
    """A value as CSS has it, how often it is used, and the designers' name for it."""

    value: str
    uses: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Everything in the order of use, the most used first; lengths in the order of size."""

    colours: tuple[Token, ...]
    gradients: tuple[Token, ...]
    text_styles: tuple[Token, ...]
    spacing: tuple[str, ...]
    radii: tuple[str, ...]
    shadows: tuple[Token, ...]
    components: tuple[Token, ...]


@dataclass
class _Counts:
    uses: Counter[str] = field(default_factory=Counter)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, value: str | None, name: str = "") -> None:
        if value is None:
            return
        self.uses[value] += 1
        if name:
            self.names.setdefault(value, name)

    def tokens(self) -> tuple[Token, ...]:
        return tuple(
            Token(value, uses, self.names.get(value, "")) for value, uses in self.uses.most_common()
        )


def collect(root: Node, catalog: Catalog) -> Tokens:
    """The tokens of everything that is visible below `root`, itself included."""
    colours, gradients, texts, shadows, components = (_Counts() for _ in range(5))
    spacing: set[float] = set()
    radii: set[str] = set()
    for node in root.walk():
        for value, name in _paints(node, catalog):
            (gradients if value.endswith(")") else colours).add(value, name)
        for effect in node.paints("effects"):
            shadows.add(shadow(effect), catalog.style_name(node, "effect", "effects"))
        for nth, style in enumerate(text_styles(node)):
            texts.add(style, catalog.style_name(node, "text") if nth == 0 else "")
        spacing |= {abs(length) for length in _lengths(node) if length}
        if (radius := corners(node)) is not None:
            radii.add(radius)
        if node.kind == "INSTANCE":
            components.add(catalog.component_of(node) or None, "")
    return Tokens(
        colours=colours.tokens(),
        gradients=gradients.tokens(),
        text_styles=texts.tokens(),
        spacing=tuple(px(length) for length in sorted(spacing)),
        radii=tuple(sorted(radii, key=lambda radius: (len(radius.split()), _first(radius)))),
        shadows=shadows.tokens(),
        components=components.tokens(),
    )


def text_styles(node: Node) -> Iterator[str]:
    """The styles in a text: its own, then those of runs that look different."""
    if node.kind != "TEXT":
        return
    style = mapping(node.raw.get("style"))
    yield text_style(style)
    for override in overrides(node).values():
        yield text_style({**style, **override})


def overrides(node: Node) -> Mapping[str, Raw]:
    """The styles of runs that are really used in a text, by their number in its table."""
    table = mapping(node.raw.get("styleOverrideTable"))
    runs = node.raw.get("characterStyleOverrides")
    used = {str(run) for run in runs[:STYLED] if run} if isinstance(runs, list) else set()
    known = [key for key in sorted(used) if key in table]
    return {key: mapping(table[key]) for key in known[:CHOICES]}


def text_style(style: Raw) -> str:
    """`Inter 700 48px/56px -0.5px`: family, weight, size, line height, letter spacing.

    The values stand in a node's nested `style`, never beside it.
    """
    parts = [word(style.get("fontFamily")) or "sans-serif"]
    weight, size = number(style.get("fontWeight")), number(style.get("fontSize"))
    parts.append(plain(weight) if weight else "400")
    if style.get("italic") is True:
        parts.append("italic")
    height = number(style.get("lineHeightPx"))
    parts.append(px(size or 16.0) + (f"/{px(height)}" if height else ""))
    if letter := number(style.get("letterSpacing")):
        parts.append(px(letter))
    for known, field_name in ((_CASES, "textCase"), (_LINES, "textDecoration")):
        if (extra := known.get(word(style.get(field_name)))) is not None:
            parts.append(extra)
    return " ".join(parts)


def corners(node: Node) -> str | None:
    """`border-radius`: one value, or four from the top left on; None for square corners."""
    four = node.raw.get("rectangleCornerRadii")
    if isinstance(four, list) and len(four) == 4:
        radii = [number(radius) or 0.0 for radius in four]
        if len(set(radii)) > 1:
            return " ".join(map(px, radii))
        return px(radii[0]) if radii[0] else None
    radius = node.number("cornerRadius")
    return px(radius) if radius else None


def padding(node: Node) -> str | None:
    """`padding` as CSS shortens it; None where there is none."""
    top, right, bottom, left = (node.number(name) for name in _PADDINGS)
    if not any((top, right, bottom, left)):
        return None
    if left == right:
        sides = (top,) if top == bottom == left else (top, right) if top == bottom else ()
        return " ".join(map(px, sides or (top, right, bottom)))
    return " ".join(map(px, (top, right, bottom, left)))


def variants(sets: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    """`Button: size=sm|lg, state=default|hover`, from the names of a set's components."""
    for name, members in sets:
        choices: dict[str, dict[str, None]] = {}
        for member in members:
            for pair in member.split(","):
                key, equals, value = (part.strip() for part in pair.partition("="))
                if equals:
                    choices.setdefault(key, {})[value] = None
        shown = islice(choices.items(), CHOICES)
        listed = ", ".join(f"{key}={'|'.join(islice(found, CHOICES))}" for key, found in shown)
        yield f"{name}: {listed}" if listed else name


def variants_in(catalog: Catalog) -> list[str]:
    """Every set of variants that the tree uses."""
    members: dict[str, list[str]] = {}
    for component in mappings(list(catalog.components.values())):
        set_id = component.get("componentSetId")
        if isinstance(set_id, str):
            members.setdefault(set_id, []).append(word(component.get("name")))
    named = [(word(mapping(catalog.sets.get(key)).get("name")), m) for key, m in members.items()]
    return list(variants((name, found) for name, found in named if name))


def told(tokens: Tokens, catalog: Catalog) -> Iterator[str]:
    """The tokens in words, a line each."""
    groups: tuple[tuple[str, tuple[Token, ...]], ...] = (
        ("Colours", tokens.colours),
        ("Gradients", tokens.gradients),
        ("Text styles (family weight size/line-height letter-spacing)", tokens.text_styles),
        ("Shadows", tokens.shadows),
        ("Components", tokens.components),
    )
    for title, found in groups:
        if found:
            yield f"{title}:"
            yield from (_told(token) for token in found[:_SHOWN])
    for title, lengths in (("Spacing", tokens.spacing), ("Radii", tokens.radii)):
        if lengths:
            yield f"{title}: {', '.join(lengths[:_SHOWN])}"
    if found_variants := variants_in(catalog):
        yield "Variants:"
        yield from (f"  {variant}" for variant in found_variants[:_SHOWN])


def _told(token: Token) -> str:
    name = f" “{token.name}”" if token.name else ""
    return f"  {token.value}{name} ({token.uses} use{'s' * (token.uses != 1)})"


def _paints(node: Node, catalog: Catalog) -> Iterator[tuple[str, str]]:
    for fields, kinds in (("fills", ("fill", "fills")), ("strokes", ("stroke", "strokes"))):
        for raw in node.paints(fields):
            value = paint(raw, node.box)
            if value is not None:
                yield value, catalog.style_name(node, *kinds)
    for override in overrides(node).values():
        for raw in mappings(override.get("fills"))[:MAX_PAINTS]:
            if (value := paint(raw, node.box)) is not None:
                yield value, ""


def _lengths(node: Node) -> list[float]:
    if node.word("layoutMode") in ("", "NONE"):
        return []
    gaps = () if node.word("primaryAxisAlignItems") == "SPACE_BETWEEN" else _GAPS[:1]
    return [node.number(name) for name in (*_PADDINGS, *gaps, *_GAPS[1:])]


def _first(radius: str) -> float:
    value: Any = radius.partition("px")[0]
    return float(value)

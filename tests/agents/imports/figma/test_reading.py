"""Laws of what a design is read into, for any JSON that somebody may serve."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.context import tokens_of
from agents.imports.figma.brief import BUDGET, write_brief
from agents.imports.figma.images import extension_of, wanted_images
from agents.imports.figma.nodes import MAX_DEPTH, MAX_NODES, Box, read_tree
from agents.imports.figma.paints import colour, paint, shadow
from agents.imports.figma.tokens import Catalog, corners, padding
from tests.agents.imports.figma.designs import BODY, PAPER, VIOLET, box, gradient, node, text
from tests.fakes.figma import SVG, png

channel = st.floats(0, 1, allow_nan=False, width=32)
junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
FIELDS = (
    *("fills", "strokes", "effects", "style", "layoutMode", "itemSpacing", "paddingLeft", "name"),
    *("absoluteBoundingBox", "rectangleCornerRadii", "cornerRadius", "characters", "opacity"),
    *("characterStyleOverrides", "styleOverrideTable", "componentProperties", "componentId"),
    *("individualStrokeWeights", "strokeWeight", "styles", "visible", "gridColumnsSizing"),
)
nodes = st.recursive(
    st.fixed_dictionaries(
        {
            "id": st.from_regex(r"\d:\d", fullmatch=True),
            "type": st.sampled_from(["TEXT", "VECTOR"]),
        },
        optional=dict.fromkeys(FIELDS, junk),
    ),
    lambda inner: st.fixed_dictionaries(
        {
            "id": st.from_regex(r"\d:\d", fullmatch=True),
            "type": st.sampled_from(["FRAME", "INSTANCE", "GROUP"]),
            "children": st.lists(inner, max_size=4),
        },
        optional=dict.fromkeys(FIELDS, junk),
    ),
    max_leaves=12,
)


@given(channel, channel, channel, channel)
def test_a_colour_is_within_half_a_level_of_what_the_api_says(
    r: float, g: float, b: float, a: float
) -> None:
    said = colour({"r": r, "g": g, "b": b, "a": a})
    assert said is not None
    levels = [int(said[at : at + 2], 16) for at in range(1, len(said), 2)]
    given_levels = [r, g, b, a][: len(levels)]
    assert all(
        abs(level / 255 - value) <= 0.5 / 255 + 1e-9
        for level, value in zip(levels, given_levels, strict=True)
    )
    assert len(levels) == 4 or a >= 254.5 / 255


@given(nodes, st.integers(500, 4_000))
def test_whatever_is_served_makes_a_brief_within_its_bound_that_can_be_printed(
    document: dict[str, Any], limit: int
) -> None:
    tree = read_tree(document)
    if tree is None:
        return
    images = {wanted.node_id: f"/design/{wanted.name}.png" for wanted in wanted_images(tree.root)}
    brief = write_brief(tree, Catalog.of({}), images, limit)
    assert tokens_of(brief.text) <= limit
    assert brief.text.replace("\n", "").isprintable()
    assert "\r" not in brief.text


@given(st.lists(st.text(max_size=60), max_size=60))
def test_names_of_images_are_plain_and_none_is_twice(names: list[str]) -> None:
    layers = [node(f"1:{n}", name, "VECTOR", **box(0, 0, 9, 9)) for n, name in enumerate(names)]
    tree = read_tree(node("0:1", "Root", "FRAME", *layers, **box(0, 0, 900, 900)))
    assert tree is not None
    found = [wanted.name for wanted in wanted_images(tree.root)]
    assert len(set(found)) == len(found)
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in found)


def test_a_tree_that_is_too_large_or_too_deep_is_cut_and_says_so() -> None:
    deep = node("1:1", "deep", "FRAME")
    for _ in range(MAX_DEPTH + 20):
        deep = node("1:1", "deep", "FRAME", deep)
    tree = read_tree(deep)
    assert tree is not None
    assert tree.left_out == 1
    wide = node("1:1", "wide", "FRAME", *(node("2:1", "x", "VECTOR") for _ in range(MAX_NODES + 5)))
    tree = read_tree(wide)
    assert tree is not None
    assert (sum(1 for _ in tree.root.walk()), tree.left_out) == (MAX_NODES, 6)
    assert "6 layers are left out" in write_brief(tree, Catalog.of({}), {}).notes[-1]


def test_a_large_frame_is_told_as_deep_as_there_is_room() -> None:
    row = [text(f"Words {n} {'long ' * 40}", BODY, box(0, 0, 10, 10)) for n in range(400)]
    inner = node("3:1", "List", "FRAME", *row, **box(0, 0, 100, 100))
    tree = read_tree(node("1:1", "Page", "FRAME", inner, **box(0, 0, 100, 100)))
    assert tree is not None
    brief = write_brief(tree, Catalog.of({}), {})
    assert tokens_of(brief.text) <= BUDGET
    assert brief.text.endswith("    - … 400 more inside")
    assert brief.notes == ("The outline goes 1 levels deep: the frame is large.",)


@pytest.mark.parametrize(
    ("kind", "handles", "css"),
    [
        (
            "LINEAR",
            [(0.5, 0), (0.5, 1), (0, 0)],
            "linear-gradient(180deg, #7c3aed 0%, #ffffff 100%)",
        ),
        (
            "LINEAR",
            [(0, 0.5), (0.5, 0.5), (0, 1)],
            "linear-gradient(90deg, #7c3aed 0%, #ffffff 50%)",
        ),
        (
            "LINEAR",
            [(1, 0.5), (0, 0.5), (1, 1)],
            "linear-gradient(270deg, #7c3aed 0%, #ffffff 100%)",
        ),
        (
            *("RADIAL", [(0.5, 0.5), (1, 0.5), (0.5, 1)]),
            "radial-gradient(100px 50px at 50% 50%, #7c3aed 0%, #ffffff 100%)",
        ),
        (
            *("ANGULAR", [(0.5, 0.5), (0.5, 1), (0, 0.5)]),
            "conic-gradient(from 180deg at 50% 50%, #7c3aed 0%, #ffffff 100%)",
        ),
    ],
)
def test_gradients_have_the_right_angle_and_place(
    kind: str, handles: list[tuple[float, float]], css: str
) -> None:
    raw = gradient(kind, handles, (0, VIOLET), (1, PAPER))
    assert paint(raw, Box(0, 0, 200, 100)) == css


@given(st.floats(0, 2 * math.pi), st.floats(10, 500), st.floats(10, 500))
def test_a_gradient_along_css_own_line_goes_from_0_to_100(
    turn: float, width: float, height: float
) -> None:
    way = math.cos(turn), math.sin(turn)
    reach = (abs(width * way[0]) + abs(height * way[1])) / 2
    ends = [
        (0.5 + sign * way[0] * reach / width, 0.5 + sign * way[1] * reach / height)
        for sign in (-1, 1)
    ]
    css = paint(gradient("LINEAR", ends, (0, VIOLET), (1, PAPER)), Box(0, 0, width, height))
    assert css is not None
    assert css.endswith((", #7c3aed 0%, #ffffff 100%)", ", #7c3aed -0%, #ffffff 100%)"))


def test_shadows_are_as_css_has_them() -> None:
    inner = {
        "type": "INNER_SHADOW",
        "color": {"r": 0, "g": 0, "b": 0, "a": 0.25},
        "offset": {"x": -2, "y": 1.5},
        "radius": 4,
        "spread": 3,
    }
    assert shadow(inner) == "inset -2px 1.5px 4px 3px #00000040"
    assert shadow({**inner, "type": "LAYER_BLUR"}) is None


@pytest.mark.parametrize(
    ("sides", "css"),
    [
        ((8, 8, 8, 8), "8px"),
        ((8, 16, 8, 16), "8px 16px"),
        ((8, 16, 4, 16), "8px 16px 4px"),
        ((1, 2, 3, 4), "1px 2px 3px 4px"),
        ((0, 0, 0, 0), None),
    ],
)
def test_paddings_are_shortened_as_css_reads_them(
    sides: tuple[int, int, int, int], css: str | None
) -> None:
    names = ("paddingTop", "paddingRight", "paddingBottom", "paddingLeft")
    tree = read_tree(node("1:1", "x", "FRAME", **dict(zip(names, sides, strict=True))))
    assert tree is not None
    assert padding(tree.root) == css


def test_equal_corners_are_one_radius() -> None:
    tree = read_tree(node("1:1", "x", "FRAME", rectangleCornerRadii=[4, 4, 4, 4]))
    assert tree is not None
    assert corners(tree.root) == "4px"


HOSTILE_SVGS = {
    "script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>',
    "handler": b'<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>',
    "foreign": b'<svg xmlns="http://www.w3.org/2000/svg"><foreignObject/></svg>',
    "link": b'<svg xmlns="http://www.w3.org/2000/svg"><use href="https://e.example/x#y"/></svg>',
    "xlink": b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    b'<image xlink:href="http://e.example/p.png"/></svg>',
    "anchor": b'<svg xmlns="http://www.w3.org/2000/svg"><a href="javascript:x"><path/></a></svg>',
    "style": b'<svg xmlns="http://www.w3.org/2000/svg"><path style="fill:url(http://e.example)"/></svg>',
    "sheet": b'<svg xmlns="http://www.w3.org/2000/svg"><style>@import "x"</style></svg>',
    "entities": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "b">]><svg>&a;</svg>',
    "html": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    "broken": b"<svg <",
    "spelled otherwise": b'<svg xmlns="http://www.w3.org/2000/svg"><g fill="u\\72 l(//e.example)"/></svg>',
    "image set": b"<svg xmlns='http://www.w3.org/2000/svg'><g style='mask:image-set(\"//e\" 1x)'/></svg>",
    "sheet beside it": b'<?xml-stylesheet href="//e"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "base": b'<svg xmlns="http://www.w3.org/2000/svg" xml:base="//e"><use href="#a"/></svg>',
    "animate": b'<svg xmlns="http://www.w3.org/2000/svg"><animate attributeName="href"/></svg>',
}


@pytest.mark.parametrize("content", HOSTILE_SVGS.values(), ids=list(HOSTILE_SVGS))
def test_an_svg_that_does_more_than_draw_is_no_image(content: bytes) -> None:
    assert extension_of(content) is None


def test_images_are_known_by_their_bytes() -> None:
    own = b'<svg xmlns="http://www.w3.org/2000/svg"><path fill="url(#a)" d="M0 0h8"/></svg>'
    assert (extension_of(SVG), extension_of(own), extension_of(png())) == ("svg", "svg", "png")
    assert extension_of(b'<?xml version="1.0" encoding="UTF-8"?>\n' + own) == "svg"
    assert extension_of(b"GIF89a") is None
    assert extension_of(b"") is None
    assert extension_of(png()[:30]) is None


def test_a_picture_of_more_pixels_than_a_machine_should_draw_is_no_image() -> None:
    bomb = bytearray(png())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    assert extension_of(bytes(bomb)) is None

"""A landing page in the form of Figma's OpenAPI specification; its answers fit version 0.43 of that."""

from itertools import count
from typing import Any

from tests.fakes.figma import FigmaFile, Json, png

KEY = "LandingKey1"
FRAME = "1:2"
ADDRESS = f"https://www.figma.com/design/{KEY}/Landing?node-id=1-2&t=aBcD-1"

INK = {"r": 0.05882352963089943, "g": 0.09019608050584793, "b": 0.16470588743686676, "a": 1.0}
PAPER = {"r": 1.0, "g": 1.0, "b": 1.0, "a": 1.0}
VIOLET = {"r": 0.48627451062202454, "g": 0.22745098173618317, "b": 0.929411768913269, "a": 1.0}
ROSE = {"r": 0.9254902, "g": 0.28235295, "b": 0.6, "a": 1.0}


def solid(color: Json, **more: Any) -> Json:
    return {"type": "SOLID", "blendMode": "NORMAL", "color": color, **more}


def gradient(kind: str, handles: list[tuple[float, float]], *stops: tuple[float, Json]) -> Json:
    return {
        "type": f"GRADIENT_{kind}",
        "blendMode": "NORMAL",
        "gradientHandlePositions": [{"x": x, "y": y} for x, y in handles],
        "gradientStops": [{"position": at, "color": color} for at, color in stops],
    }


def box(x: float, y: float, width: float, height: float) -> Json:
    return {"absoluteBoundingBox": {"x": x, "y": y, "width": width, "height": height}}


def node(node_id: str, name: str, kind: str, *children: Json, **fields: Any) -> Json:
    own = {"id": node_id, "name": name, "type": kind, "scrollBehavior": "SCROLLS"}
    rest: Json = {"blendMode": "PASS_THROUGH", "fills": [], "strokes": [], "effects": []}
    rest |= {"absoluteRenderBounds": None, **_REQUIRED.get(kind, {})}
    below = {"children": list(children)} if kind not in ("TEXT", "VECTOR", "RECTANGLE") else {}
    return {**own, **rest, **below, **fields}


_FRAME = {"clipsContent": False}
_REQUIRED: dict[str, Json] = {
    "FRAME": _FRAME,
    "GROUP": _FRAME,
    "INSTANCE": {**_FRAME, "overrides": []},
    "TEXT": {"lineTypes": ["NONE"], "lineIndentations": [0]},
    "CANVAS": {
        "backgroundColor": PAPER,
        "flowStartingPoints": [],
        "prototypeStartNodeID": None,
        "prototypeDevice": {"type": "NONE", "rotation": "NONE"},
    },
}
"""Fields that the specification requires of a kind, and that say nothing here."""

_IDS = count(100)


def text(characters: str, style: Json, at: Json, **fields: Any) -> Json:
    fields = {"characterStyleOverrides": [], "styleOverrideTable": {}, **fields}
    return node(
        *(f"9:{next(_IDS)}", characters[:20], "TEXT"),
        characters=characters,
        style=style,
        **{"fills": [solid(INK)], **at, **fields},
    )


def type_style(size: float, weight: int, height: float, **more: Any) -> Json:
    return {
        "fontFamily": "Inter",
        "fontPostScriptName": "Inter-Bold" if weight >= 700 else None,
        "fontWeight": weight,
        "fontSize": size,
        "textAlignHorizontal": "LEFT",
        "letterSpacing": 0.0,
        "lineHeightPx": height,
        "lineHeightUnit": "PIXELS",
        **more,
    }


BODY = type_style(16, 400, 24.0)
HEADING = type_style(48, 700, 56.0, letterSpacing=-0.5)


def card(number: int) -> Json:
    x = 48.0 + 448 * (number - 1)
    picture = {"type": "IMAGE", "blendMode": "NORMAL", "scaleMode": "FILL", "imageRef": "ref-bike"}
    return node(
        *(f"4:{number}", f"Card {number}", "FRAME"),
        node(f"4:{number}0", "Photo", "RECTANGLE", fills=[picture], **box(x, 400, 416, 240)),
        text(f"Bike {number}", BODY, box(x + 24, 664, 368, 24)),
        fills=[solid(PAPER)],
        layoutMode="VERTICAL",
        itemSpacing=24.0,
        paddingBottom=24.0,
        rectangleCornerRadii=[16.0, 16.0, 0.0, 0.0],
        effects=[
            {
                "type": "DROP_SHADOW",
                "visible": True,
                "blendMode": "NORMAL",
                "color": {"r": 0, "g": 0, "b": 0, "a": 0.10000000149011612},
                "offset": {"x": 0, "y": 4},
                "radius": 12,
                "showShadowBehindNode": False,
            }
        ],
        layoutSizingHorizontal="FILL",
        layoutSizingVertical="HUG",
        **box(x, 400, 416, 312),
    )


def nav() -> Json:
    button = node(
        *("2:3", "Sign up", "INSTANCE"),
        text("Sign up", BODY, box(1320, 40, 56, 24), fills=[solid(PAPER)]),
        componentId="7:1",
        componentProperties={
            "size": {"type": "VARIANT", "value": "lg"},
            "Label#12:0": {"type": "TEXT", "value": "Sign up"},
            "icon#13:1": {"type": "BOOLEAN", "value": False},
        },
        fills=[gradient("LINEAR", [(0, 0.5), (1, 0.5), (0, 1)], (0, VIOLET), (1, ROSE))],
        cornerRadius=999.0,
        layoutMode="HORIZONTAL",
        paddingLeft=24.0,
        paddingRight=24.0,
        paddingTop=12.0,
        paddingBottom=12.0,
        layoutSizingHorizontal="HUG",
        layoutSizingVertical="HUG",
        **box(1296, 28, 104, 48),
    )
    return node(
        *("2:1", "Nav", "FRAME"),
        node("2:2", "Logo / Mark", "VECTOR", fills=[solid(VIOLET)], **box(48, 32, 32, 32)),
        button,
        layoutMode="HORIZONTAL",
        primaryAxisAlignItems="SPACE_BETWEEN",
        counterAxisAlignItems="CENTER",
        itemSpacing=10.0,
        layoutSizingHorizontal="FILL",
        layoutSizingVertical="FIXED",
        **box(48, 24, 1344, 56),
    )


def hero() -> Json:
    said = "Ride further"
    return node(
        *("3:1", "Hero", "FRAME"),
        text(
            *(said, HEADING, box(48, 120, 600, 56)),
            styles={"text": "S:head", "fill": "S:ink"},
            characterStyleOverrides=[0] * 5 + [3] * 7,
            styleOverrideTable={"3": {"fontWeight": 400, "fills": [solid(ROSE)]}},
        ),
        text("Hidden", BODY, box(48, 180, 100, 24), visible=False),
        layoutMode="VERTICAL",
        counterAxisAlignItems="CENTER",
        itemSpacing=8.0,
        **box(48, 104, 1344, 200),
    )


def cards() -> Json:
    return node(
        *("4:9", "Cards", "FRAME"),
        *(card(number) for number in (1, 2, 3)),
        layoutMode="GRID",
        gridColumnCount=3,
        gridRowCount=1,
        gridColumnGap=32.0,
        gridRowGap=32.0,
        gridColumnsSizing="repeat(3,minmax(0,1fr))",
        **box(48, 400, 1344, 312),
    )


def home() -> Json:
    badge = node(
        *("5:1", "Badge", "RECTANGLE"),
        fills=[solid(ROSE, opacity=0.5)],
        layoutPositioning="ABSOLUTE",
        strokes=[solid(INK)],
        strokeWeight=2.0,
        **box(1240, 320, 120, 40),
    )
    return node(
        *(FRAME, "Home", "FRAME"),
        *(nav(), hero(), cards(), badge),
        fills=[solid(PAPER)],
        styles={"fill": "S:paper"},
        layoutMode="VERTICAL",
        itemSpacing=24.0,
        paddingLeft=48.0,
        paddingRight=48.0,
        paddingTop=24.0,
        paddingBottom=24.0,
        **box(0, 0, 1440, 1024),
    )


def landing() -> FigmaFile:
    """The whole file: one page with one frame."""
    page = node("0:1", "Page 1", "CANVAS", home())
    return FigmaFile(
        document=node("0:0", "Document", "DOCUMENT", page),
        name="Bikes",
        components={
            "7:1": _component("size=lg, state=default", "8:1"),
            "7:2": _component("size=sm, state=hover", "8:1"),
        },
        sets={"8:1": {"key": "k8", "name": "Button", "description": ""}},
        styles={
            "S:head": _style("Heading/H1", "TEXT"),
            "S:ink": _style("Ink/900", "FILL"),
            "S:paper": _style("Paper", "FILL"),
        },
        fills={"ref-bike": png(32, 16, "#884400")},
        drawn={FRAME: png(1440, 1024, "#ffffff")},
    )


def _component(name: str, set_id: str) -> Json:
    shared = {"description": "", "documentationLinks": [], "remote": False}
    return {"key": f"key-{name}", "name": name, "componentSetId": set_id, **shared}


def _style(name: str, kind: str) -> Json:
    return {
        "key": f"key-{name}",
        "name": name,
        "styleType": kind,
        "remote": False,
        "description": "",
    }

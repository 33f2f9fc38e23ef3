"""Figma's colours, gradients and shadows as CSS has them. Pure."""

import math
from typing import Final

from agents.imports.figma.nodes import MAX_PAINTS, Box, Raw, mapping, mappings, number

_SHADOWS: Final = {"DROP_SHADOW": "", "INNER_SHADOW": "inset "}


def px(value: float) -> str:
    """A length without needless digits: `12px`, `0.5px`."""
    return f"{plain(value)}px"


def plain(value: float) -> str:
    """At most two decimals: Figma's numbers are 32-bit floats (`23.999998`)."""
    rounded = round(value, 2)
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)


def colour(raw: object, opacity: float = 1.0) -> str | None:
    """`#rrggbb`, or `#rrggbbaa` where it is translucent. Channels are 0 to 1 in the API."""
    given = mapping(raw)
    channels = [number(given.get(name)) for name in ("r", "g", "b")]
    alpha = number(given.get("a"))
    if any(channel is None for channel in channels):
        return None
    levels = [_level(channel or 0.0) for channel in channels]
    last = _level((1.0 if alpha is None else alpha) * opacity)
    return "#" + "".join(f"{level:02x}" for level in (levels if last == 255 else [*levels, last]))


def paint(raw: Raw, box: Box | None) -> str | None:
    """A fill or a stroke as a CSS colour or gradient; None for an image or what is not known."""
    kind = raw.get("type")
    given = number(raw.get("opacity"))
    opacity = 1.0 if given is None else given
    if kind == "SOLID":
        return colour(raw.get("color"), opacity)
    if isinstance(kind, str) and kind.startswith("GRADIENT_"):
        return _gradient(kind, raw, box or Box(0, 0, 1, 1), opacity)
    return None


def shadow(raw: Raw) -> str | None:
    """An effect as CSS `box-shadow`; None where it is no shadow."""
    kind = raw.get("type")
    inset = _SHADOWS.get(kind) if isinstance(kind, str) else None
    shade = colour(raw.get("color"))
    if inset is None or shade is None:
        return None
    offset = mapping(raw.get("offset"))
    lengths = (offset.get("x"), offset.get("y"), raw.get("radius"), raw.get("spread"))
    return inset + " ".join(px(number(length) or 0.0) for length in lengths) + f" {shade}"


def _level(channel: float) -> int:
    return math.floor(min(max(channel, 0.0), 1.0) * 255 + 0.5)


def _gradient(kind: str, raw: Raw, box: Box, opacity: float) -> str | None:
    """As CSS draws it. The handles are in the box's own space, from (0, 0) to (1, 1)."""
    handles = [
        (x * box.width, y * box.height)
        for handle in mappings(raw.get("gradientHandlePositions"))[:3]
        if (x := number(handle.get("x"))) is not None and (y := number(handle.get("y"))) is not None
    ]
    stops = [
        (at, shade)
        for stop in mappings(raw.get("gradientStops"))[:MAX_PAINTS]
        if (at := number(stop.get("position"))) is not None
        and (shade := colour(stop.get("color"), opacity)) is not None
    ]
    if len(handles) < 2 or not stops:
        return None
    start, end = handles[0], handles[1]
    along = (end[0] - start[0], end[1] - start[1])
    if kind == "GRADIENT_LINEAR":
        return _linear(start, along, box, stops)
    middle = f"{_percent(start[0], box.width)} {_percent(start[1], box.height)}"
    if kind == "GRADIENT_ANGULAR":
        return f"conic-gradient(from {_angle(along)}deg at {middle}, {_stops(stops, 0, 1)})"
    side = handles[2] if len(handles) > 2 else (start[0] + along[1], start[1] - along[0])
    across = math.hypot(side[0] - start[0], side[1] - start[1])
    size = f"{px(math.hypot(*along))} {px(across)}"
    return f"radial-gradient({size} at {middle}, {_stops(stops, 0, 1)})"


def _linear(
    start: tuple[float, float],
    along: tuple[float, float],
    box: Box,
    stops: list[tuple[float, str]],
) -> str | None:
    """CSS measures along a line through the middle that ends where the corners are."""
    length = math.hypot(*along)
    if length == 0:
        return stops[-1][1]
    way = (along[0] / length, along[1] / length)
    reach = abs(box.width * way[0]) + abs(box.height * way[1])
    if reach == 0:
        return stops[-1][1]
    from_middle = (start[0] - box.width / 2) * way[0] + (start[1] - box.height / 2) * way[1]
    first = from_middle / reach + 0.5
    return f"linear-gradient({_angle(along)}deg, {_stops(stops, first, length / reach)})"


def _angle(along: tuple[float, float]) -> str:
    """Degrees as CSS counts them: 0 is up, 90 is to the right."""
    return plain((math.degrees(math.atan2(along[1], along[0])) + 90) % 360)


def _stops(stops: list[tuple[float, str]], first: float, scale: float) -> str:
    return ", ".join(f"{shade} {plain((first + at * scale) * 100)}%" for at, shade in stops)


def _percent(part: float, whole: float) -> str:
    return f"{plain(part / whole * 100 if whole else 0)}%"

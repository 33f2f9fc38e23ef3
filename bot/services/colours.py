"""Whether a text of code sets a colour that people would call green, or orange. Pure.

A colour is judged by its hue, however it is written: hex, `rgb()`, `hsl()` or its bare numbers,
`oklch()`, a name of CSS or a class of Tailwind. Comments are no colours.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from colorsys import rgb_to_hls
from dataclasses import dataclass
from math import cos, radians, sin
from typing import Final, Literal

ColourName = Literal["green", "orange"]
Hls = tuple[float, float, float]
"""Hue in degrees, lightness and saturation from 0 to 1."""

_MIN_SATURATION: Final = 0.2
_DARKEST, _LIGHTEST = 0.08, 0.92


@dataclass(frozen=True, slots=True)
class _Family:
    """Hues in degrees, both ends included, and the names that CSS and Tailwind have for them."""

    low: float
    high: float
    names: str


_FAMILIES: Final[Mapping[ColourName, _Family]] = {
    "green": _Family(75, 170, "(?:[a-z]*green|emerald|lime)"),
    "orange": _Family(12, 45, "(?:dark)?orange(?:red)?"),
}
_COMMENT: Final = re.compile(r"/\*.*?\*/|<!--.*?-->|(?<![:\"'])//[^\n]*", re.DOTALL)
_NUMBER: Final = r"(\d+(?:\.\d+)?|\.\d+)"
_NEXT: Final = r"\s*[\s,]\s*"


def sets_colour(code: str, name: ColourName) -> bool:
    """Whether a colour of this name stands in the code."""
    family = _FAMILIES[name]
    code = _COMMENT.sub(" ", code)
    if re.search(rf"(?i)[:=]\s*[\"'`]?{family.names}\b|-{family.names}-\d{{2,3}}\b", code):
        return True
    return any(_is_of(colour, family) for colour in colours_in(code))


def colours_in(code: str) -> Iterator[Hls]:
    """The colours that are written as numbers, one form after another."""
    for pattern, read in _FORMS:
        yield from (read(found) for found in pattern.finditer(code))


def _is_of(colour: Hls, family: _Family) -> bool:
    hue, lightness, saturation = colour
    seen = saturation >= _MIN_SATURATION and _DARKEST <= lightness <= _LIGHTEST
    return seen and family.low <= hue <= family.high


def _hls(red: float, green: float, blue: float) -> Hls:
    """Of channels from 0 to 1; what is beyond is cut off."""
    hue, lightness, saturation = rgb_to_hls(*(min(1.0, max(0.0, x)) for x in (red, green, blue)))
    return hue * 360, lightness, saturation


def _hex(found: re.Match[str]) -> Hls:
    digits = found[1]
    pairs = [digit * 2 for digit in digits] if len(digits) < 6 else re.findall("..", digits)
    red, green, blue = (int(pair, 16) / 255 for pair in pairs[:3])
    return _hls(red, green, blue)


def _rgb(found: re.Match[str]) -> Hls:
    red, green, blue = (float(number) / 255 for number in found.groups())
    return _hls(red, green, blue)


def _hsl(found: re.Match[str]) -> Hls:
    return float(found[1]) % 360, float(found[3]) / 100, float(found[2]) / 100


def _oklch(found: re.Match[str]) -> Hls:
    """By the matrices of CSS Color 4, through linear light."""
    lightness = float(found[1]) / (100 if found[2] else 1)
    chroma = float(found[3]) * (0.004 if found[4] else 1)
    a, b = (chroma * turn(radians(float(found[5]))) for turn in (cos, sin))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return _hls(
        _encoded(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _encoded(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _encoded(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def _encoded(linear: float) -> float:
    """A channel of linear light as sRGB writes it."""
    if linear <= 0.0031308:
        return 12.92 * linear
    return float(1.055 * linear ** (1 / 2.4) - 0.055)


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Hls]], ...]] = (
    (re.compile(r"(?i)#((?:[0-9a-f]{3,4}){1,2})\b"), _hex),
    (re.compile(rf"(?i)rgba?\(\s*{_NUMBER}{_NEXT}{_NUMBER}{_NEXT}{_NUMBER}(?!%)"), _rgb),
    (re.compile(rf"(?i){_NUMBER}(?:deg)?{_NEXT}{_NUMBER}%{_NEXT}{_NUMBER}%"), _hsl),
    (re.compile(rf"(?i)oklch\(\s*{_NUMBER}(%?)\s+{_NUMBER}(%?)\s+{_NUMBER}"), _oklch),
)

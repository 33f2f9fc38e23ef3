"""How alike two pictures are: a design's frame, and the app that was built from it. Pure."""

from io import BytesIO
from typing import Final

from PIL import Image, UnidentifiedImageError

WIDTH: Final = 96
"""Both are compared at this width: what is a few pixels off in the original is not seen."""

MAX_SIDE: Final = 20_000
MAX_PIXELS: Final = 60_000_000
_WINDOW: Final = 8
_UNREADABLE: Final = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)
_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_WHITE: Final = (255, 255, 255)

# Stabilisers of SSIM for 8-bit values (Wang et al. 2004, K1 = 0.01, K2 = 0.03).
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2


def likeness(wanted: bytes, shown: bytes) -> int | None:
    """0 to 100: how alike they look; 100 for the same picture, None where one cannot be read.

    Both are scaled to the same width and compared from the top, as far as the shorter one goes: a
    screenshot shows the first screen only. Half of the figure is structure (the mean of SSIM over
    windows of luminance), half is colour (the mean distance of RGB values). It says nothing of
    what is below, of behaviour, or of text that is other text of the same size.
    """
    first, second = _read(wanted), _read(shown)
    if first is None or second is None:
        return None
    height = min(first.height, second.height)
    one, other = (picture.crop((0, 0, WIDTH, height)) for picture in (first, second))
    structure = _structure(one.convert("L"), other.convert("L"))
    return round(100 * (max(structure, 0.0) + _colour(one, other)) / 2)


def _read(content: bytes) -> Image.Image | None:
    """The picture on white, `WIDTH` wide; its size is looked at before it is decoded."""
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            width, height = image.size
            if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
                return None
            image.draft("RGB", (WIDTH * 2, height * WIDTH * 2 // width))
            coloured = image.convert("RGBA")
    except _UNREADABLE:
        return None
    ground = Image.new("RGBA", coloured.size, _WHITE)
    ground.alpha_composite(coloured)
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    return ground.convert("RGB").resize(size, Image.Resampling.BOX)


def _structure(one: Image.Image, other: Image.Image) -> float:
    """The mean of SSIM over windows that overlap by half; windows at the edge are cut."""
    step = _WINDOW // 2
    scores = []
    for top in range(0, max(one.height - step, 1), step):
        for left in range(0, one.width - step, step):
            window = (left, top, left + _WINDOW, min(top + _WINDOW, one.height))
            scores.append(_ssim(one.crop(window).tobytes(), other.crop(window).tobytes()))
    return sum(scores) / len(scores)


def _ssim(one: bytes, other: bytes) -> float:
    count = len(one)
    mean_one, mean_other = sum(one) / count, sum(other) / count
    pairs = [(a - mean_one, b - mean_other) for a, b in zip(one, other, strict=True)]
    spread_one = sum(a * a for a, _ in pairs) / count
    spread_other = sum(b * b for _, b in pairs) / count
    together = sum(a * b for a, b in pairs) / count
    light = (2 * mean_one * mean_other + _C1) / (mean_one**2 + mean_other**2 + _C1)
    shape = (2 * together + _C2) / (spread_one + spread_other + _C2)
    return light * shape


def _colour(one: Image.Image, other: Image.Image) -> float:
    """1 for the same colours, 0 where every channel is as far off as it can be."""
    values = one.tobytes()
    distance = sum(abs(a - b) for a, b in zip(values, other.tobytes(), strict=True))
    return 1 - distance / (255 * len(values))

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from agents.likeness import likeness

Colour = tuple[int, int, int]
INK, PAPER, VIOLET = (15, 23, 42), (255, 255, 255), (124, 58, 237)


def stored(image: Image.Image, kind: str = "PNG") -> bytes:
    out = BytesIO()
    image.save(out, kind)
    return out.getvalue()


def page(
    *, width: int = 1280, height: int = 800, shift: int = 0, accent: Colour = VIOLET
) -> Image.Image:
    """A page with a bar, a heading, three cards and a button."""
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    unit = width / 1280
    shapes = [((0, 0, 1280, 64), INK), ((80, 140, 700, 190), INK), ((80, 220, 240, 270), accent)]
    shapes += [((80 + n * 380, 340, 420 + n * 380, 640), (226, 232, 240)) for n in range(3)]
    shapes += [((100 + n * 380, 360, 400 + n * 380, 500), accent) for n in range(3)]
    for (left, top, right, bottom), fill in shapes:
        box = [left * unit + shift, top * unit + shift, right * unit + shift, bottom * unit + shift]
        draw.rectangle(box, fill=fill)
    return image


def alike(one: Image.Image, other: Image.Image) -> int:
    score = likeness(stored(one), stored(other))
    assert score is not None
    return score


pictures = st.builds(
    lambda size, data: Image.frombytes(
        "RGB", size, (data * (size[0] * size[1] * 3))[: size[0] * size[1] * 3]
    ),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.binary(min_size=1, max_size=60),
)


@given(pictures)
@settings(max_examples=30)
def test_a_picture_is_wholly_like_itself(picture: Image.Image) -> None:
    assert alike(picture, picture) == 100


@given(pictures, pictures)
@settings(max_examples=30)
def test_which_one_is_first_does_not_matter_and_the_figure_is_a_percentage(
    one: Image.Image, other: Image.Image
) -> None:
    assert alike(one, other) == alike(other, one)
    assert 0 <= alike(one, other) <= 100


def test_a_page_a_few_pixels_off_is_much_alike() -> None:
    assert alike(page(), page(shift=3)) >= 85


def test_the_same_page_at_another_size_and_as_jpeg_is_much_alike() -> None:
    wide = likeness(stored(page(width=1440, height=900)), stored(page(), "JPEG"))
    assert wide is not None
    assert wide >= 90


def test_other_colours_cost_and_another_page_costs_more() -> None:
    recoloured = alike(page(), page(accent=(34, 197, 94)))
    empty = alike(page(), Image.new("RGB", (1280, 800), PAPER))
    opposite = alike(page(), Image.eval(page(), lambda value: 255 - value))
    assert 100 > recoloured > empty > opposite
    assert opposite < 30


def test_only_the_first_screen_of_a_long_frame_is_compared() -> None:
    long = Image.new("RGB", (1280, 3_000), VIOLET)
    long.paste(page(), (0, 0))
    assert alike(long, page()) == 100


def test_what_is_transparent_counts_as_white() -> None:
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    assert alike(clear, Image.new("RGB", (100, 100), PAPER)) == 100


def bomb(side: int) -> bytes:
    content = bytearray(stored(Image.new("RGB", (8, 8))))
    content[16:24] = side.to_bytes(4, "big") * 2
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg/>", stored(page())[:200], stored(page(), "GIF"), bomb(10_000), bomb(19_000)],
    ids=["nothing", "svg", "cut", "gif", "large", "bomb"],
)
def test_what_cannot_be_read_has_no_likeness(content: bytes) -> None:
    assert likeness(content, stored(page())) is None
    assert likeness(stored(page()), content) is None

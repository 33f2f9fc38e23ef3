"""A frame in the API's documented form, as our client reads it from a stand-in for Figma."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from agents.errors import BadRequest, ImportDenied, SourceUnavailable, ZapdevError
from agents.imports.figma.client import Figma
from agents.imports.figma.images import MAX_IMAGE_BYTES
from agents.sources import Design
from tests.agents.imports.figma.designs import (
    ADDRESS,
    BODY,
    FRAME,
    KEY,
    VIOLET,
    box,
    landing,
    node,
    solid,
    text,
)
from tests.fakes.figma import SVG, FakeFigma, FigmaFile, png
from tests.fakes.instant_clock import InstantClock

TOKENS = """\
Frame “Home”, 1440px × 1024px
Colours:
  #ffffff “Paper” (5 uses)
  #0f172a “Ink/900” (5 uses)
  #7c3aed (1 use)
  #ec4899 (1 use)
  #ec489980 (1 use)
Gradients:
  linear-gradient(90deg, #7c3aed 0%, #ec4899 100%) (1 use)
Text styles (family weight size/line-height letter-spacing):
  Inter 400 16px/24px (4 uses)
  Inter 700 48px/56px -0.5px “Heading/H1” (1 use)
  Inter 400 48px/56px -0.5px (1 use)
Shadows:
  0px 4px 12px 0px #0000001a (3 uses)
Components:
  Button (1 use)
Spacing: 8px, 12px, 24px, 32px, 48px
Radii: 999px, 16px 16px 0px 0px
Variants:
  Button: size=lg|sm, state=default|hover"""

CARD = """\
    - Card {0} (frame), flex column, gap 24px, padding 0px 0px 24px, fill #ffffff, radius 16px 16px 0px 0px, \
shadow 0px 4px 12px 0px #0000001a, fill × hug
      - Photo (rectangle), image /design/photo.png, 416px × 240px
      - text “Bike {0}”, Inter 400 16px/24px, colour #0f172a"""
OUTLINE = "\n".join(
    [
        "- Home (frame), flex column, gap 24px, padding 24px 48px, fill #ffffff, 1440px × 1024px",
        "  - Nav (frame), flex row, justify space-between, align center, fill × 56px",
        "    - Logo / Mark (vector), image /design/logo-mark.svg, 32px × 32px",
        (
            "    - Sign up (instance of Button: size=lg, Label=Sign up, icon=false), flex row, "
            "padding 12px 24px, fill linear-gradient(90deg, #7c3aed 0%, #ec4899 100%), radius 999px, "
            "hug × hug"
        ),
        "      - text “Sign up”, Inter 400 16px/24px, colour #ffffff",
        "  - Hero (frame), flex column, gap 8px, align center, 1344px × 200px",
        (
            "    - text “Ride further”, Inter 700 48px/56px -0.5px, colour #0f172a, "
            "in it “further” Inter 400 48px/56px -0.5px #ec4899"
        ),
        "  - Cards (frame), grid 3 × 1, columns repeat(3,minmax(0,1fr)), gap 32px, 1344px × 312px",
        *(CARD.format(number) for number in (1, 2, 3)),
        "  - Badge (rectangle), fill #ec489980, border 2px #0f172a, 120px × 40px, at 1240, 320",
    ]
)


@pytest.fixture
async def figma() -> AsyncIterator[FakeFigma]:
    async with FakeFigma() as figma:
        figma.add(KEY, landing())
        yield figma


async def fetch(figma: FakeFigma, address: str = ADDRESS, *, token: str | None = "") -> Design:
    given = figma.token if token == "" else token
    async with figma.client(token=given, clock=InstantClock()) as client:
        return await client.fetch_design(address)


async def test_the_tokens_are_exact_and_the_outline_is_what_the_layers_say(
    figma: FakeFigma,
) -> None:
    design = await fetch(figma)
    tokens, outline = design.brief.split("\n\nOutline:\n")
    assert tokens == TOKENS
    assert outline == OUTLINE


async def test_the_images_are_in_place_and_the_frames_picture_is_kept(figma: FakeFigma) -> None:
    design = await fetch(figma)
    assert design.images == {
        "design/photo.png": figma.files[KEY].fills["ref-bike"],
        "design/logo-mark.svg": SVG,
    }
    assert all(f"/{path}," in design.brief for path in design.images)
    assert design.picture == figma.files[KEY].drawn[FRAME]


async def test_people_are_told_which_design_it_was(figma: FakeFigma) -> None:
    design = await fetch(figma)
    assert (design.origin, design.name, design.frame) == (
        f"figma.com/design/{KEY}",
        "Bikes",
        "Home",
    )
    assert (design.version, design.width, design.height) == ("4711", 1440, 1024)
    assert (design.colours, design.text_styles, design.components) == (5, 3, 1)
    assert design.notes == ()


async def test_a_files_address_alone_means_its_first_frame(figma: FakeFigma) -> None:
    whole = await fetch(figma, f"figma.com/file/{KEY}/Bikes")
    assert whole == await fetch(figma)


async def test_the_token_is_told_to_the_api_only(figma: FakeFigma) -> None:
    await fetch(figma)
    images = [path for path in figma.seen if path.startswith("/img/")]
    assert len(images) == 3, "the stand-in refuses an image to who sends a token"


async def test_what_is_not_an_image_or_is_too_large_is_done_without(figma: FakeFigma) -> None:
    figma.files[KEY].fills["ref-bike"] = b"<html>not an image</html>"
    figma.files[KEY].drawn["2:2"] = b"x" * (MAX_IMAGE_BYTES + 1)
    design = await fetch(figma)
    assert design.images == {}
    assert "image /design" not in design.brief
    assert design.notes == ("2 images of it could not be had.",)


async def test_an_image_at_a_host_that_is_not_figmas_is_not_fetched(figma: FakeFigma) -> None:
    figma.elsewhere["ref-bike"] = "http://169.254.169.254/latest/meta-data"
    figma.elsewhere["2:2"] = "https://evil.example/logo.svg"
    design = await fetch(figma)
    assert design.images == {}


async def test_what_figma_cannot_draw_is_done_without(figma: FakeFigma) -> None:
    figma.files[KEY].drawn |= {FRAME: None, "2:2": None}
    design = await fetch(figma)
    assert design.picture is None
    assert list(design.images) == ["design/photo.png"]


async def test_a_moments_trouble_is_not_noticed_and_a_lasting_one_is_told(figma: FakeFigma) -> None:
    figma.failures = 2
    await fetch(figma)
    figma.failures = 3
    with pytest.raises(SourceUnavailable, match="503"):
        await fetch(figma)


@pytest.mark.parametrize(
    ("address", "token", "said"),
    [
        (ADDRESS, None, "FIGMA_TOKEN"),
        (ADDRESS, "figd_wrong", "file_content:read"),
        ("https://www.figma.com/design/NoSuchFile1/x?node-id=1-2", "", "shows no such design"),
        (f"https://www.figma.com/design/{KEY}/x?node-id=77-1", "", "no such frame"),
        (f"https://www.figma.com/design/{KEY}/x?node-id=5-1", "", "not a frame"),
    ],
)
async def test_a_refusal_says_what_to_do(
    figma: FakeFigma, address: str, token: str | None, said: str
) -> None:
    with pytest.raises(ImportDenied) as refused:
        await fetch(figma, address, token=token)
    assert said in f"{refused.value} {refused.value.hint}"
    assert refused.value.hint


async def test_the_limit_of_requests_says_how_long(figma: FakeFigma) -> None:
    figma.limit = 0
    with pytest.raises(ImportDenied, match="reached for 42 s"):
        await fetch(figma)


async def test_a_file_without_a_frame_says_so(figma: FakeFigma) -> None:
    page = node("0:1", "Page 1", "CANVAS", text("Only words", BODY, box(0, 0, 10, 10)))
    figma.add("EmptyFile1", FigmaFile(node("0:0", "Document", "DOCUMENT", page)))
    with pytest.raises(ImportDenied, match="no frame in that design"):
        await fetch(figma, "figma.com/design/EmptyFile1")


async def test_a_drawing_of_several_shapes_is_one_image(figma: FakeFigma) -> None:
    file = landing()
    icon = node(
        *("6:1", "Icon: Cart", "GROUP"),
        node("6:2", "a", "VECTOR", fills=[solid(VIOLET)], **box(0, 0, 10, 10)),
        node("6:3", "b", "ELLIPSE", **box(0, 0, 10, 10)),
        **box(0, 0, 24, 24),
    )
    frame = node("1:9", "Bar", "FRAME", icon, layoutMode="HORIZONTAL", **box(0, 0, 100, 24))
    figma.add(KEY, replace(file, document=node("0:0", "D", "DOCUMENT", frame)))
    design = await fetch(figma, f"figma.com/design/{KEY}?node-id=1-9")
    assert list(design.images) == ["design/icon-cart.svg"]
    assert design.brief.endswith("- Icon: Cart (group), image /design/icon-cart.svg, 24px × 24px")


async def test_an_operators_own_api_is_asked_as_it_is_set(figma: FakeFigma) -> None:
    client = Figma(InstantClock(), api_url=f"{figma.url}/", token=figma.token)
    async with client:
        assert (await client.fetch_design(ADDRESS)).frame == "Home"


@pytest.mark.parametrize("error", [BadRequest, ZapdevError])
async def test_a_bad_address_is_refused_before_anything_is_asked(
    figma: FakeFigma, error: type[ZapdevError]
) -> None:
    with pytest.raises(error):
        await fetch(figma, "https://www.figma.com/board/abcdef1/x")
    assert figma.seen == []


def test_a_picture_of_the_stand_in_is_one() -> None:
    assert png(1, 1).startswith(b"\x89PNG")

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import BadRequest
from agents.imports.figma.references import FigmaReference, is_design, parse_design

KEY = "AbCdEf0123456789xyzXYZ"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            f"https://www.figma.com/design/{KEY}/Name?node-id=12-34&t=x",
            FigmaReference(KEY, "12:34"),
        ),
        (f"https://figma.com/file/{KEY}/Name?node-id=12%3A34", FigmaReference(KEY, "12:34")),
        (f"figma.com/proto/{KEY}/A-B?page-id=0%3A1&node-id=1-2", FigmaReference(KEY, "1:2")),
        (f"<https://www.figma.com/design/{KEY}|Figma>", FigmaReference(KEY)),
        (f"https://www.figma.com/design/{KEY}/branch/Branch0123/N", FigmaReference("Branch0123")),
        (f"WWW.FIGMA.COM/design/{KEY}/", FigmaReference(KEY)),
        (f"https://www.figma.com/design/{KEY}?node-id=I1-2;3-4", FigmaReference(KEY, "I1:2;3:4")),
    ],
)
def test_every_address_that_figma_shows_is_understood(text: str, wanted: FigmaReference) -> None:
    assert parse_design(text) == wanted
    assert is_design(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"https://www.figma.com/board/{KEY}/x", "FigJam"),
        (f"https://www.figma.com/slides/{KEY}/x", "slide deck"),
        (f"https://www.figma.com/community/file/{KEY}", "community"),
        ("https://www.figma.com/files/team/123", "names no design"),
        ("https://www.figma.com/", "names no design"),
        ("https://www.figma.com/design/../../v1/me", "names no design"),
        (f"https://www.figma.com/design/{KEY}?node-id=1-2,3-4", "names no design"),
        (f"https://figma.com.evil.example/design/{KEY}", "not Figma"),
        (f"https://evil.example/design/{KEY}?figma.com", "not Figma"),
        (f"ftp://figma.com/design/{KEY}", "not Figma"),
        ("https://[bad", "not Figma"),
        ("x" * 2_000, "no address"),
        (f"figma.com/design/{KEY}\x00", "no address"),
    ],
)
def test_anything_else_is_refused_with_what_to_send(text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as refused:
        parse_design(text)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["acme/shop", "https://github.com/figma/plugin", "figma/plugin"])
def test_a_repository_is_no_design(text: str) -> None:
    assert not is_design(text)


@given(
    st.from_regex(r"[A-Za-z0-9]{6,64}", fullmatch=True),
    st.none() | st.from_regex(r"I?\d{1,5}:\d{1,5}(;\d{1,5}:\d{1,5}){0,3}", fullmatch=True),
)
def test_a_reference_reads_back_as_itself(key: str, node: str | None) -> None:
    reference = FigmaReference(key, node)
    assert parse_design(str(reference)) == reference


@given(st.text(max_size=200))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    wanted = None
    with suppress(BadRequest):
        wanted = parse_design(text)
    assert wanted is None or parse_design(str(wanted)) == wanted

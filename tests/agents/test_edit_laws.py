"""Laws of the edit engine, tried on arbitrary texts."""

import re
from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.edits import Edit, EditFailed, apply_edits

# --- laws ------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["a", "b1", "foo", "(", ")", "{", "}", ";", " ", "  ", "\t", "\n", "é", "$"]
)
TEXTS = st.lists(WORDS, max_size=40).map("".join)
ANCHORS = st.lists(WORDS, min_size=1, max_size=6).map("".join)


def count(text: str, wanted: str) -> int:
    return len(re.findall(f"(?={re.escape(wanted)})", text))


@settings(max_examples=1_000, deadline=None)
@given(TEXTS, ANCHORS, TEXTS, ANCHORS)
def test_an_exact_unique_anchor_is_str_replace(
    before: str, anchor: str, after: str, replace: str
) -> None:
    text = before + anchor + after
    assume(count(text, anchor) == 1 and replace != anchor)
    shifted = before.rstrip(" \t") != before and anchor[0] in " \t"  # half its indentation is lost
    assume(not shifted or "\n" not in replace)
    assert apply_edits(text, [Edit(anchor, replace)]) == text.replace(anchor, replace, 1)


@settings(max_examples=1_000, deadline=None)
@given(TEXTS, ANCHORS, TEXTS, TEXTS)
def test_an_anchor_that_stands_twice_is_always_refused(
    before: str, anchor: str, between: str, after: str
) -> None:
    text = before + anchor + between + anchor + after
    with pytest.raises(EditFailed) as refused:
        apply_edits(text, [Edit(anchor, "@@")])
    assert refused.value.reason == "ambiguous"


@settings(max_examples=1_000, deadline=None)
@given(TEXTS, ANCHORS, ANCHORS)
def test_whatever_is_changed_is_one_span_that_holds_the_anchor(
    text: str, search: str, replace: str
) -> None:
    try:
        edited = apply_edits(text, [Edit(search, f"@{replace}@")])
    except EditFailed:
        return
    # Outside the span nothing changes; inside stood the anchor, but for blanks.
    left, _, right = edited.partition("@")
    tail = right.rpartition("@")[2]
    kept = left.rstrip(" \t")
    assert text.startswith(kept)
    assert text.endswith(tail)
    taken = text[len(kept) : len(text) - len(tail)]
    assert "".join(taken.split()) == "".join(search.split())


@settings(max_examples=500, deadline=None)
@given(TEXTS, ANCHORS)
def test_a_refused_edit_is_refused_again_in_the_same_words(text: str, search: str) -> None:
    def outcome() -> str:
        try:
            return apply_edits(text, [Edit(search, "@")])
        except EditFailed as error:
            return f"{error.number} {error.reason} {error}"

    assert outcome() == outcome()


@settings(max_examples=500, deadline=None)
@given(TEXTS, ANCHORS, TEXTS, ANCHORS)
def test_a_crlf_file_is_edited_like_its_unix_twin(
    before: str, anchor: str, after: str, replace: str
) -> None:
    text = before + "\n" + anchor + after
    assume(replace != anchor)

    def outcome(content: str) -> str:
        try:
            return apply_edits(content, [Edit(anchor, replace)]).replace("\r\n", "\n")
        except EditFailed as error:
            return error.reason

    assert outcome(text.replace("\n", "\r\n")) == outcome(text)


@st.composite
def blocks(draw: st.DrawFn) -> list[tuple[int, str]]:
    """Lines of a nested block: depth and text, no line twice; each at most one deeper."""
    names = draw(st.lists(st.integers(0, 999), min_size=2, max_size=8, unique=True))
    depth, lines = 0, []
    for name in names:
        lines.append((depth, f"call{name}(x, y);"))
        depth = draw(st.integers(0, depth + 1))
    return lines


def render(lines: list[tuple[int, str]], unit: str, base: str = "") -> str:
    return "".join(f"{base}{unit * depth}{text}\n" for depth, text in lines)


@settings(max_examples=1_000, deadline=None)
@given(
    blocks(),
    st.sampled_from(["  ", "    ", "\t"]),
    st.sampled_from(["  ", "    ", "\t", "   "]),
    st.integers(0, 3),
    st.data(),
)
def test_a_re_indented_anchor_is_found_and_the_result_has_the_files_indentation(
    lines: list[tuple[int, str]], unit: str, wrong: str, depth: int, data: st.DataObject
) -> None:
    if max(level for level, _ in lines) == 0:
        wrong = unit  # nothing in the anchor tells how its levels translate
    at = data.draw(st.integers(0, len(lines) - 1))
    level, text = lines[at]
    changed = [
        *lines[:at],
        (level, "first();"),
        (level + 1, f"deeper({text[4:-7]});"),
        *lines[at + 1 :],
    ]
    around = [(level, f"around{n};") for n, level in enumerate((0, depth))]
    file = render(around, unit) + render(lines, unit, unit * depth) + "end;\n"
    expected = render(around, unit) + render(changed, unit, unit * depth) + "end;\n"
    shift = data.draw(st.sampled_from(["", wrong, wrong * 2]))
    edit = Edit(render(lines, wrong, shift), render(changed, wrong, shift))
    assume(edit.search not in file)  # found as it is: then nothing is re-indented
    assert apply_edits(file, [edit]) == expected


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_any_text_gives_a_text_or_a_refusal(text: str, search: str, replace: str) -> None:
    with suppress(EditFailed):
        assert isinstance(apply_edits(text, [Edit(search, replace)]), str)


# --- size ------------------------------------------------------------------------------------

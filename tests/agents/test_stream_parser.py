import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.stream_parser import FileStreamParser, StreamedFile

STRINGS = st.text(max_size=30) | st.sampled_from(
    [
        "",
        "😀",
        'a"b',
        "back\\slash",
        "line\nline",
        "\x00\x1f",
        "é",
        "{[]}",
        "\ud83d",
        "\udc00\ud83d",
    ]
)
SCALARS = STRINGS | st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(width=32)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.dictionaries(
    st.sampled_from(["path", "content", "mode", "files"]), VALUES, max_size=4
) | st.fixed_dictionaries({"path": STRINGS, "content": STRINGS})
ARGUMENTS = st.dictionaries(st.sampled_from(["note", "path", "other"]), VALUES, max_size=2).flatmap(
    lambda rest: st.permutations([*rest, "files"]).flatmap(
        lambda keys: st.lists(ITEMS | VALUES, max_size=5).map(
            lambda items: {key: items if key == "files" else rest[key] for key in keys}
        )
    )
)


def parse(pieces: list[str]) -> tuple[list[StreamedFile], FileStreamParser]:
    parser = FileStreamParser()
    return [file for piece in pieces for file in parser.feed(piece)], parser


def cut(text: str, points: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(point % (len(text) + 1) for point in points)})
    return [text[a:b] for a, b in pairwise(ends)]


def expected(arguments: Any) -> list[tuple[str, str]]:
    """What `json.loads` finds: every object in `files` with a text path and a text content."""
    items = arguments.get("files") if isinstance(arguments, dict) else None
    return [
        (item["path"], item["content"])
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
        and isinstance(item.get("path"), str)
        and isinstance(item.get("content"), str)
    ]


@given(ARGUMENTS, st.booleans(), st.sampled_from([None, 2]), st.lists(st.integers(0), max_size=30))
def test_any_arguments_under_any_cuts_give_what_json_loads_gives(
    arguments: dict[str, Any],
    ascii_only: bool,
    indent: int | None,
    points: list[int],
) -> None:
    text = json.dumps(arguments, ensure_ascii=ascii_only, indent=indent)
    files, parser = parse(cut(text, points))
    assert files == expected(json.loads(text))
    assert parser.complete


@given(ARGUMENTS)
def test_one_character_at_a_time_is_enough(arguments: dict[str, Any]) -> None:
    text = json.dumps(arguments)
    files, parser = parse(list(text))
    assert files == expected(json.loads(text))
    assert parser.complete


TOKENS = r"""{ } [ ] , : " \ \u \ud83d \u00e9 \x a "files" "path" "content" "x" 1 -1 01 1. .5 1e5 1e -
true tru false null NaN -Infinity Infinity é 😀 {}""".split()  # noqa: SIM905 - easier to read
FRAGMENTS = st.lists(st.sampled_from([*TOKENS, " ", "\n", "\t", "\x00", "\x0b"]), max_size=14).map(
    "".join
)


@given(
    st.text(max_size=60)
    | FRAGMENTS
    | FRAGMENTS.map(lambda t: '{"files": [{"path": "a", "content": ' + t)
    | ARGUMENTS.flatmap(
        lambda a: st.integers(0, len(json.dumps(a))).flatmap(
            lambda at: FRAGMENTS.map(lambda f: json.dumps(a)[:at] + f + json.dumps(a)[at:])
        )
    ),
    st.lists(st.integers(0), max_size=8),
)
def test_the_parser_accepts_exactly_what_json_loads_accepts_and_never_raises(
    text: str, points: list[int]
) -> None:
    _, parser = parse(cut(text, points))
    try:
        value = json.loads(text)
    except ValueError:
        assert not parser.complete
    else:
        assert not parser.malformed
        assert parser.complete or not isinstance(value, dict | list)


def test_a_file_is_out_at_the_very_character_that_closes_it() -> None:
    text = '{"files": [{"path": "a", "content": "1"}, {"content": "2", "path": "b"}]}'
    parser, seen = FileStreamParser(), {}
    for at, character in enumerate(text):
        for file in parser.feed(character):
            seen[file.path] = at
    assert seen == {"a": text.index("}"), "b": text.index("}]}")}


def test_a_surrogate_pair_cut_in_the_middle_is_one_character() -> None:
    text = r'{"files":[{"path":"a","content":"x\ud83d\ude00y\ud83d"}]}'
    for at in range(len(text)):
        files, _ = parse([text[:at], text[at:]])
        assert files == [("a", "x😀y\ud83d")], at


def test_after_garbage_nothing_more_comes_out() -> None:
    good = '{"path": "a", "content": "1"}'
    files, parser = parse([f'{{"files": [{good}, oops, {good}', f", {good}]}}"])
    assert files == [("a", "1")]
    assert parser.malformed
    assert not parser.complete


@pytest.mark.parametrize("prefix", ['{"files": [{"path": "a", "content": "1"', "", "{", '{"files'])
def test_an_unfinished_text_is_neither_complete_nor_malformed(prefix: str) -> None:
    files, parser = parse([prefix])
    assert files == []
    assert not parser.complete
    assert not parser.malformed


@pytest.mark.parametrize(
    "text",
    [
        '{"other": {"files": [{"path": "a", "content": "1"}]}}',
        '{"files": {"path": "a", "content": "1"}}',
        '{"files": [[{"path": "a", "content": "1"}]]}',
        '{"files": [{"path": "a", "content": {"path": "b", "content": "1"}}]}',
        '{"files": [{"path": 1, "content": "1"}]}',
        '{"files": [{"path": "a", "content": "1", "content": null}]}',
        '[{"path": "a", "content": "1"}]',
    ],
)
def test_what_only_looks_like_a_file_is_not_one(text: str) -> None:
    files, parser = parse([text])
    assert files == []
    assert parser.complete


def test_very_deep_nesting_is_no_trouble() -> None:
    text = '{"x":' + "[" * 50_000 + "]" * 50_000 + ',"files":[{"path":"a","content":"1"}]}'
    files, parser = parse([text])
    assert files == [("a", "1")]
    assert parser.complete

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.highlight_program import PIECES_MAX, lines_of
from bot.services.highlighting import TEXT_MAX, Highlighter, plain

NAMES = ["a.ts", "a.tsx", "b.js", "b.mjs", "c.vue", "d.svelte", "e.css", "f.html", "g.json", "h"]
CODE = st.text(
    alphabet=" \n\r\t\0\ufeff<>/{}()[]'\"`$\\;:=.#@!-*&abcéfunctionretuim0", max_size=200
)
STUCK = "a." * 50_000
"""Takes the TypeScript lexer minutes."""


Lines = list[list[tuple[str, str]]]


def read(answer: bytes) -> Lines:
    return [[(kind, text) for kind, text in line] for line in json.loads(answer)["lines"]]


def joined(lines: Lines) -> str:
    return "\n".join("".join(text for _, text in line) for line in lines)


@given(path=st.sampled_from(NAMES), text=CODE)
def test_the_pieces_of_any_text_are_that_text(path: str, text: str) -> None:
    assert joined(lines_of(path, text)) == text
    assert joined(read(plain(text))) == text


async def test_code_is_coloured_by_the_language_of_its_name() -> None:
    lines = read(await Highlighter().lines("src/App.tsx", 'const n = 7; // "why"\n'))

    assert ("keyword", "const") in lines[0]
    assert ("number", "7") in lines[0]
    assert lines[0][-1] == ("comment", '// "why"')
    assert lines[1] == []


@pytest.mark.parametrize("path", ["Component.svelte", "page.vue", "index.html", "page.astro"])
async def test_markup_is_coloured_in_every_language_that_has_it(path: str) -> None:
    [line] = read(await Highlighter().lines(path, '<p class="x">Hi</p>'))

    assert {"tag", "attribute", "string"} <= {kind for kind, _ in line}


async def test_a_name_without_a_language_stays_plain() -> None:
    assert read(await Highlighter().lines("LICENCE", "if x\n")) == [[("", "if x")], []]


async def test_a_text_made_to_stop_the_lexer_comes_back_plain_and_holds_nobody_up() -> None:
    assert await Highlighter(limit_s=0.3).lines("a.ts", STUCK) == plain(STUCK)


async def test_a_long_text_is_not_coloured() -> None:
    text = "const a = 1;\n" * TEXT_MAX

    assert await Highlighter().lines("a.ts", text) == plain(text)


async def test_a_text_of_very_many_pieces_is_not_coloured() -> None:
    few, many = ("1+" * (count // 2) for count in (PIECES_MAX - 2, PIECES_MAX + 2))

    patient = Highlighter(limit_s=60)
    assert ("number", "1") in read(await patient.lines("a.js", few))[0]
    assert await patient.lines("a.js", many) == plain(many)


async def test_what_is_kept_is_bounded_by_its_size() -> None:
    text, other = "x" * 400, "y" * 400
    highlighter = Highlighter(kept_bytes=len(plain(text)) + 100)

    first = await highlighter.lines("a", text)
    assert await highlighter.lines("a", text) is first, "it was kept"
    await highlighter.lines("a", other)
    assert await highlighter.lines("a", text) is not first, "there was no room for both"
    long = "z" * 600
    assert await highlighter.lines("a", long) == plain(long), "it alone is more than is kept"

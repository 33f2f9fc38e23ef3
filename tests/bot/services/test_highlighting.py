import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.highlight_program import lines_of
from bot.services.highlighting import TEXT_MAX, Highlighter, Lines, plain

NAMES = ["a.ts", "a.tsx", "b.js", "b.mjs", "c.vue", "d.svelte", "e.css", "f.html", "g.json", "h"]
CODE = st.text(
    alphabet=" \n\r\t\0\ufeff<>/{}()[]'\"`$\\;:=.#@!-*&abcéfunctionretuim0", max_size=200
)
STUCK = "a." * 50_000
"""Takes the TypeScript lexer minutes."""


def joined(lines: Lines) -> str:
    return "\n".join("".join(text for _, text in line) for line in lines)


@given(path=st.sampled_from(NAMES), text=CODE)
def test_the_pieces_of_any_text_are_that_text(path: str, text: str) -> None:
    assert joined(lines_of(path, text)) == text
    assert joined(plain(text)) == text


async def test_code_is_coloured_by_the_language_of_its_name() -> None:
    lines = await Highlighter().lines("src/App.tsx", 'const n = 7; // "why"\n')

    assert ("keyword", "const") in lines[0]
    assert ("number", "7") in lines[0]
    assert lines[0][-1] == ("comment", '// "why"')
    assert lines[1] == []


@pytest.mark.parametrize("path", ["Component.svelte", "page.vue", "index.html", "page.astro"])
async def test_markup_is_coloured_in_every_language_that_has_it(path: str) -> None:
    [line] = await Highlighter().lines(path, '<p class="x">Hi</p>')

    assert {"tag", "attribute", "string"} <= {kind for kind, _ in line}


async def test_a_name_without_a_language_stays_plain() -> None:
    assert await Highlighter().lines("LICENCE", "if x\n") == [[("", "if x")], []]


async def test_a_text_made_to_stop_the_lexer_comes_back_plain_and_holds_nobody_up() -> None:
    assert await Highlighter(limit_s=0.3).lines("a.ts", STUCK) == plain(STUCK)


async def test_a_long_text_is_not_coloured() -> None:
    text = "const a = 1;\n" * TEXT_MAX

    assert await Highlighter().lines("a.ts", text) == plain(text)

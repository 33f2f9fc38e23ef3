"""Foreign words, made safe for Slack."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render.slack_text import (
    JOINER,
    clean,
    clip,
    clip_plain,
    escape,
    escape_line,
    fence,
    fences,
    is_link,
    label,
    link,
    mention,
    notification,
    one_line,
    plain,
)
from tests.bot.render.slack_life import complaints

HOSTILE = st.lists(
    st.one_of(
        st.text(st.characters(codec=None), max_size=8),
        st.sampled_from(
            [
                "<!channel>",
                "<!here|here>",
                "<!subteam^S1>",
                "<@U1>",
                "<#C1|general>",
                "<http://evil.example|your bank>",
                "<mailto:a@b.example>",
                "@channel",
                "@here",
                "@everyone",
                "https://evil.example/x",
                "www.evil.example",
                "evil.example",
                "&amp;lt;",
                "&",
                "<",
                ">",
                "\n> ",
                "```",
                "`",
                "*bold*",
                "_it_",
                "~no~",
                ":tada:",
                "\u202e",
                "\u2066",
                "\u200b",
                "\ufeff",
                "\ud83d",
                "\x1b[2J",
                "\x00",
                "\r\n",
                "🏳️‍🌈",
                "漢字",
                "|",
            ]
        ),
    ),
    max_size=40,
).map("".join)
"""Words as the worst prompt, file name or model would have them."""


def visible(escaped: str) -> str:
    """What a reader sees of an escaped text."""
    words = escaped.replace(JOINER, "").replace("&lt;", "<").replace("&gt;", ">")
    return words.replace("&amp;", "&")


@pytest.mark.parametrize(
    ("foreign", "safe"),
    [
        ("<!channel> & <@U1>", f"&lt;!channel&gt; &amp; &lt;@{JOINER}U1&gt;"),
        ("&amp;", "&amp;amp;"),
        ("@here now", f"@{JOINER}here now"),
        ("a@b.example", f"a@{JOINER}b.example"),
        ("#general", f"#{JOINER}general"),
        ("http://x.example", f"http:{JOINER}//x.example"),
        ("www.x.example", f"www{JOINER}.x.example"),
        (":tada:", f":{JOINER}tada:"),
        ("> quoted", f"{JOINER}&gt; quoted"),
        ("*bold* ~gone~ `code`", "∗bold∗ ∼gone∼ 'code'"),
        ("_it_ snake_case", "ˍitˍ snake_case"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("a\u202eb\x00c\ufeffd\u200be", "abcde"),
        ("half \ud83d", "half \ufffd"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_foreign_words_are_shown_and_do_nothing(foreign: str, safe: str) -> None:
    assert escape(foreign) == safe


@given(HOSTILE)
def test_nothing_foreign_is_live_in_an_escaped_text(foreign: str) -> None:
    words = {"type": "mrkdwn", "text": escape(foreign), "verbatim": True}

    assert complaints("", [words]) == []
    assert complaints(notification(foreign), []) == []
    assert not re.search(r"[*~`]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", escape(foreign))


@given(HOSTILE)
def test_nothing_foreign_is_live_in_a_plain_text(foreign: str) -> None:
    assert complaints("", [{"text": plain(foreign)}]) == []


@given(HOSTILE)
def test_a_plain_text_says_what_it_said(foreign: str) -> None:
    assert plain(foreign).replace(JOINER, "") == clean(foreign)


@given(HOSTILE, st.integers(8, 120))
def test_an_escaped_text_keeps_its_limit_in_bytes_and_cuts_no_entity(
    foreign: str, limit: int
) -> None:
    clipped = escape(foreign, limit)

    assert len(clipped.encode()) <= limit
    assert not re.search("&(?!(?:amp|lt|gt);)", clipped)
    whole = visible(escape(foreign, 100_000))
    assert whole == visible(clipped) or whole.startswith(visible(clipped).removesuffix("…"))


@given(HOSTILE, st.integers(4, 80))
def test_a_label_is_one_line_that_fits_however_slack_counts(foreign: str, limit: int) -> None:
    words = label(foreign, limit)

    stored = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert 1 <= len(stored) <= limit
    assert len(stored.encode("utf-16-le")) // 2 <= limit
    assert len(words.splitlines()) == 1


@given(HOSTILE)
def test_a_code_block_cannot_be_closed_from_inside(foreign: str) -> None:
    words = fence(foreign)

    assert words.count("```") == 2
    assert visible(words) == f"```\n{clean(foreign)}\n```"


@given(st.text("ab<&`\n漢", max_size=400), st.integers(40, 90))
def test_a_long_code_is_cut_into_blocks_that_hold_all_of_it(code: str, limit: int) -> None:
    parts = list(fences(code, limit))

    assert all(len(part.encode()) <= limit for part in parts)
    assert all(part.count("```") == 2 for part in parts)
    inside = [visible(part).removeprefix("```\n").removesuffix("\n```") for part in parts]
    assert "".join(inside).replace("\n", "") == code.replace("\n", "")


def test_code_is_cut_between_lines_where_it_can_be() -> None:
    assert list(fences("one\ntwo\nthree", 18)) == ["```\none\ntwo\n```", "```\nthree\n```"]


def test_clipping_says_that_there_was_more() -> None:
    assert clip("a &amp; b and more", 11) == "a &amp;…"
    assert clip_plain("a & b and more", 9) == "a &…"
    assert clip("short", 5) == "short"


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://zapdev.example/p/a?b=1&c=2", True),
        ("http://127.0.0.1:4173", True),
        ("javascript:alert(1)", False),
        ("https://x.example/>|<!channel>", False),
        ("https://x.example/a b", False),
        ("https://x.example/\u202e", False),
        ("https://" + "x" * 800, False),
        (None, False),
    ],
)
def test_only_an_address_that_cannot_break_out_is_a_link(url: str | None, *, good: bool) -> None:
    assert is_link(url) is good


def test_a_link_is_made_of_our_address_and_escaped_words() -> None:
    assert link("https://x.example/?a=1&b=2", "A > B | C") == (
        "<https://x.example/?a=1&amp;b=2|A &gt; B ¦ C>"
    )
    assert link("ftp://x.example", "no") is None


def test_a_mention_is_made_of_a_users_id_only() -> None:
    assert mention("U0ADA") == "<@U0ADA>"
    assert mention("W0ADA") == "<@W0ADA>"
    assert [mention(bad) for bad in (None, "", "ada", "S0TEAM", "U1> <!channel", "!here")] == (
        [None] * 6
    )


def test_white_space_of_every_kind_is_one_blank_on_one_line() -> None:
    assert one_line(" a\t b\n\u2028\u3000c ") == "a b c"
    assert one_line("\u200d\ufe0f \n") == ""
    assert escape_line("a\n> b") == "a &gt; b"

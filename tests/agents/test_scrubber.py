"""The scrubber: every shape, every spelling, nothing twice, and no text that makes it slow."""

import json
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from agents.scrubber import CERTAIN_SECRETS, MARKER, Scrubber

_PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"

SHAPES = [
    "xoxb-123456789012-abcdefABCDEF",
    "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4",
    "xapp-1-A0123456789-abcdef",
    "sk-abcdefghijklmnopqrstuvwx",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "sk_live_0123456789abcdef",
    "e2b_0123456789abcdef0123",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "ghp_0123456789abcdefghijABCDEFGHIJ",
    "github_pat_0123456789abcdefghij",
    "figd_abcdefghijklmnop",
    _PEM,
    _PEM.partition("-----END")[0],  # cut off: everything from its beginning
]


@pytest.mark.parametrize("secret", SHAPES, ids=lambda s: s[:12])
@pytest.mark.parametrize("around", ["{}", "before {} after", '{{"x": "{}"}}', "({}), then", "={}&"])
def test_a_secret_of_a_known_shape_never_gets_through(secret: str, around: str) -> None:
    clean = Scrubber().text(around.format(secret))

    assert secret not in clean
    assert MARKER in clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Bearer abcdefgh12345678", MARKER),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {MARKER}"),
        ("https://user:pa55@host/x", f"https://{MARKER}@host/x"),
        ("https://publickey@o1.ingest.example/1", f"https://{MARKER}@o1.ingest.example/1"),
        ("GET /x?token=abc&page=2", f"GET /x?token={MARKER}&page=2"),
        ("password = hunter2, then", f"password = {MARKER}, then"),
        ('{"api_key": "two words", "n": 1}', f'{{"api_key": "{MARKER}", "n": 1}}'),
        (r"{\"secret\": \"two words\"}", rf"{{\"secret\": \"{MARKER}\"}}"),
        ("http://h/p/0123456789abcdefghij?x", f"http://h/p/{MARKER}?x"),
    ],
)
def test_pairs_and_addresses_keep_everything_but_the_secret(text: str, clean: str) -> None:
    assert Scrubber().text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=8000, prompt_tokens: 12",
        "a task-management-board-application",
        "monkey=3; keyboard: qwerty",
        "the bearer of good news",
        "https://example.com/p/short and user@example.com",
        "src/tokens.ts:3 Unexpected token",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Scrubber().text(text) == text


@pytest.mark.parametrize("spell", [str, quote, lambda s: quote(s, safe=""), json.dumps, repr])
def test_a_known_secret_is_found_in_each_of_its_spellings(spell: Callable[[str], str]) -> None:
    secret = 'pa/ss"wo\nrd+longer'

    clean = Scrubber([secret]).text(f"said {spell(secret)} aloud")

    assert "pa/ss" not in clean
    assert "longer" not in clean
    assert clean.startswith("said ")


def test_each_line_of_a_known_key_is_a_secret_of_its_own() -> None:
    clean = Scrubber([_PEM]).text("line 2 of the key is hkiG9w0BAQEFAASC indeed")

    assert clean == f"line 2 of the key is {MARKER} indeed"


def test_short_values_are_words_and_not_secrets() -> None:
    assert Scrubber(["dev", ""]).text("a dev server") == "a dev server"


def test_fields_with_a_secrets_name_are_redacted_whole_and_numbers_are_kept() -> None:
    given_value = {
        "slack_bot_token": ["a", "b"],
        "Authorization": {"x": 1},
        "prompt_tokens": 12,
        "token": 5,
        "nested": [{"password": "x"}, ("fine",), {b"bytes"}],
    }

    assert Scrubber().value(given_value) == {
        "slack_bot_token": MARKER,
        "Authorization": MARKER,
        "prompt_tokens": 12,
        "token": 5,
        "nested": [{"password": MARKER}, ["fine"], ["bytes"]],
    }


def test_an_object_that_contains_itself_or_cannot_be_shown_does_not_break_it() -> None:
    class Rude:
        @override
        def __repr__(self) -> str:
            raise RuntimeError("no")

    loop: list[object] = [Rude()]
    loop.append(loop)

    clean = Scrubber().value(loop)

    assert clean[0] == "<Rude>"
    assert "[too deep]" in json.dumps(clean)


_BITS = "token=|Bearer |://|@|\"|'|\\| |\n|-|_|/p/|hunter2secret|password: |key|=|eyJ|sk-|a|0"
_PIECES = st.sampled_from([*SHAPES, *_BITS.split("|"), MARKER])
_TEXTS = st.one_of(st.lists(_PIECES, max_size=25).map("".join), st.text(max_size=200))


@given(_TEXTS)
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    scrubber = Scrubber(["hunter2secret"])

    once = scrubber.text(text)

    assert scrubber.text(once) == once


@given(_TEXTS, st.sampled_from(SHAPES), _TEXTS)
def test_a_known_secret_is_gone_whatever_stands_around_it(a: str, secret: str, b: str) -> None:
    clean = Scrubber([secret]).text(a + secret + b)

    assert secret not in clean


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_becomes_plain_json_and_stays_the_same_after(value: object) -> None:
    scrubber = Scrubber(["hunter2secret"])

    once = scrubber.value(value)

    assert json.loads(json.dumps(once)) == once
    assert scrubber.value(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        "-----BEGIN A-----",
        "://a",
        "token",
        "token=",
        "Bearer ",
        "eyJ",
        "sk-",
        "=",
        " ",
        "key:\t",
        '"',
    ],
)
def test_time_grows_with_the_length_and_not_with_its_square(piece: str) -> None:
    scrubber = Scrubber(["hunter2secret", "another-known-value"])

    def took(length: int) -> float:
        text = piece * (length // len(piece))
        best = 10.0
        for _ in range(3):
            started = time.perf_counter()
            scrubber.text(text)
            best = min(best, time.perf_counter() - started)
        return best

    took(1_000)

    assert took(400_000) < 40 * took(40_000) + 0.05


CERTAIN = [s for s in SHAPES if "END" in s or "BEGIN" not in s]


@pytest.mark.parametrize("secret", CERTAIN, ids=lambda s: s[:12])
def test_what_is_certainly_a_secret_is_one_for_the_scrubber_too(secret: str) -> None:
    for found in CERTAIN_SECRETS.finditer(f"a {secret} b"):
        assert found[0] not in Scrubber().text(f"a {found[0]} b")

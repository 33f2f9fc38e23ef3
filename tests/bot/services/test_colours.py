"""Which colours people would call green and orange, however they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.offline import COLOURS
from bot.services.colours import ColourName, colours_in, sets_colour

GREENS = [
    *("#15803d", "#4ade80", "#0f0", "#0a8f", "#16A34A", "#22c55e80"),
    *("rgb(22, 163, 74)", "rgb(22 163 74 / 50%)", "rgba(22,163,74,.5)"),
    *("hsl(142 76% 36%)", "hsl(142.1deg, 76.2%, 36.3%)", "--primary: 142 76% 36%;"),
    *("oklch(0.62 0.19 149)", "oklch(62% 0.19 149 / 0.5)", "oklch(62.7% 0.194 149.214)"),
    *("color: green;", 'accent: "seagreen"', "color='emerald'", "bg-green-600", "text-lime-500/50"),
]
ORANGES = [
    *("#c2410c", "#fb923c", "#f97316", "#ffa500", "rgb(249 115 22)", "hsl(25 95% 53%)"),
    *("oklch(0.705 0.213 47.604)", "color: orange;", "color: darkorange", "hover:bg-orange-700"),
]
OTHERS = [
    *("#4f46e5", "#dc2626", "#facc15", "#2dd4bf", "#18181b", "#fff", "#010", "#f0fff0"),
    *("rgb(79 70 229)", "hsl(243 75% 59%)", "hsl(142 5% 50%)", "oklch(0.51 0.26 277)"),
    *("bg-indigo-600", "/* green */ #4f46e5", "// an orange #4f46e5", "<!-- #15803d -->"),
    *("The green orange", "a: evergreens", "oklch(from var(--primary) l c h)", "#12345", ""),
]


@pytest.mark.parametrize("code", GREENS)
def test_greens_are_green_and_not_orange(code: str) -> None:
    assert sets_colour(code, "green")
    assert not sets_colour(code, "orange")


@pytest.mark.parametrize("code", ORANGES)
def test_oranges_are_orange_and_not_green(code: str) -> None:
    assert sets_colour(code, "orange")
    assert not sets_colour(code, "green")


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("name", ["green", "orange"])
def test_nothing_else_is(code: str, name: ColourName) -> None:
    assert not sets_colour(code, name)


@pytest.mark.parametrize("name", ["green", "orange"])
def test_the_offline_models_own_colours_are_what_it_calls_them(name: ColourName) -> None:
    assert all(sets_colour(shade, name) for shade in COLOURS[name])


def test_the_same_colour_in_every_form_has_the_same_hue() -> None:
    forms = "#16a34a rgb(22 163 74) hsl(142.1 76.2% 36.3%) oklch(62.7% 0.194 149.2)"
    hues = [hue for hue, _, _ in colours_in(forms)]
    assert len(hues) == 4
    assert max(hues) - min(hues) < 1.5


@given(st.text(alphabet="#0123456789abcdef(),.% rgbhsloklch-:;/*", max_size=60))
def test_any_text_may_be_asked(code: str) -> None:
    assert sets_colour(code, "green") in {True, False}
    assert all(0 <= hue <= 360 for hue, _, _ in colours_in(code))

"""Edit cases by a simple model of a file: lines with a depth, of which some are to be replaced.

What must come out is rendered from the lines themselves, so nothing of it is the edit engine's.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from tests.campaigns._edit_cases import BOM, Case

_UNITS: Final = ("  ", "    ", "\t")
_WORDS: Final = ("call", "naïve", "größe", "看板", "load", "x")


@dataclass(frozen=True)
class Line:
    """A line of code; no two of a file have the same `code`."""

    depth: int
    code: str


@dataclass(frozen=True)
class Dress:
    """How a file is written down: what a level is, what ends a line, what begins and ends it all."""

    unit: str
    end: str = "\n"
    bom: str = ""
    last_end: bool = True

    def text(self, lines: list[Line]) -> str:
        body = self.end.join(self.unit * line.depth + line.code for line in lines)
        return self.bom + body + (self.end if self.last_end and lines else "")


def draw(random: Random, number: int) -> Case:
    """One case: the anchor copied well or badly, once there, twice there, or not there."""
    lines = _lines(random)
    first = random.randrange(len(lines))
    block = lines[first : first + random.randint(1, 4)]
    fresh = _changed(random, block)
    dress = Dress(
        random.choice(_UNITS),
        random.choice(("\n", "\r\n")),
        random.choice(("", "", BOM)),
        last_end=random.random() < 0.7,
    )
    distort = random.choice((_as_it_is, _ragged, _wide, _padded, _shifted))
    edit = distort(random, block, fresh, dress)
    fate = random.choices(("there", "twice", "gone"), (6, 2, 2))[0]
    after: str | None = None
    if fate == "there":
        after = _literally(dress.text(lines), edit, dress)
        after = after or dress.text([*lines[:first], *fresh, *lines[first + len(block) :]])
    elif fate == "twice":
        lines = [*lines, Line(0, "between();"), *block]
    else:
        at = first + random.randrange(len(block))
        lines[at] = replace(lines[at], code=lines[at].code.replace("(", "Other("))
    name = f"{number}: {distort.__name__.strip('_')}, {fate}"
    return Case(name, dress.text(lines), (edit,), after)


def _literally(text: str, edit: tuple[str, str], dress: Dress) -> str | None:
    """What stands there to the letter, by chance too, from its first word on, is just replaced."""
    search, new = (part.replace("\r\n", "\n").replace("\n", dress.end) for part in edit)
    if search[0].isspace() or text.count(search) != 1:
        return None
    return text.replace(search, new)


def _lines(random: Random) -> list[Line]:
    """Lines that nest like code does: each at most one level deeper than the one before."""
    depth, lines = 0, []
    for number in range(random.randint(3, 14)):
        lines.append(Line(depth, f"{random.choice(_WORDS)}{number}(a{number}, b);"))
        depth = random.randint(0, depth + 1)
    return lines


def _changed(random: Random, block: list[Line]) -> list[Line]:
    """The block with one line changed, and perhaps one more below it."""
    at = random.randrange(len(block))
    old = block[at]
    fresh = [Line(old.depth, f"fresh({old.code[:-2]}));")]
    if random.random() < 0.5:
        fresh.append(Line(old.depth + random.randint(0, 1), "added(1);"))
    return [*block[:at], *fresh, *block[at + 1 :]]


def _as_it_is(
    _random: Random, block: list[Line], fresh: list[Line], dress: Dress
) -> tuple[str, str]:
    plain = replace(dress, bom="", last_end=False)
    return plain.text(block), plain.text(fresh)


def _ragged(random: Random, block: list[Line], fresh: list[Line], dress: Dress) -> tuple[str, str]:
    """Blanks at the ends of the anchor's lines."""
    search, new = _as_it_is(random, block, fresh, replace(dress, end="\n"))
    return "\n".join(line + random.choice((" ", "\t", "  ")) for line in search.split("\n")), new


def _wide(random: Random, block: list[Line], fresh: list[Line], dress: Dress) -> tuple[str, str]:
    """Other blanks within the anchor's lines."""
    spread = [
        Line(line.depth, line.code.replace(", ", ",   ").replace("(", "( ")) for line in block
    ]
    return _as_it_is(random, spread, fresh, dress)


def _padded(random: Random, block: list[Line], fresh: list[Line], dress: Dress) -> tuple[str, str]:
    """Empty lines around, which the file does not have."""
    search, new = _as_it_is(random, block, fresh, dress)
    return f"\n{search}\n\n\n", f"\n{new}\n\n\n"


def _shifted(random: Random, block: list[Line], fresh: list[Line], dress: Dress) -> tuple[str, str]:
    """From another depth, and where the anchor tells its levels, with another level, too.

    A single line keeps some indentation: without any it is no line, but a text to be replaced.
    """
    top = min(line.depth for line in [*block, *fresh])
    nested = len({line.depth for line in block}) > 1
    unit = random.choice(_UNITS) if nested else dress.unit
    by = random.randint(0 if len(block) > 1 else 1, 2) - top
    moved = [[Line(line.depth + by, line.code) for line in lines] for lines in (block, fresh)]
    return _as_it_is(random, moved[0], moved[1], replace(dress, unit=unit, end="\n"))

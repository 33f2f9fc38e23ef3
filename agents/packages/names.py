"""Package names: which are popular, and which only look so.

`popular.txt` lists the names that were installed most in a month of 2026, and those of our
templates; it needs no upkeep, since a popular name that is missing is looked up like any other.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from string import ascii_lowercase, digits
from typing import Final

_MIN_CHARS: Final = 5
"""Shorter names have too many neighbours to say which was meant."""
_LETTERS: Final = ascii_lowercase + digits + "-_."
_DECORATION: Final = re.compile(r"^(?:node|js)|(?:node|js)$")


@lru_cache
def popular_names() -> frozenset[str]:
    """The list; about 4,000 names."""
    return frozenset(
        (files(__name__.rpartition(".")[0]) / "popular.txt").read_text("utf-8").split()
    )


def is_popular(name: str) -> bool:
    """Whether this very name is on the list."""
    return name in popular_names()


def near_miss(name: str) -> str | None:
    """The popular name that a name which is not popular may be mistaken for; None when none is.

    Mistaken are: another hyphen, underscore, dot or scope mark (`babel-core`), a `js` or `node`
    put on or left out (`reactjs`), one letter more, less, other, or two swapped (`axois`), and a
    known scope misspelled in the same way (`@type/node`).
    """
    if is_popular(name):
        return None
    plain = _squashed(name)
    bare = plain if "/" in name else _DECORATION.sub("", plain)
    for spelling in (plain, bare):
        meant = _by_letters().get(spelling) if len(spelling) > 2 else None
        if meant is not None:
            return meant
    return _one_letter_off(name, popular_names()) or _scope_missed(name)


def _scope_missed(name: str) -> str | None:
    scope, slash, rest = name.partition("/")
    if not slash or scope in _scopes():
        return None
    meant = _one_letter_off(scope, _scopes())
    return f"{meant}/{rest}" if meant else None


def _one_letter_off(name: str, known: frozenset[str]) -> str | None:
    if len(name) < _MIN_CHARS:
        return None
    return next(
        (near for near in _neighbours(name) if near in known and len(near) >= _MIN_CHARS), None
    )


def _neighbours(name: str) -> Iterator[str]:
    """Everything one slip away: a letter swapped, dropped, replaced or added."""
    for at in range(len(name) + 1):
        head, tail = name[:at], name[at:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in _LETTERS)
        yield from (head + letter + tail for letter in _LETTERS)


def _squashed(name: str) -> str:
    """Letters and digits only: what an eye compares."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache
def _by_letters() -> Mapping[str, str]:
    return {_squashed(name): name for name in sorted(popular_names(), reverse=True)}


@lru_cache
def _scopes() -> frozenset[str]:
    return frozenset(name.partition("/")[0] for name in popular_names() if "/" in name)

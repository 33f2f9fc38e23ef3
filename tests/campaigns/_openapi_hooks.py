"""What schemathesis is told while it tries the API: most ids are of things that are there.

Loaded by schemathesis in a process of its own; `KNOWN_IDS` is JSON: a parameter's name -> values.
"""

import json
import os
from typing import Any

import schemathesis

_KNOWN: dict[str, list[str]] = json.loads(os.environ["KNOWN_IDS"])  # noqa: TID251 - a program
_MADE_UP = 4
"""One in so many stays as it was generated."""

_count = 0


def _real(given: Any) -> Any:
    """The parameters, mostly with values of things that are there."""
    global _count  # noqa: PLW0603 - hooks are functions without a home
    if not isinstance(given, dict):
        return given
    made = dict(given)
    for name in (n for n in sorted(made) if n in _KNOWN and _is_short_text(made[n])):
        _count += 1
        if _count % _MADE_UP:
            made[name] = _KNOWN[name][_count % len(_KNOWN[name])]
    return made


def _is_short_text(given: object) -> bool:
    """What breaks the schema by its kind or its length is to stay as it is."""
    return isinstance(given, str) and 0 < len(given) < 100


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: Any) -> Any:
    return _real(path_parameters)


@schemathesis.hook
def map_query(_context: Any, query: Any) -> Any:
    return _real(query)


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    return _real(body)

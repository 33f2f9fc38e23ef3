"""The names of settings, and what is said where one is wrong. Pure.

`fields` are those of the model that holds the settings, by name.
"""

import difflib
from collections.abc import Iterable, Mapping

from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo

_OUR_PREFIXES = ("ZAPDEV_",)
_NEAR = 0.86
"""How alike a name must be to one of ours to be called a slip of the pen (0 to 1)."""

Fields = Mapping[str, FieldInfo]


def names_of(field: FieldInfo) -> tuple[str, ...]:
    """The variables that a setting is read from, its own name first."""
    alias = field.validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else ()


def name_warnings(names: Iterable[str], fields: Fields) -> list[str]:
    """A warning for any `ZAPDEV_…` that is no setting, and for near-misses of the others."""
    ours = {name for field in fields.values() for name in names_of(field)}
    warnings = []
    candidates = [name for name in ours if "_" in name]
    for name in sorted(name for name in set(names) if name.upper() not in ours):
        near = difflib.get_close_matches(name.upper(), candidates, n=1, cutoff=_NEAR)
        if near:
            warnings.append(f"{name} is not a setting. Did you mean {near[0]}?")
        elif name.upper().startswith(_OUR_PREFIXES):
            warnings.append(f"{name} is not a setting and does nothing. See .env.example.")
    return warnings


def explain(error: ValidationError, fields: Fields) -> list[str]:
    """One line per bad variable. Values are left out: they may be secrets."""
    lines = []
    for item in error.errors(include_input=False, include_url=False):
        reason = item["msg"].removeprefix("Value error, ")
        where = str(item["loc"][0]) if item["loc"] else ""
        name = names_of(fields[where])[0] if where in fields else where
        lines.append(f"{name}: {reason}." if name else f"{reason}.")
    return lines

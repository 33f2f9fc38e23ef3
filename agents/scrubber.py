"""The one scrubber of secrets: what logs and error reports say passes through here.

Two kinds of secrets are taken out: values this process knows (its own keys, wherever they turn
up) and texts that have the shape of a secret. Pure, total, in linear time, and idempotent:
`text(text(x)) == text(x)`, as long as no known secret overlaps the marker itself.

How idempotence is kept: every match eats the word characters that follow it, so a second pass
sees no word boundary that the first did not see; and what a pair's value may be includes the
marker, which is then replaced by itself.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import quote

MARKER = "[redacted]"
MIN_SECRET_LENGTH = 6
"""Shorter known values are ordinary words more often than secrets."""

_MAX_DEPTH = 12
_MAX_ITEMS = 1_000

_SECRET_NAME = re.compile(
    r"""(?ix) (?: token | secret | passw(?:or)?d | passphrase | api_?-?key | private_?-?key
    | service_?-?key | (?<![a-z])key | authorization | cookie | credentials? | signature | \bdsn
    )$"""
)
"""The end of a field's name, so that `prompt_tokens` and `keyboard` are no secrets."""

_SHAPES = re.compile(
    r"""(?x)
    (?P<pem> -----BEGIN [ ] [A-Z0-9 ]{1,40} -----
        (?s:.*?) (?: -----END [ ] [A-Z0-9 ]{1,40} -----[\w-]* | \Z ) )
    | (?P<userinfo> :// [^\s/@"'<>\\]++ (?=@) )
    | (?P<capability> / [pd] / (?=[\w.-]{16}) [\w.-]++ )
    | (?P<bearer> (?i:bearer) [ \t]+ [\w.~+/=-]{8,} )
    | (?P<token> (?<![A-Za-z0-9]) (?:
          xox[a-z]-[\w-]{6,} | xapp-[\w-]{6,} | sk-[\w-]{12,} | sk_(?:live|test)_\w{8,}
        | e2b_\w{12,} | whsec_[\w+/=-]{8,} | gh[pousr]_\w{12,} | github_pat_\w{12,}
        | figd_[\w-]{8,} | figo_[\w-]{8,} | AKIA[A-Z0-9]{12,} | npm_\w{20,} | AIza[\w-]{20,}
        | eyJ[\w-]{8,}(?:\.[\w-]+){0,4}
        ) [\w-]* )
    | (?P<name> (?i: token | secret | passw(?:or)?d | passphrase | api[_-]?key | private[_-]?key
          | service[_-]?key | (?<![a-z])key | authorization | cookie | (?<![a-z])dsn )
        (?: \\?["'] )? [ \t]{0,4} [:=] [ \t]{0,4} (?: (?i:bearer|basic) [ \t]+ )? )
      (?P<value> \\?" [^"\\\n]++ | \\?' [^'\\\n]++ | [^\s"'\\&,;]++ )
    """
)

CERTAIN_SECRETS = re.compile(
    r"""(?x)
    -----BEGIN [ ] (?:[A-Z0-9]{1,20} [ ]){0,3} PRIVATE [ ] KEY (?:[ ]BLOCK)? -----
        [A-Za-z0-9+/=\s\\.:,"']{60,12000}? -----END [ ] [A-Z0-9 ]{1,40} -----
    | (?<![A-Za-z0-9_-]) (?:
          xox[a-z]-[\w-]{10,} | xapp-[\w-]{10,} | sk-[\w-]{20,} | sk_(?:live|test)_\w{16,}
        | e2b_\w{16,} | whsec_[\w+/=-]{16,} | gh[pousr]_\w{20,} | github_pat_\w{20,}
        | figd_[\w-]{16,} | figo_[\w-]{16,} | AKIA[A-Z0-9]{16} | npm_\w{30,} | AIza[\w-]{30,}
        | eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,} )
    """
)
"""Shapes that nothing but a secret has: for what is taken out of a file that must go on working.

Each is one of `_SHAPES`, with more asked of it: a length, a whole key. A real one holds a digit.
"""


class Scrubber:
    """Redacts known secrets and secret shapes. `secrets` are this process's own keys."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = sorted({s for secret in secrets for s in _spellings(secret)}, key=_longest)
        alternatives = "|".join(map(re.escape, spellings))
        self._known = re.compile(rf"(?:{alternatives})[\w-]*") if spellings else None

    def text(self, text: str) -> str:
        """The same text with `MARKER` in the place of each secret."""
        if self._known is not None:
            text = self._known.sub(MARKER, text)
        return _SHAPES.sub(_redact, text)

    def value(self, value: object) -> Any:
        """A JSON-like copy: texts scrubbed, fields with a secret's name redacted whole.

        Mappings become dicts, other collections lists, unknown objects their scrubbed `repr`.
        What is nested deeper than 12 levels or beyond 1,000 items per collection is left out.
        """
        return self._value(value, 0)

    def _value(self, value: object, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str | bytes | bytearray):
            return self.text(value if isinstance(value, str) else _decode(value))
        if depth >= _MAX_DEPTH:
            return "[too deep]"
        if isinstance(value, Mapping):
            items = list(value.items())[:_MAX_ITEMS]
            return {self._key(k): self._field(k, v, depth + 1) for k, v in items}
        if isinstance(value, Sequence | AbstractSet):
            return [self._value(v, depth + 1) for v in list(value)[:_MAX_ITEMS]]
        return self.text(_describe(value))

    def _key(self, key: object) -> str:
        return self.text(key if isinstance(key, str) else _describe(key))

    def _field(self, key: object, value: object, depth: int) -> Any:
        plain = value is None or isinstance(value, bool | int | float)
        if isinstance(key, str) and not plain and _SECRET_NAME.search(key):
            return MARKER
        return self._value(value, depth)


def _redact(match: re.Match[str]) -> str:
    """Keep what is no secret: a pair's name and quote, `://` before user info."""
    match match.lastgroup:
        case "value":
            value = match["value"]
            quote_end = max(value[:2].rfind('"'), value[:2].rfind("'")) + 1
            return f"{match['name']}{value[:quote_end]}{MARKER}"
        case "userinfo":
            return f"://{MARKER}"
        case "capability":
            return f"{match[0][:3]}{MARKER}"
        case _:
            return MARKER


def _spellings(secret: str) -> set[str]:
    """A secret as it may turn up: itself, in JSON, in a URL, and its lines one by one."""
    secret = secret.strip()
    forms = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret)}
    forms |= {line.strip() for line in secret.splitlines() if not line.startswith("-----")}
    return {form for form in forms if len(form) >= MIN_SECRET_LENGTH and form not in MARKER}


def _longest(spelling: str) -> tuple[int, str]:
    return (-len(spelling), spelling)


def _decode(value: bytes | bytearray) -> str:
    return value.decode(errors="replace")


def _describe(value: object) -> str:
    """`repr`, total: a log line must not fail on an object whose `repr` raises (a boundary)."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - anything may come out of a foreign __repr__
        return f"<{type(value).__name__}>"

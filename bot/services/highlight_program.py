"""Colours one text: reads `{path, text}` as JSON, prints `{lines}`. A program of its own.

A lexer's patterns can take minutes over a text made for it, and nothing in Python stops a thread:
`bot.services.highlighting` runs this beside the server and ends it when it takes too long.
"""

import json
import sys
from collections.abc import Iterator

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, String, Token
from pygments.util import ClassNotFound

KINDS = (
    (Comment, "comment"),
    (Name.Tag, "tag"),
    (Name.Attribute, "attribute"),
    (Name.Function, "function"),
    (Name.Class, "type"),
    (Name.Builtin, "builtin"),
    (Name.Decorator, "builtin"),
    (Keyword.Type, "type"),
    (Keyword.Constant, "number"),
    (Keyword, "keyword"),
    (String, "string"),
    (Number, "number"),
    (Literal, "string"),
    (Token.Generic.Heading, "keyword"),
)
"""What a token is called, by the first of its ancestors that stands here; else nothing."""

PIECES_MAX = 20_000
"""What has more would take a page seconds to show; it has no colours."""

_SPOKEN_LIKE = {".svelte": "html", ".astro": "html", ".mjs": "javascript", ".cjs": "javascript"}
"""Languages without a lexer, and what colours them well enough."""


def lexer_for(path: str) -> Lexer:
    """The lexer of a file's name; one that colours nothing for a name it does not know."""
    for suffix, language in _SPOKEN_LIKE.items():
        if path.endswith(suffix):
            return get_lexer_by_name(language, **_AS_IT_IS)
    try:
        return get_lexer_for_filename(path.rpartition("/")[2], **_AS_IT_IS)
    except ClassNotFound:
        return TextLexer(**_AS_IT_IS)


_AS_IT_IS = {"stripnl": False, "ensurenl": False}


def lines_of(path: str, text: str) -> list[list[tuple[str, str]]]:
    """The text's lines as `(kind, text)` pieces; joined, they are the text again."""
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, value in _pieces(lexer_for(path), text):
        first, *rest = value.split("\n")
        _add(lines[-1], kind, first)
        for part in rest:
            lines.append([])
            _add(lines[-1], kind, part)
    return lines


def _pieces(lexer: Lexer, text: str) -> Iterator[tuple[str, str]]:
    """`get_tokens` would change line ends and drop a byte order mark; this changes nothing."""
    for _, token, value in lexer.get_tokens_unprocessed(text):
        yield next((name for kind, name in KINDS if token in kind), ""), value


def _add(line: list[tuple[str, str]], kind: str, text: str) -> None:
    if not text:
        return
    if line and line[-1][0] == kind:
        text = line.pop()[1] + text
    line.append((kind, text))


def main() -> None:
    """One text in, its lines out; a status that is not 0 where they have too many pieces."""
    wanted = json.load(sys.stdin)
    lines = lines_of(wanted["path"], wanted["text"])
    if sum(map(len, lines)) > PIECES_MAX:
        sys.exit("too many pieces")
    json.dump({"lines": lines}, sys.stdout)


if __name__ == "__main__":
    main()

"""Find text that stands in for code: "rest unchanged", "// ... existing code ...".

Built to be believed: an honest spread (`...props`), an ellipsis in a string or in shown text,
"Loading...", and comments that merely use such words are no placeholders.
"""

import re
from typing import Final

_COMMENT: Final = re.compile(
    r"""
    (?:^|(?<=[\s{(,;\[]))                       # not inside a word or an address
    (?: //+ (?P<slashes>.*)
      | \{?\s*/\*+ (?P<stars>.*?) (?:\*/|$)
      | <!--+ (?P<markup>.*?) (?:-->|$)
      | (?<![^\s]) \#+ \s (?P<hash>.*)
    )
    """,
    re.VERBOSE,
)
_INNER_LINE: Final = re.compile(r"^\s*\*+(?!/)\s*(?P<body>.*?)(?:\*/)?\s*$")
_ELLIPSIS: Final = re.compile(r"\.{3,}|…")

_THING: Final = (
    r"(?:code|file|component|components|content|contents|implementation|logic|functions?|methods?|"
    r"imports?|styles?|styling|rules|markup|template|jsx|html|css|class|module|props|types?|"
    r"fields|properties|items|entries|handlers?|state|hooks?|routes|sections?|page|app|script|"
    r"lines|stuff|body)"
)
_CODE: Final = (
    r"(?:code|file|implementation|logic|functions?|methods?|imports?|styles?|styling|markup|"
    r"template|jsx|html|css|class|module|handlers?|hooks?|component|components)"
)
_WHICH: Final = r"(?:the|your|this|that|all|previous|existing|original|current|same|old|other)"
_UNCHANGED: Final = (
    r"(?:(?:is|are|stays?|remains?|goes|go|kept|as|left)\ )*"
    r"(?:unchanged|untouched|the\ same|same|identical|omitted|here|as\ before|as\ is)"
    r"(?:\ (?:as|for|like|from)\ (?:before|above|brevity|the\ original))?"
)
_PHRASE: Final = re.compile(
    rf"""
    (?:and\ |with\ |keep\ |insert\ |include\ )*
    (?: (?:{_WHICH}\ )*(?:rest|remainder)(?:\ of(?:\ {_WHICH})*)?(?:\ {_THING}){{1,3}}
            (?:\ {_UNCHANGED}|\ continues?|\ goes\ here)?
      | (?:{_WHICH}\ )*(?:rest|remainder)(?:\ of\ (?:it|{_WHICH}))?\ {_UNCHANGED}
      | (?:{_WHICH}\ )*(?:existing|previous|original|remaining)(?:\ {_CODE}){{1,3}}(?:\ {_UNCHANGED})?
      | (?:{_WHICH}\ )*(?:existing|previous|original|remaining|other|same)(?:\ {_THING}){{1,3}}\ {_UNCHANGED}
      | (?:{_WHICH}\ )*{_THING}(?:\ {_THING})?\ (?:remains?\ |stays?\ |is\ |are\ )?
            (?:unchanged|untouched|omitted|as\ before|same\ as\ (?:before|above))(?:\ for\ brevity)?
      | (?:same|as)\ as?\ ?(?:before|above|previously)
      | unchanged | omitted\ for\ brevity | your\ code(?:\ goes)?\ here
      | {_THING}\ goes\ here
    )
    """,
    re.VERBOSE,
)
_AFTER_DOTS: Final = re.compile(
    r"\b(?:rest|existing|remaining|remainder|unchanged|omitted|brevity|same as|previous|as before|"
    rf"other {_THING}|keep|more {_THING}|code|implementation)\b"
)
_MAX_WORDS: Final = 9


def has_placeholder(text: str) -> bool:
    """Whether some line stands in for code that was left out."""
    return find_placeholder(text) is not None


def find_placeholder(text: str) -> str | None:
    """The first line that stands in for code, without blanks around it; None when all is real.

    Lines inside a template literal are shown text and not looked at.
    """
    in_template = False
    for line in text.splitlines():
        if not in_template and _is_placeholder(line):
            return line.strip()
        in_template ^= line.replace("\\`", "").count("`") % 2 == 1
    return None


def _is_placeholder(line: str) -> bool:
    stripped = line.strip()
    if len(stripped) > 200 or not stripped:
        return False
    bare = _ELLIPSIS.match(stripped)
    if bare or stripped[0] in "[(":
        return bool(" " in stripped and _is_phrase(stripped))
    return any(_stands_in(body) for body in _comments(line))


def _comments(line: str) -> list[str]:
    inner = _INNER_LINE.match(line)
    if inner:
        return [inner["body"]]
    return [
        next(body for body in match.groups() if body is not None)
        for match in _COMMENT.finditer(line)
        if not _in_string(line[: match.start()])
    ]


def _in_string(before: str) -> bool:
    return any(before.count(quote) % 2 for quote in "\"'`")


def _stands_in(comment: str) -> bool:
    """Whether a comment's text says that code was left out."""
    body = comment.strip().strip("*/-{}").strip()
    dots = _ELLIPSIS.match(body)
    if dots is None:
        return _is_phrase(body)
    words = _plain(body).split()
    if not words:
        return True
    return _is_phrase(body) or (
        len(words) <= _MAX_WORDS and _AFTER_DOTS.search(" ".join(words)) is not None
    )


def _is_phrase(text: str) -> bool:
    return _PHRASE.fullmatch(_plain(text)) is not None


def _plain(text: str) -> str:
    """Lower-case words with single blanks, without punctuation."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))

"""Streamed tool-call arguments -> files as they close.

The arguments of `createOrUpdateFiles` arrive as JSON text in small pieces:
`{"files": [{"path": "…", "content": "…"}, …]}`. This parser is fed each piece once, keeps its
place, and hands out a file the moment its object closes. It never looks back, so the work is
linear in the text, however finely it is cut. It reads exactly the language of `json.loads`.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple


class StreamedFile(NamedTuple):
    """One file of the arguments, whole."""

    path: str
    content: str


class _Expect(Enum):
    """What may come next outside of strings and scalars."""

    VALUE = auto()
    VALUE_OR_END = auto()
    KEY = auto()
    KEY_OR_END = auto()
    COLON = auto()
    COMMA_OR_END = auto()
    NOTHING = auto()


_SPECIAL = re.compile(r'["\\\x00-\x1f]')
_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[-+.0-9A-Za-z]*")
_SCALAR_WHOLE = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null|NaN|-?Infinity"
)
_HEX = frozenset("0123456789abcdefABCDEF")
_ESCAPES = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip
_VALUES = (_Expect.VALUE, _Expect.VALUE_OR_END)
_KEYS = (_Expect.KEY, _Expect.KEY_OR_END)
_NONE: tuple[StreamedFile, ...] = ()


class FileStreamParser:
    """A push parser; nothing it is fed makes it raise.

    `malformed` says that the text is not JSON: from there on nothing more comes out, and what
    came before must be taken back. `complete` says that the whole object has closed.
    """

    def __init__(self) -> None:
        self.malformed = False
        self._expect = _Expect.VALUE
        self._stack: list[str | None] = []  # an object's current key; None for an array
        self._string: list[str] | None = None
        self._escape = ""
        self._has_surrogates = False
        self._scalar = ""
        self._fields: dict[str, str | None] = {}
        self._closed: list[StreamedFile] = []

    @property
    def complete(self) -> bool:
        """Whether the outermost value has closed, and nothing else came after it."""
        inside = self._string is not None or bool(self._scalar)
        return self._expect is _Expect.NOTHING and not inside and not self.malformed

    def feed(self, piece: str) -> Sequence[StreamedFile]:
        """Take the next piece; answers the files that closed in it, in order."""
        if self._string is not None and not self._escape and _SPECIAL.search(piece) is None:
            self._string.append(piece)
            return _NONE
        at, end = 0, len(piece)
        while at < end and not self.malformed:
            if self._escape:
                at = self._take_escape(piece, at)
            elif self._string is not None:
                at = self._take_text(piece, at)
            elif self._scalar:
                at = self._take_scalar(piece, at)
            else:
                at = self._take_structure(piece, at)
        if not self._closed:
            return _NONE
        closed, self._closed = self._closed, []
        return closed

    # --- strings -------------------------------------------------------------------------

    def _take_text(self, piece: str, at: int) -> int:
        """Plain text up to the next quote, escape or end of the piece."""
        parts = self._string if self._string is not None else []
        found = _SPECIAL.search(piece, at)
        if found is None:
            parts.append(piece[at:])
            return len(piece)
        stop = found.start()
        if stop > at:
            parts.append(piece[at:stop])
        mark = piece[stop]
        if mark == "\\":
            self._escape = mark
        elif mark == '"':
            self._string = None
            self._close_string("".join(parts))
        else:
            self.malformed = True
        return stop + 1

    def _take_escape(self, piece: str, at: int) -> int:
        """One more character of an escape; it may have begun in an earlier piece."""
        self._escape += piece[at]
        if self._escape[1] != "u":
            self._end_escape(_ESCAPES.get(self._escape[1]))
        elif len(self._escape) > 2 and piece[at] not in _HEX:
            self.malformed = True
        elif len(self._escape) == 6:
            code = int.from_bytes(bytes.fromhex(self._escape[2:]), "big")
            self._has_surrogates |= 0xD800 <= code <= 0xDFFF
            self._end_escape(chr(code))
        return at + 1

    def _end_escape(self, character: str | None) -> None:
        self._escape = ""
        if character is None or self._string is None:
            self.malformed = True
        else:
            self._string.append(character)

    def _close_string(self, text: str) -> None:
        if self._has_surrogates:  # two escapes of one character, perhaps cut between them
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
            self._has_surrogates = False
        if self._expect is _Expect.COLON:
            self._stack[-1] = text
        else:
            self._note_field(text)

    # --- everything else -----------------------------------------------------------------

    def _take_scalar(self, piece: str, at: int) -> int:
        """A number or a word; only what follows shows that it has ended."""
        found = _SCALAR.match(piece, at)
        stop = found.end() if found else at
        self._scalar += piece[at:stop]
        if stop < len(piece):
            self.malformed = _SCALAR_WHOLE.fullmatch(self._scalar) is None
            self._scalar = ""
        return stop

    def _take_structure(self, piece: str, at: int) -> int:
        found = _SPACE.match(piece, at)
        at = found.end() if found else at
        if at == len(piece):
            return at
        mark = piece[at]
        if mark in "{[":
            self._open(mark)
        elif mark in "}]":
            self._close(mark)
        elif mark == '"':
            self._open_string()
        elif mark == ",":
            self._take_comma()
        elif mark == ":":
            self._move(self._expect is _Expect.COLON, _Expect.VALUE)
        else:
            return self._open_scalar(piece, at)
        return at + 1

    def _move(self, allowed: bool, expect: _Expect) -> None:  # noqa: FBT001 - one rule, one line
        self.malformed = not allowed
        self._expect = expect

    def _after_value(self) -> _Expect:
        return _Expect.COMMA_OR_END if self._stack else _Expect.NOTHING

    def _take_comma(self) -> None:
        in_object = bool(self._stack) and self._stack[-1] is not None
        self._move(
            self._expect is _Expect.COMMA_OR_END, _Expect.KEY if in_object else _Expect.VALUE
        )

    def _open_string(self) -> None:
        self._string = []
        if self._expect in _KEYS:
            self._expect = _Expect.COLON
        else:
            self._move(self._expect in _VALUES, self._after_value())

    def _open_scalar(self, piece: str, at: int) -> int:
        self._note_field(None)
        self._move(self._expect in _VALUES, self._after_value())
        found = _SCALAR.match(piece, at)
        if found is None or found.end() == at:
            self.malformed = True
            return at
        self._scalar = piece[at]
        return at + 1

    def _open(self, mark: str) -> None:
        self._note_field(None)
        if mark == "{":
            self._move(self._expect in _VALUES, _Expect.KEY_OR_END)
            self._stack.append("")
            if self._in_file():
                self._fields = {}
        else:
            self._move(self._expect in _VALUES, _Expect.VALUE_OR_END)
            self._stack.append(None)

    def _close(self, mark: str) -> None:
        first = _Expect.KEY_OR_END if mark == "}" else _Expect.VALUE_OR_END
        matches = bool(self._stack) and (self._stack[-1] is not None) == (mark == "}")
        if not matches or self._expect not in (first, _Expect.COMMA_OR_END):
            self.malformed = True
            return
        if self._in_file():
            path, content = self._fields.get("path"), self._fields.get("content")
            if path is not None and content is not None:
                self._closed.append(StreamedFile(path, content))
        self._stack.pop()
        self._expect = self._after_value()

    def _in_file(self) -> bool:
        """Whether the innermost open value is an object that `files` lists."""
        stack = self._stack
        return len(stack) == 3 and stack[0] == "files" and stack[1] is None and stack[2] is not None

    def _note_field(self, text: str | None) -> None:
        """Remember a file's field; None stands for a value that is not text."""
        if self._in_file():
            self._fields[self._stack[2] or ""] = text

"""The edit engine: anchored replacements in a text, exact where possible, never a guess.

An anchor is looked for in three passes, and the first pass that finds it anywhere decides:

1. exact: the very characters (line ends aside: a CRLF file is matched by LF anchors);
2. whitespace: blanks inside and at the end of lines do not count, indentation does;
3. indentation: indentation does not count either, and the replacement is re-indented to fit.

In the deciding pass the anchor must match once. Twice or never is an error that tells the
model what to do next.
"""

import difflib
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, NamedTuple

from agents.errors import BadOutput
from agents.indentation import reindent
from agents.placeholders import find_placeholder, has_placeholder

__all__ = ["Edit", "EditFailed", "apply_edits", "has_placeholder"]

Reason = Literal["empty", "unchanged", "placeholder", "missing", "ambiguous"]

_MATCHES_WANTED: Final = 5
"""Beyond two the number only informs."""
_NEAREST_SHOWN: Final = 6
_BOM: Final = "\ufeff"
_LINES_COMPARED: Final = 4_000
_CHARS_SHOWN: Final = 160


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the one place where `search` stands with `replace`; "" deletes it."""

    search: str
    replace: str


class EditFailed(BadOutput):
    """No edit was applied. `str()` tells the model which one failed, why, and what to send."""

    def __init__(self, message: str, *, number: int, reason: Reason) -> None:
        super().__init__(message)
        self.number = number
        self.reason = reason


class _Span(NamedTuple):
    """What to put where: `text[start:end]` becomes `replacement`."""

    start: int
    end: int
    replacement: str


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with every edit applied, one after another; all of them or none.

    Line ends follow the file's; where it mixes them, each replaced line keeps its own. Nothing
    outside the matched places changes.

    Raises: EditFailed: an anchor is empty, missing or ambiguous, an edit changes nothing, or a
    replacement stands in for code with a placeholder. Edits are numbered from 1.
    """
    if not edits:
        raise EditFailed("No edits were given.", number=0, reason="empty")
    bom = _BOM if text.startswith(_BOM) else ""
    original = text.removeprefix(bom)
    result = original
    for number, edit in enumerate(edits, start=1):
        plain = Edit(_unix(edit.search.removeprefix(_BOM)), _unix(edit.replace.removeprefix(_BOM)))
        result = _apply(result, plain, number, original=original)
    return bom + result


def _apply(text: str, edit: Edit, number: int, *, original: str) -> str:
    _refuse_useless(edit, number, text)
    plain = _unix(text)
    spans = locate(plain, edit)
    if len(spans) > 1:
        raise EditFailed(_ambiguous(plain, spans, number), number=number, reason="ambiguous")
    if not spans:
        message = _missing(plain, edit, number, _unix(original))
        raise EditFailed(message, number=number, reason="missing")
    result = _splice(text, plain, spans[0])
    if result == text:
        raise EditFailed(
            f"Edit {number}: the file already reads like `replace`; nothing would change.",
            number=number,
            reason="unchanged",
        )
    return result


def _refuse_useless(edit: Edit, number: int, text: str) -> None:
    if not edit.search:
        raise EditFailed(
            f"Edit {number}: `search` is empty. Copy the lines to replace from the file.",
            number=number,
            reason="empty",
        )
    if edit.search == edit.replace:
        raise EditFailed(
            f"Edit {number}: `search` and `replace` are the same, so nothing would change.",
            number=number,
            reason="unchanged",
        )
    placeholder = find_placeholder(edit.replace)
    if placeholder is not None and placeholder not in text:
        raise EditFailed(
            f"Edit {number}: `replace` holds the placeholder {placeholder!r}. Write the real "
            "code; lines that stay as they are need not be part of an edit.",
            number=number,
            reason="placeholder",
        )


# --- finding ---------------------------------------------------------------------------------


def locate(text: str, edit: Edit) -> list[_Span]:
    """The places of the first pass that finds any, at most five. Texts have LF line ends."""
    starts = list(islice(_occurrences(text, edit.search), _MATCHES_WANTED))
    if starts:
        return [_exact_span(text, start, edit) for start in starts]
    for keep_indent in (True, False):
        canonical = _canonical(text, keep_indent=keep_indent)
        for variant in (_without_last_blanks(edit), _without_empty_ends(edit)):
            spans = _loose_spans(text, canonical, variant, keep_indent=keep_indent)
            found = list(islice(spans, _MATCHES_WANTED))
            if found:
                return found
    return []


def _exact_span(text: str, start: int, edit: Edit) -> _Span:
    """The place as it is; a line that was copied with less indentation is put in deeper again."""
    end = start + len(edit.search)
    line_start = text.rfind("\n", 0, start) + 1
    shifted = line_start < start and not text[line_start:start].strip(" \t")
    if shifted and edit.search[0] in " \t" and "\n" in edit.replace.strip("\n"):
        return _reindented(text, start, end, edit)
    return _Span(start, end, edit.replace)


def _without_last_blanks(edit: Edit) -> Edit:
    """The edit without blanks at its very end: they are another line's, or nobody's."""
    search = edit.search.rstrip(" \t")
    return edit if search == edit.search else Edit(search, edit.replace.rstrip(" \t"))


def _without_empty_ends(edit: Edit) -> Edit:
    """The edit without empty lines, or a line end, at either end."""
    return Edit(_strip_lines(edit.search), _strip_lines(edit.replace))


def _strip_lines(text: str) -> str:
    lines = text.split("\n")
    while len(lines) > 1 and not lines[0].strip():
        del lines[0]
    while len(lines) > 1 and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Canonical:
    """A text without the blanks that do not count, and where each character came from."""

    text: str
    offsets: Sequence[int]


_PIECES: Final = re.compile(r"\n|[^\S\n]+|\w+|[^\w\s]")


def _canonical(text: str, *, keep_indent: bool) -> _Canonical:
    chars: list[str] = []
    offsets: list[int] = []
    for piece in _PIECES.finditer(text):
        start, end = piece.span()
        kept = piece.group()
        if kept != "\n" and kept.isspace():
            kept = _kept_blanks(text, start, end, keep_indent=keep_indent)
        chars.append(kept)
        offsets.extend(range(start, start + len(kept)))
    return _Canonical("".join(chars), offsets)


def _kept_blanks(text: str, start: int, end: int, *, keep_indent: bool) -> str:
    """What counts of the blanks `text[start:end]`: the indentation, or one between words."""
    if end == len(text) or text[end] == "\n":
        return ""
    if start == 0 or text[start - 1] == "\n":
        return text[start:end] if keep_indent else ""
    return " " if _is_word(text[start - 1]) and _is_word(text[end]) else ""


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _loose_spans(
    text: str, canonical: _Canonical, edit: Edit, *, keep_indent: bool
) -> Iterator[_Span]:
    wanted = _canonical(edit.search, keep_indent=keep_indent).text
    if not wanted.strip():
        return
    for at in _occurrences(canonical.text, wanted):
        if not _stands_alone(canonical.text, at, wanted):
            continue
        start = canonical.offsets[at]
        end = canonical.offsets[at + len(wanted) - 1] + 1
        if keep_indent:
            yield _Span(start, end, edit.replace)
        else:
            yield _reindented(text, start, end, edit)


def _stands_alone(text: str, at: int, wanted: str) -> bool:
    """Whether a loose match cuts no word in two and takes indentation only for indentation."""
    before, after = text[at - 1 : at], text[at + len(wanted) :][:1]
    if wanted[0] in " \t" and before not in ("", "\n"):
        return False
    if before and _is_word(before) and _is_word(wanted[0]):
        return False
    return not (after and _is_word(after) and _is_word(wanted[-1]))


def _reindented(text: str, start: int, end: int, edit: Edit) -> _Span:
    line_start = text.rfind("\n", 0, start) + 1
    at_line_start = not text[line_start:start].strip()
    if at_line_start:
        start = line_start
    fitted = reindent(
        edit.replace,
        anchor=edit.search,
        actual=text[line_start:end],
        first_line_too=at_line_start,
        file=text,
    )
    return _Span(start, end, fitted)


def _occurrences(text: str, wanted: str) -> Iterator[int]:
    """Every start, also of matches that overlap each other."""
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


# --- line ends -------------------------------------------------------------------------------


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _splice(text: str, plain: str, span: _Span) -> str:
    """Carry out in `text` what was found in `plain`, the same text with LF line ends."""
    if text == plain:
        return text[: span.start] + span.replacement + text[span.end :]
    # In `plain`, the k-th CRLF stands k characters further left than in `text`.
    ends = [match.start() - k for k, match in enumerate(re.finditer("\r\n", text))]
    start = span.start + bisect_left(ends, span.start)
    end = span.end + bisect_left(ends, span.end)
    usual = "\r\n" if len(ends) * 2 > plain.count("\n") else "\n"
    return text[:start] + _with_ends(span.replacement, text[start:end], usual) + text[end:]


def _with_ends(replacement: str, replaced: str, usual: str) -> str:
    """As many lines as before keep their ends, one by one; else all get the file's usual one."""
    there = re.findall("\r?\n", replaced)
    lines = replacement.split("\n")
    if len(there) != len(lines) - 1:
        return usual.join(lines)
    return "".join(line + end for line, end in zip(lines, [*there, ""], strict=True))


# --- what the model is told ------------------------------------------------------------------


def _ambiguous(text: str, spans: Sequence[_Span], number: int) -> str:
    lines = [text.count("\n", 0, span.start) + 1 for span in spans]
    more = " or more" if len(spans) == _MATCHES_WANTED else ""
    return (
        f"Edit {number}: `search` matches {len(spans)}{more} places, at lines "
        f"{', '.join(map(str, lines))}. Add lines before or after it until it is unique."
    )


def _missing(text: str, edit: Edit, number: int, original: str) -> str:
    parts = [f"Edit {number}: `search` was not found in the file."]
    if text != original and locate(original, edit):
        parts.append(
            "It was there before the earlier edits of this call changed those lines: "
            "join the edits, or search for the new text."
        )
    elif len(edit.replace.strip()) > 2 and edit.replace.strip() in text:
        parts.append("The file already contains `replace`: the edit may have been made before.")
    near = _nearest(text, edit.search)
    if near:
        parts.append(f"The nearest lines are:\n{near}\nCopy the lines exactly as they are.")
    else:
        parts.append("Nothing in the file comes close. Read the file again before editing it.")
    return " ".join(parts)


def _nearest(text: str, search: str) -> str:
    """The lines around the one most like the anchor's most telling line, with their numbers."""
    lines = text.split("\n")[:_LINES_COMPARED]
    telling = max(search.split("\n"), key=lambda line: len(line.strip())).strip()[:_CHARS_SHOWN]
    shown = [line.strip()[:_CHARS_SHOWN] for line in lines]
    close = difflib.get_close_matches(telling, dict.fromkeys(shown), n=1, cutoff=0.5)
    if not telling or not close:
        return ""
    at = shown.index(close[0])
    before = next(
        index
        for index, line in enumerate(search.split("\n"))
        if line.strip()[:_CHARS_SHOWN] == telling
    )
    first = max(0, at - min(before, _NEAREST_SHOWN // 2))
    return "\n".join(
        f"{index + 1}: {lines[index][:_CHARS_SHOWN]}"
        for index in range(first, min(len(lines), first + _NEAREST_SHOWN))
    )

"""Fit a replacement to the indentation of the place it goes to.

A model that copies lines from memory often shifts them, or writes spaces for tabs. The lines of
its anchor, laid beside the lines they matched, tell how its indentation translates.
"""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_TAB_COLUMNS: Final = 4
_MAX_ALIGNED: Final = 400
"""Lines beyond which anchor and replacement are not compared line by line."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """An indentation as the model wrote it, and what the file has there."""

    written: str
    actual: str


def reindent(replace: str, *, anchor: str, actual: str, first_line_too: bool, file: str) -> str:
    """`replace` with each line's indentation translated from the anchor's style to the file's.

    `anchor` and `actual` are the same lines, as the model wrote them and as the file has them.
    With `first_line_too` unset the replacement starts in mid-line and its first line is kept.
    Relative depth is kept; empty lines stay empty.
    """
    written, there, lines = anchor.split("\n"), actual.split("\n"), replace.split("\n")
    skip = 0 if first_line_too else 1
    pairs = {
        index: _Pair(indent_of(line), indent_of(there[index]))
        for index, line in enumerate(written)
        if line.strip() and index >= skip
    }
    if not pairs:
        base = _Pair(indent_of(written[0]) if written else "", indent_of(there[0]))
        pairs = {0: base}
    kept = _kept_lines(written, lines)
    translate = _Translation(tuple(pairs.values()), _Style.of(file), _step([*written, *lines]))
    result = [] if first_line_too else [_first(lines[0], written[0])]
    nearest = next(iter(pairs.values()))
    for index, line in enumerate(lines[skip:], start=skip):
        if index in kept and kept[index] in pairs:
            nearest = pairs[kept[index]]
        result.append(translate.line(line, nearest))
    return "\n".join(result)


def indent_of(line: str) -> str:
    """The blanks a line starts with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def _first(line: str, anchor_line: str) -> str:
    return line.lstrip(" \t") if indent_of(anchor_line) else line


def _kept_lines(written: Sequence[str], lines: Sequence[str]) -> Mapping[int, int]:
    """Lines of the replacement that take the place of an anchor's line at the same depth."""
    if max(len(written), len(lines)) > _MAX_ALIGNED:
        return {}
    matcher = difflib.SequenceMatcher(None, written, lines, autojunk=False)
    return {
        there: here
        for tag, a, a_end, b, b_end in matcher.get_opcodes()
        if tag in ("equal", "replace")
        for here, there in zip(range(a, a_end), range(b, b_end), strict=False)
        if indent_of(written[here]) == indent_of(lines[there])
    }


@dataclass(frozen=True, slots=True)
class _Style:
    """How a file indents: the blanks of one level, "" when nothing in it is indented."""

    unit: str

    @classmethod
    def of(cls, file: str) -> "_Style":
        indents = [indent_of(line) for line in file.split("\n") if line.strip()]
        if sum("\t" in indent for indent in indents) * 2 > sum(map(bool, indents)):
            return cls("\t")
        steps = Counter(
            len(after) - len(before)
            for before, after in pairwise(indents)
            if len(after) > len(before)
        )
        return cls(" " * (steps.most_common(1)[0][0] if steps else 0))


@dataclass(frozen=True, slots=True)
class _Translation:
    """From the model's indentation to the file's."""

    pairs: tuple[_Pair, ...]
    style: _Style
    step: int

    def line(self, line: str, nearest: _Pair) -> str:
        """One line of the replacement, `nearest` being the pair that holds around it."""
        if not line.strip():
            return ""
        return self._indent(indent_of(line), nearest) + line.lstrip(" \t")

    def _indent(self, written: str, nearest: _Pair) -> str:
        if written == nearest.written:
            return nearest.actual
        known = self._known()
        if written in known:
            return known[written]
        base = self._base(written, known, nearest)
        columns = _columns(written) - _columns(base.written)
        if columns >= 0:
            return base.actual + self._blanks(written, columns)
        shorter = len(self._blanks(base.written, -columns))
        return base.actual[: max(0, len(base.actual) - shorter)]

    def _known(self) -> dict[str, str]:
        """Indentations that always stand for the same one."""
        found: dict[str, set[str]] = {}
        for pair in self.pairs:
            found.setdefault(pair.written, set()).add(pair.actual)
        return {written: actual.pop() for written, actual in found.items() if len(actual) == 1}

    @staticmethod
    def _base(written: str, known: Mapping[str, str], nearest: _Pair) -> _Pair:
        """The deepest known indentation not deeper than `written`, else the shallowest."""
        if not known:
            return nearest
        by_depth = sorted(known, key=_columns)
        below = [indent for indent in by_depth if _columns(indent) <= _columns(written)]
        chosen = below[-1] if below else by_depth[0]
        return _Pair(chosen, known[chosen])

    def _blanks(self, sample: str, columns: int) -> str:
        """What `columns` columns of the model's indentation are in the file."""
        known = self._known()
        shallow, deep = (pick(known, key=_columns, default="") for pick in (min, max))
        written = _columns(deep) - _columns(shallow)
        if written > 0 and known[deep].startswith(known[shallow]):
            added = known[deep][len(known[shallow]) :]
            char = "\t" if "\t" in added else " "
            return char * round(columns * len(added) / written)
        if not self.style.unit or ("\t" in sample) == (self.style.unit == "\t"):
            return "\t" * (columns // _TAB_COLUMNS) if "\t" in sample else " " * columns
        return self.style.unit * max(1, round(columns / self.step))


def _columns(indent: str) -> int:
    return len(indent.expandtabs(_TAB_COLUMNS))


def _step(lines: Sequence[str]) -> int:
    """The smallest difference of depth in the model's own lines: its unit, in columns."""
    depths = sorted({_columns(indent_of(line)) for line in lines if line.strip()})
    steps = [after - before for before, after in pairwise(depths)]
    return min(steps, default=2)

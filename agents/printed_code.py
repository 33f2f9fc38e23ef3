"""Files that a model printed as code blocks instead of calling a tool. Pure.

Only what is beyond doubt: every code block of the text must name its file. One block without a
name, two contents for one name, or a block that never ends, and there is no answer.
"""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")
_PATH = r"(?:\./)?(?P<path>[\w@$()\[\].+-]+(?:/[\w@$()\[\].+-]+)*\.\w+)"
_IN_INFO = (
    re.compile(rf"""^\S*\s.*?\b(?:title|file(?:name)?|path)\s*[=:]\s*["']?{_PATH}["']?"""),
    re.compile(rf"^(?:[\w+#-]+[\s:]+)?{_PATH}\s*$"),
)
_LABEL = re.compile(
    rf"""^\s*(?:[-*+]\s+|\d+[.)]\s+)?(?:\#{{1,6}}\s+)?(?:\d+[.)]\s+)?
    (?:\**(?:file(?:name)?|path)\**\s*:\**\s*)?[*_`"']*{_PATH}[*_`"']*\s*:?[*_]*\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_COMMENT = re.compile(
    rf"^\s*(?://|\#|/\*+|<!--|\{{/\*)\s*(?:file(?:name)?\s*:\s*)?{_PATH}\s*(?:\*/\}}?|-->)?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Block:
    """A code block: what stands after its fence, the text line above it, its lines."""

    info: str
    above: str
    lines: list[str]


def printed_files(text: str) -> dict[str, str] | None:
    """The files the text prints, path -> content; None when that would be a guess."""
    blocks = _blocks(text)
    files: dict[str, str] = {}
    for block in blocks or ():
        path, lines = _named(block)
        content = "\n".join(lines) + "\n"
        if path is None or files.setdefault(path, content) != content:
            return None
    return files or None


def _blocks(text: str) -> list[_Block] | None:
    """Every fenced block; None when the last one is cut off."""
    blocks: list[_Block] = []
    fence, above, block = "", "", None
    for line in text.replace("\r\n", "\n").split("\n"):
        found = _FENCE.match(line)
        if block is None:
            if found:
                fence, block = found["fence"], _Block(found["info"].strip(), above, [])
                above = ""
            elif line.strip():
                above = line
        elif found and found["fence"].startswith(fence) and not found["info"].strip():
            blocks.append(block)
            block = None
        else:
            block.lines.append(line)
    return blocks if block is None else None


def _named(block: _Block) -> tuple[str | None, list[str]]:
    """The block's path and its content, without the line that only names it."""
    for pattern in _IN_INFO:
        found = pattern.search(block.info)
        if found:
            return found["path"], block.lines
    first = _COMMENT.match(block.lines[0]) if block.lines else None
    if first:
        return first["path"], block.lines[1:]
    label = _LABEL.match(block.above)
    return (label["path"] if label else None), block.lines

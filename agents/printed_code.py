"""Files and tool calls that a model printed instead of calling a tool. Pure.

Only what is beyond doubt. Files: every code block of the text must name its file; one block
without a name, two contents for one name, or a block that never ends, and there is no answer.
Calls: a JSON object that names one of the tools and its arguments, between `<tool_call>` tags, in
a code block of its own, or as the whole text; what is quoted in a line of prose never.
"""

import json
import re
from collections.abc import Collection, Iterator
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


_TAGGED_CALL = re.compile(r"(?<!`)<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)


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


def printed_calls(
    text: str, tools: Collection[str], *, alone: bool = False
) -> list[tuple[str, str]]:
    """The tool calls the text prints, as name and JSON arguments, in order.

    With `alone` only of a text that is nothing but calls: what stands in prose may be a quotation.
    """
    outside: list[str] = []
    fenced = ["\n".join(block.lines) for block in _blocks(text, outside) or ()]
    tagged = [tag[1] for tag in _TAGGED_CALL.finditer(text)]
    untagged = [line for line in _TAGGED_CALL.sub("", text).split("\n") if not _FENCE.match(line)]
    for candidates, prose in ((tagged, untagged), (fenced, outside), ([text], [])):
        found = [list(_calls(body, tools)) for body in candidates]
        if any(found):
            is_alone = all(found) and not "".join(prose).strip()
            return [] if alone and not is_alone else [call for calls in found for call in calls]
    return []


def _calls(body: str, tools: Collection[str]) -> Iterator[tuple[str, str]]:
    try:
        loaded = json.loads(body)
    except (ValueError, RecursionError):
        return
    for item in loaded if isinstance(loaded, list) else [loaded]:
        asked = item.get("function", item) if isinstance(item, dict) else {}
        if not isinstance(asked, dict) or asked.get("name") not in tools:
            continue
        arguments = asked.get("arguments", asked.get("parameters"))
        if isinstance(arguments, str | dict):
            yield asked["name"], arguments if isinstance(arguments, str) else json.dumps(arguments)


def _blocks(text: str, outside: list[str] | None = None) -> list[_Block] | None:
    """Every fenced block; None when the last one is cut off. `outside` gets the other lines."""
    blocks: list[_Block] = []
    fence, above, block = "", "", None
    others = [] if outside is None else outside
    for line in text.replace("\r\n", "\n").split("\n"):
        found = _FENCE.match(line)
        if block is None:
            if found:
                fence, block = found["fence"], _Block(found["info"].strip(), above, [])
                above = ""
            elif line.strip():
                above = line
                others.append(line)
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

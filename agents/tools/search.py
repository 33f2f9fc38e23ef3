"""The tools that look around: `listFiles` and `searchFiles`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from agents.paths import UnsafePath, safe_path
from agents.tools.arguments import ListFiles, SearchFiles
from agents.tools.workspace import ToolResult, Workspace, not_there, text_of

MAX_LISTED: Final = 500
MAX_MATCHES: Final = 200
MAX_LINE_CHARS: Final = 240
MAX_SEARCHED_BYTES: Final = 512 * 1024
"""Larger files are data, not code."""

Matches = Callable[[str], bool]


async def list_files(arguments: ListFiles, workspace: Workspace, summary: str) -> ToolResult:
    """The files below a folder, with sizes."""
    tree = await workspace.tree()
    try:
        below = _below(arguments.path, tree)
    except UnsafePath as error:
        return ToolResult(ok=False, summary=summary, text=str(error))
    if not below:
        return ToolResult(False, summary, _nothing_at(arguments.path, tree))
    lines = [f"{path} ({len(content)} bytes)" for path, content in sorted(below.items())]
    if len(lines) > MAX_LISTED:
        rest = len(lines) - MAX_LISTED
        lines = [*lines[:MAX_LISTED], f"… and {rest} more files; list a folder of them."]
    return ToolResult(True, summary, "\n".join(lines))


async def search_files(arguments: SearchFiles, workspace: Workspace, summary: str) -> ToolResult:
    """Matching lines as `path:line: text`, with counts where the answer is cut."""
    tree = await workspace.tree()
    try:
        below = _below(arguments.path, tree)
    except UnsafePath as error:
        return ToolResult(ok=False, summary=summary, text=str(error))
    if not below:
        return ToolResult(False, summary, _nothing_at(arguments.path, tree))
    matches, note = _matcher(arguments.pattern)
    found = list(_found(below, matches))
    lines = found[:MAX_MATCHES]
    if len(found) > MAX_MATCHES:
        lines.append(f"… and {len(found) - MAX_MATCHES} more matches; narrow the pattern.")
    heading = f"{note}{len(found)} matching lines" if found else f"{note}No line matches."
    return ToolResult(True, summary, "\n".join([heading, *lines]))


def _below(folder: str, tree: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files in a folder, or the one file of that name. Raises: UnsafePath."""
    plain = folder.strip().rstrip("/")
    if plain in ("", "."):
        return tree
    path = safe_path(plain)
    return {
        name: content
        for name, content in tree.items()
        if name == path or name.startswith(path + "/")
    }


def _nothing_at(folder: str, tree: Mapping[str, bytes]) -> str:
    if folder.strip().rstrip("/") in ("", "."):
        return "The project has no files yet."
    return not_there(folder, sorted(tree))


def _matcher(pattern: str) -> tuple[Matches, str]:
    """A test for one line, and what to say about the pattern.

    The expression is matched by the Rust engine that pydantic carries: linear in the text,
    whatever the pattern, so that no pattern can stall the worker.
    """
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        literal = "Not a supported regular expression, so searched as plain text. "
        return (lambda line: pattern in line), literal
    return validator.isinstance_python, ""


def _found(tree: Mapping[str, bytes], matches: Matches) -> Iterator[str]:
    for path in sorted(tree):
        text = text_of(tree[path]) if len(tree[path]) <= MAX_SEARCHED_BYTES else None
        if text is None:
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            if matches(line.removesuffix("\r")):
                yield f"{path}:{number}: {line.strip()[:MAX_LINE_CHARS]}"

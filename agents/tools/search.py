"""The tools that look around: `listFiles` and `searchFiles`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from agents.paths import safe_path
from agents.tools.arguments import ListFiles, SearchFiles
from agents.tools.workspace import Answer, Refused, Workspace, not_there, text_of

MAX_LISTED: Final = 500
MAX_MATCHES: Final = 200
MAX_LINE_CHARS: Final = 240
MAX_SEARCHED_BYTES: Final = 512 * 1024
"""Larger files are data, not code."""

Matches = Callable[[str], bool]


async def list_files(arguments: ListFiles, workspace: Workspace) -> Answer:
    """The files below a folder, with sizes. Raises: UnsafePath, Refused."""
    below = _below(arguments.path, await workspace.tree())
    lines = [f"{path} ({len(content)} bytes)" for path, content in sorted(below.items())]
    if len(lines) > MAX_LISTED:
        rest = len(lines) - MAX_LISTED
        lines = [*lines[:MAX_LISTED], f"… and {rest} more files; list a folder of them."]
    return Answer("\n".join(lines) or "The project has no files yet.")


async def search_files(arguments: SearchFiles, workspace: Workspace) -> Answer:
    """Matching lines as `path:line: text`, with counts where the answer is cut.

    Raises: UnsafePath, Refused.
    """
    below = _below(arguments.path, await workspace.tree())
    matches, note = _matcher(arguments.pattern)
    found = list(_found(below, matches))
    lines = found[:MAX_MATCHES]
    if len(found) > MAX_MATCHES:
        lines.append(f"… and {len(found) - MAX_MATCHES} more matches; narrow the pattern.")
    heading = f"{note}{len(found)} matching lines" if found else f"{note}No line matches."
    return Answer("\n".join([heading, *lines]))


def _below(folder: str, tree: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files in a folder, or the one file of that name. Raises: UnsafePath, Refused."""
    plain = folder.strip().rstrip("/")
    if plain in ("", "."):
        return tree
    path = safe_path(plain)
    below = {
        name: content
        for name, content in tree.items()
        if name == path or name.startswith(path + "/")
    }
    if not below:
        raise Refused(not_there(path, sorted(tree)))
    return below


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

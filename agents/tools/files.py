"""The tools that write, edit, read and delete files."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agents.edits import Edit, EditFailed, apply_edits
from agents.paths import UnsafePath, safe_path
from agents.placeholders import find_placeholder
from agents.tools.arguments import (
    CreateOrUpdateFiles,
    DeleteFiles,
    EditFile,
    FileContent,
    ReadFiles,
)
from agents.tools.declarations import undeclared_note
from agents.tools.workspace import Answer, Refused, Workspace, not_there, text_of

MAX_FILE_BYTES: Final = 1024 * 1024
READ_FILE_CHARS: Final = 60_000
READ_TOTAL_CHARS: Final = 180_000
_LONG_LINES: Final = 40
_LITTLE: Final = 0.2


async def create_or_update_files(arguments: CreateOrUpdateFiles, workspace: Workspace) -> Answer:
    """Write what may be written, say what may not. The same call twice changes nothing more."""
    accepted: dict[str, bytes] = {}
    refused: list[str] = []
    for file in arguments.files:
        try:
            path = safe_path(file.path)
        except UnsafePath as error:
            refused.append(f"{_short(file.path)}: {error}")
            continue
        reason = _unwritable(file)
        if reason is None:
            accepted[path] = file.content.encode()
        else:
            refused.append(f"{path}: {reason}")
    left = await workspace.write(accepted) if accepted else {}
    refused += [f"{path}: {reason}" for path, reason in left.items()]
    accepted = {path: content for path, content in accepted.items() if path not in left}
    parts = []
    if accepted:
        parts.append("Written:\n" + "\n".join(map(_described, accepted.items())))
    parts += await _rewrite_note(accepted, workspace)
    parts += await undeclared_note(accepted, workspace)
    if refused:
        parts.append("Not written; correct and send these files again:\n" + "\n".join(refused))
    return Answer("\n".join(parts), ok=not refused)


async def _rewrite_note(written: Mapping[str, bytes], workspace: Workspace) -> list[str]:
    """Leads to `editFile` where a long file was sent whole for the sake of a few lines."""
    notes = []
    for path, content in written.items():
        old = (await workspace.earlier(path) or b"").splitlines()
        new = content.splitlines()
        differ = max((Counter(new) - Counter(old)).total(), (Counter(old) - Counter(new)).total())
        if len(old) >= _LONG_LINES and 0 < differ <= len(old) * _LITTLE:
            notes.append(
                f"{path}: only {differ} of {len(old)} lines are new. Change so little with "
                "editFile next time: then nothing else of the file can get lost."
            )
    return notes


def _unwritable(file: FileContent) -> str | None:
    try:
        size = len(file.content.encode())
    except UnicodeEncodeError:
        return "the content holds half of a surrogate pair and cannot be stored as UTF-8."
    if size > MAX_FILE_BYTES:
        return f"{size} bytes are more than {MAX_FILE_BYTES}; split it or generate it at run time."
    placeholder = find_placeholder(file.content)
    if placeholder is not None:
        return (
            f"the placeholder {placeholder!r} stands where code should be. Write the complete "
            "file, or change parts of it with editFile."
        )
    return None


def _described(item: tuple[str, bytes]) -> str:
    path, content = item
    return f"{path} ({_lines(content)})"


def _lines(content: bytes) -> str:
    last = 1 if content and not content.endswith(b"\n") else 0
    return _count(content.count(b"\n") + last, "line")


async def edit_file(arguments: EditFile, workspace: Workspace) -> Answer:
    """Apply all edits to a copy, then write it once; on any failure the file stays as it is.

    Raises: UnsafePath, Refused.
    """
    path = safe_path(arguments.path)
    content = await workspace.read(path)
    if content is None:
        raise Refused(not_there(path, sorted(await workspace.tree())))
    text = text_of(content)
    if text is None:
        raise Refused(f"{path} is a binary file; it cannot be edited as text.")
    try:
        edits = [Edit(e.search, e.replace) for e in arguments.edits]
        # A hopeless anchor in a large file takes seconds: others' events go on meanwhile.
        edited = (await asyncio.to_thread(apply_edits, text, edits)).encode()
    except EditFailed as error:
        raise Refused(f"{path} was not changed. {error}") from error
    except UnicodeEncodeError as error:
        raise Refused(f"{path} was not changed: a replacement is not valid Unicode.") from error
    if len(edited) > MAX_FILE_BYTES:
        raise Refused(f"{path} was not changed: it would exceed {MAX_FILE_BYTES} bytes.")
    left = await workspace.write({path: edited})
    if path in left:
        raise Refused(f"{path} was not changed: {left[path]}")
    done = f"Applied {_count(len(arguments.edits), 'edit')}: {_described((path, edited))}"
    return Answer("\n".join([done, *await undeclared_note({path: edited}, workspace)]))


async def read_files(arguments: ReadFiles, workspace: Workspace) -> Answer:
    """The files' texts, each under its own heading; long ones are cut with a mark."""
    shown: list[str] = []
    problems: list[str] = []
    left = READ_TOTAL_CHARS
    for given in dict.fromkeys(arguments.paths):
        try:
            path = safe_path(given)
        except UnsafePath as error:
            problems.append(f"{_short(given)}: {error}")
            continue
        content = await workspace.read(path)
        if content is None:
            problems.append(not_there(path, sorted(await workspace.tree())))
            continue
        block = _block(path, content, min(left, READ_FILE_CHARS))
        left = max(0, left - len(block))
        shown.append(block)
    return Answer("\n\n".join([*shown, *problems]), ok=not problems)


def _block(path: str, content: bytes, limit: int) -> str:
    text = text_of(content)
    if text is None:
        return f"=== {path}: binary, {_count(len(content), 'byte')}, not shown ==="
    if not text:
        return f"=== {path}: empty ==="
    if len(text) <= limit:
        return f"=== {path}: {_lines(content)} ===\n{text}"
    cut = text[:limit]
    kept = cut.count("\n") + 1
    return (
        f"=== {path}: {_lines(content)} ===\n{cut}\n"
        f"=== cut after {_count(limit, 'character')} (line {kept}) of {len(text)}; "
        "find the rest with searchFiles, or read this file alone ==="
    )


async def delete_files(arguments: DeleteFiles, workspace: Workspace) -> Answer:
    """Delete what is there; whatever is not is told."""
    tree = sorted(await workspace.tree())
    there: list[str] = []
    problems: list[str] = []
    for given in dict.fromkeys(arguments.paths):
        try:
            path = safe_path(given.rstrip("/"))
        except UnsafePath as error:
            problems.append(f"{_short(given)}: {error}")
            continue
        inside = [other for other in tree if other.startswith(path + "/")]
        if path in tree:
            there.append(path)
        elif inside:
            problems.append(f"{path} is a folder. Name its files: {_few(inside)}")
        else:
            problems.append(not_there(path, tree))
    if there:
        refused = await workspace.remove(there)
        problems += [f"{path}: {why}" for path, why in refused.items()]
        there = [path for path in there if path not in refused]
    parts = [f"Deleted: {', '.join(there)}"] if there else []
    return Answer("\n".join([*parts, *problems]), ok=not problems)


def _few(paths: Sequence[str], shown: int = 20) -> str:
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return ", ".join(paths[:shown]) + more


def _short(path: str) -> str:
    return ascii(path[:80])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def names(paths: Iterable[str]) -> str:
    """`src/App.tsx, 2 more`: one short line for people."""
    unique = list(dict.fromkeys(paths))
    if not unique:
        return "no files"
    first = unique[0] if len(unique[0]) <= 60 else "…" + unique[0][-59:]
    return first if len(unique) == 1 else f"{first}, {len(unique) - 1} more"

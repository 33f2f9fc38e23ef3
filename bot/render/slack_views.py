"""Modals that show an app: its files with their code, and what a task changed. Pure.

A view holds an id and nothing else of its state: the buttons carry which file and which page, and
whoever answers them reads the app again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, islice, takewhile

from agents.types import FileAction
from bot.render.slack_blocks import (
    Block,
    View,
    actions,
    button,
    context,
    modal,
    option,
    plain_section,
    section,
)
from bot.render.slack_text import escape_line, fences, one_line
from bot.render.terminal import size

FILES_VIEW, DIFF_VIEW = "zd_files_view", "zd_diff_view"
PICK_FILE, FILES_PAGE, CODE_PAGE, DIFF_PAGE = (
    "zd_pick_file",
    "zd_files_page",
    "zd_code_page",
    "zd_diff_page",
)
FILES_PER_PAGE = 100
"""As many as a menu takes."""
CODE_PER_PAGE = 10
DIFF_PER_PAGE = 24
"""With these a view stays below 250 kB in any script."""

_SECTION_BYTES = 2_900
_TREE_SECTIONS = 8
_MAX_INDENT = 8
_MAX_NAME = 60
_SIGNS: dict[FileAction, str] = {"created": "New", "updated": "Changed", "deleted": "Deleted"}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of an app; its place in the list is its name in the view."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FilesPage:
    """Which part of an app is looked at. `code` is the picked file, None when it is no text."""

    about: str
    title: str
    files: Sequence[FileEntry]
    files_page: int = 0
    picked: int | None = None
    code: str | None = None
    code_page: int = 0


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What has become of one file; `diff` is a unified diff, None when it is no text."""

    path: str
    action: FileAction
    diff: str | None
    is_too_long: bool = False
    """Too long to be compared: `diff` is empty."""


def render_files_view(page: FilesPage) -> View:
    """The tree, a menu of the files, and the code of the picked one."""
    if not page.files:
        empty = section("This app has no files yet.")
        return modal("Files", [empty], callback_id=FILES_VIEW, about=page.about)
    at = _clamp(page.files_page, len(page.files), FILES_PER_PAGE)
    first = at * FILES_PER_PAGE
    shown = page.files[first : first + FILES_PER_PAGE]
    total = size(sum(entry.size_bytes for entry in page.files))
    count = f"{len(page.files)} file{'s' * (len(page.files) != 1)}"
    name = escape_line(page.title, 300) or "The app"
    blocks: list[Block] = [section(f"*{name}*\n{count}, {total}")]
    if page.picked is None:
        tree = fences("\n".join(_tree(shown)), _SECTION_BYTES)
        blocks += [section(words) for words in islice(tree, _TREE_SECTIONS)]
    blocks.append(actions([_menu(shown, first, page.picked), *_files_turner(page, at)], "zd_files"))
    blocks += _code(page)
    return modal("Files", blocks, callback_id=FILES_VIEW, about=page.about)


def render_diff_view(about: str, title: str, diffs: Sequence[FileDiff], page: int = 0) -> View:
    """What a task changed, file by file."""
    if not diffs:
        empty = section("Nothing was changed.")
        return modal("Changes", [empty], callback_id=DIFF_VIEW, about=about)
    parts = [block for diff in diffs for block in _diff(diff)]
    at = _clamp(page, len(parts), DIFF_PER_PAGE)
    count = f"{len(diffs)} file{'s' * (len(diffs) != 1)} changed"
    blocks = [section(f"*{escape_line(title, 300) or 'The app'}*\n{count}")]
    blocks += parts[at * DIFF_PER_PAGE : (at + 1) * DIFF_PER_PAGE]
    pages = _pages(len(parts), DIFF_PER_PAGE)
    if row := _turner(DIFF_PAGE, at, pages, ("Previous", "Next")):
        blocks += [context(f"Page {at + 1} of {pages}"), actions(row, "zd_pages")]
    return modal("Changes", blocks, callback_id=DIFF_VIEW, about=about)


def _tree(files: Sequence[FileEntry]) -> Iterator[str]:
    """The files below their folders, each folder once."""
    opened: list[str] = []
    for entry in files:
        *folders, name = one_line(entry.path).split("/")
        pairs = zip(folders, opened, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        for depth in range(same, len(folders)):
            yield f"{_indent(depth)}{_end_of(folders[depth])}/"
        opened = folders
        yield f"{_indent(len(folders))}{_end_of(name)}  {size(entry.size_bytes)}"


def _indent(depth: int) -> str:
    return "  " * min(depth, _MAX_INDENT)


def _menu(files: Sequence[FileEntry], first: int, picked: int | None) -> Block:
    options = [option(_end_of(entry.path), str(first + n)) for n, entry in enumerate(files)]
    menu: Block = {
        "type": "static_select",
        "action_id": PICK_FILE,
        "placeholder": {"type": "plain_text", "text": "Show a file", "emoji": False},
        "options": options,
    }
    if picked is not None and first <= picked < first + len(options):
        menu["initial_option"] = options[picked - first]
    return menu


def _end_of(path: str) -> str:
    """The end of a long name is what tells it from others."""
    name = one_line(path)
    return name if len(name) <= _MAX_NAME else f"…{name[1 - _MAX_NAME :]}"


def _files_turner(page: FilesPage, at: int) -> list[Block]:
    pages = _pages(len(page.files), FILES_PER_PAGE)
    return _turner(FILES_PAGE, at, pages, ("Earlier files", "More files"))


def _code(page: FilesPage) -> list[Block]:
    """The picked file, as many parts of it as one page takes."""
    if page.picked is None or not 0 <= page.picked < len(page.files):
        return []
    entry = page.files[page.picked]
    blocks: list[Block] = [
        plain_section(f"{one_line(entry.path)}  {size(entry.size_bytes)}", "zd_path", 600)
    ]
    if page.code is None:
        return [*blocks, context("This file is not text. It is in the download.")]
    if not page.code.strip():
        return [*blocks, context("This file is empty.")]
    parts = list(fences(page.code, _SECTION_BYTES))
    at = _clamp(page.code_page, len(parts), CODE_PER_PAGE)
    first = at * CODE_PER_PAGE
    blocks += [section(words) for words in parts[first : first + CODE_PER_PAGE]]
    pages = _pages(len(parts), CODE_PER_PAGE)
    if row := _turner(f"{CODE_PAGE}:{page.picked}", at, pages, ("Back", "Read on")):
        blocks += [context(f"Page {at + 1} of {pages}"), actions(row, "zd_pages")]
    return blocks


def _diff(diff: FileDiff) -> Iterator[Block]:
    text = (diff.diff or "").splitlines()
    lines = list(dropwhile(lambda line: not line.startswith("@@"), text))  # no file names
    added = sum(line.startswith("+") for line in lines)
    taken = sum(line.startswith("-") for line in lines)
    counts = f"  +{added} −{taken}" if diff.diff else ""
    name = escape_line(diff.path, 900)
    yield section(f"*{_SIGNS[diff.action]}:* {name}{counts}")
    if diff.diff is None:
        yield context("This file is not text, so there is nothing to compare.")
    elif diff.diff.strip():
        yield from (section(words) for words in fences(diff.diff, _SECTION_BYTES))


def _turner(action_id: str, at: int, pages: int, words: tuple[str, str]) -> list[Block]:
    """The buttons to the page before and the page after, as far as there are any."""
    row = [button(words[0], f"{action_id}:back", str(at - 1))] if at > 0 else []
    return row + ([button(words[1], f"{action_id}:on", str(at + 1))] if at + 1 < pages else [])


def _pages(count: int, per_page: int) -> int:
    return max(1, -(-count // per_page))


def _clamp(page: int, count: int, per_page: int) -> int:
    return min(max(page, 0), _pages(count, per_page) - 1)

"""What is different between two versions of an app. CPU-bound.

Comparing takes time that grows with the cube of the lines in the worst case, so there is an end
to what is compared: of what is longer only the name is told. One comparison runs at a time, in a
thread of its own, however many ask.
"""

import asyncio
import difflib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from agents.types import AppFiles, FileAction
from bot.render.slack_views import FileDiff
from bot.services.projects import text_of

FILE_BYTES = 200_000
FILE_LINES = 5_000
"""Of one file, both versions together: at worst it takes a second."""

ALL_LINES = 10_000
"""Of all files together: at worst it takes about two seconds."""

_TURN = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compare")


async def compare_in_turn(before: AppFiles, after: AppFiles) -> list[FileDiff]:
    """`compare`, beside the event loop; who stops waiting before their turn costs nothing."""
    return await asyncio.get_running_loop().run_in_executor(_TURN, compare, before, after)


def compare(before: AppFiles, after: AppFiles) -> list[FileDiff]:
    """Every file that is new, changed or gone, by path."""
    return list(_differences(before, after))


def _differences(before: AppFiles, after: AppFiles) -> Iterator[FileDiff]:
    lines_left = ALL_LINES
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        action: FileAction = "created" if old is None else "deleted" if new is None else "updated"
        was, now = text_of(old or b""), text_of(new or b"")
        if was is None or now is None:
            yield FileDiff(path, action, None)
            continue
        old_lines, new_lines = was.splitlines(), now.splitlines()
        lines = len(old_lines) + len(new_lines)
        if lines > min(FILE_LINES, lines_left) or len(was) + len(now) > FILE_BYTES:
            yield FileDiff(path, action, "", is_too_long=True)
            continue
        lines_left -= lines
        diff = difflib.unified_diff(old_lines, new_lines, lineterm="")
        yield FileDiff(path, action, "\n".join([*diff][2:]))  # without the lines that name files

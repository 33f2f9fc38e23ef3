"""What is different between two versions of an app. Pure, and CPU-bound."""

import difflib
from collections.abc import Iterator

from agents.types import AppFiles, FileAction
from bot.render.slack_views import FileDiff
from bot.services.projects import text_of

_COMPARED_BYTES = 200_000
"""Longer files are named only: comparing them takes too long, and nobody reads it in Slack."""


def compare(before: AppFiles, after: AppFiles) -> list[FileDiff]:
    """Every file that is new, changed or gone, by path."""
    return list(_differences(before, after))


def _differences(before: AppFiles, after: AppFiles) -> Iterator[FileDiff]:
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        action: FileAction = "created" if old is None else "deleted" if new is None else "updated"
        yield FileDiff(path, action, _diff(old or b"", new or b""))


def _diff(old: bytes, new: bytes) -> str | None:
    was, now = text_of(old), text_of(new)
    if was is None or now is None:
        return None
    if len(old) + len(new) > _COMPARED_BYTES:
        return ""
    lines = difflib.unified_diff(was.splitlines(), now.splitlines(), lineterm="")
    return "\n".join([*lines][2:])  # without the two lines that would name files

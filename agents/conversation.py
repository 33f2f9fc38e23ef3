"""The messages a generation opens with: the framework's prompt, the project's past, the request."""

from collections.abc import Mapping, Sequence
from typing import Final

from agents.context import SOURCES, describe_files, files_that_matter, tokens_of
from agents.ports import Blobs, Message
from agents.prompts import get_framework_prompt, get_project_map, wrap_data
from agents.run import Job
from agents.templates import Template
from agents.types import BlobHash, Turn

SHARE: Final = 8
"""The past, and the files shown at once, may each take an eighth of the budget."""
_ANSWER_CHARS: Final = 300
_REQUEST_CHARS: Final = 240
_NO_SOURCE: Final = ("package-lock.json", "pnpm-lock.yaml", "yarn.lock")
_MAX_SOURCES: Final = 400
_MAX_SOURCE_BYTES: Final = 60_000
_FILES: Final = "The files this request is most likely about, as they are now:"


async def read_sources(known: Mapping[str, BlobHash], blobs: Blobs) -> dict[str, str]:
    """The app's source files as text, at most 400; what is long, or no UTF-8, is left out.

    Raises: NotFound, StoreUnavailable.
    """
    paths = [path for path in sorted(known) if path.endswith(SOURCES) and path not in _NO_SOURCE]
    wanted = {path: known[path] for path in paths[:_MAX_SOURCES]}
    contents = await blobs.get(sorted(set(wanted.values()))) if wanted else {}
    texts: dict[str, str] = {}
    for path, blob in wanted.items():
        if len(contents[blob]) > _MAX_SOURCE_BYTES:
            continue
        try:
            texts[path] = contents[blob].decode()
        except UnicodeDecodeError:
            continue
    return texts


def opening_messages(
    job: Job, template: Template, paths: Sequence[str], texts: Mapping[str, str], limit_tokens: int
) -> list[Message]:
    """System prompt, compacted history, project map with the files that matter, request.

    The prompt comes first and depends on the framework alone, so that providers which cache
    prefixes have it. `texts` are the app's sources; `limit_tokens` is the whole conversation's.
    """
    system = get_framework_prompt(template.framework, template)
    past = compact(job.history, limit_tokens // SHARE)
    history = [Message(turn.role, turn.text) for turn in past]
    if job.base is not None:
        parts = [get_project_map(describe_files(paths, texts))]
        shown = files_that_matter(job.prompt, texts, template.entry, limit_tokens // SHARE)
        if shown:
            files = [wrap_data(text, kind="file", origin=path) for path, text in shown.items()]
            parts += [_FILES, *files]
        history.append(Message("user", "\n\n".join(parts)))
    return [Message("system", system), *history, Message("user", job.prompt)]


def compact(history: Sequence[Turn], limit_tokens: int) -> list[Turn]:
    """Keep what fits: what people decided survives longest, newest answers next.

    Answers are shortened to their first 300 characters from the oldest on. If that is not enough,
    the oldest turns become one list of what was asked for in them, in people's own words, each
    cut at 240 characters; the list loses its middle last of all, never the first request. The
    newest turn alone, longer than all that, is cut.
    """
    turns = list(history)
    for index, turn in enumerate(turns[:-1]):
        if _size(turns) <= limit_tokens:
            return turns
        if turn.role == "assistant" and len(turn.text) > _ANSWER_CHARS:
            turns[index] = Turn(role="assistant", text=turn.text[:_ANSWER_CHARS] + " […]")
    for cut in range(1, len(turns)):
        if _size(turns) <= limit_tokens:
            return turns
        asked = [turn.text for turn in history[:cut] if turn.role == "user"]
        turns = [*_decisions(asked, limit_tokens // 2), *turns[-(len(history) - cut) :]]
    return [*turns[:-1], *(_cut(turn, limit_tokens // 3) for turn in turns[-1:])]


def _cut(turn: Turn, limit_tokens: int) -> Turn:
    """The turn, its text cut so that it has about so many tokens at most."""
    if tokens_of(turn.text) <= limit_tokens:
        return turn
    return Turn(role=turn.role, text=turn.text[: limit_tokens * 2] + " […]")


def _decisions(asked: Sequence[str], limit_tokens: int) -> list[Turn]:
    """One turn that lists earlier requests, the first and the newest of them."""
    lines = [f"- {' '.join(text.split())[:_REQUEST_CHARS]}" for text in asked]
    while len(lines) > 2 and sum(map(tokens_of, lines)) > limit_tokens:
        del lines[1]
    if not lines:
        return []
    return [Turn(role="user", text="\n".join(["What was asked for before, oldest first:", *lines]))]


def _size(turns: Sequence[Turn]) -> int:
    return sum(tokens_of(turn.text) for turn in turns)

"""The messages a generation opens with: the framework's prompt, the project's past, the request."""

from collections.abc import Sequence

from agents.ports import Message
from agents.prompts import get_framework_prompt, get_project_map
from agents.run import Job
from agents.templates import Template
from agents.types import Turn

HISTORY_CHARS = 40_000


def opening_messages(job: Job, template: Template, paths: Sequence[str]) -> list[Message]:
    """System prompt, compacted history, project map, request."""
    system = get_framework_prompt(template.framework, template)
    history = [Message(turn.role, turn.text) for turn in compact(job.history)]
    if job.base is not None:
        history.append(Message("user", get_project_map(paths)))
    return [Message("system", system), *history, Message("user", job.prompt)]


def compact(history: Sequence[Turn], limit_chars: int = HISTORY_CHARS) -> list[Turn]:
    """Keep what fits: what people asked for survives longest, newest answers next.

    Answers are shortened to their first 300 characters from the oldest on; if that is not
    enough, the oldest turns are left out, but never the first request.
    """
    turns = list(history)
    for index, turn in enumerate(turns[:-1]):
        if _size(turns) <= limit_chars:
            return turns
        if turn.role == "assistant" and len(turn.text) > 300:
            turns[index] = Turn(role="assistant", text=turn.text[:300] + " […]")
    while len(turns) > 2 and _size(turns) > limit_chars:
        del turns[1]
    return turns


def _size(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text) for turn in turns)

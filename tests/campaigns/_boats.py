"""A model that builds one small app per task, over several steps, at a person's pace.

It knows its task by a name in the conversation, and where it is by the tool results there.
"""

import json
import re
from collections.abc import Mapping

from agents.templates import get_template
from agents.types import BlobHash, Framework
from agents.workspace import blob_hash
from tests.campaigns._effects import command_for, content_of
from tests.fakes.openrouter import Reply, Seen, call_frames, files, paced, stream, text

EFFECTS_FILE = "effects.log"
FRAMEWORK = Framework.REACT

_NAME = re.compile(r"harbour-\d+")
_PIECE_S = 0.04
_SUMMARY_PIECE_S = 0.18
"""Slower than the checks, so that tasks are seen to wait for their summary."""

_STEPS = ("first", "second", "third")


def name_of(number: int) -> str:
    """What the prompt of task `number` is about."""
    return f"harbour-{number}"


def prompt_for(name: str) -> str:
    """Names the framework, so that nobody has to choose one."""
    return f"A page about {name}, as a React app"


def words_of(name: str) -> list[str]:
    """The effects of a task's commands, in order, each once."""
    return [f"{step}-{name}" for step in _STEPS]


def app_of(name: str) -> dict[str, str]:
    """The files that the model writes for a task."""
    lines = [f"  <li>{name} berth {number}</li>" for number in range(12)]
    page = "\n".join(["<ul>", *lines, "</ul>"])
    return {
        "src/App.tsx": f"export default function App() {{\n  return (\n{page}\n  );\n}}\n",
        "src/lib/name.ts": f"export const name = '{name}';\n",
        "src/lib/berths.ts": "".join(f"export const berth{n} = {n};\n" for n in range(12)),
    }


def finished_app(name: str) -> dict[str, BlobHash]:
    """The whole app after the task, when all that the model did took effect exactly once."""
    template = get_template(FRAMEWORK).files
    written = app_of(name) | {EFFECTS_FILE: content_of(words_of(name))}
    contents = dict(template) | {path: content.encode() for path, content in written.items()}
    return {path: blob_hash(content) for path, content in contents.items()}


def answer(seen: Seen) -> Reply:
    """The next step of the conversation."""
    name = _NAME.findall(str(seen.body["messages"][1:]))[0]
    if not seen.tools:
        summary = {"title": f"Boats of {name}", "summary": "A page.", "suggestions": ["More"]}
        return paced(text(*_pieces(json.dumps(summary), 20)), _SUMMARY_PIECE_S)
    return paced(_step(seen, name), _PIECE_S)


def _step(seen: Seen, name: str) -> Reply:
    first, second, third = (_terminal(word) for word in words_of(name))
    results = sum(message["role"] == "tool" for message in seen.body["messages"])
    match results:
        case 0:
            return stream(call_frames("terminal", first, size=24), "tool_calls")
        case 1:
            return files(app_of(name), size=60)
        case 2:
            calls = [(0, second), (1, third)]
            frames = [
                f for n, call in calls for f in call_frames("terminal", call, index=n, size=24)
            ]
            return stream(frames, "tool_calls")
        case _:
            return text(*_pieces(f"That is {name}. <task_summary>A page.</task_summary>", 8))


def _terminal(word: str) -> str:
    arguments: Mapping[str, str] = {"command": command_for(word, EFFECTS_FILE)}
    return json.dumps(arguments)


def _pieces(words: str, size: int) -> list[str]:
    return [words[at : at + size] for at in range(0, len(words), size)]

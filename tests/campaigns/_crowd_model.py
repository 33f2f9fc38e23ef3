"""The model of the crowd: it writes what the conversation is about, and waits where it is told to.

If two threads' words ever meet in one conversation, both stand in what it writes.
"""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field

from tests.campaigns._crowd_cast import app_of, words_in
from tests.fakes.openrouter import (
    Frame,
    Hold,
    Reply,
    Seen,
    call_frames,
    chunk,
    files_arguments,
    paced,
    stream,
    text,
    text_frames,
)

_PIECE_S = 0.05


def _events() -> defaultdict[str, asyncio.Event]:
    return defaultdict(asyncio.Event)


@dataclass
class SlowModel:
    """The first build of each word goes on once its gate is open."""

    asked: defaultdict[str, asyncio.Event] = field(default_factory=_events)
    gates: defaultdict[str, asyncio.Event] = field(default_factory=_events)

    def answer(self, seen: Seen) -> Reply:
        """The next step of the conversation."""
        messages = seen.body["messages"][1:]
        words = sorted(words_in(messages))
        about = " and ".join(words) or "nothing"
        if not seen.tools:
            more = [f"More boats for {about}"] if words else []
            said = {"title": f"Boats of {about}", "summary": "Boats.", "suggestions": more}
            return text(json.dumps(said))
        if any(message["role"] == "tool" for message in messages):
            done = f"That is {about}. <task_summary>A page about {about}.</task_summary>"
            return paced(text(*done.split(" ")), 0.0)
        wish = next(m["content"] for m in reversed(messages) if m["role"] == "user")
        calls = call_frames(
            "createOrUpdateFiles", files_arguments(app_of(words, str(wish))), size=80
        )
        before = text_frames(f"First a plan for {about}. ")
        return paced(stream([*before, *self._wait(words, about), *calls], "tool_calls"), _PIECE_S)

    def _wait(self, words: list[str], about: str) -> list[Frame]:
        """Whoever is asked first about a word waits, saying so."""
        beat = chunk({"content": f"Still at {about}. "})
        for word in words:
            self.asked[word].set()
        return [Hold(self.gates[word], beat) for word in words]

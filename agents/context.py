"""What of an app and of a conversation a model gets to read, within a budget of tokens. Pure.

Tokens are estimated from the bytes of a text, a little too high as a rule, since every provider
counts in its own way.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Final

from agents.ports import Message, ToolCall

_BYTES_PER_TOKEN: Final = 3.5
_MESSAGE_TOKENS: Final = 4


def tokens_of(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / _BYTES_PER_TOKEN)


# --- the files that matter -------------------------------------------------------------------

SOURCES: Final = (
    *(".ts", ".tsx", ".js", ".jsx", ".mjs", ".vue", ".svelte", ".css", ".scss", ".html", ".md"),
)
"""What people's requests are about; manifests and configuration are read when they are needed."""

_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STOP: Final = frozenset(
    [
        *("the", "and", "for", "with", "that", "this", "from", "into", "have", "has", "are", "was"),
        *("make", "add", "change", "please", "can", "you", "should", "would", "could", "want"),
        *("not", "but", "all", "app", "page", "its", "when", "where", "what", "how", "let", "our"),
        *("der", "die", "das", "und", "mit", "für", "ein", "eine", "bitte", "mache", "soll"),
    ]
)
_MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    "colour": ("color", "theme", "accent", "primary"),
    "color": ("color", "theme", "accent", "primary"),
    "dark": ("dark", "theme"),
    "font": ("font", "theme"),
    "name": ("title", "headline"),
    "call": ("title", "headline"),
    "rename": ("title", "headline"),
    "title": ("title", "headline"),
    "save": ("storage", "save"),
    "remember": ("storage",),
}
"""What code calls the things that people ask for."""
_PATH_WEIGHT: Final = 3.0


def rank_files(request: str, files: Mapping[str, str]) -> list[str]:
    """The files that a request is about, found by its words, best first; others are left out.

    A word counts more the fewer files hold it, and most in a file's path. The same input gives
    the same order.
    """
    wanted = _terms(request)
    words = {path: Counter(_stems(text)) for path, text in files.items()}
    names = {path: set(_stems(path)) for path in files}
    scores: dict[str, float] = {}
    for term in sorted(wanted):
        holding = [path for path in files if words[path][term] or term in names[path]]
        weight = math.log(1 + len(files) / len(holding)) if holding else 0.0
        for path in holding:
            count = words[path][term]
            score = weight * (math.log1p(count) / (1 + math.log1p(words[path].total()) / 10))
            scores[path] = scores.get(path, 0.0) + score
            scores[path] += weight * _PATH_WEIGHT if term in names[path] else 0.0
    return sorted(scores, key=lambda path: (-scores[path], path))


def files_that_matter(
    request: str, files: Mapping[str, str], entry: Iterable[str], limit_tokens: int
) -> dict[str, str]:
    """The best files of `rank_files`, then the entry pages, each whole, as long as there is room."""
    chosen: dict[str, str] = {}
    left = limit_tokens
    candidates = [*rank_files(request, files), *(path for path in entry if path in files)]
    for path in dict.fromkeys(candidates):
        size = tokens_of(files[path])
        if size <= left:
            chosen[path] = files[path]
            left -= size
    return chosen


def _terms(request: str) -> set[str]:
    words = {word for word in _words(request) if word not in _STOP}
    meant = {other for word in words for other in _MEANT.get(word, ())}
    return {_stem(word) for word in words | meant}


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in _words(text)]


def _words(text: str) -> list[str]:
    """Words in lower case, humps apart."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", text))]


def _stem(word: str) -> str:
    """The word without its commonest endings: `invoices` and `invoice` are one."""
    for ending in ("ing", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > 3 else word


# --- the map of a project --------------------------------------------------------------------

_EXPORT: Final = re.compile(
    r"^export\s+(?:default\s+)?(?:abstract\s+|async\s+)?"
    r"(?:function\*?|const|let|class|type|interface|enum)\s+(\w+)",
    re.MULTILINE,
)
_EXPORTS_SHOWN: Final = 6


def describe_files(paths: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """One line per path: `src/data.ts (18 lines): headline, notes`; only the path for the rest."""
    lines = []
    for path in sorted(paths):
        text = texts.get(path)
        if text is None:
            lines.append(path)
            continue
        names = list(dict.fromkeys(_EXPORT.findall(text)))[:_EXPORTS_SHOWN]
        count = text.count("\n") + (not text.endswith("\n"))
        size = f"{path} ({count} line{'s' if count != 1 else ''})"
        lines.append(f"{size}: {', '.join(names)}" if names else size)
    return lines


# --- a conversation that grows ---------------------------------------------------------------

_KEPT_WHOLE: Final = 6
"""The newest messages, which are shortened only when nothing else helps."""
_ROOM: Final = 0.6
"""Down to this share of the budget, so that the next turns fit and their prefix stays the same."""
_WORTH_TOKENS: Final = 120
_READ_AGAIN: Final = "[Left out to save room; read or run it again if you need it.]"
_WRITTEN: Final = "[written as you sent it; read the file if you need its text]"


def fit(messages: Sequence[Message], limit_tokens: int) -> list[Message]:
    """The conversation within the budget: the oldest tool results give way first, then the text
    of files that were written long ago. What people, and the model, said stays.

    Within the budget already, it is as it was. The newest give way only when the older ones were
    not enough, and what the model has not seen yet, the results of its last turn, comes last of
    all. Only tool results and written files can give way, so a conversation may stay too long.
    """
    result = list(messages)
    size = sum(map(_size, result))
    if size <= limit_tokens:
        return result
    turns = [at for at, message in enumerate(result) if message.role == "assistant"]
    unseen = turns[-1] if turns else 0
    recent = min(unseen, max(0, len(result) - _KEPT_WHOLE))
    parts = (
        (range(recent), limit_tokens * _ROOM),
        (range(recent, unseen), limit_tokens),
        (range(unseen, len(result) - 1), limit_tokens),
    )
    for part, goal in parts:
        for shorten, index in product((_without_result, _without_contents), part):
            if size <= goal:
                return result
            message = result[index]
            result[index] = shorten(message)
            size -= _size(message) - _size(result[index])
    return result


def _size(message: Message) -> int:
    calls = sum(tokens_of(call.arguments) for call in message.tool_calls)
    return _MESSAGE_TOKENS + tokens_of(message.content) + calls


def _without_result(message: Message) -> Message:
    if message.role != "tool" or tokens_of(message.content) < _WORTH_TOKENS:
        return message
    return replace(message, content=_READ_AGAIN)


def _without_contents(message: Message) -> Message:
    if not message.tool_calls:
        return message
    return replace(message, tool_calls=tuple(map(_emptied, message.tool_calls)))


def _emptied(call: ToolCall) -> ToolCall:
    """The call with its files' names and without their text; other calls as they are."""
    if call.name != "createOrUpdateFiles" or tokens_of(call.arguments) < _WORTH_TOKENS:
        return call
    try:
        arguments: Any = json.loads(call.arguments)
        paths = [file["path"] for file in arguments["files"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return call
    files = [{"path": path, "content": _WRITTEN} for path in paths]
    return replace(call, arguments=json.dumps({"files": files}))

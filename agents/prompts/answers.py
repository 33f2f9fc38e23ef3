"""Read what a model answered: the closing summary, and the JSON of title, summary and next steps."""

import json
import re
from dataclasses import dataclass
from typing import Final

SUMMARY_CHARS: Final = 200
SUMMARY_TEXT_CHARS: Final = 8_000
"""How much of the end of a reply is looked at."""

_TAGGED: Final = re.compile(r"<task_summary>(.*?)(?:</task_summary>|\Z)", re.DOTALL)
_FENCE: Final = re.compile(r"```[^\n]*\n.*?(?:```|\Z)", re.DOTALL)
_TAG: Final = re.compile(r"</?task_summary>")


@dataclass(frozen=True, slots=True)
class Summary:
    """A model's description of what was built; fields it left out are empty."""

    title: str
    summary: str
    suggestions: tuple[str, ...]


def extract_summary(text: str) -> str:
    """The last `<task_summary>`, else the first paragraph cut at 200 characters; "" for nothing."""
    text = text[-SUMMARY_TEXT_CHARS:]
    tagged = [inner for match in _TAGGED.finditer(text) if (inner := str(match[1]).strip())]
    if tagged:
        return tagged[-1]
    prose = _TAG.sub("", _FENCE.sub("", text)).strip()
    first = " ".join(re.split(r"\n\s*\n", prose, maxsplit=1)[0].split())
    if len(first) <= SUMMARY_CHARS:
        return first
    cut = first[: SUMMARY_CHARS - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut).rstrip(" ,;:") + "…"


def parse_summary(text: str) -> Summary | None:
    """The first JSON object with a title or a summary in it, however it is dressed; else None."""
    decoder = json.JSONDecoder()
    for start in re.finditer(r"\{", text):
        try:
            value, _ = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        summary = _as_summary(value) if isinstance(value, dict) else None
        if summary is not None:
            return summary
    return None


def _as_summary(value: dict[str, object]) -> Summary | None:
    title, summary = _words(value.get("title")), _words(value.get("summary"))
    if not title and not summary:
        return None
    listed = value.get("suggestions")
    suggestions = [_words(item) for item in listed] if isinstance(listed, list) else []
    return Summary(title, summary, tuple(item for item in suggestions if item)[:3])


def _words(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""

"""The offline model: no AI, no network, always the same answer. It says so wherever it shows.

It drives the same loop, tools, checks and preview as a real model, and writes a small working
board app with the person's words in it, so that the whole product can be seen and tested
without a key. Its words come from a few rules; its files are the template's `sample`.
"""

import html
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from agents.ports import (
    LLM,
    Clock,
    Finished,
    LLMChunk,
    LLMRequest,
    Message,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from agents.prompts import DESIGN_REQUEST, get_project_map
from agents.templates import Template, get_template
from agents.types import Framework, Usage

NAME = "offline"
NOTICE = "Built by the offline model: a fixed sample with your words, no AI."

_PIECE = 48
_FOLLOW_UP = get_project_map(()).partition("\n")[0]
COLOURS = {
    "red": ("#dc2626", "#f87171"),
    "orange": ("#c2410c", "#fb923c"),
    "amber": ("#b45309", "#fbbf24"),
    "yellow": ("#a16207", "#facc15"),
    "green": ("#15803d", "#4ade80"),
    "teal": ("#0f766e", "#2dd4bf"),
    "blue": ("#2563eb", "#60a5fa"),
    "indigo": ("#4f46e5", "#818cf8"),
    "purple": ("#9333ea", "#c084fc"),
    "violet": ("#7c3aed", "#a78bfa"),
    "pink": ("#db2777", "#f472b6"),
    "rose": ("#e11d48", "#fb7185"),
    "black": ("#18181b", "#d4d4d8"),
    "grey": ("#52525b", "#a1a1aa"),
    "gray": ("#52525b", "#a1a1aa"),
}
"""For light and for dark: white text can be read on the first, the templates' dark on the second."""
_SUGGESTIONS = ("Make the accent colour green", "Call it Our plan", "Add a note about Friday")
_OPENERS = re.compile(
    r"^(?:please\s+|can you\s+|could you\s+|i(?:'d| would) like(?: you)?(?: to)?\s+|i want(?: to)?\s+)*"
    r"(?:build|make|create|write|design|generate|develop|code)?\s*(?:me|us)?\s*(?:an?|the|my|our)?\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the model writes: seconds before each piece of about 48 characters."""

    piece_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model will say: text, then at most one tool call."""

    text: str
    tool: str = ""
    arguments: Mapping[str, Any] | None = None


class OfflineModel(LLM):
    """Implements `agents.ports.LLM` with rules instead of a model. Costs nothing."""

    def __init__(self, clock: Clock, pace: Pace | None = None) -> None:
        self._clock = clock
        self._pace = pace or Pace()

    @override
    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
        reply = _reply(request)
        for piece in _pieces(reply.text):
            await self._clock.sleep(self._pace.piece_s)
            yield TextDelta(piece)
        if reply.arguments is not None:
            yield ToolCallDelta(0, "", id="offline", name=reply.tool)
            for piece in _pieces(json.dumps(reply.arguments, ensure_ascii=False)):
                await self._clock.sleep(self._pace.piece_s)
                yield ToolCallDelta(0, piece)
        yield UsageReport(Usage())
        yield Finished("stop" if reply.arguments is None else "tool_calls")


def title_of(prompt: str) -> str:
    """A title of at most 60 characters in the person's words: "Kanban board for a bike shop"."""
    words = _OPENERS.sub("", " ".join(prompt.split()), count=1).strip(" .!?") or "My app"
    words = words[0].upper() + words[1:]
    if len(words) <= 60:
        return words
    return words[:59].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def topic_of(prompt: str) -> str:
    """The title's first noun phrase in lower case: "kanban board"."""
    topic = re.split(r"\s+(?:for|with|that|which|where|in|to|of)\s+|[,;:(]", title_of(prompt))[0]
    return topic.lower()[:40].strip() or "my app"


def sample_files(template: Template, prompt: str) -> dict[str, str]:
    """The sample app of a template with the person's words in it, in writing order."""
    title, topic = title_of(prompt), topic_of(prompt)
    values = {
        "{{TITLE_JSON}}": json.dumps(title),
        "{{PROMPT_JSON}}": json.dumps(prompt),
        "{{TOPIC_JSON}}": json.dumps(topic),
        "{{TITLE_HTML}}": _in_html(title),
        "{{PROMPT_HTML}}": _in_html(" ".join(prompt.split())),
    }
    pattern = re.compile("|".join(re.escape(key) for key in values))
    return {
        path: pattern.sub(lambda found: values[found.group()], template.sample[path])
        for path in template.sample_order
    }


def _in_html(text: str) -> str:
    """Safe in text and attributes; Vite would also replace `%NAME%`."""
    return html.escape(text, quote=True).replace("%", "&#37;")


def _reply(request: LLMRequest) -> Reply:
    match request.purpose:
        case "select":
            return Reply(Framework.REACT.value)
        case "summarize":
            return _describe(request.messages)
        case "fix":
            return _fix(request)
        case "generate":
            return _generate(request)


def _generate(request: LLMRequest) -> Reply:
    asked, results = _since_last_request(request.messages)
    template = get_template(request.framework or Framework.REACT)
    before = request.messages[asked.index - 1].content if asked.index else ""
    follow_up = before.startswith(_FOLLOW_UP)
    if not follow_up and asked.text.startswith(DESIGN_REQUEST):
        return _build_design(template, asked.text, done=bool(results))
    if not follow_up:
        return _build(template, asked.text, done=bool(results))
    if asked.text.rstrip().endswith("?"):
        text = "I am the offline model, so I can only answer in general terms"
        return Reply(f"{text}. <task_summary>{text}; nothing was changed.</task_summary>")
    return _change(template, asked.text, results)


def _build(template: Template, prompt: str, *, done: bool) -> Reply:
    if done:
        title = title_of(prompt)
        return Reply(
            "That is the whole app.\n"
            f"<task_summary>{title}: a board with three columns, search and notes, "
            f"kept in the browser. {NOTICE}</task_summary>"
        )
    files = [{"path": p, "content": c} for p, c in sample_files(template, prompt).items()]
    text = f"I will build “{title_of(prompt)}” in {template.title}: words first, then the board."
    return Reply(text, "createOrUpdateFiles", {"files": files})


def _build_design(template: Template, request: str, *, done: bool) -> Reply:
    """The same sample under the frame's name: rules cannot draw, and the answer says so."""
    frame = re.search(r"^Frame “(.*)”", request, re.MULTILINE)
    name = frame.group(1) if frame is not None else "My design"
    if done:
        text = f"Without AI a design is not followed, so this is the sample app, called “{name}”"
        return Reply(
            f"<task_summary>{text}; the design's images are among its files.</task_summary>"
        )
    return _build(template, name, done=False)


def _change(template: Template, prompt: str, results: Sequence[str]) -> Reply:
    """A follow-up: read the two files that hold words and colours, then edit one of them."""
    data = _sample_path(template, "data.ts")
    theme = _sample_path(template, "theme.css")
    if not results:
        text = "I will look at the words and the colours of the app."
        return Reply(text, "readFiles", {"paths": [data, theme]})
    if len(results) > 1:
        return Reply(f"<task_summary>{_change_made(results[0], prompt)} {NOTICE}</task_summary>")
    colour = next((c for c in COLOURS if re.search(rf"\b{c}\b", prompt, re.IGNORECASE)), None)
    if colour is not None and (edits := _recolour(results[0], COLOURS[colour])):
        return Reply(
            f"I change the accent colour to {colour}.", "editFile", {"path": theme, "edits": edits}
        )
    edits = _rename(results[0], prompt) or _add_note(results[0], prompt)
    if edits:
        return Reply("I edit the app's words.", "editFile", {"path": data, "edits": edits})
    return Reply(
        "<task_summary>I did not find my own sample in this app, and without AI I cannot "
        "change other code. Nothing was changed.</task_summary>"
    )


def _change_made(source: str, prompt: str) -> str:
    """What `_change` did, and no more: most requests only become a note."""
    colour = next((c for c in COLOURS if re.search(rf"\b{c}\b", prompt, re.IGNORECASE)), None)
    if colour is not None and _recolour(source, COLOURS[colour]):
        return f"The accent colour is {colour} now."
    if _rename(source, prompt):
        return "The app has its new name."
    return (
        "Without AI I can only change the accent colour, the name and the notes, "
        "so your request is now a note in the app; it was not carried out."
    )


def _recolour(source: str, colours: tuple[str, str]) -> list[dict[str, str]]:
    """Replace the accent lines, light then dark, each anchored by the line before it."""
    edits = []
    lines = re.finditer(r"^(.*\n)( *--primary: )([^;\n]+);$", source, re.MULTILINE)
    for found, colour in zip(lines, colours, strict=False):
        before, name, old = found.groups()
        edits.append({"search": f"{before}{name}{old};", "replace": f"{before}{name}{colour};"})
    return [edit for edit in edits if edit["search"] != edit["replace"]]


def _rename(source: str, prompt: str) -> list[dict[str, str]]:
    asked = re.search(
        r"\b(?:call it|rename it to|rename to|title(?: it| to)?)\s+(.+)", prompt, re.IGNORECASE
    )
    line = re.search(r"^export const headline = .*;$", source, re.MULTILINE)
    if asked is None or line is None:
        return []
    title = asked.group(1).strip(" .!\"'“”")[:60]
    return [{"search": line.group(), "replace": f"export const headline = {json.dumps(title)};"}]


def _add_note(source: str, prompt: str) -> list[dict[str, str]]:
    line = re.search(r"^export const notes: string\[\] = (\[.*\]);$", source, re.MULTILINE)
    if line is None:
        return []
    try:
        notes = json.loads(line.group(1))
    except ValueError:
        return []
    text = json.dumps([*notes, prompt], ensure_ascii=False)
    return [{"search": line.group(), "replace": f"export const notes: string[] = {text};"}]


def _fix(request: LLMRequest) -> Reply:
    """Put back the sample's version of each file that the findings name."""
    asked, results = _since_last_request(request.messages)
    if results:
        return Reply("<task_summary>I put my own files back.</task_summary>")
    template = get_template(request.framework or Framework.REACT)
    sample = sample_files(template, "My app")
    named = [{"path": p, "content": c} for p, c in sample.items() if p in asked.text]
    is_ours = template.stack in request.messages[0].content  # not an app from elsewhere
    if not named or not is_ours:
        return Reply("<task_summary>Without AI I cannot fix this.</task_summary>")
    return Reply("I put my own files back.", "createOrUpdateFiles", {"files": named})


def _describe(messages: Sequence[Message]) -> Reply:
    asked, _ = _since_last_request(messages)
    request = re.search(r'<data kind="request"[^>]*>\n(.*?)\n</data', asked.text, re.DOTALL)
    title = title_of(request.group(1) if request else asked.text)
    done = _plain(request.group(1)) if request else ""
    suggestions = [said for said in _SUGGESTIONS if _plain(said) != done]
    answer = {"title": title, "summary": "", "suggestions": suggestions}
    return Reply(json.dumps(answer, ensure_ascii=False))


def _plain(words: str) -> str:
    return " ".join(words.casefold().split()).strip(" .!")


@dataclass(frozen=True, slots=True)
class _Asked:
    index: int
    text: str


def _since_last_request(messages: Sequence[Message]) -> tuple[_Asked, list[str]]:
    """The newest user message and the tool results that came after it."""
    index = max(i for i, m in enumerate(messages) if m.role == "user")
    results = [m.content for m in messages[index:] if m.role == "tool"]
    return _Asked(index, messages[index].content), results


def _sample_path(template: Template, name: str) -> str:
    return next(path for path in template.sample_order if path.endswith(name))


def _pieces(text: str) -> list[str]:
    return [text[i : i + _PIECE] for i in range(0, len(text), _PIECE)]

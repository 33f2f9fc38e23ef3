"""One logical call under faults, and the judgement of what came of it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.completion import Completion, complete
from agents.errors import GenerationError, ProviderError
from agents.ports import LLM, LLMRequest, Message, ToolSpec
from agents.types import Usage
from tests.fakes.instant_clock import InstantClock

FILES_TOOL = ToolSpec(
    "createOrUpdateFiles",
    "Write files",
    {
        "type": "object",
        "properties": {
            "files": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
                    "required": ["path", "content"],
                },
            }
        },
        "required": ["files"],
    },
)
LIST_TOOL = ToolSpec("listFiles", "List files", {"type": "object", "properties": {}})


@dataclass(frozen=True)
class Answer:
    """What a model really said: its text, and its calls by name with their arguments."""

    text: str = ""
    calls: tuple[tuple[str, object], ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """The files that its calls write."""
        return {
            file["path"]: file["content"]
            for name, arguments in self.calls
            if name == FILES_TOOL.name and isinstance(arguments, dict)
            for file in arguments["files"]
        }


@dataclass(frozen=True)
class Case:
    """A call to make. `answer` None: no success is possible. `may_fail`: neither is it promised."""

    kind: str
    model: str
    answer: Answer | None
    may_fail: bool = False
    waits_s: tuple[float, ...] = ()

    @property
    def request(self) -> LLMRequest:
        """A request of its own, so that a server can tell the calls apart."""
        messages = (Message("user", f"Build {self.model}"),)
        return LLMRequest("generate", self.model, messages, 0.7, 8000, (FILES_TOOL, LIST_TOOL))


class _Reader:
    """A listener that believes what it is told."""

    def __init__(self) -> None:
        self.text = ""
        self.files: dict[str, str] = {}

    def on_text(self, text: str) -> None:
        self.text += text

    async def on_file(self, call_index: int, path: str, content: str) -> None:
        self.files[path] = content

    async def on_void(self, reason: str) -> None:
        self.text, self.files = "", {}

    def on_usage(self, usage: Usage) -> None:
        """Costs are not judged here."""


@dataclass
class Tally:
    """The figures. Everything in `problems` must stay empty."""

    calls: int = 0
    succeeded: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def count(self, problem: str, case: Case, detail: object) -> None:
        self.problems[problem] += 1
        if len(self.examples) < 5:
            self.examples.append(f"{problem} in {case.kind} ({case.model}): {detail}"[:300])


async def play(case: Case, llm: LLM, tally: Tally) -> None:
    """Make the call and judge its outcome and what its reader was left with."""
    clock, reader = InstantClock(), _Reader()
    tally.calls += 1
    tally.kinds[case.kind] += 1
    try:
        done = await complete(llm, case.request, reader, clock=clock)
    except (ProviderError, GenerationError) as error:
        if case.answer is not None and not case.may_fail:
            tally.count("wrong_failures", case, repr(error))
        if reader.text or reader.files:
            tally.count("wrong_shows", case, "a failed call left something shown")
    except Exception as error:  # noqa: BLE001 - counting crashes is what this is for
        tally.count("crashes", case, repr(error))
    else:
        tally.succeeded += 1
        _judge(case, done, reader, tally)
    for asked, waited in zip(case.waits_s, clock.sleeps, strict=False):
        if waited < min(asked, 30.0):
            tally.count("retry_after_ignored", case, f"asked {asked}, waited {waited}")


def _judge(case: Case, done: Completion, reader: _Reader, tally: Tally) -> None:
    if case.answer is None or _said(done) != case.answer:
        tally.count("wrong_successes", case, _said(done))
    elif reader.text != case.answer.text or reader.files != case.answer.files:
        tally.count("wrong_shows", case, (reader.text, sorted(reader.files)))
    ids = [call.id for call in done.calls]
    if not all(ids) or len(set(ids)) != len(ids):
        tally.count("wrong_ids", case, ids)


def _said(done: Completion) -> Answer:
    return Answer(done.text, tuple((c.name, json.loads(c.arguments)) for c in done.calls))


def figures(tally: Tally, requests: Mapping[str, int]) -> dict[str, object]:
    """The tally and the servers' own counts of requests, by model, as the final figures."""
    most = max(requests.values(), default=0)
    named = ("wrong_successes", "wrong_failures", "wrong_shows", "crashes", "retry_after_ignored")
    return {
        "ok": not tally.problems and 0 < most <= 4,
        "calls": tally.calls,
        "succeeded": tally.succeeded,
        "kinds": len(tally.kinds),
        "requests": sum(requests.values()),
        "max_requests_per_call": most,
        **{name: tally.problems[name] for name in named},
        **{name: n for name, n in tally.problems.items() if name not in named},
        **({"examples": tally.examples} if tally.examples else {}),
    }

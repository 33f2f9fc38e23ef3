"""Calls against our own OpenRouter: every special case of its streams, in random company."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from tests.campaigns._llm_judge import FILES_TOOL, LIST_TOOL, Answer, Case
from tests.fakes import openrouter as fake
from tests.fakes.openrouter import FakeOpenRouter, Frame, Reply, Seen

Effect = Literal["again", "give up", "continue"]


@dataclass(frozen=True)
class Fault:
    """A reply that is no success, and what the client has to make of it."""

    kind: str
    make: Callable[[Random], Reply]
    effect: Effect = "again"
    wait_s: float = 0.0


def _fixed(kind: str, reply: Reply, effect: Effect = "again", wait_s: float = 0.0) -> Fault:
    return Fault(kind, lambda _: reply, effect, wait_s)


_FILES = {"src/App.tsx": "export default () => <p>😀</p>;\n", "src/b.ts": 'const q = "\\\\";\n'}
_ARGUMENTS = fake.files_arguments(_FILES)
_TEXT = fake.text_frames("I will ", "build ", "it. ")
_CALL = fake.call_frames(FILES_TOOL.name, _ARGUMENTS)


def _cut_arguments(rng: Random) -> Reply:
    text = _ARGUMENTS[: rng.randrange(len(_ARGUMENTS) - 1)]
    frames = fake.call_frames(FILES_TOOL.name, text, size=rng.choice([1, 4, 50]))
    return fake.stream([*_TEXT, *frames], rng.choice(["tool_calls", "stop"]))


def _cut_bytes(rng: Random) -> Reply:
    """A good stream that ends anywhere before it says why, by end of file or by a reset."""
    whole = b"".join(f for f in fake.stream([*_TEXT, *_CALL], None).frames if isinstance(f, bytes))
    end: list[Frame] = [fake.CUT] if rng.random() < 0.5 else []
    return Reply([whole[: rng.randrange(len(whole))], *end])


def _corrupt(rng: Random) -> Reply:
    frames = [*_TEXT, *_CALL]
    at = rng.randrange(len(frames))
    frames[at] = rng.choice(
        [b'data: {"choices": [{"del\n\n', b"data: <html>\n\n", b"data: \xff\n\n"]
    )
    return fake.stream(frames, "tool_calls")


def _stall(rng: Random) -> Reply:
    said: list[list[Frame]] = [[], [fake.COMMENT], [*_TEXT], [*_TEXT, *_CALL[:3]]]
    return Reply([*rng.choice(said), fake.Pause(30)])


FAULTS: list[Fault] = [
    _fixed("error_chunk", fake.stream([*_TEXT, *_CALL, fake.error_chunk()], None)),
    _fixed("error_event", fake.stream([*_TEXT, fake.error_event()], None)),
    _fixed("error_event_429", fake.stream([fake.error_event(429)], None)),
    _fixed("error_then_stop", fake.stream([*_TEXT, fake.error_chunk()], "stop")),
    _fixed("finish_error", fake.stream([*_TEXT, *_CALL], "error")),
    _fixed("unknown_finish", fake.stream(_TEXT, "gave_up")),
    _fixed("no_finish", fake.stream([*_TEXT, *_CALL], None, tail=False)),
    _fixed("done_without_finish", fake.stream([*_TEXT, *_CALL], None)),
    _fixed("only_comments", Reply([fake.COMMENT] * 5)),
    _fixed("no_bytes", Reply([])),
    _fixed("reset", Reply([fake.CUT])),
    _fixed("empty", fake.stream([])),
    _fixed("white_space", fake.text(" ", "\n")),
    _fixed("calls_without_calls", fake.text("I call a tool now.", finish="tool_calls")),
    _fixed(
        "nameless_call",
        fake.stream([fake.chunk({"tool_calls": [{"index": 0, "id": "c"}]})], "tool_calls"),
    ),
    _fixed("empty_arguments", fake.stream(fake.call_frames(FILES_TOOL.name, ""), "tool_calls")),
    _fixed("html", Reply([b"<html>\n<body>Hello</body>\n</html>"])),
    _fixed("error_under_200", Reply([b'{"error": {"code": 503, "message": "x"}}'])),
    Fault("cut_arguments", _cut_arguments),
    Fault("cut_bytes", _cut_bytes),
    Fault("corrupt", _corrupt),
    Fault("stall", _stall),
    Fault("status", lambda rng: fake.status(rng.choice([408, 500, 502, 503, 504]))),
    _fixed("rate_limit", fake.status(429, retry_after=11), wait_s=11.0),
    _fixed("rate_limit_long", fake.status(429, retry_after=600), wait_s=30.0),
    _fixed("busy", fake.status(503, retry_after=4), wait_s=4.0),
    Fault("refused", lambda rng: fake.status(rng.choice([400, 401, 402, 403, 404])), "give up"),
    _fixed("moderated", fake.status(403, metadata={"flagged_input": "x"}), "give up"),
    _fixed("filtered", fake.stream([*_TEXT, *_CALL], "content_filter"), "give up"),
    _fixed("error_event_401", fake.stream([*_TEXT, fake.error_event(401)], None), "give up"),
    _fixed("length", fake.stream([*_TEXT, *_CALL[:-3]], "length"), "continue"),
    _fixed("length_whole_call", fake.stream([*_TEXT, *_CALL], "length"), "continue"),
]
KEPT = "I will build it. "


# --- good replies ------------------------------------------------------------------------

_WROTE = ((FILES_TOOL.name, json.loads(_ARGUMENTS)),)
_LISTED: tuple[tuple[str, object], ...] = ((LIST_TOOL.name, {}),)
PRINTED = "Here:\n```tsx src/App.tsx\nexport default 1\n```\n"


def _piece(arguments: str, name: str | None = None, **head: object) -> bytes:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return fake.chunk({"tool_calls": [{**head, "function": function}]})


def _commented() -> Reply:
    frames = [part for frame in [*_TEXT, *_CALL] for part in (fake.COMMENT, frame)]
    return fake.stream(frames, "tool_calls")


GOOD: list[tuple[str, Reply, Answer]] = [
    ("text", fake.text("Hello ", "you."), Answer("Hello you.")),
    ("files", fake.files(_FILES), Answer("", _WROTE)),
    ("files_by_character", fake.files(_FILES, size=1), Answer("", _WROTE)),
    ("both", fake.stream([*_TEXT, *_CALL], "tool_calls"), Answer(KEPT, _WROTE)),
    ("comments", _commented(), Answer(KEPT, _WROTE)),
    ("paced", fake.paced(fake.text("a", "b"), 0.02), Answer("ab")),
    ("no_done", fake.stream(_TEXT, "stop", tail=False), Answer(KEPT)),
    ("stop_with_calls", fake.stream(_CALL, "stop"), Answer("", _WROTE)),
    ("printed", fake.text(PRINTED), Answer(PRINTED)),
    ("unknown_tool", fake.tool_call("noSuchTool", '{"a": 1}'), Answer("", (("noSuchTool", {"a": 1}),))),
    ("no_arguments", fake.tool_call(LIST_TOOL.name, ""), Answer("", _LISTED)),
    ("wrong_arguments", fake.tool_call("readFiles", "[7]"), Answer("", (("readFiles", [7]),))),
    (
        "same_index",
        fake.stream(
            [
                _piece("{}", LIST_TOOL.name, index=0, id="a"),
                _piece(_ARGUMENTS, FILES_TOOL.name, index=0, id="b"),
            ],
            "tool_calls",
        ),
        Answer("", (*_LISTED, *_WROTE)),
    ),
    (
        "no_index_no_id",
        fake.stream(
            [_piece("{", LIST_TOOL.name), _piece("}"), _piece(_ARGUMENTS, FILES_TOOL.name)],
            "tool_calls",
        ),
        Answer("", (*_LISTED, *_WROTE)),
    ),
    (
        "index_gap",
        fake.stream(
            [
                *fake.call_frames(LIST_TOOL.name, "{}", index=0),
                *fake.call_frames(FILES_TOOL.name, _ARGUMENTS, index=4),
            ],
            "tool_calls",
        ),
        Answer("", (*_LISTED, *_WROTE)),
    ),
]  # fmt: skip


class FakeCases:
    """Scripts a few faults and then a good reply, for calls told apart by their model."""

    def __init__(self, server: FakeOpenRouter, rng: Random) -> None:
        self._rng = rng
        self._replies: dict[str, list[Reply]] = {}
        server.always(self._next)

    def _next(self, seen: Seen) -> Reply:
        left = self._replies[seen.body["model"]]
        return left.pop(0) if left else fake.status(500)

    def case(self, number: int) -> Case:
        """Every fault and every good reply in turn, with more faults by chance."""
        model = f"fake-{number}"
        lap, turn = divmod(number, len(FAULTS))
        kind, good, answer = GOOD[(number + lap) % len(GOOD)]
        more = self._rng.choices(FAULTS, k=self._rng.choice([0, 0, 1, 1, 2, 3]))
        clean = lap > 0 and self._rng.random() < 0.2
        faults = [] if clean else [FAULTS[turn], *more]
        self._replies[model] = [*(fault.make(self._rng) for fault in faults), good]
        name = "+".join([*(fault.kind for fault in faults[:1]), kind])
        return replace(_foretell(faults, answer), kind=name, model=model)


def _foretell(faults: list[Fault], answer: Answer) -> Case:
    """What has to come of it: three requests, a fourth once a cut reply is continued."""
    kept, limit = "", 3
    waits: list[float] = []
    for used, fault in enumerate(faults, start=1):
        if fault.effect == "give up" or (fault.effect == "continue" and kept):
            return Case("", "", None, waits_s=tuple(waits))
        if fault.effect == "continue":
            kept, limit = KEPT, 4
        elif used == limit:
            return Case("", "", None, waits_s=tuple(waits))
        else:
            waits.append(fault.wait_s)
    return Case("", "", Answer(kept + answer.text, answer.calls), waits_s=tuple(waits))

"""Calls against `llmock`, with every fault that it can inject."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

from llmock.ratelimit import LimitSettings
from llmock.scenarios import (
    Behavior,
    Delay,
    Fail,
    Match,
    Reply,
    SlowFirstToken,
    StreamFault,
    StreamFaultKind,
    ToolCall,
    ToolFault,
)
from llmock.testing import LLMockServer
from llmock.verdict import judge

from tests.campaigns._llm_judge import FILES_TOOL, Answer, Case, Tally
from tests.fakes.openrouter import files_arguments

SLOW_S = 5.0
"""Longer than the campaign's deadlines: a client that waits this long has none."""

TRANSIENT = (408, 409, 429, 500, 502, 503, 504, 529)
PERMANENT = (400, 401, 402, 403, 404, 413, 422)
_CLIENT_FAULTS = ("retried_non_retryable", "retry_storm", "no_read_timeout")
_ACCEPTED = ("truncated_stream_accepted", "gave_up")


class LlmockCases:
    """Queues faults for calls that are told apart by their model's name."""

    def __init__(self, server: LLMockServer, rng: Random) -> None:
        self._server = server
        self._rng = rng
        self._makers: list[Callable[[str], Case]] = [
            self._clean,
            self._status,
            self._refused,
            self._rate_limit,
            self._overflow,
            self._slow,
            *[self._stream_fault(kind, lasting=False) for kind in _STREAM_FAULTS],
            *[self._stream_fault(kind, lasting=True) for kind in _STREAM_FAULTS],
            self._malformed_arguments,
            self._unknown_tool,
            self._length,
            self._filtered,
        ]

    def case(self, number: int) -> Case:
        """The next kind of fault in turn, on a model of its own."""
        return self._makers[number % len(self._makers)](f"llmock-{number}")

    def beyond_quota(self, number: int) -> Case:
        """A good reply that the server may refuse, since others have spent its quota."""
        model = f"quota-{number}"
        return Case("quota", model, self._answers(model), may_fail=True)

    def requests(self) -> Counter[str]:
        """How many requests each call took, as the server counted them."""
        records = self._server.state.journal.records(wait=SLOW_S + 2)
        return Counter(record.model or "" for record in records)

    def verdict(self, cases: Mapping[str, Case], tally: Tally) -> None:
        """Add what llmock's own judge has against the client.

        Waits are left out: the campaign's clock keeps them, but takes no time over them. So is
        the last attempt of a call that could not succeed, which no client can repair. It takes
        a corrupted stream that we left for one we read, when its bytes were all on the way
        already; what was said is compared with what was scripted instead.
        """
        records = self._server.state.journal.records()
        model_of = {record.seq: record.model or "" for record in records}
        for finding in judge(records).findings:
            case = cases.get(model_of.get(finding.seqs[0], ""))
            hopeless = case is None or case.answer is None or case.may_fail
            if finding.code in _CLIENT_FAULTS or (finding.code in _ACCEPTED and not hopeless):
                at = case or Case("llmock", "?", None)
                tally.count(f"llmock_{finding.code}", at, finding.title)

    # --- the faults ----------------------------------------------------------------------

    def _add(self, *behaviors: Behavior) -> None:
        self._server.state.scenarios.add(*behaviors)

    def _answers(self, model: str) -> Answer:
        """Script what the model says whenever it is let: text, files, or both."""
        say, write = self._rng.choice([(True, False), (False, True), (True, True)])
        text = f"Here is {model}, as you asked; it has tests. " * 3 if say else ""
        files = {f"src/{model}-{n}.tsx": f"const a{n} = '{model} é😀';\n" for n in range(3)}
        arguments = json.loads(files_arguments(files))
        calls = (ToolCall(FILES_TOOL.name, arguments),) if write else ()
        self._add(Reply(text or None, calls, times=None, match=Match(model=model)))
        return Answer(text, ((FILES_TOOL.name, arguments),) if write else ())

    def _attempts(self) -> int:
        return self._rng.randint(1, 4)

    def _clean(self, model: str) -> Case:
        return Case("clean", model, self._answers(model))

    def _status(self, model: str) -> Case:
        times, status = self._attempts(), self._rng.choice(TRANSIENT)
        answer = self._answers(model)
        self._add(Fail(status, times=times, match=Match(model=model)))
        return Case("status", model, answer if times < 3 else None)

    def _refused(self, model: str) -> Case:
        self._answers(model)
        self._add(Fail(self._rng.choice(PERMANENT), times=None, match=Match(model=model)))
        return Case("refused", model, None)

    def _rate_limit(self, model: str) -> Case:
        times, wait_s = self._attempts(), self._rng.choice([0.0, 1.0, 7.5, 29.0, 120.0])
        answer = self._answers(model)
        status = self._rng.choice([429, 429, 503])
        self._add(Fail(status, retry_after=wait_s, times=times, match=Match(model=model)))
        waits = (wait_s,) * min(times, 2)
        return Case("rate_limit", model, answer if times < 3 else None, waits_s=waits)

    def _overflow(self, model: str) -> Case:
        self._answers(model)
        code = "context_length_exceeded"
        self._add(Fail(400, code=code, times=None, match=Match(model=model)))
        return Case("overflow", model, None)

    def _slow(self, model: str) -> Case:
        late, times = self._rng.random() < 0.5, self._rng.randint(1, 3)
        seconds = SLOW_S if late else 0.05
        answer = self._answers(model)
        match = Match(model=model)
        faults: list[Behavior] = [
            Delay(seconds, times, match),
            SlowFirstToken(seconds, times, match),
        ]
        self._add(self._rng.choice(faults))
        return Case("slow", model, None if late and times == 3 else answer)

    def _stream_fault(self, kind: StreamFaultKind, *, lasting: bool) -> Callable[[str], Case]:
        def make(model: str) -> Case:
            answer = self._answers(model)
            times = None if lasting else self._rng.randint(1, 2)
            after = self._rng.choice([0, 1, 2, 3, 5, 8, 13])
            match = Match(model=model)
            self._add(StreamFault(kind, after, stall_seconds=SLOW_S, times=times, match=match))
            return Case(kind, model, answer, may_fail=lasting)

        return make

    def _malformed_arguments(self, model: str) -> Case:
        times, answer = self._attempts(), self._answers(model)
        self._add(ToolFault("malformed_arguments", times=times, match=Match(model=model)))
        return Case("malformed_arguments", model, answer if times < 3 else None)

    def _unknown_tool(self, model: str) -> Case:
        answer = self._answers(model)
        if not answer.calls:
            return Case("clean", model, answer)
        self._add(ToolFault("unknown_tool", times=None, match=Match(model=model)))
        calls = (("llmock_unknown_tool", answer.calls[0][1]),)
        return Case("unknown_tool", model, Answer(answer.text, calls))

    def _length(self, model: str) -> Case:
        times = self._rng.randint(1, 2)
        cut = Reply("First part. ", finish_reason="length", times=times, match=Match(model=model))
        self._add(cut)
        answer = self._answers(model)
        whole = Answer("First part. " + answer.text, answer.calls)
        return Case("length", model, whole if times == 1 else None)

    def _filtered(self, model: str) -> Case:
        reason = self._rng.choice(["content_filter", "error", "unheard_of"])
        match = Match(model=model)
        self._add(Reply("All of it.", finish_reason=reason, times=None, match=match))
        return Case("filtered", model, None)


_STREAM_FAULTS: tuple[StreamFaultKind, ...] = ("disconnect", "truncate", "stall", "malformed")


def limit(server: LLMockServer, *, rpm: int) -> None:
    """Put a real quota on the server: 429 with the true wait once it is spent."""
    server.state.limiter.configure(LimitSettings(rpm=rpm))

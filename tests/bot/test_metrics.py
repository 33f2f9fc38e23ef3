"""Counts: of tasks by their events, of model calls at the port, of the loop by its own sleep."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, nullcontext

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typing_extensions import override

from agents.background import Background
from agents.errors import RateLimited
from agents.events import Event, StageEntered, TaskCancelled, TaskFailed, TaskStarted
from agents.ports import Finished, LLMChunk, LLMRequest, TextDelta, UsageReport
from agents.testing import FakeClock, settle
from agents.types import Stage, TaskKind, Usage
from bot.metrics import LOOP_LOOK_S, MeasuredLLM, Metrics, RunMeter
from tests.fakes.pipelines import write
from tests.fakes.waiting import until
from tests.fakes.workshop import APP, DONE, open_workshop, scripted

REQUEST = LLMRequest("generate", "openai/gpt-4o", (), 0.7, 8000)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """One sample as Prometheus reads it; 0 where there is none."""
    families = text_string_to_metric_families(metrics.render().decode())
    samples = [sample for family in families for sample in family.samples]
    return sum(s.value for s in samples if s.name == f"zapdev_{name}" and s.labels == labels)


class Scripted:
    """Answers with these chunks, then raises; knows whether it was closed."""

    def __init__(self, chunks: Sequence[LLMChunk], error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, False

    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
        try:
            for chunk in self.chunks:
                yield chunk
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


@pytest.mark.parametrize(
    ("chunks", "error", "outcome"),
    [
        ((TextDelta("a"), Finished("stop")), None, "stop"),
        ((TextDelta("a"), Finished("length")), None, "length"),
        ((TextDelta("a"),), None, "truncated"),
        ((), RateLimited("slow down"), "rate_limited"),
        ((TextDelta("a"),), KeyError("a defect"), "truncated"),
    ],
)
async def test_a_model_call_is_counted_by_how_it_ended(
    chunks: Sequence[LLMChunk], error: Exception | None, outcome: str
) -> None:
    metrics, llm = Metrics(), Scripted(chunks, error)
    seen: list[LLMChunk] = []
    with nullcontext() if error is None else pytest.raises(type(error)):
        async for chunk in MeasuredLLM(llm, metrics).stream(REQUEST):
            seen.append(chunk)  # noqa: PERF401 - what came before an error counts, too
    assert seen == list(chunks)
    labels = {"model": "openai/gpt-4o", "outcome": outcome}
    assert value(metrics, "llm_requests_total", **labels) == 1
    assert llm.closed


async def test_a_model_call_that_nobody_waits_for_is_closed_and_counted() -> None:
    metrics, llm = Metrics(), Scripted([TextDelta("a"), TextDelta("b")])
    async with aclosing(MeasuredLLM(llm, metrics).stream(REQUEST)) as chunks:
        await anext(chunks)
    labels = {"model": "openai/gpt-4o", "outcome": "abandoned"}
    assert (value(metrics, "llm_requests_total", **labels), llm.closed) == (1, True)


async def test_tokens_and_dollars_are_added_up() -> None:
    metrics = Metrics()
    usage = UsageReport(Usage(prompt_tokens=10, completion_tokens=4, cost_usd=0.5))
    for _ in range(2):
        stream = MeasuredLLM(Scripted([usage, Finished("stop")]), metrics).stream(REQUEST)
        assert len([chunk async for chunk in stream]) == 2
    model = {"model": "openai/gpt-4o"}
    assert value(metrics, "llm_tokens_total", direction="in", **model) == 20
    assert value(metrics, "llm_tokens_total", direction="out", **model) == 8
    assert value(metrics, "llm_cost_usd_total", **model) == 1.0


async def test_a_run_is_timed_by_its_events() -> None:
    metrics, clock = Metrics(), FakeClock()
    meter = RunMeter(metrics, TaskKind.FIX, clock)
    script: list[tuple[float, Event]] = [
        (1.0, TaskStarted(attempt=2, worker_id="w")),
        (2.0, StageEntered(stage=Stage.SANDBOX, message="a")),
        (3.0, StageEntered(stage=Stage.GENERATING, message="b")),
        (4.0, StageEntered(stage=Stage.GENERATING, message="still")),
        (5.0, TaskFailed(code="stuck", message="c")),
    ]
    for pause_s, event in script:
        await clock.advance(pause_s)
        meter.saw([event])
    ended = {"state": "failed", "kind": "fix"}
    assert value(metrics, "tasks_total", **ended) == 1
    assert value(metrics, "task_seconds_sum", **ended) == 15
    assert value(metrics, "stage_seconds_sum", stage="sandbox") == 3
    assert value(metrics, "stage_seconds_sum", stage="generating") == 9
    assert value(metrics, "lease_takeovers_total") == 1


async def test_a_first_attempt_is_no_takeover() -> None:
    metrics = Metrics()
    meter = RunMeter(metrics, TaskKind.GENERATE, FakeClock())
    meter.saw([TaskStarted(attempt=1, worker_id="w"), TaskCancelled(by="ann")])
    assert value(metrics, "lease_takeovers_total") == 0
    assert value(metrics, "tasks_total", state="cancelled", kind="generate") == 1


async def test_the_loop_is_late_by_what_it_slept_too_long() -> None:
    metrics, clock = Metrics(), FakeClock()

    class Late(FakeClock):
        """Wakes a tenth of a second too late."""

        @override
        async def sleep(self, seconds: float) -> None:
            await clock.sleep(seconds + 0.1)

        @override
        def monotonic(self) -> float:
            return clock.monotonic()

    background = Background()
    background.spawn(metrics.watch_loop(Late()), name="loop lag")
    await settle()
    await clock.advance((LOOP_LOOK_S + 0.1) * 3 + 0.01)
    await background.stop()
    assert value(metrics, "loop_lag_seconds_count") == 3
    assert value(metrics, "loop_lag_seconds_sum") == pytest.approx(0.3)


def test_each_has_a_registry_of_its_own() -> None:
    one, other = Metrics(), Metrics()
    one.dedupe_hits.inc()
    assert (value(one, "dedupe_hits_total"), value(other, "dedupe_hits_total")) == (1, 0)


async def test_a_whole_run_in_a_worker_is_counted() -> None:
    async with open_workshop() as workshop, workshop.worker(scripted(write(APP), DONE)):
        row = await workshop.start()
        await workshop.events(row)
        ended = {"state": "complete", "kind": "generate"}
        await until(lambda: value(workshop.metrics, "tasks_total", **ended) == 1)
    assert value(workshop.metrics, "stage_seconds_count", stage="generating") == 1
    assert value(workshop.metrics, "task_seconds_count", **ended) == 1

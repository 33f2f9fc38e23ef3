"""What is counted in one process, for Prometheus. No label names a person, a project or a task.

Tasks are counted from their own events, as the holder of their lease has written them; model calls
at the port; requests and streams at the door. Each `Metrics` has a registry of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from agents.errors import ZapdevError
from agents.events import (
    Event,
    StageEntered,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskStarted,
)
from agents.ports import LLM, Clock, Finished, LLMChunk, LLMRequest, UsageReport
from agents.types import TaskKind, TaskStatus, Usage

LOOP_LOOK_S = 0.25

_LONG = (1, 2, 5, 10, 20, 40, 60, 90, 120, 180, 300, 600, 1200)
_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 12)
_LAG = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1)
_ENDED: dict[type[Event], TaskStatus] = {
    TaskCompleted: TaskStatus.COMPLETE,
    TaskFailed: TaskStatus.FAILED,
    TaskCancelled: TaskStatus.CANCELLED,
}


class Metrics:
    """Every series, and how to add to each."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"zapdev_{name}", meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"zapdev_{name}", meaning, labels, registry=registry, buckets=buckets)

        self.tasks = counter("tasks", "Tasks that ended in this process", "state", "kind")
        self.task_seconds = histogram(
            "task_seconds", "From the claim of a task to its end", _LONG, "state", "kind"
        )
        self.stage_seconds = histogram("stage_seconds", "A stage of a task", _LONG, "stage")
        self.takeovers = counter(
            "lease_takeovers", "Tasks begun again, their worker or sandbox lost"
        )
        self.llm_requests = counter("llm_requests", "Model calls", "model", "outcome")
        self.llm_tokens = counter("llm_tokens", "Tokens of model calls", "model", "direction")
        self.llm_cost = counter("llm_cost_usd", "Dollars, as far as the provider says", "model")
        self.requests = counter("http_requests", "Answers", "method", "route", "status")
        self.request_seconds = histogram(
            "http_request_seconds", "Until an answer was sent; streams left out", _SHORT, "route"
        )
        self.sse_clients = Gauge("zapdev_sse_clients", "Streams that are open", registry=registry)
        self.sse_resumes = counter("sse_resumes", "Streams taken up again behind a frame")
        self.slack_calls = counter("slack_api", "Calls of Slack's Web API", "method", "outcome")
        self.dedupe_hits = counter("dedupe_hits", "What Slack had sent before, and did not count")
        self.loop_lag = histogram("loop_lag_seconds", "How late the event loop is", _LAG)

    def render(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self._registry)

    @contextmanager
    def streaming(self, *, is_resumed: bool) -> Iterator[None]:
        """A stream that is open while inside."""
        if is_resumed:
            self.sse_resumes.inc()
        with self.sse_clients.track_inprogress():
            yield

    def called_slack(self, method: str, outcome: str) -> None:
        """One call; the outcome is `ok` or an error's key."""
        self.slack_calls.labels(method, outcome).inc()

    async def watch_loop(self, clock: Clock) -> None:
        """Until cancelled."""
        while True:
            asleep_at = clock.monotonic()
            await clock.sleep(LOOP_LOOK_S)
            self.loop_lag.observe(max(0.0, clock.monotonic() - asleep_at - LOOP_LOOK_S))


class RunMeter:
    """One run of a task, by the events that it writes."""

    def __init__(self, metrics: Metrics, kind: TaskKind, clock: Clock) -> None:
        self._metrics = metrics
        self._kind = kind
        self._clock = clock
        self._began_at = self._stage_at = clock.monotonic()
        self._stage: str | None = None

    def saw(self, events: Sequence[Event]) -> None:
        """These have just become durable."""
        for event in events:
            match event:
                case TaskStarted(attempt=attempt) if attempt > 1:
                    self._metrics.takeovers.inc()
                case StageEntered(stage=stage):
                    self._enter(stage)
                case TaskCompleted() | TaskFailed() | TaskCancelled():
                    self._enter(None)
                    self._end(_ENDED[type(event)])
                case _:
                    pass

    def _enter(self, stage: str | None) -> None:
        now = self._clock.monotonic()
        if self._stage is not None and stage != self._stage:
            self._metrics.stage_seconds.labels(self._stage).observe(now - self._stage_at)
        if stage != self._stage:
            self._stage, self._stage_at = stage, now

    def _end(self, status: TaskStatus) -> None:
        labels = (status, self._kind)
        self._metrics.tasks.labels(*labels).inc()
        took_s = self._clock.monotonic() - self._began_at
        self._metrics.task_seconds.labels(*labels).observe(took_s)


class MeasuredLLM:
    """Implements `agents.ports.LLM`: another one, whose calls are counted."""

    def __init__(self, llm: LLM, metrics: Metrics) -> None:
        self._llm = llm
        self._metrics = metrics

    async def stream(self, request: LLMRequest) -> AsyncGenerator[LLMChunk, None]:
        """As the other one's. The outcome is why it finished, or an error's key."""
        outcome = "truncated"
        chunks = self._llm.stream(request)
        try:
            async for chunk in chunks:
                if isinstance(chunk, Finished):
                    outcome = chunk.reason
                elif isinstance(chunk, UsageReport):
                    self._used(request.model, chunk.usage)
                yield chunk
        except ZapdevError as error:
            outcome = error.key
            raise
        except (GeneratorExit, asyncio.CancelledError):
            outcome = "abandoned" if outcome == "truncated" else outcome
            raise
        finally:
            self._metrics.llm_requests.labels(request.model, outcome).inc()
            await _close(chunks)

    def _used(self, model: str, usage: Usage) -> None:
        metrics = self._metrics
        metrics.llm_tokens.labels(model, "in").inc(usage.prompt_tokens)
        metrics.llm_tokens.labels(model, "out").inc(usage.completion_tokens)
        metrics.llm_cost.labels(model).inc(usage.cost_usd)


async def _close(chunks: AsyncIterator[LLMChunk]) -> None:
    if isinstance(chunks, AsyncGenerator):
        await chunks.aclose()

"""Sentry, hardened: what leaves this process about errors and speed, and what never does.

Never sent: local variables, source lines, request bodies, headers, cookies, query strings,
prompts and model output, command lines. Everything else passes the one scrubber on the way out.
No trace headers are added to requests: they would reach Slack, OpenRouter and E2B.

`sentry_sdk.init` runs inside the running event loop, and each task has an isolation scope of its
own, so that concurrent tasks never wear each other's tags. The SDK's asyncio integration is left
out: it would give each background step of a task a scope of its own too, whose breadcrumbs the
task's error would not show. Facts are from the source of sentry-sdk 2.75.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.aiohttp import AioHttpIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration

from agents.logger import use_tracer
from agents.scrubber import Scrubber
from bot import __version__

TASK_SAMPLE_RATE = 0.1
FLUSH_S = 3.0
_QUEUE_SIZE = 1_000
"""Items that may wait: many tasks can end in one moment, and what does not fit is dropped."""

_PROBES = ("/healthz", "/readyz", "/metrics")
_STREAMS = ("/api/stream-progress", "/api/generate", "/api/fix-errors", "/api/import/")
"""They last as long as somebody watches."""

_NEVER_SENT = frozenset(
    {"query_string", "cookies", "headers", "env", "vars", "pre_context", "context_line"}
    | {"post_context", "sys.argv", "http.query", "http.fragment", "url.query", "url.fragment"}
)
_QUERY = re.compile(r"""(://[^\s?#"']*)[?#][^\s"']*""")
_CRUMBS = frozenset({"tool", "check", "stage", "model", "sandbox"})
"""Breadcrumb categories that explain an error; our own loggers' are kept as well."""


@asynccontextmanager
async def telemetry(
    dsn: str | None,
    scrubber: Scrubber,
    *,
    release: str = f"zapdev@{__version__}",
    task_sample_rate: float = TASK_SAMPLE_RATE,
) -> AsyncIterator[None]:
    """Report to Sentry while inside, and flush at the end; nothing at all without a DSN."""
    if dsn is None:
        yield
        return
    _start(dsn, scrubber, release, task_sample_rate)
    use_tracer(SentryTracer())
    try:
        yield
    finally:
        use_tracer(None)
        await asyncio.to_thread(sentry_sdk.get_client().close, FLUSH_S)
        sentry_sdk.get_global_scope().set_client(None)


class SentryTracer:
    """Implements `agents.logger.Tracer`."""

    @contextmanager
    def scope(self, name: str, tags: Mapping[str, str]) -> Iterator[None]:
        """One isolation scope and one transaction, sampled by `traces_sampler`."""
        with sentry_sdk.isolation_scope() as scope:
            scope.clear_breadcrumbs()
            for key, value in tags.items():
                scope.set_tag(key, value)
            with sentry_sdk.start_transaction(op=name, name=name):
                yield

    @contextmanager
    def span(self, op: str, name: str, data: Mapping[str, Any]) -> Iterator[None]:
        """A scope for the span alone: steps that run side by side keep their own parents."""
        with sentry_sdk.new_scope(), sentry_sdk.start_span(op=op, name=name) as span:
            for key, value in data.items():
                span.set_data(key, value)
            yield

    def breadcrumb(self, category: str, message: str, data: Mapping[str, Any]) -> None:
        sentry_sdk.add_breadcrumb(category=category, message=message, data=dict(data))

    def log(
        self, level: str, message: str, data: Mapping[str, Any], error: BaseException | None
    ) -> None:
        """A warning is a log item; an error is an event, with its exception if there is one."""
        if level == "warning":
            sentry_sdk.logger.warning(message, attributes=dict(data))
            return
        with sentry_sdk.new_scope() as scope:
            scope.set_context("log", {"message": message, **data})
            if error is None:
                scope.capture_message(message, level="fatal" if level == "critical" else "error")
            else:
                scope.capture_exception(error)


def _start(dsn: str, scrubber: Scrubber, release: str, task_sample_rate: float) -> None:
    clean = _Cleaner(scrubber)
    sentry_sdk.init(
        dsn,
        release=release,  # given, or the SDK would run git to find one
        # Named one by one: the defaults send command lines, packages and every library's bodies.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AioHttpIntegration(transaction_style="method_and_path_pattern"),
            DedupeIntegration(),
        ],
        data_collection={
            "user_info": False,
            "cookies": {"mode": "off"},
            "http_headers": {"request": {"mode": "off"}},
            "http_bodies": [],
            "url_query_params": {"mode": "off"},
            "graphql": {"document": False, "variables": False},
            "gen_ai": {"inputs": False, "outputs": False},
            "database_query_data": False,
            "queues": False,
            "stack_frame_variables": False,
            "frame_context_lines": 0,
        },
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        trace_propagation_targets=[],
        auto_session_tracking=False,
        transport_queue_size=_QUEUE_SIZE,
        enable_logs=True,
        traces_sampler=_Sampler(task_sample_rate),
        before_send=clean.event,
        # The separate `span` items of model calls are split off after this hook, so it covers
        # them; `before_send_span` exists for another life cycle and only warns in this one.
        before_send_transaction=clean.event,
        before_breadcrumb=clean.breadcrumb,
        before_send_log=clean.item,
        before_send_metric=clean.item,
    )


class _Sampler:
    """Which transactions are kept: a share of the tasks and requests, no probe, no stream."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def __call__(self, context: Mapping[str, Any]) -> float:
        request = context.get("aiohttp_request")
        path = getattr(request, "path", "")
        return 0.0 if path.startswith(_PROBES + _STREAMS) else self._rate


class _Cleaner:
    """The hooks through which every item leaves."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber

    def event(self, event: Any, _hint: Any) -> Any:
        """An error or a transaction: only a request's method is kept of a request."""
        if "request" in event:
            event["request"] = {"method": event["request"].get("method")}
        event.pop("user", None)
        sampling = event.get("contexts", {}).get("trace", {}).pop("dynamic_sampling_context", None)
        clean = self._clean(event)
        if sampling is not None:  # its public key is no secret, and the receiver needs it
            texts = {key: self._scrubber.text(str(value)) for key, value in sampling.items()}
            clean["contexts"]["trace"]["dynamic_sampling_context"] = texts
        return clean

    def item(self, item: Any, _hint: Any) -> Any:
        """A log line or a metric."""
        return self._clean(item)

    def breadcrumb(self, crumb: Any, _hint: Any) -> Any:
        """Only steps of a task and our own log lines; libraries' crumbs are dropped."""
        category = str(crumb.get("category", ""))
        if category not in _CRUMBS and not category.startswith(("agents", "bot")):
            return None
        return {**self._clean(crumb), "timestamp": crumb.get("timestamp")}

    def _clean(self, item: Any) -> Any:
        return _pruned(self._scrubber.value(item))


def _pruned(value: Any) -> Any:
    """Without the fields that are never sent; URLs end before their query."""
    if isinstance(value, dict):
        return {k: _pruned(v) for k, v in value.items() if k not in _NEVER_SENT}
    if isinstance(value, list):
        return [_pruned(v) for v in value]
    if isinstance(value, str) and "://" in value:
        return _QUERY.sub(r"\1", value)
    return value

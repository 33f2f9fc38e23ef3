"""Structured logs and traces, bound to the task they are about.

Everything written passes the one scrubber, goes to one stream (stderr unless told otherwise), and
carries what `task_scope` bound. Spans, breadcrumbs and errors go on to a `Tracer`; until one is
installed (`bot.telemetry`, when Sentry is configured) they cost nothing and go nowhere.

Importing this module configures nothing. Until `configure_logging` is called, warnings and worse
appear on stderr as JSON.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TextIO

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger
from typing_extensions import override

from agents.scrubber import Scrubber
from agents.system import SystemClock

Logger = FilteringBoundLogger
LogFormat = Literal["json", "text"]

_CLOCK = SystemClock()
_QUIET = ("aiohttp.access", "asyncio", "httpx", "httpcore", "openai", "slack_bolt", "slack_sdk")
"""Libraries whose messages below a warning are noise."""
_NO_HTTP = "HttpProcessingError"
"""What aiohttp's server raises, and logs as an error, when what it is sent is no HTTP."""
_REPORTERS = ("urllib3", "sentry_sdk")
"""What carries error reports: reporting its own warnings would never end."""


class Tracer(Protocol):
    """Where spans, breadcrumbs and errors go. All but the exceptions has been scrubbed."""

    def scope(self, name: str, tags: Mapping[str, str]) -> AbstractContextManager[None]:
        """A unit of work of its own, that shares no tags with what runs beside it."""
        ...

    def span(self, op: str, name: str, data: Mapping[str, Any]) -> AbstractContextManager[None]:
        """A timed part of the current unit of work."""
        ...

    def breadcrumb(self, category: str, message: str, data: Mapping[str, Any]) -> None:
        """A step on the way, shown with an error that comes later."""
        ...

    def log(
        self, level: str, message: str, data: Mapping[str, Any], error: BaseException | None
    ) -> None:
        """A log line of level warning or worse, with the exception it is about."""
        ...


@dataclass(slots=True)
class _Output:
    """How and where log lines come out; there is one per process."""

    scrubber: Scrubber = field(default_factory=Scrubber)
    level: int = logging.WARNING
    stream: TextIO | None = None
    render: Processor = field(default_factory=structlog.processors.JSONRenderer)
    tracer: Tracer | None = None


_output = _Output()


def configure_logging(
    *,
    format: LogFormat = "json",  # noqa: A002 - it reads best at the call
    level: str = "info",
    scrubber: Scrubber | None = None,
    stream: TextIO | None = None,
    color: bool = False,
) -> None:
    """Say how log lines look and where they go, and route the standard library's through here.

    `stream` None means whatever `sys.stderr` is when a line is written. Calling again replaces
    everything but the tracer.
    """
    _output.scrubber = scrubber or Scrubber()
    _output.level = logging.getLevelNamesMapping()[level.upper()]
    _output.stream = stream
    _output.render = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if format == "json"
        else _TextRenderer(color=color)
    )
    root = logging.getLogger()
    root.handlers = [h for h in root.handlers if not isinstance(h, _Bridge)] + [_Bridge()]
    root.setLevel(_output.level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, _output.level))
    for name in _REPORTERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def use_tracer(tracer: Tracer | None) -> None:
    """Send spans, breadcrumbs and errors there from now on; None sends them nowhere."""
    _output.tracer = tracer


def create_logger(name: str) -> Logger:
    """A structured logger: `log.info("file written", path=path)`. Made at import, used later."""
    logger: Logger = structlog.wrap_logger(
        _Line(),
        processors=[
            merge_contextvars,
            structlog.processors.add_log_level,
            _drop_below_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _scrub_and_report,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        cache_logger_on_first_use=True,
        source=name,
    )
    return logger


@contextmanager
def task_scope(task_id: str, **tags: str) -> Iterator[None]:
    """Bind a task's id and tags to every line, span and error inside, and to nothing outside.

    The one scope per task: concurrent tasks never wear each other's tags.
    """
    bound = {"task_id": task_id, **tags}
    with ExitStack() as stack:
        stack.enter_context(bound_contextvars(**bound))
        if _output.tracer is not None:
            clean = {key: _output.scrubber.text(value) for key, value in bound.items()}
            stack.enter_context(_output.tracer.scope("task", clean))
        yield


@contextmanager
def span(op: str, name: str, **data: Any) -> Iterator[None]:
    """Time a part of the work; the duration is logged (debug) and traced, also when it fails."""
    clean = _output.scrubber.value(data)
    traced = _output.tracer.span(op, name, clean) if _output.tracer else nullcontext()
    started = _CLOCK.monotonic()
    try:
        with traced:
            yield
    finally:
        took_s = round(_CLOCK.monotonic() - started, 4)
        _log.debug("span", op=op, name=name, duration_s=took_s, **data)


def breadcrumb(category: str, message: str, **data: Any) -> None:
    """Leave a step that explains a later error. Never put prompts or file contents in it."""
    if _output.tracer is not None:
        scrubber = _output.scrubber
        _output.tracer.breadcrumb(category, scrubber.text(message), scrubber.value(data))


class _Line:
    """The end of the chain: writes one finished line."""

    def msg(self, message: str) -> None:
        stream = _output.stream or sys.stderr
        stream.write(message + "\n")
        stream.flush()

    debug = info = warning = error = critical = msg


class _TextRenderer:
    """Lines for people. Control characters, which could steer a terminal, are left out."""

    def __init__(self, *, color: bool) -> None:
        self._console = structlog.dev.ConsoleRenderer(
            colors=color,
            exception_formatter=structlog.dev.plain_traceback,
            timestamp_key="at",
            pad_event_to=32,
        )

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        plain = {key: _printable(value) for key, value in event.items()}
        return str(self._console(logger, method, plain))


class _Bridge(logging.Handler):
    """Gives the standard library's records to our own chain."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # the caller's arguments do not fit its format
            message = str(record.msg)
        error = record.exc_info[1] if record.exc_info else None
        level = max(record.levelno // 10 * 10, logging.DEBUG)
        if any(kind.__name__ == _NO_HTTP for kind in type(error).__mro__):
            level = logging.DEBUG  # anybody on the internet can send that, and with anything in it
        create_logger(record.name).log(min(level, logging.CRITICAL), message, exc_info=error)


def _drop_below_level(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if logging.getLevelNamesMapping()[method.upper()] < _output.level:
        raise structlog.DropEvent
    return event


def _scrub_and_report(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Take the secrets out; turn `exc_info` into text (no local variables); tell the tracer."""
    found = event.pop("exc_info", None)
    error = found if isinstance(found, BaseException) else sys.exc_info()[1] if found else None
    if error is not None:
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    clean: EventDict = _output.scrubber.value(event)
    if _output.tracer is not None:
        _report(_output.tracer, method, clean, error)
    return clean


def _report(
    tracer: Tracer, method: str, line: Mapping[str, Any], error: BaseException | None
) -> None:
    data = {k: v for k, v in line.items() if k not in ("event", "level", "at", "exception")}
    message = str(line["event"])
    if method == "info":
        tracer.breadcrumb(str(line.get("source", "log")), message, data)
    elif method in ("warning", "error", "critical"):
        tracer.log(method, message, data, error)


def _render(logger: WrappedLogger, method: str, event: EventDict) -> Any:
    return _output.render(logger, method, event)


def _printable(value: object) -> object:
    return value.translate(_CONTROL) if isinstance(value, str) else value


_CONTROL = {c: None for c in (*range(32), *range(0x7F, 0xA0)) if chr(c) not in "\n\t"}

_log = create_logger(__name__)

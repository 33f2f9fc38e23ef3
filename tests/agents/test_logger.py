"""Log lines: bound to their task, without secrets, on stderr, in two shapes."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest

from agents.background import Background
from agents.logger import (
    breadcrumb,
    configure_logging,
    create_logger,
    span,
    task_scope,
    use_tracer,
)
from agents.scrubber import Scrubber

log = create_logger("test")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged as JSON, at every level; afterwards logging is quiet again."""
    stream = io.StringIO()
    configure_logging(level="debug", scrubber=Scrubber(["hunter2secret"]), stream=stream)
    yield stream
    configure_logging(level="warning")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_when_and_who(written: io.StringIO) -> None:
    log.info("file written", path="a.ts", size_bytes=3)

    [line] = lines(written)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "file written",
        "level": "info",
        "path": "a.ts",
        "size_bytes": 3,
        "source": "test",
    }


async def test_concurrent_tasks_never_wear_each_others_tags(written: io.StringIO) -> None:
    gate = asyncio.Barrier(3)
    background = Background()

    async def work(name: str) -> None:
        with task_scope(name, project_id=f"of-{name}"):
            await gate.wait()
            await background.start(step(name), name="step")

    async def step(name: str) -> None:
        log.info("step", of=name)

    await asyncio.gather(*(work(f"task_{i}") for i in range(3)))
    log.info("after")

    *steps, after = lines(written)
    assert {line["of"] for line in steps} == {"task_0", "task_1", "task_2"}
    assert all(s["task_id"] == s["of"] and s["project_id"] == f"of-{s['of']}" for s in steps)
    assert "task_id" not in after


def test_secrets_in_texts_fields_and_exceptions_never_reach_the_stream(
    written: io.StringIO,
) -> None:
    def refuse(key: str) -> None:
        raise ValueError(f"refused {key} and xoxb-1234567890")

    try:
        refuse("hunter2secret")
    except ValueError:
        log.exception("call with hunter2secret failed", token="abc", url="http://u:p@h/")

    [line] = lines(written)
    assert "hunter2secret" not in written.getvalue()
    assert "xoxb-" not in written.getvalue()
    assert line["token"] == "[redacted]"
    assert line["url"] == "http://[redacted]@h/"
    assert "ValueError: refused [redacted]" in line["exception"]


def test_the_standard_librarys_records_come_out_the_same_way(written: io.StringIO) -> None:
    logging.getLogger("a.library").log(25, "key %s", "hunter2secret")  # noqa: TID251 - plays one

    [line] = lines(written)
    assert (line["source"], line["level"]) == ("a.library", "info")
    assert line["event"] == "key [redacted]"


def test_a_record_whose_arguments_do_not_fit_still_comes_out(written: io.StringIO) -> None:
    record = logging.makeLogRecord({"name": "x", "levelno": 40, "msg": "%d", "args": ("no",)})
    [ours] = [h for h in logging.getLogger().handlers if type(h).__module__ == "agents.logger"]  # noqa: TID251

    ours.handle(record)

    assert [line["event"] for line in lines(written)] == ["%d"]


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logging(level="warning", stream=stream)

    log.info("no")
    log.warning("yes")

    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_text_for_people_cannot_steer_their_terminal() -> None:
    stream = io.StringIO()
    configure_logging(format="text", level="info", stream=stream)

    log.info("built", output="\x1b[2Jgone\x9b1mbold")

    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()
    assert "gone" in stream.getvalue()


def test_without_configuration_lines_go_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(level="warning")

    log.warning("look")

    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "look"


def test_a_span_logs_its_duration_also_when_it_fails(written: io.StringIO) -> None:
    with pytest.raises(RuntimeError), span("stage", "build", framework="react"):
        raise RuntimeError

    [line] = lines(written)
    assert line["op"] == "stage"
    assert line["name"] == "build"
    assert line["framework"] == "react"
    assert line["duration_s"] >= 0


class Heard:
    """Implements `agents.logger.Tracer` by remembering."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    @contextmanager
    def scope(self, name: str, tags: Mapping[str, str]) -> Iterator[None]:
        self.said.append(("scope", name, dict(tags)))
        yield
        self.said.append(("end", name))

    def span(self, op: str, name: str, data: Mapping[str, Any]) -> AbstractContextManager[None]:
        self.said.append(("span", op, name, dict(data)))
        return nullcontext()

    def breadcrumb(self, category: str, message: str, data: Mapping[str, Any]) -> None:
        self.said.append(("crumb", category, message, dict(data)))

    def log(
        self, level: str, message: str, data: Mapping[str, Any], error: BaseException | None
    ) -> None:
        self.said.append((level, message, error))


def test_the_tracer_hears_scopes_spans_crumbs_and_errors_without_secrets(
    written: io.StringIO,
) -> None:
    heard = Heard()
    error = ValueError("x")
    use_tracer(heard)
    try:
        with task_scope("task_1"), span("tool", "terminal", token="abc"):
            breadcrumb("tool", "ran hunter2secret")
            log.info("step")
            log.error("hunter2secret", exc_info=error)
    finally:
        use_tracer(None)

    assert heard.said == [
        ("scope", "task", {"task_id": "task_1"}),
        ("span", "tool", "terminal", {"token": "[redacted]"}),
        ("crumb", "tool", "ran [redacted]", {}),
        ("crumb", "test", "step", {"source": "test", "task_id": "task_1"}),
        ("error", "[redacted]", error),
        ("end", "task"),
    ]
    assert written.getvalue().count("\n") == 3

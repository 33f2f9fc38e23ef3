"""Campaign `critical-path`: a build's wall time against the longest chain of its stages.

The pipeline runs for real over parts that take scripted times (those of performance facts: a
40 s stream of twelve files, 8 s install, 5 s lint, 20 s build …), divided by `SCALE`. The ratio
holds what our own code adds and any overlap that it misses.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from agents.pipeline import Built, run_pipeline
from agents.ports import (
    CommandResult,
    Finished,
    LLMChunk,
    LLMRequest,
    Page,
    TextDelta,
    ToolCallDelta,
)
from agents.sighting import Sighting
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import (
    InMemorySandbox,
    InMemorySandboxProvider,
    ScriptedBrowser,
    ScriptedFetcher,
)
from agents.types import AppFiles, Framework, SandboxId, TaskId
from tests.fakes.pipelines import Stage, job

DEFAULT_SIZE = 5
SCALE = 20.0
LIMIT = 1.05

SELECT_S, SANDBOX_S, STREAM_S, WRITE_S = 0.8, 1.0, 40.0, 0.03
INSTALL_S, LINT_S, BUILD_S, SUMMARY_S, WRAP_UP_S = 8.0, 5.0, 20.0, 3.0, 2.0
BROWSER_S, LOOK_S = 1.5, 1.8
FILES = 12
CRITICAL_S = SELECT_S + STREAM_S + WRAP_UP_S + max(LINT_S, BUILD_S, SUMMARY_S) + LOOK_S

_APP = {"package.json": '{"name": "app", "scripts": {"lint": "l", "build": "b"}}'} | {
    f"src/part{n}.tsx": f"export const part{n} = {n};\n" * 60 for n in range(1, FILES)
}


async def _take(seconds: float) -> None:
    await asyncio.sleep(seconds / SCALE)


class _PacedModel:
    """Selects, streams the files evenly over the stream's time, wraps up, summarizes."""

    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMChunk]:
        if request.purpose == "select":
            await _take(SELECT_S)
            yield TextDelta("react")
        elif request.purpose == "summarize":
            await _take(SUMMARY_S)
            yield TextDelta('{"title": "App", "summary": "Done.", "suggestions": []}')
        elif any(message.role == "tool" for message in request.messages):
            await _take(WRAP_UP_S)
            yield TextDelta("<task_summary>Done.</task_summary>")
        else:
            async for chunk in self._files():
                yield chunk
            yield Finished("tool_calls")
            return
        yield Finished("stop")

    async def _files(self) -> AsyncIterator[LLMChunk]:
        files = [{"path": path, "content": content} for path, content in _APP.items()]
        text = json.dumps({"files": files})
        pieces = [text[i : i + 256] for i in range(0, len(text), 256)]
        yield ToolCallDelta(0, "", id="c", name="createOrUpdateFiles")
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, piece in enumerate(pieces, 1):
            due = began + STREAM_S / SCALE * number / len(pieces)
            await asyncio.sleep(max(0.0, due - loop.time()))
            yield ToolCallDelta(0, piece)


class _SlowSandbox(InMemorySandbox):
    @override
    async def write(self, files: AppFiles) -> None:
        await _take(WRITE_S)
        await super().write(files)


class _SlowProvider(InMemorySandboxProvider):
    @override
    async def create(self, framework: Framework, *, task_id: TaskId) -> InMemorySandbox:
        del task_id
        await _take(SANDBOX_S)
        return _SlowSandbox(SandboxId("sbx"), get_template(framework), _command)


class _SlowBrowser(ScriptedBrowser):
    """Takes a while to start, unless that was done before it is needed."""

    def __init__(self) -> None:
        super().__init__()
        self._started = False

    @override
    async def warm_up(self) -> None:
        if not self._started:
            await _take(BROWSER_S)
            self._started = True

    @override
    async def look(self, url: str) -> Sighting | None:
        await self.warm_up()
        await _take(LOOK_S)
        return await super().look(url)


async def _command(_sandbox: InMemorySandbox, command: str) -> CommandResult:
    template = get_template(Framework.REACT)
    times: Mapping[str, float] = {
        template.install: INSTALL_S,
        template.lint: LINT_S,
        template.build: BUILD_S,
    }
    await _take(times[command])
    return CommandResult(0, "")


async def _one_build() -> float:
    """Seconds of one build, scaled back."""
    stage = Stage(
        _PacedModel(),
        provider=_SlowProvider(),
        fetcher=ScriptedFetcher(Page(200, "<h1>App</h1>")),
        clock=SystemClock(),
        browser=_SlowBrowser(),
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    outcome = await run_pipeline(stage.run(job("An app", framework=None)))
    took_s = (loop.time() - began) * SCALE
    if not isinstance(outcome, Built):
        raise TypeError(f"the build ended as {type(outcome).__name__}")
    return took_s


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


async def run(*, seed: int, size: int | None, store: str) -> dict[str, Any]:
    """Build `size` times; the median's ratio to the critical path must stay within LIMIT."""
    del seed, store
    times = [await _one_build() for _ in range(size or DEFAULT_SIZE)]
    ratio = _median(times) / CRITICAL_S
    return {
        "ok": ratio <= LIMIT,
        "ratio": round(ratio, 4),
        "worst_ratio": round(max(times) / CRITICAL_S, 4),
        "critical_path_s": CRITICAL_S,
        "sequential_s": CRITICAL_S
        + sum((SANDBOX_S, INSTALL_S, LINT_S, SUMMARY_S, BROWSER_S, FILES * WRITE_S)),
    }

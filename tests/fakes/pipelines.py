"""A run of the pipeline over in-memory parts, and short ways to script a model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.events import FileChanged, Recorded
from agents.models import DEFAULT_CATALOG
from agents.ports import (
    LLM,
    Browser,
    Finished,
    LLMChunk,
    Page,
    PageFetcher,
    SandboxSource,
    TextDelta,
    ToolCallDelta,
    Toolkit,
    UsageReport,
)
from agents.replay import read_progress
from agents.run import Job, Run
from agents.sandbox.manager import SandboxManager
from agents.sources import Designs, Sources
from agents.spending import Spending
from agents.system import SystemClock
from agents.testing import (
    InMemoryBlobs,
    InMemorySandboxProvider,
    RecordingJournal,
    ScriptedFetcher,
    SequentialIds,
)
from agents.types import BlobHash, Framework, TaskId, TaskKind, Usage

TASK = TaskId("task_1")
GOOD_PAGE = Page(200, "<title>Bikes</title><h1>Bikes</h1>", "text/html")


def say(text: str, reason: str = "stop") -> list[LLMChunk]:
    """A turn of text only."""
    usage = Usage(prompt_tokens=10, completion_tokens=5, cost_usd=0.001)
    finish = Finished("stop" if reason == "stop" else "length")
    return [TextDelta(text), UsageReport(usage), finish]


def call(name: str, arguments: Mapping[str, object], call_id: str = "c1") -> list[LLMChunk]:
    """A turn of one tool call."""
    return [
        ToolCallDelta(0, "", id=call_id, name=name),
        ToolCallDelta(0, json.dumps(arguments)),
        UsageReport(Usage(prompt_tokens=10, completion_tokens=5, cost_usd=0.001)),
        Finished("tool_calls"),
    ]


def write(files: Mapping[str, str], call_id: str = "c1") -> list[LLMChunk]:
    """A turn that writes files."""
    listed = [{"path": path, "content": content} for path, content in files.items()]
    return call("createOrUpdateFiles", {"files": listed}, call_id)


SUMMARY = say('{"title": "Bike board", "summary": "A board.", "suggestions": ["Add colours"]}')


@dataclass
class Stage:
    """What a test holds of a run: its parts and what they have seen."""

    llm: LLM
    provider: InMemorySandboxProvider = field(default_factory=InMemorySandboxProvider)
    fetcher: PageFetcher = field(default_factory=lambda: ScriptedFetcher(GOOD_PAGE))
    blobs: InMemoryBlobs = field(default_factory=InMemoryBlobs)
    journal: RecordingJournal = field(default_factory=RecordingJournal)
    clock: SystemClock = field(default_factory=SystemClock)
    browser: Browser | None = None

    def run(
        self,
        job: Job,
        *,
        sandboxes: SandboxSource | None = None,
        sources: Sources | None = None,
        designs: Designs | None = None,
    ) -> Run:
        source = sandboxes or SandboxManager(self.provider, self.clock)
        kit = Toolkit(
            self.llm,
            source,
            self.fetcher,
            self.blobs,
            self.clock,
            SequentialIds(),
            browser=self.browser,
            sources=sources,
            designs=designs,
        )
        progress = read_progress(job.log)
        spending = Spending(kit.budget, usage=progress.usage, requests=progress.requests)
        return Run(job, kit, self.journal, DEFAULT_CATALOG, progress, spending)

    def changes(self) -> list[FileChanged]:
        """The file events so far."""
        return [event for event in self.journal.events if isinstance(event, FileChanged)]

    def log(self, before: Sequence[Recorded] = ()) -> list[Recorded]:
        """What was recorded, as the store would hand it to the next worker."""
        first = len(before) + 1
        at = self.clock.now()
        new = [
            Recorded(task_id=TASK, seq=first + index, at=at, event=event)
            for index, event in enumerate(self.journal.events)
        ]
        return [*before, *new]


def job(
    prompt: str = "A board for bikes",
    *,
    framework: Framework | None = Framework.REACT,
    kind: TaskKind = TaskKind.GENERATE,
    log: Sequence[Recorded] = (),
    base: Mapping[str, BlobHash] | None = None,
) -> Job:
    return Job(TASK, kind, prompt, framework=framework, log=log, base=base)

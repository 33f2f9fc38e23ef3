"""The built-in evaluation: fixed requests and follow-ups, run for real, judged by what came out.

Nobody's opinion is in it. An app counts as built when its build is green and its preview was
verified; a follow-up counts as done when what it asked for stands in lines that it added, and as
having kept the rest when it touched no more files and replaced no more lines than such a change
needs, and deleted no file.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final, Literal, Protocol

from agents import events as e
from agents.events import Recorded
from agents.ports import Blobs
from agents.task_state import TaskState, fold
from agents.types import BlobHash, Check, Framework, ProjectId, TaskStatus
from bot.services.colours import ColourName, sets_colour
from bot.services.tasks import LOCAL_OWNER, StartRequest
from bot.store.port import Projects

Kind = Literal["build", "change", "question"]


@dataclass(frozen=True, slots=True)
class Step:
    """One request. For a change, the lines it adds must hold the pattern `shows`, or set `colour`.

    Of what was there before, `max_files` may be touched and `max_lines` be replaced or removed;
    lines that were only indented do not count.
    """

    kind: Kind
    prompt: str
    shows: str = ""
    max_files: int = 0
    max_lines: int = 0
    colour: ColourName | None = None


@dataclass(frozen=True, slots=True)
class App:
    """What is built, and what is asked for afterwards, one after another."""

    name: str
    steps: tuple[Step, ...]


APPS: Final = (
    App(
        "board",
        (
            Step("build", "A kanban board for a bike repair shop: Waiting, In repair, Done"),
            Step("change", "Make the accent colour green", "", 2, 20, "green"),
            Step("change", "Call it Spokes", "Spokes", 4, 12),
            Step("question", "What of it is still there after a reload?"),
        ),
    ),
    App(
        "ledger",
        (
            Step("build", "A ledger for a shared flat: who paid for what, and who owes whom"),
            Step("change", "Make the accent colour orange", "", 2, 20, "orange"),
            Step("change", "Add a note that the rent is due on the first", r"(?i)\brent\b", 3, 12),
            Step("question", "Does it add up what everybody owes?"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one step. `done` is the verdict; the rest says why, or what it took.

    `status` is the task's, or `skipped` where the app was not built. `kept`, `changed` (files that
    were there before) and `replaced` (lines of them) are None for a build; `to_preview_s` counts
    from the request to the checked link. `repairs` is how often the fixer ran.
    """

    framework: Framework
    app: str
    step: Step
    status: str
    done: bool
    build: bool | None = None
    preview: bool | None = None
    kept: bool | None = None
    changed: int | None = None
    replaced: int | None = None
    repairs: int = 0
    to_preview_s: float | None = None
    seconds: float = 0.0
    cost_usd: float = 0.0
    tokens: int = 0
    problem: str | None = None


class EvaluationStore(Projects, Blobs, Protocol):
    """The roles of a store that the evaluation reads."""


Work = Callable[[StartRequest], Awaitable[Sequence[Recorded]]]
"""Runs one task to its end and answers its whole log."""


class Evaluation:
    """Runs the steps of apps, one task after another, and judges each."""

    def __init__(self, store: EvaluationStore, work: Work, model: str) -> None:
        self._store = store
        self._work = work
        self._model = model

    async def run(
        self,
        frameworks: Sequence[Framework],
        apps: Sequence[App],
        on_result: Callable[[Result], None] = lambda _: None,
    ) -> list[Result]:
        """Every step of every app in every framework. Raises: StoreError, UserError."""
        results: list[Result] = []
        for framework in frameworks:
            for app in apps:
                project: ProjectId | None = None
                for step in app.steps:
                    if step.kind != "build" and project is None:
                        result = Result(framework, app.name, step, "skipped", done=False)
                    else:
                        result, project = await self._take(framework, app, step, project)
                    results.append(result)
                    on_result(result)
        return results

    async def _take(
        self, framework: Framework, app: App, step: Step, project: ProjectId | None
    ) -> tuple[Result, ProjectId | None]:
        """The result, and the project as long as it holds an app."""
        before = await self._files(project)
        request = StartRequest(
            step.prompt,
            project_id=project,
            framework=None if project else framework,
            model=self._model,
            requested_by="eval",
        )
        log = await self._work(request)
        state = fold(log[0].task_id, log)
        after = await self._files(state.project_id)
        result = await self._judge(framework, app, step, (state, log), (before, after))
        return result, state.project_id if after else None

    async def _judge(
        self,
        framework: Framework,
        app: App,
        step: Step,
        run: tuple[TaskState, Sequence[Recorded]],
        files: tuple[Mapping[str, BlobHash], Mapping[str, BlobHash]],
    ) -> Result:
        (state, log), (before, after) = run, files
        complete = state.status is TaskStatus.COMPLETE
        touched = [path for path in before if after.get(path) != before[path]]
        gone = [path for path in before if path not in after]
        added, removed = await self._lines(before, after)
        few = len(touched) <= step.max_files and removed <= step.max_lines
        kept = complete and not gone and few
        build, preview = (_passed(state, check) for check in (Check.BUILD, Check.PREVIEW))
        done = complete
        match step.kind:
            case "build":
                done &= build is True and preview is True
            case "question":
                done &= state.fragment_id is None and bool(state.summary or state.text)
            case "change":
                done &= _shows(step, added)
        return Result(
            framework,
            app.name,
            step,
            state.status,
            done=done,
            build=build,
            preview=preview,
            kept=None if step.kind == "build" else kept,
            changed=None if step.kind == "build" else len(touched),
            replaced=None if step.kind == "build" else removed,
            repairs=len(state.fixes),
            to_preview_s=_to_preview_s(log),
            seconds=round(state.elapsed_s, 1),
            cost_usd=round(state.usage.cost_usd, 6),
            tokens=state.usage.prompt_tokens + state.usage.completion_tokens,
            problem=state.problem.code if state.problem is not None else None,
        )

    async def _files(self, project_id: ProjectId | None) -> Mapping[str, BlobHash]:
        """The project's newest version; nothing before the first one."""
        if project_id is None:
            return {}
        project = await self._store.project(LOCAL_OWNER, project_id)
        if project.head is None:
            return {}
        return (await self._store.fragment(LOCAL_OWNER, project_id, project.head)).files

    async def _lines(
        self, before: Mapping[str, BlobHash], after: Mapping[str, BlobHash]
    ) -> tuple[str, int]:
        """The lines that were in none of the files they came from, and how many went."""
        paths = [p for p in sorted({*before, *after}) if before.get(p) != after.get(p)]
        blobs = {blob for p in paths for blob in (before.get(p), after.get(p)) if blob is not None}
        contents = await self._store.get(sorted(blobs)) if blobs else {}
        added: list[str] = []
        removed = 0
        for path in paths:
            old, new = (
                _lines(contents[files[path]]) if path in files else [] for files in (before, after)
            )
            known = set(old)
            added += [line for line in new if line not in known]
            removed += (Counter(old) - Counter(new)).total()
        return "\n".join(added), removed


def _lines(content: bytes) -> list[str]:
    """Without indentation and blank lines."""
    lines = map(str.strip, content.decode(errors="replace").splitlines())
    return [line for line in lines if line]


def _shows(step: Step, added: str) -> bool:
    if step.colour is not None:
        return sets_colour(added, step.colour)
    return re.search(step.shows, added) is not None


def _passed(state: TaskState, check: Check) -> bool | None:
    """The newest verdict; None where the check did not come to one."""
    found = state.checks.get(check)
    if found is None or found.verdict in ("running", "skipped"):
        return None
    return found.verdict == "passed"


def _to_preview_s(log: Sequence[Recorded]) -> float | None:
    began: datetime = log[0].at
    seen = [recorded.at for recorded in log if isinstance(recorded.event, e.PreviewVerified)]
    return round((seen[0] - began).total_seconds(), 1) if seen else None


@dataclass(frozen=True, slots=True)
class Score:
    """Results added up. Each `x` of `y` counts what was asked, skipped steps included.

    `repaired` of `needed`: tasks in which the fixer ran, and those of them that were completed.
    """

    name: str
    apps: int
    built: int
    changes: int
    done: int
    kept: int
    questions: int
    answered: int
    needed: int
    repaired: int
    to_preview_s: float | None
    cost_usd: float
    tokens: int

    @property
    def is_perfect(self) -> bool:
        """Whether nothing failed."""
        return (
            self.built == self.apps
            and self.done == self.kept == self.changes
            and self.answered == self.questions
            and self.repaired == self.needed
        )


def add_up(name: str, results: Sequence[Result]) -> Score:
    """The score of these results."""
    builds, changes, questions = (
        [r for r in results if r.step.kind == kind] for kind in ("build", "change", "question")
    )
    fixed = [r for r in results if r.repairs]
    times = [r.to_preview_s for r in builds if r.to_preview_s is not None]
    return Score(
        name=name,
        apps=len(builds),
        built=sum(r.done for r in builds),
        changes=len(changes),
        done=sum(r.done for r in changes),
        kept=sum(r.kept is True for r in changes),
        questions=len(questions),
        answered=sum(r.done and r.kept is True for r in questions),
        needed=len(fixed),
        repaired=sum(r.status == TaskStatus.COMPLETE for r in fixed),
        to_preview_s=round(median(times), 1) if times else None,
        cost_usd=round(sum(r.cost_usd for r in results), 6),
        tokens=sum(r.tokens for r in results),
    )


def scores(results: Sequence[Result]) -> list[Score]:
    """One per framework, and the total last."""
    names = list(dict.fromkeys(r.framework for r in results))
    rows = [add_up(name, [r for r in results if r.framework is name]) for name in names]
    return [*rows, add_up("all", results)]

"""What the logs, rows, ledger and readers say about a campaign of killed and frozen workers."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from json import loads

from agents.events import (
    Recorded,
    StageEntered,
    TaskFailed,
    TaskStarted,
    ToolFinished,
    TurnFinished,
)
from agents.types import TaskId, TaskStatus
from bot.render.sse import to_wire
from bot.store.encoding import WORKER_LOST
from bot.store.port import MAX_ATTEMPTS, Fragment, TaskRow
from tests.campaigns._boats import app_of, finished_app, words_of
from tests.campaigns._effects import Effect
from tests.campaigns._log_order import misplaced
from tests.campaigns._readers import Followed

CLOCKS_S = 0.005
"""How far a store's rounded time may be behind the ledger's."""

Undead = AbstractSet[tuple[TaskId, int]]
"""Tasks with the process that was frozen while it had them."""


@dataclass(frozen=True, slots=True)
class Held:
    """A task as the row said it just after its worker's death; `since`: its last write."""

    task_id: TaskId
    attempt: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Blow:
    """A worker was killed, or frozen for longer than a lease; `held` is what it had then."""

    at: datetime
    pid: int
    held: tuple[Held, ...]
    is_frozen: bool = False


@dataclass(frozen=True, slots=True)
class Traces:
    """All that is left of one task."""

    name: str
    reader: Followed
    row: TaskRow
    log: Sequence[Recorded]
    fragments: Sequence[Fragment]
    effects: Sequence[Effect]

    @property
    def is_worker_lost(self) -> bool:
        """Whether it was given up, as every attempt was struck."""
        last = self.log[-1].event
        return isinstance(last, TaskFailed) and last.code == WORKER_LOST.code


@dataclass(slots=True)
class Tally:
    """Problems by kind, with a few of each in words."""

    problems: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def count(self, kind: str, task: Traces, detail: object) -> None:
        self.problems[kind] += 1
        if len(self.examples) < 10:
            self.examples.append(f"{kind}: {task.name} {task.row.id}: {detail}"[:500])


def judge(tasks: Sequence[Traces], blows: Sequence[Blow]) -> tuple[Tally, dict[str, object]]:
    """The problems, and the figures."""
    tally = Tally()
    struck = Counter(held.task_id for blow in blows for held in blow.held)
    undead = {(held.task_id, blow.pid) for blow in blows if blow.is_frozen for held in blow.held}
    for task in tasks:
        _judge_end(task, struck[task.row.id], tally)
        _judge_effects(task, undead, tally)
        _judge_reader(task, tally)
    times = sorted(takeovers(tasks, blows))
    return tally, {
        "takeovers": len(times),
        "takeover_p50_s": percentile(times, 0.5),
        "takeover_p95_s": percentile(times, 0.95),
        "takeover_max_s": percentile(times, 1.0),
        "worker_lost": sum(task.is_worker_lost for task in tasks),
        "tools_run_again": sum(max(0, n - 1) for task in tasks for n in _runs(task).values()),
        "struck_in": dict(sorted(Counter(_stages(tasks, blows)).items())),
        "events": sum(len(task.log) for task in tasks),
    }


# --- one end, and the right one ----------------------------------------------------------


def _judge_end(task: Traces, blows: int, tally: Tally) -> None:
    seqs = [recorded.seq for recorded in task.log]
    if wrong := misplaced(task.log):
        tally.count("mixed", task, wrong)
    if seqs != list(range(1, task.row.last_seq + 1)):
        tally.count("log_gaps", task, f"row at {task.row.last_seq}, log {seqs}")
    ends = [recorded.seq for recorded in task.log if recorded.is_terminal]
    if len(ends) > 1:
        tally.count("doubled", task, f"ended {len(ends)} times, at {ends}")
    if not ends or ends[-1] != seqs[-1]:
        tally.count("lost", task, f"{task.row.status}, the log does not end with an end")
    elif task.is_worker_lost:
        if blows != MAX_ATTEMPTS or task.row.status is not TaskStatus.FAILED:
            tally.count("lost", task, f"given up after {blows} blows, {task.row.status}")
    elif task.row.status is not TaskStatus.COMPLETE:
        tally.count("lost", task, task.log[-1].event)
    elif task.row.attempts != blows + 1:
        starts = [
            f"{recorded.event.attempt} by {recorded.event.worker_id} at {recorded.at:%X.%f}"
            for recorded in task.log
            if isinstance(recorded.event, TaskStarted)
        ]
        tally.count("unexplained", task, f"{task.row.attempts} attempts, {blows} blows: {starts}")


# --- effects -----------------------------------------------------------------------------


def _judge_effects(task: Traces, undead: Undead, tally: Tally) -> None:
    events = [recorded.event for recorded in task.log]
    asked = [c.id for event in events if isinstance(event, TurnFinished) for c in event.calls]
    finished = [event.call_id for event in events if isinstance(event, ToolFinished)]
    for what, ids in (("asked for", asked), ("finished", finished)):
        for call_id, times in Counter(ids).items():
            if times > 1:
                tally.count("doubled", task, f"call {call_id} {what} {times} times")
    _judge_runs(task, undead, tally)
    wanted = 0 if task.is_worker_lost else 1
    if len(task.fragments) > wanted:
        tally.count("doubled", task, f"{len(task.fragments)} versions")
    elif len(task.fragments) < wanted and task.log[-1].is_terminal:
        tally.count("lost", task, "complete without a version")
    for fragment in task.fragments:
        expected = finished_app(task.name)
        wrong = {
            p for p in {*expected, *fragment.files} if expected.get(p) != fragment.files.get(p)
        }
        if wrong:
            tally.count("doubled", task, f"the version differs in {sorted(wrong)}")


def _judge_runs(task: Traces, undead: Undead, tally: Tally) -> None:
    """No command runs after the log says that it has.

    A frozen worker cannot know: what it finishes when it thaws is harmless if nothing comes of it.
    """
    ended_at = _ended_at(task.log)
    for effect in task.effects:
        at = None if (task.row.id, effect.pid) in undead else ended_at.get(effect.word)
        if at is not None and effect.at > at.timestamp() + CLOCKS_S:
            tally.count("doubled", task, f"{effect.word} ran again by {effect.pid}")
    runs, words = _runs(task), words_of(task.name)
    if foreign := set(runs) - set(words):
        tally.count("doubled", task, f"{foreign} ran for the wrong task")
    if not task.is_worker_lost and set(runs) != set(words) and task.log[-1].is_terminal:
        tally.count("lost", task, f"only {set(runs)} ran")


def _ended_at(log: Iterable[Recorded]) -> dict[str, datetime]:
    """Command's word -> when its tool_finished was written first."""
    words: dict[str, str] = {}
    ended: dict[str, datetime] = {}
    for recorded in log:
        match recorded.event:
            case TurnFinished(calls=calls):
                for call in calls:
                    if call.name == "terminal":
                        words[call.id] = loads(call.arguments)["command"].split()[1]
            case ToolFinished(call_id=call_id) if call_id in words:
                ended.setdefault(words[call_id], recorded.at)
            case _:
                pass
    return ended


def _runs(task: Traces) -> Counter[str]:
    return Counter(effect.word for effect in task.effects)


# --- the reader --------------------------------------------------------------------------


def _judge_reader(task: Traces, tally: Tally) -> None:
    seen = [frame.seq for frame in task.reader.frames]
    shown = {r.seq: wire for r in task.log if (wire := to_wire(r)) is not None}
    if missing := sorted(set(shown) - set(seen)):
        tally.count("gaps", task, missing)
    if len(seen) != len(set(seen)):
        tally.count("duplicates", task, [seq for seq, n in Counter(seen).items() if n > 1])
    if seen != sorted(seen):
        tally.count("disorder", task, seen)
    for frame in task.reader.frames:
        wire = shown.get(frame.seq)
        if wire is None or any(frame.data.get(key) != value for key, value in wire.items()):
            tally.count("wrong_frames", task, f"{frame.seq}: {frame.type}, in the log {wire}")
    last = task.reader.frames[-1].data if task.reader.frames else {}
    if last.get("type") == "complete":
        written = app_of(task.name)
        if {path: last["files"].get(path) for path in written} != written:
            tally.count("wrong_frames", task, "the app that was shown is another one")
    if task.reader.other_ids - {task.row.id}:
        tally.count("doubled", task, f"asked twice: {task.reader.other_ids}")


# --- takeovers ---------------------------------------------------------------------------


def takeovers(tasks: Sequence[Traces], blows: Sequence[Blow]) -> Iterable[float]:
    """Seconds from each blow until somebody else had the task, or had ended it.

    The next worker is seen by its `task_started`; one that was struck before it wrote that is seen
    by the row, which nobody has written since the claim.
    """
    logs = {task.row.id: task.log for task in tasks}
    claims = {(h.task_id, h.attempt): h.since for blow in blows for h in blow.held}
    for blow in blows:
        for held in blow.held:
            seen = _next_sign(logs[held.task_id], held, claims)
            yield math.inf if seen is None else (seen - blow.at).total_seconds()


def _next_sign(
    log: Sequence[Recorded], held: Held, claims: Mapping[tuple[TaskId, int], datetime]
) -> datetime | None:
    claimed = claims.get((held.task_id, held.attempt + 1))
    for recorded in log:
        event = recorded.event
        if isinstance(event, TaskStarted) and event.attempt > held.attempt:
            return min(recorded.at, claimed or recorded.at)
        if recorded.is_terminal and held.attempt == MAX_ATTEMPTS:
            return recorded.at
    return claimed


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """None for no value at all, and for one without end."""
    found = ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf
    return round(found, 2) if math.isfinite(found) else None


def _stages(tasks: Sequence[Traces], blows: Sequence[Blow]) -> Iterable[str]:
    """In which stage each struck attempt was."""
    logs = {task.row.id: task.log for task in tasks}
    for blow in blows:
        for held in blow.held:
            stage = "claimed"
            for recorded in logs[held.task_id]:
                if recorded.at > blow.at:
                    break
                match recorded.event:
                    case TaskStarted(attempt=attempt):
                        stage = "queued" if attempt == held.attempt else "claimed"
                    case StageEntered(stage=entered) if stage != "claimed":
                        stage = str(entered)
                    case _:
                        pass
            yield stage


def by_task(effects: Iterable[Effect]) -> Mapping[str, list[Effect]]:
    """Each task's effects, in order."""
    found: defaultdict[str, list[Effect]] = defaultdict(list)
    for effect in effects:
        found[effect.task_id].append(effect)
    return found

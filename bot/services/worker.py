"""The worker: claims a task, keeps its lease, runs the pipeline, writes how it ended.

The task boundary is here: one of the three places where errors are caught.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from agents.background import Background
from agents.errors import (
    LeaseLost,
    LimitExceeded,
    SandboxError,
    SandboxUnavailable,
    SeqConflict,
    StoreError,
    StoreUnavailable,
    ZapdevError,
)
from agents.events import Recorded, TaskFailed, TaskStarted, TextVoided
from agents.logger import create_logger, task_scope
from agents.models import ModelCatalog
from agents.pipeline import Answered, Built, Outcome, Stuck, run_pipeline
from agents.ports import Clock, Ids, Toolkit
from agents.replay import read_progress
from agents.run import KEEP_ANYWAY, Job, Refused, Run
from agents.sandbox.manager import SandboxManager
from agents.spending import Spending
from agents.types import FragmentId, ProjectId, TaskId, TaskStatus, Usage, WorkerId
from bot.feed import FLUSH_S, Hub, JournalWriter, wait_for_bell
from bot.metrics import Metrics, RunMeter
from bot.services import endings
from bot.services.held_task import HeldTask, LastingBlobs
from bot.services.previews import PreviewLinks
from bot.store.port import (
    LEASE_S,
    MAX_ATTEMPTS,
    QUEUE_TOPIC,
    Claim,
    EventLog,
    Idle,
    Projects,
    Queue,
    cancel_topic,
)

log = create_logger(__name__)


class WorkStore(Projects, Queue, EventLog, Protocol):
    """The roles of a store that a worker plays on."""

    async def check(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker looks and writes; seconds.

    `heartbeat_s` also bounds how late a stop is seen, `flush_s` how late an event is.
    """

    heartbeat_s: float = 1.0
    flush_s: float = FLUSH_S
    busy_poll_s: float = 1.0
    idle_poll_s: float = 10.0
    retry_base_s: float = 1.0
    retry_cap_s: float = 30.0
    slots: int = 2


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is made of; the composition root puts it together."""

    store: WorkStore
    hub: Hub
    kit: Toolkit
    manager: SandboxManager
    models: ModelCatalog
    clock: Clock
    ids: Ids
    pace: Pace = field(default_factory=Pace)
    links: PreviewLinks | None = None
    metrics: Metrics = field(default_factory=Metrics)


@dataclass(slots=True)
class _Stop:
    """Who asked a running task to stop, or that its lease is gone."""

    by: str | None = None
    lost: bool = False


class Worker:
    """Runs tasks until it is told to stop, `pace.slots` of them at a time."""

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = replace(
            parts, kit=replace(parts.kit, blobs=LastingBlobs(parts.kit.blobs, parts.clock))
        )
        self._background = Background()
        self.id = WorkerId(parts.ids.new("worker"))
        self.running = 0
        self._away_since: float | None = None

    async def run(self, *, only: TaskId | None = None) -> None:
        """Claim and work until cancelled; then hand every lease back. `only`: that one task."""
        parts = self._parts
        free = asyncio.Semaphore(parts.pace.slots)
        poll_s = parts.pace.busy_poll_s
        try:
            with parts.hub.listen(QUEUE_TOPIC) as bell:
                while True:
                    await free.acquire()
                    bell.clear()
                    claim = await self._claim(only)
                    if isinstance(claim, Claim):
                        poll_s = parts.pace.busy_poll_s
                        self._background.spawn(self._work(claim, free.release), name="work")
                        continue
                    free.release()
                    wait_s = poll_s if claim.due_s is None else min(poll_s, claim.due_s)
                    await wait_for_bell(bell, parts.clock, wait_s)
                    poll_s = min(poll_s * 2, parts.pace.idle_poll_s)
        finally:
            await self._background.stop()

    async def _claim(self, only: TaskId | None) -> Claim | Idle:
        """Claim, when the store answers, and not right after it was away for long.

        Then leases have run out whose holders are well: they get the time to renew them first.
        """
        parts, asked_at = self._parts, self._parts.clock.monotonic()
        try:
            if self._away_since is not None:
                await parts.store.check()
                away_s = parts.clock.monotonic() - self._away_since
                self._away_since = None
                if away_s >= LEASE_S / 2:
                    await parts.clock.sleep(2 * parts.pace.heartbeat_s)
            return await parts.store.claim(self.id, only=only)
        except StoreUnavailable:
            log.warning("store unavailable", action="claim")
            self._note_absence(asked_at)
        except StoreError:  # what runs here must not end because nothing new can be taken
            log.exception("claim refused")
        return Idle()

    def _note_absence(self, since: float) -> None:
        if self._away_since is None:
            self._away_since = since

    async def _work(self, claim: Claim, release: Callable[[], None]) -> None:
        self.running += 1
        try:
            task = claim.task
            with task_scope(task_id=task.id, project_id=task.project_id, kind=task.kind):
                await self._run_claim(claim)
        except StoreUnavailable:
            log.warning("store unavailable", action="begin")  # the lease expires
        finally:
            self.running -= 1
            release()
            self._parts.hub.notify(QUEUE_TOPIC)

    async def _run_claim(self, claim: Claim) -> None:
        """Run one claim to its end; where this process stops first, give the task back."""
        parts = self._parts
        meter = RunMeter(parts.metrics, claim.task.kind, parts.clock)
        held = HeldTask(parts.store, claim, parts.clock, parts.pace.flush_s, meter.saw)
        run = self._prepare(claim, held.journal, await self._refused(claim))
        stop = _Stop()
        work = self._background.start(self._bounded(run), name="pipeline")
        beat = self._background.start(self._keep_lease(claim, work, stop), name="lease")
        try:
            await self._bring_to_end(held, run, work, stop)
        except asyncio.CancelledError:
            await held.hand_back(delay_s=0.0, count_attempt=False)
            raise
        finally:
            beat.cancel()
            await held.close()

    async def _bring_to_end(
        self, held: HeldTask, run: Run, work: asyncio.Task[Outcome], stop: _Stop
    ) -> None:
        """The task boundary: whatever happens, its end is written once, or another takes over."""
        try:
            await self._after_outcome(held, run, await work)
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            await self._after_stop(held, stop)
        except (LeaseLost, SeqConflict):
            log.warning("lease lost")
        except StoreUnavailable:
            log.exception("store unavailable", action="run")  # the lease ends by itself
        except SandboxError as error:
            await self._after_sandbox_error(held, error)
        except ZapdevError as error:
            log.warning("task failed", key=error.key, error=str(error))
            await held.end(endings.failed(error))
        except Exception:  # a defect of ours ends the task, not the worker
            log.exception("task crashed")
            await held.end(endings.failed(None))

    async def _refused(self, claim: Claim) -> Refused | None:
        """What the project's last task left when it got stuck, if that is what is asked for."""
        task = claim.task
        if task.prompt.strip().rstrip(".!").lower() != KEEP_ANYWAY.lower():
            return None
        rows = await self._parts.store.tasks(task.owner, task.project_id)
        earlier = (r for r in rows if r.id != task.id and r.created_at <= task.created_at)
        before = next(earlier, None)
        if before is None or before.status is not TaskStatus.FAILED:
            return None
        if claim.head is not None and claim.head.created_at > before.created_at:
            return None  # the app has moved on since
        changes: list[Recorded] = []
        while page := await self._parts.store.read(before.id, after=len(changes)):
            changes += page
        progress = read_progress(changes)
        end = changes[-1].event
        stuck = isinstance(end, TaskFailed) and end.code == endings.STUCK
        if not stuck or not progress.files or progress.framework is None:
            return None
        return Refused(before.prompt, progress.files, progress.framework)

    def _prepare(self, claim: Claim, journal: JournalWriter, refused: Refused | None) -> Run:
        task, parts = claim.task, self._parts
        progress = read_progress(claim.log)
        if progress.cut:
            journal.record(TextVoided(reason="The worker that was writing was lost."))
        journal.record(TaskStarted(attempt=task.attempts, worker_id=self.id))
        framework = claim.project.framework or task.framework
        job = Job(
            task_id=task.id,
            kind=task.kind,
            prompt=task.prompt,
            model=task.model,
            framework=refused.framework if refused is not None else framework,
            history=claim.history,
            base=claim.head.files if claim.head is not None else None,
            keep=refused,
        )
        spending = Spending(parts.kit.budget, usage=progress.usage, requests=progress.requests)
        return Run(job, parts.kit, journal, parts.models, progress, spending)

    async def _bounded(self, run: Run) -> Outcome:
        limit_s = self._parts.kit.budget.wall_s
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                return await run_pipeline(run)
        except TimeoutError:
            if not limit.expired():
                raise
            raise LimitExceeded(
                f"The limit of {limit_s / 60:.0f} minutes per task is reached."
            ) from None

    async def _keep_lease(self, claim: Claim, work: asyncio.Task[Outcome], stop: _Stop) -> None:
        """Renew until cancelled; end the work when somebody asks, or when the lease is lost."""
        parts = self._parts
        with parts.hub.listen(cancel_topic(claim.task.id)) as bell:
            while True:
                bell.clear()
                try:
                    stop.by = await parts.store.renew(claim.lease)
                except LeaseLost:
                    stop.lost = True
                except StoreUnavailable:
                    log.warning("store unavailable", action="renew")
                    self._note_absence(parts.clock.monotonic())
                except StoreError:  # a lease is not given up for an odd answer
                    log.exception("renewing refused")
                if (stop.by is not None or stop.lost) and work.cancel():
                    return
                await wait_for_bell(bell, parts.clock, parts.pace.heartbeat_s)

    async def _after_stop(self, held: HeldTask, stop: _Stop) -> None:
        """A person's stop ends the task; without the lease there is nothing to write."""
        if stop.lost or stop.by is None:
            log.warning("lease lost")
        else:
            await held.end(endings.cancelled(stop.by))

    async def _after_sandbox_error(self, held: HeldTask, error: SandboxError) -> None:
        """A lost sandbox is worth another attempt from the log; a missing one is not."""
        log.warning("sandbox error", key=error.key, error=str(error))
        attempts = held.claim.task.attempts
        if isinstance(error, SandboxUnavailable) or attempts >= MAX_ATTEMPTS:
            await held.end(endings.failed(error))
            return
        pace = self._parts.pace
        delay_s = min(pace.retry_base_s * 2 ** (attempts - 1), pace.retry_cap_s)
        await held.hand_back(delay_s=delay_s, count_attempt=True)

    async def _after_outcome(self, held: HeldTask, run: Run, outcome: Outcome) -> None:
        project, usage = held.claim.project, run.spending.usage
        has_version = held.claim.head is not None
        match outcome:
            case Built():
                await self._after_build(held, outcome, usage)
            case Answered():
                link = await self._link(project.id, project.preview_url, has_app=has_version)
                await held.end(endings.answered(outcome, project.title, link, usage))
            case Stuck():
                await held.end(endings.stuck(outcome, has_version=has_version))

    async def _after_build(self, held: HeldTask, built: Built, usage: Usage) -> None:
        """The sandbox lives on as the project's preview, if it is that in the end."""
        claim = held.claim
        fragment_id = FragmentId(self._parts.ids.new("frag"))
        title = claim.project.title if claim.head is not None else None
        ended = False
        try:
            runs = built.preview_url is not None
            link = await self._link(claim.project.id, built.preview_url, has_app=runs)
            ending = endings.built(built, fragment_id, usage, title=title, link=link)
            ended = await held.end(ending)
        finally:
            if not ended or built.preview_url is None:
                await built.sandbox.close()
        if ended and built.preview_url is not None:
            await self._parts.manager.keep(claim.project.id, built.sandbox)

    async def _link(
        self, project_id: ProjectId, runs_at: str | None, *, has_app: bool
    ) -> str | None:
        """The link that people get: the project's own, or where it runs just now."""
        links = self._parts.links
        if links is None or not has_app:
            return runs_at
        try:
            return await links.link(project_id) or runs_at
        except StoreError as error:
            log.warning("store unavailable", action="preview link", reason=str(error))
            return runs_at


def _is_cancelled() -> bool:
    """Whether somebody cancelled the running coroutine itself, not only what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

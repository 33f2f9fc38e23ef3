"""The worker: claims a task, keeps its lease, runs the pipeline, writes how it ended.

The task boundary is here: one of the three places where errors are caught.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
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
from agents.types import FragmentId, TaskId, TaskStatus, WorkerId
from bot.feed import Hub, JournalWriter, wait_for_bell
from bot.services import endings
from bot.services.tasks import QUEUE_TOPIC, cancel_topic
from bot.store.port import MAX_ATTEMPTS, Claim, Ending, EventLog, Projects, Queue

log = create_logger(__name__)


class WorkStore(Projects, Queue, EventLog, Protocol):
    """The roles of a store that a worker plays on."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker looks; seconds. `heartbeat_s` also bounds how late a stop is seen."""

    heartbeat_s: float = 1.0
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


@dataclass(slots=True)
class _Stop:
    """Who asked a running task to stop, or that its lease is gone."""

    by: str | None = None
    lost: bool = False


class Worker:
    """Runs tasks until it is told to stop, `pace.slots` of them at a time."""

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts
        self._background = Background()
        self.id = WorkerId(parts.ids.new("worker"))
        self.running = 0

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
                    if claim is not None:
                        poll_s = parts.pace.busy_poll_s
                        self._background.spawn(self._work(claim, free.release), name="work")
                        continue
                    free.release()
                    await wait_for_bell(bell, parts.clock, poll_s)
                    poll_s = min(poll_s * 2, parts.pace.idle_poll_s)
        finally:
            await self._background.stop()

    async def _claim(self, only: TaskId | None) -> Claim | None:
        try:
            return await self._parts.store.claim(self.id, only=only)
        except StoreUnavailable:
            log.warning("store unavailable", action="claim")
            return None

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
        """Run one claim to its end, whatever happens, and write that end once."""
        parts = self._parts
        last_seq = claim.log[-1].seq if claim.log else 0
        journal = JournalWriter(parts.store, claim.lease, last_seq, parts.clock)
        run = self._prepare(claim, journal, await self._refused(claim))
        stop = _Stop()
        work = self._background.start(self._bounded(run), name="pipeline")
        beat = self._background.start(self._keep_lease(claim, work, stop), name="lease")
        try:
            await self._after_outcome(claim, journal, run, await work)
        except asyncio.CancelledError:
            await asyncio.shield(self._after_cancel(claim, journal, stop))
            if stop.by is None and not stop.lost:
                raise
        except (LeaseLost, SeqConflict):
            log.warning("lease lost")
        except StoreUnavailable:
            log.exception(
                "store unavailable", action="run"
            )  # the lease expires; another takes over
        except SandboxError as error:
            await self._after_sandbox_error(claim, journal, error)
        except ZapdevError as error:
            log.warning("task failed", key=error.key, error=str(error))
            await self._end(claim, journal, endings.failed(error))
        except Exception:  # the task boundary: a defect of ours ends the task, not the worker
            log.exception("task crashed")
            await self._end(claim, journal, endings.failed(None))
        finally:
            beat.cancel()
            await journal.close()

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
        """Renew while the work runs; end it when somebody asks, or when the lease is lost."""
        parts = self._parts
        with parts.hub.listen(cancel_topic(claim.task.id)) as bell:
            while not work.done():
                bell.clear()
                try:
                    stop.by = await parts.store.renew(claim.lease)
                except LeaseLost:
                    stop.lost = True
                except StoreUnavailable:
                    log.warning("store unavailable", action="renew")
                if stop.by is not None or stop.lost:
                    work.cancel()
                    return
                await wait_for_bell(bell, parts.clock, parts.pace.heartbeat_s)

    async def _after_cancel(self, claim: Claim, journal: JournalWriter, stop: _Stop) -> None:
        """A person's stop ends the task; a stop of this process only hands it back."""
        if stop.lost:
            log.warning("lease lost")
        elif stop.by is not None:
            await self._end(claim, journal, endings.cancelled(stop.by))
        else:
            await self._hand_back(claim, journal, delay_s=0.0, count_attempt=False)

    async def _after_sandbox_error(
        self, claim: Claim, journal: JournalWriter, error: SandboxError
    ) -> None:
        """A lost sandbox is worth another attempt from the log; a missing one is not."""
        log.warning("sandbox error", key=error.key, error=str(error))
        attempts = claim.task.attempts
        if isinstance(error, SandboxUnavailable) or attempts >= MAX_ATTEMPTS:
            await self._end(claim, journal, endings.failed(error))
            return
        pace = self._parts.pace
        delay_s = min(pace.retry_base_s * 2 ** (attempts - 1), pace.retry_cap_s)
        await self._hand_back(claim, journal, delay_s=delay_s, count_attempt=True)

    async def _after_outcome(
        self, claim: Claim, journal: JournalWriter, run: Run, outcome: Outcome
    ) -> None:
        usage = run.spending.usage
        match outcome:
            case Built():
                fragment_id = FragmentId(self._parts.ids.new("frag"))
                ended = False
                try:
                    title = claim.project.title if claim.head is not None else None
                    ending = endings.built(outcome, fragment_id, usage, title=title)
                    ended = await self._end(claim, journal, ending)
                finally:
                    if not ended or outcome.preview_url is None:
                        await outcome.sandbox.close()
                if ended and outcome.preview_url is not None:
                    await self._parts.manager.keep(claim.project.id, outcome.sandbox)
            case Answered():
                project = claim.project
                ending = endings.answered(outcome, project.title, project.preview_url, usage)
                await self._end(claim, journal, ending)
            case Stuck():
                ending = endings.stuck(outcome, has_version=claim.head is not None)
                await self._end(claim, journal, ending)

    async def _end(self, claim: Claim, journal: JournalWriter, ending: Ending) -> bool:
        """Write the end; answers whether it counted.

        Raises: StoreError, when the store refuses the events before it or the new version. A bad
        end is written all the same, without what the journal could not write.
        """
        unwritten = () if ending.status is TaskStatus.COMPLETE else (StoreError,)
        try:
            with suppress(*unwritten):
                await journal.flush()
            await self._parts.store.finish(claim.lease, journal.seq, ending)
        except (LeaseLost, SeqConflict):
            log.warning("lease lost", action="finish")
            return False
        except StoreUnavailable:
            log.exception("store unavailable", action="finish")
            return False
        log.info("task ended", status=ending.status)
        return True

    async def _hand_back(
        self, claim: Claim, journal: JournalWriter, *, delay_s: float, count_attempt: bool
    ) -> None:
        try:
            await journal.flush()
            await self._parts.store.hand_back(
                claim.lease, delay_s=delay_s, count_attempt=count_attempt
            )
        except StoreError:
            log.warning("hand back failed")  # the lease expires by itself

"""Who has which sandbox: fresh ones for tasks, and those that serve a project's preview."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from agents.background import Background
from agents.errors import SandboxFull
from agents.ports import Clock, Sandbox, SandboxProvider
from agents.types import AppFiles, Framework, ProjectId, SandboxId, TaskId

KEPT = 8
LIFETIME_S = 60 * 60.0


class Sandboxes(SandboxProvider, Protocol):
    """A provider as the composition root holds it."""

    async def check(self) -> bool:
        """Whether sandboxes are isolated. Raises: SandboxUnavailable: there can be none."""
        ...

    async def prepare(self, framework: Framework) -> None:
        """Do ahead what the first sandbox of the framework would wait for.

        Raises: SandboxUnavailable, ProviderUnavailable, ProviderTimeout.
        """
        ...


@dataclass(slots=True)
class _Kept:
    sandbox: Sandbox
    touched_at: float


class SandboxManager:
    """Implements `agents.ports.SandboxSource` over any provider, and keeps previews alive.

    At most `capacity` sandboxes are kept; the least recently used one is let go first, and each
    one `lifetime_s` after it was last touched. What is let go is paused where that can be, so that
    `find` has it again, else closed.
    """

    def __init__(
        self,
        provider: SandboxProvider,
        clock: Clock,
        *,
        capacity: int = KEPT,
        lifetime_s: float = LIFETIME_S,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._capacity = capacity
        self._lifetime_s = lifetime_s
        self._kept: OrderedDict[ProjectId, _Kept] = OrderedDict()
        self._background, self._releases = Background(), Background()
        self._leaving: dict[asyncio.Task[bool], tuple[ProjectId, SandboxId]] = {}
        self._expiry: asyncio.Task[None] | None = None

    async def acquire(
        self, framework: Framework, files: AppFiles | None, task_id: TaskId
    ) -> Sandbox:
        """A fresh sandbox with exactly `files`, or the template's own when None.

        Where there is no room, kept sandboxes give way, least recently used first. Dependencies
        are the template's: a caller whose `package.json` differs installs. Retries are the
        caller's. Raises: as `SandboxProvider.create`, and SandboxLost.
        """
        sandbox = await self._create(framework, task_id)
        try:
            if files is not None:
                await _restore(sandbox, files)
        except BaseException:
            await sandbox.close()
            raise
        return sandbox

    async def keep(self, project_id: ProjectId, sandbox: Sandbox) -> None:
        """From now on this sandbox serves the project's preview; the former one is closed."""
        former = self._kept.pop(project_id, None)
        self._kept[project_id] = _Kept(sandbox, self._clock.monotonic())
        if self._expiry is None:
            self._expiry = self._background.start(self._expire(), name="sandbox expiry")
        if former is not None and former.sandbox is not sandbox:
            await former.sandbox.close()
        while len(self._kept) > self._capacity:
            await self._let_oldest_go()

    def kept(self, project_id: ProjectId) -> Sandbox | None:
        """The sandbox that serves the project's preview, if there is one; this touches it."""
        kept = self._kept.get(project_id)
        if kept is None:
            return None
        kept.touched_at = self._clock.monotonic()
        self._kept.move_to_end(project_id)
        return kept.sandbox

    async def find(self, sandbox_id: SandboxId) -> Sandbox | None:
        """A living sandbox that somebody else has made, woken if it was paused; its keeper's now.

        Raises: as `SandboxProvider.connect`.
        """
        return await self._provider.connect(sandbox_id)

    async def lives_elsewhere(self, sandbox_id: SandboxId) -> bool:
        """As `SandboxProvider.lives_elsewhere`."""
        return await self._provider.lives_elsewhere(sandbox_id)

    async def drop(self, project_id: ProjectId, sandbox: Sandbox) -> None:
        """Close this sandbox, if the project's preview is still kept in it."""
        kept = self._kept.get(project_id)
        if kept is not None and kept.sandbox is sandbox:
            del self._kept[project_id]
            await sandbox.close()

    async def close(self) -> dict[ProjectId, SandboxId]:
        """Let everything kept go, and see to its end what is leaving; answers what is gone for good.

        The provider, and what tasks still use, is its owner's.
        """
        await self._background.stop()
        self._expiry = None
        while self._kept:
            _ = self._release_oldest()
        leaving = dict(self._leaving)
        paused = await asyncio.gather(*leaving)
        return dict(who for who, asleep in zip(leaving.values(), paused, strict=True) if not asleep)

    async def _create(self, framework: Framework, task_id: TaskId) -> Sandbox:
        while self._kept:
            with suppress(SandboxFull):
                return await self._provider.create(framework, task_id=task_id)
            await self._let_oldest_go()
        return await self._provider.create(framework, task_id=task_id)

    async def _let_oldest_go(self) -> None:
        if self._kept:
            await asyncio.shield(self._release_oldest())

    def _release_oldest(self) -> asyncio.Task[bool]:
        """It goes on when who waits for it is gone: half let go, it would be nobody's."""
        project_id, oldest = self._kept.popitem(last=False)
        release = self._releases.start(_let_go(oldest.sandbox), name="let a sandbox go")
        self._leaving[release] = project_id, oldest.sandbox.id
        release.add_done_callback(self._leaving.pop)
        return release

    async def _expire(self) -> None:
        """Let each kept sandbox go when its time is over; the oldest is always the first."""
        while self._kept:
            oldest = next(iter(self._kept.values()))
            remaining = oldest.touched_at + self._lifetime_s - self._clock.monotonic()
            if remaining > 0:
                await self._clock.sleep(remaining)
            else:
                await self._let_oldest_go()
        self._expiry = None


async def _let_go(sandbox: Sandbox) -> bool:
    """Whether it only sleeps; else it is closed."""
    asleep = await sandbox.pause()
    if not asleep:
        await sandbox.close()
    return asleep


async def _restore(sandbox: Sandbox, files: AppFiles) -> None:
    """Make the app exactly `files`."""
    present = await sandbox.tree()
    await sandbox.remove([path for path in present if path not in files])
    await sandbox.write({p: content for p, content in files.items() if present.get(p) != content})

"""Preview links that do not die: `/p/{key}` leads to the app, and wakes it where it sleeps.

A sandbox is a cache. When it is gone, the app is built and started again from the stored files of
its newest version, by whichever process is asked, while the person sees how far it is.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from agents.background import Background
from agents.errors import (
    NotFound,
    ProviderError,
    SandboxError,
    SandboxFull,
    StoreError,
    ZapdevError,
)
from agents.logger import create_logger
from agents.ports import Blobs, Sandbox
from agents.revival import NotRevived, Reviver, Say
from agents.sandbox.manager import SandboxManager
from agents.types import OwnerId, ProjectId, SandboxId, TaskId
from bot.setting_values import is_everywhere
from bot.store.links_port import PreviewKeys
from bot.store.port import Project, Projects

log = create_logger(__name__)

PREVIEW_PATH = "/p/"
KEY_BYTES = 20
"""160 random bits: nobody guesses one."""

ANSWERS_S = 2.0
"""How long an app that runs may take to show that it does."""

WAITS_S = 10.0
"""How long it may take before it is started again."""

FAILED_S, LONGEST_PAUSE_S = 30.0, 3_600.0
"""How long an app that does not start any more is not tried again: at first, and at most."""

USED_S = 300.0
"""How often a sandbox elsewhere is told that somebody uses it."""

AT_ONCE = 2
"""So many wake at a time; the others wait for their turn. Everybody may ask who has a link."""

REMEMBERED = 1_000
GATEWAYS = (502, 503, 504)
"""What a provider answers in the place of a sandbox that is gone or sleeps."""


class LinkStore(Projects, PreviewKeys, Blobs, Protocol):
    """The roles of a store that preview links play on."""


class PreviewLinks:
    """The links that people are given.

    `address` is where people reach this server, if they do: known once it listens. Without one an
    app has only its sandbox's own address.
    """

    def __init__(self, keys: PreviewKeys, address: str | None = None) -> None:
        self._keys = keys
        self.address = address

    async def link(self, project_id: ProjectId) -> str | None:
        """The project's own link; None where this server has no address. Raises: StoreError."""
        if not self._leads_somewhere:
            return None
        return self._of(await self._keys.preview_key(project_id, new_key()))

    async def links(self, owner: OwnerId) -> Mapping[ProjectId, str]:
        """Those that were given for this owner's projects. Raises: StoreError."""
        if not self._leads_somewhere:
            return {}
        keys = await self._keys.preview_keys(owner)
        return {project_id: self._of(key) for project_id, key in keys.items()}

    @property
    def _leads_somewhere(self) -> bool:
        host = urlsplit(self.address or "").hostname
        return host is not None and not is_everywhere(host)

    def _of(self, key: str) -> str:
        return f"{(self.address or '').rstrip('/')}{PREVIEW_PATH}{key}"

    async def renew(self, owner: OwnerId, project_id: ProjectId) -> str | None:
        """The old link opens nothing any more; answers the new one. Raises: NotFound, StoreError."""
        await self._keys.renew_preview_key(owner, project_id, new_key())
        return await self.link(project_id)


def new_key() -> str:
    return secrets.token_hex(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Awake:
    """The app runs at this address."""

    url: str


@dataclass(frozen=True, slots=True)
class Waking:
    """It is on its way; `words` say how far, `since_s` for how long."""

    words: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Asleep:
    """It cannot be shown, and why."""

    reason: str


Standing = Awake | Waking | Asleep


@dataclass(slots=True)
class _Way:
    """One version's way back. `fails`: how often in a row it did not get there."""

    head: str
    began_at: float
    words: str = "Waking it up"
    failed: str = ""
    fails: int = 0
    again_at: float = 0.0


class Previews:
    """Where apps run, and their way back. Close it before the sandboxes.

    `only_here`: apps run on this machine, so that nobody else's browser gets to them.
    """

    def __init__(
        self,
        store: LinkStore,
        manager: SandboxManager,
        reviver: Reviver,
        *,
        only_here: bool = False,
    ) -> None:
        self.only_here = only_here
        self._store = store
        self._manager = manager
        self._reviver = reviver
        self._fetcher, self._clock = reviver.fetcher, reviver.clock
        self._ways: OrderedDict[ProjectId, _Way] = OrderedDict()
        self._used_at: OrderedDict[SandboxId, float] = OrderedDict()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._background = Background()

    async def close(self) -> None:
        """Nothing wakes any more."""
        await self._background.stop()

    async def project_of(self, key: str) -> Project:
        """Raises: NotFound, StoreError."""
        project = await self._store.project_of_key(key)
        if project is None:
            raise NotFound("no such link")
        return project

    async def open(self, project: Project) -> Standing:
        """Where it runs; else it is woken, and this says how far that is. Raises: StoreError."""
        if project.head is None or project.framework is None:
            return Asleep("Nothing has been built here yet.")
        now, way = self._clock.monotonic(), self._ways.get(project.id)
        if way is None or way.head != project.head:
            url = await self._running(project)
            if url is not None:
                return Awake(url)
            way = self._begin(project, _Way(project.head, now))
        elif way.failed and now >= way.again_at:
            way = self._begin(project, _Way(project.head, now, fails=way.fails))
        if way.failed:
            return Asleep(way.failed)
        return Waking(way.words, now - way.began_at)

    def _begin(self, project: Project, way: _Way) -> _Way:
        self._ways[project.id] = way
        while len(self._ways) > REMEMBERED:
            self._ways.popitem(last=False)
        self._background.spawn(self._wake(project, way), name="wake preview")
        return way

    async def runs_at(self, project: Project) -> str | None:
        """Where its newest version runs on this machine; nobody has asked whether it still answers.

        Raises: NotFound (it was deleted), StoreError.
        """
        kept = self._manager.kept(project.id)
        if kept is not None and kept.id != project.sandbox_id:
            project = await self._store.project(project.owner, project.id)
            if (
                kept.id != project.sandbox_id
            ):  # what is kept was noted first: it runs elsewhere by now
                await self._manager.drop(project.id, kept)
                kept = None
        if kept is None and not await self._is_elsewhere(project):
            return None
        if kept is not None:
            self._use(kept.id)
        return project.preview_url

    @asynccontextmanager
    async def in_use(self, project_id: ProjectId) -> AsyncIterator[None]:
        """While inside, somebody uses it, however long: its sandbox is not let go as if unused."""
        using = self._background.start(self._go_on_using(project_id), name="preview in use")
        try:
            yield
        finally:
            using.cancel()

    async def _go_on_using(self, project_id: ProjectId) -> None:
        while True:
            await self._clock.sleep(USED_S)
            kept = self._manager.kept(project_id)
            if kept is not None:
                self._use(kept.id)

    async def _is_elsewhere(self, project: Project) -> bool:
        """Whether it runs in another process of this machine, and is best left there."""
        sandbox_id = project.sandbox_id
        return sandbox_id is not None and await self._manager.lives_elsewhere(sandbox_id)

    async def _running(self, project: Project) -> str | None:
        """The same, if it answers."""
        url = await self.runs_at(project)
        return url if url is not None and await self._answers(project, ANSWERS_S) else None

    def _use(self, sandbox_id: SandboxId) -> None:
        """Elsewhere a sandbox sleeps when nobody has called for it: who looks counts, too."""
        now = self._clock.monotonic()
        if self.only_here or now - self._used_at.get(sandbox_id, float("-inf")) < USED_S:
            return
        self._used_at[sandbox_id] = now
        while len(self._used_at) > REMEMBERED:
            self._used_at.popitem(last=False)
        self._background.spawn(self._lengthen(sandbox_id), name="lengthen preview")

    async def _lengthen(self, sandbox_id: SandboxId) -> None:
        try:
            await self._manager.find(sandbox_id)
        except (SandboxError, ProviderError) as error:
            log.info("sandbox not kept awake", sandbox_id=sandbox_id, reason=str(error))

    async def _answers(self, project: Project, within_s: float) -> bool:
        page = await self._fetcher.get(project.preview_url or "", timeout_s=within_s)
        return page is not None and page.status not in GATEWAYS

    async def _wake(self, project: Project, way: _Way) -> None:
        """A boundary: what goes wrong is told on the page, in words of ours."""
        try:
            async with self._turns:
                await self._revive(project, way)
        except NotRevived as error:
            log.warning("app does not start any more", project_id=project.id, said=str(error))
            self._give_up(way, "It does not build or start any more. A change may mend it.")
        except SandboxFull:
            self._give_up(way, "There is no room to run it just now.")
        except StoreError as error:
            log.warning("store unavailable", action="wake preview", reason=str(error))
            self._give_up(way, "Its files cannot be read just now.")
        except ZapdevError as error:
            log.warning("preview not woken", project_id=project.id, reason=str(error))
            self._give_up(way, "It could not be started just now.")
        except Exception:
            log.exception("preview not woken", project_id=project.id)
            self._give_up(way, "It could not be started.")
        else:
            if self._ways.get(project.id) is way:
                del self._ways[project.id]

    def _give_up(self, way: _Way, words: str) -> None:
        """For a while: longer each time, as long as the app stays the same."""
        way.failed, way.fails = words, way.fails + 1
        pause_s = min(FAILED_S * 2 ** (way.fails - 1), LONGEST_PAUSE_S)
        way.again_at = self._clock.monotonic() + pause_s

    async def _revive(self, project: Project, way: _Way) -> None:
        """From where it was, or from its stored files."""

        def say(words: str) -> None:
            way.words = words

        project = await self._store.project(project.owner, project.id)
        if project.head is None or project.framework is None or project.head != way.head:
            return  # whoever asks next sees the newer one
        if await self._is_elsewhere(project) and await self._answers(project, WAITS_S):
            return
        found = await self._found(project, say)
        if found is not None:
            await self._keep(project, *found)
            return
        version = await self._store.fragment(project.owner, project.id, project.head)
        contents = await self._store.get(sorted(set(version.files.values())))
        files = {path: contents[digest] for path, digest in version.files.items()}
        task_id = version.task_id or TaskId(version.id)
        await self._keep(
            project, *await self._reviver.revive(project.framework, files, task_id, say)
        )

    async def _found(self, project: Project, say: Say) -> tuple[Sandbox, str] | None:
        """The sandbox that was noted for this version, if it can still be had.

        One that only needs longer to answer is not started again.
        """
        if project.sandbox_id is None:
            return None
        sandbox: Sandbox | None = None
        try:
            sandbox = await self._manager.find(project.sandbox_id)
            if sandbox is None:
                await self._give_back(project, self._manager.kept(project.id))
                return None
            if project.preview_url is not None and await self._answers(project, WAITS_S):
                return sandbox, project.preview_url
            say("Starting it")
            url = await self._reviver.start_again(sandbox)
        except (SandboxError, ProviderError) as error:
            log.info("sandbox not found again", project_id=project.id, reason=str(error))
            url = None
        if sandbox is not None and url is None:
            await self._give_back(project, sandbox)
        return None if sandbox is None or url is None else (sandbox, url)

    async def _give_back(self, project: Project, sandbox: Sandbox | None) -> None:
        """Close it; nobody is led any more to where it was, which may soon be another app's."""
        if sandbox is None or sandbox.id != project.sandbox_id:
            return
        await self._manager.drop(project.id, sandbox)
        await sandbox.close()
        await self._store.set_preview(project.id, was=sandbox.id, sandbox_id=None, preview_url=None)

    async def _keep(self, project: Project, sandbox: Sandbox, url: str) -> None:
        """As the project's preview, unless it has a newer version or another sandbox by now."""
        try:
            noted = (await self._store.project(project.owner, project.id)).sandbox_id
            was = project.sandbox_id if noted is not None else None  # it may have been given back
            await self._store.set_preview(
                project.id, was=was, sandbox_id=sandbox.id, preview_url=url
            )
            now = await self._store.project(project.owner, project.id)
            if (now.sandbox_id, now.head) == (sandbox.id, project.head):
                await self._manager.keep(project.id, sandbox)
                return
            await self._store.set_preview(
                project.id, was=sandbox.id, sandbox_id=None, preview_url=None
            )
        except BaseException:
            await sandbox.close()
            raise
        await sandbox.close()

"""Preview links that do not die: `/p/{key}` leads to the app, and wakes it where it sleeps.

A sandbox is a cache. When it is gone, the app is built and started again from the stored files of
its newest version, by whichever process is asked, while the person sees how far it is.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from agents.background import Background
from agents.errors import NotFound, ProviderError, SandboxError, StoreError, ZapdevError
from agents.logger import create_logger
from agents.ports import Blobs, Clock, PageFetcher, Sandbox
from agents.revival import NotRevived, Reviver, Say
from agents.sandbox.manager import SandboxManager
from agents.types import OwnerId, ProjectId, TaskId
from bot.setting_values import is_everywhere
from bot.store.links_port import PreviewKeys
from bot.store.port import Project, Projects

log = create_logger(__name__)

PREVIEW_PATH = "/p/"
KEY_BYTES = 20
"""160 random bits: nobody guesses one."""

ANSWERS_S = 2.0
"""How long an app that runs may take to show that it does."""

_NOBODY_HOME = 502
"""What a provider answers in the place of a sandbox that is gone or sleeps."""

FAILED_S = 30.0
"""How long an app that does not start any more is not tried again."""


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
    """One app's way back."""

    head: str
    began_at: float
    words: str = "Waking it up"
    failed: str = ""
    ended_at: float = field(default=float("inf"))


class Previews:
    """Where apps run, and their way back. Close it before the sandboxes."""

    def __init__(
        self,
        store: LinkStore,
        manager: SandboxManager,
        reviver: Reviver,
        fetcher: PageFetcher,
        clock: Clock,
    ) -> None:
        self._store = store
        self._manager = manager
        self._reviver = reviver
        self._fetcher = fetcher
        self._clock = clock
        self._ways: dict[ProjectId, _Way] = {}
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
        url = await self._running(project)
        if url is not None:
            return Awake(url)
        now, way = self._clock.monotonic(), self._ways.get(project.id)
        is_over = way is not None and now - way.ended_at >= FAILED_S
        if way is None or way.head != project.head or is_over:
            way = self._ways[project.id] = _Way(project.head, now)
            self._background.spawn(self._wake(project, way), name="wake preview")
        if way.failed:
            return Asleep(way.failed)
        return Waking(way.words, now - way.began_at)

    async def _running(self, project: Project) -> str | None:
        """The address of the sandbox that is kept here for its newest version, if it answers."""
        kept = self._manager.kept(project.id)
        if kept is None or kept.id != project.sandbox_id or project.preview_url is None:
            return None
        page = await self._fetcher.get(project.preview_url, timeout_s=ANSWERS_S)
        return None if page is None or page.status == _NOBODY_HOME else project.preview_url

    async def _wake(self, project: Project, way: _Way) -> None:
        """A boundary: what goes wrong is told on the page."""
        try:
            await self._revive(project, way)
        except NotRevived as error:
            way.failed = f"It does not start any more: {error}"
        except SandboxError as error:
            log.warning("preview not woken", project_id=project.id, reason=str(error))
            way.failed = "There is no room to run it just now."
        except StoreError as error:
            log.warning("store unavailable", action="wake preview", reason=str(error))
            way.failed = "Its files cannot be read just now."
        except ZapdevError as error:
            log.warning("preview not woken", project_id=project.id, reason=str(error))
            way.failed = "It could not be started just now."
        except Exception:
            log.exception("preview not woken", project_id=project.id)
            way.failed = "It could not be started."
        else:
            self._ways.pop(project.id, None)
        way.ended_at = self._clock.monotonic()

    async def _revive(self, project: Project, way: _Way) -> None:
        """From where it was, or from its stored files."""

        def say(words: str) -> None:
            way.words = words

        if project.head is None or project.framework is None:
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
        """The sandbox that was noted for this version, if it can still be had."""
        if project.sandbox_id is None or self._manager.kept(project.id) is not None:
            return None
        try:
            sandbox = await self._manager.find(project.sandbox_id)
            if sandbox is None:
                return None
            say("Starting it")
            url = await self._reviver.start_again(sandbox)
        except (SandboxError, ProviderError) as error:
            log.info("sandbox not found again", project_id=project.id, reason=str(error))
            return None
        if url is None:
            await sandbox.close()
            return None
        return sandbox, url

    async def _keep(self, project: Project, sandbox: Sandbox, url: str) -> None:
        """As the project's preview, unless it has a newer version or another sandbox by now."""
        try:
            await self._store.set_preview(
                project.id, was=project.sandbox_id, sandbox_id=sandbox.id, preview_url=url
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

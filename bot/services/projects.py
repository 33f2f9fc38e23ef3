"""Projects as a person sees them: the app's files, its versions, going back to one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.errors import NotFound
from agents.ports import Blobs, Ids
from agents.task_state import TaskState, step
from agents.types import AppFiles, BlobHash, FragmentId, OwnerId, ProjectId, TaskId
from bot.store.port import (
    EventLog,
    Fragment,
    Project,
    Projects,
    Queue,
    StoredMessage,
    TaskRow,
)

_PAGE = 500


class ProjectStore(Projects, Queue, EventLog, Blobs, Protocol):
    """The roles of a store that this service plays on."""


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """One line of the history; `newest` is None only while the project has no task."""

    project: Project
    newest: TaskRow | None


@dataclass(frozen=True, slots=True)
class ProjectDetail:
    """A project with its tasks (newest first) and conversation (oldest first)."""

    project: Project
    tasks: Sequence[TaskRow]
    messages: Sequence[StoredMessage]


@dataclass(frozen=True, slots=True)
class AppFile:
    """One file of the current version. `text` says whether it can be read as UTF-8."""

    path: str
    size_bytes: int
    hash: BlobHash
    text: bool


@dataclass(frozen=True, slots=True)
class TextFiles:
    """An app's text files by path, and the paths of those that are not text."""

    text: dict[str, str]
    binary: list[str]


@dataclass(frozen=True, slots=True)
class Changes:
    """Two versions of an app, to be compared. `since` is None where `to` is the first one."""

    since: Fragment | None
    to: Fragment
    before: AppFiles
    after: AppFiles


class ProjectService:
    """Reads projects and restores their versions."""

    def __init__(self, store: ProjectStore, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    async def summaries(self, owner: OwnerId) -> list[ProjectSummary]:
        """Every project with its newest task, newest change first. Raises: StoreUnavailable."""
        projects = await self._store.projects(owner)
        newest = await self._store.newest_tasks(owner, [project.id for project in projects])
        return [ProjectSummary(project, newest.get(project.id)) for project in projects]

    async def detail(self, owner: OwnerId, project_id: ProjectId) -> ProjectDetail:
        """Raises: NotFound, StoreUnavailable."""
        project, tasks, messages = await asyncio.gather(
            self._store.project(owner, project_id),
            self._store.tasks(owner, project_id),
            self._store.messages(owner, project_id),
        )
        return ProjectDetail(project, tasks, messages)

    async def files(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId | None = None
    ) -> list[AppFile]:
        """One version's files by path, or the current one's; none before the first build.

        Raises: NotFound, StoreUnavailable.
        """
        version = await self._version(owner, project_id, fragment_id)
        if version is None:
            return []
        contents = await _load(self._store, version.files)
        return [
            AppFile(path, len(content), version.files[path], text=text_of(content) is not None)
            for path, content in sorted(contents.items())
        ]

    async def file(
        self,
        owner: OwnerId,
        project_id: ProjectId,
        path: str,
        fragment_id: FragmentId | None = None,
    ) -> bytes:
        """One file's bytes. `path` is only ever looked up among the version's own names.

        Raises: NotFound, StoreUnavailable.
        """
        version = await self._version(owner, project_id, fragment_id)
        digest = version.files.get(path) if version else None
        if digest is None:
            raise NotFound("no such file in this version")
        return (await self._store.get([digest]))[digest]

    async def app(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId | None = None
    ) -> tuple[Fragment, AppFiles]:
        """One version, or the current one, whole.

        Raises: NotFound (also before the first build), StoreUnavailable.
        """
        version = await self._version(owner, project_id, fragment_id)
        if version is None:
            raise NotFound("no version yet")
        return version, await _load(self._store, version.files)

    async def text_files(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId | None
    ) -> TextFiles:
        """One version, or the current one, as `complete.files` shows it.

        Raises: NotFound, StoreUnavailable.
        """
        version = await self._version(owner, project_id, fragment_id)
        return await read_text(self._store, version.files if version is not None else {})

    async def fragments(
        self, owner: OwnerId, project_id: ProjectId
    ) -> tuple[Project, list[Fragment]]:
        """The project and its versions, newest first. Raises: NotFound, StoreUnavailable."""
        project = await self._store.project(owner, project_id)
        return project, await self._store.fragments(owner, project_id)

    async def changes(
        self,
        owner: OwnerId,
        project_id: ProjectId,
        *,
        to: FragmentId | None = None,
        since: FragmentId | None = None,
    ) -> Changes:
        """What leads from version `since` to version `to`.

        Without `to` it is the current one, without `since` the one before that. Of a project's
        first version only what its task wrote: the rest is the framework's template.

        Raises: NotFound (also before the first build), StoreUnavailable.
        """
        version, after = await self.app(owner, project_id, to)
        if since is None:
            since = await self._before(owner, project_id, version)
        if since is not None:
            earlier, before = await self.app(owner, project_id, since)
            return Changes(earlier, version, before, after)
        if version.task_id is not None:
            written = (await self._state(owner, version.task_id)).files
            after = {path: content for path, content in after.items() if path in written}
        return Changes(None, version, {}, after)

    async def restore(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId
    ) -> Fragment:
        """Go back to an old version; the versions in between stay in the history.

        Raises: NotFound; SeqConflict while a task of the project runs; StoreUnavailable.
        """
        new_id = FragmentId(self._ids.new("frag"))
        return await self._store.restore(owner, project_id, fragment_id, new_id)

    async def _before(
        self, owner: OwnerId, project_id: ProjectId, version: Fragment
    ) -> FragmentId | None:
        """The version before this one, if it is not the first."""
        ids = [found.id for found in await self._store.fragments(owner, project_id)]
        return next(iter(ids[ids.index(version.id) + 1 :]), None)

    async def _state(self, owner: OwnerId, task_id: TaskId) -> TaskState:
        return await read_state(self._store, await self._store.task(owner, task_id))

    async def _version(
        self, owner: OwnerId, project_id: ProjectId, fragment_id: FragmentId | None
    ) -> Fragment | None:
        if fragment_id is None:
            return await self._head(owner, project_id)
        return await self._store.fragment(owner, project_id, fragment_id)

    async def _head(self, owner: OwnerId, project_id: ProjectId) -> Fragment | None:
        project = await self._store.project(owner, project_id)
        if project.head is None:
            return None
        return await self._store.fragment(owner, project_id, project.head)


async def read_state(log: EventLog, task: TaskRow) -> TaskState:
    """The fold of the task's log up to the row's `last_seq`. Raises: StoreUnavailable."""
    state = TaskState(task.id)
    while state.last_seq < task.last_seq:
        for recorded in await log.read(task.id, after=state.last_seq, limit=_PAGE):
            state = step(state, recorded)
        await asyncio.sleep(0)  # a long log must not hold the others up
    return state


async def read_text(blobs: Blobs, files: Mapping[str, BlobHash]) -> TextFiles:
    """Load files and sort text from binary: text is UTF-8 without a NUL byte.

    Raises: NotFound, StoreUnavailable.
    """
    found = TextFiles({}, [])
    for path, content in sorted((await _load(blobs, files)).items()):
        text = text_of(content)
        if text is None:
            found.binary.append(path)
        else:
            found.text[path] = text
    return found


async def _load(blobs: Blobs, files: Mapping[str, BlobHash]) -> dict[str, bytes]:
    if not files:
        return {}
    contents = await blobs.get(sorted(set(files.values())))
    return {path: contents[digest] for path, digest in files.items()}


def text_of(content: bytes) -> str | None:
    """UTF-8 without a NUL byte; None for what is no text."""
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def version_before(versions: Sequence[Fragment]) -> Fragment | None:
    """The version to go back to from the newest one: the next older app that is another one.

    Undone versions are not gone back to, and a check that changed nothing is no step.
    """
    if not versions:
        return None
    at, files = 0, versions[0].files
    while at < len(versions):
        restored = versions[at].restored_from
        ids = [version.id for version in versions]
        if restored in ids:
            at = ids.index(restored)
        elif versions[at].files == files:
            at += 1
        else:
            return versions[at]
    return None

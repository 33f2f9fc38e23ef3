"""What the store holds of the crowd, read by its owners' names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.events import Recorded
from agents.templates import get_template
from agents.types import BlobHash, Framework, OwnerId, TaskId
from agents.workspace import blob_hash
from bot.store.port import Fragment, Project, Store, TaskRow
from bot.store.slack_port import Delivery, SlackThread, ThreadProject
from tests.campaigns._crowd_cast import TEAMS, Crowd, Thread, app_of

Place = tuple[str, str, str]
"""Workspace, channel and thread."""


@dataclass(frozen=True)
class HeldTask:
    """One task, with all that is known of it."""

    row: TaskRow
    log: Sequence[Recorded]
    delivery: Delivery | None


@dataclass(frozen=True)
class HeldProject:
    """One app. `places` are the crowd's threads that are about it."""

    row: Project
    tasks: Sequence[HeldTask]
    versions: Sequence[Fragment]
    places: set[Place]
    everything: str
    """All text of it: what was asked, said, logged and written."""


async def read_projects(store: Store, crowd: Crowd) -> list[HeldProject]:
    """Every app of everybody, smugglers too."""
    bound: dict[Place, ThreadProject | None] = {}
    for thread in crowd.threads:
        place = (thread.team, thread.channel, thread.root)
        bound[place] = await store.thread_project(SlackThread(*place))
    found = []
    for team in TEAMS:
        for user in (*crowd.people(team), crowd.smugglers[team]):
            owner = OwnerId(f"slack:{team}:{user}")
            for row in await store.projects(owner, limit=1_000):
                mine = ThreadProject(row.id, owner)
                places = {place for place, project in bound.items() if project == mine}
                found.append(await _read(store, row, places))
    return found


async def _read(store: Store, row: Project, places: set[Place]) -> HeldProject:
    tasks = [
        HeldTask(task, await _log(store, task.id), await store.delivery(task.id))
        for task in await store.tasks(row.owner, row.id)
    ]
    versions = await store.fragments(row.owner, row.id)
    said = await store.messages(row.owner, row.id)
    blobs = sorted({blob for version in versions for blob in version.files.values()})
    written = (await store.get(blobs)).values() if blobs else ()
    text = "\n".join(content.decode(errors="replace") for content in written)
    return HeldProject(row, tasks, versions, places, f"{row} {tasks} {versions} {said} {text}")


async def _log(store: Store, task_id: TaskId) -> list[Recorded]:
    return await store.read(task_id, limit=100_000)


def expected_files(thread: Thread, prompt: str) -> Mapping[str, BlobHash]:
    """The whole app after that wish was fulfilled."""
    written = app_of({thread.word}, prompt)
    contents = dict(get_template(Framework.REACT).files)
    contents |= {path: content.encode() for path, content in written.items()}
    return {path: blob_hash(content) for path, content in contents.items()}

"""Somebody else's ids at every door: nothing is told, nothing is written, on either store.

The doors come from the router itself, so a new one has to be named here before it can open.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientTimeout

from agents.system import RandomIds, SystemClock
from agents.types import OwnerId, ProjectId
from bot.services.previews import PreviewLinks
from bot.store.port import Store
from tests.contracts.store.adapters import ADAPTERS
from tests.fakes.sidecar import RunningSidecar, running_sidecar

ANN, BOB = OwnerId("ann"), OwnerId("bob")
SECRET = "Annwyn-7411"
FILES = {"package.json": b"{}\n", "src/secret.ts": f"export const name = '{SECRET}';\n".encode()}
ANSWERED = ClientTimeout(total=10)
JSON = {"Accept": "application/json"}


@dataclass(frozen=True)
class Names:
    """What a request may name: a project, one of its tasks, one of its versions, a file."""

    project_id: str
    task_id: str
    fragment_id: str
    path: str = "src/secret.ts"


MISSING = Names("proj_none", "task_none", "frag_none")

Body = Callable[[Names], dict[str, str]]
NO_BODY: Body = lambda _: {}  # noqa: E731 - one of a table of such

BODIES: dict[str, Body] = {
    "/api/generate": lambda names: {"prompt": "Show it", "projectId": names.project_id},
    "/api/fix-errors": lambda names: {"projectId": names.project_id},
    "/api/projects/{project_id}/restore": lambda names: {"fragmentId": names.fragment_id},
    "/api/projects/{project_id}/preview-link": NO_BODY,
    "/api/tasks/{task_id}/cancel": NO_BODY,
    "/api/highlight": lambda names: {"path": names.path, "text": "const a = 1"},
    "/api/import/github/process": lambda _: {"url": "nowhere"},
    "/api/import/figma/process": lambda _: {"url": "nowhere"},
}
"""Every route that is posted to."""

QUERIES: dict[str, Body] = {
    "/api/stream-progress": lambda names: {"taskId": names.task_id, "after": "0"},
    "/api/projects/{project_id}/files": lambda names: {"fragment": names.fragment_id},
    "/api/projects/{project_id}/files/{path}": lambda names: {"fragment": names.fragment_id},
    "/api/projects/{project_id}/archive.zip": lambda names: {"fragment": names.fragment_id},
    "/api/projects/{project_id}/diff": lambda names: {"to": names.fragment_id},
}
"""Every route that is asked for and whose query names something."""

NAMES_NOTHING = {
    *("/", "/client.js", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics"),
    *("/api/info", "/api/projects", "/api/highlight", "/api/usage"),
    *("/api/import/github/process", "/api/import/figma/process"),
}
STATIC = "/page/"
KEYED = ("{signed}", "{key}")
"""In a route whose address is its own key: who holds it may have what it names, and nothing else."""


@dataclass(frozen=True)
class Door:
    """One route of the application."""

    method: str
    template: str

    @property
    def names_something(self) -> bool:
        at = self.template
        if at in NAMES_NOTHING or any(key in at for key in KEYED):
            return False
        return "{" in at or at in BODIES or at in QUERIES

    async def knock(self, sidecar: RunningSidecar, names: Names) -> "Answer":
        """Ask for what is named, as a client does that wants no stream."""
        path = self.template.format(**vars(names))
        body = BODIES[self.template](names) if self.method == "POST" else None
        query = QUERIES.get(self.template, NO_BODY)(names)
        async with sidecar.http.request(
            self.method, path, params=query, json=body, headers=JSON, timeout=ANSWERED
        ) as answer:
            return Answer(answer.status, await answer.text(errors="replace"), str(answer.headers))


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: str


def doors(sidecar: RunningSidecar) -> Iterator[Door]:
    for route in sidecar.runner.app.router.routes():
        assert route.resource is not None
        yield Door(route.method, route.resource.canonical)


@dataclass(frozen=True)
class Street:
    """Two people on one store: Bob has an app; Ann has one, a task that runs and one that waits."""

    store: Store
    ann: RunningSidecar
    bob: RunningSidecar
    anns: Names
    bobs: Names
    more_of_anns: Sequence[Names]

    async def everything(self) -> list[Any]:
        """Whatever either of them has."""
        return [await _held_by(self.store, owner) for owner in (ANN, BOB)]


async def _held_by(store: Store, owner: OwnerId) -> list[Any]:
    held: list[Any] = []
    for project in await store.projects(owner):
        tasks = await store.tasks(owner, project.id)
        logs = [await store.read(task.id, limit=10_000) for task in tasks]
        versions = await store.fragments(owner, project.id)
        held.append((project, tasks, logs, versions, await store.messages(owner, project.id)))
    return held


async def build(sidecar: RunningSidecar, secret: str) -> Names:
    """An app with a finished version."""
    started = await sidecar.start_task(f"A board for {secret}")
    await sidecar.worker.take()
    fragment_id = await sidecar.worker.build(FILES, preview_url="http://127.0.0.1:4000/")
    return Names(started["projectId"], started["taskId"], fragment_id)


@pytest.fixture(params=["sqlite", "convex"])
async def street(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Street]:
    opened = ADAPTERS[request.param](tmp_path, SystemClock(), RandomIds())
    async with (
        opened as store,
        running_sidecar(store, owner=ANN, links=PreviewLinks(store, "http://127.0.0.1:1")) as ann,
        running_sidecar(store, owner=BOB, links=PreviewLinks(store, "http://127.0.0.1:1")) as bob,
    ):
        anns, bobs = await build(ann, SECRET), await build(bob, "himself")
        follow_up = {"prompt": SECRET, "projectId": anns.project_id}
        running, waiting = [
            replace(anns, task_id=(await ann.start_task(**follow_up))["taskId"]) for _ in range(2)
        ]
        await ann.worker.take()
        yield Street(store, ann, bob, anns, bobs, (running, waiting))


async def test_every_door_is_known(street: Street) -> None:
    all_doors = set(doors(street.bob))
    silent = {d.template for d in all_doors if not d.names_something}
    told = {
        at for at in silent if not at.startswith(STATIC) and not any(key in at for key in KEYED)
    }
    assert told == NAMES_NOTHING
    assert {d.template for d in all_doors if d.method == "POST"} == set(BODIES)
    assert {d.method for d in all_doors} == {"GET", "HEAD", "POST"}
    assert len([d for d in all_doors if d.names_something]) >= 16


async def test_what_is_anns_is_to_bob_as_if_it_were_not_there(street: Street) -> None:
    before = await street.everything()
    told = [door for door in doors(street.bob) if door.names_something]
    for door, names in product(told, (street.anns, *street.more_of_anns)):
        answer = await door.knock(street.bob, names)
        nobodys = await door.knock(street.bob, MISSING)
        assert (door, answer.status) == (door, 404)
        assert (door, answer.text) == (door, nobodys.text), "it tells that there is something"
        check_tells_nothing(door, answer, street)
    assert len(told) >= 16
    assert await street.everything() == before


async def test_what_names_nothing_tells_bob_nothing_of_ann(street: Street) -> None:
    for door in doors(street.bob):
        if not door.names_something and not any(key in door.template for key in KEYED):
            check_tells_nothing(door, await door.knock(street.bob, street.anns), street)
    listed = json.loads((await Door("GET", "/api/projects").knock(street.bob, MISSING)).text)
    assert [p["projectId"] for p in listed["projects"]] == [street.bobs.project_id]


def check_tells_nothing(door: Door, answer: Answer, street: Street) -> None:
    tasks = [names.task_id for names in (street.anns, *street.more_of_anns)]
    for what in (SECRET, street.anns.project_id, street.anns.fragment_id, *tasks):
        assert what not in answer.text + answer.headers, door


async def test_anns_version_cannot_be_brought_into_another_project(street: Street) -> None:
    before = await street.everything()
    at = "/api/projects/{project_id}/"
    reading = [Door("GET", at + tail) for tail in ("files", "files/{path}", "archive.zip", "diff")]
    mixed = product((street.anns, street.bobs), repeat=2)
    for project, version in [(p, v) for p, v in mixed if (p, v) != (street.bobs, street.bobs)]:
        names = Names(project.project_id, project.task_id, version.fragment_id)
        for door in (Door("POST", f"{at}restore"), *reading):
            answer = await door.knock(street.bob, names)
            assert (answer.status, SECRET in answer.text) == (404, False), door
    assert await street.everything() == before


async def test_anns_idempotency_key_is_another_one_when_bob_sends_it(street: Street) -> None:
    headers = {**JSON, "Idempotency-Key": "the-same"}
    started = []
    for sidecar in (street.ann, street.bob):
        body = {"prompt": "A new one"}
        async with sidecar.http.post("/api/generate", json=body, headers=headers) as answer:
            started.append(await answer.json())
    anns, bobs = started
    assert anns["taskId"] != bobs["taskId"]
    assert anns["projectId"] != bobs["projectId"]


async def test_the_same_requests_find_everything_when_ann_sends_them(street: Street) -> None:
    """Else the sweep would prove nothing."""
    for names in street.more_of_anns:
        await Door("POST", "/api/tasks/{task_id}/cancel").knock(street.ann, names)
    assert await street.ann.worker.stop_if_asked()
    for door in filter(lambda d: d.names_something, doors(street.ann)):
        answer = await door.knock(street.ann, street.anns)
        assert answer.status in (200, 202), (door, answer)
    tasks = await street.store.tasks(ANN, ProjectId(street.anns.project_id))
    states = [task.status for task in reversed(tasks)]
    assert states == ["complete", "cancelled", "cancelled", "pending", "pending"]

"""What a frontend subscribes to: Convex's own client, signed in, while Python processes work."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any

import pytest

from agents.system import RandomIds, SystemClock
from agents.types import OwnerId, TaskKind
from bot.store.port import NewTask, Store, TaskRow
from tests.contracts.convex_host.client import Watcher, watching
from tests.fakes.convex import shared_host
from tests.fakes.convex_store import open_convex_store
from tests.fakes.worker import APP, ScriptedWorker

ANN, BOB = OwnerId("user_ann"), OwnerId("user_bob")
PREVIEW = "http://127.0.0.1:4000/"
NAMES = (f"live-{number}" for number in count())

FRONTEND = """
import { ConvexClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { createInterface } from "node:readline";
const [url, token] = process.argv.slice(1);
const client = new ConvexClient(url, { verbose: false });
client.setAuth(async () => token);
const print = (path, found) => console.log(JSON.stringify({ path, ...found }));
for await (const line of createInterface({ input: process.stdin })) {
  const { path, args } = JSON.parse(line);
  const told = (value) => print(path, { value });
  const refused = (error) => print(path, { value: { refused: error.data?.code } });
  client.onUpdate(makeFunctionReference(path), args, told, refused);
}
process.exit(0);
"""


@dataclass
class Frontend:
    """One signed-in person's page, and all that it was ever shown."""

    client: Watcher
    shown: dict[str, list[Any]] = field(default_factory=dict)

    def subscribe(self, path: str, **args: str | int) -> None:
        self.client.tell(json.dumps({"path": path, "args": args}))

    async def until(self, path: str, wanted: Callable[[Any], bool]) -> Any:
        """Read on until the newest value is such."""
        while not (path in self.shown and wanted(self.shown[path][-1])):
            update = json.loads(await self.client.line())
            self.shown.setdefault(update["path"], []).append(update["value"])
        return self.shown[path][-1]


@dataclass(frozen=True)
class Place:
    """A deployment with our own store on it."""

    url: str
    store: Store

    @asynccontextmanager
    async def page_of(self, person: OwnerId) -> AsyncIterator[Frontend]:
        token = shared_host().clerk_token(person)
        async with watching(FRONTEND, self.url, token) as client:
            yield Frontend(client)

    async def ask_for(self, prompt: str, owner: OwnerId = ANN) -> TaskRow:
        return await self.store.enqueue(NewTask(owner, TaskKind.GENERATE, prompt))


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    name = next(NAMES)
    async with open_convex_store(SystemClock(), RandomIds(), deployment=name) as store:
        yield Place(shared_host().deployment(name), store)
    await shared_host().reset(name)


def at(**fields: Any) -> Callable[[Any], bool]:
    """A progress row that holds these."""
    return lambda row: row is not None and row.items() >= fields.items()


async def test_a_page_sees_a_task_go_through_its_states_as_it_happens(place: Place) -> None:
    async with place.page_of(ANN) as page:
        page.subscribe("projects:mine")
        await page.until("projects:mine", lambda projects: projects == [])
        task = await place.ask_for("A board for a bike shop")
        [project] = await page.until("projects:mine", bool)
        assert (project["projectId"], project["title"]) == (
            task.project_id,
            "A board for a bike shop",
        )

        progress = "streaming:getProgress"
        page.subscribe(progress, taskId=task.id)
        await page.until(progress, at(status="pending", message="Waiting for a worker"))
        worker = ScriptedWorker(place.store)
        await worker.take()
        await page.until(progress, at(status="running"))
        await worker.prepare()
        await page.until(progress, at(stage="generating", message="Writing the app"))
        await worker.say("I will build a board.")
        await worker.write(APP)
        await page.until(progress, at(streamedContent="I will build a board."))
        row = await page.until(progress, lambda row: bool(row["files"]))
        assert [file["path"] for file in row["files"]] == list(APP)
        head = await worker.complete(APP, preview_url=PREVIEW)
        await page.until(progress, at(status="complete", previewUrl=PREVIEW))
        await page.until("projects:mine", lambda projects: projects[0].get("head") == head)

    states = [row["status"] for row in page.shown[progress]]
    assert [state for state, _ in groupby(states)] == ["pending", "running", "complete"]


async def test_a_page_sees_that_a_task_was_stopped_by_somebody(place: Place) -> None:
    task = await place.ask_for("A board")
    async with place.page_of(ANN) as page:
        page.subscribe("streaming:getProgress", taskId=task.id)
        worker = ScriptedWorker(place.store)
        await worker.take()
        await page.until("streaming:getProgress", at(status="running"))
        await place.store.request_cancel(ANN, task.id, by="slack")
        assert await worker.stop_if_asked()
        await page.until("streaming:getProgress", at(status="cancelled"))


async def test_another_persons_page_is_shown_nothing_of_it(place: Place) -> None:
    task = await place.ask_for("A board")
    of_the_project = ("messages:mine", "fragments:mine")
    async with place.page_of(BOB) as page:
        page.subscribe("projects:mine")
        page.subscribe("streaming:getProgress", taskId=task.id)
        page.subscribe("streaming:events", taskId=task.id, after=0)
        for path in of_the_project:
            page.subscribe(path, projectId=task.project_id)
        await page.until("projects:mine", lambda projects: projects == [])
        await page.until("streaming:getProgress", lambda row: row is None)

        worker = ScriptedWorker(place.store)
        await worker.take()
        await worker.build(APP, preview_url=PREVIEW)

        own = await place.ask_for("Mine", owner=BOB)
        [project] = await page.until("projects:mine", bool)
        assert project["projectId"] == own.project_id

    assert set(map(str, page.shown.pop("projects:mine"))) == {"[]", str([project])}
    assert set(page.shown.pop("streaming:getProgress")) == {None}
    refusals = {str(value) for values in page.shown.values() for value in values}
    assert refusals == {str({"refused": "not_found"})}
    assert set(page.shown) == {"streaming:events", *of_the_project}

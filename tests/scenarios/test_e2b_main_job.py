"""The main job with apps at E2B: `zapdev serve`, the real SDK, a stand-in for E2B on loopback."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest
import pytest_asyncio

from agents.sandbox.e2b import E2BSandboxProvider
from agents.system import SystemClock
from agents.templates import get_template
from agents.types import Framework
from tests.agents.sandbox.at_e2b import account_of
from tests.agents.sandbox.tiny import TASK, eventually, fetch
from tests.fakes.e2b.faults import DIE
from tests.fakes.e2b.server import StandIn, serving_e2b
from tests.fakes.e2b.templates import offer
from tests.fakes.server import Frame, Server, serving
from tests.fakes.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPT = "A kanban board for a bike shop"
WORDS = "Kanban board for a bike shop"


@dataclass(frozen=True)
class Place:
    """A server and where its apps run."""

    server: Server
    cloud: StandIn


def sandbox_of(frames: list[Frame]) -> str:
    """The sandbox that a task ended with."""
    return str([f.data["sandboxId"] for f in frames if f.type == "sandbox"][-1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    data_dir = tmp_path_factory.mktemp("e2b") / "data"
    async with serving_e2b() as cloud:
        await offer(cloud, Framework.REACT)
        async with serving(data_dir, **cloud.settings) as server:
            yield Place(server, cloud)
        assert cloud.running == [], "a stopped server leaves nothing running at E2B"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def first(place: Place) -> list[Frame]:
    return await place.server.generate(PROMPT, framework="react")


async def test_an_app_is_built_checked_and_served_at_e2b(place: Place, first: list[Frame]) -> None:
    complete = first[-1]
    assert complete.type == "complete", complete.data
    verdicts = {f.data["step"]: f.data["ok"] for f in first if f.type == "validation"}
    assert verdicts == {"lint": True, "build": True, "preview": True}
    [sandbox] = place.cloud.running
    assert sandbox.id == sandbox_of(first)
    assert WORDS in (await fetch(f"http://127.0.0.1:{sandbox.id}") or "")
    assert WORDS in (await fetch(complete.data["previewUrl"]) or "")
    assert sandbox.metadata["zapdev-task"] == first[0].data["taskId"]
    assert (await place.server.get("/api/info"))["sandbox"] == "e2b"
    assert (await place.server.get("/readyz"))["ready"]


async def test_a_follow_up_finds_all_files_and_its_app_replaces_the_former(
    place: Place, first: list[Frame]
) -> None:
    second = await place.server.generate(
        "Make the accent colour green", projectId=first[0].data["projectId"]
    )
    assert second[-1].type == "complete", second[-1].data
    assert set(second[-1].data["files"]) == set(first[-1].data["files"])
    assert sandbox_of(second) != sandbox_of(first)
    await until(lambda: [s.id for s in place.cloud.running] == [sandbox_of(second)])
    assert WORDS in (await fetch(second[-1].data["previewUrl"]) or "")


async def test_a_sandbox_that_dies_in_the_build_is_made_anew_and_the_task_completes(
    place: Place,
) -> None:
    before = {sandbox.id for sandbox in place.cloud.running}
    place.cloud.faults.at("running", DIE, when="npm run build")
    frames = await place.server.generate("A bicycle register", framework="react")
    assert frames[-1].type == "complete", frames[-1].data
    assert place.cloud.faults.unmet == 0
    left = {sandbox.id for sandbox in place.cloud.running} - before
    assert len(left) == 1
    assert "Bicycle register" in (await fetch(frames[-1].data["previewUrl"]) or "")


async def test_neither_sandboxes_nor_logs_hold_the_key(place: Place, first: list[Frame]) -> None:
    inside = [text for s in place.cloud.sandboxes.values() for text in s.machine.seen]
    bodies = [str(sandbox.body) for sandbox in place.cloud.sandboxes.values()]
    told = [*inside, *bodies, *place.server.log, *(str(frame.data) for frame in first)]
    assert not [text for text in told if place.cloud.key in text]
    assert place.server.complaints == []


async def test_vite_lets_the_previews_own_name_in_and_no_other(place: Place) -> None:
    account = replace(account_of(place.cloud), preview_url="https://{host}")
    provider = E2BSandboxProvider(account, clock=SystemClock())
    template = get_template(Framework.REACT)
    try:
        sandbox = await provider.create(Framework.REACT, task_id=TASK)
        url = await sandbox.serve(template.dev, port=template.port)
        own, door = f"5173-{sandbox.id}.e2b.test", f"http://127.0.0.1:{sandbox.id}"
        assert url == f"https://{own}"
        await eventually(lambda: fetch(door))
        async with aiohttp.ClientSession() as http:
            statuses = []
            for host in (own, "5173-9.e2b.test"):
                async with http.get(door, headers={"Host": host}) as answer:
                    statuses.append(answer.status)
        assert statuses == [200, 403]
    finally:
        await provider.close()

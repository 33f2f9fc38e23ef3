"""The stand-in for E2B, seen through the real SDK: it refuses and forgets as the real one does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import e2b
import httpx
import pytest
import pytest_asyncio
from e2b import AsyncSandbox, SandboxQuery

from tests.fakes.e2b.faults import CUT, DIE, HANG, LOSE_FILES, Slow, Status
from tests.fakes.e2b.server import StandIn, serving_e2b
from tests.fakes.e2b.warden import living
from tests.fakes.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[StandIn]:
    async with serving_e2b() as cloud:
        yield cloud


@pytest_asyncio.fixture(loop_scope="module")
async def cloud(shared: StandIn) -> AsyncIterator[StandIn]:
    yield shared
    shared.faults.clear()
    shared.limits.concurrent, shared.limits.creates_per_s = 20, None
    shared.keeps_memory = False
    for sandbox in shared.running:
        await shared.kill(sandbox)


def options(cloud: StandIn, **more: Any) -> dict[str, Any]:
    return {
        "api_key": cloud.key,
        "api_url": cloud.url,
        "sandbox_url": cloud.url,
        "retries": 0,
        "request_timeout": 5,
        **more,
    }


async def new(cloud: StandIn, **more: Any) -> AsyncSandbox:
    return await AsyncSandbox.create(template="base", **options(cloud, **more))


async def test_a_wrong_key_is_refused(cloud: StandIn) -> None:
    with pytest.raises(e2b.AuthenticationException):
        await new(cloud, api_key="e2b_wrong")


async def test_an_unknown_template_is_not_found(cloud: StandIn) -> None:
    with pytest.raises(e2b.SandboxException, match="template 'nope' not found") as raised:
        await AsyncSandbox.create(template="nope", **options(cloud))
    assert raised.value.status_code == 404


async def test_an_unknown_id_is_not_found(cloud: StandIn) -> None:
    with pytest.raises(e2b.SandboxNotFoundException):
        await AsyncSandbox.connect("1", **options(cloud))


async def test_another_sandboxes_token_opens_nothing(cloud: StandIn) -> None:
    one, two = await new(cloud), await new(cloud)
    cloud.sandboxes[one.sandbox_id].token = cloud.sandboxes[two.sandbox_id].token
    with pytest.raises(e2b.AuthenticationException):
        await one.commands.run("true")


async def test_the_concurrency_cap_refuses_until_one_ends(cloud: StandIn) -> None:
    cloud.limits.concurrent = 1
    first = await new(cloud)
    with pytest.raises(e2b.RateLimitException, match="maximum number of concurrent"):
        await new(cloud)
    await first.kill()
    await new(cloud)
    assert len(cloud.running) == 1


async def test_creations_in_one_second_are_counted(cloud: StandIn) -> None:
    cloud.limits.creates_per_s = 1
    await new(cloud)
    with pytest.raises(e2b.RateLimitException):
        await new(cloud)


async def test_an_idempotency_key_makes_one_sandbox(cloud: StandIn) -> None:
    one, two = [await new(cloud, idempotency_key="key-1") for _ in range(2)]
    assert one.sandbox_id == two.sandbox_id


async def test_a_list_is_filtered_by_metadata(cloud: StandIn) -> None:
    mine = await new(cloud, metadata={"owner": "me & you"})
    await new(cloud, metadata={"owner": "them"})
    query = SandboxQuery(metadata={"owner": "me & you"})
    found = await AsyncSandbox.list(query=query, **options(cloud)).next_items()
    assert [sandbox.sandbox_id for sandbox in found] == [mine.sandbox_id]


async def test_time_kills_a_sandbox_under_its_command(cloud: StandIn) -> None:
    sandbox = await new(cloud, timeout=300)
    running = asyncio.ensure_future(sandbox.commands.run("sleep 60"))  # noqa: TID251
    await until(lambda: bool(cloud.processes))
    await cloud.advance(301)
    with pytest.raises(e2b.SandboxNotRunningException):
        await running
    assert not await sandbox.is_running()


async def test_time_pauses_what_asked_for_it_and_connecting_brings_it_back(
    cloud: StandIn,
) -> None:
    sandbox = await new(cloud, timeout=300, lifecycle={"on_timeout": "pause"})
    await sandbox.files.write("kept.txt", "kept")
    await cloud.advance(301)
    with pytest.raises(e2b.SandboxNotRunningException):
        await sandbox.commands.run("true")
    await sandbox.connect()
    assert await sandbox.files.read("kept.txt") == "kept"


async def test_a_call_wakes_what_was_made_to_wake_where_there_is_room(cloud: StandIn) -> None:
    lifecycle = {"on_timeout": "pause", "auto_resume": True}
    sandbox = await new(cloud, timeout=60, lifecycle=lifecycle)
    await sandbox.files.write("kept.txt", "kept")
    await cloud.advance(61)
    cloud.limits.concurrent = 0
    with pytest.raises(e2b.SandboxNotRunningException):
        await sandbox.files.read("kept.txt")
    cloud.limits.concurrent = 1
    assert await sandbox.files.read("kept.txt") == "kept"
    await cloud.advance(290)
    assert await sandbox.is_running(), "it has five minutes at least"
    await cloud.advance(11)
    assert cloud.running == []


@pytest.mark.parametrize("kept", [True, False])
async def test_a_pause_keeps_what_runs_where_the_cloud_keeps_memory(
    cloud: StandIn, kept: bool
) -> None:
    cloud.keeps_memory = kept
    sandbox = await new(cloud)
    handle = await sandbox.commands.run("sleep 300", background=True)
    await sandbox.pause()
    await sandbox.connect()
    assert (handle.pid in [process.pid for process in await sandbox.commands.list()]) is kept


async def test_a_resumed_sandbox_can_have_lost_its_files(cloud: StandIn) -> None:
    sandbox = await new(cloud)
    await sandbox.files.write("kept.txt", "kept")
    await sandbox.pause()
    cloud.faults.at("connect", LOSE_FILES)
    await sandbox.connect()
    with pytest.raises(e2b.FileNotFoundException):
        await sandbox.files.read("kept.txt")


async def test_a_signal_reaches_one_process_and_not_its_children(cloud: StandIn) -> None:
    sandbox = await new(cloud)
    started = asyncio.Event()
    handle = await sandbox.commands.run(
        "sleep 300 & echo up; wait", background=True, on_stdout=lambda _: started.set()
    )
    await started.wait()
    await handle.kill()
    await until(lambda: len(cloud.processes) == 1)
    assert await sandbox.kill()
    await until(lambda: not cloud.processes)


async def test_scripted_faults_meet_the_stage_they_are_for(cloud: StandIn) -> None:
    sandbox = await new(cloud)
    cloud.faults.at("start", Status(429))
    with pytest.raises(e2b.RateLimitException):
        await sandbox.commands.run("true")
    cloud.faults.at("create", Status(503))
    with pytest.raises(e2b.ServiceBusyException):
        await new(cloud)
    cloud.faults.at("upload", Slow(0.05))
    await sandbox.files.write("slow.txt", "slow")
    cloud.faults.at("start", HANG)
    with pytest.raises(e2b.TimeoutException):
        await sandbox.commands.run("true", request_timeout=0.2)
    cloud.faults.at("running", DIE, when="echo once")
    with pytest.raises(e2b.SandboxNotRunningException):
        await sandbox.commands.run("echo once; sleep 60")
    cloud.faults.at("list", CUT)
    with pytest.raises(httpx.TransportError):
        await AsyncSandbox.list(**options(cloud)).next_items()


async def test_nothing_outlives_the_stand_in() -> None:
    async with serving_e2b() as cloud:
        sandbox = await new(cloud)
        await sandbox.commands.run("setsid sleep 300 >/dev/null 2>&1 &")
        await until(lambda: bool(cloud.processes))
        tag = cloud.tag
    assert living(tag) == []

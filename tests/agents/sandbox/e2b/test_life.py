"""The life of sandboxes at E2B: renewed, paused, woken, found again, ended."""

import asyncio

import pytest

from agents.errors import ProviderUnavailable, SandboxUnavailable
from agents.sandbox.e2b import E2BOptions, E2BSandboxProvider
from agents.sandbox.e2b_commands import HEARD_S
from agents.sandbox.e2b_orphans import FORGOTTEN_AFTER
from agents.sandbox.e2b_remote import RENEW_S
from agents.system import SystemClock
from agents.testing import FakeClock
from agents.types import Framework, SandboxId, TaskId
from tests.agents.sandbox.at_e2b import account_of, only, tiny_e2b_provider, use_registry
from tests.agents.sandbox.tiny import PORT, TASK, eventually, fetch, tiny_template
from tests.fakes.e2b.faults import CUT, LOSE_FILES, Act, Slow, Status
from tests.fakes.e2b.server import StandIn
from tests.fakes.instant_clock import InstantClock
from tests.fakes.waiting import until


async def test_the_life_of_a_used_sandbox_is_renewed(cloud: StandIn) -> None:
    clock = FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    await sandbox.read("app.txt")
    assert "timeout" not in cloud.requests
    await clock.advance(RENEW_S)
    before = only(cloud).ends_at
    await sandbox.read("app.txt")
    await until(lambda: only(cloud).ends_at > before)
    await sandbox.read("app.txt")
    assert cloud.requests.count("timeout") == 1
    await provider.close()


async def test_a_paused_sandbox_is_woken_with_its_files(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    await made.write({"kept.txt": b"kept"})
    await cloud.advance(3601)
    assert cloud.running == []
    found = await provider.connect(made.id)
    assert found is not None
    assert await found.read("kept.txt") == b"kept"


async def test_whoever_opens_the_address_of_a_sleeping_app_wakes_it_as_it_was(
    cloud: StandIn,
) -> None:
    cloud.keeps_memory, clock = True, FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock)
    made = await provider.create(Framework.REACT, task_id=TASK)
    await made.write({"app.txt": b"mine"})
    url = await made.serve(f"node server.mjs {PORT}", port=PORT)
    await eventually(lambda: fetch(url))
    await clock.advance(HEARD_S)
    await cloud.advance(3601)
    for _ in range(20):  # whoever still follows the server learns of its end, asks, and wakes it
        await fetch(cloud.url)
    assert cloud.running == []
    assert await eventually(lambda: fetch(url)) == "mine"
    assert only(cloud).ends_at - cloud.now() > 3500, "it sleeps again after an hour, not at once"
    await provider.close()


async def test_what_we_pause_stays_asleep_although_its_server_was_followed(
    cloud: StandIn, unhurried: E2BSandboxProvider
) -> None:
    cloud.keeps_memory = True
    made = await unhurried.create(Framework.REACT, task_id=TASK)
    url = await made.serve(f"node server.mjs {PORT}", port=PORT)
    await eventually(lambda: fetch(url))
    assert await made.pause()
    assert "health" not in cloud.requests
    assert cloud.running == []


async def test_another_process_finds_a_sandbox_with_its_framework(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    await made.write({"kept.txt": b"kept"})
    elsewhere = tiny_e2b_provider(cloud)
    found = await elsewhere.connect(made.id)
    assert found is not None
    assert (found.framework, await found.read("kept.txt")) == (Framework.REACT, b"kept")
    await elsewhere.close()


async def test_another_process_serves_a_found_sandbox_anew_on_the_same_port(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    command = f"node server.mjs {PORT}"
    made = await provider.create(Framework.REACT, task_id=TASK)
    url = await made.serve(command, port=PORT)
    await eventually(lambda: fetch(url))
    elsewhere = tiny_e2b_provider(cloud)
    found = await elsewhere.connect(made.id)
    assert found is not None
    await found.write({"app.txt": b"second"})
    assert await found.serve(command, port=PORT) == url
    assert await eventually(lambda: fetch(url)) == "second"
    assert await found.server_output() is None, "it did not find its port taken"
    await elsewhere.close()


async def test_what_is_paused_outlives_its_process_and_is_woken_by_the_next(
    cloud: StandIn,
) -> None:
    provider = tiny_e2b_provider(cloud)
    made = await provider.create(Framework.REACT, task_id=TASK)
    await made.write({"kept.txt": b"kept"})
    assert await made.pause()
    assert cloud.running == []
    await provider.close()
    assert cloud.sandboxes[made.id].state == "paused"

    elsewhere = tiny_e2b_provider(cloud)
    found = await elsewhere.connect(made.id)
    assert found is not None
    assert await found.read("kept.txt") == b"kept"
    await made.close()
    assert [sandbox.id for sandbox in cloud.running] == [made.id], "it is not his any more"
    await elsewhere.close()


@pytest.mark.parametrize("act", [Status(500), Status(404), CUT], ids=str)
async def test_where_e2b_does_not_pause_it_goes_on(
    cloud: StandIn, provider: E2BSandboxProvider, act: Act
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("pause", act)
    assert not await made.pause()
    assert await made.read("app.txt")
    await made.close()
    assert cloud.running == []


async def test_a_sandbox_that_lost_its_files_is_not_taken_for_the_old_one(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    await cloud.advance(3601)
    cloud.faults.at("connect", LOSE_FILES)
    assert await provider.connect(made.id) is None
    assert cloud.running == []


async def test_a_refused_wake_up_keeps_the_sandbox_for_the_next_try(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    await cloud.advance(3601)
    cloud.faults.at("connect", Status(500))
    with pytest.raises(ProviderUnavailable):
        await provider.connect(made.id)
    assert await provider.connect(made.id) is made


async def test_a_woken_sandbox_that_says_nothing_of_its_app_is_kept_for_the_next_try(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    elsewhere = tiny_e2b_provider(cloud, clock=InstantClock())
    for finder in (provider, elsewhere):
        await cloud.advance(3601)
        cloud.faults.at("start", Status(500), times=2)
        with pytest.raises(ProviderUnavailable):
            await finder.connect(made.id)
        assert [sandbox.id for sandbox in cloud.running] == [made.id]
        found = await finder.connect(made.id)
        assert found is not None
    await elsewhere.close()


async def test_its_life_is_renewed_by_what_the_operator_chose(cloud: StandIn) -> None:
    clock = FakeClock()
    options = E2BOptions(templates=tiny_template, registry=use_registry, lifetime_s=600)
    provider = E2BSandboxProvider(account_of(cloud), clock=clock, options=options)
    cloud.limits.longest_s = 600
    made = await provider.create(Framework.REACT, task_id=TASK)
    await clock.advance(RENEW_S)
    before = only(cloud).ends_at
    await made.read("app.txt")
    await until(lambda: only(cloud).ends_at > before)
    await cloud.advance(601)
    assert await provider.connect(made.id) is made
    assert only(cloud).ends_at <= cloud.now() + 600
    await provider.close()


async def test_somebody_elses_sandbox_is_not_ours_to_take(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    theirs = await cloud.create({"templateID": "base"}, cloud.images["base"])
    assert await provider.connect(SandboxId(theirs.id)) is None
    assert cloud.running == [theirs]


async def test_closing_the_provider_leaves_nothing_at_e2b(cloud: StandIn) -> None:
    provider = tiny_e2b_provider(cloud)
    tasks = [TaskId(f"task_{n}") for n in range(3)]
    await asyncio.gather(*(provider.create(Framework.REACT, task_id=t) for t in tasks))
    cloud.faults.at("create", Slow(0.1))
    late = asyncio.ensure_future(provider.create(Framework.REACT, task_id=TASK))  # noqa: TID251
    await until(lambda: cloud.requests.count("create") == 4)
    await provider.close()
    assert (await asyncio.gather(late, return_exceptions=True))[0] is not None
    assert cloud.running == []


async def test_the_check_says_why_e2b_does_not_serve_us(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    cloud.faults.at("list", Status(401))
    with pytest.raises(SandboxUnavailable, match="Unauthorized"):
        await provider.check()
    assert await provider.check()
    assert await provider.check()
    assert cloud.requests.count("list") == 2


# --- what is left behind ------------------------------------------------------------------------


async def test_what_a_dead_process_made_for_a_task_ends_when_another_takes_the_task(
    cloud: StandIn,
) -> None:
    clock = FakeClock(SystemClock().now())
    dead, heir = tiny_e2b_provider(cloud, clock=clock), tiny_e2b_provider(cloud, clock=clock)
    left = await dead.create(Framework.REACT, task_id=TASK)
    preview = await dead.create(Framework.REACT, task_id=TaskId("task_of_a_preview"))
    await clock.advance(30)
    taken = await heir.create(Framework.REACT, task_id=TASK)
    await until(lambda: {s.id for s in cloud.running} == {preview.id, taken.id})
    assert cloud.sandboxes[left.id].state == "killed"
    await dead.close()
    await heir.close()


async def test_of_two_processes_that_begin_at_once_neither_ends_the_others(
    cloud: StandIn,
) -> None:
    clock = SystemClock()
    providers = [tiny_e2b_provider(cloud, clock=clock) for _ in range(2)]
    await asyncio.gather(*(p.create(Framework.REACT, task_id=TASK) for p in providers))
    await until(lambda: cloud.requests.count("list") == 4)
    assert len(cloud.running) == 2
    await asyncio.gather(*(provider.close() for provider in providers))


async def test_what_has_been_paused_for_two_weeks_is_ended_and_nothing_of_others(
    cloud: StandIn,
) -> None:
    clock = FakeClock(SystemClock().now())
    provider = tiny_e2b_provider(cloud, clock=clock)
    theirs = await cloud.create({"templateID": "base", "autoPause": True}, cloud.images["base"])
    dead = tiny_e2b_provider(cloud)
    left = await dead.create(Framework.REACT, task_id=TaskId("task_of_the_dead"))
    await cloud.advance(3601)
    await provider.create(Framework.REACT, task_id=TASK)
    assert cloud.sandboxes[left.id].state == "paused", "its project may still want it"
    await clock.advance(FORGOTTEN_AFTER.total_seconds() + 7200)
    await provider.create(Framework.REACT, task_id=TASK)
    await until(lambda: cloud.sandboxes[left.id].state == "killed")
    assert theirs.state == "paused"
    await provider.close()

"""What leaves a sandbox at E2B: shut as a rule, and shut again whatever goes wrong."""

import asyncio

import pytest

from agents.errors import RegistryUnknown, SandboxLost, SandboxUnavailable
from agents.sandbox.e2b import E2BOptions, E2BSandboxProvider
from agents.sandbox.toolchain import Registry
from agents.types import Framework
from tests.agents.sandbox.at_e2b import REGISTRY, account_of, only, tiny_e2b_provider
from tests.agents.sandbox.tiny import TASK, tiny_template
from tests.fakes.e2b.faults import HANG, Act, Slow, Status
from tests.fakes.e2b.server import StandIn
from tests.fakes.instant_clock import InstantClock
from tests.fakes.waiting import until

SHUT = {"allowOut": [], "denyOut": ["0.0.0.0/0"]}


async def test_the_registry_is_reached_only_while_a_command_asks_for_it(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    made = only(cloud)
    assert made.networks == [{"denyOut": ["0.0.0.0/0"]}]
    await sandbox.run("true", timeout_s=9)
    told = await sandbox.run("echo $npm_config_registry", timeout_s=9, network=True)
    assert told.output.strip() == REGISTRY.url
    await until(lambda: len(made.networks) == 3)
    [_, during, after] = made.networks
    assert (during["allowOut"], during["denyOut"]) == (["packages.example"], ["0.0.0.0/0"])
    assert (after["allowOut"], after["denyOut"]) == ([], ["0.0.0.0/0"])


async def test_two_installs_at_once_shut_the_door_behind_the_last(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    wait = "until [ -e go ]; do sleep 0.02; done"
    first = asyncio.ensure_future(sandbox.run(wait, timeout_s=20, network=True))  # noqa: TID251
    await until(lambda: len(only(cloud).networks) == 2)
    assert (await sandbox.run("true", timeout_s=9, network=True)).ok
    assert len(only(cloud).networks) == 2
    await sandbox.write({"go": b""})
    await first
    await until(lambda: len(only(cloud).networks) == 3)


@pytest.mark.parametrize("act", [Status(429), Status(500), HANG], ids=str)
async def test_a_sandbox_whose_door_cannot_be_shut_is_ended(cloud: StandIn, act: Act) -> None:
    provider = tiny_e2b_provider(cloud, clock=InstantClock(), answer_s=2.0)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    wait = "until [ -e go ]; do sleep 0.02; done"
    running = asyncio.ensure_future(sandbox.run(wait, timeout_s=20, network=True))  # noqa: TID251
    await until(lambda: len(only(cloud).networks) == 2)
    cloud.faults.at("network", act, times=2)
    await sandbox.write({"go": b""})
    await running
    await until(lambda: not cloud.running)
    with pytest.raises(SandboxLost):
        await sandbox.run("true", timeout_s=9)
    await provider.close()


async def test_a_door_that_opens_for_nobody_any_more_is_shut(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("network", Slow(0.2))
    running = asyncio.ensure_future(sandbox.run("true", timeout_s=9, network=True))  # noqa: TID251
    await until(lambda: "network" in cloud.requests)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: len(only(cloud).networks) == 3)
    assert only(cloud).network == SHUT


async def test_one_who_leaves_while_it_is_opened_shuts_no_other_out(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("network", Slow(0.2))
    runs = [
        asyncio.ensure_future(sandbox.run(command, timeout_s=20, network=True))  # noqa: TID251
        for command in ("true", "until [ -e go ]; do sleep 0.02; done")
    ]
    await until(lambda: "network" in cloud.requests)
    runs[0].cancel()
    await until(lambda: any("-e go" in seen for seen in only(cloud).machine.seen))
    assert only(cloud).network["allowOut"] == ["packages.example"]
    await sandbox.write({"go": b""})
    await runs[1]
    await until(lambda: only(cloud).network == SHUT)


async def test_closing_a_sandbox_while_its_door_is_opened_is_its_loss(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("network", HANG)
    running = asyncio.ensure_future(sandbox.run("true", timeout_s=9, network=True))  # noqa: TID251
    await until(lambda: "network" in cloud.requests)
    await sandbox.close()
    with pytest.raises(SandboxLost):
        await running


async def test_a_door_that_a_dead_process_left_open_is_shut_by_who_finds_the_sandbox(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    only(cloud).network = {"allowOut": ["packages.example"]}
    elsewhere = tiny_e2b_provider(cloud)
    assert await elsewhere.connect(made.id) is not None
    assert only(cloud).network == SHUT
    await elsewhere.close()


async def test_a_found_sandbox_that_cannot_be_shut_is_ended(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    made = await provider.create(Framework.REACT, task_id=TASK)
    elsewhere = tiny_e2b_provider(cloud, clock=InstantClock())
    cloud.faults.at("network", Status(500), times=2)
    assert await elsewhere.connect(made.id) is None
    assert cloud.running == []
    await elsewhere.close()


async def test_where_npm_does_not_say_which_registry_nothing_is_let_out(cloud: StandIn) -> None:
    async def no_npm() -> Registry:
        raise SandboxUnavailable("Node.js is missing")

    options = E2BOptions(templates=tiny_template, registry=no_npm)
    provider = E2BSandboxProvider(account_of(cloud), clock=InstantClock(), options=options)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    with pytest.raises(RegistryUnknown, match=r"install Node\.js with npm.*missing"):
        await sandbox.run("true", timeout_s=9, network=True)
    assert len(only(cloud).networks) == 1
    with pytest.raises(RegistryUnknown):
        await provider.create(Framework.VUE, task_id=TASK)
    assert [running.id for running in cloud.running] == [sandbox.id]
    await provider.close()

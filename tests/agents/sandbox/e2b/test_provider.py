"""The E2B adapter against the stand-in: what it asks for, and what it does when that fails."""

import asyncio
from dataclasses import replace

import pytest

from agents.errors import (
    AuthFailed,
    PackagesUnavailable,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    SandboxFull,
    SandboxLost,
    ZapdevError,
)
from agents.sandbox.e2b import UNHEARD_S, E2BSandboxProvider
from agents.templates import Template
from agents.testing import FakeClock
from agents.types import Framework
from tests.agents.sandbox.at_e2b import account_of, only, tiny_e2b_provider, tiny_image
from tests.agents.sandbox.e2b.conftest import SHORT_S
from tests.agents.sandbox.tiny import PORT, TASK, eventually, fetch, tiny_template
from tests.fakes.e2b.faults import CUT, DIE, HANG, Act, Slow, Status
from tests.fakes.e2b.server import StandIn
from tests.fakes.waiting import in_time, until

# --- making one ---------------------------------------------------------------------------------


async def test_it_is_made_from_the_frameworks_own_template_and_marked_as_ours(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    made = only(cloud)
    assert (made.body["templateID"], made.body["timeout"]) == ("zapdev-react", 3600)
    assert made.body["autoPause"] is True
    assert made.metadata.items() >= {"zapdev": "react", "zapdev-task": TASK}.items()
    assert sandbox.notice is None


async def test_a_template_under_the_other_name_is_taken(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    cloud.images["vue-developer"] = await tiny_image(cloud, Framework.VUE)
    sandbox = await provider.create(Framework.VUE, task_id=TASK)
    assert only(cloud).body["templateID"] == "vue-developer"
    assert sandbox.notice is None


async def test_without_a_template_files_are_uploaded_packages_installed_and_people_told(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.VUE, task_id=TASK)
    assert only(cloud).body["templateID"] == "base"
    assert await sandbox.tree() == dict(tiny_template(Framework.VUE).files)
    assert (await sandbox.run("cat node_modules/dep/index.js", timeout_s=9)).output == "installed\n"
    assert sandbox.notice is not None
    assert "no current Tiny template" in sandbox.notice


async def test_what_an_account_lacks_is_not_asked_for_again_at_once(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    for _ in range(3):
        await provider.create(Framework.VUE, task_id=TASK)
    assert cloud.requests.count("create") == 3 + 2


async def test_an_outdated_template_is_brought_up_to_date(cloud: StandIn) -> None:
    def newer(framework: Framework) -> Template:
        old = tiny_template(framework)
        return replace(old, files={**old.files, "new.txt": b"new"})

    provider = tiny_e2b_provider(cloud, templates=newer)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    assert await sandbox.read("new.txt") == b"new"
    assert sandbox.notice is not None
    await provider.close()


async def test_a_failed_install_says_so_and_leaves_no_sandbox(cloud: StandIn) -> None:
    def broken(framework: Framework) -> Template:
        return replace(tiny_template(framework), install="echo no such package; exit 3")

    provider = tiny_e2b_provider(cloud, templates=broken)
    with pytest.raises(PackagesUnavailable, match="no such package"):
        await provider.create(Framework.VUE, task_id=TASK)
    assert cloud.running == []
    await provider.close()


async def test_no_key_of_ours_enters_a_sandbox(
    cloud: StandIn, unhurried: E2BSandboxProvider
) -> None:
    sandbox = await unhurried.create(Framework.VUE, task_id=TASK)
    await sandbox.serve("env; exit 0", port=PORT)
    said = await eventually(sandbox.server_output)
    everything = "\n".join([said, *only(cloud).machine.seen, str(only(cloud).body)])
    assert cloud.key not in everything
    assert cloud.key not in repr(account_of(cloud))


REFUSALS: list[tuple[Act, type[ZapdevError]]] = [
    (Status(401), AuthFailed),
    (Status(429, "too fast", retry_after_s=1), RateLimited),
    (Status(429, "reached the maximum number of concurrent E2B sandboxes (20)"), SandboxFull),
    (Status(500, "Failed to place sandbox"), ProviderUnavailable),
    (Status(503), ProviderUnavailable),
    (Status(504), ProviderUnavailable),
    (CUT, ProviderUnavailable),
    (HANG, ProviderTimeout),
]


@pytest.mark.parametrize(("act", "error"), REFUSALS, ids=str)
async def test_a_refused_creation_says_who_must_act(
    cloud: StandIn, hasty: E2BSandboxProvider, act: Act, error: type[ZapdevError]
) -> None:
    cloud.faults.at("create", act)
    with pytest.raises(ZapdevError) as raised:
        await hasty.create(Framework.REACT, task_id=TASK)
    assert type(raised.value) is error
    assert raised.value.key.startswith("sandbox_"), "not the model provider's fault"
    assert cloud.running == []


async def test_an_outage_is_told_at_once_and_tried_again_every_ten_seconds(cloud: StandIn) -> None:
    clock = FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock)
    cloud.faults.at("create", Status(503), times=4)
    for _ in range(3 + 5):
        with pytest.raises(ProviderUnavailable):
            await provider.create(Framework.REACT, task_id=TASK)
    assert cloud.requests.count("create") == 3
    await clock.advance(11)
    with pytest.raises(ProviderUnavailable):
        await provider.create(Framework.REACT, task_id=TASK)
    await clock.advance(11)
    await provider.create(Framework.REACT, task_id=TASK)
    assert cloud.requests.count("create") == 5
    await provider.close()


async def test_a_refusal_ends_the_rest_since_it_is_an_answer(cloud: StandIn) -> None:
    clock = FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock)
    cloud.faults.at("create", Status(503), times=3)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            await provider.create(Framework.REACT, task_id=TASK)
    await clock.advance(11)
    cloud.faults.at("create", Status(429, "too fast"))
    with pytest.raises(RateLimited):
        await provider.create(Framework.REACT, task_id=TASK)
    await provider.create(Framework.REACT, task_id=TASK)
    await provider.close()


async def test_a_blocked_account_is_told_as_such_whatever_it_asks_for(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    cloud.faults.at("create", Status(403, "Team is blocked"), times=9)
    with pytest.raises(AuthFailed, match="blocked") as raised:
        await provider.create(Framework.REACT, task_id=TASK)
    assert raised.value.key == "sandbox_provider_auth"
    assert cloud.requests.count("create") == 3


async def test_a_template_that_was_deleted_meanwhile_is_done_without(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    cloud.images["react-developer"] = cloud.images["zapdev-react"]
    await provider.create(Framework.REACT, task_id=TASK)
    del cloud.images["zapdev-react"]
    made = [await provider.create(Framework.REACT, task_id=TASK) for _ in range(2)]
    names = [cloud.sandboxes[sandbox.id].body["templateID"] for sandbox in made]
    assert names == ["react-developer"] * 2
    assert cloud.requests.count("create") == 1 + 2 + 1


async def test_a_creation_that_nobody_heard_of_is_not_done_twice(cloud: StandIn) -> None:
    clock = FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock)
    cloud.faults.at("created", CUT)
    with pytest.raises(ProviderUnavailable):
        await provider.create(Framework.REACT, task_id=TASK)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    assert sandbox.id == only(cloud).id
    other = await provider.create(Framework.REACT, task_id=TASK)
    assert other.id != sandbox.id
    await clock.advance(10 * UNHEARD_S)
    assert len(cloud.running) == 2
    await provider.close()


async def test_a_creation_that_nobody_heard_of_is_remembered_through_a_refusal(
    cloud: StandIn,
) -> None:
    clock = FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock)
    cloud.faults.at("created", CUT)
    with pytest.raises(ProviderUnavailable):
        await provider.create(Framework.REACT, task_id=TASK)
    unheard = only(cloud)
    for _ in range(2):
        cloud.faults.at("create", Status(429, "slow down"))
        with pytest.raises(RateLimited):
            await provider.create(Framework.REACT, task_id=TASK)
    await clock.advance(UNHEARD_S)
    await until(lambda: unheard not in cloud.running)
    await provider.close()


async def test_what_nobody_heard_of_and_nobody_asks_for_again_is_ended_soon(cloud: StandIn) -> None:
    clock = FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock)
    kept = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("created", CUT, times=3)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            await provider.create(Framework.REACT, task_id=TASK)
    assert len(cloud.running) == 2, "three tries made one"
    await clock.advance(UNHEARD_S)
    await until(lambda: [sandbox.id for sandbox in cloud.running] == [kept.id])
    fresh = await provider.create(Framework.REACT, task_id=TASK)
    assert fresh.id in {sandbox.id for sandbox in cloud.running}, "not the one that was ended"
    await provider.close()


async def test_one_that_e2b_made_late_is_ended_too(cloud: StandIn) -> None:
    clock = FakeClock()
    provider = tiny_e2b_provider(cloud, clock=clock, answer_s=SHORT_S)
    cloud.faults.at("create", Slow(2 * SHORT_S))
    with pytest.raises(ProviderTimeout):
        await provider.create(Framework.REACT, task_id=TASK)
    await clock.advance(UNHEARD_S)
    await until(lambda: bool(cloud.running))
    await in_time(clock, lambda: not cloud.running, step_s=5.0)
    await provider.close()


async def test_what_nobody_heard_of_is_not_left_behind_by_a_process_that_stops(
    cloud: StandIn,
) -> None:
    provider = tiny_e2b_provider(cloud, clock=FakeClock())
    cloud.faults.at("created", CUT)
    with pytest.raises(ProviderUnavailable):
        await provider.create(Framework.REACT, task_id=TASK)
    await provider.close()
    assert cloud.running == []


async def test_a_creation_that_nobody_waits_for_leaves_no_sandbox(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    cloud.faults.at("create", Slow(0.2))
    making = asyncio.ensure_future(  # noqa: TID251
        provider.create(Framework.REACT, task_id=TASK)
    )
    await until(lambda: "create" in cloud.requests)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    await until(lambda: bool(cloud.sandboxes) and not cloud.running)


async def test_a_sandbox_that_dies_while_it_is_made_is_lost_and_none_is_left(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    cloud.faults.at("start", DIE)
    with pytest.raises(SandboxLost):
        await provider.create(Framework.REACT, task_id=TASK)
    assert cloud.running == []


# --- trouble inside -----------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["upload", "start", "download"])
@pytest.mark.parametrize("act", [Status(429), Status(503), CUT], ids=str)
async def test_passing_trouble_with_files_is_not_noticed(
    cloud: StandIn, provider: E2BSandboxProvider, stage: str, act: Act
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at(stage, act)
    await sandbox.write({"a.txt": b"a"})
    assert await sandbox.read("a.txt") == b"a"


@pytest.mark.parametrize("stage", ["upload", "start", "download"])
@pytest.mark.parametrize("act", [Status(500), HANG, DIE], ids=str)
async def test_lasting_trouble_is_a_lost_sandbox(
    cloud: StandIn, provider: E2BSandboxProvider, hasty: E2BSandboxProvider, stage: str, act: Act
) -> None:
    maker = hasty if act is HANG else provider  # who is answered may wait for it
    sandbox = await maker.create(Framework.REACT, task_id=TASK)
    cloud.faults.at(stage, act, times=9)

    async def write_and_read() -> None:
        await sandbox.write({"a.txt": b"a"})
        await sandbox.read("a.txt")

    with pytest.raises(SandboxLost):
        await write_and_read()


async def test_a_command_that_was_refused_is_run_later_and_once(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("start", Status(429), when="echo once")
    assert (await sandbox.run("echo once >>log", timeout_s=9)).ok
    assert await sandbox.read("log") == b"once\n"


async def test_a_sandbox_that_dies_under_its_command_is_lost(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("running", DIE, when="sleep 77")
    with pytest.raises(SandboxLost):
        await sandbox.run("sleep 77", timeout_s=60)


async def test_a_command_that_cannot_be_ended_takes_its_sandbox_with_it(
    cloud: StandIn, hasty: E2BSandboxProvider
) -> None:
    sandbox = await hasty.create(Framework.REACT, task_id=TASK)
    running = asyncio.ensure_future(sandbox.run("sleep 77", timeout_s=0.5))  # noqa: TID251
    await until(lambda: any("sleep 77" in seen for seen in only(cloud).machine.seen))
    cloud.faults.at("start", HANG, times=9)
    with pytest.raises(SandboxLost):
        await running
    assert cloud.running == []


async def test_a_command_that_kills_the_line_it_runs_in_is_ended_all_the_same(
    cloud: StandIn, provider: E2BSandboxProvider
) -> None:
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    result = await sandbox.run("kill -9 $PPID; sleep 77", timeout_s=20)
    assert result.exit_code == 137
    await until(lambda: not cloud.processes)


async def test_a_server_whose_sandbox_died_is_lost_and_not_crashed(
    cloud: StandIn, unhurried: E2BSandboxProvider
) -> None:
    sandbox = await unhurried.create(Framework.REACT, task_id=TASK)
    url = await sandbox.serve(f"node server.mjs {PORT}", port=PORT)
    await eventually(lambda: fetch(url))
    await cloud.kill(only(cloud))
    assert await fetch(url) is None
    with pytest.raises(SandboxLost):
        await eventually(sandbox.server_output)


async def test_a_server_listens_for_e2bs_proxy_and_lets_its_name_in(
    cloud: StandIn, unhurried: E2BSandboxProvider
) -> None:
    sandbox = await unhurried.create(Framework.REACT, task_id=TASK)
    said = 'echo 127.0.0.1 $HOST $__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS; test "$PORT"'
    url = await sandbox.serve(said, port=PORT)
    assert await eventually(sandbox.server_output) == "0.0.0.0 0.0.0.0 127.0.0.1\n"
    assert url == f"http://127.0.0.1:{sandbox.id}"


async def test_closing_never_raises_even_when_e2b_is_silent(
    cloud: StandIn, hasty: E2BSandboxProvider
) -> None:
    sandbox = await hasty.create(Framework.REACT, task_id=TASK)
    cloud.faults.at("kill", Status(500), times=2)
    await sandbox.close()
    with pytest.raises(SandboxLost):
        await sandbox.tree()

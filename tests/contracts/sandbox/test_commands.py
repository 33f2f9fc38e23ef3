"""Commands: what adapters that really run them promise."""

import asyncio
import os
import resource
import time

import pytest

from agents.errors import SandboxLost
from agents.ports import Sandbox, SandboxProvider
from agents.types import Framework
from tests.agents.sandbox.tiny import TASK, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "sk-canary-3f1c"
LEAVE_A_DAEMON = (
    'setsid bash -c \'setsid bash -c "while :; do date +%N > heartbeat; sleep 0.05; done" '
    "</dev/null >/dev/null 2>&1 &' & until [ -e heartbeat ]; do sleep 0.01; done; "
)


async def assert_quiet(machine: Sandbox) -> None:
    """Nothing writes the heartbeat any more."""
    before = await machine.read("heartbeat")
    await asyncio.sleep(0.3)
    assert await machine.read("heartbeat") == before is not None


async def test_a_command_runs_in_the_apps_folder(machine: Sandbox) -> None:
    result = await machine.run("cat app.txt && echo && pwd && echo ~", timeout_s=10)
    text, cwd, home = result.output.splitlines()
    assert (text, cwd, result.ok) == ("start-page react", home, True)


async def test_a_folder_goes_with_its_last_file(machine: Sandbox) -> None:
    """Tools go by folders, too: Next.js takes an empty `src/app` for an app."""
    await machine.write({"a/b/c/d.txt": b"", "a/b/e.txt": b"", "x/y.txt": b"", "l/z.txt": b""})
    await machine.run("rm l/z.txt && ln -s ../x l/link && mkdir full && touch full/x", timeout_s=10)
    await machine.remove(["a/b/c/d.txt", "x/y.txt", "x", "l/link/y.txt", "full", "app.txt"])
    result = await machine.run("ls -d a/b/* x l/link full .", timeout_s=10)
    assert {line for line in result.output.splitlines() if "cannot" not in line} == {
        *("a/b/e.txt", "l/link", "full", "."),
    }


async def test_dependencies_are_installed(machine: Sandbox) -> None:
    result = await machine.run("cat node_modules/dep/index.js", timeout_s=10)
    assert result.output == "installed\n"


async def test_a_failing_command_is_a_result_with_its_exit_code(machine: Sandbox) -> None:
    result = await machine.run("exit 7", timeout_s=10)
    assert (result.exit_code, result.ok, result.timed_out) == (7, False, False)


async def test_a_missing_program_is_a_result(machine: Sandbox) -> None:
    result = await machine.run("no-such-program-here", timeout_s=10)
    assert result.exit_code == 127
    assert "no-such-program-here" in result.output


async def test_a_killed_command_ends_as_a_shell_says_it(machine: Sandbox) -> None:
    assert (await machine.run("kill -9 $$", timeout_s=10)).exit_code == 137


async def test_stdout_and_stderr_come_in_the_order_they_were_printed(machine: Sandbox) -> None:
    result = await machine.run("echo one; echo two >&2; echo three", timeout_s=10)
    assert result.output == "one\ntwo\nthree\n"


async def test_standard_input_is_empty(machine: Sandbox) -> None:
    result = await machine.run("cat; read -r line || echo no input", timeout_s=10)
    assert result.output == "no input\n"


async def test_quoting_reaches_the_shell_unchanged(machine: Sandbox) -> None:
    result = await machine.run("printf '%s|' \"a b\" 'c\"d' $'e\\nf' \"\\$HOME\"", timeout_s=10)
    assert result.output == 'a b|c"d|e\nf|$HOME|'


async def test_unicode_and_bytes_that_are_none_come_through(machine: Sandbox) -> None:
    result = await machine.run("printf 'ok 漢字 \\xff\\xfe end'", timeout_s=10)
    assert result.output == "ok 漢字 \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} end"


async def test_commands_see_written_files_and_their_own_are_read_back(machine: Sandbox) -> None:
    await machine.write({"in.txt": b"abc"})
    await machine.run("tr a-c A-C < in.txt > out.txt; rm in.txt", timeout_s=10)
    assert await machine.read("out.txt") == b"ABC"
    assert await machine.read("in.txt") is None


async def test_commands_may_change_and_delete_what_was_written(machine: Sandbox) -> None:
    await machine.write({"src/deep/a.txt": b"a", "b.txt": b"b"})
    result = await machine.run("echo more >> src/deep/a.txt && rm -r b.txt src/deep", timeout_s=10)
    assert result.output == ""
    assert set(await machine.tree()).isdisjoint({"src/deep/a.txt", "b.txt"})


async def test_what_a_command_made_can_be_replaced(machine: Sandbox) -> None:
    await machine.run("mkdir -p d && echo x > d/f && chmod 500 d && chmod 400 d/f", timeout_s=10)
    await machine.run("chmod 700 d", timeout_s=10)
    await machine.write({"d/f": b"new"})
    assert await machine.read("d/f") == b"new"


async def test_an_executable_keeps_its_permission(machine: Sandbox) -> None:
    await machine.run("printf '#!/bin/sh\necho ran\n' > go.sh && chmod +x go.sh", timeout_s=10)
    assert (await machine.run("./go.sh", timeout_s=10)).output == "ran\n"


async def test_the_environment_holds_none_of_the_hosts(
    machines: SandboxProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", SECRET)
    machine = await machines.create(Framework.REACT, task_id=TASK)
    said = (await machine.run("env; cat /proc/self/environ", timeout_s=10)).output
    installing = (await machine.run("env", timeout_s=30, network=True)).output
    assert SECRET not in said + installing
    assert "CI=1" in said


async def test_what_tools_keep_for_themselves_is_no_app_file(machine: Sandbox) -> None:
    before = await machine.tree()
    folders = '"$npm_config_cache" "$XDG_CACHE_HOME" "$XDG_CONFIG_HOME"'
    kept = f"for f in {folders}; do mkdir -p $f && touch $f/kept || exit 1; done"
    assert (await machine.run(kept, timeout_s=10)).ok
    assert await machine.tree() == before


async def test_what_was_running_when_time_is_up_is_a_result_with_its_output(
    machine: Sandbox,
) -> None:
    result = await machine.run("echo begun; sleep 60", timeout_s=0.5)
    assert (result.exit_code, result.timed_out, result.ok) == (124, True, False)
    assert result.output == "begun\n"
    assert 0.5 <= result.duration_s < 3


async def test_a_timeout_kills_children_and_grandchildren(machine: Sandbox) -> None:
    tree = "bash -c 'bash -c \"while :; do date +%N > heartbeat; sleep 0.05; done\"' & wait"
    await machine.run(tree, timeout_s=1)
    await assert_quiet(machine)


async def test_a_daemon_that_left_its_session_dies_at_the_timeout(machine: Sandbox) -> None:
    await machine.run(LEAVE_A_DAEMON + "sleep 60", timeout_s=1.5)
    await assert_quiet(machine)


async def test_a_daemon_does_not_outlive_its_command(machine: Sandbox) -> None:
    result = await machine.run(LEAVE_A_DAEMON, timeout_s=10)
    assert result.ok
    await assert_quiet(machine)


async def test_a_command_that_ignores_signals_ends_at_its_time(machine: Sandbox) -> None:
    began = time.monotonic()
    result = await machine.run("trap '' TERM INT HUP; while :; do :; done", timeout_s=0.5)
    assert result.timed_out
    assert time.monotonic() - began < 3


async def test_a_flood_is_kept_to_head_and_tail_and_memory_stays_flat(machine: Sandbox) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    flood = "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last"
    result = await machine.run(flood, timeout_s=60)
    assert result.output.startswith("first\nxxx")
    assert result.output.endswith("xxx\nlast\n")
    assert len(result.output.encode()) <= 64 * 1024
    assert "[... 99934556 bytes left out ...]" in result.output
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


async def test_output_at_the_limit_is_whole(machine: Sandbox) -> None:
    result = await machine.run("head -c 65536 /dev/zero | tr '\\0' x", timeout_s=20)
    assert result.output == "x" * 65536


async def test_a_flood_does_not_stall_the_event_loop(machine: Sandbox) -> None:
    flood = asyncio.ensure_future(machine.run("yes", timeout_s=1.5))  # noqa: TID251
    worst, last = 0.0, time.monotonic()
    while not flood.done():
        await asyncio.sleep(0.005)
        now = time.monotonic()
        worst, last = max(worst, now - last - 0.005), now
    assert (await flood).timed_out
    assert worst < 0.25  # 50 ms on a quiet machine


async def test_output_is_streamed_while_the_command_runs(machine: Sandbox) -> None:
    seen: list[str] = []
    command = "echo hello; until [ -e go ]; do sleep 0.02; done; echo done"
    running = asyncio.ensure_future(  # noqa: TID251
        machine.run(command, timeout_s=20, on_output=seen.append)
    )

    async def greeted() -> bool | None:
        return "hello\n" in "".join(seen) or None

    await eventually(greeted)
    assert not running.done()
    await machine.write({"go": b""})
    assert (await running).output == "".join(seen) == "hello\ndone\n"


async def test_cancelling_kills_the_command_within_two_seconds(machine: Sandbox) -> None:
    running = asyncio.ensure_future(  # noqa: TID251
        machine.run(LEAVE_A_DAEMON + "sleep 60", timeout_s=60)
    )

    async def beating() -> bytes | None:
        return await machine.read("heartbeat")

    await eventually(beating)
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 2
    await assert_quiet(machine)


async def test_commands_run_side_by_side(machine: Sandbox) -> None:
    meet = "touch {0}; until [ -e {1} ]; do sleep 0.02; done; echo met"
    met = await asyncio.gather(
        machine.run(meet.format("a", "b"), timeout_s=10),
        machine.run(meet.format("b", "a"), timeout_s=10),
    )
    assert [result.output for result in met] == ["met\n", "met\n"]


async def test_closing_ends_a_running_command_as_lost(machine: Sandbox) -> None:
    running = asyncio.ensure_future(machine.run("echo $$ > started; sleep 60", timeout_s=60))  # noqa: TID251

    async def started() -> bytes | None:
        return await machine.read("started")

    await eventually(started)
    await machine.close()
    with pytest.raises(SandboxLost):
        await running
    with pytest.raises(SandboxLost):
        await machine.run("true", timeout_s=5)


async def test_ten_commands_in_ten_sandboxes_leave_no_descriptor_behind(
    machines: SandboxProvider,
) -> None:
    made = [await machines.create(Framework.REACT, task_id=TASK) for _ in range(3)]
    await asyncio.gather(*(machine.run("true", timeout_s=20) for machine in made))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        await asyncio.gather(*(machine.run("true", timeout_s=20) for machine in made))
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208

"""What code in a local sandbox tries, and what it gets: nothing of the host or of others."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from agents.errors import SandboxUnavailable
from agents.sandbox.local import LocalSandboxProvider
from agents.sandbox.local_sandbox import LocalSandbox
from agents.types import Framework
from tests.agents.sandbox.tiny import PORT, TASK, eventually, fetch, tiny_provider

CANARY = "canary-8d21"
THIS = Path(__file__).resolve()


def find(place: Path, pattern: str) -> Path:
    """The one path below `place` that matches."""
    [found] = place.glob(pattern)
    return found


def owner_of(program: str) -> int | None:
    """The user id, as the host sees it, of the process that calls itself `program`."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may end while we look
            if (process / "cmdline").read_bytes().startswith(f"{program}\0".encode()):
                return process.stat().st_uid
    return None


async def attempt(sandbox: LocalSandbox, command: str, *, network: bool = False) -> str:
    """What a hostile command printed; it must have failed."""
    result = await sandbox.run(command, timeout_s=20, network=network)
    assert result.exit_code != 0, f"this worked: {command}\n{result.output}"
    assert not result.timed_out, f"this had no answer: {command}"
    return result.output


@pytest.fixture
async def host_service() -> AsyncIterator[tuple[int, list[str]]]:
    """A service on the host's loopback, and who called it."""
    calls: list[str] = []

    def on_call(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append("tcp")
        writer.close()

    server = await asyncio.start_server(on_call, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], calls
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "path",
    ["/root", "/home/ubuntu", "/etc/shadow", "/etc/ssh", "/var", "/opt", "/srv", "/sys", "/boot"],
)
async def test_the_hosts_folders_are_not_there(sandbox: LocalSandbox, path: str) -> None:
    assert "No such file" in await attempt(sandbox, f"ls -la {path}")


async def test_the_users_of_the_host_are_not_told(sandbox: LocalSandbox) -> None:
    users = (await sandbox.run("cut -d: -f1 /etc/passwd", timeout_s=10)).output.split()
    assert users == ["root", "user"]


async def test_the_repository_and_this_test_are_not_there(sandbox: LocalSandbox) -> None:
    assert "No such file" in await attempt(sandbox, f"cat {THIS}")


async def test_another_sandbox_cannot_be_read_or_written(
    provider: LocalSandboxProvider, sandbox: LocalSandbox, place: Path
) -> None:
    other = await provider.create(Framework.REACT, task_id=TASK)
    await other.write({"secret.txt": CANARY.encode()})
    secret = find(place, "owners/*/*/app/secret.txt")
    assert "No such file" in await attempt(sandbox, f"cat {secret}")
    seen = await sandbox.run("find / -name secret.txt 2>/dev/null", timeout_s=20)
    assert seen.output == ""
    await attempt(sandbox, f"echo hacked > {secret}")
    assert await other.read("secret.txt") == CANARY.encode()


async def test_other_sandboxes_cannot_be_found_through_proc(
    provider: LocalSandboxProvider, sandbox: LocalSandbox
) -> None:
    other = await provider.create(Framework.REACT, task_id=TASK)
    running = asyncio.ensure_future(other.run(f"sleep 20 # {CANARY}", timeout_s=3))  # noqa: TID251
    seen = await sandbox.run(
        "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ls -d /proc/[0-9]*", timeout_s=10
    )
    assert CANARY not in seen.output
    assert len([line for line in seen.output.splitlines() if line.startswith("/proc/")]) < 10
    await running


async def test_the_hosts_processes_and_their_environment_are_not_there(
    sandbox: LocalSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", CANARY)
    said = (await sandbox.run("cat /proc/*/environ | tr '\\0' '\\n'; ps aux", timeout_s=10)).output
    assert CANARY not in said
    assert "pytest" not in said


async def test_the_hosts_processes_cannot_be_signalled(sandbox: LocalSandbox) -> None:
    assert "No such process" in await attempt(sandbox, f"kill -9 {os.getpid()}")


async def test_there_is_no_network(sandbox: LocalSandbox) -> None:
    assert "lo:" in (await sandbox.run("cat /proc/net/dev", timeout_s=10)).output
    routes = (await sandbox.run("cat /proc/net/route", timeout_s=10)).output.splitlines()
    assert len(routes) <= 1  # the heading


@pytest.mark.parametrize("network", [False, True])
async def test_services_on_the_hosts_loopback_are_out_of_reach(
    sandbox: LocalSandbox, host_service: tuple[int, list[str]], *, network: bool
) -> None:
    port, calls = host_service
    await attempt(sandbox, f": </dev/tcp/127.0.0.1/{port}", network=network)
    await attempt(sandbox, f"curl -sf --noproxy '*' http://127.0.0.1:{port}/", network=network)
    assert calls == []


async def test_an_installs_way_out_leads_to_the_registry_only(
    sandbox: LocalSandbox, host_service: tuple[int, list[str]]
) -> None:
    port, calls = host_service
    for target in (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/"):
        curl = f"curl -s -o /dev/null -w '%{{http_code}}' {target}; false"
        assert await attempt(sandbox, curl, network=True) == "403"
    for target in (f"https://127.0.0.1:{port}/", "https://169.254.169.254/", "https://[::1]:22/"):
        curl = f"curl -s -o /dev/null -w '%{{http_connect}}' {target}; false"
        assert await attempt(sandbox, curl, network=True) == "403"
    assert calls == []


async def test_an_installs_packages_may_not_run_programs(sandbox: LocalSandbox) -> None:
    said = await sandbox.run(
        "npm config get ignore-scripts git userconfig", timeout_s=20, network=True
    )
    assert said.output.splitlines() == [
        "ignore-scripts=true",
        "git=/bin/false",
        "userconfig=/nonexistent/npmrc",
    ]


async def test_an_apps_own_npm_settings_do_not_change_that(sandbox: LocalSandbox) -> None:
    await sandbox.write({".npmrc": b"ignore-scripts=false\ngit=/home/user/evil.sh\n"})
    said = await sandbox.run("npm config get ignore-scripts git", timeout_s=20, network=True)
    assert said.output.splitlines() == ["ignore-scripts=true", "git=/bin/false"]


async def test_the_prepared_packages_cannot_be_written(sandbox: LocalSandbox, place: Path) -> None:
    prepared = find(place, "prepared/react-*/node_modules/dep/index.js")
    await attempt(sandbox, f"echo poisoned > {prepared}")
    await sandbox.run("echo poisoned > node_modules/dep/index.js", timeout_s=10)
    assert prepared.read_text() == "installed\n"


async def test_a_poisoned_dependency_does_not_reach_the_next_sandbox(
    provider: LocalSandboxProvider, sandbox: LocalSandbox
) -> None:
    await sandbox.run("echo poisoned > node_modules/dep/index.js", timeout_s=10)
    for _ in range(2):
        fresh = await provider.create(Framework.REACT, task_id=TASK)
        assert await fresh.read("node_modules/dep/index.js") == b"installed\n"


@pytest.mark.parametrize(
    "path", ["/usr/bin/x", "/etc/passwd", "/x", "/dev/x", "/run/x", "/proc/sys/kernel/hostname"]
)
async def test_nothing_but_the_app_and_tmp_can_be_written(sandbox: LocalSandbox, path: str) -> None:
    await attempt(sandbox, f"echo hostile >> {path}")
    assert "hostile" not in (await sandbox.run(f"tail -c 99 {path}", timeout_s=10)).output


async def test_code_runs_without_any_privilege(sandbox: LocalSandbox) -> None:
    status = (await sandbox.run("cat /proc/self/status; id -u", timeout_s=10)).output
    facts = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(facts[capabilities], 16) == 0
    assert facts["NoNewPrivs"] == "1"
    assert facts["Uid"].split() == ["1000"] * 4


async def test_as_root_the_code_is_nobody_on_the_host(sandbox: LocalSandbox) -> None:
    marker = f"{CANARY}-owner"
    running = asyncio.ensure_future(sandbox.run(f"exec -a {marker} sleep 20", timeout_s=3))  # noqa: TID251

    async def found() -> int | None:
        return owner_of(marker)

    owner = await eventually(found)
    running.cancel()
    assert owner != 0


@pytest.mark.parametrize(
    "command",
    [
        "unshare --user --map-root-user true",
        "unshare --mount true",
        "bwrap --ro-bind / / true",
        "mount -t tmpfs none /tmp",
        "umount /usr",
        "/usr/sbin/chroot / true",
        "su -c true",
        "setpriv --reuid 0 true",
        "mknod disk b 8 0",
        "chown 0:0 app.txt",
    ],
)
async def test_raising_privileges_is_refused(sandbox: LocalSandbox, command: str) -> None:
    said = await attempt(sandbox, command)
    assert "not found" not in said, "the program is missing, so nothing was tried"


async def test_a_setuid_program_gains_nothing(sandbox: LocalSandbox) -> None:
    command = "cp /usr/bin/id ./id && chmod u+s ./id && ./id -u"
    assert (await sandbox.run(command, timeout_s=10)).output == "1000\n"


async def test_a_fork_bomb_stays_in_its_sandbox(
    provider: LocalSandboxProvider, sandbox: LocalSandbox
) -> None:
    other = await provider.create(Framework.REACT, task_id=TASK)
    command = "sh -c 'n=0; while [ $n -lt 3000 ]; do sleep 30 & n=$((n+1)); done; echo all'"
    bomb = asyncio.ensure_future(sandbox.run(command, timeout_s=60))  # noqa: TID251
    assert (await other.run("true", timeout_s=60)).ok
    said = (await bomb).output
    assert "fork" in said
    assert "all" not in said


async def test_a_file_beyond_the_size_limit_is_refused(sandbox: LocalSandbox) -> None:
    await attempt(sandbox, "truncate -s 2G big")
    size = (await sandbox.run("stat -c %s big", timeout_s=10)).output
    assert int(size) < 2 * 1024**3


async def test_a_swapped_server_socket_leads_to_no_other_service(
    sandbox: LocalSandbox, place: Path
) -> None:
    calls: list[str] = []

    def on_call(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append("unix")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")

    target = place / "host.sock"
    server = await asyncio.start_unix_server(on_call, target)
    swap = f"rm -f /run/bridge/server.sock; ln -s {target} /run/bridge/server.sock; touch swapped; sleep 20"
    url = await sandbox.serve(f"sleep 0.5; {swap}", port=PORT)

    async def swapped() -> bytes | None:
        return await sandbox.read("swapped")

    await eventually(swapped)
    answer = await fetch(url)
    server.close()
    await server.wait_closed()
    assert (answer, calls) == (None, [])


async def test_the_server_has_no_network_either(
    sandbox: LocalSandbox, host_service: tuple[int, list[str]]
) -> None:
    port, calls = host_service
    await sandbox.serve(f": </dev/tcp/127.0.0.1/{port} && echo reached", port=PORT)
    assert "Connection refused" in await eventually(sandbox.server_output)
    assert calls == []


async def test_missing_isolation_is_refused_with_its_reason(place: Path) -> None:
    provider = tiny_provider(place, bwrap="no-such-program")
    with pytest.raises(SandboxUnavailable, match="bubblewrap is missing"):
        await provider.check()
    with pytest.raises(SandboxUnavailable, match="bubblewrap is missing"):
        await provider.create(Framework.REACT, task_id=TASK)
    await provider.close()


async def test_isolation_that_does_not_work_is_refused_with_its_reason(
    place: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n"
    )
    broken.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    provider = tiny_provider(place, bwrap=str(broken))
    with pytest.raises(SandboxUnavailable, match="No permissions to create new namespace"):
        await provider.check()
    await provider.close()


async def test_missing_isolation_is_accepted_when_said(place: Path) -> None:
    provider = tiny_provider(place, bwrap="no-such-program", allow_unisolated=True)
    assert await provider.check() is False
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    assert (await sandbox.run("true", timeout_s=10)).ok
    await provider.close()


async def test_isolation_is_used_where_it_works_even_if_it_may_be_missing(place: Path) -> None:
    provider = tiny_provider(place, allow_unisolated=True)
    assert await provider.check() is True
    await provider.close()

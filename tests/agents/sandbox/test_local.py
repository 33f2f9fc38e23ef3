"""The local provider: sweeping, spares, places, and what is left when its owner dies."""

import asyncio
import os
import secrets
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from agents.errors import SandboxLost, SandboxUnavailable
from agents.sandbox.boxes import make_private
from agents.sandbox.guard import NICENESS
from agents.sandbox.local import LocalSandboxProvider
from agents.sandbox.local_sandbox import LocalSandbox
from agents.types import Framework, SandboxId
from tests.agents.sandbox.tiny import TASK, eventually, tiny_provider

ROOT = Path(__file__).parents[3]


async def start_owner(place: Path, bwrap: str, token: str) -> tuple[Process, str]:
    """Another process that owns a busy sandbox, and that sandbox's id."""
    program = [sys.executable, "-m", "tests.agents.sandbox.owner_program"]
    owner = await asyncio.create_subprocess_exec(
        *program, str(place), bwrap, token, stdout=PIPE, cwd=ROOT
    )
    assert owner.stdout is not None
    said = (await owner.stdout.readline()).split()
    assert said[:1] == [b"ready"]
    return owner, said[1].decode()


def left(place: Path, sandbox_id: str) -> list[Path]:
    """The sandbox's folders on disk."""
    return list(place.glob(f"owners/*/{sandbox_id}"))


def processes_with(token: str) -> list[int]:
    """Living processes whose command line holds the token, but for the owner program itself."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if token.encode() in words and b"owner_program" not in words:
            found.append(int(process.name))
    return found


def running_as(token: str) -> list[int]:
    """Processes that call themselves `token`: behind a wall they are the last to start."""
    return [pid for pid in processes_with(token) if name_of(pid) == token]


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""


@pytest.mark.parametrize("bwrap", ["bwrap", "no-such-program"])
@pytest.mark.parametrize("when", ["starting", "running"])
async def test_killing_the_owner_leaves_no_process(place: Path, bwrap: str, when: str) -> None:
    token = f"linger-{secrets.token_hex(6)}"
    owner, _ = await start_owner(place, bwrap, token)

    async def all_running() -> bool | None:
        return len(running_as(token)) >= 5 or None

    if when == "running":
        await eventually(all_running, what="server, command and their children")
    owner.kill()
    killed_at = time.monotonic()
    await owner.wait()

    async def none_left() -> bool | None:
        return not processes_with(token) or None

    await eventually(none_left, within_s=5)
    assert time.monotonic() - killed_at < 2


@pytest.mark.parametrize("bwrap", ["bwrap", "no-such-program"])
async def test_what_another_process_has_is_known_as_long_as_it_lives(
    place: Path, bwrap: str
) -> None:
    owner, name = await start_owner(place, bwrap, f"linger-{secrets.token_hex(6)}")
    ours = tiny_provider(place, bwrap=bwrap, allow_unisolated=True)
    sandbox_id = SandboxId(name)
    try:
        assert await ours.lives_elsewhere(sandbox_id)
        assert await ours.connect(sandbox_id) is None
        owner.kill()
        await owner.wait()
        assert left(place, name), "its folder is still there, and nobody's"
        assert not await ours.lives_elsewhere(sandbox_id)
    finally:
        await ours.close()


async def test_what_another_process_has_closed_is_not_there_any_more(place: Path) -> None:
    theirs, ours = tiny_provider(place), tiny_provider(place)
    try:
        sandbox = await theirs.create(Framework.REACT, task_id=TASK)
        assert await ours.lives_elsewhere(sandbox.id)
        await sandbox.close()
        assert not await ours.lives_elsewhere(sandbox.id)
    finally:
        await theirs.close()
        await ours.close()


@pytest.mark.parametrize("bwrap", ["bwrap", "no-such-program"])
async def test_commands_stand_back_for_whoever_serves_alone_and_as_sessions(
    place: Path, bwrap: str
) -> None:
    provider = tiny_provider(place, bwrap=bwrap, allow_unisolated=True)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    has_autogroups = Path("/proc/self/autogroup").exists()
    lowered = f"until grep -q 'nice {NICENESS}$' /proc/self/autogroup; do sleep 0.05; done"
    command = f"{lowered if has_autogroups else 'true'}; nice"

    # At once, as the kernel refuses all but one in a tenth of a second.
    ended = await asyncio.gather(*(sandbox.run(command, timeout_s=20) for _ in range(5)))

    assert not any(result.timed_out for result in ended)
    assert {int(result.output) for result in ended} == {min(19, os.nice(0) + NICENESS)}
    await provider.close()


async def test_what_a_dead_owner_left_is_swept_by_the_next(place: Path) -> None:
    owner, name = await start_owner(place, "bwrap", "sweep")
    owner.kill()
    await owner.wait()
    assert left(place, name)
    provider = tiny_provider(place)
    await provider.check()

    async def swept() -> bool | None:
        return not left(place, name) or None

    await eventually(swept)
    await provider.close()


async def test_a_living_owners_sandboxes_are_not_swept(place: Path, sandbox: LocalSandbox) -> None:
    second = tiny_provider(place)
    await second.check()
    assert await sandbox.read("app.txt") == b"start-page react"
    assert (await sandbox.run("true", timeout_s=10)).ok
    await second.close()


async def test_a_closed_provider_leaves_no_folder_and_no_process(place: Path) -> None:
    provider = tiny_provider(place)
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    token = f"linger-{secrets.token_hex(6)}"
    await sandbox.serve(f"exec -a {token} sleep 600", port=5173)

    async def running() -> list[int] | None:
        return processes_with(token) or None

    await eventually(running)
    await provider.close()
    assert processes_with(token) == []
    assert os.listdir(place / "owners") == [".sweep.lock"]  # noqa: PTH208 - names are meant


async def test_closing_is_done_within_two_seconds_and_off_the_event_loop(
    sandbox: LocalSandbox,
) -> None:
    await sandbox.write({f"src/{n}.ts": b"x" for n in range(1_000)})
    closing = asyncio.ensure_future(sandbox.close())  # noqa: TID251
    began, worst, last = time.monotonic(), 0.0, time.monotonic()
    while not closing.done():
        await asyncio.sleep(0.002)
        now = time.monotonic()
        worst, last = max(worst, now - last - 0.002), now
    assert last - began < 2
    assert worst < 0.25  # 50 ms on a quiet machine


async def test_a_sandbox_whose_folder_vanished_is_lost(place: Path, sandbox: LocalSandbox) -> None:
    [box] = left(place, sandbox.id)
    box.rename(place / "elsewhere")
    with pytest.raises(SandboxLost):
        await sandbox.run("true", timeout_s=5)
    with pytest.raises(SandboxLost):
        await sandbox.write({"a": b""})


async def test_a_sandbox_made_ahead_is_handed_out_and_never_twice(
    provider: LocalSandboxProvider,
) -> None:
    await provider.prepare(Framework.REACT)
    began = time.monotonic()
    first = await provider.create(Framework.REACT, task_id=TASK)
    assert time.monotonic() - began < 0.05
    second = await provider.create(Framework.REACT, task_id=TASK)
    await first.write({"app.txt": b"first"})
    assert await second.read("app.txt") == b"start-page react"


async def test_a_cancelled_creation_leaves_no_sandbox_and_its_work_is_used(
    provider: LocalSandboxProvider,
) -> None:
    creating = asyncio.ensure_future(provider.create(Framework.REACT, task_id=TASK))  # noqa: TID251
    await asyncio.sleep(0)
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    assert await (await provider.create(Framework.REACT, task_id=TASK)).read("app.txt")


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_place_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(SandboxUnavailable, match="only we may change"):
        make_private(folder)


def test_a_link_in_place_of_the_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(SandboxUnavailable):
        make_private(tmp_path / "link")


def test_a_private_folder_is_ours_also_the_second_time(tmp_path: Path) -> None:
    for _ in range(2):
        make_private(tmp_path / "mine")
    assert (tmp_path / "mine").stat().st_uid == os.geteuid()


async def test_a_root_that_the_sandboxs_user_cannot_reach_is_replaced(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    provider = tiny_provider(closed / "boxes")
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    assert (await sandbox.run("cat app.txt", timeout_s=10)).output == "start-page react"
    await provider.close()

"""Hostile links: what code inside makes leads nobody outside astray."""

from pathlib import Path

import pytest

from agents.ports import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "the host's own words"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text(SECRET)
    return tmp_path


async def test_a_link_that_leaves_reads_as_none(machine: Sandbox, outside: Path) -> None:
    await machine.run(f"ln -s {outside}/secret.txt stolen.txt", timeout_s=10)
    assert await machine.read("stolen.txt") is None


async def test_a_linked_folder_is_not_read_through(machine: Sandbox, outside: Path) -> None:
    await machine.run(f"ln -s {outside} away", timeout_s=10)
    assert await machine.read("away/secret.txt") is None


async def test_writing_replaces_a_link_and_not_its_target(machine: Sandbox, outside: Path) -> None:
    await machine.run(f"ln -s {outside}/secret.txt a.txt", timeout_s=10)
    await machine.write({"a.txt": b"mine"})
    assert await machine.read("a.txt") == b"mine"
    assert (outside / "secret.txt").read_text() == SECRET


async def test_writing_below_a_linked_folder_stays_inside(machine: Sandbox, outside: Path) -> None:
    await machine.run(f"ln -s {outside} src", timeout_s=10)
    await machine.write({"src/secret.txt": b"mine"})
    assert await machine.read("src/secret.txt") == b"mine"
    assert (outside / "secret.txt").read_text() == SECRET


async def test_deleting_below_a_linked_folder_deletes_nothing_outside(
    machine: Sandbox, outside: Path
) -> None:
    await machine.run(f"ln -s {outside} src", timeout_s=10)
    await machine.remove(["src/secret.txt"])
    assert (outside / "secret.txt").exists()


async def test_links_pipes_and_sockets_are_left_out_of_the_tree(
    machine: Sandbox, outside: Path
) -> None:
    before = await machine.tree()
    await machine.run(
        f"ln -s {outside} folder; ln -s app.txt inner; ln -s loop loop; mkfifo pipe; ln -s . here",
        timeout_s=10,
    )
    assert await machine.tree() == before


async def test_a_pipe_reads_as_none_and_does_not_block(machine: Sandbox) -> None:
    await machine.run("mkfifo pipe", timeout_s=10)
    assert await machine.read("pipe") is None


async def test_a_name_that_is_not_text_is_left_out_of_the_tree(machine: Sandbox) -> None:
    await machine.run("touch $'odd\\xff.txt'", timeout_s=10)
    assert set(await machine.tree()) == {"app.txt", "package.json", "server.mjs"}


async def test_closing_deletes_no_link_target(machine: Sandbox, outside: Path) -> None:
    await machine.run(f"ln -s {outside} away; mkdir locked; chmod 0 locked", timeout_s=10)
    await machine.close()
    assert (outside / "secret.txt").read_text() == SECRET

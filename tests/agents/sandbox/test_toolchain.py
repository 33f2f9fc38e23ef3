"""Which Node sandboxes get, and what they may see of where it lives."""

from pathlib import Path

import pytest

from agents.errors import SandboxUnavailable
from agents.sandbox.skeleton import show_node
from agents.sandbox.toolchain import Toolchain, ask, find_registry, find_toolchain
from tests.fakes.waiting import until


def make_node(home: Path) -> Toolchain:
    """A Node in somebody's home, beside things that are private."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "node").write_text("#!/bin/sh\n")
    (home / "bin" / "private-tool").write_text("secret")
    npm = home / "lib" / "node_modules" / "npm" / "bin"
    npm.mkdir(parents=True)
    (npm / "npm-cli.js").write_text("")
    (home / "lib" / "node_modules" / "private-package").mkdir()
    return Toolchain(home / "bin" / "node", None)


def test_the_systems_node_is_there_already(tmp_path: Path) -> None:
    assert show_node(Toolchain(Path("/usr/bin/node"), None), tmp_path) is None


def test_another_node_is_shown_without_its_neighbours(tmp_path: Path) -> None:
    shown = show_node(make_node(tmp_path / "home"), tmp_path / "cache")
    assert shown is not None
    names = {str(entry.relative_to(shown)) for entry in shown.rglob("*") if entry.is_file()}
    assert names == {"bin/node", "bin/npm", "bin/npx", "lib/node_modules/npm/bin/npm-cli.js"}


def test_a_node_is_copied_once(tmp_path: Path) -> None:
    toolchain = make_node(tmp_path / "home")
    first = show_node(toolchain, tmp_path / "cache")
    assert show_node(toolchain, tmp_path / "cache") == first
    assert len(list((tmp_path / "cache").iterdir())) == 1


async def test_the_registry_comes_from_npms_own_settings() -> None:
    registry = await find_registry(await find_toolchain())
    assert registry.url.startswith(("http://", "https://"))
    assert registry.address[1] > 0


async def test_a_tool_that_says_nothing_is_not_waited_for_and_ended(tmp_path: Path) -> None:
    line = f"echo $$ >{tmp_path}/pid; exec sleep 60"
    with pytest.raises(SandboxUnavailable, match=r"bash says nothing within 0\.5 s"):
        await ask("bash", "-c", line, within_s=0.5)
    pid = (tmp_path / "pid").read_text().strip()
    await until(lambda: not Path("/proc", pid).exists())


async def test_a_tool_that_is_not_there_is_named() -> None:
    with pytest.raises(SandboxUnavailable, match="no-such-tool does not start"):
        await ask("no-such-tool")


async def test_a_tool_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(SandboxUnavailable, match="bash does not run: no such luck"):
        await ask("bash", "-c", "echo no such luck >&2; exit 1")

"""Finding out what this machine offers, once, before the first sandbox."""

import asyncio
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from agents.errors import SandboxUnavailable
from agents.sandbox.boxes import Box, Boxes, delete_tree, make_passable, make_private
from agents.sandbox.isolation import DROP_UID, Bubblewrap, Isolation, Launch, Unisolated, drop_to
from agents.sandbox.output import HeadAndTail
from agents.sandbox.processes import Program
from agents.sandbox.skeleton import SKELETON, copy_ca, lay_out, show_node
from agents.sandbox.toolchain import Registry, Toolchain, find_registry, find_toolchain

_PROBE_S = 30.0
_SHARED = Path("/var/tmp")  # noqa: S108 - what is made there is checked to be ours


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator wants. `bwrap` is the program's name or path."""

    root: Path
    cache: Path
    bwrap: str
    allow_unisolated: bool


@dataclass(frozen=True, slots=True)
class House:
    """What was found: where things are, and the wall around each sandbox.

    `leftovers` are folders of owners that died.
    """

    root: Path
    cache: Path
    toolchain: Toolchain
    isolation: Isolation
    boxes: Boxes
    leftovers: list[Path]


async def open_house(wish: Wish) -> House:
    """Look, test the wall, and sweep after dead owners.

    Raises: SandboxUnavailable, with the reason, when there is no wall and none may be missing.
    """
    toolchain = await find_toolchain()
    root, cache, isolation = wish.root, wish.cache, None
    try:
        root, cache, isolation = await _build_wall(wish, toolchain)
    except SandboxUnavailable:
        if not wish.allow_unisolated:
            raise
    if isolation is None:
        await asyncio.to_thread(make_passable, root)
        isolation = Unisolated(toolchain.node)
    boxes = Boxes(root, f"{os.getpid()}-{secrets.token_hex(8)}", isolation.uid)
    leftovers = await asyncio.to_thread(boxes.open)
    return House(root, cache, toolchain, isolation, boxes, leftovers)


async def open_registry(house: House) -> Registry:
    """What npm here uses; its certificates become visible to installs in every sandbox."""
    registry = await find_registry(house.toolchain)
    if registry.ca_file is not None:
        await asyncio.to_thread(copy_ca, registry.ca_file, house.root / SKELETON)
    return registry


async def _build_wall(wish: Wish, toolchain: Toolchain) -> tuple[Path, Path, Isolation]:
    if sys.platform != "linux":
        raise SandboxUnavailable("isolation by bubblewrap needs Linux")
    bwrap = shutil.which(wish.bwrap)
    if bwrap is None:
        raise SandboxUnavailable("bubblewrap is missing: install the package `bubblewrap`")
    uid = DROP_UID if os.geteuid() == 0 else None
    root, cache = await _choose_place(wish, uid)
    skeleton = root / SKELETON
    await asyncio.to_thread(lay_out, skeleton)
    node = await asyncio.to_thread(show_node, toolchain, cache)
    wall = Bubblewrap(bwrap, skeleton, uid, node)
    await _probe(wall, root)
    return root, cache, wall


async def _choose_place(wish: Wish, uid: int | None) -> tuple[Path, Path]:
    """The wished-for folders, or others when the sandbox's user cannot get there.

    A root's home is closed to everybody else, and the code must reach its own folder.
    """
    await asyncio.to_thread(make_passable, wish.root)
    await asyncio.to_thread(make_passable, wish.cache)
    if uid is None or await _can_pass(uid, wish.root, wish.cache):
        return wish.root, wish.cache
    base = _SHARED / f"zapdev-{os.geteuid()}"
    await asyncio.to_thread(make_private, base)
    return base / "sandboxes", base / "prepared"


async def _can_pass(uid: int, *folders: Path) -> bool:
    for folder in folders:
        launch = Launch([*drop_to(uid), "test", "-x", str(folder)], {}, Path("/"), guarded=False)
        program = await Program.start(launch, lambda _: None)
        if await program.finished() != 0:
            return False
    return True


async def _probe(wall: Bubblewrap, root: Path) -> None:
    """Run one command behind the wall. Raises: SandboxUnavailable."""
    box = Box(root / f"probe-{secrets.token_hex(6)}", wall.uid)
    await asyncio.to_thread(box.make)
    said = HeadAndTail()
    try:
        program = await Program.start(wall.launch(box, "node --version", "run", {}), said.add)
        try:
            async with asyncio.timeout(_PROBE_S):
                exit_code = await program.finished()
        finally:
            await program.kill()
    except (OSError, TimeoutError) as error:
        raise SandboxUnavailable(f"isolation does not work here: {error}") from error
    finally:
        await asyncio.to_thread(delete_tree, box.root)
    if exit_code != 0:
        reason = said.text.strip().rpartition("\n")[2]
        raise SandboxUnavailable(f"isolation does not work here: {reason or exit_code}")

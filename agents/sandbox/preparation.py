"""One prepared tree per template: its files with the dependencies installed, made once.

<cache>/<framework>-<digest>/           the tree; it appears by one rename, complete
<cache>/<framework>-<digest>.lock       held while somebody makes it
<cache>/<framework>-<digest>.new-…/     being made; stale ones are swept under the lock
"""

import asyncio
import os
import platform
import secrets
import shlex
from collections.abc import Callable
from pathlib import Path

from agents.background import Background
from agents.errors import PackagesUnavailable
from agents.ports import Clock
from agents.sandbox.boxes import Lock, delete_tree, make_passable
from agents.sandbox.files import AppFolder
from agents.sandbox.isolation import Launch, guarded
from agents.sandbox.output import HeadAndTail
from agents.sandbox.processes import Program
from agents.sandbox.toolchain import Toolchain
from agents.templates import Template
from agents.types import Framework

INSTALL_S = 15 * 60.0
_POLL_S = 0.2
_SOURCE_MAPS = (".js.map", ".mjs.map", ".cjs.map", ".css.map", ".d.ts.map")
"""For debuggers of the packages themselves, and a third of all files to be copied."""

OnProgress = Callable[[Framework, str], None]
"""Told which framework is being prepared and what npm just said."""


class Preparation:
    """Makes prepared trees below `cache`, readable for everybody who may pass there."""

    def __init__(
        self, cache: Path, toolchain: Toolchain, clock: Clock, on_progress: OnProgress
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._toolchain = toolchain
        self._on_progress = on_progress
        self._running: dict[str, asyncio.Task[Path]] = {}
        self._background = Background()

    async def prepare(self, template: Template) -> Path:
        """The prepared tree; whoever asks while it is being made waits for the same one.

        Raises: PackagesUnavailable when the install fails, or takes over 15 minutes.
        """
        name = f"{template.framework}-{platform.machine()}-{template.digest[:16]}"
        tree = self._cache / name
        if await asyncio.to_thread(tree.is_dir):
            return tree
        running = self._running.get(name)
        if running is None:
            running = self._background.start(self._make(template, tree), name=f"prepare {name}")
            self._running[name] = running
            running.add_done_callback(self._forget)
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Stop what is being made; the next start sweeps the remains."""
        await self._background.stop()

    def _forget(self, done: asyncio.Task[Path]) -> None:
        self._running = {k: task for k, task in self._running.items() if task is not done}
        if not done.cancelled():
            done.exception()  # those who still wait see it; they may all have gone

    async def _make(self, template: Template, tree: Path) -> Path:
        await asyncio.to_thread(make_passable, self._cache)
        lock = Lock(tree.with_name(f"{tree.name}.lock"))
        while not lock.take():
            await self._clock.sleep(_POLL_S)
        try:
            if not await asyncio.to_thread(tree.is_dir):
                fresh = await asyncio.to_thread(_begin, template, tree)
                await self._install(template, fresh)
                await asyncio.to_thread(_finish, template, fresh, tree)
        finally:
            lock.release()
        return tree

    async def _install(self, template: Template, folder: Path) -> None:
        said = HeadAndTail()

        def on_text(text: str) -> None:
            said.add(text)
            if line := text.strip().rpartition("\n")[2]:
                self._on_progress(template.framework, line[:200])

        self._on_progress(template.framework, "installing packages")
        program = await Program.start(self._launch(template, folder), on_text)
        try:
            async with asyncio.timeout(INSTALL_S):
                exit_code = await program.finished()
        except TimeoutError as error:
            raise PackagesUnavailable(f"{template.framework}: the install took too long") from error
        finally:
            await program.kill()
        if exit_code != 0:
            raise PackagesUnavailable(
                f"{template.framework}: the install failed ({exit_code}): {said.text[-2000:]}"
            )

    def _launch(self, template: Template, folder: Path) -> Launch:
        """The host's own npm with the host's own settings: they say how to reach packages.

        The commands are ours and no package may run a script, so nothing untrusted runs here.
        """
        setting = "export npm_config_ignore_scripts=true npm_config_progress=false"
        path = f'export PATH={shlex.quote(str(self._toolchain.node.parent))}:"$PATH"'
        script = f"umask 022; {setting}; {path}; {template.install}"
        return Launch(guarded(folder, ["bash", "-c", script]), None, folder, guarded=True)


def _begin(template: Template, tree: Path) -> Path:
    """A fresh folder with the template's files; what crashed makers left is deleted. Blocks."""
    for stale in tree.parent.glob(f"{tree.name}.new-*"):
        delete_tree(stale)
    fresh = tree.with_name(f"{tree.name}.new-{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o755)
    AppFolder(fresh, fresh, None, ()).write(template.files)
    return fresh


def _finish(template: Template, folder: Path, tree: Path) -> None:
    """Leave exactly the template's files and what it ignores, readable for all. Blocks."""
    app = AppFolder(folder, folder, None, template.ignore)
    app.write(template.files)
    app.remove([path for path in app.tree() if path not in template.files])
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            entry = Path(where, name)
            if entry.is_symlink():
                continue
            if name.endswith(_SOURCE_MAPS):
                entry.unlink()
            else:
                entry.chmod(entry.stat().st_mode | (0o555 if entry.is_dir() else 0o444))
    folder.rename(tree)

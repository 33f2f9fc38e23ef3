"""Makes local sandboxes: a prepared tree, copied behind the wall."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from agents.background import Background
from agents.errors import SandboxError, SandboxFull
from agents.ports import Clock, Ids
from agents.sandbox.boxes import Box, delete_tree
from agents.sandbox.house import House, Wish, open_house
from agents.sandbox.isolation import Launch, drop_to
from agents.sandbox.local import LocalSandbox, Surroundings
from agents.sandbox.output import HeadAndTail
from agents.sandbox.preparation import OnProgress, Preparation
from agents.sandbox.processes import Program
from agents.templates import Template, get_template
from agents.types import Framework, SandboxId, TaskId

_MIN_FREE_BYTES = 1024**3


def log_progress(framework: Framework, line: str) -> None:
    """Say in the log what the preparation of a template is at."""
    structlog.get_logger("sandbox").info("preparing template", framework=framework.value, at=line)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """What an operator may choose.

    `cache` holds the prepared trees (default: beside the sandboxes). `allow_unisolated` lets
    commands run as plain processes where isolation is missing: for trusted code only.
    """

    cache: Path | None = None
    allow_unisolated: bool = False
    max_sandboxes: int = 24
    bwrap: str = "bwrap"
    templates: Callable[[Framework], Template] = get_template
    on_progress: OnProgress = log_progress


class LocalSandboxProvider:
    """Implements `agents.ports.SandboxProvider` with folders below `root`.

    Nothing is looked at or written before the first call. When the sandbox's user cannot reach
    `root`, a private folder in /var/tmp takes its place.
    """

    def __init__(
        self, root: Path, *, clock: Clock, ids: Ids, options: LocalOptions | None = None
    ) -> None:
        self._options = options or LocalOptions()
        cache = self._options.cache or root / "prepared"
        self._wish = Wish(
            root.absolute(),
            cache.absolute(),
            self._options.bwrap,
            self._options.allow_unisolated,
        )
        self._clock = clock
        self._ids = ids
        self._background = Background()
        self._opening: asyncio.Task[tuple[House, Preparation]] | None = None
        self._sandboxes: dict[SandboxId, LocalSandbox] = {}
        self._arriving = 0

    async def check(self) -> bool:
        """Whether sandboxes here are isolated. Raises: SandboxUnavailable, with the reason."""
        house, _ = await self._open()
        return house.isolation.is_isolated

    async def prepare(self, framework: Framework) -> None:
        """Have the framework's packages installed before somebody waits for them.

        Raises: SandboxUnavailable, ProviderUnavailable, ProviderTimeout.
        """
        _, preparation = await self._open()
        await preparation.prepare(self._options.templates(framework))

    async def create(self, framework: Framework, *, task_id: TaskId) -> LocalSandbox:
        del task_id
        house, preparation = await self._open()
        if len(self._sandboxes) + self._arriving >= self._options.max_sandboxes:
            raise SandboxFull(f"{self._options.max_sandboxes} sandboxes are open already")
        self._arriving += 1
        try:
            template = self._options.templates(framework)
            tree = await preparation.prepare(template)
            sandbox_id = SandboxId(self._ids.new("sbx"))
            box = await self._fill_box(house, tree, sandbox_id)
        finally:
            self._arriving -= 1
        shared = Surroundings(house.isolation, house.registry, self._clock, self._forget)
        self._sandboxes[sandbox_id] = LocalSandbox(sandbox_id, template, box, shared)
        return self._sandboxes[sandbox_id]

    async def connect(self, sandbox_id: SandboxId) -> LocalSandbox | None:
        return self._sandboxes.get(sandbox_id)

    async def close(self) -> None:
        await asyncio.gather(*(sandbox.close() for sandbox in list(self._sandboxes.values())))
        opening, self._opening = self._opening, None
        await self._background.stop()
        if opening is not None and not opening.cancelled() and opening.exception() is None:
            house, preparation = opening.result()
            await preparation.close()
            await asyncio.to_thread(house.boxes.close)

    def _forget(self, sandbox_id: SandboxId) -> None:
        self._sandboxes.pop(sandbox_id, None)

    async def _open(self) -> tuple[House, Preparation]:
        """The house, opened once; after a failure the next caller tries again."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = self._background.start(self._do_open(), name="open sandboxes")
        return await asyncio.shield(self._opening)

    async def _do_open(self) -> tuple[House, Preparation]:
        house = await open_house(self._wish)
        on_progress = self._options.on_progress
        return house, Preparation(house.cache, house.toolchain, self._clock, on_progress)

    async def _fill_box(self, house: House, tree: Path, sandbox_id: SandboxId) -> Box:
        """A box with a copy of the tree, made by the user that will own it."""
        if (await asyncio.to_thread(shutil.disk_usage, house.root)).free < _MIN_FREE_BYTES:
            raise SandboxFull("less than 1 GiB is free on the sandboxes' disk")
        box = await asyncio.to_thread(house.boxes.new, sandbox_id)
        said = HeadAndTail()
        guard = [
            sys.executable,
            "-I",
            "-S",
            str(Path(__file__).with_name("guard.py")),
            f"{box.root}/",
        ]
        copy = [*drop_to(house.isolation.uid), "/bin/cp", "-a", f"{tree}/.", str(box.app)]
        try:
            program = await Program.start(
                Launch([*guard, *copy], {}, Path("/"), guarded=True), said.add
            )
            try:
                exit_code = await program.finished()
            finally:
                await program.kill()
            if exit_code != 0:
                raise _copy_error(said.text)
        except BaseException:
            await asyncio.to_thread(delete_tree, box.root)
            raise
        return box


def _copy_error(said: str) -> SandboxError:
    kind = SandboxFull if "No space left" in said else SandboxError
    return kind(f"the prepared tree could not be copied: {said[-300:]}")

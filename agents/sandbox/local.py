"""Makes local sandboxes: a prepared tree, copied behind the wall."""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.background import Background
from agents.errors import SandboxError, SandboxFull
from agents.logger import create_logger
from agents.ports import Clock, Ids
from agents.sandbox.boxes import Box
from agents.sandbox.house import House, Wish, open_house, open_registry
from agents.sandbox.isolation import Launch, drop_to, guarded, keeper
from agents.sandbox.local_sandbox import LocalSandbox, Surroundings
from agents.sandbox.output import HeadAndTail
from agents.sandbox.preparation import OnProgress, Preparation
from agents.sandbox.processes import Program, delete_folder
from agents.sandbox.toolchain import Registry
from agents.templates import Template, get_template
from agents.types import Framework, SandboxId, TaskId

log = create_logger(__name__)

_MIN_FREE_BYTES = 1024**3
_DELETING_S = 5.0


def log_progress(framework: Framework, line: str) -> None:
    """Say in the log what the preparation of a template is at."""
    log.info("preparing template", framework=framework.value, said=line)


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
        self._registry: Registry | None = None
        self._keeper: Program | None = None
        self._arriving = 0
        self._spares: defaultdict[str, list[asyncio.Task[Box]]] = defaultdict(list)
        self._deleting: set[asyncio.Task[None]] = set()

    async def check(self) -> bool:
        """Whether sandboxes here are isolated. Raises: SandboxUnavailable, with the reason."""
        house, _ = await self._open()
        return house.isolation.is_isolated

    async def prepare(self, framework: Framework) -> None:
        """Have the framework's packages installed before somebody waits for them.

        Raises: SandboxUnavailable, ProviderUnavailable, ProviderTimeout.
        """
        template = self._options.templates(framework)
        making = self._take_spare(template)
        self._put_spare(template, making)
        await asyncio.shield(making)

    async def create(self, framework: Framework, *, task_id: TaskId) -> LocalSandbox:
        del task_id
        house, _ = await self._open()
        if len(self._sandboxes) + self._arriving >= self._options.max_sandboxes:
            raise SandboxFull(f"{self._options.max_sandboxes} sandboxes are open already")
        template = self._options.templates(framework)
        self._arriving += 1
        making = self._take_spare(template)
        try:
            box = await asyncio.shield(making)
        except asyncio.CancelledError:
            self._put_spare(template, making)
            raise
        finally:
            self._arriving -= 1
        shared = Surroundings(house.isolation, self._find_registry, self._clock, self._forget)
        sandbox = LocalSandbox(SandboxId(box.root.name), template, box, shared)
        self._sandboxes[sandbox.id] = sandbox
        self._put_spare(template)
        return sandbox

    async def connect(self, sandbox_id: SandboxId) -> LocalSandbox | None:
        return self._sandboxes.get(sandbox_id)

    async def lives_elsewhere(self, sandbox_id: SandboxId) -> bool:
        if Path(sandbox_id).name != sandbox_id:
            return False
        try:
            house, _ = await self._open()
            return await asyncio.to_thread(house.boxes.is_held_elsewhere, sandbox_id)
        except (SandboxError, OSError):
            return False

    async def close(self) -> None:
        await asyncio.gather(*(sandbox.close() for sandbox in list(self._sandboxes.values())))
        spares = [spare for spares in self._spares.values() for spare in spares]
        self._spares.clear()
        for box in await _stop(spares):
            self._discard(box.root)
        if self._deleting:
            await asyncio.wait(self._deleting, timeout=_DELETING_S)
        opening, self._opening = self._opening, None
        await self._background.stop()
        if opening is not None and not opening.cancelled() and opening.exception() is None:
            house, preparation = opening.result()
            await preparation.close()
            if self._keeper is not None:
                await self._keeper.kill()
            await asyncio.to_thread(house.boxes.close)

    def _forget(self, sandbox_id: SandboxId, trash: Path) -> None:
        self._sandboxes.pop(sandbox_id, None)
        self._discard(trash)

    def _discard(self, folder: Path) -> None:
        """Delete in the background; what a stop cuts short is swept by the next start."""
        deleting = self._background.start(delete_folder(folder), name="delete a box")
        self._deleting.add(deleting)
        deleting.add_done_callback(self._deleting.discard)

    async def _open(self) -> tuple[House, Preparation]:
        """The house, opened once; after a failure the next caller tries again."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = self._background.start(self._do_open(), name="open sandboxes")
        return await asyncio.shield(self._opening)

    async def _find_registry(self) -> Registry:
        """Asked when the first command needs the network, since npm takes a while to answer."""
        house, _ = await self._open()
        if self._registry is None:
            self._registry = await open_registry(house)
        return self._registry

    async def _do_open(self) -> tuple[House, Preparation]:
        house = await open_house(self._wish)
        if house.isolation.is_isolated:  # plain processes have a guard each, which must not die
            self._keeper = await Program.start(keeper(house.boxes.mine), lambda _: None)
        for folder in house.leftovers:
            self._discard(folder)
        on_progress = self._options.on_progress
        return house, Preparation(house.cache, house.toolchain, self._clock, on_progress)

    def _take_spare(self, template: Template) -> asyncio.Task[Box]:
        """A box that was made ahead of need, or one that is begun now."""
        spares = self._spares[template.digest]
        while spares:
            spare = spares.pop()
            if not spare.done() or not (spare.cancelled() or spare.exception()):
                return spare
        making = self._background.start(self._make_box(template), name="fill a box")
        making.add_done_callback(_see_error)
        return making

    def _put_spare(self, template: Template, spare: asyncio.Task[Box] | None = None) -> None:
        """Have a box ready for the next one who asks: copying takes longer than waiting."""
        spares = self._spares[template.digest]
        if spare is not None or not spares:
            spares.append(spare or self._take_spare(template))

    async def _make_box(self, template: Template) -> Box:
        """A box with a copy of the prepared tree, made by the user that will own it."""
        house, preparation = await self._open()
        tree = await preparation.prepare(template)
        if (await asyncio.to_thread(shutil.disk_usage, house.root)).free < _MIN_FREE_BYTES:
            raise SandboxFull("less than 1 GiB is free on the sandboxes' disk")
        box = await asyncio.to_thread(house.boxes.new, self._ids.new("sbx"))
        try:
            await _copy(tree, box)
        except BaseException:
            self._discard(box.root)
            raise
        return box


def _see_error(done: asyncio.Task[Box]) -> None:
    """A spare that failed is made anew when somebody asks, who then sees the error."""
    if not done.cancelled():
        done.exception()


async def _stop(spares: Sequence[asyncio.Task[Box]]) -> list[Box]:
    """End what is being made; the answer is what was ready."""
    for spare in spares:
        spare.cancel()
    done = await asyncio.gather(*spares, return_exceptions=True)
    return [box for box in done if isinstance(box, Box)]


async def _copy(tree: Path, box: Box) -> None:
    """Raises: SandboxFull, SandboxError."""
    said = HeadAndTail()
    argv = guarded(box.root, [*drop_to(box.uid), "/bin/cp", "-a", f"{tree}/.", str(box.app)])
    program = await Program.start(Launch(argv, {}, Path("/"), guarded=True), said.add)
    try:
        exit_code = await program.finished()
    finally:
        await program.kill()
    if exit_code != 0:
        kind = SandboxFull if "No space left" in said.text else SandboxError
        raise kind(f"the prepared tree could not be copied: {said.text[-300:]}")

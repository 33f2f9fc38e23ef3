"""`zapdev build`: the whole service in this process, for one task."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.background import Background
from agents.errors import NotFound, UserError, ZapdevError
from agents.system import SystemClock
from agents.task_state import TaskState
from agents.types import ProjectId, TaskId, TaskStatus
from bot.bootstrap import Services, running
from bot.cli.screens import choose_screen, show_task
from bot.cli.shell import Outcome, on_stop, say
from bot.config import Settings
from bot.services.tasks import LOCAL_OWNER, StartRequest
from bot.store.port import Store, TaskRow

_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What was typed. `wait` None: wait on a terminal only."""

    prompt: str
    framework: str | None
    model: str | None
    project: str | None
    out: Path | None
    json: bool
    wait: bool | None
    force: bool = False


async def build_app(settings: Settings, request: BuildRequest) -> Outcome:
    """Run one task to its end; keep its preview up if asked to.

    Raises: UserError for what cannot be asked for; StoreError, SandboxUnavailable.
    """
    if request.out is not None and not request.force and await _holds_files(request.out):
        raise UserError(f"{request.out} is not empty.", hint="Take another folder, or --force.")
    async with running(settings, roles=frozenset()) as services:
        row = await _start(services, settings, request)
        async with services.working_on(row.id):
            stopper = _stopper(services, row.id, Background())
            with on_stop(stopper):
                screen = choose_screen(_CLOCK, json=request.json)
                state = await show_task(row.id, services.feed.follow(row.id, 0), screen, _CLOCK)
            if request.out is not None and state.status is TaskStatus.COMPLETE:
                count = await write_app(services.store, state, request.out)
                say(f"{count} files are in {request.out}")
            if not request.json and state.status is TaskStatus.COMPLETE:
                say(f"Change it: {sys.argv[0]} build “…” --project {state.project_id}")
            wait = sys.stdout.isatty() if request.wait is None else request.wait
            if state.preview_url and state.status is TaskStatus.COMPLETE:
                await _keep_up(state.preview_url, wait=wait)
    return _outcome(state)


async def _start(services: Services, settings: Settings, request: BuildRequest) -> TaskRow:
    """Raises: UserError (also for a project that is not there), StoreError."""
    wanted = StartRequest(
        prompt=request.prompt,
        project_id=ProjectId(request.project) if request.project else None,
        framework=request.framework,
        model=request.model or settings.model,
        requested_by="terminal",
    )
    try:
        return await services.tasks.start(LOCAL_OWNER, wanted)
    except NotFound:
        raise UserError(
            f"There is no project {request.project}.", hint="`zapdev tasks` lists them."
        ) from None


async def write_app(store: Store, state: TaskState, folder: Path) -> int:
    """Write the app's files below `folder`; same names are replaced. Answers how many.

    Raises: StoreError; UserError when the folder cannot be written.
    """
    if state.fragment_id is None:
        return 0
    fragment = await store.fragment(LOCAL_OWNER, state.project_id, state.fragment_id)
    contents = await store.get(list(set(fragment.files.values())))
    files = {path: contents[blob] for path, blob in fragment.files.items()}
    try:
        await asyncio.to_thread(_write, folder, files)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from error
    return len(files)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Raises: OSError, UserError. Blocks."""
    for path, content in files.items():
        target = (folder / path).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise UserError(f"{path} would be written outside {folder}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _stopper(services: Services, task_id: TaskId, background: Background) -> Callable[[], None]:
    """What Ctrl-C does: ask the task to stop, and say so."""

    async def cancel() -> None:
        try:
            await services.tasks.cancel(LOCAL_OWNER, task_id, by="you")
        except ZapdevError as error:
            say(f"The task could not be stopped: {error}")

    def stop() -> None:
        say("\nStopping the task. Ctrl-C again ends the program at once.")
        background.spawn(cancel(), name="cancel")

    return stop


async def _holds_files(folder: Path) -> bool:
    return await asyncio.to_thread(lambda: folder.exists() and any(folder.iterdir()))


async def _keep_up(preview_url: str, *, wait: bool) -> None:
    if not wait:
        say("The preview has ended with this command; --wait keeps it up.")
        return
    stop = asyncio.Event()
    with on_stop(stop.set):
        say(f"The preview runs as long as this command does: {preview_url}")
        say("Ctrl-C ends it.")
        await stop.wait()


def _outcome(state: TaskState) -> Outcome:
    match state.status:
        case TaskStatus.COMPLETE:
            return Outcome.DONE
        case TaskStatus.CANCELLED:
            return Outcome.STOPPED
        case _:
            return Outcome.FAILED

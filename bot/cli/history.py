"""`zapdev replay` and `zapdev tasks`: what the store remembers."""

import sys
from collections.abc import AsyncIterator
from json import dumps

from rich.console import Console
from rich.table import Table

from agents.errors import NotFound, UserError
from agents.events import Recorded
from agents.ports import Clock
from agents.system import SystemClock
from agents.types import TaskId
from bot.bootstrap import running
from bot.cli.screens import choose_screen, show_task
from bot.cli.shell import Outcome
from bot.config import Settings
from bot.render.terminal import clean
from bot.services.tasks import LOCAL_OWNER
from bot.store.port import EventLog, Project, Store, TaskRow

MAX_PAUSE_S = 2.0
PER_PROJECT = 5
_PAGE = 500
_CLOCK = SystemClock()


async def replay_task(settings: Settings, task_id: str, speed: float, *, json: bool) -> Outcome:
    """Show a stored log as it was, `speed` times faster. Raises: UserError for an unknown id."""
    async with running(settings, roles=frozenset()) as services:
        try:
            row = await services.store.task(LOCAL_OWNER, TaskId(task_id))
        except NotFound:
            raise UserError(f"There is no task {task_id}. `zapdev tasks` lists them.") from None
        log = played(services.store, row.id, 0.0 if json else speed, _CLOCK)
        await show_task(row.id, log, choose_screen(_CLOCK, json=json), _CLOCK)
    return Outcome.DONE


async def played(
    log: EventLog, task_id: TaskId, speed: float, clock: Clock
) -> AsyncIterator[list[Recorded]]:
    """The log, one event at a time, paced as it was; no pause is longer than two seconds."""
    after, last = 0, None
    while page := await log.read(task_id, after=after, limit=_PAGE):
        for recorded in page:
            if speed and last is not None:
                gap_s = (recorded.at - last).total_seconds() / speed
                await clock.sleep(min(max(gap_s, 0.0), MAX_PAUSE_S))
            last = recorded.at
            yield [recorded]
        after = page[-1].seq


async def list_tasks(settings: Settings, *, json: bool) -> Outcome:
    """The newest tasks of each project, newest project first."""
    async with running(settings, roles=frozenset()) as services:
        rows = await _newest(services.store)
    if json:
        sys.stdout.writelines(dumps(_facts(task)) + "\n" for _, task in rows)
        return Outcome.DONE
    if not rows:
        sys.stdout.write('No task yet. Try: zapdev build "A kanban board for a bike shop"\n')
        return Outcome.DONE
    table = Table(box=None, pad_edge=False)
    for name in ("Task", "Project", "Status", "When", "Prompt"):
        ids = name in ("Task", "Project")
        table.add_column(name, no_wrap=ids, overflow="fold", min_width=31 if ids else None)
    for project, task in rows:
        when = task.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
        prompt = clean(task.prompt.partition("\n")[0])
        table.add_row(task.id, project.id, task.status, when, prompt)
    Console(markup=False, highlight=False).print(table)
    return Outcome.DONE


async def _newest(store: Store) -> list[tuple[Project, TaskRow]]:
    found = []
    for project in await store.projects(LOCAL_OWNER):
        tasks = await store.tasks(LOCAL_OWNER, project.id)
        found += [(project, task) for task in tasks[:PER_PROJECT]]
    return found


def _facts(task: TaskRow) -> dict[str, str | int | None]:
    return {
        "taskId": task.id,
        "projectId": task.project_id,
        "kind": task.kind,
        "status": task.status,
        "prompt": task.prompt,
        "createdAt": task.created_at.isoformat(),
        "attempts": task.attempts,
    }

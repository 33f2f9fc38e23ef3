"""`zapdev replay`, `zapdev tasks` and `zapdev usage`: what the store remembers."""

import sys
from asyncio import gather
from collections.abc import AsyncIterator
from json import dumps

from rich.console import Console

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
from bot.store.port import EventLog, TaskRow
from bot.store.usage_port import Tally

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
        projects = await services.store.projects(LOCAL_OWNER)
        lists = await gather(*(services.store.tasks(LOCAL_OWNER, p.id) for p in projects))
    found = list(zip(projects, lists, strict=True))
    if json:
        rows = [row for _, tasks in found for row in tasks[:PER_PROJECT]]
        sys.stdout.writelines(dumps(_facts(row)) + "\n" for row in rows)
    elif found:
        console = Console(markup=False, highlight=False)
        for project, tasks in found:
            console.print(f"{clean(project.title)}  {project.id}", style="bold", soft_wrap=True)
            for row in tasks[:PER_PROJECT]:
                console.print(_line(row), soft_wrap=True)
    else:
        sys.stdout.write('No task yet. Try: zapdev build "A kanban board for a bike shop"\n')
    return Outcome.DONE


def _line(task: TaskRow) -> str:
    when = task.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
    prompt = clean(task.prompt.partition("\n")[0])
    return f"  {task.id}  {task.status:<9}  {when}  {prompt}"


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


async def show_usage(settings: Settings, *, json: bool) -> Outcome:
    """What this machine's own user has used: the last 24 hours, this month, the dearest apps."""
    async with running(settings, roles=frozenset()) as services:
        report = await services.tasks.usage(LOCAL_OWNER)
    if report is None:
        raise AssertionError("the services have a meter")
    spent = report.spent
    month = "this month, at least" if spent.is_at_least else "this month"
    rows = [("last 24 hours", spent.day), (month, spent.since)]
    rows += [(clean(each.title), each.tally) for each in spent.projects]
    if json:
        sys.stdout.writelines(dumps({"what": what, **_use(tally)}) + "\n" for what, tally in rows)
        return Outcome.DONE
    console = Console(markup=False, highlight=False)
    for what, tally in rows:
        used = tally.usage
        tokens = used.prompt_tokens + used.completion_tokens
        builds = f"{tally.builds} build{'s' * (tally.builds != 1)}"
        facts = f"{builds:>11}  {tokens:>13,} tokens  ${used.cost_usd:,.2f}"
        console.print(f"{what[:40]:<40}  {facts}", soft_wrap=True)
    return Outcome.DONE


def _use(tally: Tally) -> dict[str, float]:
    used = tally.usage
    return {
        "builds": tally.builds,
        "promptTokens": used.prompt_tokens,
        "completionTokens": used.completion_tokens,
        "costUsd": used.cost_usd,
    }

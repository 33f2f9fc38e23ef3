"""`zapdev eval`: how well a model builds and changes apps, as a table and as JSON."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agents.errors import UserError
from agents.events import Recorded
from agents.models import get_model
from agents.types import Framework
from bot.bootstrap import Services, running
from bot.cli.shell import Outcome, say
from bot.config import Settings
from bot.services.evaluation import APPS, Evaluation, Result, Score, scores
from bot.services.tasks import LOCAL_OWNER, StartRequest

FOLDER = "evaluation"
"""Below the data folder: the tasks of evaluations do not mix with people's."""
OFFLINE = "The offline model answered: this proves that the evaluation works, and measures nothing."
_CALLED = {"build": "build", "change": "change", "question": "ask"}


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """What was typed. `quick`: one app per framework instead of all."""

    frameworks: Sequence[Framework]
    model: str | None
    quick: bool
    json: bool
    out: Path | None


async def evaluate_model(settings: Settings, request: EvalRequest) -> Outcome:
    """Run the fixed requests; print a line for each step, then the table, or JSON lines.

    A model that fails is a result; with the offline model it is a failure of this program.
    Raises: UserError, StoreError, SandboxUnavailable.
    """
    own = {"data_dir": settings.data_dir / FOLDER, "convex_url": None}
    model = request.model or settings.model
    async with running(settings.model_copy(update=own), roles=frozenset()) as services:
        name = _name_of(services, model)

        async def work(asked: StartRequest) -> Sequence[Recorded]:
            return await _work(services, asked)

        evaluation = Evaluation(services.store, work, model)
        apps = APPS[:1] if request.quick else APPS
        frameworks = list(dict.fromkeys(request.frameworks))
        tell = _tell_json if request.json else _tell
        results = await evaluation.run(frameworks, apps, tell)
    return await show_results(name, results, request, offline=settings.offline)


async def show_results(
    model: str, results: Sequence[Result], request: EvalRequest, *, offline: bool
) -> Outcome:
    """Print the scores, write the report if asked to, and say what was measured.

    Raises: UserError when the report cannot be written.
    """
    table = scores(results)
    if request.json:
        sys.stdout.writelines(dumps({"score": asdict(row)}) + "\n" for row in table)
    else:
        Console(markup=False, highlight=False).print(as_table(model, table))
    if offline:
        say(OFFLINE)
    if request.out is not None:
        await _write(request.out, as_report(model, results, offline=offline))
    return Outcome.FAILED if offline and not table[-1].is_perfect else Outcome.DONE


def _name_of(services: Services, key: str) -> str:
    """What answers. Raises: UserError for a key that nobody knows, which would measure another."""
    if services.settings.offline:
        return "offline"
    model, known = get_model(key, services.models)
    if not known:
        raise UserError(f"There is no model {key!r} here.", field="--model")
    return model.id


async def _work(services: Services, asked: StartRequest) -> Sequence[Recorded]:
    """One task, run here to its end."""
    row = await services.tasks.start(LOCAL_OWNER, asked)
    log: list[Recorded] = []
    async with services.working_on(row.id):
        async for batch in services.feed.follow(row.id, 0):
            log += batch
    return log


def as_table(model: str, rows: Sequence[Score]) -> Table:
    """The scores, one framework a line; `–` where nothing was asked for."""
    titles = ("", "Built", "Changed", "Rest kept", "Answered", "Repaired", "Preview", "Cost")
    table = Table(*titles, title=model, box=None, pad_edge=False, title_justify="left")
    for row in rows:
        table.add_row(
            row.name,
            _share(row.built, row.apps),
            _share(row.done, row.changes),
            _share(row.kept, row.changes),
            _share(row.answered, row.questions),
            _share(row.repaired, row.needed),
            "–" if row.to_preview_s is None else f"{row.to_preview_s:.0f} s",
            f"${row.cost_usd:.4f}",
        )
    return table


def as_report(model: str, results: Sequence[Result], *, offline: bool) -> dict[str, object]:
    """Everything as one JSON object."""
    return {
        "model": model,
        "measures": "only that the evaluation works" if offline else "the model",
        "scores": [asdict(row) for row in scores(results)],
        "results": [asdict(result) for result in results],
    }


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" if whole else "–"


def _tell(result: Result) -> None:
    verdict = "ok" if result.done and result.kept is not False else "no"
    facts = [f"{result.seconds:.0f} s", *([result.problem] if result.problem else [])]
    if result.changed:
        facts.append(f"{result.changed} file{'s' if result.changed > 1 else ''} touched")
    if result.replaced:
        facts.append(f"{result.replaced} line{'s' if result.replaced > 1 else ''} replaced")
    if result.repairs:
        facts.append(f"repairs: {result.repairs}")
    what = f"{result.framework} {result.app}, {_CALLED[result.step.kind]}"
    say(f"{verdict}  {what}: {result.step.prompt} ({', '.join(facts)})")


def _tell_json(result: Result) -> None:
    print(dumps({"result": asdict(result)}), flush=True)  # noqa: T201 - the command's output


async def _write(path: Path, report: dict[str, object]) -> None:
    """Raises: UserError."""
    try:
        await asyncio.to_thread(path.write_text, dumps(report, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error

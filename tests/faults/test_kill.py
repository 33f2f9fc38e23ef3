"""kill -9 of the server in each stage: the next one ends each task once, and repeats nothing.

Model, sandbox, database and clients are the real ones, but for the half minute that a dead
server's lease still lasts: the database is told that it is over.
"""

import asyncio
from pathlib import Path

import pytest

from tests.fakes.openrouter import FakeOpenRouter
from tests.fakes.server import let_leases_expire, log_of, serving
from tests.fakes.stages import (
    Stage,
    answer_from,
    bring_to_their_stages,
    check_ended_well,
    finished,
    models_of,
    saw,
)
from tests.fakes.waiting import until

CLEANED_S = 60.0
"""Seven sandboxes at once, on a machine that may have other work."""

HELD_BY_THE_MODEL = (
    Stage("framework", saw(stage="framework"), "select"),
    Stage("generating, while files stream", saw(type="file"), "write", after=8),
    Stage("generating, after a tool", finished(1), "write"),
    Stage("fixing", saw(stage="fixing"), "mend", broken=True),
    Stage("fixing, after a tool", finished(3), "mended", broken=True),
    Stage("finishing", saw(stage="finishing"), "summary"),
)
ROUNDS = [
    [*HELD_BY_THE_MODEL, Stage("validating", saw(message="Checking: build"), "summary")],
    [Stage("sandbox", saw(type="framework"), "note")],
    [Stage("preview", saw(stage="preview"), "summary")],
]
"""The last one of a round passes quickly: it is begun when the others are held."""


@pytest.mark.parametrize("stages", ROUNDS, ids=lambda stages: stages[-1].title)
async def test_tasks_whose_server_is_killed_end_once_and_repeat_nothing(
    stages: list[Stage], tmp_path: Path
) -> None:
    data_dir, models = tmp_path / "data", models_of(stages)
    async with FakeOpenRouter() as provider:
        provider.always(answer_from(models))
        settings = {"OPENROUTER_BASE_URL": provider.base_url, "ZAPDEV_WORKERS": str(len(stages))}
        async with serving(data_dir, **settings) as first:
            tasks, reading = await bring_to_their_stages(first, stages, models)
            await first.kill()
            await asyncio.gather(*reading)
            for task in tasks:
                task.interrupted()
            await until(lambda: first.processes() == [], CLEANED_S)
        let_leases_expire(data_dir)
        async with serving(data_dir, **settings) as second:
            await asyncio.gather(*(task.follow(second) for task in tasks))
            await until(lambda: first.boxes() == [], CLEANED_S)
            assert second.complaints == []
    for task in tasks:
        check_ended_well(task, await log_of(data_dir, task.started.task_id))

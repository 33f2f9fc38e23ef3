"""Several processes on one Convex: who serves, who works, and who goes on when a worker dies.

Model, sandboxes, processes, clients and the half minute of a lease are real; Convex is the
loopback host with the project's own functions.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from agents.events import TaskStarted
from bot.store.port import LEASE_S
from tests.fakes.convex import shared_host
from tests.fakes.openrouter import FakeOpenRouter
from tests.fakes.server import Server, serving
from tests.fakes.stages import (
    Model,
    Stage,
    answer_from,
    bring_to_their_stages,
    check_ended_well,
    finished,
    models_of,
    saw,
)
from tests.fakes.waiting import until

WRITING = Stage("generating, while files stream", saw(type="file"), "write", after=8)
LOST = [
    WRITING,
    Stage("fixing, after a tool", finished(3), "mended", broken=True),
    Stage("finishing", saw(stage="finishing"), "summary"),
]
NAMES = (f"takeover-{number}" for number in count())
NOTICED_S = 10.0
"""A stop asked for in another process: the holder looks every five seconds."""


@dataclass(frozen=True)
class Site:
    """A deployment and a model, for as many processes as a test starts."""

    folder: Path
    settings: dict[str, str]

    @asynccontextmanager
    async def process(self, role: str, name: str = "") -> AsyncIterator[Server]:
        """A server with this role only, as if on a machine of its own."""
        data_dir = self.folder / (name or role) / "data"
        data_dir.parent.mkdir()
        async with serving(data_dir, ZAPDEV_ROLES=role, **self.settings) as running:
            yield running


@asynccontextmanager
async def open_site(folder: Path, models: dict[str, Model]) -> AsyncIterator[Site]:
    name = next(NAMES)
    async with FakeOpenRouter() as provider:
        provider.always(answer_from(models))
        model = {"OPENROUTER_BASE_URL": provider.base_url, "ZAPDEV_WORKERS": str(len(models))}
        yield Site(folder, {**model, **shared_host().settings(name)})
        assert provider.unscripted == []
    await shared_host().reset(name)


def has_anything_of(sandbox: str, server: Server) -> bool:
    left = [box for box in server.boxes() if box.name.endswith(sandbox)]
    return bool(left or server.processes(sandbox))


async def test_what_a_killed_worker_leaves_another_process_ends_and_a_third_shows_it_all_once(
    tmp_path: Path,
) -> None:
    models = models_of(LOST)
    async with open_site(tmp_path, models) as site, site.process("sidecar") as door:
        async with site.process("worker", "victim") as victim:
            tasks, reading = await bring_to_their_stages(door, LOST, models)
            async with site.process("worker", "heir") as heir:
                await victim.kill()
                killed_at = time.monotonic()
                for task in tasks:
                    task.interrupted()
                await asyncio.gather(*reading)
                assert time.monotonic() - killed_at > LEASE_S / 2, "the lease had not ended"
                assert heir.complaints == door.complaints == []
        for task in tasks:
            log = await door.recorded(task.started.task_id)
            check_ended_well(task, log)
            runs = [r.event.worker_id for r in log if isinstance(r.event, TaskStarted)]
            assert len(set(runs)) == len(runs) == 2, "each of them ran it once"


async def test_a_stop_asked_for_at_one_process_ends_the_task_that_another_runs(
    tmp_path: Path,
) -> None:
    stages = [WRITING]
    models = models_of(stages)
    async with (
        open_site(tmp_path, models) as site,
        site.process("sidecar") as door,
        site.process("worker") as worker,
    ):
        [task], [reading] = await bring_to_their_stages(door, stages, models)
        [sandbox] = [f.data["sandboxId"] for f in task.seen if f.type == "sandbox"]
        assert has_anything_of(sandbox, worker)
        asked_at = time.monotonic()
        status, answer = await door.post(f"/api/tasks/{task.started.task_id}/cancel")
        assert (status, answer["status"]) == (202, "running")
        await reading
        assert time.monotonic() - asked_at < NOTICED_S
        assert task.seen[-1].type == "cancelled"
        await until(lambda: not has_anything_of(sandbox, worker))
        again = await door.post(f"/api/tasks/{task.started.task_id}/cancel")
        assert again == (200, {"taskId": task.started.task_id, "status": "cancelled"})
        assert worker.complaints == door.complaints == []

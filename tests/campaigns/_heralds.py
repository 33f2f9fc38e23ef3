"""Processes that serve the sidecar and write logs beside it: events without a pipeline.

A task's prompt says how many events its log is to have, and how long their texts are. Several logs are written at once, each in
small appends with pauses, under a lease like any worker's; who takes one over goes on where it ends.
"""

import asyncio
from random import Random

from agents.events import Event, FileChanged, NoticeGiven, TaskCompleted, TextStreamed, TurnFinished
from agents.types import TaskStatus, WorkerId
from bot.store.port import Claim, Ending, Store

AT_ONCE = 6
APPEND_MAX = 12
PAUSE_S = (0.02, 0.09)
POLL_S = 0.25


async def herald(store: Store, name: str) -> None:
    """Write whatever is queued, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE):
            _ = group.create_task(_write_logs(store, WorkerId(f"{name}-{number}")))


async def _write_logs(store: Store, worker_id: WorkerId) -> None:
    rng = Random(worker_id)  # noqa: S311 - repeatable on purpose
    while True:
        claim = await store.claim(worker_id)
        if isinstance(claim, Claim):
            await _write(store, claim, rng)
        else:
            await asyncio.sleep(POLL_S)


async def _write(store: Store, claim: Claim, rng: Random) -> None:
    count, chars = map(int, f"{claim.task.prompt} 0".split()[:2])
    seq = claim.log[-1].seq
    while seq < count - 1:
        batch = range(seq + 1, min(seq + 1 + rng.randint(1, APPEND_MAX), count))
        seq = await store.append(claim.lease, seq, [_event(number, chars) for number in batch])
        await asyncio.sleep(rng.uniform(*PAUSE_S))
    end = TaskCompleted(message="Done.", title="Boats", fragment_id=None, preview_url=None)
    await store.finish(claim.lease, seq, Ending((end,), TaskStatus.COMPLETE, "Done."))


def _event(number: int, chars: int) -> Event:
    """Mostly text; now and then another kind, and one that no reader is shown."""
    if number % 17 == 0:
        return TurnFinished(step=number, text="", finish_reason="stop")
    if number % 11 == 0:
        return FileChanged(path=f"src/{number}.ts", action="created", size_bytes=number)
    if number % 7 == 0:
        return NoticeGiven(message=f"notice {number}")
    return TextStreamed(content=f"{number} ".ljust(chars or number % 30, "."))

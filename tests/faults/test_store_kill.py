"""kill -9 of a process in the middle of its writes: what it acknowledged is there, whole."""

import asyncio
import random
import sqlite3
import sys
from pathlib import Path

from agents.events import NoticeGiven
from agents.system import RandomIds
from agents.testing import FakeClock
from agents.types import OwnerId, TaskStatus
from bot.store.sqlite import SqliteStore

ROUNDS = 20
ROOT = Path(__file__).parents[2]
WRITER = """
import asyncio, sys
from agents.events import NoticeGiven, TaskFailed
from agents.system import RandomIds, SystemClock
from agents.types import OwnerId, TaskKind, TaskStatus, WorkerId
from bot.store.port import Ending, NewTask
from bot.store.sqlite import SqliteStore

END = Ending((TaskFailed(code="x", message="over"),), TaskStatus.FAILED, "over")

def say(*words):
    print(*words, flush=True)

async def main():
    store = await SqliteStore.open(sys.argv[1], clock=SystemClock(), ids=RandomIds())
    say("open")
    while True:
        task = await store.enqueue(NewTask(OwnerId("ann"), TaskKind.GENERATE, "x"))
        say("accepted", task.id, 1)
        claim = await store.claim(WorkerId("doomed"))
        seq = claim.task.last_seq
        for size in range(1, 12):
            events = [NoticeGiven(message=f"{claim.task.id} {seq + i + 1}") for i in range(size)]
            seq = await store.append(claim.lease, seq, events)
            say("appended", claim.task.id, seq)
        seq = await store.finish(claim.lease, seq, END)
        say("finished", claim.task.id, seq)

asyncio.run(main())
"""


async def _run_and_kill(path: Path, delay_s: float) -> list[list[str]]:
    """What the writer acknowledged before it was killed, `delay_s` after it had begun."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"open\n"
    reading = asyncio.gather(writer.stdout.read())
    await asyncio.wait({reading}, timeout=delay_s)
    writer.kill()
    [output] = await reading
    assert await writer.wait() == -9, "it was killed, it did not fail by itself"
    whole, _, _ = output.decode().rpartition("\n")
    return [line.split() for line in whole.splitlines()]


async def _check(path: Path, acknowledged: list[list[str]]) -> None:
    """All that was acknowledged is there, and besides it at most the write that was under way."""
    known = {task_id: int(seq) for _, task_id, seq in acknowledged}
    store = await SqliteStore.open(path, clock=FakeClock(), ids=RandomIds())
    try:
        surplus = 0
        for project in await store.projects(OwnerId("ann"), limit=10_000):
            [task] = await store.tasks(project.owner, project.id)
            log = await store.read(task.id, limit=1_000)
            assert [recorded.seq for recorded in log] == list(range(1, task.last_seq + 1))
            terminals = sum(recorded.is_terminal for recorded in log)
            assert terminals == (1 if task.status is TaskStatus.FAILED else 0)
            assert task.last_seq >= known.get(task.id, 0), "acknowledged, but lost"
            texts = [r.event.message for r in log if isinstance(r.event, NoticeGiven)]
            assert texts == [f"{task.id} {seq}" for seq in range(2, 2 + len(texts))]
            surplus += task.last_seq > known.pop(task.id, 0)
        assert known == {}, "accepted, but lost"
        assert surplus <= 1
    finally:
        await store.close()


async def test_what_was_acknowledged_survives_kill_9_and_nothing_is_half_there(
    tmp_path: Path,
) -> None:
    rng = random.Random(20)  # noqa: S311 - a seed for a repeatable test, no secret
    writes = 0
    for number in range(ROUNDS):
        path = tmp_path / f"{number}.db"
        acknowledged = await _run_and_kill(path, rng.uniform(0.0, 0.15))
        writes += len(acknowledged)
        await _check(path, acknowledged)
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    assert writes > ROUNDS, "the writers were killed before they wrote anything"

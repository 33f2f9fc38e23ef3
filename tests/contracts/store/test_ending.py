"""How a task ends, once, and what it leaves behind; `test_transitions` shows when it ends."""

import asyncio

import pytest

from agents.errors import LeaseLost, NotFound, SeqConflict, StoreError
from agents.events import (
    NoticeGiven,
    TaskCompleted,
    TaskStarted,
)
from agents.types import Framework, TaskId, TaskStatus
from bot.store.port import Ending
from tests.contracts.store.adapters import (
    OWNER,
    STRANGER,
    WORKER,
    World,
    cancelled,
    completed,
    failed,
)

# --- finish ------------------------------------------------------------------------------


async def test_finishing_writes_events_status_answer_fragment_and_project(world: World) -> None:
    claim = await world.start()
    await world.clock.advance(3)
    hashes = await world.store.put([b"<html>", b"x"])
    ending = completed({"index.html": hashes[0], "b/x.js": hashes[1]})
    ending = Ending(
        events=(NoticeGiven(message="almost"), *ending.events),
        status=ending.status,
        reply=ending.reply,
        fragment=ending.fragment,
        title="A board",
        framework=Framework.REACT,
    )

    assert await world.store.finish(claim.lease, 1, ending) == 3

    task = await world.store.task(OWNER, claim.task.id)
    assert (task.status, task.last_seq, task.lease_until) == (TaskStatus.COMPLETE, 3, None)
    project = await world.store.project(OWNER, task.project_id)
    assert (project.title, project.framework, project.head) == (
        "A board",
        Framework.REACT,
        "frag_1",
    )
    assert project.updated_at == world.clock.now()
    [fragment] = await world.store.fragments(OWNER, project.id)
    assert (fragment.task_id, fragment.title, fragment.restored_from) == (task.id, "Board", None)
    assert fragment.files == {"index.html": hashes[0], "b/x.js": hashes[1]}
    answer = (await world.store.messages(OWNER, project.id))[1]
    assert (answer.type, answer.status, answer.content) == ("RESULT", "COMPLETE", "It is ready.")
    assert isinstance((await world.log(task))[-1], TaskCompleted)


@pytest.mark.parametrize("ending", [failed(), cancelled()], ids=["failed", "cancelled"])
async def test_a_task_without_success_leaves_its_project_as_it_was(
    world: World, ending: Ending
) -> None:
    first = await world.build({"a": b"1"})
    before = await world.store.project(OWNER, first.task.project_id)
    claim = await world.start("break it", project_id=before.id)
    accepted = await world.store.project(OWNER, before.id)

    await world.store.finish(claim.lease, 1, ending)

    after = await world.store.project(OWNER, before.id)
    assert after == accepted
    assert (after.head, after.title) == (before.head, before.title)
    assert len(await world.store.fragments(OWNER, before.id)) == 1
    answer = (await world.store.messages(OWNER, before.id))[-1]
    assert (answer.type, answer.status, answer.content) == ("ERROR", "COMPLETE", ending.reply)


async def test_concurrent_endings_give_exactly_one_terminal_event(world: World) -> None:
    claim = await world.start()
    endings = [failed(), cancelled(), completed()] * 5
    outcomes = await asyncio.gather(
        *(world.store.finish(claim.lease, 1, ending) for ending in endings),
        return_exceptions=True,
    )
    assert sum(outcome == 2 for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LeaseLost) for outcome in outcomes) == len(endings) - 1
    assert sum(recorded.is_terminal for recorded in await world.store.read(claim.task.id)) == 1


async def test_finishing_at_a_wrong_seq_changes_nothing(world: World) -> None:
    claim = await world.start()
    await world.store.append(claim.lease, 1, [TaskStarted(attempt=1, worker_id=WORKER)])
    ending = await world.completed({"a": b"1"}, "frag_x")
    for seq in (0, 1, 3):
        with pytest.raises(SeqConflict):
            await world.store.finish(claim.lease, seq, ending)
    project = await world.store.project(OWNER, claim.task.project_id)
    assert (project.head, await world.store.fragments(OWNER, project.id)) == (None, [])
    assert (await world.store.task(OWNER, claim.task.id)).status is TaskStatus.RUNNING
    assert len(await world.log(claim.task)) == 2


async def test_an_ending_that_contradicts_itself_is_refused(world: World) -> None:
    claim = await world.start()
    [blob] = await world.store.put([b"1"])
    good, bad = completed({"a": blob}), failed()
    for ending in (
        Ending(events=(), status=TaskStatus.FAILED, reply=""),
        Ending(events=(NoticeGiven(message="no end"),), status=TaskStatus.FAILED, reply=""),
        Ending(events=good.events, status=TaskStatus.FAILED, reply=""),
        Ending(events=(*good.events, *bad.events), status=TaskStatus.FAILED, reply=""),
        Ending(events=bad.events, status=bad.status, reply="", fragment=good.fragment),
        completed({"a": type(blob)("0" * 64)}),
    ):
        with pytest.raises(StoreError) as caught:
            await world.store.finish(claim.lease, 1, ending)
        assert not isinstance(caught.value, LeaseLost | SeqConflict)
    assert await world.store.finish(claim.lease, 1, good) == 2


# --- tenants -----------------------------------------------------------------------------


async def test_a_foreign_task_is_as_missing_as_a_missing_one(world: World) -> None:
    task = await world.enqueue()
    store = world.store
    for owner, task_id in ((STRANGER, task.id), (OWNER, TaskId("task_none"))):
        with pytest.raises(NotFound):
            await store.task(owner, task_id)
        with pytest.raises(NotFound):
            await store.request_cancel(owner, task_id, by="bob")
    with pytest.raises(NotFound):
        await store.tasks(STRANGER, task.project_id)
    assert (await store.task(OWNER, task.id)).status is TaskStatus.PENDING

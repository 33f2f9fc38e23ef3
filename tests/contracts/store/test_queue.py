"""The queue: accept, claim in order, tell when to claim again."""

import asyncio
from datetime import timedelta

import pytest

from agents.errors import LeaseLost, NotFound
from agents.events import (
    NoticeGiven,
    TaskAccepted,
)
from agents.types import Framework, ProjectId, TaskId, TaskKind, TaskStatus, Turn
from bot.store.port import LEASE_S, Claim, Lease
from tests.contracts.store.adapters import (
    OTHER_WORKER,
    OWNER,
    STRANGER,
    WORKER,
    World,
    failed,
)

# --- enqueue -----------------------------------------------------------------------------


async def test_an_accepted_task_has_its_row_its_project_its_messages_and_its_first_event(
    world: World,
) -> None:
    task = await world.enqueue(
        "  a kanban\n board ", framework=Framework.VUE, requested_by="slack", model="x/y"
    )

    assert await world.store.task(OWNER, task.id) == task
    assert (task.status, task.kind, task.framework) == (
        TaskStatus.PENDING,
        TaskKind.GENERATE,
        Framework.VUE,
    )
    assert (task.model, task.epoch, task.attempts, task.last_seq) == ("x/y", 0, 0, 1)
    assert task.created_at == task.updated_at == task.run_after == world.clock.now()
    assert (task.lease_until, task.worker_id, task.cancel_by, task.origin) == (None,) * 4
    project = await world.store.project(OWNER, task.project_id)
    assert (project.title, project.head, project.framework) == ("a kanban board", None, None)
    assert await world.log(task) == [
        TaskAccepted(
            project_id=project.id,
            task_kind=TaskKind.GENERATE,
            prompt="  a kanban\n board ",
            requested_by="slack",
        )
    ]
    user, assistant = await world.store.messages(OWNER, project.id)
    assert (user.role, user.type, user.status) == ("USER", "RESULT", "COMPLETE")
    assert (user.content, user.task_id) == ("  a kanban\n board ", task.id)
    assert (assistant.role, assistant.type, assistant.status) == (
        "ASSISTANT",
        "STREAMING",
        "PENDING",
    )


async def test_a_long_prompt_becomes_a_title_of_sixty_characters(world: World) -> None:
    task = await world.enqueue("word " * 100)
    project = await world.store.project(OWNER, task.project_id)
    assert len(project.title) <= 60
    assert project.title.endswith("…")


async def test_fifty_concurrent_enqueues_of_one_origin_make_one_task(world: World) -> None:
    tasks = await asyncio.gather(*(world.enqueue(f"try {i}", origin="E1") for i in range(50)))

    assert len({task.id for task in tasks}) == 1
    assert len(await world.store.projects(OWNER)) == 1
    assert len(await world.store.messages(OWNER, tasks[0].project_id)) == 2


async def test_an_origin_answers_its_task_even_when_that_has_ended(world: World) -> None:
    task = await world.enqueue(origin="E1")
    await world.build({"a": b"1"}, await world.claim())
    again = await world.enqueue("something else", origin="E1")
    assert again.id == task.id
    assert again.status is TaskStatus.COMPLETE


async def test_the_same_origin_of_another_owner_is_another_task(world: World) -> None:
    mine = await world.enqueue(origin="E1")
    theirs = await world.enqueue(origin="E1", owner=STRANGER)
    assert mine.id != theirs.id
    assert mine.project_id != theirs.project_id


async def test_a_follow_up_of_a_foreign_or_missing_project_is_not_found(world: World) -> None:
    task = await world.enqueue()
    with pytest.raises(NotFound):
        await world.enqueue(owner=STRANGER, project_id=task.project_id, origin="E1")
    with pytest.raises(NotFound):
        await world.enqueue(project_id=ProjectId("proj_none"))
    assert len(await world.store.tasks(OWNER, task.project_id)) == 1
    assert await world.store.projects(STRANGER) == []


# --- claim -------------------------------------------------------------------------------


async def test_a_claim_carries_all_that_a_run_needs(world: World) -> None:
    seeds = (Turn(role="user", text="hi"), Turn(role="assistant", text="hello"))
    first = await world.start("a board", history=seeds)
    assert first.lease == Lease(first.task.id, WORKER, 1)
    assert (first.task.status, first.task.attempts) == (TaskStatus.RUNNING, 1)
    assert first.task.lease_until == world.clock.now() + timedelta(seconds=LEASE_S)
    assert (first.head, list(first.history)) == (None, list(seeds))
    assert [recorded.seq for recorded in first.log] == [1]

    await world.build({"a.txt": b"one"}, first)
    second = await world.start(
        "make it blue", project_id=first.task.project_id, history=[Turn(role="user", text="no")]
    )

    assert second.head is not None
    assert second.project.head == second.head.id
    assert list(second.head.files) == ["a.txt"]
    assert [turn.text for turn in second.history] == ["hi", "hello", "a board", "It is ready."]
    assert [turn.role for turn in second.history] == ["user", "assistant"] * 2


async def test_history_leaves_out_what_is_not_settled_or_came_later(world: World) -> None:
    first = await world.enqueue("one")
    await world.enqueue("two", project_id=first.project_id)
    await world.enqueue("three", project_id=first.project_id)
    claim = await world.claim()
    assert list(claim.history) == []
    await world.store.finish(claim.lease, 1, failed())
    claim = await world.claim()
    assert claim.task.prompt == "two"
    assert [turn.text for turn in claim.history] == ["one", "I am stuck."]


async def test_an_empty_queue_is_due_never(world: World) -> None:
    assert await world.idle() is None
    await world.build({"a": b"1"})
    assert await world.idle() is None, "what has ended is not waited for"


async def test_a_claim_in_vain_tells_when_the_first_lease_ends(world: World) -> None:
    first = await world.start()
    await world.clock.advance(10)
    await world.start("another project")
    assert await world.idle() == pytest.approx(LEASE_S - 10)
    await world.store.renew(first.lease)
    assert await world.idle() == pytest.approx(LEASE_S)


async def test_a_claim_in_vain_tells_when_the_first_delay_is_over(world: World) -> None:
    await world.start()
    back = await world.start("another project")
    await world.store.hand_back(back.lease, delay_s=7, count_attempt=True)
    await world.clock.advance(2)
    assert await world.idle() == pytest.approx(5)
    await world.clock.advance(5)
    assert (await world.claim()).task.id == back.task.id


async def test_a_follow_up_behind_an_open_task_is_not_due(world: World) -> None:
    running = await world.start()
    await world.enqueue("then this", project_id=running.task.project_id)
    await world.clock.advance(1)
    assert await world.idle() == pytest.approx(LEASE_S - 1), "it was due a second ago"
    await world.store.hand_back(running.lease, delay_s=9, count_attempt=True)
    assert await world.idle() == pytest.approx(9)


async def test_a_claim_of_only_one_task_looks_at_no_other(world: World) -> None:
    running = await world.start()
    await world.clock.advance(1)
    behind = await world.enqueue("then this", project_id=running.task.project_id)
    other = await world.start("another project")
    assert await world.idle(only=running.task.id) == pytest.approx(LEASE_S - 1)
    assert await world.idle(only=other.task.id) == pytest.approx(LEASE_S)
    assert await world.idle(only=behind.id) is None
    assert await world.idle(only=TaskId("task_none")) is None
    free = await world.enqueue("a third project")
    claim = await world.store.claim(WORKER, only=free.id)
    assert isinstance(claim, Claim)
    assert claim.task.id == free.id


async def test_the_newest_task_of_each_project_is_found_at_once(world: World) -> None:
    first = await world.enqueue("one")
    newest = await world.enqueue("one, again", project_id=first.project_id)
    other = await world.enqueue("two")
    foreign = await world.enqueue("not theirs", owner=STRANGER)
    running = await world.claim()
    assert running.task.id == first.id

    asked = [first.project_id, ProjectId("proj_none"), foreign.project_id, other.project_id]
    found = await world.store.newest_tasks(OWNER, [*asked, first.project_id])

    assert found == {first.project_id: newest, other.project_id: other}
    assert await world.store.newest_tasks(STRANGER, asked) == {foreign.project_id: foreign}
    assert await world.store.newest_tasks(OWNER, []) == {}


async def test_the_newest_task_of_hundreds_of_projects_is_found_for_each(world: World) -> None:
    long = "🚲" * 20_000
    tasks = [await world.enqueue(f"{number} {long}") for number in range(230)]

    found = await world.store.newest_tasks(OWNER, [task.project_id for task in tasks])

    assert found == {task.project_id: task for task in tasks}


async def test_one_of_two_claimers_wins(world: World) -> None:
    await world.enqueue()
    claims = await asyncio.gather(*(world.store.claim(WORKER) for _ in range(20)))
    assert sum(isinstance(claim, Claim) for claim in claims) == 1


async def test_tasks_are_claimed_in_the_order_they_came(world: World) -> None:
    prompts = [f"task {i}" for i in range(5)]
    for prompt in prompts:
        await world.enqueue(prompt)
    assert [(await world.claim()).task.prompt for _ in prompts] == prompts


async def test_a_project_runs_one_task_at_a_time_in_order(world: World) -> None:
    first = await world.enqueue("first")
    await world.enqueue("second", project_id=first.project_id)
    other = await world.enqueue("other project")

    running = await world.claim()
    assert (await world.claim()).task.id == other.id
    assert await world.idle(OTHER_WORKER) == LEASE_S

    await world.store.hand_back(running.lease, delay_s=5, count_attempt=True)
    assert await world.idle() == pytest.approx(5), "the second must not overtake the first"
    await world.clock.advance(5)
    running = await world.claim()
    assert running.task.prompt == "first"

    await world.store.finish(running.lease, 1, failed())
    assert (await world.claim()).task.prompt == "second"


async def test_the_same_worker_id_with_an_old_epoch_is_refused_too(world: World) -> None:
    old = await world.start()
    await world.clock.advance(LEASE_S)
    await world.claim()
    with pytest.raises(LeaseLost):
        await world.store.append(old.lease, 1, [NoticeGiven(message="zombie")])


async def test_an_attempt_that_is_not_counted_does_not_use_up_the_task(world: World) -> None:
    await world.enqueue()
    for epoch in range(1, 10):
        claim = await world.claim()
        assert (claim.lease.epoch, claim.task.attempts) == (epoch, 1)
        await world.store.hand_back(claim.lease, delay_s=0, count_attempt=False)


async def test_a_claim_that_is_cancelled_leaves_the_task_to_others(world: World) -> None:
    await world.enqueue()
    claiming = asyncio.gather(world.store.claim(WORKER))
    await asyncio.sleep(0)
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    claim = await world.claim(OTHER_WORKER)
    assert claim.task.attempts == 1


async def test_the_answer_streams_from_the_first_claim_on(world: World) -> None:
    claim = await world.start()
    answer = (await world.store.messages(OWNER, claim.task.project_id))[1]
    assert (answer.type, answer.status) == ("STREAMING", "STREAMING")

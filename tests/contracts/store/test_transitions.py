"""Every transition of a task's life, one test each.

from        what happens                                     to
----------  -----------------------------------------------  -------------------------
(nothing)   enqueue                                          pending
pending     claim                                            running
pending     request_cancel                                   cancelled
running     renew                                            running, the lease longer
running     request_cancel                                   running, its holder told
running     hand_back                                        pending
running     lease over, then claim                           running, another holder
running     lease over in the last attempt, then claim       failed
running     asked to stop, nobody holds it, then claim       cancelled
running     finish                                           complete, failed, cancelled
ended       any call                                         ended, unchanged
"""

from collections.abc import Awaitable, Callable

import pytest

from agents.errors import LeaseLost
from agents.events import NoticeGiven, TaskCancelled, TaskFailed
from agents.types import TaskStatus
from bot.store.port import LEASE_S, MAX_ATTEMPTS, Claim, Ending, Idle, Store
from tests.contracts.store.adapters import (
    OTHER_WORKER,
    OWNER,
    WORKER,
    World,
    cancelled,
    completed,
    failed,
)

ENDINGS = {"complete": completed(), "failed": failed(), "cancelled": cancelled()}


async def test_an_accepted_task_is_pending(world: World) -> None:
    task = await world.enqueue()
    assert (task.status, task.epoch, task.attempts) == (TaskStatus.PENDING, 0, 0)


async def test_a_claimed_task_is_running(world: World) -> None:
    task = (await world.start()).task
    assert (task.status, task.epoch, task.attempts) == (TaskStatus.RUNNING, 1, 1)
    assert task.worker_id == WORKER
    assert await world.store.task(OWNER, task.id) == task


async def test_a_pending_task_is_cancelled_at_once(world: World) -> None:
    task = await world.enqueue()
    cancelled_task = await world.store.request_cancel(OWNER, task.id, by="ann")
    assert (cancelled_task.status, cancelled_task.cancel_by) == (TaskStatus.CANCELLED, None)
    assert (await world.log(task))[1:] == [TaskCancelled(by="ann")]
    assert await world.idle() is None
    answer = (await world.store.messages(OWNER, task.project_id))[1]
    assert (answer.type, answer.status) == ("ERROR", "COMPLETE")


async def test_a_renewed_lease_is_not_taken_over(world: World) -> None:
    claim = await world.start()
    for _ in range(4):
        await world.clock.advance(LEASE_S - 1)
        assert await world.store.renew(claim.lease) is None
        assert await world.idle(OTHER_WORKER) == LEASE_S
    await world.store.append(claim.lease, 1, [NoticeGiven(message="still here")])


async def test_the_holder_of_a_running_task_learns_who_wants_it_stopped(world: World) -> None:
    claim = await world.start()
    for by in ("ann", "somebody later"):
        task = await world.store.request_cancel(OWNER, claim.task.id, by=by)
        assert (task.status, task.cancel_by) == (TaskStatus.RUNNING, "ann")
    assert await world.store.renew(claim.lease) == "ann"
    await world.store.finish(claim.lease, 1, cancelled("ann"))
    assert (await world.store.task(OWNER, claim.task.id)).cancel_by is None


async def test_a_handed_back_task_waits_its_delay_and_its_holder_is_out(world: World) -> None:
    claim = await world.start()
    await world.store.hand_back(claim.lease, delay_s=2, count_attempt=True)
    task = await world.store.task(OWNER, claim.task.id)
    assert (task.status, task.worker_id, task.lease_until) == (TaskStatus.PENDING, None, None)
    with pytest.raises(LeaseLost):
        await world.store.append(claim.lease, 1, [NoticeGiven(message="late")])
    with pytest.raises(LeaseLost):
        await world.store.hand_back(claim.lease, delay_s=0, count_attempt=True)
    await world.clock.advance(1.9)
    assert await world.idle() == pytest.approx(0.1)
    await world.clock.advance(0.1)
    assert (await world.claim()).lease.epoch == 2


async def test_an_expired_lease_is_taken_over_and_the_former_holder_is_refused(
    world: World,
) -> None:
    old = await world.start()
    await world.store.append(old.lease, 1, [NoticeGiven(message="mine")])
    await world.clock.advance(LEASE_S - 1)
    assert await world.idle(OTHER_WORKER) == pytest.approx(1)
    await world.clock.advance(1)

    new = await world.claim(OTHER_WORKER)

    assert new.task.id == old.task.id
    assert (new.lease.epoch, new.task.attempts) == (2, 2)
    assert [recorded.event.kind for recorded in new.log] == ["task_accepted", "notice_given"]
    with pytest.raises(LeaseLost):
        await world.store.append(old.lease, 2, [NoticeGiven(message="zombie")])
    with pytest.raises(LeaseLost):
        await world.store.renew(old.lease)
    with pytest.raises(LeaseLost):
        await world.store.hand_back(old.lease, delay_s=0, count_attempt=True)
    with pytest.raises(LeaseLost):
        await world.store.finish(old.lease, 2, completed())
    assert await world.store.append(new.lease, 2, [NoticeGiven(message="new")]) == 3


async def test_a_task_lost_in_its_last_attempt_fails_as_worker_lost(world: World) -> None:
    task = await world.enqueue()
    for _ in range(MAX_ATTEMPTS):
        await world.claim()
        await world.clock.advance(LEASE_S)
    following = await world.enqueue("next", project_id=task.project_id)

    assert (await world.claim()).task.id == following.id

    ended = await world.store.task(OWNER, task.id)
    assert ended.status is TaskStatus.FAILED
    [*_, last] = await world.log(task)
    assert isinstance(last, TaskFailed)
    assert (last.code, last.retryable) == ("worker_lost", True)
    assert ended.last_seq == 2
    answer = (await world.store.messages(OWNER, task.project_id))[1]
    assert (answer.type, answer.status) == ("ERROR", "COMPLETE")
    assert answer.content


@pytest.mark.parametrize("how", ["lease expired", "handed back"])
async def test_a_task_asked_to_stop_that_nobody_holds_is_cancelled_by_the_next_claim(
    world: World, how: str
) -> None:
    claim = await world.start()
    await world.store.request_cancel(OWNER, claim.task.id, by="ann")
    if how == "lease expired":
        await world.clock.advance(LEASE_S)
    else:
        await world.store.hand_back(claim.lease, delay_s=20, count_attempt=True)

    assert await world.idle(OTHER_WORKER) is None

    assert (await world.store.task(OWNER, claim.task.id)).status is TaskStatus.CANCELLED
    assert (await world.log(claim.task))[-1] == TaskCancelled(by="ann")


@pytest.mark.parametrize("status", ENDINGS)
async def test_a_finished_task_has_the_status_of_its_ending(world: World, status: str) -> None:
    claim = await world.start()
    await world.store.finish(claim.lease, 1, ENDINGS[status])
    task = await world.store.task(OWNER, claim.task.id)
    assert task.status == status
    assert (task.lease_until, task.worker_id, task.last_seq) == (None, None, 2)


async def renew(store: Store, claim: Claim) -> None:
    with pytest.raises(LeaseLost):
        await store.renew(claim.lease)


async def append(store: Store, claim: Claim) -> None:
    with pytest.raises(LeaseLost):
        await store.append(claim.lease, 2, [NoticeGiven(message="after the end")])


async def hand_back(store: Store, claim: Claim) -> None:
    with pytest.raises(LeaseLost):
        await store.hand_back(claim.lease, delay_s=0, count_attempt=True)


async def finish(store: Store, claim: Claim) -> None:
    for again in ENDINGS.values():
        with pytest.raises(LeaseLost):
            await store.finish(claim.lease, 2, again)


async def request_cancel(store: Store, claim: Claim) -> None:
    before = await store.task(OWNER, claim.task.id)
    assert await store.request_cancel(OWNER, claim.task.id, by="bob") == before


async def claim_it(store: Store, claim: Claim) -> None:
    assert await store.claim(OTHER_WORKER) == Idle()
    assert await store.claim(OTHER_WORKER, only=claim.task.id) == Idle()


CALLS = [renew, append, hand_back, finish, request_cancel, claim_it]


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("call", CALLS)
async def test_an_ended_task_stays_as_it_is(
    world: World, call: Callable[[Store, Claim], Awaitable[None]], ending: Ending
) -> None:
    claim = await world.start()
    await world.store.finish(claim.lease, 1, ending)
    task, log = await world.store.task(OWNER, claim.task.id), await world.log(claim.task)
    await world.clock.advance(LEASE_S)

    await call(world.store, claim)

    assert await world.store.task(OWNER, claim.task.id) == task
    assert await world.log(claim.task) == log

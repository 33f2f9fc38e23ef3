"""The logs: appended at a known seq by the holder only, read by cursor."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.errors import LeaseLost, SeqConflict, StoreError
from agents.events import (
    Event,
    NoticeGiven,
    TaskCancelled,
    TextStreamed,
    UsageRecorded,
)
from agents.types import TaskId, Usage
from bot.store.port import Lease, Limits
from tests.contracts.store.adapters import OTHER_WORKER, OWNER, World, completed


async def test_what_was_appended_is_read_in_order_without_gaps(world: World) -> None:
    claim = await world.start()
    assert await world.store.append(claim.lease, 1, [TextStreamed(content="a")]) == 2
    await world.clock.advance(1.5)
    events: list[Event] = [NoticeGiven(message="b"), TextStreamed(content="c")]
    assert await world.store.append(claim.lease, 2, events) == 4

    log = await world.store.read(claim.task.id)

    assert [recorded.seq for recorded in log] == [1, 2, 3, 4]
    assert {recorded.task_id for recorded in log} == {claim.task.id}
    assert [recorded.event for recorded in log][2:] == events
    assert log[3].at == log[2].at == log[1].at + timedelta(seconds=1.5) == world.clock.now()
    task = await world.store.task(OWNER, claim.task.id)
    assert (task.last_seq, task.updated_at) == (4, world.clock.now())


async def test_a_cursor_reads_what_is_newer_and_no_more_than_the_limit(world: World) -> None:
    claim = await world.start()
    await world.store.append(claim.lease, 1, [NoticeGiven(message=str(i)) for i in range(9)])
    read = world.store.read
    assert [r.seq for r in await read(claim.task.id, after=7)] == [8, 9, 10]
    assert [r.seq for r in await read(claim.task.id, after=2, limit=3)] == [3, 4, 5]
    assert await read(claim.task.id, after=10) == []
    assert await read(claim.task.id, after=99) == []
    assert await read(TaskId("task_none")) == []


async def test_an_append_at_a_wrong_seq_is_refused_and_changes_nothing(world: World) -> None:
    claim = await world.start()
    await world.store.append(claim.lease, 1, [NoticeGiven(message="kept")])
    for seq in (0, 1, 3, 100):
        with pytest.raises(SeqConflict):
            await world.store.append(claim.lease, seq, [NoticeGiven(message="refused")])
    assert len(await world.log(claim.task)) == 2
    assert (await world.store.task(OWNER, claim.task.id)).last_seq == 2


async def test_of_many_appends_at_one_seq_one_lands(world: World) -> None:
    claim = await world.start()
    outcomes = await asyncio.gather(
        *(world.store.append(claim.lease, 1, [NoticeGiven(message=str(i))] * 3) for i in range(20)),
        return_exceptions=True,
    )
    assert sum(outcome == 4 for outcome in outcomes) == 1
    assert sum(isinstance(outcome, SeqConflict) for outcome in outcomes) == 19
    assert len({str(event) for event in (await world.log(claim.task))[1:]}) == 1


async def test_a_lease_that_was_never_given_is_refused(world: World) -> None:
    claim = await world.start()
    event = NoticeGiven(message="no")
    for lease in (
        Lease(claim.task.id, OTHER_WORKER, claim.lease.epoch),
        Lease(claim.task.id, claim.lease.worker_id, claim.lease.epoch + 1),
        Lease(TaskId("task_none"), claim.lease.worker_id, 1),
    ):
        with pytest.raises(LeaseLost):
            await world.store.append(lease, 1, [event])
        with pytest.raises(LeaseLost):
            await world.store.renew(lease)
        with pytest.raises(LeaseLost):
            await world.store.finish(lease, 1, completed())


async def test_a_terminal_event_cannot_be_appended(world: World) -> None:
    claim = await world.start()
    with pytest.raises(StoreError):
        await world.store.append(claim.lease, 1, [TaskCancelled(by="me")])
    assert len(await world.log(claim.task)) == 1


async def test_an_event_over_the_limit_is_refused_and_one_below_is_kept(world: World) -> None:
    claim = await world.start()
    limit = Limits().event_bytes
    with pytest.raises(StoreError):
        await world.store.append(claim.lease, 1, [TextStreamed(content="é" * (limit // 2))])
    assert await world.store.append(claim.lease, 1, [TextStreamed(content="x" * 890_000)]) == 2


async def test_an_empty_append_proves_the_lease_and_adds_nothing(world: World) -> None:
    claim = await world.start()
    assert await world.store.append(claim.lease, 1, []) == 1
    with pytest.raises(SeqConflict):
        await world.store.append(claim.lease, 0, [])


async def test_twenty_thousand_events_of_one_task_are_all_there(world: World) -> None:
    claim = await world.start()
    seq = 1
    for start in range(0, 20_000, 400):
        batch = [TextStreamed(content=str(start + i)) for i in range(400)]
        seq = await world.store.append(claim.lease, seq, batch)
    assert seq == 20_001

    after, texts = 1, []
    while page := await world.store.read(claim.task.id, after=after):
        assert [recorded.seq for recorded in page] == list(range(after + 1, after + 501))
        texts += [r.event.content for r in page if isinstance(r.event, TextStreamed)]
        after = page[-1].seq
    assert texts == [str(i) for i in range(20_000)]

    await world.clock.advance(60)
    taken = await world.claim(OTHER_WORKER)
    assert len(taken.log) == 20_001


@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(text=st.text(), cost=st.floats(allow_nan=False, allow_infinity=False))
async def test_any_text_comes_back_as_it_was(world: World, text: str, cost: float) -> None:
    claim = await world.start(text or "x")
    events: list[Event] = [
        TextStreamed(content=text),
        UsageRecorded(model=text, usage=Usage(cost_usd=cost)),
    ]
    await world.store.append(claim.lease, 1, events)
    assert (await world.log(claim.task))[1:] == events
    assert (await world.store.messages(OWNER, claim.task.project_id))[0].content == (text or "x")
    await world.store.finish(claim.lease, 3, completed(reply=text))


async def test_half_an_emoji_is_joined_or_replaced_and_never_lost_for_good(world: World) -> None:
    claim = await world.start("\ud83d\ude00 and \ud83d")
    await world.store.append(
        claim.lease, 1, [TextStreamed(content="é \ud83d\ude00"), TextStreamed(content="\ude00")]
    )
    await world.store.finish(claim.lease, 3, completed(reply="ok \udc80"))
    log = await world.store.read(claim.task.id)
    texts = [r.event.content for r in log if isinstance(r.event, TextStreamed)]
    assert texts == ["é 😀", "\ufffd"]
    contents = [m.content for m in await world.store.messages(OWNER, claim.task.project_id)]
    assert contents == ["😀 and \ufffd", "ok \ufffd"]

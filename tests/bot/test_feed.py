"""Following a task's log while it grows."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from agents.background import Background
from agents.errors import StoreUnavailable
from agents.events import Event, NoticeGiven, Recorded, TaskFailed
from agents.system import RandomIds, SystemClock
from agents.testing import FakeClock, settle
from agents.types import OwnerId, TaskId, TaskKind, TaskStatus, WorkerId
from bot.feed import Feed, Hub, Polling
from bot.store.port import Claim, Ending, NewTask
from bot.store.sqlite import SqliteStore

END = Ending(events=(TaskFailed(code="x", message="over"),), status=TaskStatus.FAILED, reply="over")


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
async def store(tmp_path: Path, hub: Hub) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(
        tmp_path / "zapdev.db", clock=SystemClock(), ids=RandomIds(), waker=hub
    )
    yield opened
    await opened.close()


@pytest.fixture
async def claim(store: SqliteStore) -> Claim:
    await store.enqueue(NewTask(owner=OwnerId("ann"), kind=TaskKind.GENERATE, prompt="x"))
    claimed = await store.claim(WorkerId("w"))
    assert isinstance(claimed, Claim)
    return claimed


def notes(count: int) -> list[Event]:
    return [NoticeGiven(message=str(i)) for i in range(count)]


async def following_batch(batches: AsyncIterator[list[Recorded]]) -> list[Recorded]:
    return await anext(batches)


async def collect(feed: Feed, task_id: TaskId, after: int = 0) -> list[Recorded]:
    return [event async for batch in feed.follow(task_id, after) for event in batch]


async def test_a_reader_that_comes_after_the_end_gets_the_whole_log_and_ends(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    seq = await store.append(claim.lease, 1, notes(1_234))
    await store.finish(claim.lease, seq, END)
    feed = Feed(store, hub, FakeClock())
    log = await collect(feed, claim.task.id)
    assert [recorded.seq for recorded in log] == list(range(1, 1_237))
    assert log[-1].is_terminal
    assert [r.seq for r in await collect(feed, claim.task.id, after=1_230)] == [
        *range(1_231, 1_237)
    ]


async def test_a_reader_whose_cursor_is_the_end_is_let_go_at_once(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    await store.finish(claim.lease, 1, END)
    assert await collect(Feed(store, hub, FakeClock()), claim.task.id, after=2) == []


async def test_a_reader_in_this_process_is_woken_without_any_time_passing(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    feed = Feed(store, hub, FakeClock())  # never advanced: polling cannot help
    async with aclosing(feed.follow(claim.task.id)) as batches:
        assert [r.seq for r in await anext(batches)] == [1]
        for seq in range(1, 50):
            [(recorded), _] = await asyncio.gather(
                anext(batches), store.append(claim.lease, seq, notes(1))
            )
            assert [r.seq for r in recorded] == [seq + 1]


async def test_news_between_looking_and_waiting_is_not_lost(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    class Hasty:
        """Appends right after each look, before the reader can wait."""

        left = 20
        seq = 1

        async def read(
            self, task_id: TaskId, *, after: int = 0, limit: int = 500
        ) -> list[Recorded]:
            found = await store.read(task_id, after=after, limit=limit)
            self.left -= 1
            if self.left > 0:
                self.seq = await store.append(claim.lease, self.seq, notes(1))
            elif self.left == 0:
                await store.finish(claim.lease, self.seq, END)
            return found

        append = store.append

    log = await collect(Feed(Hasty(), hub, FakeClock()), claim.task.id)
    assert [recorded.seq for recorded in log] == list(range(1, 22))


async def test_a_reader_with_no_news_asks_once_per_poll_and_no_more(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    class Counting:
        """Counts the questions."""

        reads = 0
        append = store.append

        async def read(
            self, task_id: TaskId, *, after: int = 0, limit: int = 500
        ) -> list[Recorded]:
            self.reads += 1
            return await store.read(task_id, after=after, limit=limit)

    clock, log, background = FakeClock(), Counting(), Background()
    async with aclosing(Feed(log, hub, clock).follow(claim.task.id)) as batches:
        await anext(batches)
        following = background.start(following_batch(batches), name="follow")
        hub.notify(claim.task.id)
        for polls in range(1, 4):
            while not clock.sleeping:
                await settle()
            assert log.reads <= 1 + polls, "it spins"
            await clock.advance(0.25)
        following.cancel()
        await asyncio.wait({following})


async def test_what_another_process_appends_is_found_by_polling(
    store: SqliteStore, hub: Hub, claim: Claim, tmp_path: Path
) -> None:
    clock = FakeClock()
    other = await SqliteStore.open(tmp_path / "zapdev.db", clock=clock, ids=RandomIds())
    background = Background()
    try:
        async with aclosing(Feed(store, hub, clock).follow(claim.task.id)) as batches:
            assert [r.seq for r in await anext(batches)] == [1]
            following = background.start(following_batch(batches), name="follow")
            while not clock.sleeping:
                await settle()
            await other.append(claim.lease, 1, notes(1))
            await settle()
            assert not following.done(), "nothing told it yet"
            await clock.advance(0.25)
            assert [r.seq for r in await following] == [2]
    finally:
        await background.stop()
        await other.close()


async def test_many_readers_at_any_cursor_see_each_event_once_in_order(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    rng = random.Random(7)  # noqa: S311 - a seed for a repeatable test, no secret
    feed = Feed(store, hub, SystemClock(), polling=Polling(0.01, 0.01))
    background = Background()

    async def write() -> None:
        seq = 1
        for _ in range(150):
            seq = await store.append(claim.lease, seq, notes(rng.randint(1, 9)))
        await store.finish(claim.lease, seq, END)

    async def read(leave_after: int) -> list[int]:
        """A client that drops its connection again and again, and resumes by its cursor."""
        seen: list[int] = []
        while True:
            async with aclosing(feed.follow(claim.task.id, seen[-1] if seen else 0)) as batches:
                dropped = False
                async for batch in batches:
                    seen += [recorded.seq for recorded in batch]
                    if len(seen) % leave_after == 0:
                        dropped = True
                        break
                if not dropped:
                    return seen

    writing = background.start(write(), name="write")
    logs = await asyncio.gather(*(read(n) for n in (1, 2, 3, 5, 7, 11, 1_000, 1_000)))
    await writing
    last = (await store.task(OwnerId("ann"), claim.task.id)).last_seq
    assert all(log == list(range(1, last + 1)) for log in logs)


async def test_readers_of_other_tasks_are_left_alone_and_none_stays_registered(hub: Hub) -> None:
    with hub.listen("a") as one, hub.listen("a") as two, hub.listen("b") as other:
        hub.notify("a")
        hub.notify("nobody")
        assert (one.is_set(), two.is_set(), other.is_set()) == (True, True, False)
    hub.notify("a")
    assert hub.topics == 0


async def test_a_reader_that_leaves_takes_its_bell_and_timer_along(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    clock = FakeClock()
    background = Background()
    async with aclosing(Feed(store, hub, clock).follow(claim.task.id)) as batches:
        await anext(batches)
        following = background.start(following_batch(batches), name="follow")
        while not clock.sleeping:
            await settle()
        following.cancel()
        await asyncio.wait({following})
    assert hub.topics == 0
    assert clock.sleeping == 0


async def test_a_reader_hears_that_the_store_is_gone(
    store: SqliteStore, hub: Hub, claim: Claim
) -> None:
    feed = Feed(store, hub, FakeClock())
    async with aclosing(feed.follow(claim.task.id)) as batches:
        await anext(batches)
        await store.close()
        hub.notify(claim.task.id)
        with pytest.raises(StoreUnavailable):
            await anext(batches)

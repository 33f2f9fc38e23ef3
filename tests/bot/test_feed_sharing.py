"""Many followers of one log: the store is read once for all of them, and each sees it all."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.background import Background
from agents.errors import StoreUnavailable
from agents.events import Event, NoticeGiven, Recorded, TaskFailed
from agents.testing import FakeClock, settle
from agents.types import TaskId
from bot import feed as module
from bot.feed import Feed, Hub, Polling
from bot.store.port import Lease
from tests.fakes.waiting import in_time

TASK = TaskId("task_1")
END = TaskFailed(code="x", message="over")
NOTE = NoticeGiven(message="n")
POLLING = Polling(0.5, 2.0, heard_s=10.0, keep=10)


class MemoryLog:
    """One log in a list; counts how often it is read."""

    def __init__(self, hub: Hub, clock: FakeClock) -> None:
        self._hub = hub
        self._clock = clock
        self.events: list[Recorded] = []
        self.reads = 0
        self.away = False

    def write(self, *events: Event, heard: bool = True) -> None:
        """Append; what another process appends is not heard here."""
        for event in events:
            seq, at = len(self.events) + 1, self._clock.now()
            self.events.append(Recorded(task_id=TASK, seq=seq, at=at, event=event))
        if heard:
            self._hub.notify(TASK)

    async def append(self, lease: Lease, expected_seq: int, events: Sequence[Event]) -> int:
        raise AssertionError("a feed only reads")

    async def read(self, task_id: TaskId, *, after: int = 0, limit: int = 500) -> list[Recorded]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("away")
        found = self.events[after : after + limit]
        await asyncio.sleep(0)
        return found


class Follower:
    """Follows from a cursor, a batch per permit, and again after an outage, as clients do."""

    def __init__(self, feed: Feed, clock: FakeClock, after: int = 0, permits: int = 10**9) -> None:
        self._feed = feed
        self._clock = clock
        self.after = after
        self.permits = asyncio.Semaphore(permits)
        self.seen: list[int] = []
        self.outages = 0
        self.ended = False
        self.background = Background()
        self.background.spawn(self._follow(), name="follower")

    async def _follow(self) -> None:
        while not self.ended:
            cursor = self.seen[-1] if self.seen else self.after
            try:
                async with aclosing(self._feed.follow(TASK, cursor)) as batches:
                    async for batch in batches:
                        self.seen += [recorded.seq for recorded in batch]
                        await self.permits.acquire()
                self.ended = True
            except StoreUnavailable:
                self.outages += 1
                await self._clock.sleep(1)

    def allow(self, batches: int) -> None:
        for _ in range(batches):
            self.permits.release()

    async def leave(self) -> None:
        await self.background.stop()


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log(hub: Hub, clock: FakeClock) -> MemoryLog:
    return MemoryLog(hub, clock)


Follow = Callable[..., Follower]


@pytest.fixture
def follow(log: MemoryLog, hub: Hub, clock: FakeClock) -> Follow:
    """Makes followers of one feed, which shares ten events."""
    feed = Feed(log, hub, clock, POLLING)
    return lambda **fields: Follower(feed, clock, **fields)


async def test_twenty_followers_cost_the_store_no_more_than_one(
    log: MemoryLog, follow: Follow, clock: FakeClock
) -> None:
    followers = [follow() for _ in range(20)]
    for _ in range(1_000):
        log.write(NOTE)
        await settle()
    log.write(END)
    await in_time(clock, lambda: all(follower.ended for follower in followers))
    assert all(follower.seen == list(range(1, 1_002)) for follower in followers)
    assert log.reads <= 1_003


async def test_who_comes_late_reads_for_himself_what_is_no_longer_kept(
    log: MemoryLog, follow: Follow
) -> None:
    first = follow()
    for _ in range(50):
        log.write(NOTE)
        await settle()
    late, later = follow(), follow(after=45)
    await settle()
    assert late.seen == first.seen == list(range(1, 51))
    assert later.seen == list(range(46, 51))
    before = log.reads
    log.write(NOTE)
    await settle()
    assert late.seen[-1] == first.seen[-1] == later.seen[-1] == 51
    assert log.reads == before + 1, "all share again"


async def test_a_slow_follower_holds_nobody_up_and_misses_nothing(
    log: MemoryLog, follow: Follow, clock: FakeClock
) -> None:
    slow, quick = follow(permits=0), follow()
    for _ in range(200):
        log.write(NOTE)
        await settle()
    assert (slow.seen, quick.seen) == ([1], list(range(1, 201)))
    log.write(END)
    slow.allow(300)
    await in_time(clock, lambda: slow.ended)
    assert slow.seen == list(range(1, 202))


async def test_nothing_is_read_ahead_of_the_followers(log: MemoryLog, follow: Follow) -> None:
    log.write(*[NOTE] * 5_000)
    follow(permits=0)
    await settle()
    assert log.reads <= 2, "a page, and again as fewer are kept than a page has"


async def test_polling_slows_down_while_nothing_comes_and_news_quickens_it(
    log: MemoryLog, follow: Follow, clock: FakeClock
) -> None:
    follower = follow()
    await settle()
    reads = []
    for _ in range(10):
        await clock.advance(0.5)
        reads.append(log.reads)
    assert reads == [2, 2, 3, 3, 3, 3, 4, 4, 4, 4], "after 0.5, 1, 2 and 2 seconds"
    log.write(NOTE, heard=False)
    await clock.advance(0.5)
    assert follower.seen == [1]
    log.write(NOTE, heard=False)
    await clock.advance(0.5)
    assert follower.seen == [1, 2]


async def test_who_comes_sees_at_once_what_another_process_wrote(
    log: MemoryLog, follow: Follow
) -> None:
    waiting, busy = follow(), follow(permits=0)
    await settle()
    log.write(NOTE, heard=False)
    assert waiting.seen == busy.seen == []
    follow()
    await settle()
    assert waiting.seen == busy.seen == [1]


async def test_what_another_process_writes_comes_soon_whoever_joins_or_rings_meanwhile(
    log: MemoryLog, follow: Follow, clock: FakeClock, hub: Hub
) -> None:
    log.write(NOTE, heard=False)
    follower = follow()
    await settle()
    for seq in range(2, 40):
        log.write(NOTE, heard=False)
        if seq % 6 == 0:
            follow()
        if seq % 10 == 0:
            hub.notify(TASK)  # such as for a stop that is asked for here
        await clock.advance(2 * POLLING.first_s)
        assert follower.seen[-1] == seq


async def test_who_leaves_takes_nothing_from_the_others_and_the_last_leaves_nothing_running(
    log: MemoryLog, follow: Follow, clock: FakeClock, hub: Hub
) -> None:
    leaving, staying = follow(), follow()
    await settle()
    await leaving.leave()
    log.write(NOTE)
    await settle()
    assert (leaving.seen, staying.seen) == ([], [1])
    await staying.leave()
    assert (hub.topics, clock.sleeping) == (0, 0)


async def test_every_follower_hears_that_the_store_is_away_and_may_follow_again(
    log: MemoryLog, follow: Follow, clock: FakeClock
) -> None:
    followers = [follow() for _ in range(3)]
    await settle()
    log.away = True
    log.write(NOTE, END)
    await settle()
    assert [follower.outages for follower in followers] == [1, 1, 1]
    log.away = False
    await clock.advance(1)
    assert all(follower.seen == [1, 2] and follower.ended for follower in followers)


class Play:
    """What may happen to one log and its followers, to be done in any order."""

    def __init__(self) -> None:
        self.hub, self.clock = Hub(), FakeClock()
        self.log = MemoryLog(self.hub, self.clock)
        self.feed = Feed(self.log, self.hub, self.clock, Polling(0.25, 1.0, heard_s=4.0, keep=6))
        self.staying: list[Follower] = []
        self.left: list[Follower] = []

    async def append(self, count: int, where: int) -> None:
        self.log.write(*[NOTE] * count, heard=where % 2 == 0)

    async def join(self, part: int, permits: int) -> None:
        after = len(self.log.events) * part // 25
        self.staying.append(Follower(self.feed, self.clock, after, permits))

    async def leave(self, which: int, _: int) -> None:
        if self.staying:
            self.left.append(self.staying.pop(which % len(self.staying)))
            await self.left[-1].leave()

    async def allow(self, which: int, count: int) -> None:
        if self.staying:
            self.staying[which % len(self.staying)].allow(count)

    async def outage(self, begins: int, _: int) -> None:
        self.log.away = begins % 2 == 0

    async def time(self, tenths: int, _: int) -> None:
        await self.clock.advance(tenths / 10)

    async def turns(self, count: int, _: int) -> None:
        await settle(count)

    async def end(self) -> None:
        """The log ends, everything works, and everybody who stayed has read it all."""
        self.log.away = False
        self.log.write(END, heard=False)
        for follower in self.staying:
            follower.allow(len(self.log.events))
        await in_time(self.clock, lambda: all(each.ended for each in self.staying), step_s=5)


HAPPENINGS = st.tuples(
    st.sampled_from(["append", "append", "join", "leave", "allow", "outage", "time", "turns"]),
    st.integers(0, 25),
    st.integers(0, 5),
)


@settings(max_examples=300, deadline=None)
@given(script=st.lists(HAPPENINGS, max_size=60))
def test_each_follower_sees_exactly_what_is_behind_its_cursor_once_and_in_order(
    script: list[tuple[str, int, int]],
) -> None:
    """Whatever the order of appends, joining, leaving, dawdling and outages."""

    async def run() -> None:
        play = Play()
        for name, one, two in script:
            await getattr(play, name)(one, two)
        await play.end()
        last = len(play.log.events)
        for each in play.staying:
            assert each.seen == list(range(each.after + 1, last + 1))
        for each in play.left:
            assert each.seen == list(range(each.after + 1, last + 1))[: len(each.seen)]
        assert (play.hub.topics, play.clock.sleeping, len(asyncio.all_tasks())) == (0, 0, 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", 4)
        asyncio.run(run())

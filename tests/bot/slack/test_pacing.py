"""The lanes: never more than Slack allows, on a clock of the test's."""

from hypothesis import given
from hypothesis import strategies as st

from agents.testing import FakeClock
from bot.slack.pacing import CHANNEL_GAP_S, EDITS, POSTS, Lane, Rate


async def drive(lane: Lane, clock: FakeClock, waits: list[tuple[float, int, bool]]) -> list[float]:
    """Send whenever it is allowed, to these channels; answers when it was."""
    times = []
    for pause_s, channel, final in waits:
        await clock.advance(pause_s)
        await clock.advance(lane.wait_s(f"C{channel}", final=final) + 1e-6)
        lane.take(f"C{channel}")
        times.append(clock.monotonic())
    return times


wait = st.tuples(
    st.sampled_from([0.0, 0.0, 0.0, 0.5, 5.0, 60.0]), st.integers(0, 40), st.booleans()
)


@given(st.lists(wait, min_size=60, max_size=120))
async def test_no_minute_holds_more_than_slack_allows(waits: list[tuple[float, int, bool]]) -> None:
    for rate, most in ((EDITS, 50), (POSTS, 300)):
        clock = FakeClock()
        times = await drive(Lane(clock, rate), clock, waits * (1 + most // len(waits)))
        assert len(times) > most
        assert all(b - a >= 60 for a, b in zip(times, times[most:], strict=False))


async def test_a_process_that_takes_over_stays_within_the_minute_of_the_one_before() -> None:
    clock = FakeClock()
    at_once = [(0.0, number, True) for number in range(46)]
    await clock.advance(600)
    first = Lane(clock, EDITS)
    await clock.advance(600)
    times = await drive(first, clock, at_once[:40])
    times += await drive(Lane(clock, EDITS), clock, at_once)

    assert all(b - a >= 60 for a, b in zip(times, times[50:], strict=False))


async def test_the_reserve_is_for_finals_and_a_channel_takes_one_a_second() -> None:
    clock = FakeClock()
    lane = Lane(clock, Rate(per_minute=60, burst=4, reserve=2, first=2))
    assert lane.wait_s("C1", final=False) == 1.0
    assert lane.wait_s("C1", final=True) == 0.0
    lane.take("C1")
    assert lane.wait_s("C1", final=True) == CHANNEL_GAP_S
    assert lane.wait_s("C2", final=True) == 0.0


async def test_what_slack_asks_for_holds_back_every_channel() -> None:
    clock = FakeClock()
    lane = Lane(clock, POSTS)
    lane.hold_back(30)
    assert lane.wait_s("C1", final=True) > 30
    lane.hold_back(5)
    assert lane.wait_s("C9", final=True) > 30, "a shorter wait does not end a longer one"
    await clock.advance(32)
    assert lane.wait_s("C1", final=True) == 0.0

"""The campaigns `sse-drops` and `slow-readers`, small.

How long events take to get to a reader is the campaign's own matter: a test beside others cannot say it.
"""

import asyncio

from tests.campaigns import slow_readers, sse_drops


async def test_no_cut_and_no_kill_costs_a_reader_a_frame_on_either_store() -> None:
    played = await asyncio.gather(
        sse_drops.run(seed=1, size=20, store="sqlite"),
        sse_drops.run(seed=2, size=10, store="convex"),
    )

    for figures in played:
        assert figures["ok"], figures
        assert {figures[fault] for fault in sse_drops.FAULTS} == {0}
        assert figures["broken"] != 0, "the kill hit no stream"


async def test_readers_that_stop_are_dropped_and_cost_the_others_nothing() -> None:
    figures = await slow_readers.run(seed=1, size=3, store="sqlite")

    assert (figures["kept"], figures["unread"], figures["complaints"]) == (0, 0, 0), figures
    assert float(str(figures["rss_growth_mb"])) < slow_readers.RSS_GROWTH_MB
    assert float(str(figures["dropped_within_s"])) < 2 * slow_readers.DROPPED_WITHIN_S

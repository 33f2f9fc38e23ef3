"""The campaign `takeover`, small, over both stores; they are played at the same time."""

import asyncio

from tests.campaigns.takeover import BOUNDS, SEEN, run


async def test_what_killed_workers_held_is_taken_over_once_on_either_store() -> None:
    played = await asyncio.gather(
        run(seed=1, size=10, store="sqlite"), run(seed=1, size=10, store="convex")
    )

    for figures in played:
        assert figures["ok"], figures
        assert {figures[kind] for kind in (*BOUNDS, *SEEN)} == {0}
        assert figures["tasks"] == 10
        assert figures["kills"] == 2
        assert figures["takeovers"] != 0, "no kill hit anything"

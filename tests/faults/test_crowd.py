"""The campaign `crowd`, small, over both stores; they are played at the same time."""

import asyncio

from tests.campaigns.crowd import BOUNDS, run


async def test_nothing_crosses_over_between_threads_of_three_workspaces_at_two_processes() -> None:
    played = await asyncio.gather(
        run(seed=1, size=8, store="sqlite"), run(seed=2, size=8, store="convex")
    )

    for figures in played:
        assert figures["ok"], figures
        assert {figures[bound] for bound in BOUNDS} == {0}
        assert figures["threads"] == 8

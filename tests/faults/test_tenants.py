"""The campaign `tenants`, small, over both stores; the deployment's functions have tests of their own."""

import asyncio

from tests.campaigns.tenants import BOUNDS, play


async def test_nobody_gets_at_what_is_anothers_with_a_real_token_on_either_store() -> None:
    played = await asyncio.gather(play(size=4, store="sqlite"), play(size=3, store="convex"))

    for figures in played:
        assert {figures[bound] for bound in BOUNDS} == {0}, figures
        assert figures["requests"] > 500

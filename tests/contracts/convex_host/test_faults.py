"""Each fault of the loopback Convex does to a call what it is named after."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.contracts.convex_host.client import SAMPLE, Convex
from tests.fakes.convex import start_host

NEVER_S = 0.2


@pytest.mark.parametrize(("kind", "status"), [("unavailable", 503), ("rate_limited", 429)])
async def test_a_refused_call_was_not_executed(convex: Convex, kind: Any, status: int) -> None:
    await convex.host.set_fault(kind, convex.name)
    got, text = await convex.post("/api/mutation", {"path": "notes:add", "args": {"text": "a"}})
    await convex.host.clear_faults()

    assert got == status
    assert set(json.loads(text)) == {"code", "message"}
    assert await convex.count() == 0


async def test_a_slow_call_is_executed_late(convex: Convex) -> None:
    await convex.host.set_fault("slow", convex.name, ms=200, only=["notes:add"])
    adding = asyncio.gather(convex.value("mutation", "add", text="a"))
    before = await convex.count()
    await adding

    assert (before, await convex.count()) == (0, 1)


async def test_a_call_that_hangs_has_no_answer_and_no_effect(convex: Convex) -> None:
    await convex.host.set_fault("hang", convex.name)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(NEVER_S):
            await convex.value("mutation", "add", text="a")
    await convex.host.clear_faults()

    assert await convex.count() == 0


async def test_a_reset_call_was_not_executed(convex: Convex) -> None:
    await convex.host.set_fault("reset", convex.name)
    with pytest.raises(aiohttp.ClientError):
        await convex.value("mutation", "add", text="a")
    await convex.host.clear_faults()

    assert await convex.count() == 0


async def test_a_lossy_line_executes_every_mutation_once_and_loses_every_nth_answer(
    convex: Convex,
) -> None:
    await convex.host.set_fault("lossy", convex.name, every=3)
    ends = []
    for _ in range(6):
        try:
            await convex.value("mutation", "add", text="a")
            ends.append("answered")
        except aiohttp.ClientError:
            ends.append("lost")

    assert ends == ["answered", "answered", "lost"] * 2
    assert await convex.count() == 6  # a query is never lost


async def test_a_lossy_line_lets_the_same_call_through_after_most_losses(convex: Convex) -> None:
    await convex.host.set_fault("lossy", convex.name, every=1, most=2)
    ends = []
    for text in ("a", "a", "a", "b"):
        try:
            await convex.value("mutation", "add", text=text)
            ends.append("answered")
        except aiohttp.ClientError:
            ends.append("lost")

    assert ends == ["lost", "lost", "answered", "lost"]


async def test_a_fault_ends_after_its_times_and_befalls_only_its_functions(
    convex: Convex,
) -> None:
    other = replace(convex, name=f"{convex.name}-other")
    await convex.host.set_fault("unavailable", convex.name, times=2, only=["notes:add"])

    await other.value("mutation", "add", text="a")
    await convex.count()
    add = {"path": "notes:add", "args": {"text": "a"}}
    statuses = [(await convex.post("/api/mutation", add))[0] for _ in range(3)]

    assert statuses == [503, 503, 200]


async def test_a_convex_that_was_away_is_back_with_its_data(convex: Convex, issuer: str) -> None:
    with start_host(convex_dir=SAMPLE, env={"SAMPLE_OIDC": issuer}) as own:
        there = replace(convex, host=own)
        await there.value("mutation", "add", text="kept")
        await own.stop_listening()
        await own.stop_listening()
        with pytest.raises(aiohttp.ClientConnectorError):
            await there.count()
        await own.listen_again()

        assert await there.count() == 1

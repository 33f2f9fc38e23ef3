"""The loopback Convex holds the limits that convex-test does not, and tells the time it is told."""

import asyncio
from typing import Any

import pytest

from tests.contracts.convex_host.client import CALL, FEW_S, MIB, Convex, is_redacted, now


def nested(levels: int) -> Any:
    return [] if levels == 1 else [nested(levels - 1)]


@pytest.mark.parametrize(
    ("fits", "does_not"),
    [
        ("x" * (MIB - 200), "x" * MIB),
        ([0] * 8192, [0] * 8193),
        ({f"f{n}": 0 for n in range(1024)}, {f"f{n}": 0 for n in range(1025)}),
        (nested(15), nested(16)),
        ({"a b-c.d": 1}, {"": 1}),
        ({"a$": 1}, {"$a": 1}),
        ({"a_": 1}, {"_a": 1}),
        ({"cle": 1}, {"clé": 1}),
        ({"a": {"b": 1}}, {"a": {"b\n": 1}}),
    ],
    ids=["document", "array", "fields", "nesting", "empty", "dollar", "underscore", "é", "control"],
)
async def test_a_document_is_held_to_convexs_limits(
    convex: Convex, fits: Any, does_not: Any
) -> None:
    note = await convex.value("mutation", "add", text="a", extra=fits)

    assert is_redacted(await convex.call("mutation", "add", text="b", extra=does_not))
    assert is_redacted(await convex.call("mutation", "patch", id=note, extra=does_not))
    assert await convex.count() == 1
    assert (await convex.value("query", "find", text="a"))["extra"] == fits


async def test_a_patch_is_measured_by_the_document_that_it_makes(convex: Convex) -> None:
    note = await convex.value("mutation", "add", text="x" * (MIB * 3 // 4))

    for _ in range(3):
        await convex.value("mutation", "patch", id=note, extra="y" * (MIB // 5))
    answer = await convex.call("mutation", "patch", id=note, extra="y" * (MIB // 3))

    assert is_redacted(answer)
    assert (await convex.host.stats(convex.name)).largest_bytes < MIB


async def test_a_return_value_is_held_to_convexs_limits(convex: Convex) -> None:
    assert len(await convex.value("query", "make", items=8192)) == 8192
    assert is_redacted(await convex.call("query", "make", items=8193))


async def test_the_time_of_a_request_is_what_its_header_says(convex: Convex) -> None:
    past = convex.with_header("X-Host-Now", "1000000")
    times = [past.value("query", "now"), convex.value("query", "now")] * 5

    seen = await asyncio.gather(*times)

    assert set(seen[::2]) == {1_000_000}
    assert all(abs(time / 1000 - now()) < 10 for time in seen[1::2])
    old = convex.host.service_token(iat=900, exp=1100)
    assert await past.as_bearer(old).count() == 0
    assert (await convex.as_bearer(old).post("/api/query", CALL))[0] == 401


async def test_what_a_request_has_scheduled_runs_later_by_its_time(convex: Convex) -> None:
    past = convex.with_header("X-Host-Now", "1000000")
    await past.value("mutation", "addLater", ms=50)

    async with asyncio.timeout(FEW_S):
        while (note := await convex.value("query", "find", text="later")) is None:
            pass

    assert 1_000_050 <= note["at"] < 1_010_000


async def test_a_time_that_is_none_is_refused(convex: Convex) -> None:
    assert (await convex.with_header("X-Host-Now", "soon").post("/api/query", CALL))[0] == 400

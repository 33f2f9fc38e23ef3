"""A deployment of the loopback Convex stands alone, and its host comes and goes cleanly."""

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from tests.contracts.convex_host.client import SAMPLE, Convex
from tests.fakes.convex import ROOT, HostError, start_host


async def test_a_deployment_sees_nothing_of_another(convex: Convex) -> None:
    other = replace(convex, name=f"{convex.name}-other")
    await asyncio.gather(
        *(convex.value("mutation", "add", text="here") for _ in range(20)),
        *(other.value("mutation", "add", text="there") for _ in range(10)),
    )

    assert (await convex.count(), await other.count()) == (20, 10)
    assert await other.value("query", "find", text="here") is None


async def test_without_a_prefix_it_is_the_root_deployment(convex: Convex) -> None:
    await convex.value("mutation", "add", text="here")

    body = {"path": "notes:count", "args": {}}
    async with convex.http.post(f"{convex.host.url}/api/query", json=body) as answer:
        assert await answer.json() == {"status": "success", "value": 0}


async def test_a_deployment_that_is_reset_starts_empty(convex: Convex) -> None:
    await convex.value("mutation", "add", text="gone")
    await convex.host.reset(convex.name)

    assert await convex.count() == 0


async def test_the_figures_of_a_deployment_are_its_own(convex: Convex) -> None:
    note = await convex.value("mutation", "add", text="x" * 1000)
    await convex.value("mutation", "patch", id=note, extra="y" * 5000)
    await convex.value("mutation", "add", text="x" * 2000)

    stats = await convex.host.stats(convex.name)

    assert stats.calls == {"notes:add": 2, "notes:patch": 1}
    assert stats.documents == {"notes": 2}
    assert stats.largest_table == "notes"
    assert 6000 < stats.largest_bytes < 6200


async def test_a_cron_runs_when_it_is_told_to(convex: Convex) -> None:
    await convex.value("mutation", "add", text="old")
    await convex.host.run_cron("wipe", convex.name)

    assert await convex.count() == 0
    with pytest.raises(HostError, match="no cron"):
        await convex.host.run_cron("wiep", convex.name)


async def test_the_time_that_is_let_pass_is_a_deployments_own(convex: Convex) -> None:
    other = replace(convex, name=f"{convex.name}-other")
    began = await convex.value("query", "now")
    await convex.host.let_pass(3_600, convex.name)
    await convex.host.let_pass(3_600, convex.name)

    later, elsewhere = await convex.value("query", "now"), await other.value("query", "now")

    assert 7_200_000 <= later - began < 7_260_000
    assert elsewhere - began < 60_000
    past = convex.with_header("X-Host-Now", "1000000")
    assert await past.value("query", "now") == 1_000_000 + 7_200_000


async def test_a_missing_variable_of_the_auth_config_refuses_the_start() -> None:
    message = "Environment variable SAMPLE_OIDC is used in auth config file but its value was not"

    with pytest.raises(HostError, match=message), start_host(convex_dir=SAMPLE):
        pass


async def test_a_host_ends_with_whoever_started_it_and_leaves_nothing(issuer: str) -> None:
    before = {*ROOT.iterdir(), *SAMPLE.rglob("*")}
    with start_host(convex_dir=SAMPLE, env={"SAMPLE_OIDC": issuer}) as running:
        url = running.url

    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(url)
    assert {*ROOT.iterdir(), *SAMPLE.rglob("*")} == before

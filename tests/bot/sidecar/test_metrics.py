"""`/metrics`: who may read it, and that it names nobody."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.bootstrap import running
from bot.config import Settings
from bot.services.principals import NotSignedIn, Principal
from bot.sidecar.deps import DEPS
from tests.fakes.sidecar import RunningSidecar, frames, running_sidecar

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def samples(sidecar: RunningSidecar) -> Samples:
    async with sidecar.http.get("/metrics") as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        text = await answer.text()
    found = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for s in found}


def requests(found: Samples) -> dict[tuple[str, ...], float]:
    """(method, route, status) -> count."""
    return {
        tuple(value for _, value in labels): count
        for (name, labels), count in found.items()
        if name == "zapdev_http_requests_total"
    }


async def test_requests_are_counted_by_the_pattern_of_their_route(sidecar: RunningSidecar) -> None:
    started = await sidecar.built_project()
    for project in (started["projectId"], "proj_nobody", "proj_other"):
        async with sidecar.http.get(f"/api/projects/{project}") as answer:
            assert answer.status in (200, 404)
    for path in ("/nothing", "/nothing/else"):
        async with sidecar.http.get(path) as answer:
            assert answer.status == 404
    async with sidecar.http.request("DELETE", "/coffee") as answer:
        assert answer.status == 404
    found = await samples(sidecar)
    assert requests(found) == {
        ("POST", "/api/generate", "202"): 1,
        ("GET", "/api/projects/{project_id}", "200"): 1,
        ("GET", "/api/projects/{project_id}", "404"): 2,
        ("GET", "unknown", "404"): 2,
        ("other", "unknown", "404"): 1,
    }
    assert started["projectId"] not in str(found)


async def test_streams_are_counted_while_they_are_open(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task()
    path = f"/api/stream-progress?taskId={started['taskId']}"
    async with sidecar.http.get(path) as answer:
        await anext(frames(answer))
        found = await samples(sidecar)
        assert found["zapdev_sse_clients", ()] == 1
        assert found["zapdev_sse_resumes_total", ()] == 0
    await sidecar.worker.take()
    async with sidecar.http.get(f"{path}&after=1") as answer:
        await anext(frames(answer))
        assert (await samples(sidecar))["zapdev_sse_resumes_total", ()] == 1


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_behind_a_proxy_there_is_nothing(sidecar: RunningSidecar, header: str) -> None:
    async with sidecar.http.get("/metrics", headers={header: "127.0.0.1"}) as answer:
        assert answer.status == 404


async def test_under_a_public_name_there_is_nothing(tmp_path: Path) -> None:
    url = "https://apps.example.org"
    async with (
        running_sidecar(tmp_path / "z.db", public_url=url) as sidecar,
        sidecar.http.get("/metrics", headers={"Host": "apps.example.org"}) as answer,
    ):
        assert answer.status == 404


class Nobody:
    """Signs nobody in."""

    async def verify(self, token: str) -> Principal:
        raise NotSignedIn("token_malformed", token)


@pytest.mark.parametrize(
    "changes",
    [{"public_url": "https://apps.example.org"}, {"proxies": 1}, {"sign_in": Nobody()}],
    ids=["public", "proxies", "sign-in"],
)
async def test_a_server_for_others_shows_nothing_without_a_token(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    async with (
        running_sidecar(tmp_path / "z.db", **changes) as sidecar,
        sidecar.http.get("/metrics") as answer,
    ):
        assert answer.status == 404


async def test_a_public_address_of_this_machine_hides_nothing(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "z.db", public_url="http://localhost:8787") as sidecar:
        assert await samples(sidecar)


async def test_with_a_token_set_the_token_alone_counts(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "z.db", metrics_token="scrape") as sidecar:
        for given, status in [("", 404), ("Bearer other", 404), ("scrape", 404)]:
            async with sidecar.http.get("/metrics", headers={"Authorization": given}) as answer:
                assert answer.status == status
        headers = {"Authorization": "Bearer scrape", "X-Forwarded-For": "192.0.2.1"}
        async with sidecar.http.get("/metrics", headers=headers) as answer:
            assert answer.status == 200


async def test_the_running_program_counts_in_one_place(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "metrics_token": "scrape"})
    async with running(settings, roles=frozenset()) as services:
        deps = services.sidecar()[DEPS]
        assert deps.metrics is services.metrics
        assert deps.metrics_token == "scrape"

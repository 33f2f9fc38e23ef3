from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.sidecar import RunningSidecar, running_sidecar


async def test_the_server_says_that_it_lives_and_what_it_runs_on(sidecar: RunningSidecar) -> None:
    assert await sidecar.get("/healthz") == {"ok": True, "version": "0.1.0"}
    assert await sidecar.get("/readyz") == {"ready": True, "checks": {"store": "ok"}}
    assert await sidecar.get("/api/info") == {
        "version": "0.1.0",
        "model": "offline",
        "offline": True,
        "sandbox": "local",
        "frameworks": ["nextjs", "react", "vue", "angular", "svelte"],
        "models": ["auto", "openai/gpt-4o"],
        "signIn": None,
    }


async def test_a_part_that_does_not_answer_makes_the_server_unready(tmp_path: Path) -> None:
    async def ready() -> Mapping[str, str | None]:
        return {"store": None, "sandbox": "bubblewrap is missing"}

    async with (
        running_sidecar(tmp_path / "zapdev.db", ready=ready) as sidecar,
        sidecar.http.get("/readyz") as answer,
    ):
        assert answer.status == 503
        assert await answer.json() == {
            "ready": False,
            "checks": {"store": "ok", "sandbox": "bubblewrap is missing"},
        }


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html"),
        ("/client.js", "text/javascript"),
        ("/page/app.js", "text/javascript"),
        ("/page/style.css", "text/css"),
        ("/page/icon.svg", "image/svg+xml"),
    ],
)
async def test_the_page_is_served_and_revalidated(
    sidecar: RunningSidecar, path: str, content_type: str
) -> None:
    async with sidecar.http.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, content_type)
        etag = answer.headers["ETag"]
        assert answer.headers["Cache-Control"] == "no-cache"
    async with sidecar.http.get(path, headers={"If-None-Match": etag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with sidecar.http.get(path, headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/page/", "/page/../deps.py", "/page/%2e%2e/deps.py", "/page"])
async def test_nothing_else_of_the_package_is_served(sidecar: RunningSidecar, path: str) -> None:
    async with sidecar.http.get(path) as answer:
        assert answer.status == 404

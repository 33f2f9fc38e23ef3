"""`/p/{key}`: to the app, or a page that says how far it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from agents.types import ProjectId
from bot.services.app_hosts import AppHosts
from bot.services.previews import Asleep, Awake, PreviewLinks
from bot.services.tasks import LOCAL_OWNER
from tests.fakes.previews import ScriptedPreviews
from tests.fakes.sidecar import RunningSidecar, running_sidecar


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[tuple[RunningSidecar, ScriptedPreviews]]:
    stand = ScriptedPreviews()
    hosts = frozenset({"apps.example.com"})
    at = tmp_path / "zapdev.db"
    async with running_sidecar(at, previews=stand, allowed_hosts=hosts) as sidecar:
        started = await sidecar.built_project()
        project_id = ProjectId(started["projectId"])
        stand.project = await sidecar.store.project(LOCAL_OWNER, project_id)
        yield sidecar, stand


async def ask(
    sidecar: RunningSidecar, key: str = "the-key", host: str = ""
) -> tuple[int, str, str]:
    """Status, where it leads, and what the page says."""
    headers = {"Host": host} if host else {}
    async with sidecar.http.get(f"/p/{key}", headers=headers, allow_redirects=False) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer", "the link is a key"
        return answer.status, answer.headers.get("Location", ""), await answer.text()


async def test_an_app_that_runs_is_led_to(stand: tuple[RunningSidecar, ScriptedPreviews]) -> None:
    sidecar, app = stand
    app.standing = Awake("http://127.0.0.1:4444")
    assert (await ask(sidecar))[:2] == (302, "http://127.0.0.1:4444")


async def test_one_that_wakes_says_how_far_it_is_and_asks_again(
    stand: tuple[RunningSidecar, ScriptedPreviews],
) -> None:
    sidecar, _ = stand
    status, _, page = await ask(sidecar)
    assert (status, "Building it … 2 s" in page) == (200, True)
    assert 'http-equiv="refresh" content="1"' in page
    assert "Bike shop board wakes up" in page


async def test_one_that_cannot_be_shown_says_why_in_words_that_run_nothing(
    stand: tuple[RunningSidecar, ScriptedPreviews],
) -> None:
    sidecar, app = stand
    app.standing = Asleep("It does not start any more: <script>alert(1)</script>")
    status, _, page = await ask(sidecar)
    assert (status, "<script" in page) == (503, False)
    assert "refresh" not in page
    assert "&lt;script&gt;" in page


async def test_a_link_that_was_renewed_looks_like_one_that_never_was(
    stand: tuple[RunningSidecar, ScriptedPreviews],
) -> None:
    sidecar, _ = stand
    for key in ("another", "the-key2", "é"):
        status, _, page = await ask(sidecar, key)
        assert (status, "There is no app here" in page) == (404, True)


async def test_what_runs_on_this_machine_is_not_woken_from_another_one(
    stand: tuple[RunningSidecar, ScriptedPreviews],
) -> None:
    sidecar, app = stand
    app.standing = Awake("http://127.0.0.1:4444")
    for headers in ({"Host": "apps.example.com"}, {"X-Forwarded-For": "203.0.113.7"}):
        async with sidecar.http.get("/p/the-key", headers=headers) as answer:
            page = await answer.text()
            assert (answer.status, "opens only there" in page) == (403, True)
            assert "ZAPDEV_APPS_URL" in page, "who runs it reads what to do"
    assert app.opened == 0
    app.standing, app.only_here = Awake("https://5173-x.e2b.app"), False
    assert (await ask(sidecar, host="apps.example.com"))[0] == 302
    async with sidecar.http.head("/p/the-key") as answer:
        assert answer.status == 405, "who only looks at a link's head wakes nothing"


async def test_where_apps_have_hosts_the_link_leads_to_the_apps_own_from_everywhere(
    tmp_path: Path,
) -> None:
    app = ScriptedPreviews(standing=Awake("http://127.0.0.1:4444"))
    async with running_sidecar(
        tmp_path / "zapdev.db",
        previews=app,
        app_hosts=AppHosts("https://{key}.apps.test"),
        allowed_hosts=frozenset({"zapdev.example.com"}),
    ) as sidecar:
        started = await sidecar.built_project()
        app.project = await sidecar.store.project(LOCAL_OWNER, ProjectId(started["projectId"]))
        for host in ("", "zapdev.example.com"):
            assert (await ask(sidecar, host=host))[:2] == (302, "https://the-key.apps.test/")
        app.key = "renewed"
        assert (await ask(sidecar))[0] == 404


async def test_our_own_page_may_frame_it_and_no_other(
    stand: tuple[RunningSidecar, ScriptedPreviews],
) -> None:
    sidecar, _ = stand
    async with sidecar.http.get("/p/the-key") as answer:
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("frame-ancestors 'self'")


async def test_projects_show_their_own_link_and_a_renewed_one_takes_its_place(
    tmp_path: Path,
) -> None:
    async with running_sidecar(tmp_path / "zapdev.db") as sidecar:
        links = PreviewLinks(sidecar.store, "http://127.0.0.1:8787")
        async with running_sidecar(sidecar.store, links=links) as served:
            waiting = await served.start_task()
            assert (await served.get(f"/api/projects/{waiting['projectId']}"))["previewUrl"] is None
            await served.worker.take()
            await served.worker.build(preview_url="http://127.0.0.1:4444")
            path = f"/api/projects/{waiting['projectId']}"
            link = (await served.get(path))["previewUrl"]
            assert link.startswith("http://127.0.0.1:8787/p/")
            [listed] = (await served.get("/api/projects"))["projects"]
            [version] = (await served.get(f"{path}/fragments"))["fragments"]
            assert (listed["previewUrl"], version["previewUrl"]) == (link, link)

            async with served.http.post(f"{path}/preview-link", json={}) as answer:
                renewed = (await answer.json())["previewUrl"]
            assert renewed != link
            assert (await served.get(path))["previewUrl"] == renewed
            async with served.http.post("/api/projects/proj_none/preview-link", json={}) as answer:
                assert answer.status == 404


async def test_without_previews_there_is_no_such_address(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "zapdev.db") as sidecar:
        async with sidecar.http.get("/p/the-key") as answer:
            assert answer.status == web.HTTPNotFound.status_code
        async with sidecar.http.post("/api/projects/proj_1/preview-link", json={}) as answer:
            assert answer.status == 404

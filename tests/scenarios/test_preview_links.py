"""A link that does not die: the real program, a real sandbox, and a restart in between."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from agents.types import Framework
from tests.fakes.e2b.faults import LOSE_FILES
from tests.fakes.e2b.server import serving_e2b
from tests.fakes.e2b.templates import offer
from tests.fakes.server import Server, free_port, serving

PROMPT = "A kanban board for a bike shop"
WORDS = "Kanban board for a bike shop"
WAKES_S = 150.0


async def look(server: Server, link: str) -> tuple[int, str, str]:
    """What a browser shows that follows the link: status, address and page."""
    url = f"{server.url}{urlsplit(link).path}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, str(answer.url), await answer.text()


async def follow(server: Server, link: str) -> list[tuple[int, str, str]]:
    """What is shown until the link leads to the app, which has an origin of its own."""
    seen = []
    async with asyncio.timeout(WAKES_S):
        while True:
            seen.append(await look(server, link))
            if not seen[-1][1].startswith(server.url):
                return seen
            await asyncio.sleep(0.2)  # as the page asks again


async def test_of_two_processes_here_neither_builds_what_the_other_one_runs(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data") as one:
        done = (await one.generate(PROMPT, framework="react"))[-1].data
        link = done["previewUrl"]
        first = await look(one, link)
        async with serving(tmp_path / "data") as two:
            for _ in range(3):
                assert await look(two, link) == first
                assert await look(one, link) == first
            assert not [box for box in two.boxes() if (box / "app" / "dist").exists()]
            await one.kill()
            *_, woken = await follow(two, link)
            assert woken[1] != first[1], "what listens where a dead process did is no app of ours"
            assert two.complaints == []


async def test_at_e2b_an_app_sleeps_while_nobody_serves_it_and_is_never_shown_empty(
    tmp_path: Path,
) -> None:
    async with serving_e2b() as cloud:
        await offer(cloud, Framework.REACT)
        port = free_port()
        settings = cloud.settings | {
            "ZAPDEV_PORT": str(port),
            "ZAPDEV_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        async with serving(tmp_path / "data", **settings) as server:
            link = (await server.generate(PROMPT, framework="react"))[-1].data["previewUrl"]
            first = await look(server, link)
            assert WORDS in first[2]
        assert cloud.running == []
        async with serving(tmp_path / "data", **settings) as server:
            *_, woken = await follow(server, link)
            assert woken == first, "it is the same one, with all its files"
            assert len(cloud.sandboxes) == 1
            assert server.complaints == []

        cloud.faults.at("connect", LOSE_FILES)
        async with serving(tmp_path / "data", **settings) as server:
            *_, rebuilt = await follow(server, link)
            assert WORDS in rebuilt[2]
            assert rebuilt[1] != first[1]
            assert len(cloud.running) == 1
            assert server.complaints == []


async def test_a_link_wakes_its_app_after_a_restart_until_it_is_renewed(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        frames = await server.generate(PROMPT, framework="react")
        done = frames[-1].data
        link, project = done["previewUrl"], f"/api/projects/{done['projectId']}"
        assert link.startswith(f"{server.url}/p/")
        status, at, page = await look(server, link)
        assert (status, WORDS in page) == (200, True)
        assert not at.startswith(server.url), "the app has an origin of its own"
        assert (await server.get(project))["previewUrl"] == link

    async with serving(tmp_path / "data") as server:
        *waiting, (_, _, page) = await follow(server, link)
        assert waiting
        assert all((status, "wakes up" in page) == (200, True) for status, _, page in waiting)
        assert WORDS in page

        async with server.http.post(f"{project}/preview-link", json={}) as answer:
            renewed = (await answer.json())["previewUrl"]
        assert (await look(server, link))[0] == 404
        assert WORDS in (await look(server, renewed))[2]
        assert server.complaints == []

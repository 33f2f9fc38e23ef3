"""A link that does not die: the real program, a real sandbox, and a restart in between."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from tests.fakes.server import Server, serving

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

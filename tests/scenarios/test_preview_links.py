"""A link that does not die: the real program, a real sandbox, and a restart in between."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from tests.fakes.server import Server, serving

PROMPT = "A kanban board for a bike shop"
WORDS = "Kanban board for a bike shop"
WAKES_S = 60.0


async def look(server: Server, link: str) -> tuple[int, str, str]:
    """What a browser shows that follows the link: status, address and page."""
    url = f"{server.url}{urlsplit(link).path}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, str(answer.url), await answer.text()


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
        pages = []
        async with asyncio.timeout(WAKES_S):
            while True:
                status, at, page = await look(server, link)
                pages.append(page)
                if not at.startswith(server.url):
                    break  # the app has an origin of its own
                assert (status, "wakes up" in page) == (200, True), page
                await asyncio.sleep(0.2)  # as the page asks again
        assert len(pages) > 1
        assert WORDS in page

        async with server.http.post(f"{project}/preview-link", json={}) as answer:
            renewed = (await answer.json())["previewUrl"]
        assert (await look(server, link))[0] == 404
        assert WORDS in (await look(server, renewed))[2]
        assert server.complaints == []

"""An import through the front door: a real server, a GitHub on loopback, real sandboxes."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from agents.templates import get_template
from agents.types import Framework
from tests.fakes.github import FakeGitHub
from tests.fakes.quick_app import WORDS, quick_app
from tests.fakes.server import Frame, Server, frames, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "ghp_abcdefghij0123456789ABCDEFGHIJ"
MAIN = "console.log('bikes');\n"


def app(**changes: str) -> Mapping[str, str | bytes]:
    """A small app of Vite and React with the template's packages, so that nothing is fetched."""
    template = get_template(Framework.REACT).files
    own = {"src/main.ts": MAIN, "index.html": PAGE}
    return {**template, **quick_app(), **own, **changes}


PAGE = f'<!doctype html><h1>{WORDS}</h1><script type="module" src="/src/main.ts"></script>\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def github() -> AsyncIterator[FakeGitHub]:
    async with FakeGitHub(apart=False) as running:
        running.add(
            "acme/bikes", app(**{".env": "KEY=1", "src/key.ts": f"export default '{SECRET}'\n"})
        )
        running.add("acme/private", {f"apps/web/{p}": c for p, c in app().items()}, private=True)
        running.add("acme/broken", app(**{"src/main.ts": "console.log('bikes;\n"}))
        running.add("acme/snakes", {"main.py": "print()\n"})
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    github: FakeGitHub, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("import") / "data"
    async with serving(folder, GITHUB_API_URL=github.url, GITHUB_TOKEN=github.token) as running:
        yield running


async def imported(server: Server, url: str) -> list[Frame]:
    async with server.http.post("/api/import/github/process", json={"url": url}) as answer:
        assert answer.status == 200, await answer.text()
        return [frame async for frame in frames(answer)]


def last(seen: list[Frame]) -> dict[str, Any]:
    return seen[-1].data


async def test_a_repository_becomes_a_running_app_of_its_own_code(
    server: Server, github: FakeGitHub
) -> None:
    seen = await imported(server, "acme/bikes")
    done = last(seen)
    assert done["type"] == "complete", done
    assert done["title"] == "bikes"
    assert done["files"]["src/main.ts"] == MAIN
    assert done["files"]["src/key.ts"] == "export default '[redacted]'\n"
    assert ".env" not in done["files"]
    async with aiohttp.ClientSession() as http, http.get(done["previewUrl"]) as answer:
        assert WORDS in await answer.text()
    [told] = [frame.data for frame in seen if frame.type == "import"]
    assert told["title"].startswith("React 19")
    assert {left["path"] for left in told["leftOut"]} >= {".env", "src/key.ts"}
    assert SECRET not in str([frame.data for frame in seen])

    project_id = seen[0].data["projectId"]
    answer_to_it = last(await server.generate("Is this a shop?", projectId=project_id))
    assert answer_to_it["type"] == "complete"
    assert answer_to_it["previewUrl"] == done["previewUrl"]
    assert server.complaints == []


async def test_a_folder_of_a_private_repository_is_an_app(server: Server) -> None:
    done = last(await imported(server, "acme/private/apps/web"))
    assert done["type"] == "complete", done
    assert done["title"] == "private: apps/web"
    assert done["files"]["index.html"] == PAGE
    assert done["previewUrl"] is not None


async def test_an_app_that_does_not_build_is_a_project_all_the_same(server: Server) -> None:
    seen = await imported(server, "acme/broken")
    done = last(seen)
    assert done["type"] == "complete", done
    assert done["previewUrl"] is None
    assert "The checks still say:" in done["message"]
    project_id = seen[0].data["projectId"]
    [version] = (await server.get(f"/api/projects/{project_id}/fragments"))["fragments"]
    assert version["title"] == "broken"


async def test_what_cannot_be_imported_fails_in_plain_words(server: Server) -> None:
    failed = last(await imported(server, "acme/snakes"))
    assert (failed["type"], failed["code"]) == ("error", "import_denied")
    assert "mostly Python" in failed["error"]
    assert "build it anew" in failed["hint"]
    gone = last(await imported(server, "acme/gone"))
    assert gone["error"] == "GitHub shows no acme/gone."
    assert server.complaints == []

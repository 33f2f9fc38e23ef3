"""Each framework through the front door, offline model: sentence to verified preview, twice.

`first_s` holds each framework's seconds as this machine was found (its packages may have to be
installed), `warm_s` the seconds right after that. SIZE is how many frameworks, from the first.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from agents.types import Framework
from tests.fakes.server import Server, serving

DEFAULT_SIZE = len(Framework)
PROMPT = "A kanban board for a bike shop"
WORDS = "Kanban board for a bike shop"


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Build and look; `wrong` names what did not end with a page that holds the words."""
    first: dict[str, float] = {}
    warm: dict[str, float] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="zapdev-frameworks-") as folder:
        async with serving(Path(folder) / "data") as server:
            for framework in list(Framework)[:size]:
                for times in (first, warm):
                    began = time.monotonic()
                    problem = await build(server, framework)
                    times[framework] = round(time.monotonic() - began, 1)
                    if problem:
                        wrong.append(f"{framework}: {problem}")
                print(f"{framework}: {first[framework]} s, {warm[framework]} s", file=sys.stderr)
            wrong += server.complaints
    return {"ok": not wrong, "wrong": wrong, "first_s": first, "warm_s": warm}


async def build(server: Server, framework: Framework) -> str:
    """What is wrong with the app that comes out; nothing when it shows the words."""
    frames = await server.generate(PROMPT, framework=framework)
    last = frames[-1].data
    if last["type"] != "complete":
        return f"{last.get('error')} {last.get('hint')}"
    async with aiohttp.ClientSession() as http, http.get(last["previewUrl"]) as answer:
        page = await answer.text()
    if answer.status != 200:
        return f"the preview answers {answer.status}"
    return "" if WORDS in page else "the page does not hold the words"

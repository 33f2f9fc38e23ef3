"""Campaign `imports`: projects of the shapes that people have, imported through the front door.

A real server, real sandboxes, a GitHub on loopback. Green: what the preview answers is a page, and
the files are the repository's. Red: a project without a link, whose files are there. Refused: in
words that say why. SIZE is how many shapes; those beyond the sixth are made by the frameworks' own
scaffolders, and need npm. A shape that takes too long, or cannot be made, is wrong and holds up
nobody; what is begun and what came of it is told on stderr.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.campaigns._import_shapes import SHAPES, Shape
from tests.fakes.github import FakeGitHub, Files
from tests.fakes.server import Frame, Server, frames, serving

DEFAULT_SIZE = len(SHAPES)
AT_ONCE = 3
SHAPE_S = 600.0
"""From the scaffolder's start to the verdict."""


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Import `size` shapes, a few at a time; `wrong` is what did not end as it must."""
    del seed, store
    wrong: dict[str, str] = {}
    seconds: dict[str, float] = {}
    verdicts: dict[str, str] = {}
    slots = asyncio.Semaphore(AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="zapdev-imports-") as folder:
        async with (
            FakeGitHub(apart=False) as github,
            serving(
                Path(folder) / "data", GITHUB_API_URL=github.url, ZAPDEV_WORKERS=str(AT_ONCE)
            ) as server,
        ):

            async def one(number: int, shape: Shape) -> None:
                async with slots:
                    _tell(f"{shape.name}: begun")
                    began = time.monotonic()
                    problem, verdicts[shape.name] = await _in_time(
                        server, github, shape, f"acme/shape{number}"
                    )
                    seconds[shape.name] = round(time.monotonic() - began, 1)
                if problem:
                    wrong[shape.name] = problem
                told = f"WRONG, {problem}" if problem else verdicts[shape.name]
                done = f"{len(seconds)}/{min(size, len(SHAPES))}"
                _tell(f"{done} {shape.name}: {told}, {seconds[shape.name]} s")

            await asyncio.gather(*(one(n, shape) for n, shape in enumerate(SHAPES[:size])))
            complaints = server.complaints
    return {
        "ok": not wrong and not complaints,
        "shapes": len(verdicts),
        "right": len(verdicts) - len(wrong),
        "wrong": wrong,
        "complaints": complaints[:3],
        "verdicts": verdicts,
        "seconds": seconds,
    }


async def _in_time(server: Server, github: FakeGitHub, shape: Shape, name: str) -> tuple[str, str]:
    """What is wrong, and what came of it in a few words; no shape ends the others."""
    try:
        async with asyncio.timeout(SHAPE_S):
            return await _try(server, github, shape, name)
    except TimeoutError:
        return f"not ended after {SHAPE_S:.0f} s", "none"
    except (RuntimeError, OSError, aiohttp.ClientError) as error:
        return f"{type(error).__name__}: {error}", "none"


async def _try(server: Server, github: FakeGitHub, shape: Shape, name: str) -> tuple[str, str]:
    files = await shape.make()
    github.add(name, files).archive = shape.archive
    wanted = {"url": f"{name}/{shape.path}" if shape.path else name}
    async with server.http.post("/api/import/github/process", json=wanted) as answer:
        seen = [frame async for frame in frames(answer)]
    last = seen[-1].data
    if last["type"] == "error":
        words = f"{last['error']} {last['hint']}"
        return ("" if shape.ends in words else words), f"refused: {last['error'][:80]}"
    verdict = "green" if last["previewUrl"] else "red"
    return await _judge(shape, files, seen, verdict), f"{verdict}: {_title(seen)}"


async def _judge(shape: Shape, files: Files, seen: list[Frame], verdict: str) -> str:
    """What is wrong with an import that was completed."""
    last = seen[-1].data
    if verdict != shape.ends:
        return f"{verdict} instead of {shape.ends}: {last['message'][:600]}"
    chosen = [frame.data["framework"] for frame in seen if frame.type == "framework"]
    if chosen != [shape.framework]:
        return f"taken for {chosen}"
    told = str([frame.data for frame in seen if frame.type in ("import", "complete")])
    if shape.told not in told:
        return f"not told: {shape.told}"
    missing = _missing(shape, files, last)
    if missing:
        return f"missing or changed: {missing[:5]}"
    return await _look(last["previewUrl"]) if verdict == "green" else ""


def _missing(shape: Shape, files: Files, last: Mapping[str, Any]) -> list[str]:
    """Files of the repository that the project does not have as they were, but for manifests."""
    prefix = f"{shape.path}/" if shape.path else ""
    there = {**last["files"], **dict.fromkeys(last["binaryFiles"])}
    left = {"next-env.d.ts", ".npmrc", ".env", ".env.example"}
    wrong = []
    for path, content in files.items():
        name = path.removeprefix(prefix)
        if not path.startswith(prefix) or name in left or name == "package.json":
            continue
        text = content if isinstance(content, str) else content.decode(errors="replace")
        if name not in there or there[name] not in (None, text):
            wrong.append(name)
    return wrong


async def _look(url: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        page = await answer.text()
    return "" if answer.status == 200 and "<" in page else f"answers {answer.status}"


def _title(seen: list[Frame]) -> str:
    return next((str(frame.data["title"]) for frame in seen if frame.type == "import"), "")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""Ten tasks at once in one process, each in a real sandbox of its own: nothing crosses over."""

import asyncio
import re
from pathlib import Path

import aiohttp

from agents.events import Recorded
from bot.render.sse import to_wire
from tests.fakes.openrouter import FakeOpenRouter, Reply, Seen, files, paced, text
from tests.fakes.quick_app import quick_app
from tests.fakes.server import Frame, Server, log_of, serving

TASKS = 10
NAMES = [f"orchard-{number}-harbour" for number in range(TASKS)]
NAME = re.compile(r"orchard-\d-harbour")


def answer(seen: Seen) -> Reply:
    """Write the app that this conversation asks for, slowly enough that all ten overlap."""
    [name] = set(NAME.findall(str(seen.body["messages"][1:])))
    if not seen.tools:
        return text(f'{{"title": "{name}", "summary": "About {name}.", "suggestions": []}}')
    if seen.last["role"] == "tool":
        return text(f"Done: {name}. <task_summary>About {name}.</task_summary>")
    app = {**quick_app(name), "src/name.ts": f"export const name = '{name}';\n"}
    return paced(files(app, size=40), 0.02)


async def test_ten_tasks_at_once_all_finish_and_none_sees_anything_of_another(
    tmp_path: Path,
) -> None:
    data_dir = tmp_path / "data"
    async with FakeOpenRouter() as model:
        model.always(answer)
        settings = {"OPENROUTER_BASE_URL": model.base_url, "ZAPDEV_WORKERS": str(TASKS)}
        async with serving(data_dir, **settings) as server:
            runs = await asyncio.gather(*(_build(server, name) for name in NAMES))
            await _look_at_previews(runs)
            assert server.complaints == []
    sandboxes = [f.data["sandboxId"] for run in runs for f in run if f.type == "sandbox"]
    assert len(set(sandboxes)) == len(sandboxes) == TASKS
    logs = [await log_of(data_dir, run[0].data["taskId"]) for run in runs]
    assert max(log[1].at for log in logs) < min(log[-1].at for log in logs), "not at once"
    for name, run, log in zip(NAMES, runs, logs, strict=True):
        _assert_its_own(name, run, log)


async def _build(server: Server, name: str) -> list[Frame]:
    frames = await server.generate(f"A page about {name}", framework="react")
    assert frames[-1].type == "complete", frames[-1].data
    return frames


async def _look_at_previews(runs: list[list[Frame]]) -> None:
    """The previews that are kept show their own page; those that gave way show nothing."""
    shown = 0
    async with aiohttp.ClientSession() as http:
        for name, run in zip(NAMES, runs, strict=True):
            try:
                async with http.get(run[-1].data["previewUrl"]) as page:
                    assert set(NAME.findall(await page.text())) == {name}
                    shown += 1
            except aiohttp.ClientError:
                continue
    assert shown >= TASKS - 2


def _assert_its_own(name: str, run: list[Frame], log: list[Recorded]) -> None:
    assert run[-1].data["title"] == name
    assert set(NAME.findall(str(run[-1].data["files"]))) == {name}
    assert [frame.seq for frame in run] == [r.seq for r in log if to_wire(r) is not None]
    for recorded in log:
        assert recorded.task_id == run[0].data["taskId"]
        assert set(NAME.findall(recorded.model_dump_json())) <= {name}

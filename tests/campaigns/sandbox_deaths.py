"""Sandboxes at E2B die, or E2B refuses, at each stage of a task; a stand-in on loopback is E2B.

`stuck` names rounds without an end, or with one that no person can use; `orphans` is how many
sandboxes ran that serve nobody's preview; `slowest_s` the longest task. Every death but a lasting
refusal has to end in a complete app. SIZE is how many rounds, over the stages in order.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.sandbox.breaker import REST_S
from agents.sandbox.e2b import UNHEARD_S
from agents.types import Framework
from tests.agents.sandbox.tiny import fetch
from tests.fakes.e2b.cloud import plain_image
from tests.fakes.e2b.faults import CUT, DIE, Act, Status
from tests.fakes.e2b.server import StandIn, serving_e2b
from tests.fakes.e2b.templates import offer
from tests.fakes.server import Frame, Server, serving
from tests.fakes.waiting import until

WITHIN_S = 60.0
IMAGE = "zapdev-react"
AWAY = "sandbox_provider_unavailable"
SETTLES_S = UNHEARD_S + 10.0
WORDS = "Kanban board for a bike shop"


@dataclass(frozen=True)
class Stage:
    """One way to lose a sandbox. What lasts ends the task, as `code` says."""

    title: str
    at: str
    act: Act
    when: str = ""
    times: int = 1
    code: str = ""
    bare: bool = False
    """From a template without the app's packages, so that they are installed."""


STAGES = (
    Stage("dies in build", "running", DIE, "npm run build"),
    Stage("dies in write", "upload", DIE),
    Stage("dies in preview", "running", DIE, "vite preview"),
    Stage("E2B refuses for a while", "create", Status(500, "Failed to place sandbox"), times=2),
    Stage("dies while it is made", "start", DIE),
    Stage("dies in lint", "running", DIE, "npm run lint"),
    Stage("is made unheard", "created", CUT),
    Stage("too many creations", "create", Status(429, "slow down", retry_after_s=1)),
    Stage("dies when it is read", "download", DIE),
    Stage("dies in install", "running", DIE, "npm install", bare=True),
    Stage("no creation is ever heard of", "created", CUT, times=99, code=AWAY),
    Stage("E2B is away", "create", Status(503), times=99, code=AWAY),
    Stage("the key is refused", "create", Status(401), times=99, code="sandbox_provider_auth"),
)
DEFAULT_SIZE = len(STAGES) + 1
"""One round more: death between two messages."""


@dataclass
class Findings:
    stuck: list[str] = field(default_factory=list)
    orphans: int = 0
    slowest_s: float = 0.0
    previews: dict[str, str] = field(default_factory=dict)


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Every stage, then the follow-up of an app whose sandbox has died."""
    found = Findings()
    with tempfile.TemporaryDirectory(prefix="zapdev-deaths-") as folder:
        async with serving_e2b() as cloud:
            await offer(cloud, Framework.REACT)
            async with serving(Path(folder) / "data", **cloud.settings) as server:
                for number in range(size - 1):
                    await _lose(server, cloud, STAGES[(seed - 1 + number) % len(STAGES)], found)
                await _lose_between(server, cloud, found)
            found.orphans += len(cloud.running) + len(cloud.processes)
    ok = not found.stuck and not found.orphans and found.slowest_s <= WITHIN_S
    return {
        "ok": ok,
        "rounds": size,
        "stuck": found.stuck,
        "orphans": found.orphans,
        "slowest_s": round(found.slowest_s, 1),
    }


async def _lose(server: Server, cloud: StandIn, stage: Stage, found: Findings) -> None:
    cloud.faults.at(stage.at, stage.act, when=stage.when, times=stage.times)
    whole = cloud.images[IMAGE]
    if stage.bare:
        cloud.images[IMAGE] = plain_image
    frames, took_s = await _build(server, WORDS)
    cloud.images[IMAGE] = whole
    if not stage.code and cloud.faults.unmet:
        found.stuck.append(f"{stage.title}: the fault was never met")
    cloud.faults.clear()
    if problem := await _judge(frames, code=stage.code):
        found.stuck.append(f"{stage.title}: {problem}")
    await _settle(cloud, frames, took_s, found)
    if stage.code:
        await asyncio.sleep(REST_S)  # until E2B is asked again
    print(f"{stage.title}: {frames[-1].type} in {took_s:.1f} s", file=sys.stderr)


async def _lose_between(server: Server, cloud: StandIn, found: Findings) -> None:
    first, took_s = await _build(server, WORDS)
    await _settle(cloud, first, took_s, found)
    for sandbox in cloud.running:
        await cloud.kill(sandbox)
    asleep = {s.id for s in cloud.sandboxes.values() if s.state == "paused"}
    found.previews = {project: id_ for project, id_ in found.previews.items() if id_ in asleep}
    project_id = first[0].data["projectId"]
    second, took_s = await _build(server, "Make the accent colour green", projectId=project_id)
    if problem := await _judge(second):
        found.stuck.append(f"between two messages: {problem}")
    elif set(second[-1].data["files"]) != set(first[-1].data["files"]):
        found.stuck.append("between two messages: files are missing")
    await _settle(cloud, second, took_s, found)
    print(f"between two messages: {second[-1].type} in {took_s:.1f} s", file=sys.stderr)


async def _build(server: Server, prompt: str, **body: Any) -> tuple[list[Frame], float]:
    began = time.monotonic()
    frames = await server.generate(prompt, **({} if body else {"framework": "react"}), **body)
    return frames, time.monotonic() - began


async def _judge(frames: list[Frame], *, code: str = "") -> str:
    """What is wrong with the end of a task; nothing when a person can go on from it."""
    last = frames[-1]
    if last.type == "error" or code:
        told = last.data.get("error") and last.data.get("hint")
        return "" if told and last.data.get("code") == code else f"{last.data}"
    if last.type != "complete":
        return f"it ended as {last.type}"
    page = await fetch(last.data["previewUrl"]) or ""
    return "" if WORDS in page else "its page does not hold the words"


async def _settle(cloud: StandIn, frames: list[Frame], took_s: float, found: Findings) -> None:
    """Wait until only those sandboxes are left, running or asleep, that serve a project's preview."""
    found.slowest_s = max(found.slowest_s, took_s)
    if frames[-1].type == "complete":
        used = [frame.data["sandboxId"] for frame in frames if frame.type == "sandbox"]
        found.previews[frames[0].data["projectId"]] = used[-1]
    try:
        await until(lambda: not _orphans(cloud, found), SETTLES_S)
    except TimeoutError:
        found.orphans += len(_orphans(cloud, found))


def _orphans(cloud: StandIn, found: Findings) -> set[str]:
    left = {s.id for s in cloud.sandboxes.values() if s.state != "killed"}
    return left - set(found.previews.values())

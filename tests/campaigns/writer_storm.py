"""The campaign `writer-storm`: many builds of one workspace, and everything Slack can do to them.

First a calm sea: twenty builds end in the same moment, under Slack's fifty edits a minute. Then the
storms, each in a workspace of its own: Slack limits us, people delete messages, archive channels,
remove the app; what is said is too large; answers are lost; the writer is replaced again and again.
Each final state has to arrive, once, where it belongs, and to be the last that is said.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

from tests.campaigns import _storm as storm
from tests.campaigns._places import store_place
from tests.campaigns._storm import Build, Sea, Seen
from tests.fakes.slack.workspace import Workspace

DEFAULT_SIZE = 20
FULL = 20
SLOWEST_S = 30.0
BOUNDS = ("after_final", "doubles", "misplaced", "untold", "double_replies")
CALM = "TCALM"

Weather = Callable[[Sea, Workspace, list[Build], float], Awaitable[None]]
"""What happens in a workspace until its builds have ended."""


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    async with store_place(store) as place, storm.open_stage(place, seed) as stage:
        is_full = size >= FULL
        seconds = 75.0 if is_full else 5.0
        calm = _calm(stage, size, seconds)
        few = max(2, size // 4)
        storms = (_storm(stage, name, few, seconds / 2.5) for name in WEATHERS)
        if is_full:
            played = [await calm, *await asyncio.gather(*storms)]
        else:
            played = list(await asyncio.gather(calm, *storms))
        return _figures(stage, played)


async def _calm(stage: Sea, size: int, seconds: float) -> tuple[str, Seen, bool]:
    """All of them end in the same moment."""
    team = stage.slack.workspace(CALM)
    surface = stage.surface(CALM)
    builds = await storm.begin(stage, team, size)
    await asyncio.gather(*(storm.work(build, seconds, stage.rng) for build in builds))
    await asyncio.gather(*(storm.end(stage, build) for build in builds))
    closed = await storm.delivered(stage, CALM, SLOWEST_S * 2)
    await storm.stop(surface)
    return CALM, storm.look(stage.slack, builds), closed


async def _storm(stage: Sea, name: str, size: int, seconds: float) -> tuple[str, Seen, bool]:
    team = stage.slack.workspace(f"T{name.upper()}")
    huge = name == "oversize"
    builds = await storm.begin(stage, team, size, huge=huge)
    working = [
        stage.background.start(storm.work(b, seconds, stage.rng, huge=huge), name="work")
        for b in builds
    ]
    await WEATHERS[name](stage, team, builds, seconds)
    await asyncio.gather(*working)
    closed = await storm.delivered(stage, team.id, 90)
    return name, storm.look(stage.slack, builds), closed


async def _end_all(stage: Sea, builds: list[Build], seconds: float) -> None:
    """Soon after their work is over, one after the other."""
    await asyncio.sleep(seconds + 2.0)
    for build in builds:
        await storm.end(stage, build)
        await asyncio.sleep(stage.rng.uniform(0.0, 0.5))


async def _limits(stage: Sea, team: Workspace, builds: list[Build], seconds: float) -> None:
    """Again and again, until a moment after the end."""
    _ = stage.surface(team.id)
    ending = stage.background.start(_end_all(stage, builds, seconds), name="ending")
    while not ending.done():
        await asyncio.sleep(stage.rng.uniform(0.5, 2.0))
        method = stage.rng.choice(["chat.update", "chat.update", "chat.postMessage"])
        if storm.is_scripted(stage.slack, team.id, method):
            continue  # or it would go on long after
        wait_s = stage.rng.choice([1, 2, 3])
        stage.slack.fail(method, "ratelimited", retry_after=wait_s, times=3, team=team.id)
        stage.slack.fail(method, "internal_error", times=1, team=team.id)


async def _deletions(stage: Sea, team: Workspace, builds: list[Build], seconds: float) -> None:
    """Early, late, and between the last state and the final one."""
    _ = stage.surface(team.id)
    for number, build in enumerate(builds):
        await asyncio.sleep(seconds / len(builds) if number % 2 else 0.5)
        for message in stage.slack.bot_messages(build.channel):
            await stage.slack.delete_message(message)
    await _end_all(stage, builds, seconds)


async def _archives(stage: Sea, team: Workspace, builds: list[Build], seconds: float) -> None:
    _ = stage.surface(team.id)
    await asyncio.sleep(seconds / 2)
    for build in builds:
        stage.slack.archive(build.channel)
    await _end_all(stage, builds, seconds / 2)


async def _revocation(stage: Sea, team: Workspace, builds: list[Build], seconds: float) -> None:
    """The app is removed and its writer stops; installed again, everything is brought up."""
    surface = stage.surface(team.id)
    await asyncio.sleep(seconds / 2)
    stage.slack.revoke(team, tells=False)
    await asyncio.wait({surface}, timeout=30)
    if not surface.done():
        raise AssertionError("the writer goes on without a token")
    before = len(stage.slack.calls)
    await _end_all(stage, builds, seconds / 2)
    if any(call.team == team.id for call in stage.slack.calls[before:]):
        raise AssertionError("somebody still calls")
    team.tokens.issue(team.installation)
    _ = stage.surface(team.id)


async def _oversize(stage: Sea, team: Workspace, builds: list[Build], seconds: float) -> None:
    _ = stage.surface(team.id)
    await asyncio.sleep(seconds)
    for build in builds[::2]:
        stage.slack.fail("chat.update", "msg_blocks_too_long", times=2, channel=build.channel)
    await _end_all(stage, builds, 0.0)


async def _restarts(stage: Sea, team: Workspace, builds: list[Build], seconds: float) -> None:
    """Another writer every few seconds, also right behind an end; answers are lost besides."""
    for build in builds:
        stage.slack.lose_answer("chat.postMessage", channel=build.channel)
    surface = stage.surface(team.id)
    ending = stage.background.start(_end_all(stage, builds, seconds), name="ending")
    while not ending.done():
        await asyncio.sleep(stage.rng.uniform(0.2, 3.0))
        surface = await _replaced(stage, team, surface)
    for _ in range(3):
        await asyncio.sleep(stage.rng.uniform(0.0, 0.5))
        surface = await _replaced(stage, team, surface)


async def _replaced(
    stage: Sea, team: Workspace, surface: "asyncio.Task[None]"
) -> "asyncio.Task[None]":
    await storm.stop(surface)
    return stage.surface(team.id)


WEATHERS: Mapping[str, Weather] = {
    "limits": _limits,
    "deletions": _deletions,
    "archives": _archives,
    "revocation": _revocation,
    "oversize": _oversize,
    "restarts": _restarts,
}


def _figures(stage: Sea, played: list[tuple[str, Seen, bool]]) -> dict[str, object]:
    total = Seen()
    for name, seen, closed in played:
        total += seen
        print(f"{name}: closed={closed} {seen}", file=sys.stderr, flush=True)
    calm = next(seen for name, seen, _ in played if name == CALM)
    refused = storm.limited(stage.slack, CALM)
    figures = asdict(total)
    held = (
        total.finals == total.expected
        and not any(figures[bound] for bound in BOUNDS)
        and calm.slowest_final_s <= SLOWEST_S
        and refused == 0
        and all(closed for *_, closed in played)
    )
    return {
        **figures,
        "ok": held,
        "slowest_final_s": calm.slowest_final_s,
        "slowest_in_storm_s": total.slowest_final_s,
        "rate_limited_after_warm_up": refused,
        "busiest_minute": storm.busiest_minute(stage.slack, CALM, "chat.update"),
        "calls": len(stage.slack.calls),
    }

"""Campaign `convex-calls`: how many calls to Convex a process makes, idle and for a task.

The real server runs over the loopback host. It idles for a minute; then tasks are built whose model
takes SIZE seconds: once it writes files all the time, once it talks all the time, which is the most
that a model can cost; each with and without somebody who watches. What that means in
a month is arithmetic: Convex's free plan has a million calls (docs.convex.dev/production/state/limits).
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.convex import ConvexHost, start_host
from tests.fakes.openrouter import FakeOpenRouter, Reply, Seen, files, paced, text
from tests.fakes.quick_app import quick_app
from tests.fakes.server import Server, serving
from tests.fakes.waiting import until

DEFAULT_SIZE = 60
FREE_CALLS = 1_000_000
MINUTES_A_MONTH = 30 * 24 * 60
TASKS_A_DAY = 10_000
IDLE_PER_MINUTE = 10
"""An idle process may use at most 43 % of the free plan."""

_IDLE_S = 60.0
_SUMMARY = '{"title": "Boats", "summary": "A page.", "suggestions": []}'


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Count; `ok` when idling leaves most of the free plan to the work."""
    with tempfile.TemporaryDirectory(prefix="zapdev-calls-") as folder, start_host() as host:
        async with FakeOpenRouter() as model:
            model.always(lambda seen: _answer(seen, float(size)))
            settings = {
                "CONVEX_URL": host.url,
                "CONVEX_SERVICE_KEY": host.service_key_pem.replace("\n", "\\n"),
                "OPENROUTER_BASE_URL": model.base_url,
            }
            async with serving(Path(folder) / "data", **settings) as server:
                await _build(server, host, watched=True)  # what happens once is not counted
                idle = await _idle(host)
                tasks = {
                    f"{kind}_{who}": await _build(server, host, kind, watched=who == "watched")
                    for kind in ("writes", "talks")
                    for who in ("alone", "watched")
                }
        stats = await host.stats()
    return _figures(idle, tasks, stats.largest_bytes)


def _answer(seen: Seen, seconds: float) -> Reply:
    """An app in one call whose pieces take the seconds, or the last words that do."""
    if not seen.tools:
        return text(_SUMMARY)
    if "talks" in str(seen.body["messages"]):
        return _talk(seen, seconds)
    if seen.last["role"] == "tool":
        return text("All done. <task_summary>A page.</task_summary>")
    app = {**quick_app(), "notes.md": "Boats in the harbour.\n" * 200}
    reply = files(app, size=40)
    return paced(reply, seconds / len(reply.frames))


def _talk(seen: Seen, seconds: float) -> Reply:
    """A few words every 50 ms."""
    if seen.last["role"] != "tool":
        return files(quick_app(), size=400)
    words = ["a few words, ", "and then some more, "] * round(seconds * 10)
    reply = text(*words, "<task_summary>A page.</task_summary>")
    return paced(reply, seconds / len(reply.frames))


async def _idle(host: ConvexHost) -> Counter[str]:
    print(f"idling for {_IDLE_S:.0f} s", file=sys.stderr)
    before = await _calls(host)
    await asyncio.sleep(_IDLE_S)
    return await _calls(host) - before


async def _build(
    server: Server, host: ConvexHost, kind: str = "writes", *, watched: bool
) -> Counter[str]:
    who = "somebody watches" if watched else "nobody watches"
    print(f"a model that {kind}, {who}", file=sys.stderr)
    before = await _calls(host)
    started = await server.start(f"A page about a boat that {kind}", framework="react")
    if watched:
        frames = await server.follow(started.task_id)
        assert frames[-1].type == "complete", frames[-1].data
    else:
        await _until_ended(host, before)
    return await _calls(host) - before - Counter({"tasks:claim": 1})  # it would have idled


async def _until_ended(host: ConvexHost, before: Counter[str]) -> None:
    """Look at the host's own count, not through the server."""
    seen = [before]

    async def look() -> None:
        while (seen[0] - before)["tasks:complete"] == 0:
            seen[0] = await _calls(host)
            await asyncio.sleep(0.5)

    looking = asyncio.gather(look())
    await until(looking.done, limit_s=600)


async def _calls(host: ConvexHost) -> Counter[str]:
    return Counter((await host.stats()).calls)


def _figures(
    idle: Counter[str], tasks: Mapping[str, Counter[str]], largest_bytes: int
) -> Mapping[str, object]:
    idle_month = idle.total() * MINUTES_A_MONTH
    totals = {kind: calls.total() for kind, calls in tasks.items()}
    usual = totals["writes_watched"]
    return {
        "ok": idle.total() <= IDLE_PER_MINUTE and largest_bytes < 1024 * 1024 // 2,
        "idle_per_minute": idle.total(),
        "idle_month": idle_month,
        "per_task": totals,
        "by_function": {kind: dict(calls.most_common()) for kind, calls in tasks.items()},
        "free_plan_tasks_a_month": max(0, FREE_CALLS - idle_month) // usual,
        "calls_a_month_at_10000_a_day": idle_month + usual * TASKS_A_DAY * 30,
        "largest_document_bytes": largest_bytes,
    }

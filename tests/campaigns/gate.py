"""Campaign `gate`: a truth table over small apps, run in real sandboxes and seen by real Chromium.

Each app goes through the whole pipeline, with a scripted model. What is red must say why in the
words of its case, go to the fixer, and be green on the second try, after the fixer has put a good
app in its place; what works must be green at once, with a picture. SIZE is how many cases.

`seconds` is what the gate took for the first verdict on each case, the app's start included.
"""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from agents import events as e
from agents.browser.session import SLOTS, ChromiumBrowser
from agents.http_pages import HttpPages
from agents.pipeline import Built, run_pipeline
from agents.sandbox.local import LocalSandboxProvider
from agents.sandbox.manager import SandboxManager
from agents.system import SystemClock
from agents.testing import ScriptedLLM
from agents.types import Check
from tests.agents.sandbox.tiny import open_place, tiny_provider
from tests.campaigns._gate_cases import CASES, GOOD, Case
from tests.campaigns._gate_server import PLAIN, gate_template
from tests.fakes.pipelines import SUMMARY, Stage, job, say, write

DEFAULT_SIZE = len(CASES)
SLOWEST_S = 35.0
"""Two looks, since a page that does not settle gets a second one, and the app's start."""

_JPEG = b"\xff\xd8\xff"
_STARTS_SLOWLY = "slow start"


@dataclass(frozen=True)
class Result:
    """What came of a case; `wrong` says what should not have been, or nothing."""

    case: Case
    wrong: str
    seconds: float
    fixed: bool


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Look at `size` apps, a few at a time. `store` does not matter here."""
    del store
    chosen = list(CASES[:size])
    Random(seed).shuffle(chosen)  # noqa: S311 - a seeded campaign
    browser = ChromiumBrowser(SystemClock())
    slots = asyncio.Semaphore(SLOTS)

    async def one(case: Case) -> Result:
        async with slots:
            result = await _try(case, provider, pages, browser)
        print(f"{case.name}: {result.wrong or 'right'}, {result.seconds} s", file=sys.stderr)
        return result

    with open_place() as place:
        provider = tiny_provider(place, templates=gate_template)
        try:
            async with HttpPages() as pages:
                await browser.warm_up()
                results = await asyncio.gather(*map(one, chosen))
        finally:
            await browser.close()
            await provider.close()
    return _figures(results)


def _figures(results: list[Result]) -> Mapping[str, object]:
    wrong = {r.case.name: r.wrong for r in results if r.wrong}
    looks = sorted(r.seconds for r in results if r.case.name != _STARTS_SLOWLY)
    red = [r for r in results if r.case.told]
    return {
        "ok": not wrong and looks[-1] <= SLOWEST_S,
        "cases": len(results),
        "verdicts_right": len(results) - len(wrong),
        "red": len(red),
        "fixed": sum(r.fixed for r in red),
        "wrong": wrong,
        "median_s": looks[len(looks) // 2],
        "slowest_s": looks[-1],
        "seconds": {r.case.name: r.seconds for r in results},
    }


async def _try(
    case: Case, provider: LocalSandboxProvider, pages: HttpPages, browser: ChromiumBrowser
) -> Result:
    repair = {"index.html": GOOD, "serve.mjs": PLAIN}
    done = say("Done.\n<task_summary>A page about bikes.</task_summary>")
    fixes = [write(repair, "f1"), say("Mended.")]
    llm = ScriptedLLM(write(case.app), done, by_purpose={"summarize": [SUMMARY], "fix": fixes})
    stage = Stage(llm, fetcher=pages, browser=browser)
    manager = SandboxManager(provider, stage.clock)
    outcome = await run_pipeline(stage.run(job(), sandboxes=manager))
    if isinstance(outcome, Built):
        await outcome.sandbox.close()
    verdicts = [
        event
        for event in stage.journal.events
        if isinstance(event, e.CheckFinished) and event.check is Check.PREVIEW
    ]
    fixed = [v.ok for v in verdicts] == [False, True]
    wrong = _what_is_wrong(case, stage, llm, verdicts)
    return Result(case, wrong, verdicts[0].duration_s if verdicts else 0.0, fixed)


def _what_is_wrong(
    case: Case, stage: Stage, llm: ScriptedLLM, verdicts: list[e.CheckFinished]
) -> str:
    said = [[d.message for d in v.diagnostics] for v in verdicts]
    if [v.ok for v in verdicts] != ([False, True] if case.told else [True]):
        return f"verdicts {said}"
    seen = [event for event in stage.journal.events if isinstance(event, e.PreviewVerified)]
    if len(seen) != 1 or seen[0].checks != ("http", "start page", "browser"):
        return f"checks {[event.checks for event in seen]}"
    picture = seen[0].screenshot
    if picture is None or not stage.blobs.contents[picture].startswith(_JPEG):
        return "there is no picture"
    asked = [r.messages[-1].content for r in llm.requests if r.purpose == "fix"]
    if case.told and (case.told not in said[0][0] or case.told not in asked[0]):
        return f"said {said[0]}"
    return ""

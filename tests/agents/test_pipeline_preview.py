"""The preview gate's part of a run: what the browser sees is fixed, and a good page is pictured."""

from agents import events as e
from agents.pipeline import Built, Stuck, run_pipeline
from agents.ports import LLMChunk
from agents.run import Run
from agents.sighting import PageError
from agents.testing import ScriptedBrowser, ScriptedLLM, sighting
from agents.types import Check
from tests.fakes.pipelines import SUMMARY, Stage, job, say, write

DONE = say("All done.\n<task_summary>A board.</task_summary>")
APP = {"src/App.tsx": "export default function App() { return <h1>Bikes</h1> }\n"}


def scripted(*turns: list[LLMChunk], fixes: tuple[list[LLMChunk], ...] = ()) -> ScriptedLLM:
    return ScriptedLLM(*turns, by_purpose={"summarize": [SUMMARY], "fix": fixes})


async def built(run: Run) -> Built:
    outcome = await run_pipeline(run)
    assert isinstance(outcome, Built)
    return outcome


async def test_a_good_pages_picture_is_stored_and_told() -> None:
    stage = Stage(scripted(write(APP), DONE), browser=ScriptedBrowser())
    await built(stage.run(job()))
    [seen] = [v for v in stage.journal.events if isinstance(v, e.PreviewVerified)]
    assert seen.checks == ("http", "start page", "browser")
    assert seen.screenshot is not None
    assert stage.blobs.contents[seen.screenshot] == sighting().screenshot


async def test_without_a_browser_the_result_says_which_checks_ran() -> None:
    stage = Stage(scripted(write(APP), DONE), browser=ScriptedBrowser(None))
    await built(stage.run(job()))
    [seen] = [v for v in stage.journal.events if isinstance(v, e.PreviewVerified)]
    assert (seen.checks, seen.screenshot) == (("http", "start page"), None)


async def test_what_the_browser_sees_is_fixed_and_looked_at_again() -> None:
    broken = sighting(
        errors=(PageError("TypeError: x is undefined", "at http://localhost/src/App.tsx:7:1"),)
    )
    browser = ScriptedBrowser(broken, sighting())
    fixes = (write({"src/App.tsx": "fixed\n"}, "f1"), say("fixed"))
    llm = scripted(write(APP), DONE, fixes=fixes)
    stage = Stage(llm, browser=browser)
    outcome = await built(stage.run(job()))
    assert outcome.red == ()
    [prompt] = [r for r in llm.requests if r.purpose == "fix"][:1]
    assert "src/App.tsx:7: Uncaught error in the page" in prompt.messages[-1].content
    assert "Bikes" in prompt.messages[-1].content
    checks = [v for v in stage.journal.events if isinstance(v, e.CheckFinished)]
    assert [v.ok for v in checks if v.check is Check.PREVIEW] == [False, True]
    assert len(browser.urls) == 2
    assert browser.warmed == 1


async def test_what_hosts_out_of_reach_may_have_caused_is_told_and_not_fixed() -> None:
    away = frozenset({"cdn.example.com"})
    seen = sighting(errors=(PageError("ReferenceError: Chart is not defined"),), unreachable=away)
    stage = Stage(scripted(write(APP), DONE), browser=ScriptedBrowser(seen))
    assert (await built(stage.run(job()))).red == ()
    [check] = [
        v
        for v in stage.journal.events
        if isinstance(v, e.CheckFinished) and v.check is Check.PREVIEW
    ]
    assert check.ok
    assert "cdn.example.com: Uncaught error in the page" in check.diagnostics[0].message
    assert "preview_verified" in stage.journal.kinds


async def test_a_page_that_stays_broken_is_never_handed_out() -> None:
    fixes = (write({"src/App.tsx": "other\n"}, "f1"), say("fixed?"))
    stage = Stage(
        scripted(write(APP), DONE, fixes=fixes), browser=ScriptedBrowser(sighting(blank=True))
    )
    outcome = await run_pipeline(stage.run(job()))
    assert isinstance(outcome, Stuck)
    assert "blank" in outcome.findings[0].message
    assert "preview_verified" not in stage.journal.kinds
    assert list(stage.blobs.contents.values()).count(sighting().screenshot or b"") == 0

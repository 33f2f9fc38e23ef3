"""The evaluation itself, over scripted models whose worth is known, and the offline model."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from agents.errors import UserError
from agents.events import Recorded
from agents.offline import OfflineModel
from agents.ports import LLM, CommandResult, LLMChunk
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import InMemorySandbox, InMemorySandboxProvider, ScriptedLLM
from agents.types import Framework
from bot.cli.evaluation import OFFLINE, EvalRequest, as_report, as_table, show_results
from bot.cli.shell import Outcome
from bot.services.evaluation import APPS, App, Evaluation, Result, Step, add_up, scores
from bot.services.tasks import LOCAL_OWNER, StartRequest
from tests.fakes.pipelines import SUMMARY, call, say, write
from tests.fakes.workshop import Workshop, open_workshop

TEMPLATE = get_template(Framework.REACT)
PAGE = {"src/App.tsx": "export default function App() { return <h1>Bikes</h1> }\n"}
DONE = say("Done.\n<task_summary>A board.</task_summary>")
BUILD = Step("build", "A board")
RENAME = Step("change", "Call it Trams", "Trams", 1, 2)
GREEN = Step("change", "Make it green", "", 1, 2, "green")
QUESTION = Step("question", "What is it?")


@pytest.fixture
async def world() -> AsyncIterator[Workshop]:
    async with open_workshop() as workshop:
        yield workshop


async def results(
    world: Workshop,
    llm: LLM,
    *steps: Step,
    frameworks: Sequence[Framework] = (Framework.REACT,),
    apps: Sequence[App] | None = None,
) -> list[Result]:
    async with world.worker(llm):

        async def work(asked: StartRequest) -> Sequence[Recorded]:
            row = await world.service.start(LOCAL_OWNER, asked)
            await world.events(row)
            return await world.store.read(row.id)

        evaluation = Evaluation(world.store, work, "auto")
        return await evaluation.run(frameworks, apps or [App("board", steps)])


def scripted(*turns: list[LLMChunk], fixes: Sequence[list[LLMChunk]] = ()) -> ScriptedLLM:
    return ScriptedLLM(*turns, by_purpose={"summarize": [SUMMARY] * 9, "fix": fixes})


def edit(search: str, replace: str, path: str = "src/App.tsx", name: str = "e1") -> list[LLMChunk]:
    edits = [{"search": search, "replace": replace}]
    return call("editFile", {"path": path, "edits": edits}, name)


def red_builds(count: int) -> InMemorySandboxProvider:
    left = [count]

    def command(sandbox: InMemorySandbox, line: str) -> CommandResult:
        if line == TEMPLATE.build and left[0] > 0:
            left[0] -= 1
            return CommandResult(2, f"src/App.tsx(3,7): error TS2322: no {left[0]}.\n")
        return CommandResult(0, "")

    return InMemorySandboxProvider(on_command=command)


async def test_the_offline_model_passes_everything_in_every_framework(world: Workshop) -> None:
    found = await results(world, OfflineModel(SystemClock()), frameworks=list(Framework), apps=APPS)
    assert len(found) == 5 * 8
    rows = scores(found)
    assert [row.name for row in rows] == [*Framework, "all"]
    assert all(row.is_perfect for row in rows), [r for r in found if not r.done or r.kept is False]
    assert (rows[-1].apps, rows[-1].changes, rows[-1].questions) == (10, 20, 10)


async def test_an_app_whose_build_stays_red_is_not_built_and_what_follows_is_skipped(
    world: Workshop,
) -> None:
    world.provider = red_builds(9)
    llm = scripted(write(PAGE), DONE, fixes=[say("no"), say("no")])
    built, change = await results(world, llm, BUILD, RENAME)
    assert (built.done, built.build, built.problem, built.status) == (
        *(False, False, "stuck", "failed"),
    )
    assert (change.status, change.done) == ("skipped", False)
    row = add_up("x", [built, change])
    assert (row.built, row.apps, row.done, row.changes) == (0, 1, 0, 1)
    assert not row.is_perfect


async def test_a_repair_that_worked_is_counted(world: Workshop) -> None:
    world.provider = red_builds(1)
    fix = [write({"src/App.tsx": "fixed\n"}, "f1"), say("fixed")]
    [built] = await results(world, scripted(write(PAGE), DONE, fixes=fix), BUILD)
    row = add_up("x", [built])
    assert (built.done, built.repairs) == (True, 1)
    assert (row.needed, row.repaired, row.is_perfect) == (1, 1, True)


async def test_a_change_that_was_made_and_kept_the_rest(world: Workshop) -> None:
    turns = (write(PAGE), DONE, edit("Bikes", "Trams"), DONE)
    _, change = await results(world, scripted(*turns), BUILD, RENAME)
    assert (change.done, change.kept, change.changed) == (True, True, 1)


async def test_a_change_that_touches_too_much_has_not_kept_the_rest(world: Workshop) -> None:
    both = {"src/App.tsx": "<h1>Trams</h1>\n", "index.html": "<p>other</p>\n"}
    _, change = await results(world, scripted(write(PAGE), DONE, write(both), DONE), BUILD, RENAME)
    assert (change.done, change.kept, change.changed) == (True, False, 2)


async def test_a_change_that_rewrites_a_file_has_not_kept_the_rest(world: Workshop) -> None:
    long = "".join(f"export const a{n} = {n};\n" for n in range(9))
    page, other = {"src/App.tsx": long}, {"src/App.tsx": "export const name = 'Trams';\n"}
    _, change = await results(world, scripted(write(page), DONE, write(other), DONE), BUILD, RENAME)
    assert (change.done, change.kept, change.changed, change.replaced) == (True, False, 1, 9)


async def test_lines_that_were_only_indented_or_moved_are_kept(world: Workshop) -> None:
    page = {"src/App.tsx": "const a = 1;\nconst b = 2;\nconst c = 3;\n"}
    other = {"src/App.tsx": "// Trams\n{\n  const b = 2;\n  const c = 3;\n  const a = 1;\n}\n"}
    _, change = await results(world, scripted(write(page), DONE, write(other), DONE), BUILD, RENAME)
    assert (change.done, change.kept, change.replaced) == (True, True, 0)


@pytest.mark.parametrize(("colour", "done"), [("#16a34a", True), ("#dc2626", False)])
async def test_a_colour_is_judged_by_its_hue(world: Workshop, colour: str, done: bool) -> None:
    page = {"src/App.tsx": "export const accent = '#4f46e5';\n"}
    turns = (write(page), DONE, edit("#4f46e5", colour), DONE)
    _, change = await results(world, scripted(*turns), BUILD, GREEN)
    assert (change.done, change.kept, change.replaced) == (done, True, 1)


async def test_a_change_that_deletes_has_not_kept_the_rest(world: Workshop) -> None:
    more = {**PAGE, "src/b.ts": "export const b = 1\n"}
    deletion = call("deleteFiles", {"paths": ["src/b.ts"]}, "d1")
    turns = [write(more), DONE, write({"src/c.ts": "Trams\n"}), deletion, DONE]
    _, change = await results(world, scripted(*turns), BUILD, RENAME)
    assert (change.done, change.kept) == (True, False)


async def test_a_change_that_does_something_else_is_not_done(world: Workshop) -> None:
    turns = (write(PAGE), DONE, edit("Bikes", "Boats"), DONE)
    _, change = await results(world, scripted(*turns), BUILD, RENAME)
    assert (change.done, change.kept) == (False, True)


async def test_words_that_were_there_before_do_not_count_as_done(world: Workshop) -> None:
    page = {"src/App.tsx": "// Trams\nexport const a = 1;\n"}
    turns = (write(page), DONE, edit("a = 1", "a = 2"), DONE)
    _, change = await results(world, scripted(*turns), BUILD, RENAME)
    assert not change.done


async def test_a_question_that_changes_the_app_was_not_answered(world: Workshop) -> None:
    turns = (write(PAGE), DONE, say("A board."), edit("Bikes", "Trams"), DONE)
    found = await results(world, scripted(*turns), BUILD, QUESTION, QUESTION)
    assert [r.done for r in found] == [True, True, False]
    row = add_up("x", found)
    assert (row.questions, row.answered) == (2, 1)


async def test_cost_tokens_and_the_time_to_the_link_are_told(world: Workshop) -> None:
    [built] = await results(world, scripted(write(PAGE), DONE), BUILD)
    assert built.cost_usd == pytest.approx(0.003)
    assert built.tokens == 45
    assert built.to_preview_s is not None
    row = add_up("x", [built])
    assert row.cost_usd == built.cost_usd
    assert row.to_preview_s == round(built.to_preview_s, 1)


def test_the_requests_are_fixed_and_each_change_says_how_it_is_recognized() -> None:
    assert [app.name for app in APPS] == ["board", "ledger"]
    for app in APPS:
        assert app.steps[0].kind == "build"
        for step in app.steps:
            judged = (bool(step.shows), step.colour is not None)
            assert sum(judged) == (step.kind == "change")
            assert (step.max_files > 0) is (step.max_lines > 0) is (step.kind == "change")
            assert (step.kind == "question") is step.prompt.endswith("?")


def test_a_word_within_another_is_not_what_a_change_asks_for() -> None:
    [rent] = [step for app in APPS for step in app.steps if "rent" in step.prompt]
    assert re.search(rent.shows, "<p>The rent is due</p>") is not None
    assert re.search(rent.shows, "const current = parent;") is None


def test_a_report_says_what_was_measured() -> None:
    result = Result(Framework.VUE, "board", BUILD, "complete", done=True)
    offline = json.loads(json.dumps(as_report("offline", [result], offline=True)))
    assert offline["measures"] == "only that the evaluation works"
    assert offline["results"][0]["framework"] == "vue"
    assert as_report("m", [result], offline=False)["measures"] == "the model"


def test_the_table_has_a_line_for_each_framework_and_the_total() -> None:
    made = [
        Result(framework, "board", BUILD, "complete", done=True)
        for framework in (Framework.VUE, Framework.REACT)
    ]
    table = as_table("m", scores(made))
    assert table.row_count == 3
    assert list(table.columns[1].cells) == ["1/1", "1/1", "2/2"]
    assert list(table.columns[2].cells) == ["–", "–", "–"]


def request(out: Path | None = None, *, json_lines: bool = False) -> EvalRequest:
    return EvalRequest([Framework.VUE], None, quick=True, json=json_lines, out=out)


GOOD = Result(Framework.VUE, "board", BUILD, "complete", done=True, cost_usd=0.25)
BAD = Result(Framework.VUE, "board", BUILD, "failed", done=False, problem="stuck")


@pytest.mark.parametrize(
    ("result", "offline", "outcome"),
    [
        (GOOD, True, Outcome.DONE),
        (BAD, True, Outcome.FAILED),
        (GOOD, False, Outcome.DONE),
        (BAD, False, Outcome.DONE),
    ],
)
async def test_a_models_failure_is_a_result_and_the_offline_models_is_ours(
    result: Result, offline: bool, outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await show_results("m", [result], request(), offline=offline) is outcome
    shown = capsys.readouterr()
    assert (OFFLINE in shown.err) is offline
    assert "Rest kept" in shown.out


async def test_scores_are_printed_as_json_and_everything_is_written_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.json"
    await show_results("acme/m", [GOOD], request(out, json_lines=True), offline=False)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["score"]["name"] for line in lines] == ["vue", "all"]
    assert lines[-1]["score"]["cost_usd"] == 0.25
    report = json.loads(out.read_text())
    assert report["model"] == "acme/m"
    assert report["results"][0]["step"]["prompt"] == "A board"


async def test_a_report_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        await show_results("m", [GOOD], request(tmp_path / "no" / "x.json"), offline=False)

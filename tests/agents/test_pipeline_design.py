"""A design through the pipeline: read once, built by the model from data, looked at."""

from dataclasses import dataclass, field, replace

import pytest

from agents import events as e
from agents.errors import ImportDenied
from agents.offline import OfflineModel
from agents.pipeline import Built, run_pipeline
from agents.prompts import DESIGN_REQUEST
from agents.run import Job
from agents.sources import Design
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import ScriptedBrowser, ScriptedLLM, sighting
from agents.types import Framework, TaskKind
from tests.fakes.figma import png
from tests.fakes.pipelines import SUMMARY, TASK, Stage, say, write

ADDRESS = "https://www.figma.com/design/LandingKey1?node-id=1-2"
DESIGN = Design(
    origin="figma.com/design/LandingKey1",
    name="Bikes",
    frame="Home",
    version="4711",
    brief="Frame “Home”, 1440px × 1024px\nColours:\n  #0f172a (3 uses)",
    width=1440,
    height=1024,
    colours=1,
    images={"design/photo.png": b"a picture"},
    notes=("1 image of it could not be had.",),
)
PAGE = {"app/page.tsx": "export default () => <h1>Ride further</h1>"}


@dataclass
class ScriptedDesigns:
    """Implements `agents.sources.Designs`: the same design each time."""

    design: Design = DESIGN
    asked: list[str] = field(default_factory=list)

    async def fetch_design(self, reference: str) -> Design:
        self.asked.append(reference)
        return self.design


def design_job(**more: object) -> Job:
    return Job(TASK, TaskKind.IMPORT, f"Import {ADDRESS}", **more)  # type: ignore[arg-type]


def model() -> ScriptedLLM:
    return ScriptedLLM(write(PAGE), say("<task_summary>A page.</task_summary>"), SUMMARY)


async def test_a_design_is_built_by_the_model_from_what_it_says() -> None:
    llm, designs = model(), ScriptedDesigns()
    stage = Stage(llm)
    outcome = await run_pipeline(stage.run(design_job(), designs=designs))

    assert isinstance(outcome, Built)
    assert (designs.asked, outcome.framework) == ([ADDRESS], Framework.NEXTJS)
    request = next(r for r in llm.requests if r.purpose == "generate").messages[-1].content
    assert request.startswith(DESIGN_REQUEST)
    assert 'origin="figma.com/design/LandingKey1"' in request
    assert "  #0f172a (3 uses)" in request


async def test_its_images_are_files_of_the_app_and_in_its_sandbox() -> None:
    stage = Stage(model())
    outcome = await run_pipeline(stage.run(design_job(), designs=ScriptedDesigns()))

    assert isinstance(outcome, Built)
    assert await outcome.sandbox.read("public/design/photo.png") == b"a picture"
    assert "public/design/photo.png" in outcome.files
    assert set(get_template(Framework.NEXTJS).files) <= set(outcome.files)


async def test_people_are_told_what_was_read_and_what_was_not() -> None:
    stage = Stage(model())
    await run_pipeline(stage.run(design_job(), designs=ScriptedDesigns()))
    [read] = [event for event in stage.journal.events if isinstance(event, e.DesignImported)]
    assert (read.name, read.frame, read.width, read.images) == ("Bikes", "Home", 1440, 1)
    notices = [event for event in stage.journal.events if isinstance(event, e.NoticeGiven)]
    assert DESIGN.notes[0] in [notice.message for notice in notices]


async def test_the_persons_framework_counts() -> None:
    stage = Stage(model())
    job = design_job(framework=Framework.VUE)
    outcome = await run_pipeline(stage.run(job, designs=ScriptedDesigns()))
    assert outcome.framework is Framework.VUE


async def test_who_takes_over_does_not_read_it_again() -> None:
    first = Stage(ScriptedLLM())
    with pytest.raises(AssertionError, match="no turn left"):
        await run_pipeline(first.run(design_job(), designs=ScriptedDesigns()))
    second = replace(first, llm=model())
    outcome = await run_pipeline(second.run(design_job(log=first.log())))
    assert isinstance(outcome, Built)
    assert await outcome.sandbox.read("public/design/photo.png") == b"a picture"


async def test_the_apps_picture_is_compared_with_the_designs() -> None:
    pictured = ScriptedDesigns(replace(DESIGN, picture=png(144, 100, "#ffffff")))
    seen = ScriptedBrowser(sighting(screenshot=png(128, 80, "#ffffff")))
    stage = Stage(model(), browser=seen)
    await run_pipeline(stage.run(design_job(), designs=pictured))
    [compared] = [event for event in stage.journal.events if isinstance(event, e.DesignCompared)]
    assert compared.likeness == 100


async def test_without_a_picture_of_one_of_them_nothing_is_compared() -> None:
    unpictured = Stage(model(), browser=ScriptedBrowser(sighting(screenshot=png())))
    await run_pipeline(unpictured.run(design_job(), designs=ScriptedDesigns()))
    unread = Stage(model(), browser=ScriptedBrowser(sighting(screenshot=b"no picture")))
    pictured = ScriptedDesigns(replace(DESIGN, picture=png()))
    await run_pipeline(unread.run(design_job(), designs=pictured))
    for stage in (unpictured, unread):
        assert not [event for event in stage.journal.events if isinstance(event, e.DesignCompared)]


async def test_without_a_way_to_read_designs_it_says_what_to_set() -> None:
    with pytest.raises(ImportDenied) as refused:
        await run_pipeline(Stage(ScriptedLLM()).run(design_job()))
    assert "FIGMA_TOKEN" in str(refused.value.hint)


async def test_the_offline_model_says_that_it_does_not_follow_a_design() -> None:
    stage = Stage(OfflineModel(SystemClock()))
    outcome = await run_pipeline(stage.run(design_job(), designs=ScriptedDesigns()))
    assert isinstance(outcome, Built)
    assert "Without AI a design is not followed" in outcome.summary.summary
    assert outcome.summary.title == "Home of the design Bikes"

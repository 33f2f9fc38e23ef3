import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.offline import COLOURS, OfflineModel, sample_files, title_of, topic_of
from agents.pipeline import Answered, Built, run_pipeline
from agents.ports import Finished, LLMRequest, Message, TextDelta
from agents.system import SystemClock
from agents.templates import get_template
from agents.testing import InMemoryBlobs
from agents.types import Framework
from agents.workspace import blob_hash
from tests.fakes.pipelines import Stage, job


def stage(before: Stage | None = None) -> Stage:
    blobs = InMemoryBlobs() if before is None else before.blobs
    return Stage(OfflineModel(SystemClock()), blobs=blobs)


async def build(framework: Framework, prompt: str) -> tuple[Stage, Built]:
    first = stage()
    outcome = await run_pipeline(first.run(job(prompt, framework=framework)))
    assert isinstance(outcome, Built)
    return first, outcome


async def follow_up(before: Stage, built: Built, prompt: str) -> tuple[dict[str, str], Built]:
    second = stage(before)
    run = second.run(job(prompt, framework=built.framework, base=built.files))
    outcome = await run_pipeline(run)
    assert isinstance(outcome, Built)
    changed = {path for path in built.files if built.files[path] != outcome.files[path]}
    contents = second.blobs.contents
    return {path: contents[outcome.files[path]].decode() for path in changed}, outcome


@pytest.mark.parametrize("framework", Framework)
async def test_every_framework_gets_its_sample_with_the_persons_words(
    framework: Framework,
) -> None:
    prompt = "A kanban board for O'Brien's \"café\" <b>& co"
    _, built = await build(framework, prompt)
    written = sample_files(get_template(framework), prompt)
    assert {p: built.files[p] for p in written} == {
        p: blob_hash(text.encode()) for p, text in written.items()
    }
    assert not any("{{" + name in text for text in written.values() for name in ("T", "P"))


@pytest.mark.parametrize("framework", Framework)
async def test_a_colour_follow_up_touches_only_the_theme(framework: Framework) -> None:
    first, built = await build(framework, "A board")
    changed, _ = await follow_up(first, built, "Make the accent colour green")
    [(path, text)] = changed.items()
    assert path.endswith("theme.css")
    assert re.findall(r"--primary: (.+);", text) == ["#15803d", "#4ade80"]


@pytest.mark.parametrize("colour", COLOURS)
def test_what_stands_on_the_accent_can_be_read_in_light_and_dark(colour: str) -> None:
    light, dark = COLOURS[colour]
    assert contrast(light, "#ffffff") >= 4.5
    assert contrast(dark, "#10162b") >= 4.5


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def test_what_was_just_asked_for_is_not_suggested_again() -> None:
    first, built = await build(Framework.REACT, "A board")
    assert "Make the accent colour green" in built.summary.suggestions
    _, changed = await follow_up(first, built, "make the accent colour green.")
    assert changed.summary.suggestions == ("Call it Our plan", "Add a note about Friday")


@pytest.mark.parametrize("framework", Framework)
async def test_notes_add_up_over_follow_ups(framework: Framework) -> None:
    first, built = await build(framework, "A board")
    _, second = await follow_up(first, built, "Add a note about Friday")
    changed, _ = await follow_up(first, second, "And one about “Monday”")
    [text] = changed.values()
    assert "Friday" in text
    assert "Monday" in text


async def test_a_new_name_replaces_the_headline() -> None:
    first, built = await build(Framework.REACT, "A board")
    changed, _ = await follow_up(first, built, "Call it Our plan")
    assert 'export const headline = "Our plan";' in changed["src/data.ts"]


async def test_a_question_changes_nothing() -> None:
    first, built = await build(Framework.REACT, "A board")
    run = stage(first).run(job("What can it do?", base=built.files))
    assert isinstance(await run_pipeline(run), Answered)


async def test_it_says_that_it_is_no_ai() -> None:
    _, built = await build(Framework.REACT, "A board")
    assert "no AI" in built.summary.summary


async def test_the_same_request_gets_the_same_answer() -> None:
    async def answer() -> Sequence[object]:
        request = LLMRequest("generate", "m", (Message("user", "A shop"),), 0.7, 100)
        return [chunk async for chunk in OfflineModel(SystemClock()).stream(request)]

    assert await answer() == await answer()


async def test_choosing_is_one_word() -> None:
    request = LLMRequest("select", "m", (Message("user", "A shop"),), 0.3, 50)
    chunks = [chunk async for chunk in OfflineModel(SystemClock()).stream(request)]
    assert chunks[0] == TextDelta("react")
    assert chunks[-1] == Finished("stop")


@pytest.mark.parametrize(
    ("prompt", "title", "topic"),
    [
        ("A kanban board for a bike shop", "Kanban board for a bike shop", "kanban board"),
        ("please build me a todo list", "Todo list", "todo list"),
        ("Create an invoice tracker with totals", "Invoice tracker with totals", "invoice tracker"),
        ("Snake", "Snake", "snake"),
    ],
)
def test_titles_are_the_persons_words(prompt: str, title: str, topic: str) -> None:
    assert (title_of(prompt), topic_of(prompt)) == (title, topic)


@given(st.text(max_size=300))
def test_any_words_make_a_title_and_valid_data(prompt: str) -> None:
    assert 0 < len(title_of(prompt)) <= 60
    assert 0 < len(topic_of(prompt)) <= 40
    files = sample_files(get_template(Framework.REACT), prompt)
    line = next(x for x in files["src/data.ts"].splitlines() if "headline" in x)
    assert json.loads(line.partition(" = ")[2].rstrip(";")) == title_of(prompt)

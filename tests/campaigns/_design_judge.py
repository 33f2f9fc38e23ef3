"""Whether a design that means harm was only read: what it may do, and what it must not.

It goes through the whole pipeline, from a stand-in for Figma. Only images may come of it, below
`public/design/`; what a model reads is bounded, printable and stays in its wrapper; nothing is
asked of any other server, the token is told to the API only, and it ends in time: built, or
refused in our own words.
"""

import random
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from agents import events as e
from agents.context import tokens_of
from agents.errors import ZapdevError
from agents.imports.figma.brief import BUDGET, write_brief
from agents.imports.figma.client import Figma
from agents.imports.figma.images import extension_of, names_of, wanted_images
from agents.imports.figma.nodes import read_tree
from agents.imports.figma.tokens import Catalog
from agents.pipeline import Built, run_pipeline
from agents.run import Job
from agents.testing import ScriptedLLM
from agents.types import TaskKind
from tests.agents.imports.figma.designs import ADDRESS, FRAME, KEY, landing
from tests.agents.imports.test_fetch import Rebinding, inside
from tests.campaigns._hostile_designs import HostileDesign
from tests.campaigns._hostile_repositories import MARK
from tests.fakes.figma import SVG, FakeFigma
from tests.fakes.instant_clock import InstantClock
from tests.fakes.pipelines import SUMMARY, TASK, Stage, say, write

LONGEST_NAME = 80
PAGE = {"app/page.tsx": "export default () => <h1>Bikes</h1>"}
_CLOSING = "</data boundary="


async def judged(design: HostileDesign) -> tuple[list[str], float]:
    """What it did that it must not, and the seconds it took."""
    async with FakeFigma() as figma, inside() as elsewhere:
        figma.add(KEY, landing())
        design.prepare(figma, elsewhere.url)
        leads = Rebinding("127.0.0.1", elsewhere.port)
        client = Figma(InstantClock(), api_url=figma.url, token=figma.token, resolver=leads)
        llm = ScriptedLLM(write(PAGE), say("<task_summary>Done.</task_summary>"), SUMMARY)
        stage = Stage(llm)
        importing = Job(TASK, TaskKind.IMPORT, f"Import {ADDRESS}")
        began = time.monotonic()
        breaches = []
        try:
            async with client:
                outcome = await run_pipeline(stage.run(importing, designs=client))
                if not isinstance(outcome, Built):
                    breaches.append("not built")
        except ZapdevError as refused:
            breaches += [
                "refused in its words" for _ in [0] if MARK in f"{getattr(refused, 'hint', '')}"
            ]
        except Exception as error:  # noqa: BLE001 - that is the finding
            breaches.append(f"fails by {type(error).__name__}")
        took_s = time.monotonic() - began
        breaches += [f"reached {path!r}" for path, _ in elsewhere.seen]
        breaches += [f"token told to {p}" for p in figma.told if not p.startswith("/v1/")]
        breaches += [*_of_files(stage), *_of_events(stage), *_of_prompts(llm)]
        breaches += [f"took {took_s:.0f} s" for _ in [0] if took_s > design.limit_s]
        commands = [c for s in stage.provider.sandboxes.values() for c in s.commands]
        breaches += ["a command says it" for command in commands if MARK in command]
    return [f"design {design.name}: {breach}" for breach in breaches], took_s


def _of_files(stage: Stage) -> Iterator[str]:
    for change in stage.changes():
        folder, _, name = change.path.rpartition("/")
        if change.path in PAGE:
            continue
        is_plain = name.replace("-", "").replace(".", "").isalnum() and name.count(".") == 1
        if folder != "public/design" or not is_plain or not name.isascii():
            yield f"writes {change.path!r}"
        content = stage.blobs.contents[change.blob] if change.blob is not None else b""
        if extension_of(content) != name.rpartition(".")[2] or b"ELSEWHERE" in content:
            yield f"{change.path!r} is no image"
        if b"127.0.0.1" in content or (name.endswith(".svg") and content != SVG):
            yield f"{change.path!r} does more than to draw"


def _of_events(stage: Stage) -> Iterator[str]:
    for event in stage.journal.events:
        match event:
            case e.NoticeGiven(message=message) if MARK in message:
                yield "told as ours"
            case e.DesignImported():
                for told in (event.name, event.frame, event.version, *event.notes):
                    if len(told) > LONGEST_NAME + 40 or not told.isprintable():
                        yield f"tells people {told[:40]!r}"
            case _:
                pass


def _of_prompts(llm: ScriptedLLM) -> Iterator[str]:
    for request in llm.requests:
        for message in request.messages:
            text = message.content
            if MARK in without_data(text):
                yield "in a prompt"
            brief = text.partition('<data kind="design"')[2].partition("\n")[2]
            brief, closing, _ = brief.rpartition(f"\n{_CLOSING}")
            if closing:
                yield from of_brief(brief)


def of_brief(brief: str) -> Iterator[str]:
    if tokens_of(brief) > BUDGET:
        yield f"a brief of {tokens_of(brief)} tokens"
    if not all(line.isprintable() for line in brief.split("\n")):
        yield "a brief that cannot be printed"


def without_data(text: str) -> str:
    """The text without what is marked as data: each mark ends at its own boundary."""
    kept, rest = "", text
    while '<data kind="' in rest:
        before, _, after = rest.partition('<data kind="')
        boundary = after.partition('boundary="')[2].partition('"')[0]
        kept += before
        rest = after.partition(f'{_CLOSING}"{boundary}">')[2]
    return kept + rest


# --- mangled ones ------------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    *(float("nan"), float("inf"), -float("inf"), 5e-324, 1e308, 10**400, -1, 0, 0.0, 1e6, True),
    *(None, "", "x" * 300, "\ud800\u202e", "../..", [], {}, [[]], [{}], {"": {}}, ["x"], {"r": 1}),
)


def mangled_design(seed: int) -> list[str]:
    """The landing page with some of its values replaced, read and told; what of it broke."""
    chance = random.Random(seed)  # noqa: S311 - seeded
    found = {"document": deepcopy(landing().node(FRAME)), **_catalog()}
    for _ in range(chance.randint(1, 12)):
        places = list(_places(found))
        holder, key = places[chance.randrange(len(places))]
        holder[key] = deepcopy(chance.choice(ODD))
    try:
        tree = read_tree(found["document"])
        if tree is None:
            return []
        images = wanted_images(tree.root)
        names = names_of(images, {image.reference: "png" for image in images})
        broke = list(of_brief(write_brief(tree, Catalog.of(found), names).text))
    except Exception as error:  # noqa: BLE001 - that is the finding
        broke = [f"fails by {type(error).__name__}: {error}"]
    return [f"mangled design {seed}: {what}" for what in broke]


def _catalog() -> Mapping[str, Any]:
    file = landing()
    return {"components": file.components, "componentSets": file.sets, "styles": file.styles}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place that holds a value, the containers themselves included."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)

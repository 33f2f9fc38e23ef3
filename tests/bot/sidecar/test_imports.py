"""Imports over HTTP: what is accepted, and what is refused at the door."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents import events as e
from agents.types import BlobHash, LeftOut
from tests.fakes.sidecar import RunningSidecar, read_all, running_sidecar

PATH = "/api/import/github/process"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


DESIGN_PATH = "/api/import/figma/process"
DESIGN = "https://www.figma.com/design/AbCdEf0/Bikes?node-id=1-2&t=x"


@pytest.fixture
async def designing(tmp_path: Path) -> AsyncIterator[RunningSidecar]:
    """A sidecar where `FIGMA_TOKEN` is set."""
    async with running_sidecar(tmp_path / "zapdev.db", reads_designs=True) as running:
        yield running


async def post(
    sidecar: RunningSidecar, body: Any, path: str = PATH, **headers: str
) -> tuple[int, Any]:
    async with sidecar.http.post(path, data=json.dumps(body), headers=JSON | headers) as answer:
        return answer.status, await answer.json()


async def test_an_import_is_accepted_and_told_as_a_stream(sidecar: RunningSidecar) -> None:
    status, accepted = await post(sidecar, {"url": "github.com/acme/shop"})
    assert status == 202
    claim = await sidecar.worker.take()
    assert claim.task.id == accepted["taskId"]
    assert claim.task.prompt == "Import acme/shop"
    left = (LeftOut(path=".env", reason="may hold secrets"),)
    await sidecar.worker.play(
        e.SourceImported(
            origin="github.com/acme/shop",
            ref="main",
            commit="0" * 40,
            title="Next.js 15",
            files=2,
            left_out=left,
            left_out_count=1,
        )
    )
    await sidecar.worker.build()
    path = f"/api/stream-progress?taskId={accepted['taskId']}"
    async with sidecar.http.get(path) as answer:
        frames = await read_all(answer)
    assert frames[0].data["kind"] == "import"
    [told] = [frame.data for frame in frames if frame.type == "import"]
    assert told["leftOut"] == [{"path": ".env", "reason": "may hold secrets"}]
    assert frames[-1].type == "complete"


async def test_the_same_key_is_the_same_import(sidecar: RunningSidecar) -> None:
    first = await post(sidecar, {"url": "acme/shop"}, **{"Idempotency-Key": "k"})
    assert await post(sidecar, {"url": "acme/shop"}, **{"Idempotency-Key": "k"}) == first


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "missing"),
        ({"url": 7}, "wrong"),
        ({"url": ""}, "Which repository?"),
        ({"url": "https://gitlab.com/acme/shop"}, "GitHub only"),
        ({"url": "https://www.figma.com/design/a/b"}, "names no design"),
        ({"url": DESIGN}, "cannot be imported here yet"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "is not GitHub"),
        ({"url": "acme/shop/../../etc"}, "cannot be imported"),
    ],
)
async def test_what_is_no_repository_is_400_and_names_the_field(
    sidecar: RunningSidecar, body: dict[str, Any], said: str
) -> None:
    status, answer = await post(sidecar, body)
    assert status == 400
    assert answer["error"]["field"] == "url"
    assert said in answer["error"]["message"]
    assert (await sidecar.get("/api/projects"))["projects"] == []


async def test_a_design_is_accepted_with_its_framework_and_told_as_a_stream(
    designing: RunningSidecar,
) -> None:
    body = {"url": DESIGN, "framework": "vue", "model": "auto"}
    status, accepted = await post(designing, body, DESIGN_PATH)
    assert status == 202
    claim = await designing.worker.take()
    assert claim.task.prompt == "Import https://www.figma.com/design/AbCdEf0?node-id=1-2"
    assert claim.task.framework == "vue"
    await designing.worker.play(
        e.DesignImported(
            origin="figma.com/design/AbCdEf0", name="Bikes", frame="Home", brief=BlobHash("a" * 64)
        ),
        e.DesignCompared(likeness=92),
    )
    await designing.worker.build()
    path = f"/api/stream-progress?taskId={accepted['taskId']}"
    async with designing.http.get(path) as answer:
        frames = await read_all(answer)
    told = {frame.type: frame.data for frame in frames}
    assert (told["design"]["frame"], told["likeness"]["likeness"]) == ("Home", 92)
    assert frames[-1].type == "complete"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "acme/shop"}, "url"),
        ({"url": "https://www.figma.com/board/AbCdEf0/x"}, "url"),
        ({"url": DESIGN, "framework": "django"}, "framework"),
    ],
)
async def test_what_is_no_design_is_400_and_names_the_field(
    designing: RunningSidecar, body: dict[str, Any], field: str
) -> None:
    status, answer = await post(designing, body, DESIGN_PATH)
    assert (status, answer["error"]["field"]) == (400, field)
    assert (await designing.get("/api/projects"))["projects"] == []


async def test_without_a_token_a_design_is_refused_with_what_to_set(
    sidecar: RunningSidecar,
) -> None:
    status, answer = await post(sidecar, {"url": DESIGN}, DESIGN_PATH)
    assert status == 400
    assert "FIGMA_TOKEN" in answer["error"]["hint"]

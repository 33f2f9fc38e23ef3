"""Imports over HTTP: what is accepted, and what is refused at the door."""

import json
from typing import Any

import pytest

from agents import events as e
from agents.types import LeftOut
from tests.fakes.sidecar import RunningSidecar, read_all

PATH = "/api/import/github/process"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


async def post(sidecar: RunningSidecar, body: Any, **headers: str) -> tuple[int, Any]:
    async with sidecar.http.post(PATH, data=json.dumps(body), headers=JSON | headers) as answer:
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
        ({"url": "https://www.figma.com/design/a/b"}, "Figma cannot be imported yet"),
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

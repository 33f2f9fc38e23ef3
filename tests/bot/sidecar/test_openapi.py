"""The API as it is described: nothing is left out, nothing is made up, and a page shows it."""

import json
import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from agents import events as e
from bot.cli.openapi import print_openapi
from bot.render.sse import encode, sign_in_again
from bot.sidecar.frames import Frame
from bot.sidecar.openapi import openapi_document
from bot.sidecar.operations import OPERATIONS
from bot.sidecar.watchers import Ending
from tests.bot.render.test_sse import WIRE, recorded
from tests.fakes.sidecar import Frame as Sent
from tests.fakes.sidecar import RunningSidecar, read_all

FOR_PEOPLE = ("/", "/docs", "/client.js", "/page/")
"""What a browser shows or loads is not part of the API."""


def is_for_people(path: str) -> bool:
    return path in FOR_PEOPLE or path.startswith("/page/")


def test_every_call_is_described_once() -> None:
    described = [(operation.method, operation.path) for operation in OPERATIONS]
    assert len(described) == len(set(described))
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


async def test_every_route_is_described_and_nothing_else(sidecar: RunningSidecar) -> None:
    routes = sidecar.runner.app.router.routes()
    served = {(r.method.lower(), r.resource.canonical) for r in routes if r.resource is not None}
    api = {(method, path) for method, path in served if not is_for_people(path)}
    paths: dict[str, dict[str, Any]] = openapi_document()["paths"]
    described = {(method, path) for path, calls in paths.items() for method in calls}
    assert {call for call in api if call[0] != "head"} == described
    assert {path for method, path in api if method == "head"} <= {path for _, path in described}


async def test_the_document_is_served_and_printed(
    sidecar: RunningSidecar, capsys: pytest.CaptureFixture[str]
) -> None:
    served = await sidecar.get("/openapi.json")
    assert served["openapi"] == "3.1.0"
    assert served == openapi_document(sign_in=False)
    print_openapi()
    assert json.loads(capsys.readouterr().out) == openapi_document()


def test_every_reference_leads_somewhere() -> None:
    document = openapi_document()
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])
    assert len(named) > 30


def check_frame(data: dict[str, Any]) -> None:
    Frame.model_validate_json(json.dumps(data))


@pytest.mark.parametrize(("event", "wire"), WIRE)
def test_every_frame_is_described(event: e.Event, wire: dict[str, Any]) -> None:
    data = encode(recorded(event))
    assert data is not None, wire
    check_frame(json.loads(data.partition(b"data: ")[2]))


def test_no_frame_is_described_that_is_never_sent() -> None:
    union = get_args(Frame.model_fields["root"].annotation)
    described = {get_args(kind.model_fields["type"].annotation)[0] for kind in union}
    assert described == {wire["type"] for _, wire in WIRE} | {"complete", "reauth"}


def test_a_stream_that_ends_before_its_task_says_so_as_described() -> None:
    for why in set(Ending) - {Ending.SERVER_STOPS}:
        check_frame(json.loads(sign_in_again(why).partition(b"data: ")[2]))


def test_a_frame_with_a_field_too_many_is_none() -> None:
    with pytest.raises(ValidationError):
        check_frame({"type": "reset", "reason": "a", "more": 1})


async def test_a_whole_stream_is_as_described(sidecar: RunningSidecar) -> None:
    started = await sidecar.built_project()
    path = f"/api/stream-progress?taskId={started['taskId']}"
    async with sidecar.http.get(path) as answer:
        sent: list[Sent] = await read_all(answer)
    for frame in sent:
        check_frame(frame.data)
    assert sent[-1].type == "complete"


async def test_the_page_shows_every_call_and_shape_and_loads_nothing(
    sidecar: RunningSidecar,
) -> None:
    async with sidecar.http.get("/docs") as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "script" not in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|<link|<img|@import|url\(|\bon\w+=", page)
    for operation in OPERATIONS:
        assert f'<section id="{operation.name}">' in page
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))
    assert sidecar.url in page

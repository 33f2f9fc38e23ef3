"""What the loopback Convex says over HTTP is what Convex says."""

import json
from typing import Any

import pytest
from convex import ConvexInt64, json_to_convex

from tests.contracts.convex_host.client import ADMIN_KEY, CALL, MIB, Convex, is_redacted


async def test_every_number_leaves_as_a_float(convex: Convex) -> None:
    body = {"path": "notes:echo", "args": {"value": [3, 0.5, -7, 1e21]}}

    status, text = await convex.post("/api/query", body)

    assert (status, text) == (200, '{"status":"success","value":[3.0,0.5,-7.0,1e+21]}')
    assert json_to_convex(json.loads(text)["value"]) == [3.0, 0.5, -7.0, 1e21]


async def test_special_values_keep_their_kind_in_the_clients_format(convex: Convex) -> None:
    special = {"i": {"$integer": "KgAAAAAAAAA="}, "b": {"$bytes": "aGk="}}

    encoded = await convex.value("query", "echo", value=special)
    _, clean = await convex.post("/api/query", {"path": "notes:echo", "args": {"value": special}})

    assert json_to_convex(encoded) == {"i": ConvexInt64(42), "b": b"hi"}
    assert json.loads(clean)["value"] == {"i": "42", "b": "aGk="}


async def test_functions_are_reached_by_path_and_in_batches(convex: Convex) -> None:
    await convex.value("action", "addTwice")
    query = {"path": "notes:count", "args": {}}

    assert await convex.post("/api/run/notes/count", {"args": {}}) == (
        200,
        '{"status":"success","value":2.0}',
    )
    assert await convex.post("/api/query_batch", {"queries": [query, query]}) == (
        200,
        '{"results":[{"status":"success","value":2.0},{"status":"success","value":2.0}]}',
    )


async def test_http_actions_are_served(convex: Convex) -> None:
    assert await convex.post("/http/notes", b"by webhook") == (201, "written")
    assert await convex.value("query", "find", text="by webhook") is not None
    assert (await convex.post("/http/other", b""))[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/query", b"{", 400, "BadJsonBody"),
        ("/api/query", b"[]", 400, "BadJsonBody"),
        ("/api/query", {"path": "notes:count"}, 400, "BadJsonBody"),
        ("/api/query", {"args": {}}, 400, "BadJsonBody"),
        ("/api/query", {**CALL, "format": "xml"}, 400, "BadFormat"),
        ("/api/run/notes", {"args": {}}, 400, "MissingIdentifier"),
        ("/api/function", CALL, 403, "BadDeployKey"),
        ("/api/queries", CALL, 404, "NotFound"),
        ("/", CALL, 404, "NotFound"),
        ("/api/query", b" " * (16 * MIB + 1), 413, "PayloadTooLarge"),
    ],
)
async def test_what_is_no_call_gets_a_status_and_a_code(
    convex: Convex, path: str, body: Any, status: int, code: str
) -> None:
    got, text = await convex.post(path, body)

    assert (got, json.loads(text)["code"]) == (status, code)


async def test_another_content_type_is_refused(convex: Convex) -> None:
    status, text = await convex.with_header("Content-Type", "text/plain").post("/api/query", CALL)

    assert (status, json.loads(text)["code"]) == (400, "BadJsonBody")


async def test_what_a_function_throws_stays_inside(convex: Convex) -> None:
    answer = await convex.call("mutation", "fail", text="secret", isTold=False)

    assert is_redacted(answer)
    assert set(answer) == {"status", "errorMessage"}
    assert "secret" not in json.dumps(answer)


async def test_a_convex_error_brings_its_data_and_nothing_else(convex: Convex) -> None:
    answer = await convex.call("mutation", "fail", text="LEASE_LOST", isTold=True)

    assert is_redacted(answer)
    assert answer["errorData"] == {"code": "LEASE_LOST"}


async def test_a_function_is_called_as_what_it_is_with_what_it_takes(convex: Convex) -> None:
    assert is_redacted(await convex.call("query", "add", text="a"))
    assert is_redacted(await convex.call("mutation", "add", text=5))
    assert is_redacted(await convex.call("mutation", "add", text="a", more=1))
    assert await convex.count() == 0


async def test_only_the_admin_reaches_what_is_internal(convex: Convex) -> None:
    await convex.value("mutation", "add", text="a")
    for name in ("wipe", "nothing"):
        answer = await convex.call("mutation", name)
        assert f"Could not find public function for 'notes:{name}'" in answer["errorMessage"]

    admin = convex.with_header("Authorization", f"Convex {ADMIN_KEY}")
    await admin.value("mutation", "wipe")

    assert await admin.count() == 0

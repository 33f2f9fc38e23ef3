import json
from typing import Any

import pytest

from agents.types import Stage, TaskProgress
from bot.store.port import Idle
from tests.fakes.sidecar import RunningSidecar, read_all
from tests.fakes.worker import APP, ICON, PICTURE

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
DEEP = "[" * 100_000


async def refused(sidecar: RunningSidecar, body: str, path: str = "/api/generate") -> Any:
    async with sidecar.http.post(path, data=body.encode(), headers=JSON) as answer:
        said = await answer.json()
        assert set(said) == {"error"}
        return answer.status, said["error"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n\t "}, "prompt"),
        ({"prompt": "x" * 200_000}, "prompt"),
        ({"prompt": "x" * 20_001}, "prompt"),
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"prompt": "a", "projectId": 7}, "projectId"),
        ({"prompt": "a", "model": {}}, "model"),
        ({"prompt": "a", "model": "m" * 101}, "model"),
        ({"prompt": "a", "framework": "ember"}, "framework"),
        ({"prompt": "a", "framework": 3}, "framework"),
        ({"prompt": "a", "conversationHistory": "x"}, "conversationHistory"),
        (
            {"prompt": "a", "conversationHistory": [{"role": "system", "content": "x"}]},
            "conversationHistory.0.role",
        ),
    ],
)
async def test_a_bad_field_is_400_and_named(
    sidecar: RunningSidecar, body: dict[str, Any], field: str
) -> None:
    status, error = await refused(sidecar, json.dumps(body))
    assert status == 400
    assert error["field"] == field
    assert (await sidecar.get("/api/projects"))["projects"] == []


async def test_a_prompt_that_is_too_long_names_the_limit(sidecar: RunningSidecar) -> None:
    _, error = await refused(sidecar, json.dumps({"prompt": "x" * 200_000}))
    assert "200,000" in error["message"]
    assert "20,000" in error["message"]


async def test_an_unknown_framework_names_the_five(sidecar: RunningSidecar) -> None:
    _, error = await refused(sidecar, json.dumps({"prompt": "a", "framework": "ember"}))
    assert error["code"] == "unsupported_framework"
    for name in ("nextjs", "react", "vue", "angular", "svelte"):
        assert name in error["message"]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '"text"', "null", '{"prompt": "\\ud800"}', DEEP, "\x00", "{'a': 1}"]
)
@pytest.mark.parametrize("path", ["/api/generate", "/api/fix-errors"])
async def test_a_body_that_is_no_json_object_is_400(
    sidecar: RunningSidecar, body: str, path: str
) -> None:
    status, error = await refused(sidecar, body, path)
    assert status == 400
    assert error["code"] == "bad_request"
    assert "JSON" in error["message"]


async def test_an_unknown_project_is_404(sidecar: RunningSidecar) -> None:
    body = json.dumps({"prompt": "a", "projectId": "proj_nobody"})
    status, error = await refused(sidecar, body)
    assert (status, error["message"]) == (404, "There is no such project.")
    status, _ = await refused(sidecar, '{"projectId": "proj_nobody"}', "/api/fix-errors")
    assert status == 404


async def test_a_follow_up_cannot_change_the_framework(sidecar: RunningSidecar) -> None:
    project_id = (await sidecar.built_project())["projectId"]
    body = {"prompt": "a", "projectId": project_id, "framework": "vue"}
    status, error = await refused(sidecar, json.dumps(body))
    assert (status, error["field"]) == (400, "framework")
    started = await sidecar.start_task("more", projectId=project_id, framework="React")
    assert started["projectId"] == project_id


async def test_fixing_a_project_without_a_version_is_400(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task()
    body = json.dumps({"projectId": started["projectId"]})
    status, error = await refused(sidecar, body, "/api/fix-errors")
    assert (status, error["field"]) == (400, "projectId")


async def test_history_seeds_a_new_project_and_is_ignored_after(sidecar: RunningSidecar) -> None:
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    started = await sidecar.start_task(conversationHistory=turns)
    claim = await sidecar.worker.take()
    assert [(turn.role, turn.text) for turn in claim.history][:2] == [
        ("user", "hello"),
        ("assistant", "hi"),
    ]
    await sidecar.worker.build()
    project_id = started["projectId"]
    await sidecar.start_task("more", projectId=project_id, conversationHistory=turns)
    claim = await sidecar.worker.take()
    assert [turn.text for turn in claim.history].count("hello") == 1


async def test_the_same_idempotency_key_starts_one_task(sidecar: RunningSidecar) -> None:
    ids = set()
    for _ in range(3):
        async with sidecar.http.post(
            "/api/generate",
            json={"prompt": "A board"},
            headers={"Accept": "application/json", "Idempotency-Key": "k-1"},
        ) as answer:
            ids.add((await answer.json())["taskId"])
    assert len(ids) == 1


async def test_a_senseless_idempotency_key_is_400(sidecar: RunningSidecar) -> None:
    headers = {**JSON, "Idempotency-Key": "k" * 201}
    async with sidecar.http.post(
        "/api/generate", data='{"prompt": "a"}', headers=headers
    ) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["field"] == "Idempotency-Key"


async def test_the_polling_answer_has_exactly_the_promised_fields(
    sidecar: RunningSidecar,
) -> None:
    task_id = (await sidecar.start_task())["taskId"]
    waiting = await sidecar.get(f"/api/tasks/{task_id}")
    assert set(waiting) == set(TaskProgress.model_fields)
    assert (waiting["status"], waiting["lastSeq"], waiting["error"]) == ("pending", 1, None)

    await sidecar.worker.take()
    await sidecar.worker.prepare()
    await sidecar.worker.say("I will build")
    await sidecar.worker.write({**APP, "public/icon.png": ICON})
    running = await sidecar.get(f"/api/tasks/{task_id}")
    assert running["status"] == "running"
    assert running["stage"] == Stage.GENERATING
    assert running["streamedContent"] == "I will build"
    assert running["files"] == {path: content.decode() for path, content in APP.items()}

    last_seq = (await sidecar.store.read(sidecar.worker.claim.task.id))[-1].seq
    assert running["lastSeq"] == last_seq
    await sidecar.worker.complete({"only.txt": b"whole app"})
    done = await sidecar.get(f"/api/tasks/{task_id}")
    assert (done["status"], done["files"]) == ("complete", {"only.txt": "whole app"})


async def test_the_polling_answer_of_a_failed_task_says_why(sidecar: RunningSidecar) -> None:
    task_id = (await sidecar.start_task())["taskId"]
    await sidecar.worker.take()
    await sidecar.worker.fail()
    error = (await sidecar.get(f"/api/tasks/{task_id}"))["error"]
    assert error["code"] == "stuck"
    assert error["retryable"] is True
    assert error["hint"]


async def test_an_unknown_task_is_404_on_every_route(sidecar: RunningSidecar) -> None:
    async with sidecar.http.get("/api/tasks/task_nobody") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["message"] == "There is no such task."
    async with sidecar.http.post("/api/tasks/task_nobody/cancel", json={}) as answer:
        assert answer.status == 404
    async with sidecar.http.get("/api/stream-progress?taskId=task_nobody") as answer:
        assert answer.status == 404


async def test_cancel_asks_a_running_task_and_ends_a_waiting_one(sidecar: RunningSidecar) -> None:
    first = await sidecar.start_task()
    await sidecar.worker.take()
    async with sidecar.http.post(f"/api/tasks/{first['taskId']}/cancel", json={}) as answer:
        assert answer.status == 202
        assert (await answer.json())["status"] == "running"
    assert await sidecar.worker.stop_if_asked()
    async with sidecar.http.post(f"/api/tasks/{first['taskId']}/cancel", json={}) as answer:
        assert answer.status == 200
        assert (await answer.json()) == {"taskId": first["taskId"], "status": "cancelled"}

    waiting = await sidecar.start_task()
    async with sidecar.http.post(f"/api/tasks/{waiting['taskId']}/cancel", json={}) as answer:
        assert (answer.status, (await answer.json())["status"]) == (200, "cancelled")
    assert await sidecar.store.claim(sidecar.worker._name) == Idle()


async def test_the_picture_of_an_app_is_where_its_stream_says(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task("A board")
    await sidecar.worker.take()
    await sidecar.worker.build(preview_url="http://127.0.0.1:4000/")
    stream = f"/api/stream-progress?taskId={started['taskId']}"
    async with sidecar.http.get(stream) as answer:
        [seen] = [frame for frame in await read_all(answer) if frame.type == "preview"]
    async with sidecar.http.get(seen.data["screenshotUrl"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert await answer.read() == PICTURE


async def test_a_task_without_a_picture_says_404(sidecar: RunningSidecar) -> None:
    started = await sidecar.start_task("A board")
    for task_id in (started["taskId"], "task_none"):
        async with sidecar.http.get(f"/api/tasks/{task_id}/screenshot") as answer:
            said = await answer.json()
        assert (answer.status, said["error"]["code"]) == (404, "not_found")
        assert "screenshot" in said["error"]["message"]

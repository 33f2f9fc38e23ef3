"""Accounts through the front door: a real server that believes a Clerk, two people, a farewell."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clerk.server import FakeClerk, serving_clerk
from tests.fakes.clerk.tokens import organisation
from tests.fakes.clerk.webhooks import Webhooks, session, user_deleted
from tests.fakes.server import Server, frames, serving
from tests.fakes.waiting import until_async

ANN, BEN = "user_ann", "user_ben"


@pytest.fixture
async def clerk() -> AsyncIterator[FakeClerk]:
    async with serving_clerk() as instance:
        yield instance


def settings_of(clerk: FakeClerk, webhooks: Webhooks) -> dict[str, str]:
    return {
        "CLERK_ISSUER": clerk.issuer,
        "CLERK_AUTHORIZED_PARTIES": clerk.origin,
        "CLERK_WEBHOOK_SECRET": webhooks.secret,
        "ZAPDEV_ROLES": "sidecar",
    }


async def status_of(server: Server, path: str, headers: dict[str, str]) -> int:
    async with server.http.get(path, headers=headers) as answer:
        return answer.status


async def is_ready(server: Server) -> bool:
    """Once it has Clerk's keys."""
    return await status_of(server, "/readyz", {}) == 200


async def start(server: Server, headers: dict[str, str]) -> dict[str, Any]:
    asked = {"Accept": "application/json", **headers}
    body = {"prompt": "A kanban board", "framework": "react"}
    async with server.http.post("/api/generate", json=body, headers=asked) as answer:
        assert answer.status == 202, await answer.text()
        started: dict[str, Any] = await answer.json()
        return started


def follow(server: Server, task_id: str, headers: dict[str, str]) -> Any:
    return server.http.get(f"/api/stream-progress?taskId={task_id}", headers=headers)


async def test_people_work_apart_and_together_and_who_is_gone_leaves_nothing_behind(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    webhooks = Webhooks()
    async with serving(tmp_path / "data", **settings_of(clerk, webhooks)) as server:
        ann, ben = clerk.bearer(sub=ANN, sid="sess_ann"), clerk.bearer(sub=BEN)
        await until_async(lambda: is_ready(server))
        assert await status_of(server, "/api/projects", {}) == 401
        begun = await start(server, ann)
        app = f"/api/projects/{begun['projectId']}"
        assert await status_of(server, app, clerk.bearer(sub=ANN)) == 200
        assert await status_of(server, app, ben) == 404
        assert await status_of(server, app, clerk.bearer(sub=ANN, **organisation())) == 404

        async with follow(server, begun["taskId"], ann) as answer:
            assert await webhooks.send(server.http, session("revoked", "sess_ann")) == (204, "")
            *seen, last = [frame async for frame in frames(answer)]
        assert last.data == {"type": "reauth", "code": "session_ended"}
        again = clerk.bearer(sub=ANN, sid="sess_new")
        cursor = {"Last-Event-ID": str(seen[-1].seq)}
        async with follow(server, begun["taskId"], {**again, **cursor}) as answer:
            assert await webhooks.send(server.http, user_deleted(ANN)) == (204, "")
            rest = [frame.type async for frame in frames(answer)]
        assert rest[-1] in ("cancelled", "reauth")
        assert "task" not in rest, "what was seen is not told again"
        async with server.http.get(f"/api/tasks/{begun['taskId']}", headers=ann) as answer:
            assert (await answer.json())["status"] == "cancelled"
        assert server.complaints == []

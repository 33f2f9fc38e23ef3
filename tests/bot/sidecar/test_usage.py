"""Limits and use over HTTP, for people who are signed in."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.events import UsageRecorded
from agents.types import OwnerId, Usage
from bot.services.metering import Quotas
from bot.services.principals import Principal
from tests.fakes.sidecar import RunningSidecar, running_sidecar

QUOTAS = Quotas(
    credits={"free": 2, "pro": 100}, max_open=10, person_per_hour=600, group_per_hour=600
)
NOTHING = {"builds": 0, "promptTokens": 0, "completionTokens": 0, "costUsd": 0.0}
JSON = {"Accept": "application/json"}


class People:
    """Knows people by tokens such as "ann", "ann:pro" and "ann:pro:org_1"."""

    async def verify(self, token: str) -> Principal:
        user, plan, org = [*token.split(":"), "", ""][:3]
        return Principal(OwnerId(org or user), user, org_id=org or None, plan=plan or None)


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[RunningSidecar]:
    async with running_sidecar(tmp_path / "z.db", quotas=QUOTAS, sign_in=People()) as running:
        yield running


async def ask(sidecar: RunningSidecar, token: str, **body: Any) -> tuple[int, Any, Any]:
    """Start a build; answers status, body and the Retry-After header."""
    headers = {**JSON, "Authorization": f"Bearer {token}"}
    asked = {"prompt": "A board", **body}
    async with sidecar.http.post("/api/generate", json=asked, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers.get("Retry-After")


async def use(sidecar: RunningSidecar, token: str) -> Any:
    signed = {"Authorization": f"Bearer {token}"}
    async with sidecar.http.get("/api/usage", headers=signed) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_who_has_used_nothing_sees_what_they_have(sidecar: RunningSidecar) -> None:
    told = await use(sidecar, "ann")
    assert told.pop("monthBegan").endswith("-01T00:00:00+00:00")
    assert told == {
        "credits": {"plan": "free", "allowance": 2, "used": 0, "left": 2, "nextBackAt": None},
        "day": NOTHING,
        "month": NOTHING,
        "projects": [],
        "atLeast": False,
    }


async def test_what_was_used_is_told_by_day_month_and_app(sidecar: RunningSidecar) -> None:
    _, started, _ = await ask(sidecar, "ann:pro")
    await sidecar.worker.take()
    used = Usage(prompt_tokens=1_000, completion_tokens=200, cost_usd=0.25)
    await sidecar.worker.play(UsageRecorded(model="m", usage=used))
    told = await use(sidecar, "ann:pro")
    tally = {"builds": 1, "promptTokens": 1_000, "completionTokens": 200, "costUsd": 0.25}
    assert (told["day"], told["month"]) == (tally, tally)
    assert told["projects"] == [{**tally, "projectId": started["projectId"], "title": "A board"}]
    credit = told["credits"]
    assert (credit["plan"], credit["used"], credit["left"]) == ("pro", 1, 99)
    assert credit["nextBackAt"] is not None


async def test_the_build_too_many_is_refused_with_when_to_come_back(
    sidecar: RunningSidecar,
) -> None:
    for _ in range(2):
        assert (await ask(sidecar, "ann"))[0] == 202
    status, body, retry_after = await ask(sidecar, "ann")
    assert status == 429
    assert body["error"]["code"] == "credits_used_up"
    assert body["error"]["message"] == "You have used all 2 credits of the last 24 hours."
    assert body["error"]["hint"].startswith("The next one is back in 24 hours.")
    assert 86_300 < int(retry_after) <= 86_400
    assert (await ask(sidecar, "bob"))[0] == 202


async def test_a_repeated_request_is_answered_with_its_task_when_nothing_is_left(
    sidecar: RunningSidecar,
) -> None:
    headers = {**JSON, "Authorization": "Bearer ann", "Idempotency-Key": "k1"}
    ids = set()
    for _ in range(5):
        async with sidecar.http.post(
            "/api/generate", json={"prompt": "A board"}, headers=headers
        ) as answer:
            assert answer.status == 202
            ids.add((await answer.json())["taskId"])
    assert len(ids) == 1
    assert (await use(sidecar, "ann"))["credits"]["used"] == 1


async def test_fixing_is_free_when_no_credit_is_left(sidecar: RunningSidecar) -> None:
    _, started, _ = await ask(sidecar, "ann")
    await sidecar.worker.take()
    await sidecar.worker.build()
    assert (await ask(sidecar, "ann"))[0] == 202
    assert (await ask(sidecar, "ann"))[0] == 429
    body = {"projectId": started["projectId"]}
    headers = {**JSON, "Authorization": "Bearer ann"}
    async with sidecar.http.post("/api/fix-errors", json=body, headers=headers) as answer:
        assert answer.status == 202
    assert (await use(sidecar, "ann"))["credits"]["used"] == 2


async def test_an_organisation_has_credits_of_its_own(sidecar: RunningSidecar) -> None:
    for token in ("ann::org_1", "bob::org_1"):
        assert (await ask(sidecar, token))[0] == 202
    assert (await ask(sidecar, "ann::org_1"))[0] == 429
    assert (await ask(sidecar, "ann"))[0] == 202
    assert (await use(sidecar, "bob::org_1"))["credits"]["left"] == 0


async def test_a_larger_plan_holds_from_the_next_request_on(sidecar: RunningSidecar) -> None:
    for _ in range(2):
        await ask(sidecar, "ann")
    assert (await ask(sidecar, "ann:pro"))[0] == 202
    assert (await use(sidecar, "ann"))["credits"]["plan"] == "pro", "a token without a claim"


async def test_whatever_is_asked_for_the_plan_of_the_token_is_kept(sidecar: RunningSidecar) -> None:
    for token, owner in (("ann:pro", "ann"), ("ann:team:org_1", "org_1")):
        signed = {"Authorization": f"Bearer {token}"}
        async with sidecar.http.get("/api/projects", headers=signed) as answer:
            assert answer.status == 200
        assert await sidecar.store.plan(OwnerId(owner)) == token.split(":")[1]


async def test_starts_in_quick_succession_are_slowed_down(tmp_path: Path) -> None:
    quotas = Quotas(credits=None, max_open=100, person_per_hour=12, group_per_hour=0)
    async with running_sidecar(tmp_path / "z.db", quotas=quotas, sign_in=People()) as sidecar:
        for _ in range(2):
            assert (await ask(sidecar, "ann"))[0] == 202
        status, body, retry_after = await ask(sidecar, "ann")
        assert (status, body["error"]["code"]) == (429, "too_fast")
        assert 290 < int(retry_after) <= 300


async def test_without_accounts_nobody_is_metered_and_use_is_told_all_the_same(
    tmp_path: Path,
) -> None:
    quotas = Quotas(credits=None, max_open=1, person_per_hour=1, group_per_hour=1)
    async with running_sidecar(tmp_path / "z.db", quotas=quotas) as sidecar:
        for _ in range(3):
            await sidecar.start_task()
        told = await sidecar.get("/api/usage")
        assert (told["credits"], told["day"]["builds"]) == (None, 3)

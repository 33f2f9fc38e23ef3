"""Who may use the API where sign-in is set up."""

from pathlib import Path

import pytest

from agents.types import OwnerId
from bot.services.principals import NotSignedIn, Principal
from tests.fakes.sidecar import running_sidecar


class OnePerson:
    """Knows one token."""

    async def verify(self, token: str) -> Principal:
        if token != "good":
            raise NotSignedIn("token_invalid", "This session is not valid any more.")
        return Principal(OwnerId("user_ann"), "user_ann")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "token_missing"),
        ({"Authorization": "good"}, "token_malformed"),
        ({"Authorization": "Basic good"}, "token_malformed"),
        ({"Authorization": "Bearer bad"}, "token_invalid"),
    ],
)
async def test_nobody_gets_in_without_a_token_that_counts(
    tmp_path: Path, headers: dict[str, str], code: str
) -> None:
    async with (
        running_sidecar(tmp_path / "z.db", sign_in=OnePerson()) as sidecar,
        sidecar.http.get("/api/projects", headers=headers) as answer,
    ):
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == code
        assert code in answer.headers["WWW-Authenticate"]


async def test_a_person_sees_their_own_projects_only(tmp_path: Path) -> None:
    path = tmp_path / "z.db"
    async with running_sidecar(path) as anybody:
        await anybody.start_task()
    signed = {"Authorization": "Bearer good"}
    async with running_sidecar(path, sign_in=OnePerson()) as sidecar:
        async with sidecar.http.get("/api/projects", headers=signed) as answer:
            assert await answer.json() == {"projects": []}
        async with sidecar.http.get("/api/info") as answer:
            assert answer.status == 200

"""Other frontends: a page whose origin is named uses the API with a token, and no other does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.types import OwnerId
from bot.bootstrap import running
from bot.config import ConfigError, Settings, load_settings
from bot.services.principals import NotSignedIn, Principal
from bot.sidecar.deps import DEPS
from tests.fakes.sidecar import RunningSidecar, frames, running_sidecar

APP, OTHER = "https://app.example.com", "https://app.example.com.evil.example"
ASKING = {
    "Origin": APP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}
FROM_APP = {"Origin": APP, "Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}
ANN = {"Authorization": "Bearer anns"}


class OnePerson:
    async def verify(self, token: str) -> Principal:
        if token != "anns":
            raise NotSignedIn("token_invalid", "This session is not valid any more.")
        return Principal(OwnerId("user_ann"), "user_ann")


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[RunningSidecar]:
    origins = frozenset({APP})
    async with running_sidecar(
        tmp_path / "z.db", sign_in=OnePerson(), cors_origins=origins
    ) as sidecar:
        yield sidecar


async def test_a_preflight_is_answered_before_anybody_signs_in(shared: RunningSidecar) -> None:
    async with shared.http.options("/api/generate", headers=ASKING) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        taken = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "content-type", "idempotency-key", "last-event-id"} == set(taken)
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [OTHER, "null", "http://app.example.com", f"{APP}:444", ""])
async def test_a_page_that_is_not_named_gets_nothing(shared: RunningSidecar, origin: str) -> None:
    async with shared.http.options("/api/generate", headers={**ASKING, "Origin": origin}) as answer:
        assert answer.status == 401
        assert "Access-Control-Allow-Origin" not in answer.headers
    posted = shared.http.post(
        "/api/generate", json={"prompt": "x"}, headers={**FROM_APP, **ANN, "Origin": origin}
    )
    async with posted as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with shared.http.get("/api/projects", headers={**ANN, "Origin": origin}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


async def test_a_named_page_starts_a_task_and_reads_its_stream(shared: RunningSidecar) -> None:
    body = {"prompt": "A kanban board"}
    async with shared.http.post("/api/generate", json=body, headers={**FROM_APP, **ANN}) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers["Vary"] == "Origin"
        assert (await anext(frames(answer))).type == "task"


async def test_a_named_page_can_read_why_it_was_refused(shared: RunningSidecar) -> None:
    async with shared.http.post("/api/generate", json={}, headers=FROM_APP) as answer:
        assert answer.status == 401
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]
    async with shared.http.get("/api/nothing", headers={**FROM_APP, **ANN}) as answer:
        assert answer.status == 404
        assert answer.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.parametrize("path", ["/client.js", "/openapi.json"])
async def test_a_named_page_may_load_the_client(shared: RunningSidecar, path: str) -> None:
    async with shared.http.get(path, headers={"Origin": APP}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, APP)


@pytest.mark.parametrize("path", ["/", "/healthz", "/docs", "/p/some-key", "/d/some-link"])
async def test_what_is_not_the_api_is_shared_with_nobody(shared: RunningSidecar, path: str) -> None:
    async with shared.http.get(path, headers={"Origin": APP}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Vary" not in answer.headers


def test_other_pages_are_let_in_only_where_people_sign_in() -> None:
    with pytest.raises(ValueError, match="ZAPDEV_CORS_ORIGINS needs sign-in"):
        Settings(cors_origins=frozenset({APP}))


@pytest.mark.parametrize("origins", ["*", "app.example.com", "https://app.example.com, *"])
def test_only_origins_can_be_named(
    origins: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZAPDEV_CORS_ORIGINS", origins)
    monkeypatch.setenv("CLERK_ISSUER", "https://clerk.example.com")
    with pytest.raises(ConfigError, match="ZAPDEV_CORS_ORIGINS"):
        load_settings(tmp_path / ".env")


async def test_tokens_of_a_named_page_count(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        clerk_issuer="http://127.0.0.1:1",
        cors_origins=frozenset({APP}),
        roles=frozenset({"worker"}),
    )
    assert APP in settings.authorized_parties
    assert settings.authorized_parties > {APP}, "this server's own page still counts"
    async with running(settings, roles=frozenset()) as services:
        assert services.sidecar()[DEPS].cors_origins == {APP}

"""Sign-in from the settings to an answered request."""

from pathlib import Path

import pytest

from agents.errors import UserError
from agents.system import SystemClock
from bot.bootstrap import running
from bot.config import Settings
from bot.services.previews import PreviewLinks
from bot.sidecar.clerk import ClerkSignIn
from bot.sidecar.sign_in import clerk_sign_in
from tests.fakes.clerk.server import FakeClerk
from tests.fakes.clerk.tokens import organisation
from tests.fakes.sidecar import running_sidecar


def settings_of(clerk: FakeClerk, **values: object) -> Settings:
    return Settings.model_validate(
        {"clerk_issuer": clerk.issuer, "clerk_authorized_parties": {clerk.origin}, **values}
    )


def made(settings: Settings) -> ClerkSignIn:
    sign_in = clerk_sign_in(settings, SystemClock())
    assert sign_in is not None
    return sign_in


def test_without_clerk_nobody_signs_in() -> None:
    assert clerk_sign_in(Settings(), SystemClock()) is None


async def test_a_person_of_clerks_gets_in_and_a_stranger_does_not(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    async with running_sidecar(tmp_path / "z.db", sign_in=made(settings_of(clerk))) as sidecar:
        async with sidecar.http.get("/api/projects", headers=clerk.bearer()) as answer:
            assert answer.status == 200, await answer.text()
        headers = clerk.bearer(iss="https://other.example")
        async with sidecar.http.get("/api/projects", headers=headers) as answer:
            assert answer.status == 401
            assert (await answer.json())["error"]["code"] == "issuer_not_allowed"


async def test_the_organisation_that_is_active_is_whose_projects_are_seen(clerk: FakeClerk) -> None:
    sign_in = made(settings_of(clerk))
    for version in (1, 2):
        alone = await sign_in.verify(clerk.mint(version=version))
        member = await sign_in.verify(clerk.mint(version=version, **organisation(version=version)))
        assert (alone.owner, alone.org_id) == (alone.user_id, None)
        assert member.owner == member.org_id == "org_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"
        assert member.user_id == alone.user_id


async def test_while_clerk_does_not_answer_it_is_503_with_when_to_try_again(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    clerk.outage = 500
    async with (
        running_sidecar(tmp_path / "z.db", sign_in=made(settings_of(clerk))) as sidecar,
        sidecar.http.get("/api/projects", headers=clerk.bearer()) as answer,
    ):
        assert answer.status == 503
        assert (await answer.json())["error"]["code"] == "sign_in_unavailable"
        assert 2 <= int(answer.headers["Retry-After"]) <= 10


async def test_a_key_that_is_given_needs_no_clerk(clerk: FakeClerk) -> None:
    for pem in (clerk.key.pem, clerk.key.pem.replace("\n", "\\n")):
        sign_in = made(settings_of(clerk, clerk_jwt_key=pem))
        assert (await sign_in.verify(clerk.mint())).user_id.startswith("user_")
    assert clerk.fetches == []


async def test_a_given_key_that_is_none_is_named(clerk: FakeClerk) -> None:
    with pytest.raises(UserError, match="CLERK_JWT_KEY") as refused:
        made(settings_of(clerk, clerk_jwt_key="nonsense"))
    assert refused.value.field == "CLERK_JWT_KEY"


async def test_a_server_on_all_addresses_has_to_name_its_pages(clerk: FakeClerk) -> None:
    everywhere = {"host": "0.0.0.0", "clerk_authorized_parties": frozenset()}
    with pytest.raises(UserError) as refused:
        made(settings_of(clerk, **everywhere))
    assert refused.value.field == "CLERK_AUTHORIZED_PARTIES"
    public = settings_of(clerk, **everywhere, public_url="https://zapdev.example.com")
    assert made(public).keys.problem is not None


async def test_the_keys_are_fetched_at_the_start_and_readiness_says_so(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    settings = settings_of(clerk, data_dir=tmp_path, roles="sidecar")
    async with running(settings) as services:
        assert services.sign_in is not None
        await services.sign_in.verify(clerk.mint())
        assert (await services.ready())["sign_in"] is None
        assert len(clerk.fetches) == 1


async def test_readiness_says_when_nobody_can_be_checked(clerk: FakeClerk, tmp_path: Path) -> None:
    clerk.outage = 503
    settings = settings_of(clerk, data_dir=tmp_path, roles="sidecar")
    async with running(settings) as services:
        assert "signing keys" in ((await services.ready())["sign_in"] or "")


async def test_staff_who_acts_as_somebody_may_look_and_not_take_a_link_away(
    clerk: FakeClerk, tmp_path: Path
) -> None:
    async with running_sidecar(tmp_path / "z.db") as beside:
        links = PreviewLinks(beside.store, "https://zapdev.example.com")
        sign_in = made(settings_of(clerk))
        async with running_sidecar(tmp_path / "z.db", sign_in=sign_in, links=links) as sidecar:
            accept = {"Accept": "application/json", **clerk.bearer()}
            body = {"prompt": "A board"}
            async with sidecar.http.post("/api/generate", json=body, headers=accept) as answer:
                project = f"/api/projects/{(await answer.json())['projectId']}"
            staff = clerk.bearer(act={"sub": "user_staff"})
            async with sidecar.http.get(project, headers=staff) as answer:
                assert answer.status == 200
            path = f"{project}/preview-link"
            async with sidecar.http.post(path, json={}, headers=staff) as answer:
                assert answer.status == 403
                assert (await answer.json())["error"]["code"] == "impersonated"
            async with sidecar.http.post(path, json={}, headers=clerk.bearer()) as answer:
                assert answer.status == 200

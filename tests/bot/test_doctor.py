"""The doctor: what works, what fails, what is simply not configured, and the next step."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiohttp import web
from pydantic import SecretStr
from typer.testing import CliRunner

from agents.logger import configure_logging
from bot.cli import app
from bot.cli.shell import Outcome
from bot.config import Settings
from bot.doctor import Finding, examine
from bot.store.convex_token import ServiceKey
from tests.fakes.clerk.server import serving_clerk
from tests.fakes.convex import shared_host
from tests.fakes.e2b.server import serving_e2b

KEY = "sk-or-v1-0123456789abcdef"


class Make(Protocol):
    """Settings of an installation that keeps its things below a folder of its own."""

    def __call__(self, **values: Any) -> Settings: ...


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda **values: Settings(
        **{"data_dir": tmp_path / "data", "cache_dir": tmp_path / "cache", **values}
    )


@asynccontextmanager
async def answering(status: int, body: object) -> AsyncIterator[tuple[str, list[web.BaseRequest]]]:
    """A service that answers everything alike; what it was asked is in the list."""
    seen: list[web.BaseRequest] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request)
        return web.json_response(body, status=status)

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


async def look(settings: Settings, name: str) -> Finding:
    [finding] = [f for f in await examine(settings) if f.name == name]
    return finding


async def test_a_fresh_installation_works_and_what_is_not_configured_is_no_failure(
    make: Make,
) -> None:
    findings = {f.name: f for f in await examine(make())}

    works = {"Python", "Settings", "Node.js", "npm", "Data folder", "Store", "Sandboxes", "Model"}
    assert {name for name, f in findings.items() if f.ok} >= works
    off = {name for name, f in findings.items() if f.ok is None}
    assert off == {"E2B", "Clerk", "Slack", "GitHub", "Figma", "Sentry"}
    assert "no AI" in findings["Model"].detail


async def test_a_model_that_answers_is_asked_for_its_list_with_our_key(
    make: Make,
) -> None:
    async with answering(200, {"data": []}) as (url, seen):
        settings = make(openrouter_base_url=f"{url}/v1", openrouter_api_key=SecretStr(KEY))
        finding = await look(settings, "Model")

    assert finding.ok
    assert [r.path for r in seen] == ["/v1/models"]
    assert seen[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_model_that_refuses_is_a_failure_with_a_next_step(status: int, make: Make) -> None:
    async with answering(status, {"error": f"bad key {KEY}"}) as (url, _):
        settings = make(openrouter_base_url=url, openrouter_api_key=SecretStr(KEY))
        finding = await look(settings, "Model")

    assert finding.ok is False
    assert finding.detail == f"HTTP {status}"
    assert "OPENROUTER_API_KEY" in finding.next_step


async def test_a_server_that_is_not_there_is_a_failure_and_no_crash(make: Make) -> None:
    async with answering(200, {}) as (url, _):
        gone = url

    finding = await look(make(openrouter_base_url=gone), "Model")

    assert finding.ok is False
    assert finding.detail.startswith("no usable answer")


async def test_slacks_refusal_under_status_200_is_a_failure(make: Make) -> None:
    async with answering(200, {"ok": False, "error": "invalid_auth"}) as (url, seen):
        settings = make(slack_api_url=url, slack_bot_token=SecretStr("xoxb-1"))
        finding = await look(settings, "Slack")

    assert finding.ok is False
    assert finding.detail == "refused: invalid_auth"
    assert [(r.method, r.path) for r in seen] == [("POST", "/auth.test")]


async def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path, make: Make) -> None:
    (tmp_path / "taken").write_text("a file")
    settings = make(data_dir=tmp_path / "taken")

    finding = await look(settings, "Data folder")

    assert finding.ok is False
    assert str(tmp_path / "taken") in finding.detail
    assert finding.next_step == "Set ZAPDEV_DATA_DIR"


def test_the_command_fails_when_something_configured_fails_and_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZAPDEV_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ZAPDEV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setenv("OPENROUTER_BASE_URL", "http://127.0.0.1:9")

    try:
        table = CliRunner().invoke(app, ["doctor"])
        lines = CliRunner().invoke(app, ["doctor", "--json"])
    finally:
        configure_logging(level="warning")

    facts = {fact["name"]: fact for fact in map(json.loads, lines.stdout.splitlines())}
    assert table.exit_code == lines.exit_code == Outcome.FAILED
    assert facts["Model"]["ok"] is False
    assert facts["Clerk"]["ok"] is None
    assert "fails" in table.stdout
    assert KEY not in table.output + lines.output


async def test_a_convex_that_answers_is_named_and_one_that_does_not_is_told_with_what_to_do(
    make: Make,
) -> None:
    host = shared_host()
    key = SecretStr(host.service_key_pem)
    found = await look(make(convex_url=host.deployment("doctor"), convex_service_key=key), "Store")
    assert (found.ok, found.detail) == (True, f"Convex ({host.url.partition('//')[2]})")

    stranger = SecretStr(ServiceKey.generate().export())
    found = await look(
        make(convex_url=host.deployment("doctor"), convex_service_key=stranger), "Services"
    )
    assert found.ok is False
    assert "CONVEX_SERVICE_KEY" in found.detail
    assert "zapdev convex auth" in found.next_step


async def test_a_convex_without_our_key_is_told_with_how_to_make_one(make: Make) -> None:
    found = await look(make(convex_url="https://x.convex.cloud"), "Services")
    assert found.ok is False
    assert "CONVEX_SERVICE_KEY" in found.detail
    assert "zapdev convex key" in found.next_step


@pytest.mark.parametrize(
    ("apps", "ok", "said"),
    [
        (None, False, "open only on this machine"),
        ("https://{key}.apps.example.com", None, "one site with"),
        ("https://{key}.zapdev-apps.example", True, "each app at"),
    ],
)
async def test_links_to_apps_that_do_not_open_outside_are_told_with_what_to_set(
    make: Make, apps: str | None, ok: bool | None, said: str
) -> None:
    public = "https://zapdev.example.com"
    finding = await look(make(public_url=public, apps_url=apps), "App links")
    assert (finding.ok, said in finding.detail) == (ok, True)
    assert ok or "a domain" in finding.next_step or "ZAPDEV_APPS_URL" in finding.next_step
    there = make(public_url=public, e2b_api_key=SecretStr("e2b_0"))
    assert "App links" not in {found.name for found in await examine(there)}


async def test_a_browser_that_starts_is_named(make: Make) -> None:
    found = await look(make(), "Chromium")
    assert found.ok is True
    assert "looks at previews" in found.detail


async def test_without_a_browser_it_says_what_is_missing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = await look(make(), "Chromium")
    assert found.ok is None
    assert "over HTTP only" in found.detail
    assert "make chromium" in found.next_step


async def test_sandboxes_at_e2b_are_named_and_a_refused_key_is_told(make: Make) -> None:
    async with serving_e2b() as cloud:
        there: dict[str, Any] = {"e2b_api_url": cloud.url, "e2b_sandbox_url": cloud.url}

        good = await look(make(e2b_api_key=SecretStr(cloud.key), **there), "Sandboxes")
        bad = await look(make(e2b_api_key=SecretStr("e2b_wrong"), **there), "Sandboxes")

    assert (good.ok, good.detail) == (True, "at E2B, each a machine of its own")
    assert (bad.ok, bad.next_step) == (False, "Check E2B_API_KEY")


async def test_a_clerk_whose_keys_can_be_had_is_named_with_the_pages_it_serves(make: Make) -> None:
    async with serving_clerk() as clerk:
        given = {"clerk_issuer": clerk.issuer, "public_url": "https://zapdev.example.com/"}
        good = await look(make(**given, clerk_webhook_secret=SecretStr("whsec_c2VjcmV0")), "Clerk")
        mute = await look(make(**given), "Clerk")
        linking = await look(make(**given, slack_client_secret=SecretStr("x")), "Clerk")
        wrong = await look(make(**given, clerk_webhook_secret=SecretStr("whsec_x")), "Clerk")
        clerk.outage = 500
        away = await look(make(**given), "Clerk")

    where = f"{clerk.issuer.partition('//')[2]}, for https://zapdev.example.com"
    assert (good.ok, good.detail, good.next_step) == (True, where, "")
    assert (mute.ok, mute.next_step) == (True, "Set CLERK_WEBHOOK_SECRET")
    assert (linking.ok, linking.next_step) == (None, "Set CLERK_WEBHOOK_SECRET")
    assert "whose links to Slack stay" in linking.detail
    assert wrong.ok is False
    assert "CLERK_WEBHOOK_SECRET" in wrong.detail
    assert (away.ok, away.next_step) == (False, "Check CLERK_ISSUER or CLERK_PUBLISHABLE_KEY")
    assert "status 500" in away.detail


async def test_a_key_of_clerks_that_is_none_is_told(make: Make) -> None:
    found = await look(make(clerk_issuer="https://clerk.example", clerk_jwt_key="x"), "Clerk")

    assert found.ok is False
    assert "CLERK_JWT_KEY" in found.detail

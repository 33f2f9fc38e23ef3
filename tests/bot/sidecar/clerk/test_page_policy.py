"""What the page is told, and may load, where people sign in with Clerk."""

from pathlib import Path

import pytest

from bot.config import Settings
from bot.setting_values import clerk_issuer_of, publishable_key_of
from bot.sidecar.deps import ClerkPage
from bot.sidecar.sign_in import clerk_page
from tests.fakes.sidecar import RunningSidecar, running_sidecar

CLERK = ClerkPage("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "https://clerk.example.com")


async def rules(sidecar: RunningSidecar) -> dict[str, list[str]]:
    async with sidecar.http.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"].split(";")
    return {name: sources for name, *sources in (rule.split() for rule in policy)}


async def test_the_page_is_told_whom_to_ask_who_somebody_is(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "z.db", clerk=CLERK) as sidecar:
        assert (await sidecar.get("/api/info"))["signIn"] == {
            "publishableKey": CLERK.publishable_key,
            "frontendApi": CLERK.frontend_api,
        }


async def test_with_clerk_the_page_may_load_from_clerk_and_from_nobody_else(tmp_path: Path) -> None:
    async with running_sidecar(tmp_path / "a.db") as without:
        before = await rules(without)
    async with running_sidecar(tmp_path / "b.db", clerk=CLERK) as sidecar:
        after = await rules(sidecar)

    added = {name: set(sources) - set(before.get(name, ())) for name, sources in after.items()}
    assert {name: sources for name, sources in added.items() if sources} == {
        "script-src": {"https://clerk.example.com", "https://challenges.cloudflare.com"},
        "connect-src": {"https://clerk.example.com"},
        "style-src": {"'unsafe-inline'"},
        "img-src": {"https://img.clerk.com"},
        "frame-src": {"https://challenges.cloudflare.com"},
        "worker-src": {"'self'", "blob:"},
    }
    assert "'unsafe-inline'" not in after["script-src"]
    assert "'unsafe-eval'" not in after["script-src"]


@pytest.mark.parametrize(
    ("issuer", "key"),
    [
        ("https://clerk.example.com", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"),
        ("https://a-b-1.clerk.accounts.dev", "pk_test_YS1iLTEuY2xlcmsuYWNjb3VudHMuZGV2JA"),
    ],
)
def test_an_issuer_alone_says_which_public_key_is_its(issuer: str, key: str) -> None:
    assert publishable_key_of(issuer) == key
    assert clerk_issuer_of(key) == issuer
    assert clerk_page(Settings(clerk_issuer=issuer)) == ClerkPage(key, issuer)
    assert clerk_page(Settings(clerk_publishable_key=key)) == ClerkPage(key, issuer)


def test_without_clerk_the_page_asks_nobody() -> None:
    assert clerk_page(Settings()) is None

"""Sign in with Slack: of all that may come back, only Slack's answer to this browser counts."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from yarl import URL

from agents.errors import ProviderUnavailable
from agents.system import SystemClock
from bot.services.linking import LinkRefused
from bot.slack.line import SlackLine
from bot.slack.openid import ISSUER, SlackOpenId
from tests.fakes.clerk.tokens import SigningKey, raw_token

SECRET, BACK = "the browser's secret", "https://zapdev.example.com/slack/oidc_redirect"
TEAM, USER = "https://slack.com/team_id", "https://slack.com/user_id"


@dataclass
class Slack:
    """Answers the exchange with whatever token it is given."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    token: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    keys_status: int = 200

    async def exchange(self, request: web.Request) -> web.Response:
        self.asked = {name: str(value) for name, value in (await request.post()).items()}
        answer = {"ok": True, "access_token": "xoxp-1", "id_token": self.token}
        return web.json_response(answer)

    async def keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.jwk]}, status=self.keys_status)


@dataclass(frozen=True)
class Setting:
    slack: Slack
    openid: SlackOpenId

    def claims(self, **changes: Any) -> dict[str, Any]:
        query = URL(self.openid.address(SECRET, BACK)).query
        now = int(SystemClock().now().timestamp())
        claims = {
            "iss": ISSUER,
            "sub": "U1",
            "aud": "client-1",
            "nonce": query["nonce"],
            "iat": now,
            "exp": now + 300,
            TEAM: "T1",
            USER: "U1",
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    async def who(self, token: str) -> tuple[str, str]:
        self.slack.token = token
        return await self.openid.who(SECRET, "a code", BACK)


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    slack = Slack()
    app = web.Application()
    app.router.add_post("/api/openid.connect.token", slack.exchange)
    app.router.add_get("/openid/connect/keys", slack.keys)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site = f"http://127.0.0.1:{runner.addresses[0][1]}"
    line = SlackLine(f"{site}/api")
    yield Setting(slack, SlackOpenId(line, site, client_id="client-1", client_secret="s"))
    await line.close()
    await runner.cleanup()


async def test_slacks_own_answer_says_who_it_is(setting: Setting) -> None:
    assert await setting.who(setting.slack.key.sign(setting.claims())) == ("T1", "U1")
    query = URL(setting.openid.address(SECRET, BACK)).query
    assert query["code_challenge_method"] == "S256"
    assert setting.slack.asked["code_verifier"] not in str(query)
    assert SECRET not in str(query)


FORGED: dict[str, Callable[[Setting], str]] = {
    "another issuer": lambda s: s.slack.key.sign(s.claims(iss="https://evil.example")),
    "another app": lambda s: s.slack.key.sign(s.claims(aud="client-2")),
    "another nonce": lambda s: s.slack.key.sign(s.claims(nonce="of another browser")),
    "no nonce": lambda s: s.slack.key.sign(s.claims(nonce=None)),
    "expired": lambda s: s.slack.key.sign(s.claims(exp=1_000_000_000)),
    "without an end": lambda s: s.slack.key.sign(s.claims(exp=None)),
    "no workspace": lambda s: s.slack.key.sign(s.claims(**{TEAM: None})),
    "two people": lambda s: s.slack.key.sign(s.claims(sub="U2")),
    "a key of nobody's": lambda s: SigningKey.generate().sign(s.claims()),
    "another key under the same id": lambda s: SigningKey.generate(s.slack.key.kid).sign(
        s.claims()
    ),
    "unsigned": lambda s: jwt.encode(s.claims(), "", algorithm="none"),
    "an HMAC in place of a signature": lambda s: jwt.encode(
        s.claims(), s.slack.key.kid.ljust(32, "."), "HS256", headers={"kid": s.slack.key.kid}
    ),
    "alg none over a signature": lambda s: raw_token(
        {"alg": "none", "kid": s.slack.key.kid}, s.claims(), s.slack.key
    ),
    "no token": lambda s: "",
    "nonsense": lambda s: "a.b.c",
}


@pytest.mark.parametrize("kind", FORGED)
async def test_whatever_else_comes_proves_nobody(setting: Setting, kind: str) -> None:
    with pytest.raises(LinkRefused):
        await setting.who(FORGED[kind](setting))


async def test_while_slacks_keys_cannot_be_had_nothing_is_believed(setting: Setting) -> None:
    setting.slack.keys_status = 500
    with pytest.raises(ProviderUnavailable):
        await setting.who(setting.slack.key.sign(setting.claims()))


def test_an_answer_belongs_to_the_browser_that_asked() -> None:
    openid = SlackOpenId(None, "", client_id="c", client_secret="s")  # type: ignore[arg-type]
    state = URL(openid.address(SECRET, BACK)).query["state"]
    assert openid.is_answer(SECRET, state)
    for secret, given in ((SECRET, ""), (SECRET, state + "x"), ("another", state), ("", "")):
        assert not openid.is_answer(secret, given)
    assert not openid.is_answer("", URL(openid.address("", BACK)).query["state"])

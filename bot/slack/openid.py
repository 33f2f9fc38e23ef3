"""Sign in with Slack: who somebody is, in a browser that we have sent there.

OpenID Connect as https://slack.com/.well-known/openid-configuration has it. What is sent along is
made of one secret that only that browser has (the state, the nonce, PKCE's verifier), so nothing of
it is kept, and an answer that is not to this browser's question is worth nothing.
"""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import jwt

from agents.logger import create_logger
from bot.services.linking import LinkRefused
from bot.slack.line import SlackLine

log = create_logger(__name__)

ISSUER = "https://slack.com"
REDIRECT_PATH = "/slack/oidc_redirect"
LEEWAY_S = 60
_TEAM, _USER = "https://slack.com/team_id", "https://slack.com/user_id"
_ALGORITHMS = ["RS256"]


class SlackOpenId:
    """Implements `bot.services.linking.SlackSignIn`."""

    def __init__(self, line: SlackLine, site: str, *, client_id: str, client_secret: str) -> None:
        self._line = line
        self._site = f"{site}/openid/connect"
        self._client_id = client_id
        self._client_secret = client_secret

    def address(self, secret: str, redirect_uri: str) -> str:
        """Where the browser is sent."""
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "scope": "openid",
            "redirect_uri": redirect_uri,
            "state": _derived("state", secret),
            "nonce": _derived("nonce", secret),
            "code_challenge": _challenge(_derived("verifier", secret)),
            "code_challenge_method": "S256",
        }
        return f"{self._site}/authorize?{urlencode(asked)}"

    def is_answer(self, secret: str, state: str) -> bool:
        """Whether what came back belongs to this browser's question."""
        ours = _derived("state", secret)
        return bool(secret) and hmac.compare_digest(state.encode(), ours.encode())

    async def who(self, secret: str, code: str, redirect_uri: str) -> tuple[str, str]:
        """Team and user id. Raises: LinkRefused; ProviderError."""
        granted = await self._line.call(
            self._line.client.api_call(
                "openid.connect.token",
                data={
                    "client_id": self._client_id,
                    "client_secret": self._client_secret,
                    "code": code,
                    "redirect_uri": redirect_uri,
                    "grant_type": "authorization_code",
                    "code_verifier": _derived("verifier", secret),
                },
            )
        )
        claims = await self._checked(str(granted.get("id_token") or ""))
        if not hmac.compare_digest(str(claims["nonce"]), _derived("nonce", secret)):
            raise _not_ours("nonce")
        return str(claims[_TEAM]), str(claims[_USER])

    async def _checked(self, id_token: str) -> dict[str, Any]:
        """Raises: LinkRefused; ProviderError."""
        try:
            name = jwt.get_unverified_header(id_token).get("kid")
            keys = jwt.PyJWKSet.from_dict(await self._line.read_json(f"{self._site}/keys"))
            key = next(key for key in keys.keys if key.key_id == name)
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._client_id,
                issuer=ISSUER,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce", _TEAM, _USER]},
            )
        except StopIteration:
            raise _not_ours("key") from None
        except jwt.PyJWTError as error:
            raise _not_ours(type(error).__name__) from error
        if claims["sub"] != claims[_USER]:
            raise _not_ours("sub")
        return claims


def _derived(purpose: str, secret: str) -> str:
    """One of several values that say nothing of the secret, nor of each other."""
    made = hmac.new(secret.encode(), f"slack-openid {purpose}".encode(), hashlib.sha256)
    return _text(made.digest())


def _challenge(verifier: str) -> str:
    """RFC 7636, S256."""
    return _text(hashlib.sha256(verifier.encode()).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _not_ours(why: str) -> LinkRefused:
    log.warning("id token refused", reason=why)
    return LinkRefused(
        "link_not_proven", "Slack's answer was not for this.", hint="Begin again on the page."
    )

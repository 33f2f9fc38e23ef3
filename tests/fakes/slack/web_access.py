"""`auth.*`, `oauth.*`, `openid.*` and `apps.*`: tokens come and go."""

import base64
import functools
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from agents.system import SystemClock
from tests.fakes.slack.rates import SPECIAL, TIER_1, TIER_3, TIER_4
from tests.fakes.slack.tokens import ACCESS_TOKEN_S, Grant, Tokens
from tests.fakes.slack.web_request import Method, Refused, Request
from tests.fakes.slack.world import Installation, Json, World

OPENID_ISSUER: Final = "https://slack.com"
_ID_TOKEN_S: Final = 300


def auth_test(request: Request) -> Json:
    installation = request.installation
    world, team = request.world, request.world.teams[installation.teams[0]]
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": world.users[installation.bot_user].name,
        "team_id": team.id,
        "user_id": installation.bot_user,
        "bot_id": installation.bot_id,
        "enterprise_id": installation.enterprise,
        "is_enterprise_install": installation.is_org_wide,
    }


def auth_revoke(request: Request) -> Json:
    if request.flag("test"):
        return {"revoked": False}
    if request.token is not None and request.token.user is not None:
        request.token.error = "token_revoked"
        user = request.token.user
        event = _tokens_revoked(request.world, oauth=[user.id])
        request.world.publish(user.team, event)
    else:
        installation = request.installation
        request.tokens.revoke(installation)
        for team in installation.teams:
            request.world.publish(team, tokens_revoked(request.world, installation))
    return {"revoked": True}


def tokens_revoked(world: World, installation: Installation) -> Json:
    return _tokens_revoked(world, bot=[installation.bot_user])


def _tokens_revoked(world: World, **tokens: list[str]) -> Json:
    return {
        "type": "tokens_revoked",
        "tokens": {"oauth": [], "bot": [], **tokens},
        "event_ts": world.next_ts(),
    }


def uninstall(request: Request) -> Json:
    request.need_client()
    uninstalled(request.world, request.tokens, request.installation)
    return {}


def uninstalled(world: World, tokens: Tokens, installation: Installation) -> None:
    """The app is gone from there: its tokens are dead, and two events say so."""
    installation.is_active = False
    tokens.revoke(installation, "account_inactive")
    for team in installation.teams:
        world.publish(team, {"type": "app_uninstalled", "event_ts": world.next_ts()})
        world.publish(team, tokens_revoked(world, installation))


# --- OAuth ------------------------------------------------------------------------------------


def oauth_access(request: Request) -> Json:
    request.need_client()
    kind = request.text("grant_type") or "authorization_code"
    if kind == "refresh_token":
        installation = request.tokens.refresh(request.text("refresh_token") or "")
        if installation is None:
            raise Refused("invalid_refresh_token")
        return _granted(request, installation, None)
    if kind != "authorization_code":
        raise Refused("invalid_grant_type")
    grant = _grant(request)
    if grant.installation is None:
        raise Refused("oauth_authorization_url_mismatch")
    grant.installation.is_active = True
    grant.installation.scopes[:] = grant.scopes
    alive = request.tokens.complaint(grant.installation.token) is None
    if grant.installation.rotates or not alive:
        request.tokens.issue(grant.installation)
    return _granted(request, grant.installation, grant)


def _grant(request: Request) -> Grant:
    """What the code is for, once. Raises: Refused."""
    grant = request.tokens.grants.get(request.text("code") or "")
    if grant is None:
        raise Refused("invalid_code")
    if grant.is_used:
        raise Refused("code_already_used")
    if grant.redirect_uri != request.text("redirect_uri"):
        raise Refused("bad_redirect_uri")
    grant.is_used = True
    return grant


def _granted(request: Request, installation: Installation, grant: Grant | None) -> Json:
    world = request.world
    team = world.teams[installation.teams[0]]
    enterprise = installation.enterprise
    answer: Json = {
        "app_id": world.app_id,
        "token_type": "bot",
        "access_token": installation.token,
        "scope": ",".join(installation.scopes),
        "bot_user_id": installation.bot_user,
        "team": None if installation.is_org_wide else {"id": team.id, "name": team.name},
        "enterprise": None if enterprise is None else {"id": enterprise, "name": enterprise},
        "is_enterprise_install": installation.is_org_wide,
    }
    if grant is not None:
        answer["authed_user"] = {"id": grant.user.id}
    if installation.rotates:
        answer["refresh_token"] = installation.refresh_token
        answer["expires_in"] = int(ACCESS_TOKEN_S)
    return answer


# --- Sign in with Slack -----------------------------------------------------------------------


@functools.cache
def _openid_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def openid_keys() -> Json:
    """The public half of what id tokens are signed with."""
    key = RSAAlgorithm.to_jwk(_openid_key().public_key(), as_dict=True)
    return {"keys": [{**key, "kid": "slack-1", "use": "sig", "alg": "RS256"}]}


def openid_token(request: Request) -> Json:
    request.need_client()
    grant = _grant(request)
    if grant.challenge is not None and grant.challenge != _challenge(request):
        raise Refused("invalid_grant")
    claims = {
        **_person(request, grant.user.id),
        "iss": OPENID_ISSUER,
        "aud": request.secrets.client_id,
        "iat": (now := int(SystemClock().now().timestamp())),
        "exp": now + _ID_TOKEN_S,
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    id_token = jwt.encode(claims, _openid_key(), "RS256", headers={"kid": "slack-1"})
    token = request.tokens.issue_for(grant.user, grant.scopes)
    return {"access_token": token, "token_type": "Bearer", "id_token": id_token}


def _challenge(request: Request) -> str:
    """RFC 7636, S256."""
    verifier = request.text("code_verifier") or ""
    return (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    )


def openid_user_info(request: Request) -> Json:
    if request.token is None or request.token.user is None:
        raise Refused("not_allowed_token_type")
    return _person(request, request.token.user.id)


def _person(request: Request, name: str) -> dict[str, Any]:
    user = request.world.users[name]
    claims: dict[str, Any] = {
        "sub": user.id,
        "https://slack.com/user_id": user.id,
        "https://slack.com/team_id": user.team,
        "name": user.name,
    }
    enterprise = request.world.teams[user.team].enterprise
    if enterprise is not None:
        claims["https://slack.com/enterprise_id"] = enterprise
    if user.email is not None:
        claims |= {"email": user.email, "email_verified": True}
    return claims


METHODS: Final[Mapping[str, Method]] = {
    "auth.test": Method(auth_test, SPECIAL),
    "auth.revoke": Method(auth_revoke, TIER_3, token="any"),
    "apps.uninstall": Method(uninstall, TIER_1),
    "oauth.v2.access": Method(oauth_access, TIER_4, token="none"),
    "openid.connect.token": Method(openid_token, TIER_4, token="none"),
    "openid.connect.userInfo": Method(openid_user_info, TIER_3, ("openid",), token="user"),
}

"""Who somebody is, by the session token that Clerk gave them: a strict verifier.

Clerk's own verifiers accept a token of another issuer, one whose session is still pending, and
(in Python) one without an end or a subject. Here all of it is checked, and what was not asked for
is not believed. A check takes about 0.1 ms; only an unknown key may make it wait.
"""

import re
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import ValidationError

from agents.ports import Clock
from bot.services.principals import NotSignedIn, Principal
from bot.sidecar.clerk_claims import SessionClaims

TOKEN_MAX = 8 * 1024
"""Characters. Clerk's own fit a cookie of 4 KiB."""
LEEWAY_S = 5
"""How far Clerk's clock and ours may be apart, as in Clerk's own verifiers."""
LIFE_MAX_S = 3600
"""A session token lives a minute; the longest that Clerk lets anybody set is an hour here."""
ALGORITHM = "RS256"

_THREE_PARTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_AGAIN = "Get a new session token from Clerk and try again."


class Keys(Protocol):
    """The issuer's public keys."""

    async def key(self, kid: str) -> RSAPublicKey | None:
        """None: the issuer has no such key. Raises: SignInUnavailable."""
        ...

    @property
    def problem(self) -> str | None:
        """None while tokens can be checked; else, in plain words, why not."""
        ...

    async def keep_fresh(self) -> None:
        """Have them at hand until cancelled."""
        ...

    async def close(self) -> None:
        """Break off what is under way."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Whose tokens count. `parties` are the origins of pages that may ask for them."""

    issuer: str
    parties: frozenset[str]


class ClerkSignIn:
    """Implements `bot.services.principals.SignIn`."""

    def __init__(self, rules: Rules, keys: Keys, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self.keys = keys

    async def verify(self, token: str) -> Principal:
        """Raises: NotSignedIn, SignInUnavailable."""
        key = await self.keys.key(_key_id(token))
        if key is None:
            raise NotSignedIn(
                "key_unknown", f"This token was signed by a key that we do not know. {_AGAIN}"
            )
        claims = _claims(token, key)
        self._check_time(claims)
        self._check_origin(claims)
        return claims.principal()

    def _check_time(self, claims: SessionClaims) -> None:
        now = self._clock.now().timestamp()
        if claims.exp <= now - LEEWAY_S:
            raise NotSignedIn("token_expired", f"This session token has run out. {_AGAIN}")
        if max(claims.nbf, claims.iat) > now + LEEWAY_S:
            raise NotSignedIn(
                "token_not_yet_valid",
                "This session token is not valid yet: the clocks of this server and Clerk differ.",
            )
        if not 0 < claims.exp - claims.iat <= LIFE_MAX_S:
            raise NotSignedIn("token_lives_too_long", f"This is no session token. {_AGAIN}")

    def _check_origin(self, claims: SessionClaims) -> None:
        if claims.iss != self._rules.issuer:
            raise NotSignedIn("issuer_not_allowed", "This token is of another Clerk application.")
        if claims.azp is None or claims.azp not in self._rules.parties:
            raise NotSignedIn(
                "azp_not_allowed",
                "This token was given to a page that may not use this server. Its owner can name "
                "the page's origin in CLERK_AUTHORIZED_PARTIES.",
            )
        if claims.sts is not None and claims.sts != "active":
            raise NotSignedIn(
                "session_pending", "Finish signing in first: Clerk still waits for something."
            )
        if claims.is_ambiguous:
            raise NotSignedIn(
                "organisation_ambiguous", "This token names two organisations as the active one."
            )


def _key_id(token: str) -> str:
    """The id of the key that it says it was signed by; nothing is believed yet.

    Raises: NotSignedIn.
    """
    if len(token) > TOKEN_MAX:
        raise NotSignedIn("token_too_long", f"This is no session token. {_AGAIN}")
    if not _THREE_PARTS.fullmatch(token):
        raise _malformed()
    try:  # PyJWT refuses a part that could be spelled in another way, too
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _malformed() from None
    if header.get("alg") != ALGORITHM:
        raise NotSignedIn("algorithm_not_allowed", f"Session tokens are signed by {ALGORITHM}.")
    if header.get("typ", "JWT") != "JWT":
        raise NotSignedIn("type_not_allowed", f"This is no session token. {_AGAIN}")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 200:
        raise NotSignedIn("key_missing", f"This token does not say which key signed it. {_AGAIN}")
    return kid


def _claims(token: str, key: RSAPublicKey) -> SessionClaims:
    """What it says, signed by this key. Raises: NotSignedIn."""
    nothing = dict.fromkeys(("exp", "nbf", "iat", "aud", "iss", "sub", "jti"), False)
    try:
        said = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            options={f"verify_{name}": value for name, value in nothing.items()},  # type: ignore[arg-type]
        )
    except jwt.InvalidSignatureError:
        raise NotSignedIn(
            "signature_invalid", f"This token was not signed by Clerk. {_AGAIN}"
        ) from None
    except (jwt.PyJWTError, RecursionError):
        raise _malformed() from None
    try:
        return SessionClaims.model_validate(said)
    except ValidationError as error:
        names = sorted({str(item["loc"][0]) for item in error.errors(include_input=False)})
        raise NotSignedIn(
            "claims_not_those_of_a_session",
            f"This is no session token: {', '.join(names)} is missing or wrong. Send the one of "
            "session.getToken(), without a template.",
        ) from None


def _malformed() -> NotSignedIn:
    return NotSignedIn("token_malformed", f"This is no session token. {_AGAIN}")

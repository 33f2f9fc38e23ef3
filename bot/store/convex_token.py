"""Our processes' identity at Convex: a key pair, and the tokens made with it.

Convex trusts the public half, which `convex/auth.config.ts` reads from the deployment's
`ZAPDEV_AUTH`; the private half is `CONVEX_SERVICE_KEY`. A token says who we are for five minutes
(`customJwt`, ES256, docs.convex.dev/auth/advanced/custom-jwt).
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from agents.errors import UserError
from agents.ports import Clock

ISSUER = "https://zapdev.app/service"
SUBJECT = "zapdev"
AUDIENCE = "convex"
ALGORITHM = "ES256"

LIFE_S = 300.0
_RENEW_BEFORE_S = 60.0
_BACKDATED_S = 10.0
"""So that a clock that runs ahead of Convex's does not make tokens of the future."""


class ServiceKey:
    """A private key on the curve P-256, and its public half as a JSON Web Key."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        public: dict[str, str] = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        self.id = _thumbprint(public)
        self.public = {**public, "kid": self.id, "alg": ALGORITHM, "use": "sig"}

    @classmethod
    def generate(cls) -> "ServiceKey":
        """A new one."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, text: str) -> "ServiceKey":
        """Read PEM, or PEM in base64 as fits on one line of `.env`.

        Raises: UserError that names CONVEX_SERVICE_KEY and never shows it.
        """
        pem = text.strip().replace("\\n", "\n").encode()
        try:
            if not pem.startswith(b"-----"):
                pem = base64.b64decode(pem, validate=True)
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            private = None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.key_size != 256:
            raise UserError(
                "CONVEX_SERVICE_KEY is not a private key on the curve P-256, as PEM or base64.",
                field="CONVEX_SERVICE_KEY",
                hint="`zapdev convex key` makes one.",
            )
        return cls(private)

    def export(self) -> str:
        """The private key for `.env`: PEM in base64, one line."""
        pem = self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return base64.b64encode(pem).decode()

    def sign(self, claims: dict[str, object]) -> str:
        """A JSON Web Token of these claims."""
        headers = {"kid": self.id}
        return jwt.encode(claims, self._private, algorithm=ALGORITHM, headers=headers)


class ServiceToken:
    """A token that is renewed a minute before it ends."""

    def __init__(self, key: ServiceKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._token = ""
        self._renew_at = self._clock.now()

    def __call__(self) -> str:
        now = self._clock.now()  # not the monotonic clock: it stands still while a laptop sleeps
        if now >= self._renew_at:
            self._token = self._key.sign(
                {
                    "iss": ISSUER,
                    "sub": SUBJECT,
                    "aud": AUDIENCE,
                    "iat": now - timedelta(seconds=_BACKDATED_S),
                    "exp": now + timedelta(seconds=LIFE_S),
                }
            )
            self._renew_at = now + timedelta(seconds=LIFE_S - _RENEW_BEFORE_S)
        return self._token


def auth_setting(
    keys: Sequence[ServiceKey], *, clerk: str | None = None, clerk_jwks: str | None = None
) -> str:
    """What the deployment's `ZAPDEV_AUTH` has to be, as JSON: whose tokens it believes.

    Two keys at once, the old and the new one, let a key be changed without an outage.
    """
    jwks = json.dumps({"keys": [key.public for key in keys]}, separators=(",", ":"))
    encoded = base64.b64encode(jwks.encode()).decode()
    setting = {"service": f"data:application/json;base64,{encoded}"}
    if clerk is not None:
        setting["clerk"] = clerk
        if clerk_jwks is not None:
            setting["clerkJwks"] = clerk_jwks
    return json.dumps(setting, separators=(",", ":"))


def _thumbprint(public: dict[str, str]) -> str:
    """RFC 7638: the same key has the same id everywhere."""
    members = {name: public[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode())
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()

"""Clerk's session tokens, made as Clerk makes them, and broken as nobody should."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

LIFE_S = 60


@dataclass(frozen=True)
class SigningKey:
    """One RSA key of the instance, under its id."""

    kid: str
    private: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def generate(cls, kid: str | None = None, *, bits: int = 2048) -> "SigningKey":
        private = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
        return cls(kid or f"ins_{secrets.token_hex(8)}", private)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half as it stands in a JWKS."""
        numbers = self.private.public_key().public_numbers()
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": self.kid,
            "alg": "RS256",
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }

    @property
    def pem(self) -> str:
        """The public half, as the dashboard shows it for `CLERK_JWT_KEY`."""
        made = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return made.decode()

    def sign(self, claims: Mapping[str, Any], **headers: Any) -> str:
        """Sign exactly these claims; a header that is None is left out."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self.kid, "cat": "cl_B7d4PD111AAA", **headers}
        given = {name: value for name, value in head.items() if value is not None}
        return raw_token(given, claims, self)


def session_claims(
    *, issuer: str, origin: str, now: int, version: int = 2, life_s: int = LIFE_S, **claims: Any
) -> dict[str, Any]:
    """The claims of a session token of that version; `claims` go over them, None takes one out."""
    standard: dict[str, Any] = {
        "azp": origin,
        "exp": now + life_s,
        "fva": [0, -1],
        "iat": now,
        "iss": issuer,
        "nbf": now - 10,
        "sid": "sess_2aBcDeFgHiJkLmNoPqRsTuVwXyZ",
        "sub": "user_2aBcDeFgHiJkLmNoPqRsTuVwXyZ",
    }
    if version == 2:
        standard |= {"jti": secrets.token_hex(10), "sts": "active", "v": 2}
    merged = {**standard, **claims}
    return {name: value for name, value in merged.items() if value is not None}


def organisation(
    org_id: str = "org_2aBcDeFgHiJkLmNoPqRsTuVwXyZ", *, version: int = 2, role: str = "admin"
) -> dict[str, Any]:
    """The claims that an active organisation adds: the admin of two features."""
    if version == 1:
        return {
            "org_id": org_id,
            "org_slug": "acme",
            "org_role": f"org:{role}",
            "org_permissions": ["org:dashboard:manage", "org:dashboard:read", "org:teams:read"],
        }
    member = {"id": org_id, "slg": "acme", "rol": role, "per": "manage,read", "fpm": "3,2"}
    return {"o": member, "fea": "o:dashboard,o:teams", "pla": "o:pro"}


def raw_token(header: Mapping[str, Any], claims: Any, key: SigningKey) -> str:
    """Any header over any payload, with a signature that is right (RS256)."""
    head, body = _segment(header), _segment(claims)
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(
        f"{head}.{body}".encode(), key.private
    )
    return f"{head}.{body}.{segment_of(signature)}"


def segment_of(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _segment(value: Any) -> str:
    return segment_of(json.dumps(value, separators=(",", ":")).encode())


def _number(value: int) -> str:
    return segment_of(value.to_bytes((value.bit_length() + 7) // 8, "big"))

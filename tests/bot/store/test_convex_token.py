"""The service's key and its tokens."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agents.errors import UserError
from agents.testing import FakeClock
from bot.store.convex_token import (
    AUDIENCE,
    ISSUER,
    LIFE_S,
    SUBJECT,
    ServiceKey,
    ServiceToken,
    auth_setting,
)


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_a_key_is_read_back_from_each_form_people_paste() -> None:
    key = ServiceKey.generate()
    exported = key.export()
    pem = base64.b64decode(exported).decode()
    for text in (exported, f" {exported}\n", pem, pem.replace("\n", "\\n")):
        assert ServiceKey.parse(text).id == key.id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        _pem(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "words", "broken", "RSA", "another curve"],
)
def test_what_is_no_key_is_refused_by_the_settings_name_without_being_shown(text: str) -> None:
    with pytest.raises(UserError) as caught:
        ServiceKey.parse(text)
    assert caught.value.field == "CONVEX_SERVICE_KEY"
    assert not text or text not in str(caught.value)


def test_a_token_says_who_we_are_for_five_minutes() -> None:
    key, clock = ServiceKey.generate(), FakeClock()
    token = ServiceToken(key, clock)()
    public = jwt.PyJWK(key.public)
    claims = jwt.decode(
        token, public, audience=AUDIENCE, issuer=ISSUER, options={"verify_exp": False}
    )
    now = clock.now().timestamp()
    assert claims == {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": AUDIENCE,
        "iat": now - 10,
        "exp": now + LIFE_S,
    }
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": key.id}


async def test_a_token_is_used_until_a_minute_before_its_end() -> None:
    clock = FakeClock()
    token = ServiceToken(ServiceKey.generate(), clock)
    first = token()
    await clock.advance(LIFE_S - 61)
    assert token() == first
    await clock.advance(1)
    assert token() != first


def test_the_deployments_setting_holds_public_halves_only() -> None:
    keys = [ServiceKey.generate(), ServiceKey.generate()]
    setting = json.loads(auth_setting(keys, clerk="https://clerk.example", clerk_jwks="https://j"))
    jwks = json.loads(base64.b64decode(setting["service"].partition("base64,")[2]))
    assert [jwk["kid"] for jwk in jwks["keys"]] == [key.id for key in keys]
    assert all("d" not in jwk for jwk in jwks["keys"])
    assert (setting["clerk"], setting["clerkJwks"]) == ("https://clerk.example", "https://j")
    assert set(json.loads(auth_setting(keys))) == {"service"}

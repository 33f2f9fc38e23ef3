"""The loopback Convex believes the tokens that Convex would believe, and no others."""

from typing import Any

import jwt
import pytest

from tests.contracts.convex_host.client import CALL, Convex, now
from tests.fakes.convex import SERVICE_ISSUER


async def test_the_identity_holds_issuer_subject_and_every_other_claim(convex: Convex) -> None:
    token = convex.host.clerk_token("user_1", role="admin", given_name="Ann", org={"id": "o1"})

    assert await convex.as_bearer(token).value("query", "me") == {
        "issuer": "https://clerk.test",
        "subject": "user_1",
        "tokenIdentifier": "https://clerk.test|user_1",
        "role": "admin",
        "given_name": "Ann",
        "givenName": "Ann",
        "org": {"id": "o1"},
    }
    assert await convex.value("query", "me") is None


async def test_an_openid_provider_is_asked_for_its_keys(convex: Convex, issuer: str) -> None:
    token = convex.host.clerk_token("user_1", iss=issuer)

    me = await convex.as_bearer(token).value("query", "me")

    assert me["tokenIdentifier"] == f"{issuer}|user_1"


@pytest.mark.parametrize(
    "claims",
    [{"aud": ["other", "convex"]}, {"iat": now() + 30}, {"iss": f"{SERVICE_ISSUER}/"}, {"iat": 1}],
)
async def test_a_token_within_the_rules_is_accepted(convex: Convex, claims: dict[str, Any]) -> None:
    token = convex.host.service_token(**claims)

    assert (await convex.as_bearer(token).value("query", "me"))["subject"] == "zapdev"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"aud": None},
        {"iss": "https://other.test"},
        {"exp": now() - 1},
        {"exp": None},
        {"iat": now() + 3600},
        {"nbf": now() + 3600},
        {"sub": None},
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(
    convex: Convex, claims: dict[str, Any]
) -> None:
    whole = {"iss": SERVICE_ISSUER, "sub": "zapdev", "aud": "convex", "exp": now() + 60} | claims
    token = convex.host.service.sign({k: v for k, v in whole.items() if v is not None})

    assert (await convex.as_bearer(token).post("/api/query", CALL))[0] == 401


async def test_a_token_with_a_wrong_signature_is_refused(convex: Convex) -> None:
    host = convex.host
    claims = {"iss": SERVICE_ISSUER, "sub": "zapdev", "aud": "convex", "exp": now() + 60}
    head, payload, tail = host.service.sign(claims).split(".")
    wrong = [
        "garbage",
        f"{head}.{payload}.{tail[::-1]}",
        f"{head}.{payload}.",
        host.service.sign(claims, kid="other"),
        host.service.sign(claims, typ="at+jwt"),
        host.clerk.sign(claims),
        host.clerk.sign(claims, kid=host.service_kid),
        jwt.encode(claims, "", algorithm="none", headers={"kid": host.service_kid}),
        jwt.encode(claims, "k" * 32, algorithm="HS256", headers={"kid": host.service_kid}),
    ]

    answers = [await convex.as_bearer(token).post("/api/query", CALL) for token in wrong]

    assert [status for status, _ in answers] == [401] * len(wrong)
    assert await convex.as_bearer(host.service.sign(claims)).count() == 0


@pytest.mark.parametrize("value", ["Convex wrong", "Convex ", "Basic eDp5", "nonsense"])
async def test_another_authorization_is_refused(convex: Convex, value: str) -> None:
    answer = await convex.with_header("Authorization", value).post("/api/query", CALL)

    assert answer[0] == 401

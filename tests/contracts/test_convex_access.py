"""The deployment's doors: every public function, tried with each token that must not open it."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agents.system import SystemClock
from bot.store.convex_client import ERRORS
from bot.store.convex_token import ServiceKey
from tests.fakes.convex import CLERK_ISSUER, SERVICE_ISSUER, shared_host

CONVEX = Path(__file__).parents[2] / "convex"
MADE = re.compile(r"^export const (\w+) = (service|owner)(Query|Mutation)\(", re.MULTILINE)
FUNCTIONS = [
    (f"{path.stem}:{name}", guard, kind.lower())
    for path in sorted(CONVEX.glob("*.ts"))
    for name, guard, kind in MADE.findall(path.read_text())
]


def bad_tokens() -> dict[str, str]:
    """Tokens that are almost right, for each side."""
    host, now = shared_host(), int(SystemClock().now().timestamp())
    stranger = ServiceKey.generate()
    claims = {"iss": SERVICE_ISSUER, "sub": "zapdev", "aud": "convex", "iat": now, "exp": now + 300}
    good = host.service_token()
    return {
        "expired service": host.service_token(iat=now - 600, exp=now - 1),
        "expired person": host.clerk_token("ann", iat=now - 600, exp=now - 1),
        "signed by another": stranger.sign(claims),
        "signed by another, person": stranger.sign({**claims, "iss": CLERK_ISSUER, "sub": "ann"}),
        "for another audience": host.service_token(aud="elsewhere"),
        "from another issuer": host.service_token(iss="https://elsewhere.example"),
        "signature cut off": good.rpartition(".")[0] + ".",
        "signature changed": good[:-6] + "AAAAAA",
        "no token at all": "x.y.z",
    }


async def call(function: str, kind: str, token: str | None) -> tuple[int, dict[str, Any]]:
    url = f"{shared_host().deployment('access')}/api/{kind}"
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"path": function, "format": "json", "args": {}}
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as reply:
        return reply.status, await reply.json()


def test_the_sweep_knows_the_functions() -> None:
    assert len(FUNCTIONS) > 20
    exported = [
        name
        for path in CONVEX.glob("*.ts")
        if path.name.count(".") == 1
        for name in re.findall(
            r"^export const (\w+) = \w*(?:[qQ]uery|[mM]utation)\(", path.read_text(), re.MULTILINE
        )
    ]
    internal = {"sweep"}
    assert sorted(exported) == sorted([f.partition(":")[2] for f, *_ in FUNCTIONS] + list(internal))


@pytest.mark.parametrize(("function", "guard", "kind"), FUNCTIONS, ids=[f for f, *_ in FUNCTIONS])
async def test_no_bad_token_opens_a_function(function: str, guard: str, kind: str) -> None:
    for name, token in bad_tokens().items():
        status, answer = await call(function, kind, token)
        assert status == 401, (name, answer)
    stats = await shared_host().stats("access")
    assert (sum(stats.documents.values()), stats.calls) == (0, {}), "nothing ran"


async def test_nothing_internal_can_be_called_from_outside() -> None:
    for token in (None, shared_host().service_token(), shared_host().clerk_token("ann")):
        status, answer = await call("retention:sweep", "mutation", token)
        assert (status, answer["status"]) == (200, "error")
        assert "value" not in answer


def test_the_codes_of_refusals_are_the_same_on_both_sides() -> None:
    text = (CONVEX / "lib" / "errors.ts").read_text()
    union = text[text.index("export type Code") : text.index("/** The error to throw")]
    assert set(re.findall(r'"(\w+)"', union)) == {*ERRORS, "quota_exceeded"}, "it has details"

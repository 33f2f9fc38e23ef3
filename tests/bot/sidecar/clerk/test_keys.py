"""Clerk's keys through outages, rotations and nonsense, on a clock that tests move."""

import asyncio
import json
from typing import Any, Self

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypothesis import given
from hypothesis import strategies as st

from agents.background import Background
from agents.testing import FakeClock
from bot.services.principals import SignInUnavailable
from bot.sidecar.clerk_keys import (
    BETWEEN_FETCHES_S,
    BODY_MAX,
    FRESH_S,
    RENEW_AFTER_S,
    RETRY_S,
    USABLE_S,
    WAITING_MAX,
    JwksCache,
    NoKeys,
    read_keys,
)
from tests.fakes.clerk.server import FakeClerk
from tests.fakes.clerk.tokens import SigningKey
from tests.fakes.waiting import in_time, until


class Watch:
    """A cache, its clock, and its own renewal going on beside the test."""

    def __init__(self, clerk: FakeClerk, **given: Any) -> None:
        self.clock = FakeClock()
        self.clerk = clerk
        clerk.clock = self.clock
        self.cache = JwksCache(clerk.jwks_url, self.clock, **given)
        self.background = Background()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.background.stop()
        await self.cache.close()

    async def renewing(self) -> None:
        """Begin as a server does; returns once the first answer is there."""
        self.background.spawn(self.cache.keep_fresh(), name="keep fresh")
        await self.looked(1)

    async def looked(self, times: int) -> None:
        """Wait until the cache has fetched so often, and sleeps until the next time."""
        await until(lambda: len(self.clerk.fetches) >= times and self.clock.sleeping > 0)

    async def knows(self, key: SigningKey) -> bool:
        found = await self.cache.key(key.kid)
        return found is not None and _same(found, key)


def _same(found: RSAPublicKey, key: SigningKey) -> bool:
    return found.public_numbers() == key.private.public_key().public_numbers()


async def test_a_crowd_at_the_start_costs_one_request_and_all_are_served(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        clerk.latency_s = 0.05
        found = await asyncio.gather(*(watch.knows(clerk.key) for _ in range(WAITING_MAX * 3)))
        assert all(found)
        assert len(clerk.fetches) == 1


async def test_keys_are_renewed_before_they_are_old(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        await watch.renewing()
        await watch.clock.advance(RENEW_AFTER_S - 1)
        assert len(clerk.fetches) == 1
        await watch.clock.advance(1)
        await watch.looked(2)
        assert RENEW_AFTER_S == 0.8 * FRESH_S


async def test_a_known_key_is_served_while_its_renewal_hangs(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        await watch.renewing()
        clerk.latency_s = 20
        await watch.clock.advance(RENEW_AFTER_S)
        await until(lambda: len(clerk.fetches) == 2)
        async with asyncio.timeout(0.5):
            assert await watch.knows(clerk.key)


@pytest.mark.parametrize("trouble", ["outage", "cut", "garbage", "redirect", "too long", "other"])
async def test_known_keys_outlive_whatever_clerk_answers_for_a_day(
    clerk: FakeClerk, trouble: str
) -> None:
    async with Watch(clerk) as watch:
        await watch.renewing()
        _break(clerk, trouble)
        await watch.clock.advance(RENEW_AFTER_S)
        await watch.looked(2)
        await watch.clock.advance(RETRY_S)
        await watch.looked(3)
        assert len(clerk.fetches) == 3, "each look is one request"
        assert await watch.knows(clerk.key)
        await watch.background.stop()
        await watch.clock.advance(USABLE_S - watch.clock.monotonic() - 1)
        assert await watch.knows(clerk.key)
        await watch.clock.advance(1)
        with pytest.raises(SignInUnavailable, match="signing keys"):
            await watch.cache.key(clerk.key.kid)
        assert watch.cache.problem is not None


def _break(clerk: FakeClerk, trouble: str) -> None:
    good = json.dumps({"keys": [clerk.key.jwk]}).encode()
    match trouble:
        case "outage":
            clerk.outage = 503
        case "cut":
            clerk.outage = 0
        case "garbage":
            clerk.garbage = b"<html>not what you expect</html>"
        case "redirect":
            clerk.redirect_to = f"{clerk.jwks_url}?again"
        case "too long":
            clerk.garbage = good + b" " * BODY_MAX
        case _:
            clerk.garbage = b'{"keys": []}'


async def test_an_answer_that_takes_too_long_counts_as_none(clerk: FakeClerk) -> None:
    async with Watch(clerk, answer_s=0.05) as watch:
        clerk.latency_s = 5
        with pytest.raises(SignInUnavailable, match="TimeoutError"):
            await watch.cache.key(clerk.key.kid)


async def test_without_any_keys_clerk_is_asked_once_in_ten_seconds(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        clerk.outage = 500
        for waited in (0.0, 4.0, 5.0):
            await watch.clock.advance(waited)
            with pytest.raises(SignInUnavailable) as refused:
                await watch.cache.key("any")
            assert refused.value.retry_after_s == BETWEEN_FETCHES_S - watch.clock.monotonic()
        assert len(clerk.fetches) == 1
        clerk.outage = None
        await watch.clock.advance(1)
        assert await watch.knows(clerk.key)


async def test_made_up_keys_cost_one_request_in_ten_seconds(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        await watch.renewing()
        for second in range(60):
            for number in range(5):
                assert await watch.cache.key(f"ins_{second}_{number}") is None
            assert await watch.knows(clerk.key)
            await watch.clock.advance(1)
        gaps = [b - a for a, b in zip(clerk.fetches, clerk.fetches[1:], strict=False)]
        assert len(clerk.fetches) == 6
        assert min(gaps) >= BETWEEN_FETCHES_S


async def test_a_new_key_is_accepted_within_ten_seconds_also_in_a_flood(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        await watch.renewing()
        await watch.clock.advance(BETWEEN_FETCHES_S)
        assert await watch.cache.key("ins_made_up") is None
        new = clerk.rotate()
        since = watch.clock.monotonic()
        while not await watch.knows(new):
            await watch.clock.advance(0.5)
        assert watch.clock.monotonic() - since <= BETWEEN_FETCHES_S
        assert all([await watch.knows(key) for key in clerk.keys])


async def test_a_key_that_was_withdrawn_ends_with_the_next_renewal(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        await watch.renewing()
        old = clerk.key
        clerk.rotate(keep_old=False)
        assert await watch.knows(old)
        await in_time(watch.clock, lambda: len(clerk.fetches) == 2, step_s=60)
        await watch.looked(2)
        assert not await watch.knows(old)


async def test_of_a_crowd_with_made_up_keys_few_wait_and_all_are_refused(clerk: FakeClerk) -> None:
    async with Watch(clerk) as watch:
        await watch.renewing()
        await watch.clock.advance(BETWEEN_FETCHES_S)
        clerk.latency_s = 0.2
        background = Background()
        asked = [
            background.start(watch.cache.key(f"ins_{n}"), name="ask")
            for n in range(WAITING_MAX * 3)
        ]
        await until(lambda: sum(task.done() for task in asked) == WAITING_MAX * 2)
        assert await watch.knows(clerk.key)
        assert await asyncio.gather(*asked) == [None] * (WAITING_MAX * 3)


# --- what counts as a key ------------------------------------------------------------------

GOOD = SigningKey.generate("ins_good")
SHORT = SigningKey.generate("ins_short", bits=1024)


def keys_of(*entries: object) -> dict[str, RSAPublicKey]:
    return read_keys(json.dumps({"keys": entries}).encode())


def test_of_two_keys_under_one_id_the_first_counts() -> None:
    other = SigningKey.generate("ins_good")
    assert _same(keys_of(GOOD.jwk, other.jwk)["ins_good"], GOOD)


def test_what_clerk_does_not_say_of_a_key_is_not_held_against_it() -> None:
    bare = {name: GOOD.jwk[name] for name in ("kty", "kid", "n", "e")}
    assert set(keys_of({**bare, "x5t": "whatever"})) == {"ins_good"}


@pytest.mark.parametrize(
    "entry",
    [
        SHORT.jwk,
        {**GOOD.jwk, "use": "enc"},
        {**GOOD.jwk, "alg": "RS512"},
        {**GOOD.jwk, "kty": "oct", "k": "c2VjcmV0"},
        {**GOOD.jwk, "kid": 7},
        {**GOOD.jwk, "n": GOOD.jwk["n"] + "!"},
        {**GOOD.jwk, "n": "Ag" * 4000},
        {**GOOD.jwk, "e": "AA"},
        {**GOOD.jwk, "e": ""},
        {"kty": "RSA", "kid": "ins_good"},
        "text",
        None,
    ],
)
def test_a_key_that_may_not_sign_session_tokens_is_passed_over(entry: object) -> None:
    assert set(keys_of(entry, {**GOOD.jwk, "kid": "ins_next"})) == {"ins_next"}
    with pytest.raises(NoKeys):
        keys_of(entry)


def test_of_a_list_without_end_the_first_count() -> None:
    assert set(keys_of(GOOD.jwk, *range(10_000))) == {"ins_good"}
    with pytest.raises(NoKeys):
        keys_of(*range(10_000), GOOD.jwk)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ENTRY = st.dictionaries(
    st.sampled_from(["kty", "kid", "n", "e", "use", "alg"]), JSON | st.just("RSA")
)


@given(
    st.binary()
    | st.builds(json.dumps, JSON).map(str.encode)
    | st.builds(lambda keys: json.dumps({"keys": keys}).encode(), st.lists(JSON | ENTRY))
)
def test_no_answer_is_worse_than_none(body: bytes) -> None:
    with pytest.raises(NoKeys):
        read_keys(body)

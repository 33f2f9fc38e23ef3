import asyncio

import pytest

from agents.errors import (
    AuthFailed,
    BadOutput,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    SandboxFull,
    SandboxLost,
    StoreUnavailable,
    Truncated,
    ZapdevError,
)
from agents.retry import (
    HTTP,
    MODEL,
    OUTLAST,
    SANDBOX,
    STORE,
    RetryPolicy,
    retry_on_rate_limit,
    retry_on_sandbox_lost,
    retry_on_transient,
    with_retry,
)
from tests.fakes.instant_clock import InstantClock


class Flaky:
    """Fails with the given errors, one each, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def test_passing_trouble_is_tried_again_until_it_works() -> None:
    clock, work = InstantClock(), Flaky(ProviderUnavailable("a"), ProviderTimeout("b"))
    assert await with_retry(MODEL, work, clock=clock) == "done"
    assert work.calls == 3
    first, second = clock.sleeps
    assert 1.0 <= first <= 2.0
    assert 2.0 <= second <= 3.0


async def test_the_last_error_comes_out_when_the_attempts_are_used_up() -> None:
    last = ProviderTimeout("c")
    work = Flaky(ProviderUnavailable("a"), BadOutput("b"), last, ProviderUnavailable("never"))
    with pytest.raises(ProviderTimeout) as caught:
        await with_retry(MODEL, work, clock=InstantClock())
    assert caught.value is last
    assert work.calls == MODEL.attempts


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (MODEL, AuthFailed("no key")),
        (MODEL, SandboxLost("gone")),
        (SANDBOX, SandboxFull("full")),
        (STORE, ProviderUnavailable("not ours")),
        (HTTP, Truncated("cut")),
        (MODEL, ValueError("ours")),
        (MODEL, asyncio.CancelledError()),
    ],
)
async def test_what_the_policy_does_not_name_comes_out_at_once(
    policy: RetryPolicy, error: BaseException
) -> None:
    clock, work = InstantClock(), Flaky(error)
    with pytest.raises(type(error)):
        await with_retry(policy, work, clock=clock)
    assert work.calls == 1
    assert clock.sleeps == []


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (30.0, 30.0), (3_600.0, 30.0)])
async def test_the_provider_s_wait_is_kept_up_to_half_a_minute(asked: float, waited: float) -> None:
    clock, work = InstantClock(), Flaky(RateLimited("slow down", retry_after_s=asked))
    await with_retry(MODEL, work, clock=clock)
    assert clock.sleeps == [waited]


async def test_a_wait_of_zero_or_none_still_backs_off() -> None:
    clock = InstantClock()
    work = Flaky(RateLimited("a", retry_after_s=0.0), RateLimited("b", retry_after_s=None))
    await with_retry(MODEL, work, clock=clock)
    assert clock.sleeps[0] >= 1.0
    assert clock.sleeps[1] >= 2.0


async def test_backoff_grows_to_its_cap() -> None:
    clock, policy = InstantClock(), STORE.with_attempts(9)
    work = Flaky(*[StoreUnavailable("away")] * 8)
    await with_retry(policy, work, clock=clock)
    assert max(clock.sleeps) == policy.cap_s
    assert clock.sleeps[-2:] == [policy.cap_s] * 2
    assert STORE.attempts == 6, "with_attempts leaves the original alone"


async def test_a_limit_in_time_ends_the_patience_and_no_count_does() -> None:
    clock, work = InstantClock(), Flaky(*[StoreUnavailable("away")] * 1_000)
    with pytest.raises(StoreUnavailable):
        await with_retry(OUTLAST, work, clock=clock)
    assert 598 < clock.monotonic() <= 600
    assert clock.sleeps[0] <= 0.1
    assert max(clock.sleeps) == clock.sleeps[-1] == OUTLAST.cap_s


async def test_who_asks_is_told_of_each_retry() -> None:
    told: list[tuple[str, float]] = []
    clock, work = InstantClock(), Flaky(SandboxLost("one"), ProviderTimeout("two"))
    await with_retry(
        SANDBOX, work, clock=clock, on_retry=lambda error, wait: told.append((str(error), wait))
    )
    assert told == [("one", clock.sleeps[0]), ("two", clock.sleeps[1])]


def test_the_named_predicates_tell_errors_apart() -> None:
    errors: list[ZapdevError] = [RateLimited("r"), ProviderTimeout("t"), SandboxLost("s")]
    assert [retry_on_transient(e) for e in errors] == [True, True, False]
    assert [retry_on_rate_limit(e) for e in errors] == [True, False, False]
    assert [retry_on_sandbox_lost(e) for e in errors] == [False, False, True]

"""Retries as data: a policy says how often, how long and after what; tenacity does it.

One of the three places that catch `ZapdevError`. Only what a policy names is tried again;
everything else, `asyncio.CancelledError` included, passes through at once.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_exponential_jitter

from agents.errors import (
    GenerationError,
    RateLimited,
    SandboxLost,
    StoreUnavailable,
    TransientError,
)
from agents.ports import Clock

T = TypeVar("T")

RETRY_AFTER_CAP_S = 30.0
"""The longest wait a provider can ask of us."""

OnRetry = Callable[[BaseException, float], None]
"""Told the error and the seconds until the next attempt."""


def retry_on_transient(error: BaseException) -> bool:
    """A provider's passing trouble: rate limit, timeout, outage."""
    return isinstance(error, TransientError)


def retry_on_rate_limit(error: BaseException) -> bool:
    """The provider asks us to wait."""
    return isinstance(error, RateLimited)


def retry_on_sandbox_lost(error: BaseException) -> bool:
    """The sandbox is gone and can be made anew."""
    return isinstance(error, SandboxLost)


def retry_on_model_failure(error: BaseException) -> bool:
    """Passing trouble, or a reply that is cut, malformed or empty: ask again."""
    return isinstance(error, TransientError | GenerationError)


def retry_on_sandbox_failure(error: BaseException) -> bool:
    """Passing trouble of the sandbox provider, or a sandbox that died."""
    return isinstance(error, TransientError | SandboxLost)


def retry_on_store_unavailable(error: BaseException) -> bool:
    """The database does not answer."""
    return isinstance(error, StoreUnavailable)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently.

    `attempts` counts the first one. The wait before attempt n+1 is `base_s * factor**(n-1)` plus
    up to `base_s` of jitter, at most `cap_s`, and never less than what the provider asked for
    (up to 30 s). No attempt begins later than `limit_s` after the first one.
    """

    attempts: int
    base_s: float
    factor: float
    cap_s: float
    retry_on: Callable[[BaseException], bool]
    limit_s: float = math.inf

    def with_attempts(self, attempts: int) -> "RetryPolicy":
        """The same policy with another number of attempts."""
        return replace(self, attempts=attempts)


MODEL = RetryPolicy(3, base_s=1.0, factor=2.0, cap_s=30.0, retry_on=retry_on_model_failure)
SANDBOX = RetryPolicy(3, base_s=1.0, factor=2.0, cap_s=10.0, retry_on=retry_on_sandbox_failure)
STORE = RetryPolicy(6, base_s=0.1, factor=2.0, cap_s=3.0, retry_on=retry_on_store_unavailable)
OUTLAST = RetryPolicy(
    1_000, base_s=0.05, factor=2.0, cap_s=2.0, retry_on=retry_on_store_unavailable, limit_s=600.0
)
"""For who holds a lease: ten minutes without the database cost less than the work done again."""
HTTP = RetryPolicy(3, base_s=0.5, factor=2.0, cap_s=10.0, retry_on=retry_on_transient)


async def with_retry(
    policy: RetryPolicy,
    fn: Callable[[], Awaitable[T]],
    *,
    clock: Clock,
    on_retry: OnRetry | None = None,
) -> T:
    """Call `fn` until it answers, fails for good, or the policy's patience is at its end.

    Raises: the last error, as `fn` raised it.
    """

    def tell(state: RetryCallState) -> None:
        if on_retry is not None:
            on_retry(_error_of(state), state.upcoming_sleep)

    async def attempt() -> T:
        return await fn()  # tenacity awaits only what is declared `async def`

    started = clock.monotonic()

    def stop(state: RetryCallState) -> bool:
        elapsed_s = clock.monotonic() - started + state.upcoming_sleep
        return state.attempt_number >= policy.attempts or elapsed_s > policy.limit_s

    retrying = AsyncRetrying(
        stop=stop,
        wait=_wait_of(policy),
        retry=retry_if_exception(policy.retry_on),
        sleep=clock.sleep,
        before_sleep=tell,
        reraise=True,
    )
    return await retrying(attempt)


def _wait_of(policy: RetryPolicy) -> Callable[[RetryCallState], float]:
    backoff = wait_exponential_jitter(
        multiplier=policy.base_s,
        max=policy.cap_s,
        exp_base=policy.factor,
        jitter=policy.base_s,
    )

    def wait(state: RetryCallState) -> float:
        error = _error_of(state)
        asked = error.retry_after_s if isinstance(error, RateLimited) else None
        return max(backoff(state), min(asked or 0.0, RETRY_AFTER_CAP_S))

    return wait


def _error_of(state: RetryCallState) -> BaseException:
    """The error that ended the attempt; tenacity asks only after one."""
    error = state.outcome.exception() if state.outcome else None
    return error if error is not None else RuntimeError("no attempt has failed")

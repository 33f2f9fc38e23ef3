"""What goes wrong at E2B, in our own words: the one place that knows the SDK's errors.

Beside the SDK's own tree there are errors outside of it (`AuthenticationException`,
`ServiceBusyException`), those of its two transports that it hands on as they are (httpx's, the
Connect client's), and bare `Exception`s where an answer was empty. Read in e2b 2.63.
"""

import asyncio
import json

import e2b
import httpx
from connectrpc.errors import ConnectError

from agents.errors import (
    AuthFailed,
    BadProviderResponse,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    SandboxFull,
    SandboxLost,
    ZapdevError,
)

_CAP = "maximum number of concurrent"
"""In the text of the 429 that says the account is full, as against one that says too fast."""

_PREFIX = "sandbox_"

_GONE = (
    e2b.SandboxNotRunningException,
    e2b.SandboxNotFoundException,
    e2b.GuestUnresponsiveException,
    e2b.NotFoundException,  # a process or a file of ours that must be there
)
_MAYBE_GONE = e2b.SandboxUnreachableException
"""It, or the way to it, does not answer: the next try tells."""
_SILENT = (e2b.TimeoutException, httpx.TimeoutException, TimeoutError)
_AWAY = (
    e2b.ServiceBusyException,
    httpx.TransportError,
    ConnectError,
    OSError,
    asyncio.CancelledError,  # nobody cancelled: a transport that was shut
)
_ODD = (
    e2b.InvalidArgumentException,
    e2b.TemplateException,
    e2b.BuildException,
    httpx.HTTPError,
    httpx.InvalidURL,
    json.JSONDecodeError,
    KeyError,
)


def translate(error: BaseException) -> BaseException:
    """The error of our tree for one that the SDK has raised; what is not the SDK's stays.

    Its key says that it is the sandboxes' provider, and not the model's, who has to act.
    """
    ours = _translate(error)
    if isinstance(ours, ProviderError) and not ours.key.startswith(_PREFIX):
        ours.key = f"{_PREFIX}{ours.key}"
    return ours


def _translate(error: BaseException) -> BaseException:
    if isinstance(error, ZapdevError):
        return error
    text = str(error) or type(error).__name__
    if isinstance(error, e2b.AuthenticationException):
        return AuthFailed(f"E2B: {text}")
    if isinstance(error, e2b.RateLimitException):
        return SandboxFull(f"E2B: {text}") if _CAP in text else RateLimited(f"E2B: {text}")
    if isinstance(error, e2b.NotEnoughSpaceException):
        return SandboxFull(f"E2B: {text}")
    if isinstance(error, _GONE):
        return SandboxLost(f"E2B: {text}")
    return _of_transport(error, f"E2B: {text}")


def _of_transport(error: BaseException, text: str) -> BaseException:
    if isinstance(error, _MAYBE_GONE):
        return ProviderUnavailable(text)
    if isinstance(error, _SILENT):
        return ProviderTimeout(text)
    if isinstance(error, _AWAY):
        return ProviderUnavailable(text)
    if isinstance(error, e2b.SandboxException) and not isinstance(error, _ODD):
        return _of_status(error.status_code, text)
    if isinstance(error, _ODD) or type(error) is Exception:
        return BadProviderResponse(text)
    return error


def _of_status(status: int | None, text: str) -> ProviderError:
    """An answer that the SDK knows no class for; without a status it came over a stream."""
    if status == 403:
        return AuthFailed(text)
    if status is None or status >= 500:
        return ProviderUnavailable(text)
    return BadProviderResponse(text)

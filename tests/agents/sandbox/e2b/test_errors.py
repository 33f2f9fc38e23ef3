"""Every error that the E2B SDK really raises, in our own words."""

import asyncio
import json

import e2b
import httpx
import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from agents.errors import (
    AuthFailed,
    BadProviderResponse,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    SandboxFull,
    SandboxLost,
    ZapdevError,
)
from agents.sandbox.e2b_errors import translate

REQUEST = httpx.Request("GET", "https://api.e2b.test/sandboxes")
CAP = "429: you have reached the maximum number of concurrent E2B sandboxes (20)"


def _untyped(name: str, message: str) -> Exception:
    """One of the SDK's errors whose constructor has no types."""
    error: Exception = getattr(e2b, name)(message)
    return error


CASES: list[tuple[BaseException, type[ZapdevError]]] = [
    # the SDK's tree
    (e2b.SandboxException("500: Failed to place sandbox", status_code=500), ProviderUnavailable),
    (e2b.SandboxException("504: upstream", status_code=504), ProviderUnavailable),
    (e2b.SandboxException("unknown: broken stream"), ProviderUnavailable),
    (e2b.SandboxException("403: no access", status_code=403), AuthFailed),
    (e2b.SandboxException("400: bad timeout", status_code=400), BadProviderResponse),
    (e2b.TimeoutException("Request timed out"), ProviderTimeout),
    (e2b.SandboxNotRunningException("was not found"), SandboxLost),
    (e2b.SandboxUnreachableException("port is not open"), ProviderUnavailable),
    (e2b.NotFoundException("process not found"), SandboxLost),
    (e2b.SandboxNotFoundException("Sandbox not found"), SandboxLost),
    (e2b.FileNotFoundException("no such file"), SandboxLost),
    (_untyped("GuestUnresponsiveException", "envd did not answer"), SandboxLost),
    (_untyped("RateLimitException", "429: slow down"), RateLimited),
    (_untyped("RateLimitException", CAP), SandboxFull),
    (e2b.NotEnoughSpaceException("507: disk"), SandboxFull),
    (e2b.InvalidArgumentException("bad argument"), BadProviderResponse),
    (e2b.TemplateException("too old"), BadProviderResponse),
    # outside of it
    (e2b.AuthenticationException("401: Unauthorized"), AuthFailed),
    (e2b.ServiceBusyException("503: busy"), ProviderUnavailable),
    (e2b.BuildException("build failed"), BadProviderResponse),
    # the transports', handed on as they are
    (httpx.ReadTimeout("", request=REQUEST), ProviderTimeout),
    (httpx.ConnectTimeout("", request=REQUEST), ProviderTimeout),
    (httpx.ConnectError("refused", request=REQUEST), ProviderUnavailable),
    (httpx.ReadError("reset", request=REQUEST), ProviderUnavailable),
    (httpx.RemoteProtocolError("closed", request=REQUEST), ProviderUnavailable),
    (httpx.DecodingError("gzip", request=REQUEST), BadProviderResponse),
    (httpx.InvalidURL("no host"), BadProviderResponse),
    (ConnectError(Code.UNAVAILABLE, "stream reset"), ProviderUnavailable),
    (ConnectionResetError("reset"), ProviderUnavailable),
    (TimeoutError(), ProviderTimeout),
    (asyncio.CancelledError(), ProviderUnavailable),
    # answers that are none
    (Exception("Body of the request is None"), BadProviderResponse),
    (json.JSONDecodeError("no JSON", "<html>", 0), BadProviderResponse),
    (KeyError("sandboxID"), BadProviderResponse),
]


@pytest.mark.parametrize(
    ("raised", "ours"), CASES, ids=[f"{type(e).__name__}-{t.__name__}" for e, t in CASES]
)
def test_an_error_of_the_sdk_becomes_ours(raised: BaseException, ours: type[ZapdevError]) -> None:
    assert type(translate(raised)) is ours


def test_every_sandbox_error_that_the_sdk_has_is_known() -> None:
    families = (e2b.SandboxException, e2b.AuthenticationException, e2b.ServiceBusyException)
    not_ours = {"GitAuthException", "GitUpstreamException", "CommandExitException"}
    not_ours |= {"VolumeNotFoundException", "VolumePathNotFoundException"}
    known = {
        name
        for name in dir(e2b)
        if isinstance(kind := getattr(e2b, name), type) and issubclass(kind, families)
    }
    tried = {type(error).__name__ for error, _ in CASES}
    assert known - not_ours <= tried


def test_an_error_of_ours_stays_itself() -> None:
    error = SandboxLost("gone")
    assert translate(error) is error


def test_a_defect_of_our_own_is_not_taken_for_the_providers() -> None:
    defect = AttributeError("no such attribute")
    assert translate(defect) is defect

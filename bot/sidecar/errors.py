"""The one place where errors become answers: `{"error": {code, message, hint?, field?}}`.

People read a text chosen here by the error's key, or the text of a `UserError`, which is
written for them. Anything unexpected is logged under a reference and says only that.
"""

import asyncio
import math
import secrets
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from agents.errors import (
    NotFound,
    QuotaExceeded,
    SeqConflict,
    StoreUnavailable,
    UserError,
    ZapdevError,
)
from agents.logger import create_logger
from bot.services.linking import SignInAgain
from bot.services.principals import Impersonated, NotSignedIn, SignInUnavailable

BODY_MAX_BYTES = 1024 * 1024
RETRY_AFTER_S = 2
ANSWER_S = 12.0
"""As long as one call of a store may take (`convex_client.CALL_S`)."""
NOUN = web.RequestKey("noun", str)
"""What the request is about; a route sets it so that a 404 can name it."""

_log = create_logger(__name__)

_USER_STATUS: Mapping[type[UserError], int] = {
    QuotaExceeded: 429,
    Impersonated: 403,
    SignInAgain: 403,
}

_HTTP_TEXTS: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The request could not be understood."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    408: ("request_timeout", "The request took too long to arrive."),
    413: ("too_large", "The request is larger than 1 MiB."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    429: ("rate_limited", "Too many requests."),
}


class Refused(Exception):
    """A request refused at the door, before any service saw it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        hint: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    hint: str | None = None,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The error shape; `hint` and `field` appear only when there is something to say."""
    error = {"code": code, "message": message}
    if hint is not None:
        error["hint"] = hint
    if field is not None:
        error["field"] = field
    return web.json_response({"error": error}, status=status, headers=headers)


def in_time(handler: Handler, limit_s: float = ANSWER_S) -> Handler:
    """For a route that only reads: its answer is there within `limit_s`, or it is a 503.

    An answer may need several calls of the store, each of which may take nearly as long.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(limit_s):
                return await handler(request)
        except TimeoutError:
            raise StoreUnavailable(f"{_door(request)}: no answer in {limit_s:g} s") from None

    return answer


def _door(request: web.Request) -> str:
    """The route's pattern: what stands in an address may be somebody's key."""
    resource = request.match_info.route.resource
    return "an unknown address" if resource is None else resource.canonical


@web.middleware
async def error_boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into the error shape.

    It catches `Exception` because it is aiohttp's error boundary: nothing may leave as a
    stack trace. `asyncio.CancelledError` passes.
    """
    try:
        return await handler(request)
    except Refused as refused:
        return _refusal(refused)
    except web.HTTPException as answer:
        return _http_answer(answer)
    except ZapdevError as error:
        return _zapdev_answer(request, error)
    except Exception:  # noqa: BLE001 - the boundary, as the docstring says
        return _unexpected(request)


def _refusal(refused: Refused) -> web.Response:
    code, _ = _HTTP_TEXTS[refused.status]
    wait_s = refused.retry_after_s
    headers = {"Retry-After": str(wait_s)} if wait_s is not None else None
    return error_response(refused.status, code, refused.message, hint=refused.hint, headers=headers)


def _http_answer(answer: web.HTTPException) -> web.Response:
    code, message = _HTTP_TEXTS.get(answer.status, ("http_error", answer.reason))
    headers = {"Allow": answer.headers["Allow"]} if "Allow" in answer.headers else None
    return error_response(answer.status, code, message, headers=headers)


def _zapdev_answer(request: web.Request, error: ZapdevError) -> web.Response:
    match error:
        case UserError():
            status = next((n for kind, n in _USER_STATUS.items() if isinstance(error, kind)), 400)
            return error_response(
                status,
                error.key,
                str(error),
                hint=error.hint,
                field=error.field,
                headers=_retry_after(error),
            )
        case NotFound():
            noun = request.get(NOUN, "thing")
            return error_response(404, error.key, f"There is no such {noun}.")
        case NotSignedIn(code=code):
            return error_response(
                401,
                code,
                str(error),
                headers={
                    "WWW-Authenticate": f'Bearer error="invalid_token", error_description="{code}"'
                },
            )
        case SeqConflict():
            return error_response(
                409,
                error.key,
                "A task of this project is running.",
                hint="Wait until it has ended, or stop it, then try again.",
            )
        case StoreUnavailable() | SignInUnavailable():
            return _unavailable(request, error)
        case _:
            return _unexpected(request)


def _unavailable(request: web.Request, error: StoreUnavailable | SignInUnavailable) -> web.Response:
    """Somebody else's service does not answer: the same request may work in a moment."""
    if isinstance(error, SignInUnavailable):
        wait_s = math.ceil(error.retry_after_s)
        message = "Nobody's sign-in can be checked just now: Clerk does not answer."
        hint = "Try again in a moment."
    else:
        _log.warning("store unavailable", path=_door(request))
        wait_s, message = 0, "The database does not answer just now."
        hint = "Nothing was lost. Try again in a moment."
    headers = {"Retry-After": str(max(RETRY_AFTER_S, wait_s))}
    return error_response(503, error.key, message, hint=hint, headers=headers)


def _retry_after(error: UserError) -> Mapping[str, str] | None:
    """When it is worth another try, where that is known."""
    wait_s = error.retry_after_s if isinstance(error, QuotaExceeded) else None
    return None if wait_s is None else {"Retry-After": str(math.ceil(wait_s))}


def _unexpected(request: web.Request) -> web.Response:
    reference = secrets.token_hex(4)
    _log.exception(
        "request failed", reference=reference, method=request.method, path=_door(request)
    )
    return error_response(
        500,
        "internal",
        "Something went wrong on our side.",
        hint=f"Try again. The log has the details under reference {reference}.",
    )

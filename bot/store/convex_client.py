"""Calls to a Convex deployment from asyncio, over its HTTP API.

The values and errors are those of the `convex` package; its clients are not used, as one holds the
interpreter's lock while it waits and the other has no timeouts. Wire: docs.convex.dev/http-api.

A call is tried again for a few seconds while Convex is not reachable, answers 429 or 503, or breaks
off. That may run a mutation twice, so every mutation of ours is idempotent: by a key, by an id
that the caller chose, or by what it does.
"""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import aiohttp
from convex import convex_to_json, json_to_convex

from agents.errors import (
    BadRequest,
    LeaseLost,
    NotFound,
    SeqConflict,
    StoreError,
    StoreUnavailable,
    ZapdevError,
)
from agents.logger import create_logger
from agents.ports import Clock
from agents.retry import STORE, with_retry
from bot.store.usage_port import quota_exceeded

log = create_logger(__name__)

ATTEMPT_S = 8.0
CALL_S = 12.0
"""A call ends within this time, whatever Convex does; one attempt within `ATTEMPT_S`."""

_CONNECTIONS = 100
_LARGE_BYTES = 64 * 1024
"""Larger bodies are read off the event loop: decoding a megabyte takes some 10 ms."""

_UNAVAILABLE = (429, 500, 502, 503, 504)

ERRORS: Mapping[str, type[ZapdevError]] = {
    "lease_lost": LeaseLost,
    "not_found": NotFound,
    "seq_conflict": SeqConflict,
    "store_error": StoreError,
    "bad_request": BadRequest,
    "unauthenticated": StoreUnavailable,
}
"""What the codes of `convex/lib/errors.ts` are here."""


class KeyRefused(StoreUnavailable):
    """The deployment does not believe us. It may tomorrow, so what runs waits as for an outage."""


class ConvexClient:
    """One deployment. Make it on a running event loop, and close it."""

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        clock: Clock,
        *,
        http: aiohttp.ClientSession | None = None,
    ) -> None:
        self._api = f"{url.rstrip('/')}/api"
        self._token = token
        self._clock = clock
        self._http = http or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=ATTEMPT_S),
        )

    async def close(self) -> None:
        await self._http.close()

    async def query(self, function: str, **args: Any) -> Any:
        """Read. Raises: StoreUnavailable, or what the function refuses with (`ERRORS`)."""
        return await self._call("query", function, args)

    async def mutation(self, function: str, **args: Any) -> Any:
        """Write; may run twice, so it has to be idempotent. Raises: as `query`."""
        return await self._call("mutation", function, args)

    async def _call(self, kind: str, function: str, args: Mapping[str, Any]) -> Any:
        given = {name: value for name, value in args.items() if value is not None}
        body = {"path": function, "format": "convex_encoded_json", "args": convex_to_json(given)}
        data = json.dumps(body).encode()

        async def attempt() -> Any:
            return await self._post(f"{self._api}/{kind}", data)

        return await self._patiently(function, attempt)

    async def _patiently(self, function: str, attempt: Callable[[], Awaitable[Any]]) -> Any:
        try:
            async with asyncio.timeout(CALL_S):
                return await with_retry(STORE, attempt, clock=self._clock)
        except TimeoutError:
            raise StoreUnavailable(f"Convex did not answer {function} in {CALL_S:.0f} s") from None

    async def _post(self, url: str, data: bytes) -> Any:
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        try:
            async with self._http.post(url, data=io.BytesIO(data), headers=headers) as answer:
                status, raw = answer.status, await answer.read()
        except aiohttp.ClientConnectorError as error:
            where = f"{error.host}:{error.port}"
            raise StoreUnavailable(
                f"Convex is not reachable: nothing answers at {where}"
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StoreUnavailable(f"Convex is not reachable: {type(error).__name__}") from error
        if status != 200:
            _refuse_status(status, raw)
        if len(raw) > _LARGE_BYTES:
            return await asyncio.to_thread(_value_of, raw)
        return _value_of(raw)


def _refuse_status(status: int, raw: bytes) -> NoReturn:
    """What an answer other than 200 means: 429 and 503 were not executed; 4xx is a mistake."""
    reason = f"Convex answered {status}: {raw[:200].decode(errors='replace')}"
    if status in _UNAVAILABLE:
        raise StoreUnavailable(reason)
    if status in (401, 403):
        raise KeyRefused(
            "Convex does not accept CONVEX_SERVICE_KEY: the deployment's ZAPDEV_AUTH does not "
            "belong to it. `zapdev convex auth` prints what it has to be."
        )
    if not _is_convex(raw):
        raise StoreUnavailable(f"{reason}. That is not Convex: a proxy before it?")
    raise StoreError(reason)


def _is_convex(raw: bytes) -> bool:
    """Whether a refusal has Convex's form; what stands before it answers in its own."""
    try:
        refusal = json.loads(raw)
    except ValueError:
        return False
    return isinstance(refusal, dict) and {"code", "message"} <= refusal.keys()


def _value_of(raw: bytes) -> Any:
    """The function's answer. Raises: what it refused with; StoreError for an error of its own."""
    try:
        answer = json.loads(raw)
        status = answer["status"]
    except (ValueError, TypeError, KeyError):
        raise StoreUnavailable("what answers at CONVEX_URL is not Convex") from None
    if status == "success":
        return json_to_convex(answer["value"])
    data: Any = json_to_convex(answer.get("errorData"))
    if isinstance(data, dict) and data.get("code") == "quota_exceeded":
        raise quota_exceeded(data["limit"], int(data["allowed"]), data["waitMs"] / 1_000)
    if isinstance(data, dict) and data.get("code") in ERRORS:
        raise ERRORS[str(data["code"])](str(data.get("message")))
    raise StoreError(f"Convex: {str(answer.get('errorMessage'))[:500]}")

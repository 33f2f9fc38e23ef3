"""Payloads over HTTP, signed as Slack signs them."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import aiohttp

from agents.ports import Clock
from agents.system import SystemClock
from tests.fakes.slack.delivery import Attempt, Delivery, Kind, read_ack
from tests.fakes.slack.world import Json


def sign(secret: str, body: str, timestamp: int) -> dict[str, str]:
    """The two headers by which an app knows that Slack sent it."""
    base = f"v0:{timestamp}:{body}".encode()
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def encode(kind: Kind, payload: Json) -> tuple[str, str]:
    """The body and its content type: JSON for events, a form for all else."""
    if kind == "event":
        return json.dumps(payload), "application/json"
    fields = payload if kind == "command" else {"payload": json.dumps(payload)}
    return urlencode(fields), "application/x-www-form-urlencoded"


class HttpTransport:
    """The app's one request URL, while there is one."""

    def __init__(self, clock: Clock, secret: str, ack_limit_s: float) -> None:
        self._clock, self._secret, self.ack_limit_s = clock, secret, ack_limit_s
        self._http: aiohttp.ClientSession | None = None
        self.url: str | None = None

    @property
    def is_open(self) -> bool:
        return self.url is not None

    async def attempt(self, delivery: Delivery, number: int, reason: str | None) -> Attempt:
        body, content_type = encode(delivery.kind, delivery.payload)
        retry = {}
        if number:
            retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason or ""}
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0", **retry}
        # The app compares it with the real time, whatever clock the test has.
        now = int(SystemClock().now().timestamp())
        return await self.post(body, {**headers, **sign(self._secret, body, now)})

    async def post(self, body: str, headers: Mapping[str, str]) -> Attempt:
        """Send exactly this, and give up on the answer when its time is over."""
        start = self._clock.monotonic()
        async with asyncio.TaskGroup() as group:
            sent = group.create_task(self._post(body, headers))
            late = group.create_task(self._clock.sleep(self.ack_limit_s))
            await asyncio.wait({sent, late}, return_when=asyncio.FIRST_COMPLETED)
            late.cancel()
            sent.cancel()
        latency = self._clock.monotonic() - start
        if sent.cancelled():
            return Attempt("http", start, latency, "http_timeout")
        status, text, is_final = sent.result()
        error = "connection_failed" if status == 0 else None
        if status and not 200 <= status < 300:
            error = "http_error"
        ack = read_ack(text) if error is None else None
        return Attempt("http", start, latency, error, status or None, ack, is_final)

    async def _post(self, body: str, headers: Mapping[str, str]) -> tuple[int, str, bool]:
        if self._http is None:
            one_each = aiohttp.TCPConnector(force_close=True)
            self._http = aiohttp.ClientSession(connector=one_each)
        try:
            async with self._http.post(
                self.url or "", data=body.encode(), headers=headers, allow_redirects=False
            ) as answer:
                is_final = answer.headers.get("X-Slack-No-Retry") == "1"
                return answer.status, await answer.text(), is_final
        except aiohttp.ClientError:
            return 0, "", False

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

"""How E2B's services put things on the wire: errors of three kinds, and framed streams.

The control plane says `{code, message}` with the HTTP status. What stands in front of a sandbox
says 502 and a message the SDK looks into. envd speaks the Connect protocol with JSON: a unary
error is `{code: "not_found", message}`, a stream is frames of five bytes (flags, length) and a
JSON object, the last one with flag 2. Read in `e2b.envd`, `e2b.api` and `e2b-dev/infra`.
"""

import json
import struct
from typing import Any

from aiohttp import web

LAST = 2
STATUS = {
    "invalid_argument": 400,
    "unauthenticated": 401,
    "not_found": 404,
    "internal": 500,
    "unimplemented": 501,
    "unavailable": 503,
    "deadline_exceeded": 504,
}


class RpcError(Exception):
    """An error of envd, by its Connect code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}

    @property
    def response(self) -> web.Response:
        """As the answer of a unary call."""
        return web.json_response(self.body, status=STATUS[self.code])


def refusal(status: int, message: str, *, retry_after_s: int | None = None) -> web.Response:
    """An error of the control plane, and of envd's file routes."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return web.json_response({"code": status, "message": message}, status=status, headers=headers)


def not_running(sandbox_id: str) -> dict[str, Any]:
    """What the proxy says of a sandbox that was killed, paused or has expired."""
    return {"sandboxId": sandbox_id, "message": "The sandbox was not found", "code": 502}


def port_closed(sandbox_id: str, port: int) -> dict[str, Any]:
    """What the proxy says where nothing listens."""
    message = "The sandbox is running but port is not open"
    return {"sandboxId": sandbox_id, "message": message, "port": port, "code": 502}


def frame(message: dict[str, Any], flags: int = 0) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">BI", flags, len(body)) + body


def unframe(body: bytes) -> dict[str, Any]:
    """The one message of a request that opens a stream."""
    (size,) = struct.unpack(">I", body[1:5])
    message: dict[str, Any] = json.loads(body[5 : 5 + size])
    return message

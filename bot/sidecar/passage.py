"""The way through to an app: its requests and answers as they stream, and web sockets.

What is on the other side is code nobody trusts, and so may be the client: everything has a limit.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

from bot.sidecar.passage_headers import for_the_app, for_the_browser
from bot.sidecar.security import FOREIGN

BODY_MAX_BYTES = 64 * 1024 * 1024
ANSWER_MAX_BYTES = 512 * 1024 * 1024
MESSAGE_MAX_BYTES = 4 * 1024 * 1024
AT_ONCE = 128
"""So many requests of one app are under way at a time, open streams and sockets included."""
CONNECT_S = 5.0
SILENCE_S = 120.0
"""How long an app may say nothing while an answer is awaited or under way."""
WRITE_S = 30.0
"""How long a client may take to read what waits for it."""
_HEARTBEAT_S = 30.0
_NOT_SENT = (1005, 1006, 1015)
"""Codes that tell how a socket ended, and are never sent."""
_QUIET_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class NoWayThrough(Exception):
    """Nothing came of the request: the app does not listen, or broke off before it answered."""


@dataclass(frozen=True, slots=True)
class Way:
    """From `outside`, the address that a browser knows, to `inside`, where the app listens."""

    outside: str
    inside: str


class _Body:
    """A request's body on its way; `too_long` once more has come than may."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.too_long = (request.content_length or 0) > BODY_MAX_BYTES

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises: ClientPayloadError when it is too long."""
        size = 0
        async for chunk in self._request.content.iter_any():
            size += len(chunk)
            if size > BODY_MAX_BYTES:
                self.too_long = True
                raise aiohttp.ClientPayloadError
            yield chunk


class Passage:
    """Leads requests to apps; an async context manager holds its connections."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._busy: Counter[str] = Counter()

    async def lead(self, request: web.Request, way: Way) -> web.StreamResponse:
        """The app's answer, streamed. Raises: NoWayThrough."""
        with self._counted(way) as has_room:
            if not has_room:
                return refusal(503, "Too many requests of this app are under way.")
            body = _Body(request)
            try:
                if _wants_a_socket(request):
                    return await self._socket(request, way)
                return await self._exchange(request, way, body)
            except aiohttp.WSServerHandshakeError as error:
                return refusal(error.status, "The app does not open a web socket here.")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if body.too_long:
                    return refusal(413, "The request is too large.")
                raise NoWayThrough from error

    @contextmanager
    def _counted(self, way: Way) -> Iterator[bool]:
        self._busy[way.outside] += 1
        try:
            yield self._busy[way.outside] <= AT_ONCE
        finally:
            self._busy[way.outside] -= 1
            if not self._busy[way.outside]:
                del self._busy[way.outside]

    async def _exchange(self, request: web.Request, way: Way, body: _Body) -> web.StreamResponse:
        if body.too_long:
            raise aiohttp.ClientPayloadError
        headers = for_the_app(request.headers, _forwarded(request, way))
        async with self._session.request(
            request.method,
            _address(request, way),
            headers=headers,
            data=body.pieces() if request.can_read_body else None,
            allow_redirects=False,
        ) as answer:
            if answer.status < 200:  # it switches to what nobody asked for
                return refusal(502, "The app gave no answer.")
            response = web.StreamResponse(
                status=answer.status,
                reason=answer.reason,
                headers=for_the_browser(answer.headers, way.inside, way.outside),
            )
            response[FOREIGN] = True
            await response.prepare(request)
            try:
                await _stream(answer, response)
            except (aiohttp.ClientError, TimeoutError, OSError):
                if request.transport is not None:  # half an answer must not look like a whole one
                    request.transport.abort()
            return response

    async def _socket(self, request: web.Request, way: Way) -> web.StreamResponse:
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = [name.strip() for name in offered.split(",") if name.strip()]
        headers = for_the_app(request.headers, _forwarded(request, way), without="sec-websocket-")
        async with self._session.ws_connect(
            _address(request, way),
            headers=headers,
            protocols=protocols,
            max_msg_size=MESSAGE_MAX_BYTES,
            timeout=aiohttp.ClientWSTimeout(ws_close=CONNECT_S),
        ) as inner:
            outer = web.WebSocketResponse(
                protocols=[inner.protocol] if inner.protocol else (),
                max_msg_size=MESSAGE_MAX_BYTES,
                heartbeat=_HEARTBEAT_S,
                timeout=CONNECT_S,
            )
            outer[FOREIGN] = True
            await outer.prepare(request)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(outer, inner))
                both.create_task(_pump(inner, outer))
            return outer


def client() -> aiohttp.ClientSession:
    """What reaches apps on this machine; the caller closes it.

    A connection is for one request: what an app or a visitor leaves in it reaches nobody else.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=SILENCE_S),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=_QUIET_HEADERS,
    )


def refusal(status: int, words: str) -> web.Response:
    """In the place of an app's answer, for a program to read."""
    answer = web.Response(status=status, text=words, headers={"Cache-Control": "no-store"})
    answer[FOREIGN] = True
    return answer


async def _stream(answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    """Raises: ClientError, TimeoutError, OSError."""
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > ANSWER_MAX_BYTES:
            raise TimeoutError
        async with asyncio.timeout(WRITE_S):
            await response.write(chunk)
    async with asyncio.timeout(WRITE_S):
        await response.write_eof()


async def _pump(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    """Pass messages on until one side ends, and end the other as it did."""
    try:
        async for message in source:
            async with asyncio.timeout(WRITE_S):
                if message.type is aiohttp.WSMsgType.TEXT:
                    await sink.send_str(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await sink.send_bytes(message.data)
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # one side is gone, so both are
    code = source.close_code
    await sink.close(code=code if code and code not in _NOT_SENT else 1001)


def _wants_a_socket(request: web.Request) -> bool:
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    return upgrade and "upgrade" in request.headers.get("Connection", "").lower()


def _address(request: web.Request, way: Way) -> URL:
    """The same path and query at the app, letter by letter."""
    path = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
    return URL(way.inside + path, encoded=True)


def _forwarded(request: web.Request, way: Way) -> dict[str, str]:
    hops = [*request.headers.getall("X-Forwarded-For", []), request.remote or ""]
    return {
        "X-Forwarded-For": ", ".join(hop for hop in hops if hop),
        "X-Forwarded-Host": way.outside.partition("://")[2],
        "X-Forwarded-Proto": way.outside.partition("://")[0],
    }

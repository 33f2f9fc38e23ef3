"""What is counted at the door, and who may read the counts."""

import asyncio
import hmac
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.setting_values import is_loopback
from bot.sidecar.deps import DEPS, SidecarDeps
from bot.sidecar.security import FOREIGN, is_from_here

_GONE = "gone"
"""In place of a status: the client left before it was answered."""


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the answer under its route's pattern; what an app answers at its own host, as one."""
    metrics, loop = request.app[DEPS].metrics, asyncio.get_running_loop()
    asked_at, status, is_stream, route = loop.time(), _GONE, False, route_of(request)
    try:
        answer = await handler(request)
        status, is_stream = str(answer.status), answer.content_type == "text/event-stream"
        route = "an app's host" if answer.get(FOREIGN) else route
        return answer
    finally:
        metrics.requests.labels(_method(request), route, status).inc()
        if not is_stream and status != _GONE:
            metrics.request_seconds.labels(route).observe(loop.time() - asked_at)


def route_of(request: web.Request) -> str:
    """The route's pattern: what stands in an address may be somebody's key."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def _method(request: web.Request) -> str:
    return request.method if request.method in {"GET", "HEAD", "POST", "OPTIONS"} else "other"


def _is_for_others(deps: SidecarDeps) -> bool:
    """Whether people are meant to come from elsewhere."""
    public = urlsplit(deps.public_url or "").hostname
    is_public = public is not None and not is_loopback(public)
    return is_public or deps.proxies > 0 or deps.sign_in is not None


async def show_metrics(request: web.Request) -> web.Response:
    """Prometheus' text format: for who has the token, or, without one, for this machine.

    A proxy may hand on what strangers ask as if this machine did, so a server that is meant for
    others shows nothing without a token.
    """
    deps = request.app[DEPS]
    if deps.metrics_token is None:
        allowed = is_from_here(request) and not _is_for_others(deps)
    else:
        given = request.headers.get("Authorization", "").encode()
        allowed = hmac.compare_digest(given, f"Bearer {deps.metrics_token}".encode())
    if not allowed:
        raise web.HTTPNotFound
    headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    return web.Response(body=deps.metrics.render(), headers=headers)

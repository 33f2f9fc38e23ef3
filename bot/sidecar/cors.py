"""Other pages that may use the API: those of the origins that the operator names, with a token.

No cookie counts anywhere, so a page can do no more than its own token lets it.
"""

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sidecar.deps import DEPS, SidecarDeps

_SHARED = ("/api/", "/client.js", "/openapi.json")
_ASKS = "Access-Control-Request-Method"
_FOR_A_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}
_READABLE = "Location, Retry-After, WWW-Authenticate"


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser asks before it sends a page's request, and has no token yet."""
    if request.method == "OPTIONS" and _ASKS in request.headers and is_let_in(request):
        return web.Response(status=204, headers=_FOR_A_PREFLIGHT)
    return await handler(request)


def is_let_in(request: web.Request) -> bool:
    """Whether it comes from a page that may use the API, and is for that."""
    deps = request.app[DEPS]
    return _is_shared(request, deps) and request.headers.get("Origin") in deps.cors_origins


def share(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the browser that this page may read the answer; caches, that others may not."""
    if not _is_shared(request, request.app[DEPS]):
        return
    response.headers.add("Vary", "Origin")
    if is_let_in(request):
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = _READABLE


def _is_shared(request: web.Request, deps: SidecarDeps) -> bool:
    return bool(deps.cors_origins) and request.path.startswith(_SHARED)

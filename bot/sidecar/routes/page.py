"""The page: a handful of static files, read once when the app is made."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sidecar.deps import SidecarDeps
from bot.sidecar.security import page_policy

_ROOT = Path(__file__).parent.parent / "page"
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
LINK_PAGE = "link.html"
"""Has rules of its own (`bot.sidecar.routes.link`)."""
_OWN_ADDRESS = {"index.html": "/", "client.js": "/client.js"}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    content_type: str
    etag: str


def routes(deps: SidecarDeps) -> list[web.RouteDef]:
    """One route per file: `/` and `/client.js`, the others under `/page/`."""
    policy = page_policy(deps)
    return [
        web.get(_OWN_ADDRESS.get(path.name, f"/page/{path.name}"), _serve(_load(path), policy))
        for path in sorted(_ROOT.iterdir())
        if path.suffix in _TYPES and path.name != LINK_PAGE
    ]


def _load(path: Path) -> _Asset:
    body = path.read_bytes()
    return _Asset(body, _TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:16])


def _serve(asset: _Asset, policy: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        known = {tag.value for tag in request.if_none_match or ()}
        fresh = asset.etag in known
        response = web.Response(status=304) if fresh else _response(asset)
        response.etag = asset.etag
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = policy
        return response

    return handler


def _response(asset: _Asset) -> web.Response:
    return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8")

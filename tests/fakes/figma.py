"""A stand-in for Figma on loopback: files, nodes, images, and what it refuses.

    async with FakeFigma() as figma:
        figma.add("LandingKey1", landing())
        design = await figma.client(token=figma.token).fetch_design(address)

What it enforces: `X-Figma-Token` at the API and nowhere else; 404 for a file that the token may
not see, 400 for a node's id that is none, a limit of requests when one is set. Images are at
`/img/`; what has none is null. Errors have the two shapes of Figma's OpenAPI specification.
`seen` has every request's path, `told` the paths that the token came to. What it says may be
replaced by what somebody who means harm would say (`answers`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler
from PIL import Image

from agents.imports.figma.client import Figma
from agents.ports import Clock
from agents.system import SystemClock

Json = dict[str, Any]
RETRY_AFTER_S = 42


def png(width: int = 8, height: int = 8, colour: str = "#336699") -> bytes:
    """A picture of one colour."""
    out = BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path d="M0 0h8v8z"/></svg>'


@dataclass
class FigmaFile:
    """`document` is the file's root (`DOCUMENT`); `fills` are uploaded images by reference.

    `drawn` are what the API draws, by node: where a node is missing, a square of one colour.
    """

    document: Json
    name: str = "Landing"
    components: Json = field(default_factory=dict)
    sets: Json = field(default_factory=dict)
    styles: Json = field(default_factory=dict)
    fills: dict[str, bytes] = field(default_factory=dict)
    drawn: dict[str, bytes | None] = field(default_factory=dict)
    version: str = "4711"

    def node(self, node_id: str) -> Json | None:
        """A node anywhere in the file."""
        waiting = [self.document]
        while waiting:
            node = waiting.pop()
            if node.get("id") == node_id:
                return node
            waiting += [child for child in node.get("children", []) if isinstance(child, dict)]
        return None


@dataclass
class FakeFigma:
    """A server; an async context manager.

    `limit` is how many requests are left; `failures` answers so many with a 503; `elsewhere`
    are addresses that are told instead of an image's own, by reference or node; `answers` are
    given instead of its own, by the beginning of a path.
    """

    token: str = "figd_0123456789abcdefghij"
    limit: int | None = None
    failures: int = 0
    url: str = ""
    files: dict[str, FigmaFile] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[], web.StreamResponse]] = field(default_factory=dict)

    def add(self, key: str, file: FigmaFile) -> None:
        """A file that the token may see."""
        self.files[key] = file

    def client(self, *, token: str | None = None, clock: Clock | None = None) -> Figma:
        """Our client, for this server."""
        return Figma(clock or SystemClock(), api_url=self.url, token=token)

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._answer])
        app.router.add_get("/v1/files/{key}", self._file)
        app.router.add_get("/v1/files/{key}/nodes", self._nodes)
        app.router.add_get("/v1/files/{key}/images", self._fills)
        app.router.add_get("/v1/images/{key}", self._drawn)
        app.router.add_get("/img/{key}/{name}", self._image)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "X-Figma-Token" in request.headers:
            self.told.append(request.path)
        for path, answer in self.answers.items():
            if request.path.startswith(path):
                self.seen.append(request.path)
                return answer()
        return await handler(request)

    def _find(self, request: web.Request) -> FigmaFile:
        """The file, if the caller may see it; otherwise the refusal is raised."""
        self.seen.append(request.path)
        if self.failures > 0:
            self.failures -= 1
            raise web.HTTPServiceUnavailable
        if request.headers.get("X-Figma-Token") != self.token:
            raise web.HTTPForbidden(text='{"status": 403, "err": "Invalid token"}')
        if self.limit is not None:
            self.limit -= 1
            if self.limit < 0:
                raise web.HTTPTooManyRequests(
                    text='{"status": 429, "err": "Rate limit exceeded"}',
                    headers={"Retry-After": str(RETRY_AFTER_S)},
                )
        file = self.files.get(request.match_info["key"])
        if file is None:
            raise web.HTTPNotFound(text='{"status": 404, "err": "Not found"}')
        return file

    async def _file(self, request: web.Request) -> web.Response:
        file = self._find(request)
        depth = int(request.query.get("depth", "1000"))
        about = {
            **_about(file),
            "schemaVersion": 0,
            "components": file.components,
            "componentSets": file.sets,
            "styles": file.styles,
        }
        return web.json_response({**about, "document": _down_to(file.document, depth)})

    async def _nodes(self, request: web.Request) -> web.Response:
        file = self._find(request)
        nodes: Json = {}
        for node_id in request.query["ids"].split(","):
            found = file.node(node_id)
            catalog = {"components": file.components, "componentSets": file.sets}
            nodes[node_id] = found and {
                "document": found,
                "schemaVersion": 0,
                "styles": file.styles,
                **catalog,
            }
        return web.json_response({**_about(file), "nodes": nodes})

    async def _fills(self, request: web.Request) -> web.Response:
        file = self._find(request)
        images = {reference: self._address(request, reference) for reference in file.fills}
        return web.json_response({"error": False, "status": 200, "meta": {"images": images}})

    async def _drawn(self, request: web.Request) -> web.Response:
        file = self._find(request)
        images: dict[str, str | None] = {}
        for node_id in request.query["ids"].split(","):
            if file.node(node_id) is None:
                return web.json_response({"status": 400, "err": "Invalid node"}, status=400)
            is_there = file.drawn.get(node_id, b"") is not None
            name = f"{node_id}.{request.query['format']}"
            images[node_id] = self._address(request, name, node_id) if is_there else None
        return web.json_response({"err": None, "images": images})

    def _address(self, request: web.Request, name: str, node_id: str = "") -> str:
        own = f"{self.url}/img/{request.match_info['key']}/{name}"
        return self.elsewhere.get(node_id or name, own)

    async def _image(self, request: web.Request) -> web.Response:
        self.seen.append(request.path)
        if "X-Figma-Token" in request.headers:
            raise web.HTTPBadRequest(text="only the API is told who asks")
        file, name = self.files[request.match_info["key"]], request.match_info["name"]
        node_id, _, form = name.rpartition(".")
        drawn = file.drawn.get(node_id) or (SVG if form == "svg" else png())
        return web.Response(body=file.fills.get(name, drawn))


def _about(file: FigmaFile) -> Json:
    return {
        "name": file.name,
        "role": "viewer",
        "lastModified": "2026-11-01T10:00:00Z",
        "editorType": "figma",
        "thumbnailUrl": "https://s3-alpha.figma.com/thumbnails/1",
        "version": file.version,
    }


def _down_to(node: Mapping[str, Any], depth: int) -> Json:
    below = [_down_to(child, depth - 1) for child in node.get("children", [])] if depth else []
    return {**node, "children": below} if "children" in node else dict(node)

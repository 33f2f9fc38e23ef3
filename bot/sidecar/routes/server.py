"""The server about itself: alive, ready, and what it runs on."""

import asyncio
from typing import Any

from aiohttp import web

from agents.types import Framework
from bot.render.docs_page import docs_policy, render_docs_page
from bot.sidecar.answers import Alive, ClerkInfo, Info, Ready, respond
from bot.sidecar.deps import DEPS
from bot.sidecar.measuring import show_metrics
from bot.sidecar.openapi import openapi_document


def routes() -> list[web.RouteDef]:
    """The table."""
    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/api/info", info),
        web.get("/metrics", show_metrics),
        web.get("/openapi.json", openapi),
        web.get("/docs", docs),
    ]


async def healthz(request: web.Request) -> web.Response:
    """The process answers; says nothing about what it depends on."""
    return respond(Alive(version=request.app[DEPS].info.version))


async def readyz(request: web.Request) -> web.Response:
    """200 when every part answers, else 503; `checks` says `ok` or what is wrong."""
    problems = await request.app[DEPS].ready()
    ready = not any(problems.values())
    checks = {name: problem or "ok" for name, problem in problems.items()}
    return respond(Ready(ready=ready, checks=checks), status=200 if ready else 503)


async def info(request: web.Request) -> web.Response:
    """What the page shows about this server."""
    deps = request.app[DEPS]
    about, clerk = deps.info, deps.clerk
    return respond(
        Info(
            version=about.version,
            model=about.model,
            offline=about.offline,
            sandbox=about.sandbox,
            frameworks=list(Framework),
            models=list(about.models),
            sign_in=None
            if clerk is None
            else ClerkInfo.model_validate(clerk, from_attributes=True),
        )
    )


async def openapi(request: web.Request) -> web.Response:
    """The API as an OpenAPI 3.1 document."""
    return web.json_response(_document(request))


async def docs(request: web.Request) -> web.Response:
    """The same document, to read. The page is whole in itself and needs no other server."""
    address = request.app[DEPS].public_url or f"{request.scheme}://{request.host}"
    text = await asyncio.to_thread(render_docs_page, _document(request), address)
    answer = web.Response(text=text, content_type="text/html")
    answer.headers["Content-Security-Policy"] = docs_policy()
    return answer


def _document(request: web.Request) -> dict[str, Any]:
    return openapi_document(sign_in=request.app[DEPS].sign_in is not None)

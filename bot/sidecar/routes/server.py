"""The server about itself: alive, ready, and what it runs on."""

from aiohttp import web

from agents.types import Framework
from bot.sidecar.answers import Alive, ClerkInfo, Info, Ready, respond
from bot.sidecar.deps import DEPS


def routes() -> list[web.RouteDef]:
    """The table."""
    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/api/info", info),
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

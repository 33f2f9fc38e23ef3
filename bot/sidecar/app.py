"""The sidecar as one aiohttp application. Making it starts nothing and opens nothing."""

from aiohttp import web

from bot.sidecar.apps import app_door, passages
from bot.sidecar.cors import preflight
from bot.sidecar.deps import DEPS, Info, SidecarDeps
from bot.sidecar.errors import BODY_MAX_BYTES, error_boundary
from bot.sidecar.limits import limit_addresses, limit_owners
from bot.sidecar.measuring import measure
from bot.sidecar.routes import (
    code,
    downloads,
    link,
    page,
    previews,
    projects,
    server,
    tasks,
    usage,
    webhooks,
)
from bot.sidecar.security import add_headers, guard
from bot.sidecar.streaming import STREAMS, Streams
from bot.sidecar.who import authenticate

__all__ = ["Info", "SidecarDeps", "create_app", "runner_of"]


def create_app(deps: SidecarDeps) -> web.Application:
    """Routes, the error boundary, the guard at the door, and the end of open streams."""
    doors = [
        *(measure, error_boundary, app_door, limit_addresses, guard, preflight),
        *(authenticate, limit_owners),
    ]
    app = web.Application(middlewares=doors, client_max_size=BODY_MAX_BYTES)
    app[DEPS] = deps
    app[STREAMS] = streams = Streams()
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(passages)
    app.on_shutdown.append(streams.stop)
    app.cleanup_ctx.append(streams.looking_for_sign_outs)
    app.add_routes(tasks.routes())
    app.add_routes(projects.routes())
    app.add_routes(code.routes())
    app.add_routes(usage.routes())
    app.add_routes(downloads.routes())
    app.add_routes(previews.routes())
    app.add_routes(server.routes())
    app.add_routes(webhooks.routes(deps))
    app.add_routes(link.routes(deps))
    app.add_routes(page.routes(deps))
    return app


def runner_of(app: web.Application, *, shutdown_timeout: float) -> web.AppRunner:
    """What serves it. A body stays as it was sent: its length and encoding are told to apps."""
    return web.AppRunner(
        app, access_log=None, shutdown_timeout=shutdown_timeout, auto_decompress=False
    )

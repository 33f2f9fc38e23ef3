"""What other services tell us by themselves."""

from aiohttp import web

from bot.sidecar.clerk_webhooks import ClerkWebhooks
from bot.sidecar.deps import SidecarDeps
from bot.sidecar.streaming import STREAMS


def routes(deps: SidecarDeps) -> list[web.RouteDef]:
    """The table; empty where nobody tells anything."""
    return [] if deps.webhooks is None else [_clerk(deps.webhooks)]


def _clerk(webhooks: ClerkWebhooks) -> web.RouteDef:
    async def take(request: web.Request) -> web.Response:
        """204 when it was carried out, was before, or ends nothing; else Clerk tells it again."""
        ended = await webhooks.take(request.headers, await request.read())
        if ended is not None:
            request.app[STREAMS].watchers.sign_out({ended})
        return web.Response(status=204)

    return web.post("/webhooks/clerk", take)

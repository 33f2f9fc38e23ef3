"""Signed links to an app as a zip file: whoever has one may open it until its time is over."""

from aiohttp import web

from bot.services.downloads import LinkExpired, LinkRefused
from bot.sidecar.archive import archive_response
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import NOUN, error_response


def routes() -> list[web.RouteDef]:
    """The table."""
    return [web.get("/d/{signed}", download)]


async def download(request: web.Request) -> web.Response:
    """The version that the link is for. A link that is not ours looks like one that never was."""
    request[NOUN] = "download"
    deps = request.app[DEPS]
    if deps.downloads is None:
        raise web.HTTPNotFound
    try:
        wanted = deps.downloads.read(request.match_info["signed"])
    except LinkRefused:
        raise web.HTTPNotFound from None
    except LinkExpired:
        return error_response(
            410,
            "link_expired",
            "This download link has expired.",
            hint="Press Download in Slack again for a new one.",
        )
    found, contents = await deps.projects.app(wanted.owner, wanted.project_id, wanted.fragment_id)
    return await archive_response(found.title, contents)

"""`/p/{key}`: the link people get to an app. It wakes the app where it sleeps, and leads there."""

from aiohttp import web

from agents.errors import NotFound
from bot.render.notice_page import notice_policy, render_notice_page
from bot.services.previews import PREVIEW_PATH, Asleep, Awake, Waking
from bot.sidecar.apps import LOOK_AGAIN_S, NO_APP, RENEWED
from bot.sidecar.deps import DEPS
from bot.sidecar.errors import in_time
from bot.sidecar.security import FRAMED, is_from_here

ONLY_HERE = (
    "It runs on the machine of whoever runs Zapdev, and opens only there. They can open it to others "
    "with E2B_API_KEY, or with ZAPDEV_APPS_URL: an address for apps, of a domain of their own."
)


def routes() -> list[web.RouteDef]:
    """The table."""
    return [web.get(f"{PREVIEW_PATH}{{key}}", in_time(follow), allow_head=False)]


async def follow(request: web.Request) -> web.Response:
    """To the app, or a page that says how far it is on its way back.

    Everybody may who has the link. One that was renewed looks like one that never was.
    """
    previews, hosts = request.app[DEPS].previews, request.app[DEPS].app_hosts
    if previews is None:
        raise web.HTTPNotFound
    key = request.match_info["key"]
    try:
        project = await previews.project_of(key)
    except NotFound:
        return _page(404, NO_APP, RENEWED)
    if hosts is None and previews.only_here and not is_from_here(request):
        return _page(403, f"{project.title} cannot be opened from here", ONLY_HERE)
    match await previews.open(project):
        case Awake(url=url):
            url = url if hosts is None else f"{hosts.address(key)}/"
            return web.Response(status=302, headers={"Location": url})
        case Waking(words=words, since_s=since_s):
            said = f"{words} … {since_s:.0f} s"
            return _page(200, f"{project.title} wakes up", said, again_s=LOOK_AGAIN_S)
        case Asleep(reason=reason):
            return _page(503, f"{project.title} cannot be shown", reason)


def _page(status: int, title: str, words: str, *, again_s: int | None = None) -> web.Response:
    text = render_notice_page(title, words, again_s=again_s)
    answer = web.Response(status=status, text=text, content_type="text/html")
    answer.headers["Content-Security-Policy"] = notice_policy(frame_ancestors="'self'")
    answer[FRAMED] = True
    return answer

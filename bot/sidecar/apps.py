"""Apps of this machine at hosts of their own: what is asked there is the app's to answer, never ours.

A door before every other: no route, no name and no rule of ours holds at an app's host.
"""

from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from agents.errors import NotFound
from bot.render.notice_page import notice_policy, render_notice_page
from bot.services.previews import Asleep, Awake, Previews, Waking
from bot.sidecar.deps import DEPS
from bot.sidecar.passage import NoWayThrough, Passage, Way, client, refusal
from bot.sidecar.security import FOREIGN, host_name
from bot.store.port import Project

LOOK_AGAIN_S = 1
NO_APP = "There is no app here"
RENEWED = "The link was renewed, or it was never one. Ask who gave it to you."

_PASSAGE: web.AppKey[Passage] = web.AppKey("passage", Passage)


async def passages(app: web.Application) -> AsyncIterator[None]:
    """A cleanup context: the connections to apps live as long as the server."""
    async with client() as session:
        app[_PASSAGE] = Passage(session)
        yield


@web.middleware
async def app_door(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What is asked at an app's host goes to the app; everything else goes on."""
    deps = request.app[DEPS]
    hosts, previews = deps.app_hosts, deps.previews
    key = None if hosts is None else hosts.key_in(host_name(request.host))
    if hosts is None or previews is None or key is None:
        return await handler(request)
    return await _AppAtItsHost(request, previews, hosts.address(key)).answer(key)


class _AppAtItsHost:
    """One request."""

    def __init__(self, request: web.Request, previews: Previews, outside: str) -> None:
        self._request, self._previews, self._outside = request, previews, outside

    async def answer(self, key: str) -> web.StreamResponse:
        """The app's own, or how far it is on its way back. Raises: StoreError."""
        try:
            project = await self._previews.project_of(key)
            led = await self._lead(project, await self._previews.runs_at(project))
            if led is not None:
                return led
            if not _waits_for_a_page(self._request):
                return self._notice(503, project.title, "It is asleep. Open it in a browser.")
            return await self._woken(await self._previews.project_of(key))
        except NotFound:
            return self._notice(404, NO_APP, RENEWED)

    async def _woken(self, project: Project) -> web.StreamResponse:
        """For who waits for a page: what has stopped is started again."""
        match await self._previews.open(project):
            case Awake(url=url):
                broken = self._notice(502, project.title, "It broke off. Try again.")
                return await self._lead(project, url) or broken
            case Waking(words=words, since_s=since_s):
                said = f"{words} … {since_s:.0f} s"
                return self._notice(503, f"{project.title} wakes up", said, again_s=LOOK_AGAIN_S)
            case Asleep(reason=reason):
                return self._notice(503, f"{project.title} cannot be shown", reason)

    async def _lead(self, project: Project, url: str | None) -> web.StreamResponse | None:
        """The app's answer; None where it does not run, or broke off before it answered."""
        if url is None:
            return None
        try:
            passage = self._request.app[_PASSAGE]
            async with self._previews.in_use(project.id):
                return await passage.lead(self._request, Way(self._outside, url.rstrip("/")))
        except NoWayThrough:
            return None

    def _notice(
        self, status: int, title: str, words: str, *, again_s: int | None = None
    ) -> web.Response:
        if not _waits_for_a_page(self._request):
            return refusal(status, words)
        text = render_notice_page(title, words, again_s=again_s)
        answer = web.Response(status=status, text=text, content_type="text/html")
        answer[FOREIGN] = True
        answer.headers["Content-Security-Policy"] = notice_policy(frame_ancestors="*")
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer


def _waits_for_a_page(request: web.Request) -> bool:
    """Whether somebody looks: what runs in a forgotten tab wakes nothing, and cannot read a page."""
    navigates = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    return (
        request.method == "GET" and navigates and "text/html" in request.headers.get("Accept", "")
    )

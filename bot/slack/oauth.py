"""Adding the app to a workspace: the way to Slack's page, and back with a code.

The state that Slack hands back is in the store, good once and for ten minutes, and in a cookie of
the browser that began: so nobody can have another person finish what they began.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from agents.errors import ProviderError, StoreError, TransientError, UserError
from agents.logger import create_logger
from bot.render.notice_page import notice_policy, render_notice_page
from bot.render.slack_help import render_help
from bot.slack.door import SlackDoor
from bot.slack.grants import Grants, Installed
from bot.slack.installations import Installations
from bot.store.slack_port import SlackState

log = create_logger(__name__)

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
STATE_S = 600
"""How long a person may take on Slack's page."""

_COOKIE = "zapdev_install"
_PURPOSE = "slack-install"


class _NotAdded(Exception):
    """The way back was not the way there."""

    def __init__(self, status: int, title: str, words: str) -> None:
        super().__init__(title)
        self.status, self.title, self.words = status, title, words


@dataclass(frozen=True, slots=True)
class InstallFacts:
    """What is asked for, where, and what the person is told. `public_url` None: by loopback."""

    authorize_url: str
    scopes: Sequence[str]
    command: str
    offline: bool = False
    public_url: str | None = None


class InstallPages:
    """The two addresses. What goes wrong is said on a page, with the way to begin again."""

    def __init__(
        self,
        grants: Grants,
        installations: Installations,
        store: SlackState,
        door: SlackDoor,
        facts: InstallFacts,
    ) -> None:
        self._grants = grants
        self._installations = installations
        self._store = store
        self._door = door
        self._facts = facts

    def routes(self) -> list[web.RouteDef]:
        return [web.get(INSTALL_PATH, self.begin), web.get(REDIRECT_PATH, self.finish)]

    async def begin(self, request: web.Request) -> web.Response:
        """Off to Slack."""
        state = secrets.token_urlsafe(32)
        try:
            await self._store.keep_state(state, _PURPOSE, keep_s=STATE_S)
        except StoreError:
            return _away("The database does not answer just now")
        back = self._redirect_uri(request)
        asked = {
            "client_id": self._grants.client_id,
            "scope": ",".join(self._facts.scopes),
            "redirect_uri": back,
            "state": state,
        }
        answer = web.Response(
            status=302, headers={"Location": f"{self._facts.authorize_url}?{urlencode(asked)}"}
        )
        answer.set_cookie(
            _COOKIE,
            state,
            max_age=STATE_S,
            path="/",
            secure=back.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
        return answer

    async def finish(self, request: web.Request) -> web.Response:
        """Back from Slack: with a code, or without one."""
        try:
            code = await self._code_of(request)
            installed = await self._grants.exchange(code, self._redirect_uri(request))
            await self._installations.keep(installed)
        except (_NotAdded, UserError, StoreError, ProviderError) as error:
            answer = _refused(error)
        else:
            log.info("added to a workspace", team_id=installed.team_id)
            await self._greet(installed)
            answer = _welcome(installed, self._facts.command)
        answer.del_cookie(_COOKIE, path="/")
        return answer

    async def _code_of(self, request: web.Request) -> str:
        """What Slack sent the person back with. Raises: _NotAdded, StoreError."""
        state, ours = request.query.get("state", ""), request.cookies.get(_COOKIE, "")
        if not state or not hmac.compare_digest(state.encode(), ours.encode()):
            words = "Begin and end in the same browser."
            raise _NotAdded(400, "This did not begin here", words)
        if await self._store.use_state(state) != _PURPOSE:
            words = "Slack's page is good for ten minutes, and for one time."
            raise _NotAdded(400, "That took too long", words)
        if "code" not in request.query:
            raise _NotAdded(403, "Nothing was added", "Slack says that it was not allowed.")
        return request.query["code"]

    async def _greet(self, installed: Installed) -> None:
        """The first direct message; a courtesy, so nothing depends on it."""
        words = render_help(
            self._facts.command, installed.bot_user_id, offline_model=self._facts.offline
        )
        try:
            channel = await self._door.direct_channel(installed.team_id, installed.installed_by)
            await self._door.post(installed.team_id, channel, words)
        except ProviderError as error:
            log.info("nobody greeted", team_id=installed.team_id, reason=str(error))

    def _redirect_uri(self, request: web.Request) -> str:
        """As Slack has to know it. Without a public address the guard has checked the host."""
        return f"{self._facts.public_url or f'http://{request.host}'}{REDIRECT_PATH}"


def _refused(error: Exception) -> web.Response:
    match error:
        case _NotAdded():
            return _page(error.status, error.title, error.words)
        case UserError():
            return _page(400, str(error), error.hint or "")
        case StoreError():
            return _away("The database does not answer just now")
        case TransientError():
            log.warning("code not exchanged", reason=str(error))
            return _away("Slack does not answer just now")
        case _:
            log.warning("code not exchanged", reason=str(error))
            return _page(400, "Slack did not accept that", "Begin again.")


def _welcome(installed: Installed, command: str) -> web.Response:
    name = installed.team_name or "your workspace"
    words = f"Type {command} and what you want in any channel, or write me a direct message."
    return _page(200, f"Zapdev is in {name}", words, link=(installed.url or "", "Open Slack"))


def _away(words: str) -> web.Response:
    return _page(503, words, "Begin again in a minute.")


def _page(
    status: int, title: str, words: str, *, link: tuple[str, str] = ("install", "Add to Slack")
) -> web.Response:
    text = render_notice_page(title, words, link=link)
    headers = {"Content-Security-Policy": notice_policy()}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)

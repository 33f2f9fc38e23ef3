"""The pages of Slack that a browser is sent to: allowing an installation, signing in.

Nobody is asked: the person in `signed_in` allows it at once, or denies it. An app gets here by
`AsyncOAuthSettings(authorization_url=slack.authorize_url)`.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.slack.web_access import openid_keys
from tests.fakes.slack.web_request import AppSecrets
from tests.fakes.slack.workspace import Builders, Workspace
from tests.fakes.slack.world import World

CodeFor = Callable[[Workspace, str, str], str]


class Browser:
    """Answers as slack.com does. `signed_in` is a person's id, or None: nobody is."""

    def __init__(self, world: World, builders: Builders, secrets: AppSecrets) -> None:
        self._world, self._builders, self._secrets = world, builders, secrets
        self.signed_in: str | None = None
        self.denies = False
        self.rotates = False
        """New installations rotate their tokens."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/oauth/v2/authorize", self._install)
        router.add_get("/openid/connect/authorize", self._sign_in)
        router.add_get("/openid/connect/keys", self._show_keys)

    async def _install(self, request: web.Request) -> web.Response:
        scopes = [s for s in request.query.get("scope", "").split(",") if s]
        if not scopes:
            return web.Response(status=400, text="invalid_scope")
        return self._redirect(
            request,
            lambda space, user, back: space.oauth_code(
                user, redirect_uri=back, scopes=scopes, rotates=self.rotates
            ),
        )

    async def _sign_in(self, request: web.Request) -> web.Response:
        if "openid" not in request.query.get("scope", "").replace(",", " ").split():
            return web.Response(status=400, text="invalid_scope")
        nonce, challenge = request.query.get("nonce"), request.query.get("code_challenge")
        if challenge is not None and request.query.get("code_challenge_method") != "S256":
            return web.Response(status=400, text="invalid_code_challenge_method")
        return self._redirect(
            request,
            lambda space, user, back: space.openid_code(
                user, redirect_uri=back, nonce=nonce, challenge=challenge
            ),
        )

    def _redirect(self, request: web.Request, code_for: CodeFor) -> web.Response:
        query = request.query
        back = query.get("redirect_uri")
        person = self._world.users.get(self.signed_in or "")
        if query.get("client_id") != self._secrets.client_id or back is None or person is None:
            return web.Response(status=400, text="invalid_client_id, or nobody is signed in")
        answer = {"state": query.get("state", "")}
        if self.denies:
            answer["error"] = "access_denied"
        else:
            space = self._builders.workspace(person.team)
            answer["code"] = code_for(space, person.id, back)
        glue = "&" if "?" in back else "?"
        return web.Response(status=302, headers={"Location": f"{back}{glue}{urlencode(answer)}"})

    async def _show_keys(self, _: web.Request) -> web.Response:
        return web.json_response(openid_keys())

"""What Slack grants us for a workspace: tokens, in exchange for a code or for a refresh token.

docs.slack.dev/authentication/installing-with-oauth and …/using-token-rotation: with rotation an
access token lives for 12 hours, and a refresh token is revoked once it was used.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from agents.errors import BadProviderResponse, ProviderError, UserError
from agents.logger import create_logger
from agents.ports import Clock
from bot.slack.line import SlackLine
from bot.slack.workspaces import Workspace, read_workspace

log = create_logger(__name__)


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """The app in one workspace. `expires_at` is in seconds since 1970; 0: the token stays good."""

    team_id: str
    team_name: str
    bot_user_id: str
    bot_id: str
    url: str | None
    token: str
    refresh_token: str = ""
    expires_at: float = 0.0
    installed_by: str = ""
    installed_at: float = 0.0
    enterprise_id: str = ""

    @property
    def workspace(self) -> Workspace:
        ours = (self.team_id, self.bot_user_id, self.bot_id, self.url)
        return Workspace(*ours, self.team_name, self.enterprise_id)


class Grants:
    """Asks for grants as one app. Each method raises as `SlackLine.call` does."""

    def __init__(
        self, line: SlackLine, clock: Clock, *, client_id: str, client_secret: str
    ) -> None:
        self._line = line
        self._clock = clock
        self._app = {"client_id": client_id, "client_secret": client_secret}
        self.client_id = client_id

    async def exchange(self, code: str, redirect_uri: str) -> Installed:
        """A new installation. Raises: UserError (for a whole organisation, whose is given back)."""
        asked_at = self._clock.now().timestamp()
        granted = await self._ask(code=code, redirect_uri=redirect_uri)
        team = granted.get("team")
        token = str(granted["access_token"])
        if granted.get("is_enterprise_install") or not team:
            await self._give_back(token)
            raise UserError(
                "Zapdev is added to one workspace at a time, not to a whole organisation.",
                hint="Start again, and choose a workspace in the corner of Slack's page.",
            )
        us = await self._line.call(self._line.client.auth_test(token=token))
        workspace = read_workspace(us.data)
        return Installed(
            team_id=workspace.team_id,
            team_name=str(team.get("name") or ""),
            bot_user_id=workspace.bot_user_id,
            bot_id=workspace.bot_id,
            url=workspace.url,
            installed_by=str((granted.get("authed_user") or {}).get("id") or ""),
            installed_at=asked_at,
            enterprise_id=workspace.enterprise_id,
            **_tokens(granted, asked_at),
        )

    async def refresh(self, installed: Installed) -> Installed:
        """The same with the next token. Its refresh token is used up, whatever happens after."""
        asked_at = self._clock.now().timestamp()
        granted = await self._ask(grant_type="refresh_token", refresh_token=installed.refresh_token)
        return msgspec.structs.replace(installed, **_tokens(granted, asked_at))

    async def _give_back(self, token: str) -> None:
        try:
            await self._line.call(self._line.client.auth_revoke(token=token))
        except ProviderError as error:
            log.warning("grant not given back", reason=str(error))

    async def _ask(self, **what: str) -> Mapping[str, Any]:
        """In the body, as an address may be in somebody's log.

        The SDK's own method builds a `BasicAuth`, which aiohttp is about to drop.
        """
        form = {**self._app, **what}
        answer = await self._line.call(self._line.client.api_call("oauth.v2.access", data=form))
        granted: Mapping[str, Any] = answer.data
        if not granted.get("access_token"):
            raise BadProviderResponse("Slack has granted no token")
        return granted


def _tokens(granted: Mapping[str, Any], asked_at: float) -> dict[str, Any]:
    lasts_s = float(granted.get("expires_in") or 0)
    return {
        "token": str(granted["access_token"]),
        "refresh_token": str(granted.get("refresh_token") or ""),
        "expires_at": asked_at + lasts_s if lasts_s else 0.0,
    }

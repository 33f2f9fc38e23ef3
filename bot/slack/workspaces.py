"""Where the app is: who we are in a workspace, and by which token we speak there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from agents.errors import ProviderError, UserError
from bot.slack.door import OneToken, SlackDoor, Tokens
from bot.slack.errors import WorkspaceGone
from bot.slack.line import SlackLine


@dataclass(frozen=True, slots=True)
class Workspace:
    """Who we are in a workspace. `url` is where links to its threads begin."""

    team_id: str
    bot_user_id: str
    bot_id: str
    url: str | None = None
    name: str = ""
    enterprise_id: str = ""
    """Of the organisation that it belongs to, if it does."""


class Workspaces(Tokens, Protocol):
    """Every workspace that has the app."""

    async def workspace(self, team_id: str) -> tuple[Workspace, str]:
        """Who we are there, and our newest token, without asking Slack.

        Raises: WorkspaceGone (the app is not there), StoreError.
        """
        ...

    async def newest(self, team_id: str) -> tuple[str, str] | None:
        """The token of this moment, and by which mark it is forgotten; None without one.

        Raises: StoreError.
        """
        ...

    async def forget(self, team_id: str, mark: str) -> bool:
        """The app was removed there; False: it was added again since. Raises: StoreError."""
        ...


class OneWorkspace(OneToken):
    """Implements `Workspaces` for a token from the settings: nothing is ever looked up."""

    def __init__(self, workspace: Workspace, token: str) -> None:
        super().__init__(token)
        self._answer = workspace, token

    async def workspace(self, team_id: str) -> tuple[Workspace, str]:
        """The same for every event, of another workspace in a shared channel, too."""
        del team_id
        return self._answer

    async def newest(self, team_id: str) -> tuple[str, str]:
        del team_id
        return self._answer[1], ""

    async def forget(self, team_id: str, mark: str) -> bool:
        """The token stays in the settings."""
        del team_id, mark
        return True


async def find_one_workspace(line: SlackLine, token: str) -> OneWorkspace:
    """Ask Slack whose token it is. Raises: UserError."""
    try:
        us = await SlackDoor(line, OneToken(token)).who("")
    except WorkspaceGone as error:
        raise UserError(
            f"Slack does not accept SLACK_BOT_TOKEN ({error}).",
            field="SLACK_BOT_TOKEN",
            hint="Copy the bot token (xoxb-…) from the app's OAuth page again.",
        ) from error
    except ProviderError as error:
        raise UserError(
            f"Slack could not be asked: {error}.", hint="Check the network and SLACK_API_URL."
        ) from error
    return OneWorkspace(read_workspace(us), token)


def read_workspace(us: Mapping[str, object]) -> Workspace:
    """What `auth.test` says."""
    return Workspace(
        team_id=str(us["team_id"]),
        bot_user_id=str(us["user_id"]),
        bot_id=str(us.get("bot_id") or ""),
        url=str(us.get("url") or "") or None,
        name=str(us.get("team") or ""),
        enterprise_id=str(us.get("enterprise_id") or ""),
    )

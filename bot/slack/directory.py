"""Who people are in the workspaces that have the app, as Slack says."""

from collections.abc import Mapping

from agents.errors import PermanentError
from agents.logger import create_logger
from bot.services.linking import LinkRefused, SlackFacts
from bot.slack.door import SlackDoor
from bot.slack.errors import WorkspaceGone
from bot.slack.workspaces import Workspace, Workspaces
from bot.store.identity_port import NO_ENTERPRISE, SlackPerson

log = create_logger(__name__)


class SlackDirectory:
    """Implements `bot.services.linking.SlackPeople`."""

    def __init__(self, door: SlackDoor, workspaces: Workspaces) -> None:
        self._door = door
        self._workspaces = workspaces

    async def facts(self, team_id: str, user_id: str) -> SlackFacts:
        """As the port says: in doubt nobody is let in."""
        us = await self._workspace(team_id)
        try:
            user = await self._door.user(team_id, user_id)
        except PermanentError as error:
            log.warning("person not looked up", team_id=team_id, reason=str(error))
            raise LinkRefused(
                "link_unknown_person",
                "Slack does not tell me who you are.",
                hint="Whoever runs the bot can add it to this workspace again.",
            ) from error
        if str(user.get("team_id") or team_id) not in (team_id, us.enterprise_id or team_id):
            raise _not_here()
        if not may_be_linked(user):
            raise LinkRefused(
                "link_guest",
                "Guests and bots cannot be linked.",
                hint="Ask a member of the workspace to build it.",
            )
        profile = user.get("profile") or {}
        name = profile.get("display_name") or user.get("real_name") or user.get("name") or user_id
        person = SlackPerson(team_id, user_id, us.enterprise_id or NO_ENTERPRISE)
        return SlackFacts(person, f"{name} in {us.name or team_id}", bool(user.get("is_admin")))

    async def _workspace(self, team_id: str) -> Workspace:
        """Raises: LinkRefused, StoreError."""
        try:
            us, _ = await self._workspaces.workspace(team_id)
        except WorkspaceGone as error:
            raise _not_here() from error
        if us.team_id != team_id:  # the settings' one workspace answers for every event
            raise _not_here()
        return us


_NOT_FOR = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")


def may_be_linked(user: Mapping[str, object]) -> bool:
    """Whether somebody, as Slack shows them, is a member who is there."""
    return not any(user.get(kind) for kind in _NOT_FOR)


def _not_here() -> LinkRefused:
    return LinkRefused(
        "link_other_workspace",
        "Zapdev is not in that Slack workspace.",
        hint="Choose the workspace in which you use it.",
    )

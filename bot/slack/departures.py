"""The app was removed from a workspace: its builds end, and its token is forgotten.

Slack tells so by two events, in any order, and may repeat them after the app was added again. So
what they say is looked up: as long as Slack takes our token, we are there.
"""

from agents.errors import NotFound, StoreUnavailable, TransientError
from agents.logger import create_logger
from bot.services.tasks import TaskService
from bot.slack.door import SlackDoor
from bot.slack.errors import WorkspaceGone
from bot.slack.payloads import Ack, Body
from bot.slack.workspaces import Workspaces
from bot.store.slack_port import SlackState

log = create_logger(__name__)

BY_SLACK = "slack"
"""Who stopped a build whose workspace is gone."""


class Departures:
    """The listener of the two events."""

    def __init__(
        self, store: SlackState, tasks: TaskService, door: SlackDoor, workspaces: Workspaces
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._door = door
        self._workspaces = workspaces

    async def on_removed(self, ack: Ack, body: Body) -> None:
        """Acknowledged when it is done: what fails is told again."""
        event, team_id = body["event"], str(body["team_id"])
        is_ours = event["type"] == "app_uninstalled" or bool((event.get("tokens") or {}).get("bot"))
        if is_ours and await self._is_gone(team_id):
            await self._leave(team_id)
        await ack()

    async def _is_gone(self, team_id: str) -> bool:
        """Raises: StoreUnavailable (Slack cannot be asked just now)."""
        try:
            await self._door.who(team_id)
        except WorkspaceGone:
            return True
        except TransientError as error:
            raise StoreUnavailable("Slack does not say whether we are still there") from error
        log.info("told to have been removed, but the token is good", team_id=team_id)
        return False

    async def _leave(self, team_id: str) -> None:
        """Raises: StoreError."""
        for delivery in await self._store.open_deliveries(team_id):
            try:
                await self._tasks.cancel(delivery.owner, delivery.task_id, by=BY_SLACK)
            except NotFound:
                log.info("task is gone", task_id=delivery.task_id)
            await self._store.end_delivery(delivery.task_id, "dead")
        await self._workspaces.forget(team_id)
        log.info("removed from a workspace", team_id=team_id)

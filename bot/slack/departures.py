"""The app was removed from a workspace: its builds end, its token is forgotten, its people's links
end. Or Slack has deactivated a person, or made them a guest, whose link ends.

Slack tells so by two events, in any order, and may repeat them after the app was added again; or
we learn it by a call. Either way it is looked up: as long as Slack takes our newest token, we are
there.
"""

from agents.errors import NotFound, StoreUnavailable, TransientError
from agents.logger import create_logger
from bot.services.tasks import TaskService
from bot.slack.accounts import Accounts
from bot.slack.directory import may_be_linked
from bot.slack.door import OneToken, SlackDoor
from bot.slack.errors import TokenDead, WorkspaceGone
from bot.slack.line import SlackLine
from bot.slack.payloads import Ack, Body
from bot.slack.workspaces import Workspaces
from bot.store.slack_port import SlackState

log = create_logger(__name__)

BY_SLACK = "slack"
"""Who stopped a build whose workspace is gone."""


class Departures:
    """The listener of these events, and who sees to a workspace that is gone."""

    def __init__(
        self,
        store: SlackState,
        tasks: TaskService,
        accounts: Accounts,
        line: SlackLine,
        workspaces: Workspaces,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._accounts = accounts
        self._line = line
        self._workspaces = workspaces

    async def on_removed(self, ack: Ack, body: Body) -> None:
        """Acknowledged when it is done: what fails is told again."""
        event = body["event"]
        is_bots = bool((event.get("tokens") or {}).get("bot"))
        if event["type"] == "app_uninstalled" or is_bots:
            await self.leave_if_gone(str(body["team_id"]))
        await ack()

    async def on_person_changed(self, ack: Ack, body: Body) -> None:
        """Acknowledged when it is done; most changes are of no interest."""
        user = body["event"]["user"]
        if not may_be_linked(user):
            team_id = str(body["team_id"])
            person = await self._accounts.person(team_id, str(user["id"]))
            await self._accounts.identities.person_ended(person, by=BY_SLACK)
        await ack()

    async def leave_if_gone(self, team_id: str) -> bool:
        """Whether the app is not there any more; what was going on for it has ended then.

        Raises: StoreError, also where Slack cannot be asked just now.
        """
        newest = await self._workspaces.newest(team_id)
        if newest is not None:
            token, mark = newest
            if not await self._is_dead(token) or not await self._workspaces.forget(team_id, mark):
                log.info("workspace said to be gone, but it is there", team_id=team_id)
                return False
        await self._end_all(team_id)
        log.info("removed from a workspace", team_id=team_id)
        return True

    async def _is_dead(self, token: str) -> bool:
        """Raises: StoreUnavailable."""
        try:
            await SlackDoor(self._line, OneToken(token)).who("")
        except TokenDead:
            return True
        except WorkspaceGone as error:  # closed to us in another way, which may pass
            log.warning("workspace does not take our token", reason=str(error))
        except TransientError as error:
            raise StoreUnavailable("Slack does not say whether we are still there") from error
        return False

    async def _end_all(self, team_id: str) -> None:
        """Raises: StoreError."""
        for delivery in await self._store.open_deliveries(team_id):
            try:
                await self._tasks.cancel(delivery.owner, delivery.task_id, by=BY_SLACK)
            except NotFound:
                log.info("task is gone", task_id=delivery.task_id)
            await self._store.end_delivery(delivery.task_id, "dead")
        await self._accounts.identities.team_ended(team_id, by=BY_SLACK)

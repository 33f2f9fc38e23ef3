"""The app's own page in Slack."""

from dataclasses import replace

from agents.errors import ProviderError, StoreError
from agents.logger import create_logger
from bot.render.slack_blocks import View
from bot.render.slack_replies import render_trouble
from bot.slack.door import SlackDoor
from bot.slack.errors import WorkspaceGone
from bot.slack.payloads import Ack, Body, Context, Said, said_in_event
from bot.slack.reception import Reception
from bot.slack.work import Work

log = create_logger(__name__)


class Home:
    """Publishes a person's Home tab when they look at it."""

    def __init__(self, reception: Reception, door: SlackDoor, work: Work) -> None:
        self._reception = reception
        self._door = door
        self._work = work

    async def on_opened(self, ack: Ack, body: Body, context: Context) -> None:
        """Of the Home tab only: the messages tab tells us, too."""
        if body["event"].get("tab") == "home":
            said = said_in_event(body, context)
            self._work.begin(self.publish(said), name="slack-home")
        await ack()

    async def publish(self, said: Said) -> None:
        """What the person sees there now."""
        try:
            view: View = await self._view(said)
        except (StoreError, WorkspaceGone) as error:
            log.warning("store unavailable", action="home", reason=str(error))
            view = {"type": "home", "blocks": render_trouble().blocks}
        try:
            await self._door.publish_home(said.team_id, said.user_id, view)
        except ProviderError as error:
            log.warning("home not published", error=str(error))

    async def _view(self, said: Said) -> View:
        """Raises: WorkspaceGone, StoreError."""
        shelf, accounts = self._reception.shelf, self._reception.accounts
        if accounts.linking is None:
            return await shelf.home(said)
        link = await accounts.link_of(said)
        if link is None:
            return await shelf.home(said, link_url=accounts.linking.page)
        said = replace(said, account=link.account.owner)
        return await shelf.home(said, linked_as=link.account.name)

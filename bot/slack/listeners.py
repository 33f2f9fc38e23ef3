"""Every listener of the app: what Slack tells us, and who takes it.

Slack waits three seconds for an acknowledgement and repeats what got none. No listener waits for
work, but at most for a row to be written; what goes on after that is ours (`bot.slack.work`), never
Bolt's, which nobody waits for. A repeated event finds its work done: see `Said.key`.
"""

import re

from slack_bolt import BoltResponse
from slack_bolt.app.async_app import AsyncApp

from agents.logger import create_logger
from bot.render.slack_forms import BUILD_FORM, SETTINGS_FORM
from bot.slack.accounts import Accounts
from bot.slack.actions import ActionParts, Actions
from bot.slack.asks import Asks
from bot.slack.commands import Commands
from bot.slack.departures import Departures
from bot.slack.desk import Desk
from bot.slack.directory import SlackDirectory
from bot.slack.door import SlackDoor
from bot.slack.forms import Forms
from bot.slack.home import Home
from bot.slack.link_desk import LinkDesk
from bot.slack.newcomers import Newcomers
from bot.slack.payloads import Ack, Body
from bot.slack.reception import Reception
from bot.slack.shelf import Shelf, ShelfFacts
from bot.slack.threads import Threads
from bot.slack.views import Views
from bot.slack.voice import Voice
from bot.slack.work import Work
from bot.slack.workspaces import Workspaces

log = create_logger(__name__)

COMMAND = "/zapdev"
BUILD_FROM_MESSAGE = "zapdev_build_from_message"
NEW_BUILD = "zapdev_new_build"

_ANYTHING = re.compile(".*", re.DOTALL)


class Listeners:
    """Every listener of the app, over one desk."""

    def __init__(
        self, desk: Desk, door: SlackDoor, workspaces: Workspaces, facts: ShelfFacts
    ) -> None:
        self.work = Work()
        shelf = Shelf(desk, workspaces, facts)
        accounts = Accounts(desk.identities, facts.linking, workspaces)
        people = SlackDirectory(door, workspaces)
        link_desk = LinkDesk(accounts, desk.identities, desk.store, people)
        reception = Reception(desk, shelf, accounts, link_desk)
        voice = Voice(door, facts.clock)
        self._home = Home(reception, door, self.work)
        self._forms = Forms(reception, voice, door, self._home, self.work)
        self._commands = Commands(reception, self._forms, voice, door, self.work)
        self._threads = Threads(reception, self._commands, voice, self.work, facts.clock)
        views, asks = Views(reception, voice, door), Asks(desk, accounts, door)
        self._actions = Actions(
            ActionParts(reception, self._commands, self._forms, views, asks, voice), self.work
        )
        self.departures = Departures(desk.store, desk.tasks, accounts, door.line, workspaces)
        self.newcomers = Newcomers(reception, voice, door, facts.clock)

    def register(self, app: AsyncApp) -> None:
        """Add them; the last ones take what no other has, so that Slack does not repeat it."""
        app.command(COMMAND)(self._commands.on_command)
        app.shortcut(BUILD_FROM_MESSAGE)(self._threads.on_shortcut)
        app.shortcut(NEW_BUILD)(self._forms.on_shortcut)
        app.view(BUILD_FORM)(self._forms.on_build)
        app.view(SETTINGS_FORM)(self._forms.on_settings)
        app.event("app_mention")(self._threads.on_message)
        app.event("message")(self._threads.on_message)
        app.event("app_home_opened")(self._home.on_opened)
        app.event("agent_session_stopped")(self._threads.on_native_stop)
        app.event("app_uninstalled")(self.departures.on_removed)
        app.event("tokens_revoked")(self.departures.on_removed)
        app.event("user_change")(self.departures.on_person_changed)
        app.action(_ANYTHING)(self._actions.on_action)
        app.event(_ANYTHING)(on_anything)
        app.command(_ANYTHING)(on_anything)
        app.shortcut(_ANYTHING)(on_anything)
        app.view_submission(_ANYTHING)(on_anything)
        app.view_closed(_ANYTHING)(on_anything)
        app.options(_ANYTHING)(on_anything)
        app.error(on_error)

    async def close(self) -> None:
        """Let what has begun come to its end, for a moment."""
        await self.work.close()


async def on_anything(ack: Ack) -> None:
    """What we do not listen to is acknowledged all the same."""
    await ack()


async def on_error(error: Exception, body: Body) -> BoltResponse:
    """Bolt's error boundary: nothing was begun. A payload without its fields is no defect of ours."""
    if isinstance(error, KeyError | TypeError | AttributeError):
        log.warning("payload not understood", error=repr(error), type=str(body.get("type")))
        return BoltResponse(status=400, body="")
    log.error("listener failed", error=repr(error), type=str(body.get("type")), exc_info=error)
    return BoltResponse(status=500, body="")

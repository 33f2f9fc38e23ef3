"""Buttons and menus, wherever they are shown. Each is acknowledged first, and acts then."""

from collections.abc import Mapping
from typing import Any, get_args

from agents.logger import create_logger
from bot.render import slack_actions as buttons
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage
from bot.render.slack_help import SETTINGS, SHOW_APPS
from bot.render.slack_home import EXAMPLE, EXAMPLES
from bot.slack.commands import Commands
from bot.slack.desk import Press
from bot.slack.intents import Topic
from bot.slack.payloads import Ack, Body, Click, Context, read_click
from bot.slack.reception import Reception, render_foreign, settle
from bot.slack.views import TURNS, Views
from bot.slack.voice import Respond, Voice
from bot.slack.work import Work

log = create_logger(__name__)

_PRESSES: Mapping[str, Press] = {
    buttons.STOP: "stop",
    buttons.RETRY: "retry",
    buttons.FIX: "fix",
    buttons.UNDO: "undo",
    buttons.SUGGEST: "suggest",
}
assert set(_PRESSES.values()) == set(get_args(Press))  # noqa: S101 - every press has its button

_TOPICS: Mapping[str, Topic] = {
    replies.SHOW_HELP: "help",
    SHOW_APPS: "list",
    SETTINGS: "settings",
}
_LINKS = (buttons.OPEN_PREVIEW, replies.LINK_ACCOUNT)
"""They open an address, and tell us all the same."""


class Actions:
    """The listener of everything that can be pressed or chosen."""

    def __init__(
        self,
        reception: Reception,
        commands: Commands,
        views: Views,
        voice: Voice,
        work: Work,
    ) -> None:
        self._reception = reception
        self._commands = commands
        self._views = views
        self._voice = voice
        self._work = work

    async def on_action(
        self,
        ack: Ack,
        body: Body,
        context: Context,
        action: Mapping[str, Any],
        respond: Respond,
    ) -> None:
        """Any of them; those that only open an address have done so."""
        await ack()
        click = read_click(body, context, action)
        if click.name not in _LINKS:
            self._work.begin(self._act(click, respond), name="slack-action")

    async def _act(self, click: Click, respond: Respond) -> None:
        if click.said.is_foreign:
            await self._tell(click, render_foreign())
            return
        match click.name:
            case name if name in (buttons.FILES, buttons.DIFF):
                await self._views.open_app(click)
            case name if name in TURNS:
                await self._views.turn(click)
            case replies.NEW_APP:
                await self._views.open_form(click.said, click.trigger_id)
            case name if name == EXAMPLE:
                await self._views.open_form(click.said, click.trigger_id, _example(click.detail))
            case replies.BUILD_IN_DM:
                await self._commands.build_directly(click, respond)
            case _:
                answer = await settle(self._answer(click))
                if answer is not None:
                    await self._tell(click, answer)

    async def _answer(self, click: Click) -> SlackMessage | None:
        """Raises: UserError, StoreError."""
        said, desk, shelf = click.said, self._reception.desk, self._reception.shelf
        if click.name in _TOPICS:
            return await shelf.show(said, _TOPICS[click.name])
        task_id, number = buttons.read_value(click.value)
        if click.name == buttons.DOWNLOAD:
            delivery = await desk.delivery_for(said, task_id)
            if delivery is None:
                return replies.render_not_allowed()
            return await shelf.download(delivery)
        press = _PRESSES.get(click.name)
        if press is None:
            log.warning("unknown button", action_id=click.name)
            return None
        return await desk.press(said, press, task_id, number)

    async def _tell(self, click: Click, answer: SlackMessage) -> None:
        """To the person alone: beside the message, or over the view that was pressed in."""
        if click.said.channel_id:
            await self._voice.whisper(click.said, answer)
        else:
            await self._voice.show(click.said, click.trigger_id, answer)


def _example(number: str) -> str:
    at = int(number) if number.isascii() and number.isdecimal() and len(number) < 3 else 0
    return EXAMPLES[at] if at < len(EXAMPLES) else ""

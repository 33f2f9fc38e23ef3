"""Buttons and menus, wherever they are shown. Each is acknowledged first, and acts then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from agents.logger import create_logger
from bot.render import slack_accounts as accounts
from bot.render import slack_actions as buttons
from bot.render import slack_help, slack_home, slack_usage
from bot.render import slack_replies as replies
from bot.render import slack_sharing as sharing
from bot.render.slack_blocks import SlackMessage
from bot.slack.accounts import Pressed
from bot.slack.asks import Asks
from bot.slack.commands import Commands
from bot.slack.desk import Press
from bot.slack.forms import Forms
from bot.slack.intents import Show, Topic
from bot.slack.payloads import Ack, Body, Click, Context, read_click
from bot.slack.reception import Reception, render_foreign, settle
from bot.slack.views import TURNS, Views
from bot.slack.voice import Respond, Voice, respond_with
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
    slack_help.SHOW_APPS: "list",
    slack_usage.SHOW_USAGE: "usage",
    slack_usage.SHOW_STATUS: "status",
}
_LINKS = (buttons.OPEN_PREVIEW, replies.LINK_ACCOUNT)
"""They open an address, and tell us all the same."""


@dataclass(frozen=True, slots=True)
class ActionParts:
    """Who does what is pressed for."""

    reception: Reception
    commands: Commands
    forms: Forms
    views: Views
    asks: Asks
    voice: Voice


class Actions:
    """The listener of everything that can be pressed or chosen."""

    def __init__(self, parts: ActionParts, work: Work) -> None:
        self._parts = parts
        self._reception = parts.reception
        self._voice = parts.voice
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
        parts = self._parts
        match click.name:
            case buttons.FILES | buttons.DIFF:
                await parts.views.open_app(click)
            case name if name in TURNS:
                await parts.views.turn(click)
            case replies.NEW_APP | slack_home.EXAMPLE:
                await parts.forms.open_build(click.said, click.trigger_id, _example(click))
            case slack_help.SETTINGS:
                await parts.forms.open_settings(click.said, click.trigger_id)
            case replies.BUILD_IN_DM:
                await parts.commands.build_directly(click, respond)
            case sharing.LET_EDIT:
                await parts.asks.let(click, respond)
            case name if name in accounts.BUTTONS:
                await self._link(click, respond)
            case _:
                answer = await settle(self._answer(click))
                if answer is not None:
                    await self._tell(click, answer)

    async def _answer(self, click: Click) -> SlackMessage | None:
        """Raises: UserError, StoreError."""
        said, desk, shelf = click.said, self._reception.desk, self._reception.shelf
        if click.name in _TOPICS:
            return await self._reception.answer(said, Show(_TOPICS[click.name]))
        if click.name == sharing.ASK_EDIT:
            return await self._parts.asks.ask(click)
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
        return await self._reception.press(said, Pressed(press, task_id, number))

    async def _link(self, click: Click, respond: Respond) -> None:
        """What comes of it takes the place of the question."""
        done: list[SlackMessage] = []

        async def press() -> SlackMessage:
            done.append(await self._reception.link_desk.press(click))
            return done[0]

        answer = await settle(press())
        if answer is not None:
            await respond_with(respond, answer, over=bool(done))

    async def _tell(self, click: Click, answer: SlackMessage) -> None:
        """To the person alone: beside the message, or over the view that was pressed in."""
        if click.said.channel_id:
            await self._voice.whisper(click.said, answer)
        else:
            await self._voice.show(click.said, click.trigger_id, answer)


def _example(click: Click) -> str:
    """What stands on the button of an example; empty for others."""
    number = click.detail if click.name == slack_home.EXAMPLE else ""
    if not number:
        return ""
    at = int(number) if number.isascii() and number.isdecimal() and len(number) < 3 else 0
    return slack_home.EXAMPLES[at] if at < len(slack_home.EXAMPLES) else ""

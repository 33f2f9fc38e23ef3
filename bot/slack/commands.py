"""`/zapdev …`: the answer comes with the acknowledgement, or later to the person alone.

A command may be typed where the bot is not. Of a closed channel nobody but Slack knows whether it
is: so what is said to the person first is the question, too.
"""

import asyncio
from dataclasses import replace

from agents.errors import BadRequest, ProviderError
from agents.logger import create_logger
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage
from bot.slack.door import SlackDoor
from bot.slack.forms import Forms
from bot.slack.intents import Build, Import, Intent, Show, parse_command
from bot.slack.payloads import Ack, Body, Click, Context, Said, said_in_command
from bot.slack.reception import Reception, settle
from bot.slack.voice import Respond, Voice, private_ack, respond_with
from bot.slack.work import Work

log = create_logger(__name__)

ACK_S = 0.3
"""How long an acknowledgement waits for the answer."""

_MAX_VALUE = 2_000
"""As much as a button carries."""


def is_closed(channel_id: str, channel_name: str) -> bool:
    """Whether one has to be a member to write there: a private channel, or direct messages."""
    closed = channel_name in ("privategroup", "directmessage") or channel_name.startswith("mpdm-")
    return closed or channel_id[:1] in ("D", "G")


class Commands:
    """The listener of the slash command, and who starts builds where the bot may not be."""

    def __init__(
        self, reception: Reception, forms: Forms, voice: Voice, door: SlackDoor, work: Work
    ) -> None:
        self._reception = reception
        self._forms = forms
        self._voice = voice
        self._door = door
        self._work = work

    async def on_command(self, ack: Ack, body: Body, context: Context, respond: Respond) -> None:
        """Acknowledged within half a second, whatever the store does."""
        said, text = said_in_command(body, context), str(body.get("text") or "")
        try:
            intent = parse_command(text)
        except BadRequest as error:
            refused = replies.render_refused(str(error), error.hint, replies.HELP)
            await ack(**private_ack(refused))
            return
        if intent == Show("settings") and not said.is_foreign:
            await ack()
            opening = self._forms.open_settings(said, str(body["trigger_id"]))
            self._work.begin(opening, name="slack-form")
            return
        closed = is_closed(said.channel_id, str(body.get("channel_name") or ""))
        answering = self._work.start(
            self._answer(said, intent, text, closed=closed), name="slack-command"
        )
        done, _ = await asyncio.wait({answering}, timeout=ACK_S)
        if done:
            await ack(**private_ack(answering.result() or _accepted(intent, closed=closed)))
            return
        await ack(**private_ack(_accepted(intent, closed=closed)))
        self._work.begin(self._respond_later(respond, answering), name="slack-answer")

    async def build(
        self, said: Said, build: Build | Import, text: str, *, closed: bool
    ) -> SlackMessage | None:
        """Start it where it was asked for, if the bot can write there; None: it was begun.

        `text` is what the person wrote, to be asked again elsewhere.
        """
        if closed and (wall := await self._reception.wall(said, build)) is not None:
            return wall
        accepted = replies.render_accepted(build.prompt)
        if closed and not said.is_foreign and not await self._voice.can_whisper(said, accepted):
            return replies.render_not_in_channel(text[:_MAX_VALUE])
        return await self._reception.answer(said, build)

    async def build_directly(self, click: Click, respond: Respond) -> None:
        """What could not be shown in a channel is built in the direct messages."""
        answer = await settle(self._directly(click))
        told = answer or replies.render_notice("On it. Look at our direct messages.")
        await respond_with(respond, told, over=answer is None)

    async def _directly(self, click: Click) -> SlackMessage | None:
        said = click.said
        intent = parse_command(click.value)
        if not isinstance(intent, Build | Import):
            raise BadRequest("Write me a direct message with what you want built.")
        try:
            channel = await self._door.direct_channel(said.team_id, said.user_id)
        except ProviderError as error:
            log.warning("no direct messages", error=str(error))
            return replies.render_trouble()
        key = f"slack:direct:{said.channel_id}:{click.message_ts}"
        there = replace(said, channel_id=channel, thread_ts="", key=key)
        return await self._reception.answer(there, intent)

    async def _answer(
        self, said: Said, intent: Intent, text: str, *, closed: bool
    ) -> SlackMessage | None:
        if isinstance(intent, Build | Import):
            return await self.build(said, intent, text, closed=closed)
        return await self._reception.answer(said, intent)

    async def _respond_later(
        self, respond: Respond, answering: asyncio.Task[SlackMessage | None]
    ) -> None:
        answer = await answering
        if answer is not None:
            await respond_with(respond, answer)


def _accepted(intent: Intent, *, closed: bool) -> SlackMessage | None:
    """What is said at once; in a closed channel it was whispered already, if it could be."""
    if isinstance(intent, Build | Import) and not closed:
        return replies.render_accepted(intent.prompt)
    return None

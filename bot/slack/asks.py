"""Who may only look asks to change an app, and its owner lets them."""

from dataclasses import replace

from agents.errors import BadRequest
from bot.render import slack_sharing as words
from bot.render.slack_blocks import SlackMessage
from bot.slack.desk import Desk
from bot.slack.intents import Share
from bot.slack.payloads import Click, Said
from bot.slack.reception import settle
from bot.slack.rights import user_of
from bot.slack.voice import Respond, Voice
from bot.store.slack_port import ThreadProject

ASKED_S = 3_600.0
"""How long the same question is not put again."""


class Asks:
    """The question in the thread, and its answer."""

    def __init__(self, desk: Desk, voice: Voice) -> None:
        self._desk = desk
        self._voice = voice

    async def ask(self, click: Click) -> SlackMessage:
        """What the asker is told. Raises: BadRequest, StoreError."""
        said = replace(click.said, thread_ts=click.value)
        there = await self._project(said)
        if await self._desk.rights.role(said, there) != "viewer":
            return words.render_may_edit()
        owner = user_of(there.owner)
        asked = f"ask-edit:{there.project_id}:{said.user_id}"
        if await self._desk.store.first_time(asked, keep_s=ASKED_S):
            await self._voice.say(said, words.render_asks_to_edit(said.user_id, owner))
        return words.render_asked(owner)

    async def let(self, click: Click, respond: Respond) -> None:
        """The owner's answer takes the place of the question; anybody else is told who decides."""
        answer = await settle(self._let(click))
        is_done = answer is not None and not answer.is_private
        if answer is not None:
            await self._voice.respond(respond, answer, over=is_done)

    async def _let(self, click: Click) -> SlackMessage:
        """Raises: UserError, StoreError."""
        there = await self._project(click.said)
        share = Share(click.value, "editor")
        return await self._desk.rights.share(click.said, there, share)

    async def _project(self, said: Said) -> ThreadProject:
        there = await self._desk.project_of(said)
        if there is None:
            raise BadRequest("There is no app in this thread any more.")
        return there

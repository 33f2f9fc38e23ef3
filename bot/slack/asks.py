"""Who may only look asks to change an app, and its owner lets them."""

from dataclasses import replace

from agents.errors import BadRequest, ProviderError
from agents.logger import create_logger
from bot.render import slack_sharing as words
from bot.render.slack_blocks import SlackMessage
from bot.slack.accounts import Accounts
from bot.slack.desk import Desk
from bot.slack.door import SlackDoor
from bot.slack.intents import Share
from bot.slack.payloads import Click, Said
from bot.slack.reception import settle
from bot.slack.voice import Respond, respond_with
from bot.store.slack_port import ThreadProject

log = create_logger(__name__)

ASKED_S = 600.0
"""How long the same question is not put again."""


class Asks:
    """The question in the thread, and its answer."""

    def __init__(self, desk: Desk, accounts: Accounts, door: SlackDoor) -> None:
        self._desk = desk
        self._accounts = accounts
        self._door = door

    async def ask(self, click: Click) -> SlackMessage:
        """What the asker is told. Raises: BadRequest, StoreError."""
        said = await self._accounts.known(replace(click.said, thread_ts=click.value))
        there = await self._project(said)
        if await self._desk.rights.role(said, there) != "viewer":
            return words.render_may_edit()
        owner = await self._desk.rights.owner_user(said, there)
        asked = f"ask-edit:{there.project_id}:{said.user_id}"
        is_new = await self._desk.first_time(f"asked:{said.key}")
        if is_new and await self._desk.store.hold(asked, said.key, for_s=ASKED_S):
            try:
                question = words.render_asks_to_edit(said.user_id, owner)
                await self._door.post(
                    said.team_id, said.channel_id, question, thread_ts=said.thread_ts
                )
            except ProviderError as error:
                log.warning("question not posted", error=str(error))
                await self._desk.store.release(asked, said.key)
                raise BadRequest(
                    "I could not ask just now.", hint="Press the button again in a minute."
                ) from error
        return words.render_asked(owner)

    async def let(self, click: Click, respond: Respond) -> None:
        """The owner's answer takes the place of the question; who else presses is told so."""
        done: list[SlackMessage] = []
        answer = await settle(self._let(click, done))
        if answer is not None:
            await respond_with(respond, answer, over=bool(done))

    async def _let(self, click: Click, done: list[SlackMessage]) -> SlackMessage:
        """Raises: UserError, StoreError."""
        said = await self._accounts.known(click.said)
        there = await self._project(said)
        answer = await self._desk.rights.share(said, there, Share(click.value, "editor"))
        done += [] if answer.is_private else [answer]
        return answer

    async def _project(self, said: Said) -> ThreadProject:
        there = await self._desk.project_of(said)
        if there is None:
            raise BadRequest("There is no app in this thread any more.")
        return there

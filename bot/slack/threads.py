"""What people write to us: mentions, replies in an app's thread, direct messages, and edits.

Slack repeats what is not acknowledged. So a listener waits for the row to be written, for a moment;
what is said in answer goes on by itself.
"""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from agents.errors import BadRequest, StoreError
from agents.logger import create_logger
from agents.ports import Clock
from bot.render.slack_blocks import SlackMessage
from bot.slack.commands import Commands, is_closed
from bot.slack.intents import Aside, Build, Import, Intent, Stop, parse_message, parse_prompt
from bot.slack.payloads import (
    PEOPLES_SUBTYPES,
    Ack,
    Body,
    Context,
    Said,
    said_in_event,
    said_in_message,
    said_in_shortcut,
)
from bot.slack.reception import Reception, settle
from bot.slack.rights import owns
from bot.slack.voice import Respond, Voice, respond_with
from bot.slack.work import Work

log = create_logger(__name__)

JUST_BEGUN_S = (0.3, 1.0)
"""When it is looked again whose thread it is, below a message of ours."""

ROW_S = 2.0
"""How long an event's acknowledgement waits for its row; Slack waits three seconds."""


class Threads:
    """The listeners of messages."""

    def __init__(
        self, reception: Reception, commands: Commands, voice: Voice, work: Work, clock: Clock
    ) -> None:
        self._clock = clock
        self._reception = reception
        self._desk = reception.desk
        self._commands = commands
        self._voice = voice
        self._work = work

    async def on_message(self, ack: Ack, body: Body, context: Context) -> None:
        """A mention, a reply in a thread, a direct message, or an edit of one."""
        event = body["event"]
        if event.get("subtype") == "message_changed":
            await self._for_a_moment(self._edited(body, context))
        elif _is_a_persons(event):
            await self._for_a_moment(self._hear(body, context))
        await ack()

    async def _for_a_moment(self, hearing: Coroutine[Any, Any, None]) -> None:
        await self._work.begin_and_wait(hearing, at_most_s=ROW_S, name="slack-message")

    # --- what was written ----------------------------------------------------------------

    async def _hear(self, body: Body, context: Context) -> None:
        event = body["event"]
        said = said_in_message(body, context, event)
        answer = await settle(self._understand(said, event, _bot_of(context)))
        if answer is None:
            return
        told = f"answer:{said.key}"
        if answer.is_private and not answer.is_repeated:
            place = f"{said.team_id}:{said.channel_id}:{said.thread_ts}"
            told = f"private:{place}:{said.user_id}:{answer.text[:80]}"
        if await self._is_first(told):  # people talk to each other there, too
            self._work.begin(self._tell(said, answer), name="slack-answer")

    async def _understand(self, said: Said, event: Body, bot_user_id: str) -> SlackMessage | None:
        """Do what a message asks of us, if it is our business. Raises: BadRequest, StoreError."""
        text = str(event.get("text") or "")
        is_direct = event.get("channel_type") == "im"
        in_project = bool(event.get("thread_ts")) and await self._is_ours(said, event, bot_user_id)
        if not (is_direct or in_project or f"<@{bot_user_id}" in text):
            return None
        intent = parse_message(text, bot_user_id, is_direct=is_direct, in_project=in_project)
        return await self._reception.answer(said, intent)

    async def _is_ours(self, said: Said, event: Body, bot_user_id: str) -> bool:
        """Whether the thread is an app's; one that we have just begun may not be noted yet."""
        waits = JUST_BEGUN_S if event.get("parent_user_id") == bot_user_id else ()
        for wait_s in (*waits, None):
            if await self._desk.knows(said.thread):
                return True
            if wait_s is not None:
                await self._clock.sleep(wait_s)
        return False

    async def _tell(self, said: Said, answer: SlackMessage) -> None:
        if answer.is_private:
            await self._voice.whisper(said, answer)
        else:
            await self._voice.say(said, answer)

    async def _is_first(self, what: str) -> bool:
        """Whether this was not said yet: a mention in a thread is told to us twice."""
        try:
            return await self._desk.first_time(what)
        except StoreError:
            return True

    # --- what was edited -----------------------------------------------------------------

    async def _edited(self, body: Body, context: Context) -> None:
        """An edit of the message that started a run corrects it. Slack also edits, for previews."""
        event = body["event"]
        message, before = event["message"], event.get("previous_message") or {}
        edited_ts = (message.get("edited") or {}).get("ts")
        if not edited_ts or not _is_a_persons(message) or message.get("text") == before.get("text"):
            return
        said = said_in_message(body, context, message)
        if said.is_foreign:
            return
        is_direct = event.get("channel_type") == "im"
        correcting = self._correct(said, message, _bot_of(context), is_direct=is_direct)
        answer = await settle(correcting)
        if answer is not None and await self._is_first(f"answer:{said.key}:{edited_ts}"):
            self._work.begin(self._tell(said, answer), name="slack-answer")

    async def _correct(
        self, said: Said, message: Body, bot_user_id: str, *, is_direct: bool
    ) -> SlackMessage | None:
        """Raises: BadRequest, StoreError."""
        text = str(message.get("text") or "")
        if not await self._desk.has_run(said):
            if await self._reception.accounts.has_waiting(said):
                return await self._correct_waiting(said, text, bot_user_id, is_direct=is_direct)
            return None
        said = await self._reception.accounts.known(said)
        intent = parse_message(text, bot_user_id, is_direct=is_direct, in_project=True)
        edited_ts = str(message["edited"]["ts"])
        match intent:
            case Build():
                return await self._desk.correct(said, edited_ts, intent)
            case Stop() | Aside():
                return await self._desk.correct(said, edited_ts, None)
            case _:
                return None

    async def _correct_waiting(
        self, said: Said, text: str, bot_user_id: str, *, is_direct: bool
    ) -> SlackMessage | None:
        """The message that waits for a link says something else now; what cannot wait is dropped.

        Raises: BadRequest, StoreError.
        """
        intent: Intent = Aside()
        try:
            intent = parse_message(text, bot_user_id, is_direct=is_direct, in_project=True)
        finally:
            if not isinstance(intent, Build | Import):
                await self._reception.accounts.drop(said)
        if isinstance(intent, Aside):
            return None
        return await self._reception.answer(said, intent)

    # --- other ways ----------------------------------------------------------------------

    async def on_shortcut(self, ack: Ack, body: Body, context: Context, respond: Respond) -> None:
        """“Build from this message”: the way to start in a thread without a mention."""
        await ack()
        said, message = said_in_shortcut(body, context), body["message"]
        name = str((body.get("channel") or {}).get("name") or "")
        closed = is_closed(said.channel_id, name)
        is_ours = message.get("user") == _bot_of(context)
        text = "" if is_ours else str(message.get("text") or "")
        building = self._build_from(said, text, closed=closed)
        self._work.begin(self._respond(respond, building), name="slack-shortcut")

    async def _build_from(self, said: Said, text: str, *, closed: bool) -> SlackMessage | None:
        try:
            build = parse_prompt(text)
        except BadRequest as error:
            if text.strip():
                raise
            raise BadRequest(
                "There is nothing to build in this message.",
                hint="Choose one in which somebody says what they need.",
            ) from error
        return await self._commands.build(said, build, text, closed=closed)

    async def _respond(
        self, respond: Respond, asked: Coroutine[Any, Any, SlackMessage | None]
    ) -> None:
        answer = await settle(asked)
        if answer is not None:
            await respond_with(respond, answer)

    async def on_native_stop(self, ack: Ack, body: Body, context: Context) -> None:
        """Slack's own Stop button of an agent's thread."""
        said = said_in_event(body, context)
        if said.thread_ts:
            await self._for_a_moment(self._stop(said))
        await ack()

    async def _stop(self, said: Said) -> None:
        """In a shared channel Slack does not say whose person it is: the app's owner is ours."""
        stop: Intent = Stop()
        there = await self._desk.project_of(said)
        if there is None:
            return
        known = await self._reception.accounts.perhaps(said)
        if owns(known, there) or not said.is_foreign:
            await self._reception.answer(replace(known, is_foreign=False), stop)


def _is_a_persons(message: Body) -> bool:
    """Written by a person just now, not by an app, and not Slack's own note of something."""
    is_written = message.get("subtype") in PEOPLES_SUBTYPES
    return is_written and not message.get("bot_id") and bool(message.get("user"))


def _bot_of(context: Context) -> str:
    return str(context.get("bot_user_id") or "")

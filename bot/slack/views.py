"""Modals: the form for a new build, an app's files, and what a task has changed.

A modal is opened first and filled then: Slack gives three seconds for opening one, and the store
may be slow. What a modal is about is its task's id; everything else is read again.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents.errors import BadRequest, ProviderError
from agents.logger import create_logger
from agents.types import TaskId
from bot.render import slack_actions as actions
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage, View
from bot.render.slack_forms import (
    ANY_FRAMEWORK,
    CHANNEL,
    FRAMEWORK,
    MODEL,
    PROMPT,
    render_build_modal,
    render_loading_view,
    render_trouble_view,
)
from bot.render.slack_text import escape
from bot.render.slack_views import CODE_PAGE, DIFF_PAGE, FILES_PAGE, PICK_FILE
from bot.slack.door import SlackDoor
from bot.slack.intents import Build, parse_prompt
from bot.slack.payloads import Ack, Body, Click, Context, Said, said_in_form, said_in_shortcut
from bot.slack.reception import Reception, render_foreign, settle
from bot.slack.shelf import Leaf
from bot.slack.voice import Voice
from bot.slack.work import Work
from bot.store.slack_port import Delivery

log = create_logger(__name__)

TURNS = (PICK_FILE, FILES_PAGE, CODE_PAGE, DIFF_PAGE)
"""The actions inside of our views."""

_FALLBACK = render_trouble_view(
    "That did not work, and it is not your fault.", "Close this and try again in a minute."
)


class Views:
    """Opens modals, turns their pages, and takes what was filled in."""

    def __init__(self, reception: Reception, voice: Voice, door: SlackDoor, work: Work) -> None:
        self._reception = reception
        self._voice = voice
        self._door = door
        self._work = work
        self._newest: dict[str, Click] = {}
        """The latest click in each view: an earlier one that takes longer shows nothing."""

    # --- the form ------------------------------------------------------------------------

    async def on_shortcut(self, ack: Ack, body: Body, context: Context) -> None:
        """“New Zapdev build”, from anywhere."""
        await ack()
        said = said_in_shortcut(body, context)
        opening = self.open_form(said, str(body["trigger_id"]))
        self._work.begin(opening, name="slack-form")

    async def open_form(self, said: Said, trigger_id: str, prompt: str = "") -> None:
        """Nothing is read for it, so it opens at once."""
        shelf = self._reception.shelf
        form = render_build_modal(
            shelf.models, prompt=prompt, channel=said.channel_id or None, settings=shelf.settings
        )
        try:
            await self._door.open_view(said.team_id, trigger_id, form)
        except ProviderError as error:
            log.warning("form not opened", error=str(error))

    async def on_form(self, ack: Ack, body: Body, context: Context) -> None:
        """The form was sent: what is wrong is said at its field, else it closes and work begins."""
        values = _Values(body["view"]["state"]["values"])
        try:
            build = _build_of(values)
        except BadRequest as error:
            problem = f"{error} {error.hint or ''}".strip()
            await ack(response_action="errors", errors={PROMPT: problem})
            return
        await ack()
        said = said_in_form(body, context)
        building = self._build(said, build, values.of(CHANNEL, "selected_conversation"))
        self._work.begin(building, name="slack-form")

    async def _build(self, said: Said, build: Build, channel_id: str) -> None:
        """In the chosen channel if the bot can write there, else in the direct messages."""
        if said.is_foreign:
            await self._voice.write(said, render_foreign())
            return
        accepted = replies.render_accepted(build.prompt)
        there = replace(said, channel_id=channel_id)
        if not (channel_id and await self._voice.can_whisper(there, accepted)):
            try:
                direct = await self._door.direct_channel(said.team_id, said.user_id)
            except ProviderError as error:
                log.warning("no direct messages", error=str(error))
                return
            there = replace(said, channel_id=direct)
            if channel_id:
                words = f"I cannot write in <#{escape(channel_id, 40)}>, so I build it here."
                await self._voice.say(there, replies.render_notice(words))
        answer = await self._reception.answer(there, build)
        if answer is not None:
            await self._voice.whisper(there, answer)

    # --- an app --------------------------------------------------------------------------

    async def open_app(self, click: Click) -> None:
        """The files of a task's version, or its changes."""
        said, title = click.said, "Files" if click.name == actions.FILES else "Changes"
        try:
            loading = render_loading_view(title)
            view_id = await self._door.open_view(said.team_id, click.trigger_id, loading)
        except ProviderError as error:
            log.warning("view not opened", error=str(error))
            await self._voice.whisper(said, replies.render_trouble())
            return
        opened = replace(click, view_id=view_id, about=actions.read_value(click.value)[0])
        await self.turn(opened)

    async def turn(self, click: Click) -> None:
        """Show what was chosen in a view, unless something else was chosen since."""
        self._newest[click.view_id] = click
        view = await self._drawn(click)
        if self._newest.get(click.view_id) is not click:
            return
        del self._newest[click.view_id]
        try:
            await self._door.update_view(click.said.team_id, click.view_id, view)
        except ProviderError as error:  # it was closed meanwhile
            log.info("view not updated", error=str(error))

    async def _drawn(self, click: Click) -> View:
        drawn: list[View] = []

        async def draw() -> SlackMessage | None:
            delivery = await self._reception.desk.delivery_for(click.said, TaskId(click.about))
            if delivery is None:
                return replies.render_not_allowed()
            drawn.append(await self._view_of(click, delivery))
            return None

        refusal = await settle(draw())
        if refusal is None:
            return drawn[0]
        return {**_FALLBACK, "blocks": refusal.blocks or _FALLBACK["blocks"]}

    async def _view_of(self, click: Click, delivery: Delivery) -> View:
        shelf, number = self._reception.shelf, _number(click.value)
        match click.name:
            case actions.DIFF:
                return await shelf.changes(delivery, 0)
            case str(name) if name == DIFF_PAGE:
                return await shelf.changes(delivery, number)
            case str(name) if name == PICK_FILE:
                return await shelf.files(delivery, Leaf(picked=number))
            case str(name) if name == FILES_PAGE:
                return await shelf.files(delivery, Leaf(files_page=number))
            case str(name) if name == CODE_PAGE:
                picked = _number(click.detail.partition(":")[0])
                return await shelf.files(delivery, Leaf(picked=picked, code_page=number))
            case _:
                return await shelf.files(delivery, Leaf())


class _Values:
    """What stands in a form's fields."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def of(self, name: str, key: str) -> str:
        """Empty when there is no such field, or nothing in it."""
        return str((self._values.get(name) or {}).get(name, {}).get(key) or "")

    def option(self, name: str) -> str:
        chosen = (self._values.get(name) or {}).get(name, {}).get("selected_option") or {}
        return str(chosen.get("value") or "")


def _build_of(values: _Values) -> Build:
    """Options in the words count where nothing was chosen. Raises: BadRequest."""
    build = parse_prompt(values.of(PROMPT, "value"))
    framework = values.option(FRAMEWORK)
    if framework and framework != ANY_FRAMEWORK:
        build = replace(build, framework=framework)
    model = values.option(MODEL)
    return replace(build, model=build.model or model or None)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0

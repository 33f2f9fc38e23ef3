"""Modals to look at: an app's files, and what a task has changed.

A modal is opened first and filled then: Slack gives three seconds for opening one, and the store
may be slow. What a modal is about is its task's id; everything else is read again.
"""

from dataclasses import replace

from agents.errors import ProviderError
from agents.logger import create_logger
from agents.types import TaskId
from bot.render import slack_actions as actions
from bot.render import slack_replies as replies
from bot.render.slack_blocks import SlackMessage, View
from bot.render.slack_forms import (
    render_loading_view,
    render_trouble_view,
)
from bot.render.slack_views import CODE_PAGE, DIFF_PAGE, FILES_PAGE, PICK_FILE
from bot.slack.door import SlackDoor
from bot.slack.payloads import Click
from bot.slack.reception import Reception, settle
from bot.slack.shelf import Leaf
from bot.slack.voice import Voice
from bot.store.slack_port import Delivery

log = create_logger(__name__)

TURNS = (PICK_FILE, FILES_PAGE, CODE_PAGE, DIFF_PAGE)
"""The actions inside of our views."""

_FALLBACK = render_trouble_view(
    "That did not work, and it is not your fault.", "Close this and try again in a minute."
)


class Views:
    """Opens modals, and turns their pages."""

    def __init__(self, reception: Reception, voice: Voice, door: SlackDoor) -> None:
        self._reception = reception
        self._voice = voice
        self._door = door
        self._newest: dict[str, Click] = {}
        """The latest click in each view: an earlier one that takes longer shows nothing."""

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

        def is_newest() -> bool:
            return self._newest.get(click.view_id) is click

        view = await self._drawn(click)
        await self._voice.turn(click.said, click.view_id, view, is_newest)
        if is_newest():
            del self._newest[click.view_id]

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


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0

"""Modals that ask: the form for a new build, and a person's defaults.

Slack gives three seconds for opening one, and the store may be slow: the build's form does not
wait for what it would only suggest, and the defaults are shown when they are there.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast, get_args

from agents.errors import BadRequest, ProviderError, StoreError
from agents.logger import create_logger
from agents.types import Framework
from bot.render import slack_replies as replies
from bot.render.slack_forms import (
    ANY_FRAMEWORK,
    CHANNEL,
    FRAMEWORK,
    MODEL,
    OTHERS,
    PROMPT,
    render_build_modal,
    render_loading_view,
    render_settings_view,
    render_trouble_view,
)
from bot.render.slack_home import HomeSettings
from bot.render.slack_text import escape
from bot.slack.accounts import LinkFirst
from bot.slack.door import SlackDoor
from bot.slack.errors import WorkspaceGone
from bot.slack.home import Home
from bot.slack.intents import Build, parse_prompt
from bot.slack.payloads import Ack, Body, Context, Said, said_in_form, said_in_shortcut
from bot.slack.reception import Reception, render_foreign
from bot.slack.voice import Voice, as_view
from bot.slack.work import Work
from bot.store.people_port import MemberRole, Preferences

log = create_logger(__name__)

SUGGESTED_S = 1.0
"""How long a form waits for what it only suggests."""

KEPT_S = 2.0
"""How long a form that was sent may take to be kept; Slack waits three seconds."""

_NOT_KEPT = "This could not be kept just now. Try again in a minute."


class Forms:
    """Opens them, and takes what was filled in."""

    def __init__(
        self, reception: Reception, voice: Voice, door: SlackDoor, home: Home, work: Work
    ) -> None:
        self._reception = reception
        self._defaults = reception.shelf.defaults
        self._voice = voice
        self._door = door
        self._home = home
        self._work = work

    # --- a new build ---------------------------------------------------------------------

    async def on_shortcut(self, ack: Ack, body: Body, context: Context) -> None:
        """“New Zapdev build”, from anywhere."""
        await ack()
        said = said_in_shortcut(body, context)
        opening = self.open_build(said, str(body["trigger_id"]))
        self._work.begin(opening, name="slack-form")

    async def open_build(self, said: Said, trigger_id: str, prompt: str = "") -> None:
        """With the person's defaults chosen, if they are known in time."""
        form = render_build_modal(
            self._defaults.models,
            prompt=prompt,
            channel=said.channel_id or None,
            settings=await self._suggested(said),
        )
        try:
            await self._door.open_view(said.team_id, trigger_id, form)
        except ProviderError as error:
            log.warning("form not opened", error=str(error))

    async def on_build(self, ack: Ack, body: Body, context: Context) -> None:
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
        there = replace(said, channel_id=channel_id)
        if (wall := await self._reception.wall(there, build)) is not None:
            await self._voice.write(said, wall)
            return
        accepted = replies.render_accepted(build.prompt)
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

    async def _suggested(self, said: Said) -> HomeSettings | None:
        try:
            async with asyncio.timeout(SUGGESTED_S):
                said = await self._reception.accounts.perhaps(said)
                return await self._defaults.of(said.owner)
        except (StoreError, WorkspaceGone, TimeoutError):
            return None

    # --- defaults ------------------------------------------------------------------------

    async def open_settings(self, said: Said, trigger_id: str) -> None:
        """What is not known must not be shown: it would be kept so."""
        try:
            view_id = await self._door.open_view(
                said.team_id, trigger_id, render_loading_view("Your defaults")
            )
        except ProviderError as error:
            log.warning("settings not opened", error=str(error))
            return
        try:
            said = await self._reception.accounts.known(said)
            view = render_settings_view(await self._defaults.of(said.owner), self._defaults.models)
        except LinkFirst as error:
            wall = replies.render_needs_link(error.url, is_kept=error.is_kept)
            view = as_view(wall)
        except (StoreError, WorkspaceGone) as error:
            log.warning("store unavailable", action="settings", reason=str(error))
            view = render_trouble_view("Your defaults cannot be read just now.", "Try again soon.")
        await self._voice.turn(said, view_id, view)

    async def on_settings(self, ack: Ack, body: Body, context: Context) -> None:
        """The form closes once it is kept; else it says why not."""
        said = said_in_form(body, context)
        try:
            async with asyncio.timeout(KEPT_S):
                said = await self._reception.accounts.known(said)
                kept = await self._defaults.kept(said.owner)
                wanted = _preferences_of(_Values(body["view"]["state"]["values"]), kept)
                await self._defaults.keep(said.owner, wanted)
        except BadRequest as error:
            await ack(response_action="errors", errors={MODEL: str(error)})
        except LinkFirst as error:
            await ack(response_action="errors", errors={OTHERS: str(error)})
        except (StoreError, WorkspaceGone, TimeoutError) as error:
            log.warning("store unavailable", action="keep settings", reason=str(error))
            await ack(response_action="errors", errors={OTHERS: _NOT_KEPT})
        else:
            await ack()
            self._work.begin(self._home.publish(said), name="slack-home")


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


def _preferences_of(values: _Values, kept: Preferences) -> Preferences:
    """What has no menu in the form stays as it is."""
    framework, others = values.option(FRAMEWORK), values.option(OTHERS)
    return Preferences(
        model=values.option(MODEL) or kept.model,
        framework=Framework(framework) if framework in list(Framework) else None,
        others=cast("MemberRole", others) if others in get_args(MemberRole) else "editor",
    )

"""What people do in Slack, and what their client shows them of the app's answers."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.fakes.slack import events, forms, limits, web_views
from tests.fakes.slack.delivery import Delivery, Kind
from tests.fakes.slack.forms import NotThere
from tests.fakes.slack.messages import rich_text, with_ids
from tests.fakes.slack.payloads import Payloads
from tests.fakes.slack.replies import NotShown, answer_command
from tests.fakes.slack.world import Channel, Json, Message, State, User, View, World

Who = str | User
Where = str | Channel


class People(ABC):
    """A mix-in of `FakeSlack`. Each method returns when the app has acknowledged.

    Whoever is not where they act, and whatever is not on the screen, raises `NotThere`.
    """

    world: World
    payloads: Payloads

    @abstractmethod
    async def deliver(self, kind: Kind, payload: Json) -> Delivery:
        """Bring a payload to the app."""

    @abstractmethod
    async def deliver_event(self, team: str, event: Json) -> Delivery | None:
        """Bring an event to the app, if it has asked for such; None if not."""

    # --- in conversations ---------------------------------------------------------------------

    async def say(
        self,
        user: Who,
        channel: Where,
        text: str,
        thread_ts: str | None = None,
        *,
        subtype: str | None = None,
        files: tuple[str, ...] = (),
        ts: str | None = None,
    ) -> Message:
        """Write a message. One that mentions the bot arrives twice, as two different events.

        `ts` is another one's: only within a channel has Slack each once.
        """
        person, place = self._person(user), self._place(channel, user)
        state = self._typed(text)
        message = Message(place, ts or self.world.next_ts(), person.id, [state], via="person")
        message.bot_id = f"B{person.id}" if person.is_bot else None
        message.subtype = subtype or ("file_share" if files else None)
        message.files = [self.world.files[name] for name in files]
        message.thread_ts = self._root(place, thread_ts)
        self.world.add(message)
        await self._tell_of(message)
        return message

    async def mention(
        self,
        user: Who,
        channel: Where,
        text: str,
        thread_ts: str | None = None,
        *,
        ts: str | None = None,
    ) -> Message:
        """Say something to the bot."""
        place = self._place(channel, user)
        found = self.world.installation(place.team)
        bot = "" if found is None else f"<@{found.bot_user}> "
        return await self.say(user, channel, f"{bot}{text}", thread_ts, ts=ts)

    async def dm(
        self, user: Who, text: str, thread_ts: str | None = None, *, ts: str | None = None
    ) -> Message:
        """Write to the bot directly."""
        person = self._person(user)
        return await self.say(user, self._direct(person), text, thread_ts, ts=ts)

    async def edit(self, user: Who, message: Message, text: str) -> None:
        """Change one's own message."""
        if message.user != self._person(user).id or message.is_deleted:
            raise NotThere("Only one's own message can be edited, while it is there.")
        before = message.now
        message.history.append(replace(self._typed(text), edited_ts=self.world.next_ts()))
        event = events.changed(self.world, message, before)
        await self.deliver_event(message.channel.team, event)

    async def delete_message(self, message: Message) -> None:
        """A person deletes it: their own, or as an admin anybody's."""
        message.deleted_at = self.world.clock.monotonic()
        event = events.deleted(self.world, message)
        await self.deliver_event(message.channel.team, event)

    async def command(self, user: Who, channel: Where, command: str, text: str = "") -> Delivery:
        """Type a slash command. What its acknowledgement says appears in the channel."""
        person, place = self._person(user), self._place(channel, user)
        payload = self.payloads.command(person, place, command, text)
        delivery = await self.deliver("command", payload)
        answer_command(self.world, place, person, delivery.ack)
        return delivery

    async def shortcut(self, user: Who, callback_id: str) -> Delivery:
        payload = self.payloads.shortcut(self._person(user), callback_id)
        return await self.deliver("interactive", payload)

    async def message_shortcut(self, user: Who, message: Message, callback_id: str) -> Delivery:
        """Choose it from the menu of a message."""
        self._see(user, message)
        payload = self.payloads.message_shortcut(self._person(user), message, callback_id)
        return await self.deliver("interactive", payload)

    async def press_native_stop(self, user: Who, message: Message) -> Delivery | None:
        """Press Slack's own stop button, which a session shows while it is processing."""
        person = self._person(user)
        session = self.world.sessions.get((message.channel.id, message.root_ts))
        if session is None or session.status != "processing":
            raise NotThere("There is a stop button only while an agent's session is processing.")
        event = self.payloads.agent_session_stopped(person, message.channel, message.root_ts)
        return await self.deliver_event(message.channel.team, event)

    # --- in blocks and views ------------------------------------------------------------------

    async def click(
        self, user: Who, where: Message | View, action_id: str, *, value: str | None = None
    ) -> Delivery:
        """Press a button or choose an option that is shown there now; a dialog is confirmed."""
        person = self._person(user)
        if isinstance(where, View):
            self._look(person, where)
            action = forms.action(person.id, where.blocks, action_id, value)
            payload = self.payloads.view_actions(person, where, action)
        else:
            self._see(user, where)
            action = forms.action(person.id, where.blocks, action_id, value)
            payload = self.payloads.block_actions(person, where, action)
        return await self.deliver("interactive", payload)

    async def submit(
        self, user: Who, view: View, values: Mapping[str, Any] | None = None
    ) -> Delivery:
        """Fill in a modal and send it; the app's answer decides what is shown next."""
        person = self._person(user)
        self._look(person, view)
        view.state = forms.fill(view, values or {})
        payload = self.payloads.view_submission(person, view)
        delivery = await self.deliver("interactive", payload)
        if delivery.is_acked:
            self._react(person, view, delivery.ack)
        return delivery

    async def close(self, user: Who, view: View) -> Delivery | None:
        """Close a modal without sending it."""
        person = self._person(user)
        self._look(person, view)
        view.is_open = False
        if not view.body.get("notify_on_close"):
            return None
        return await self.deliver("interactive", self.payloads.view_closed(person, view))

    async def open_home(self, user: Who, tab: str = "home") -> Delivery | None:
        """Look at the app's page."""
        person = self._person(user)
        return await self.deliver_event(person.team, self.payloads.app_home_opened(person, tab))

    # --- what people see ----------------------------------------------------------------------

    def modal(self, user: Who) -> View | None:
        """The modal in front of a person."""
        person = self._person(user)
        homes = self.world.homes.values()
        mine = [v for v in self.world.views.values() if v.user == person.id and v.is_open]
        return next((v for v in reversed(mine) if v not in homes), None)

    def home(self, user: Who) -> View | None:
        person = self._person(user)
        return self.world.homes.get((person.team, person.id))

    def _react(self, person: User, view: View, ack: Any) -> None:
        """Do with a modal what the acknowledgement of its submission says."""
        answer = ack if isinstance(ack, dict) else {}
        match answer.get("response_action"):
            case "errors":
                unknown = set(answer["errors"]) - {block["block_id"] for block in view.blocks}
                if unknown:
                    raise NotShown(f"Errors about blocks that are not there: {unknown}")
                view.errors = answer["errors"]
            case "update":
                web_views.replace(self.world, view, self._new_view(answer))
            case "push":
                body = self._new_view(answer)
                web_views.create(self.world, person, view.team, body, view)
            case "clear":
                for other in web_views.stack(self.world, view):
                    other.is_open = False
            case _:
                view.is_open = False

    def _new_view(self, answer: Json) -> Json:
        if complaints := limits.validate_view(answer.get("view")):
            raise NotShown(f"A submission was answered with a view that is none: {complaints}")
        return web_views.checked(self.world, answer["view"])

    # --- who and where ------------------------------------------------------------------------

    def _person(self, user: Who) -> User:
        found = user if isinstance(user, User) else self.world.users.get(user)
        if found is None:
            raise NotThere(f"Nobody is called {user}.")
        return found

    def _place(self, channel: Where, user: Who) -> Channel:
        found = channel if isinstance(channel, Channel) else self.world.channels.get(channel)
        if found is None:
            raise NotThere(f"No conversation is called {channel}.")
        if self._person(user).id not in found.members:
            raise NotThere(f"{self._person(user).id} is not in {found.id}.")
        if found.is_archived:
            raise NotThere(f"{found.id} is archived.")
        return found

    def _direct(self, person: User) -> Channel:
        found = self.world.installation(person.team)
        if found is None:
            raise NotThere(f"The app is not installed in {person.team}.")
        return self.world.direct_channel(person, found.bot_user)

    def _see(self, user: Who, message: Message) -> None:
        person = self._person(user)
        if message.is_deleted or message.ephemeral_to not in (None, person.id):
            raise NotThere(f"{person.id} does not see message {message.ts}.")
        if person.id not in message.channel.members and not message.channel.is_open:
            raise NotThere(f"{person.id} does not see {message.channel.id}.")

    def _look(self, person: User, view: View) -> None:
        if view.user != person.id or not view.is_open:
            raise NotThere(f"{person.id} does not see view {view.id}.")

    def _root(self, channel: Channel, thread_ts: str | None) -> str | None:
        if thread_ts is None:
            return None
        found = self.world.root_of(channel.id, thread_ts)
        if found is None:
            raise NotThere(f"No message {thread_ts} to reply to in {channel.id}.")
        return found

    def _typed(self, text: str) -> State:
        blocks = with_ids(self.world, [rich_text(text)])
        return State(self.world.clock.monotonic(), text, blocks)

    async def _tell_of(self, message: Message) -> None:
        team = message.channel.team
        told = [self.deliver_event(team, events.posted(self.world, message))]
        bot = self.world.installation(team)
        is_named = bot is not None and f"<@{bot.bot_user}>" in message.text
        if is_named and message.channel.kind != "im":
            told.append(self.deliver_event(team, events.mentioned(self.world, message)))
        await asyncio.gather(*told)

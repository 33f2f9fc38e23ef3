"""What Slack's payloads say: who did something, where, and by which key a repetition is known. Pure.

A person is judged by their own workspace: with Slack Connect somebody of another one can write in
our channels and press our buttons.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.types import OwnerId
from bot.store.slack_port import SlackOrigin, SlackThread

Body = Mapping[str, Any]
Context = Mapping[str, Any]
Ack = Callable[..., Awaitable[Any]]
"""Bolt's way to acknowledge a request."""

SLACK_NAME = "slack:"
"""How names of Slack users begin; an account's never does."""

PEOPLES_SUBTYPES = (None, "file_share", "thread_broadcast")
"""The subtypes of messages that a person wrote just now."""


@dataclass(frozen=True, slots=True)
class Said:
    """Who said something, where, and by which key a repetition is known."""

    team_id: str
    user_id: str
    channel_id: str
    thread_ts: str
    """Empty where there is no thread yet: what is posted begins it."""
    key: str
    is_foreign: bool = False
    """Said by somebody of another workspace."""
    account: OwnerId | None = None
    """The tenant of the account that they are linked to, once `Accounts` has looked."""

    @property
    def owner(self) -> OwnerId:
        """The tenant: an account's, or, without accounts, the Slack user in its workspace."""
        return self.account or self.member

    @property
    def member(self) -> OwnerId:
        """Their own name, by which they are a member of apps."""
        return owner_of(self.team_id, self.user_id)

    @property
    def thread(self) -> SlackThread:
        return SlackThread(self.team_id, self.channel_id, self.thread_ts)

    @property
    def origin(self) -> SlackOrigin:
        return SlackOrigin(self.thread, self.user_id)


@dataclass(frozen=True, slots=True)
class Click:
    """A button pressed or an option chosen. `said.channel_id` is empty in views."""

    said: Said
    name: str
    """The action id up to its first colon."""
    detail: str
    """The rest of it."""
    value: str
    trigger_id: str
    message_ts: str
    view_id: str
    about: str
    """What the view was made for."""


def owner_of(team_id: str, user_id: str) -> OwnerId:
    """The name of a Slack user, who owns apps or is a member of some."""
    return OwnerId(f"{SLACK_NAME}{team_id}:{user_id}")


def message_key(team_id: str, channel_id: str, ts: str) -> str:
    """A message's key: one that mentions us is told to us as two events."""
    return f"slack:{team_id}:{channel_id}:{ts}"


def team_of(body: Body, context: Context) -> str:
    """The workspace that we are installed in, and that this is about."""
    authorized = context.get("authorize_result")
    return str(getattr(authorized, "team_id", None) or context.get("team_id") or body["team_id"])


def said_in_command(body: Body, context: Context) -> Said:
    team_id = team_of(body, context)
    return Said(
        team_id=team_id,
        user_id=str(body["user_id"]),
        channel_id=str(body["channel_id"]),
        thread_ts="",
        key=f"slack:command:{body['trigger_id']}",
        is_foreign=body["team_id"] != team_id,
    )


def said_in_message(body: Body, context: Context, message: Body) -> Said:
    """`message` is the event, or the message that an event is about."""
    team_id, channel_id, ts = team_of(body, context), _channel_of(body["event"]), str(message["ts"])
    return Said(
        team_id=team_id,
        user_id=str(message["user"]),
        channel_id=channel_id,
        thread_ts=str(message.get("thread_ts") or ts),
        key=message_key(team_id, channel_id, ts),
        is_foreign=_is_foreign(body, message, team_id),
    )


def said_in_event(body: Body, context: Context) -> Said:
    """An event that is no message, such as Slack's own Stop button."""
    event, team_id = body["event"], team_of(body, context)
    return Said(
        team_id=team_id,
        user_id=str(event["user"]),
        channel_id=_channel_of(event),
        thread_ts=str(event.get("thread_ts") or ""),
        key=f"slack:event:{body['event_id']}",
        is_foreign=_is_foreign(body, event, team_id),
    )


def said_in_shortcut(body: Body, context: Context) -> Said:
    """A shortcut; one on a message is about its thread."""
    message = body.get("message") or {}
    channel = body.get("channel") or {}
    return Said(
        thread_ts=str(message.get("thread_ts") or message.get("ts") or ""),
        channel_id=str(channel.get("id") or ""),
        key=f"slack:shortcut:{body['trigger_id']}",
        **_who(body, context),
    )


def said_in_form(body: Body, context: Context) -> Said:
    """A form that was sent; where its answer is shown is for the form to say."""
    view = body["view"]
    key = f"slack:form:{view['id']}:{view['hash']}"
    return Said(channel_id="", thread_ts="", key=key, **_who(body, context))


def read_click(body: Body, context: Context, action: Body) -> Click:
    container, message = body.get("container") or {}, body.get("message") or {}
    view = body.get("view") or {}
    channel = str(container.get("channel_id") or (body.get("channel") or {}).get("id") or "")
    message_ts = str(container.get("message_ts") or message.get("ts") or "")
    thread_ts = message.get("thread_ts") or container.get("thread_ts")
    if not thread_ts and not container.get("is_ephemeral"):  # in which no thread can begin
        thread_ts = message_ts
    said = Said(
        channel_id=channel,
        thread_ts=str(thread_ts or ""),
        key=f"slack:click:{body['user']['id']}:{action['action_ts']}",
        **_who(body, context),
    )
    name, _, detail = str(action["action_id"]).partition(":")
    chosen = action.get("selected_option") or {}
    return Click(
        said=said,
        name=name,
        detail=detail,
        value=str(action.get("value") or chosen.get("value") or ""),
        trigger_id=str(body["trigger_id"]),
        message_ts=message_ts,
        view_id=str(view.get("id") or ""),
        about=str(view.get("private_metadata") or ""),
    )


def _who(body: Body, context: Context) -> dict[str, Any]:
    """The fields of `Said` that tell of the person, in interactions."""
    user, team_id = body["user"], team_of(body, context)
    home = user.get("team_id") or team_id
    return {"team_id": team_id, "user_id": str(user["id"]), "is_foreign": home != team_id}


def _channel_of(event: Body) -> str:
    channel = event["channel"]
    return str(channel["id"] if isinstance(channel, Mapping) else channel)


def _is_foreign(body: Body, message: Body, team_id: str) -> bool:
    """By the author's own workspace; where a channel is shared and it is not said, it is another's.

    In a large organisation Slack may name the organisation instead.
    """
    home = message.get("user_team") or message.get("source_team") or message.get("team")
    if home is None:
        return bool(body.get("is_ext_shared_channel"))
    return str(home) not in (team_id, body.get("enterprise_id"))

"""Events about messages, as they happen to an app's subscriptions."""

from typing import Final

from tests.fakes.slack.messages import as_json
from tests.fakes.slack.world import Json, Message, State, World

CHANNEL_TYPES: Final = {"channel": "channel", "group": "group", "im": "im", "mpim": "mpim"}
SUBSCRIPTIONS: Final = frozenset(
    {
        "agent_session_stopped",
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "team_access_granted",
        "team_access_revoked",
        "tokens_revoked",
        "user_change",
    }
)
"""A generous set. A test of the bot gives what its own manifest asks for."""


def subscription(event: Json) -> str:
    """The name by which an app subscribes to it."""
    if event["type"] != "message":
        return str(event["type"])
    kind = event.get("channel_type", "channel")
    return f"message.{kind if kind in ('im', 'mpim') else kind + 's'}"


def posted(world: World, message: Message) -> Json:
    return {
        **as_json(world, message),
        "channel": message.channel.id,
        "channel_type": CHANNEL_TYPES[message.channel.kind],
        "event_ts": message.ts,
    }


def mentioned(world: World, message: Message) -> Json:
    event = {**posted(world, message), "type": "app_mention"}
    del event["channel_type"]
    return event


def changed(world: World, message: Message, before: State) -> Json:
    stamp = world.next_ts()
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": as_json(world, message),
        "previous_message": as_json(world, message, state=before),
        "channel": message.channel.id,
        "channel_type": CHANNEL_TYPES[message.channel.kind],
        "ts": stamp,
        "event_ts": stamp,
    }


def deleted(world: World, message: Message) -> Json:
    stamp = world.next_ts()
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "deleted_ts": message.ts,
        "previous_message": as_json(world, message),
        "channel": message.channel.id,
        "channel_type": CHANNEL_TYPES[message.channel.kind],
        "ts": stamp,
        "event_ts": stamp,
    }

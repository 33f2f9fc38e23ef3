"""`chat.*` and `reactions.*`: what a bot says, and what it does to what was said."""

from collections.abc import Mapping
from typing import Final

from tests.fakes.slack import events
from tests.fakes.slack.messages import as_json, content, updated
from tests.fakes.slack.rates import POSTS_PER_MINUTE, SPECIAL, TIER_2, TIER_3, TIER_4
from tests.fakes.slack.web_request import Method, Refused, Request
from tests.fakes.slack.world import Channel, Json, Message


def _writable(request: Request) -> Channel:
    """Where the bot may post."""
    channel = request.channel()
    if channel.is_archived:
        raise Refused("is_archived")
    if request.bot.id not in channel.members and "chat:write.public" not in request.scopes:
        raise Refused("not_in_channel")
    return channel


def _thread_ts(request: Request, channel: Channel) -> str | None:
    """The root of the thread to reply in; a reply's own time stamp leads to its root."""
    wanted = request.text("thread_ts")
    if wanted is None:
        return None
    found = request.world.root_of(channel.id, wanted)
    if found is None:
        raise Refused("thread_not_found")
    return found


def post_message(request: Request) -> Json:
    channel = _writable(request)
    state = content(request, is_update=False)
    message = Message(
        channel,
        request.world.next_ts(),
        request.bot.id,
        [state],
        _thread_ts(request, channel),
        request.installation.bot_id,
    )
    request.world.add(message)
    request.world.publish(channel.team, events.posted(request.world, message))
    shown = as_json(request.world, message)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def post_ephemeral(request: Request) -> Json:
    channel = _writable(request)
    user = request.user()
    if user.id not in channel.members:
        raise Refused("user_not_in_channel")
    state = content(request, is_update=False)
    thread = _thread_ts(request, channel)
    stamp = request.world.next_ts()
    message = Message(channel, stamp, request.bot.id, [state], thread)
    message.bot_id = request.installation.bot_id
    message.ephemeral_to = user.id
    request.world.add(message)
    return {"message_ts": stamp}


def _own_message(request: Request, error: str) -> Message:
    channel = request.channel()
    stamp = request.required("ts")
    message = request.world.message(channel.id, stamp)
    if message is None:
        raise Refused("message_not_found")
    if message.user != request.bot.id:
        raise Refused(error)
    return message


def update(request: Request) -> Json:
    message = _own_message(request, "cant_update_message")
    if message.channel.is_archived:
        raise Refused("is_inactive")
    before = message.now
    message.history.append(updated(request, before))
    channel, shown = message.channel, as_json(request.world, message)
    request.world.publish(channel.team, events.changed(request.world, message, before))
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(request: Request) -> Json:
    message = _own_message(request, "cant_delete_message")
    message.deleted_at = request.world.clock.monotonic()
    event = events.deleted(request.world, message)
    request.world.publish(message.channel.team, event)
    return {"channel": message.channel.id, "ts": message.ts}


def get_permalink(request: Request) -> Json:
    channel = request.channel()
    stamp = request.required("message_ts")
    if request.world.message(channel.id, stamp) is None:
        raise Refused("message_not_found")
    domain = request.world.teams[channel.team].domain
    link = f"https://{domain}.slack.com/archives/{channel.id}/p{stamp.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def _reaction(request: Request) -> tuple[Message, str]:
    channel = request.channel()
    stamp, name = request.required("timestamp"), request.required("name").strip(":")
    message = request.world.message(channel.id, stamp)
    if message is None:
        raise Refused("message_not_found")
    request.need_membership(channel)
    return message, name


def add_reaction(request: Request) -> Json:
    message, name = _reaction(request)
    by = message.reactions.setdefault(name, set())
    if request.bot.id in by:
        raise Refused("already_reacted")
    by.add(request.bot.id)
    return {}


def remove_reaction(request: Request) -> Json:
    message, name = _reaction(request)
    if request.bot.id not in message.reactions.get(name, set()):
        raise Refused("no_reaction")
    message.reactions[name].discard(request.bot.id)
    if not message.reactions[name]:
        del message.reactions[name]
    return {}


_WRITE = ("chat:write",)
METHODS: Final[Mapping[str, Method]] = {
    "chat.postMessage": Method(post_message, POSTS_PER_MINUTE, _WRITE),
    "chat.postEphemeral": Method(post_ephemeral, TIER_4, _WRITE),
    "chat.update": Method(update, TIER_3, _WRITE),
    "chat.delete": Method(delete, TIER_3, _WRITE),
    "chat.getPermalink": Method(get_permalink, SPECIAL),
    "reactions.add": Method(add_reaction, TIER_3, ("reactions:write",)),
    "reactions.remove": Method(remove_reaction, TIER_2, ("reactions:write",)),
}

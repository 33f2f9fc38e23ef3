"""What an app says by the acknowledgement of a command, or to a `response_url`."""

from typing import Any, Final

from aiohttp import web

from tests.fakes.slack import limits
from tests.fakes.slack.messages import with_ids
from tests.fakes.slack.world import Channel, Json, Message, ResponseUrl, State, User, World

USES_MAX: Final = 5


class NotShown(Exception):
    """Slack would show an error, or nothing, instead of what the app acknowledged with."""


def answer_command(world: World, channel: Channel, user: User, ack: Any) -> Message | None:
    """Show it: to the person alone, unless it says `in_channel`."""
    body = {"text": ack} if isinstance(ack, str) else ack
    if not isinstance(body, dict) or not (body.get("text") or body.get("blocks")):
        return None
    if complaints := limits.validate(body.get("blocks") or []):
        raise NotShown(f"A command was answered with blocks that are none: {complaints}")
    return _post(world, channel, user.id, body, via="ack")


def _post(world: World, channel: Channel, user: str, body: Json, *, via: Any) -> Message:
    installation = world.installation(channel.team)
    message = Message(
        channel,
        world.next_ts(),
        "" if installation is None else installation.bot_user,
        [_state(world, body)],
        body.get("thread_ts"),
        None if installation is None else installation.bot_id,
    )
    message.via = via
    if body.get("response_type") != "in_channel":
        message.ephemeral_to = user
    return world.add(message)


def _state(world: World, body: Json) -> State:
    blocks = with_ids(world, body.get("blocks") or [])
    now = world.clock.monotonic()
    return State(now, body.get("text") or "", blocks, body.get("attachments") or [])


async def answer_response_url(world: World, request: web.Request) -> web.Response:
    """A post to a `response_url`: five within thirty minutes."""
    url = world.response_urls.get(request.match_info["name"])
    if url is None:
        return _refused(404, "no_active_hooks")
    if url.expires_at < world.clock.monotonic():
        return _refused(404, "expired_url")
    if url.uses >= USES_MAX:
        return _refused(404, "used_url")
    try:
        body = await request.json()
    except ValueError:
        body = None
    if (error := _complaint(body)) is not None:
        return _refused(400, error)
    url.uses += 1
    _take(world, url, body)
    return web.json_response({"ok": True})


def _complaint(body: Any) -> str | None:
    if not isinstance(body, dict):
        return "invalid_payload"
    if limits.validate(body.get("blocks") or []):
        return "invalid_blocks"
    if not (body.get("text") or body.get("blocks") or body.get("delete_original")):
        return "no_text"
    return None


def _take(world: World, url: ResponseUrl, body: Json) -> None:
    original = url.message
    if original is not None and body.get("delete_original"):
        original.deleted_at = world.clock.monotonic()
    elif original is not None and body.get("replace_original"):
        original.history.append(_state(world, body))
    else:
        _post(world, url.channel, url.user, body, via="response_url")


def _refused(status: int, error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)

"""`conversations.*`, `users.info` and `agents.sessions.*`."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.fakes.slack.messages import as_json
from tests.fakes.slack.rates import TIER_3, TIER_4
from tests.fakes.slack.web_request import Method, Refused, Request
from tests.fakes.slack.world import Channel, Json, Message, Session

STATUSES: Final = ("processing", "active", "suspended", "closed")
TITLE_CHARS: Final = 200
PAGE: Final = 100


def open_conversation(request: Request) -> Json:
    if request.text("channel"):
        channel = request.channel()
        return {"channel": {"id": channel.id}, "no_op": True, "already_open": True}
    names = [name.strip() for name in request.required("users").split(",")]
    if len(names) > 8:
        raise Refused("too_many_users")
    request.need_scope("im:write" if len(names) == 1 else "mpim:write")
    users = [request.world.users.get(name) for name in names]
    known = [user for user in users if user is not None]
    if len(known) != len(names):
        raise Refused("user_not_found")
    if any(user.has_left for user in known):
        raise Refused("user_disabled")
    if len(known) == 1:
        channel = request.world.direct_channel(known[0], request.bot.id)
    else:
        members = {request.bot.id, *names}
        name = request.world.next_id("G")
        channel = Channel(name, request.team.id, f"mpdm-{name}", "mpim", members)
        request.world.channels[name] = channel
    found = _shown(request, channel) if request.flag("return_im") else {"id": channel.id}
    return {"channel": found}


def _shown(request: Request, channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_private": not channel.is_open,
        "is_archived": channel.is_archived,
        "is_member": request.bot.id in channel.members,
        "is_ext_shared": bool(channel.shared_with),
        "context_team_id": channel.team,
    }


def info(request: Request) -> Json:
    channel = request.channel()
    request.need_scope_of(channel, "read")
    return {"channel": _shown(request, channel)}


def history(request: Request) -> Json:
    """Newest first; from `oldest` on without `latest`, the pages go forward."""
    channel = request.channel()
    request.need_scope_of(channel, "history")
    request.need_membership(channel)
    roots = [m for m in request.world.visible(channel.id) if m.root_ts == m.ts]
    fits = [m for m in roots if _is_asked_for(request, m)]
    if request.text("oldest") and not request.text("latest"):
        answer = _page(request, fits)
        answer["messages"].reverse()
        return answer
    return _page(request, list(reversed(fits)))


def replies(request: Request) -> Json:
    """Oldest first, and the thread's first message in any case."""
    channel = request.channel()
    request.need_scope_of(channel, "history")
    request.need_membership(channel)
    root = request.world.root_of(channel.id, request.required("ts"))
    if root is None:
        raise Refused("thread_not_found")
    thread = request.world.thread(channel.id, root)
    return _page(request, [m for m in thread if m.ts == root or _is_asked_for(request, m)])


def _page(request: Request, messages: Sequence[Message]) -> Json:
    """A page by cursor."""
    start, most = int(request.text("cursor") or 0), int(request.text("limit") or PAGE)
    more = start + most < len(messages)
    page = [_found(request, message) for message in messages[start : start + most]]
    cursor = {"response_metadata": {"next_cursor": str(start + most)}} if more else {}
    return {"messages": page, "has_more": more, **cursor}


def _found(request: Request, message: Message) -> Json:
    shown = as_json(request.world, message)
    if request.flag("include_all_metadata") and message.now.metadata is not None:
        shown["metadata"] = message.now.metadata
    return shown


def _is_asked_for(request: Request, message: Message) -> bool:
    """It lies between `oldest` and `latest`."""
    ts, low = float(message.ts), float(request.text("oldest") or 0)
    high = float(request.text("latest") or "inf")
    return low <= ts <= high if request.flag("inclusive") else low < ts < high


def user_info(request: Request) -> Json:
    user = request.user()
    if user.team not in request.installation.teams:
        visible = [c for c in request.world.channels.values() if user.id in c.members]
        if not any(request.bot.id in c.members for c in visible):
            raise Refused("user_not_visible")
    profile = {"real_name": user.name, "display_name": user.name}
    if user.email is not None and "users:read.email" in request.scopes:
        profile["email"] = user.email
    shown = {
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "real_name": user.name,
        "deleted": user.has_left,
        "is_bot": user.is_bot,
        "is_admin": user.is_admin,
        "is_restricted": user.is_guest,
        "is_stranger": user.team not in request.installation.teams,
        "tz": "Europe/Berlin",
        "profile": profile,
    }
    return {"user": shown}


# --- sessions of an agent ---------------------------------------------------------------------


def _place(request: Request) -> tuple[Channel, str]:
    if not request.world.is_agent:
        raise Refused("not_authorized")
    channel = request.channel("channel_id")
    request.need_membership(channel)
    stamp = request.required("thread_ts")
    if request.world.message(channel.id, stamp) is None:
        raise Refused("thread_not_found")
    return channel, stamp


def set_status(request: Request) -> Json:
    channel, stamp = _place(request)
    status, title = request.required("status"), request.text("title")
    if status not in STATUSES or len(title or "") > TITLE_CHARS:
        raise Refused("invalid_arguments")
    key = (channel.id, stamp)
    session = request.world.sessions.get(key)
    now = request.world.clock.monotonic()
    if session is None:
        session = request.world.sessions[key] = Session(channel.id, stamp, title, [])
    session.history.append((now, status))
    answer: Json = {"status": status, "agent_status": status, "title": session.title}
    if status == "processing" and "agent_session_stopped" not in request.subscriptions:
        answer["warning"] = "missing_agent_session_stopped_event_subscription"
    return answer


def rename(request: Request) -> Json:
    channel, stamp = _place(request)
    title = request.required("title")
    session = request.world.sessions.get((channel.id, stamp))
    if session is None:
        raise Refused("session_not_found")
    if len(title) > TITLE_CHARS:
        raise Refused("invalid_arguments")
    session.title = title
    return {"title": title}


_WRITE = ("chat:write",)
METHODS: Final[Mapping[str, Method]] = {
    "conversations.open": Method(open_conversation, TIER_3),
    "conversations.info": Method(info, TIER_3),
    "conversations.history": Method(history, TIER_3),
    "conversations.replies": Method(replies, TIER_3),
    "users.info": Method(user_info, TIER_4, ("users:read",)),
    "agents.sessions.setStatus": Method(set_status, TIER_3, _WRITE),
    "agents.sessions.rename": Method(rename, TIER_3, _WRITE),
}

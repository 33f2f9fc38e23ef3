"""`files.*`: what `files_upload_v2` goes through, and `files.info`."""

from collections.abc import Mapping
from typing import Final

from tests.fakes.slack import events
from tests.fakes.slack.rates import TIER_4
from tests.fakes.slack.web_request import Method, Refused, Request
from tests.fakes.slack.world import Channel, File, Json, Message, State


def get_upload_url(request: Request) -> Json:
    name, length = request.required("filename"), request.required("length")
    if not length.isdecimal() or int(length) == 0:
        raise Refused("invalid_arguments")
    file = File(request.world.next_id("F"), request.team.id, name, int(length), request.bot.id)
    request.world.files[file.id] = file
    return {"upload_url": f"{request.world.base_url}/upload/{file.id}", "file_id": file.id}


def complete_upload(request: Request) -> Json:
    """Shares what was uploaded. As with the real one, the answer says nothing of where."""
    wanted = request.structure("files")
    if not isinstance(wanted, list) or not wanted:
        raise Refused("invalid_arguments")
    files = []
    for one in wanted:
        file = request.world.files.get(one["id"])
        if file is None or file.content is None or file.is_complete:
            raise Refused("file_not_found")
        file.title = one.get("title") or file.name
        files.append(file)
    channels = [_shareable(request, name) for name in _channels(request)]
    for file in files:
        file.is_complete = True
    for channel in channels:
        _share(request, files, channel)
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


def _channels(request: Request) -> list[str]:
    one, several = request.text("channel_id"), request.text("channels")
    return [one] if one else (several.split(",") if several else [])


def _shareable(request: Request, name: str) -> Channel:
    found = request.world.channels.get(name)
    if found is None or found.team not in request.installation.teams:
        raise Refused("channel_not_found")
    if request.bot.id not in found.members:
        raise Refused("not_in_channel" if found.is_open else "channel_not_found")
    if found.is_archived:
        raise Refused("is_archived")
    return found


def _share(request: Request, files: list[File], channel: Channel) -> None:
    world = request.world
    text = request.text("initial_comment") or ""
    message = Message(
        channel,
        world.next_ts(),
        request.bot.id,
        [State(world.clock.monotonic(), text)],
        request.text("thread_ts"),
        request.installation.bot_id,
        "file_share",
    )
    message.files.extend(files)
    for file in files:
        file.shared_in.append(message)
    world.add(message)
    world.publish(channel.team, events.posted(world, message))


def file_info(request: Request) -> Json:
    file = request.world.files.get(request.required("file"))
    if file is None or file.team not in request.installation.teams:
        raise Refused("file_not_found")
    shares: dict[str, Json] = {"public": {}, "private": {}}
    for message in file.shared_in:
        where = shares["public" if message.channel.is_open else "private"]
        where[message.channel.id] = [{"ts": message.ts, "thread_ts": message.thread_ts}]
    shown = {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "size": file.length,
        "user": file.owner,
        "shares": shares,
    }
    return {"file": shown}


_WRITE = ("files:write",)
METHODS: Final[Mapping[str, Method]] = {
    "files.getUploadURLExternal": Method(get_upload_url, TIER_4, _WRITE),
    "files.completeUploadExternal": Method(complete_upload, TIER_4, _WRITE),
    "files.info": Method(file_info, TIER_4, ("files:read",)),
}

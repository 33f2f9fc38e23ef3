"""Messages as Slack judges, keeps and shows them."""

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from tests.fakes.slack import limits
from tests.fakes.slack.web_request import Refused, Request
from tests.fakes.slack.world import Json, Message, State, World


def content(request: Request, *, is_update: bool) -> State:
    """What a call wants to be shown. Raises: Refused, by the first limit it breaks."""
    text, markdown = request.text("text") or "", request.text("markdown_text")
    blocks = request.structure("blocks", "invalid_blocks_format")
    attached = attachments(request)
    if markdown is not None:
        if text or blocks:
            raise Refused("markdown_text_conflict")
        if len(markdown) > limits.MARKDOWN_CHARS:
            raise Refused("msg_too_long")
        blocks = [{"type": "markdown", "text": markdown}]
    if blocks is not None and not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if not text and not blocks and not attached:
        raise Refused("no_text")
    if is_update and limits.text_bytes(text) > limits.UPDATE_TEXT_BYTES:
        raise Refused("msg_too_long")
    stored = _blocks(request.world, blocks or [])
    now = request.world.clock.monotonic()
    return State(now, text[: limits.POST_TEXT_CHARS], stored, attached, metadata(request))


def updated(request: Request, before: State) -> State:
    """The same for an edit: what is left out stays, blocks only as long as no text is given."""
    given = set(request.args)
    if given & {"text", "blocks", "markdown_text"}:
        state = content(request, is_update=True)
    elif given & {"attachments", "metadata"}:
        now = request.world.clock.monotonic()
        attached, noted = attachments(request), metadata(request)
        state = replace(before, at=now, attachments=attached, metadata=noted)
    else:
        raise Refused("no_text")
    if "attachments" not in given:
        state = replace(state, attachments=before.attachments)
    if "metadata" not in given:
        state = replace(state, metadata=before.metadata)
    return replace(state, edited_ts=before.edited_ts if state.blocks else request.world.next_ts())


def attachments(request: Request) -> list[Json]:
    given = request.structure("attachments", "invalid_attachments") or []
    if not isinstance(given, list):
        raise Refused("invalid_attachments")
    if len(given) > limits.ATTACHMENTS_MAX:
        raise Refused("too_many_attachments")
    return given


def _blocks(world: World, blocks: Sequence[Json]) -> list[Json]:
    if complaints := limits.validate(blocks):
        raise invalid("invalid_blocks", complaints)
    if limits.weight(blocks) > limits.WEIGHT_MAX:
        raise Refused("msg_blocks_too_long")
    return with_ids(world, blocks)


def invalid(error: str, complaints: Sequence[str]) -> Refused:
    said = [f"[ERROR] {what}" for what in complaints]
    return Refused(error, errors=list(complaints), response_metadata={"messages": said})


def with_ids(world: World, blocks: Sequence[Json]) -> list[Json]:
    """A copy with the ids that Slack gives to what has none."""
    stored = deepcopy(list(blocks))
    for block in stored:
        if not block.get("block_id"):
            block["block_id"] = world.next_id("b")
        for element in interactive_in(block):
            if not element.get("action_id"):
                element["action_id"] = world.next_id("a")
    return stored


def interactive_in(block: Json) -> list[Json]:
    """The elements of a block that can be pressed, chosen from or written into."""
    found: list[Json] = []
    if block.get("type") in ("actions", "context_actions"):
        found += block.get("elements", [])
    if block.get("type") == "card":
        found += block.get("actions", [])
    for name in ("accessory", "element"):
        if isinstance(element := block.get(name), dict) and element.get("type") != "image":
            found.append(element)
    return found


def metadata(request: Request) -> Json | None:
    given = request.structure("metadata", "invalid_metadata_format")
    if given is None or given == {}:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("event_type"), str):
        raise Refused("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    if len(json.dumps(given).encode()) > limits.METADATA_BYTES:
        raise Refused("metadata_too_large")
    return given


# --- as JSON ----------------------------------------------------------------------------------


def as_json(world: World, message: Message, *, state: State | None = None) -> Json:
    """A message as it stands in replies, in events and in interaction payloads."""
    now = state or message.now
    shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": now.text}
    if now.blocks:
        shown["blocks"] = deepcopy(list(now.blocks))
    if now.attachments:
        shown["attachments"] = deepcopy(list(now.attachments))
    if message.thread_ts is not None:
        shown["thread_ts"] = message.thread_ts
    if message.subtype is not None:
        shown["subtype"] = message.subtype
    if now.edited_ts is not None:
        shown["edited"] = {"user": message.user, "ts": now.edited_ts}
    if message.files:
        shown["files"] = [{"id": f.id, "name": f.name, "title": f.title} for f in message.files]
    return shown | _author(world, message) | _thread(world, message)


def _author(world: World, message: Message) -> Json:
    author = world.users.get(message.user)
    team = author.team if author is not None else message.channel.team
    if message.bot_id is None:
        whose = {"team": team, "client_msg_id": f"c-{message.ts}"}
        is_guest = team != message.channel.team
        return whose | ({"user_team": team, "source_team": team} if is_guest else {})
    ours = world.installation(message.channel.team)
    is_ours = ours is not None and ours.bot_id == message.bot_id
    app, name = (world.app_id, "zapdev") if is_ours else ("AOTHER", message.user)
    profile = {"id": message.bot_id, "app_id": app, "name": name, "team_id": team}
    return {"team": team, "bot_id": message.bot_id, "app_id": app, "bot_profile": profile}


def _thread(world: World, message: Message) -> Json:
    """What the first message of a thread says about its replies, or a reply about the first."""
    if message.thread_ts not in (None, message.ts):
        root = world.message(message.channel.id, message.thread_ts or "")
        return {} if root is None else {"parent_user_id": root.user}
    replies = [m for m in world.thread(message.channel.id, message.ts) if m is not message]
    if not replies:
        return {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": sorted({m.user for m in replies}),
        "latest_reply": replies[-1].ts,
    }


_CONTROL = re.compile(r"<([^<>\s]+)>")


def rich_text(text: str) -> Json:
    """The block that Slack makes of what a person types."""
    elements: list[Json] = []
    for number, part in enumerate(_CONTROL.split(text)):
        if number % 2 == 0:
            elements += [{"type": "text", "text": part}] if part else []
        elif part.startswith("@"):
            elements.append({"type": "user", "user_id": part[1:]})
        elif part.startswith("#"):
            elements.append({"type": "channel", "channel_id": part[1:].partition("|")[0]})
        else:
            elements.append({"type": "link", "url": part.partition("|")[0]})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}

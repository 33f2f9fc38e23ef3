"""Block Kit as plain objects: one function per block and element we use. Pure.

Words that go in are ready for their place: escaped where it says mrkdwn, else anything.
`verbatim` keeps Slack from making links and mentions out of words by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.render.slack_text import ELLIPSIS, clip_plain, is_link, label, plain

Block = dict[str, Any]
View = dict[str, Any]
Style = Literal["primary", "danger"]
CardStatus = Literal["pending", "in_progress", "complete", "error"]

MAX_TEXT_BYTES = 3_000
MAX_SECTION = 3_000
MAX_BUTTON = 75
MAX_VIEW_TITLE = 24
MAX_HEADER = 150


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """What is sent: `text` for notifications, screen readers and old clients, and the blocks.

    `is_private`: in a thread it is for the person alone, and once is enough, unless `is_repeated`.
    """

    text: str
    blocks: list[Block] = field(default_factory=list)
    is_private: bool = False
    is_repeated: bool = False


def mrkdwn(words: str) -> Block:
    """A text object that Slack formats; `words` are escaped but for what we made live."""
    return {"type": "mrkdwn", "text": words, "verbatim": True}


def plain_text(words: str, limit: int) -> Block:
    """A text object that Slack does not format."""
    return {"type": "plain_text", "text": label(words, limit), "emoji": False}


def header(words: str, block_id: str | None = None) -> Block:
    return _named({"type": "header", "text": plain_text(words, MAX_HEADER)}, block_id)


def section(words: str, block_id: str | None = None, *, accessory: Block | None = None) -> Block:
    """A paragraph of mrkdwn."""
    block = _named({"type": "section", "text": mrkdwn(words)}, block_id)
    return block | {"accessory": accessory} if accessory else block


def plain_section(words: str, block_id: str, limit: int = MAX_SECTION) -> Block:
    """A paragraph that Slack does not format; its line ends stay."""
    shown = clip_plain(plain(words).strip(), limit) or ELLIPSIS
    text = {"type": "plain_text", "text": shown, "emoji": False}
    return {"type": "section", "text": text, "block_id": block_id}


def context(words: str, block_id: str | None = None) -> Block:
    """A small grey line of mrkdwn."""
    return _named({"type": "context", "elements": [mrkdwn(words)]}, block_id)


def divider() -> Block:
    return {"type": "divider"}


def actions(elements: Sequence[Block], block_id: str | None = None) -> Block:
    return _named({"type": "actions", "elements": list(elements)}, block_id)


def button(
    words: str,
    action_id: str,
    value: str = "",
    *,
    url: str | None = None,
    style: Style | None = None,
    confirm: Block | None = None,
) -> Block:
    """A button; one with an address opens it, and is reported all the same."""
    made: Block = {
        "type": "button",
        "text": plain_text(words, MAX_BUTTON),
        "action_id": action_id,
    }
    if value:
        made["value"] = value
    if is_link(url):
        made["url"] = url
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def confirm(title: str, words: str, *, yes: str, no: str, style: Style | None = None) -> Block:
    """The question before a button acts."""
    asked: Block = {
        "title": plain_text(title, 100),
        "text": plain_text(words, 300),
        "confirm": plain_text(yes, 30),
        "deny": plain_text(no, 30),
    }
    return asked | {"style": style} if style else asked


def rich_line(words: str) -> Block:
    """One line of rich text, as details of a task card are."""
    text = {"type": "text", "text": words}
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [text]}],
    }


def picture(file_id: str, words: str, block_id: str | None = None) -> Block:
    """An image that was uploaded to Slack; `words` stand for it where it is not seen."""
    block = {"type": "image", "slack_file": {"id": file_id}, "alt_text": label(words, 300)}
    return _named(block, block_id)


def option(words: str, value: str) -> Block:
    return {"text": plain_text(words, MAX_BUTTON), "value": value}


def modal(
    title: str,
    blocks: Sequence[Block],
    *,
    callback_id: str,
    submit: str | None = None,
    close: str = "Close",
    about: str = "",
) -> View:
    """A modal. `about` is an id that comes back with it; state lives in the store."""
    view: View = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain_text(title, MAX_VIEW_TITLE),
        "close": plain_text(close, MAX_VIEW_TITLE),
        "blocks": list(blocks),
    }
    if submit:
        view["submit"] = plain_text(submit, MAX_VIEW_TITLE)
    if about:
        view["private_metadata"] = about
    return view


def _named(block: Block, block_id: str | None) -> Block:
    return block | {"block_id": block_id} if block_id else block

"""Finds what is live in a message: mentions, links and broadcasts, and who made them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

OURS = re.compile(r"<(?:@U0[A-Z]+|https?://[^|>\s]+\|[^<>|]+|!date\^\d+\^[^|<>]+\|[^<>|]+)>")
"""What we make live ourselves; in tests foreign words never spell it (see `HOSTILE`)."""

BROADCAST = re.compile(r"@(?:channel|here|everyone|group)", re.IGNORECASE)
ADDRESS = re.compile(r"[a-z]+://|www\.\w", re.IGNORECASE)
MARKUP = re.compile(r"<(?:[!@#]|/?[a-z][a-z0-9+.-]*:)", re.IGNORECASE)
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2061-\u206f\ufeff\ud800-\udfff]"
)
NOT_SHOWN = {"type", "block_id", "action_id", "task_id", "status", "value", "url", "style"}
NOT_SHOWN |= {"callback_id", "private_metadata", "initial_value", "id", "verbatim", "emoji"}


def mrkdwn_of(value: Any) -> Iterator[str]:
    """Each text that Slack formats."""
    if isinstance(value, Mapping):
        if value.get("type") == "mrkdwn":
            assert value["verbatim"] is True
            yield value["text"]
        for part in value.values():
            yield from mrkdwn_of(part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from mrkdwn_of(part)


def plain_of(value: Any) -> Iterator[str]:
    """Each text that Slack shows as it is."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        if value.get("type") != "mrkdwn":
            for name, part in value.items():
                if name not in NOT_SHOWN:
                    yield from plain_of(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from plain_of(part)


def complaints(text: str, blocks: Any) -> list[str]:
    """What is live and not ours, or would break the place it stands in."""
    found = [f"text: {said}" for said in _in_mrkdwn(text, is_verbatim=False)]
    found += [f"{m!r}: {said}" for m in mrkdwn_of(blocks) for said in _in_mrkdwn(m)]
    found += [f"{p!r}: {said}" for p in plain_of(blocks) for said in _in_plain(p)]
    return found


def _in_mrkdwn(words: str, *, is_verbatim: bool = True) -> Iterator[str]:
    rest = OURS.sub("", words)
    if "<" in rest or ">" in rest:
        yield "a sign of markup that is not ours"
    if re.search("&(?!(?:amp|lt|gt);)", rest):
        yield "an entity that is cut"
    if words.count("```") % 2:
        yield "a code block that does not end"
    prose = "".join(rest.split("```")[::2])  # in code Slack looks for nothing
    if BROADCAST.search(prose):
        yield "a broadcast"
    if ADDRESS.search(prose):
        yield "an address that Slack links"
    if not is_verbatim and re.search(r"\w\.[a-z]{2,}\b(?!\d)", prose.replace("Next.js", "")):
        yield "a name that Slack links"
    yield from _unseen(words)


def _in_plain(words: str) -> Iterator[str]:
    if MARKUP.search(words):
        yield "markup"
    if BROADCAST.search(words):
        yield "a broadcast"
    yield from _unseen(words)


def _unseen(words: str) -> Iterator[str]:
    if found := UNSEEN.search(words):
        yield f"an unseen character {found[0]!r}"

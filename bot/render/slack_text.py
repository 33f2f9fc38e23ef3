"""Foreign words made safe for Slack. Pure.

Whatever was not written by us (prompts, names of files, words of a model, findings) goes through
one of three doors: `escape` for mrkdwn, `plain` for what Slack shows as it is, `fence` for code.
Then it can ping nobody, link nowhere, and not break out of the place it was given.

A word joiner (U+2060) is put where Slack would begin a mention, a link or an emoji. It is not
seen, and foreign ones are taken out first, so that each one is ours.
"""

import re
from collections.abc import Iterator

JOINER = "\u2060"
ELLIPSIS = "…"
MAX_BYTES = 3_000
MAX_URL = 800
"""Slack takes longer ones; a message with several would come near its limit."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Controls, signs that turn the writing round, and blanks of no width.

The two joiners that emoji and some scripts need (U+200C, U+200D) stay.
"""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ENTITY_TABLE = str.maketrans(_ENTITIES)
_PIECE = re.compile("&(?:amp|lt|gt);|.", re.DOTALL)
_LOOK_ALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "'"})
_UNDERSCORE = re.compile("(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LIVE = re.compile(
    r"[@#](?=\S)"  # a person, a channel, everybody
    r"|:(?=[\w+'-]+:)"  # an emoji
    r"|:(?=//)|(?<=www)(?=\.)"  # a link
    r"|^(?=&gt;)",  # a quotation
    re.MULTILINE | re.IGNORECASE,
)
_LIVE_IN_PLAIN = re.compile(
    r"<(?=[!@#]|/?[a-z][a-z0-9+.-]*:)|&(?=(?:amp|lt|gt);)|@(?=channel|here|everyone|group)"
    r"|:(?=[\w+'-]+:)",
    re.IGNORECASE,
)
_DOMAIN_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_ADJOINING_TICK = re.compile("`(?=`)")
_URL = re.compile(r"https?://(?:(?![<>|\"'`\\^{}])[!-~])+", re.IGNORECASE)
_USER = re.compile("[UW][A-Z0-9]{1,30}")
_BLANK = "\u200c\u200d\ufe0f"


def clean(text: str) -> str:
    """Without control characters and what else cannot be seen; lines end in a line feed."""
    text = _LINE_END.sub("\n", _SURROGATE.sub("\ufffd", text))
    return _UNSEEN.sub("", text)


def one_line(text: str) -> str:
    """`clean`, with every white space one blank; empty when nothing is to be seen."""
    line = " ".join(clean(text).split())
    return line if line.strip(_BLANK + " ") else ""


def escape(text: str, max_bytes: int = MAX_BYTES) -> str:
    """Foreign words for a mrkdwn field, where they show as they are and do nothing.

    Signs of formatting become their look-alikes. The result is at most `max_bytes` of UTF-8.
    """
    text = clean(text)[: max_bytes + 1]  # each character makes at least one byte
    text = text.translate(_LOOK_ALIKES).translate(_ENTITY_TABLE)
    text = _LIVE.sub(rf"\g<0>{JOINER}", _UNDERSCORE.sub("ˍ", text))
    return clip(text, max_bytes)


def escape_line(text: str, max_bytes: int = MAX_BYTES) -> str:
    """`escape`, on one line."""
    return escape(one_line(text), max_bytes)


def notification(text: str, max_bytes: int = MAX_BYTES) -> str:
    """`escape` for a message's `text`, where Slack links bare names such as `evil.com` too."""
    return clip(_DOMAIN_DOT.sub(f"{JOINER}.", escape_line(text, max_bytes)), max_bytes)


def plain(text: str) -> str:
    """Foreign words for a field that Slack shows as it is: plain text, titles, rich text.

    Whether Slack reads entities there is not written down, so what would be live or an entity
    is only broken up, and everything else stays.
    """
    return _LIVE_IN_PLAIN.sub(rf"\g<0>{JOINER}", clean(text))


def label(text: str, limit: int) -> str:
    """`plain` on one line, at most `limit` long however Slack counts, and never empty."""
    return clip_plain(plain(one_line(text)), limit) or ELLIPSIS


def fence(code: str) -> str:
    """A code block of mrkdwn that cannot be closed from inside. It is not clipped."""
    return f"```\n{_in_fence(code)}\n```"


def fences(code: str, max_bytes: int) -> Iterator[str]:
    """A long text as code blocks of at most `max_bytes` each, cut between its lines.

    A line that is longer is cut in the line.
    """
    room = max_bytes - len(fence("").encode())
    held: list[str] = []
    used = 0
    for line in _in_fence(code).split("\n"):
        for piece in _pieces(line, room):
            size = len(piece.encode()) + 1
            if held and used + size > room:
                yield "```\n" + "\n".join(held) + "\n```"
                held, used = [], 0
            held.append(piece)
            used += size
    yield "```\n" + "\n".join(held) + "\n```"


def clip(escaped: str, max_bytes: int) -> str:
    """Escaped words of at most `max_bytes` of UTF-8. No entity and no character is cut."""
    if len(escaped) * 4 <= max_bytes or len(escaped.encode()) <= max_bytes:
        return escaped
    kept = next(_pieces(escaped, max_bytes - len(ELLIPSIS.encode())), "")
    return kept.rstrip(_BLANK + JOINER + " \n") + ELLIPSIS


def clip_plain(text: str, limit: int) -> str:
    """Plain words of at most `limit` characters, where an entity counts whole."""
    used = 0
    for at, sign in enumerate(text):
        used += len(_ENTITIES.get(sign, sign)) + (ord(sign) > 0xFFFF)
        if used > limit:
            return _shortened(text[: at + 1], limit)
    return text


def link(url: str, words: str) -> str | None:
    """A link to an address that we made; None when it cannot be one."""
    if not is_link(url):
        return None
    return f"<{url.replace('&', '&amp;')}|{escape_line(words).replace('|', '¦')}>"


def is_link(url: str | None) -> bool:
    """Whether it is an http address that Slack takes, and that nothing can break out of."""
    if url is None or _URL.fullmatch(url) is None:
        return False
    return len(url.replace("&", "&amp;")) <= MAX_URL


def mention(user_id: str | None) -> str | None:
    """A live mention of one person, by a Slack user's id that we know."""
    return f"<@{user_id}>" if user_id is not None and _USER.fullmatch(user_id) else None


def _in_fence(code: str) -> str:
    return _ADJOINING_TICK.sub(f"`{JOINER}", clean(code)).translate(_ENTITY_TABLE)


def _pieces(escaped: str, max_bytes: int) -> Iterator[str]:
    """The text in pieces of at most `max_bytes`; an empty text is one empty piece."""
    start = used = 0
    for found in _PIECE.finditer(escaped):
        size = len(found[0].encode())
        if used + size > max_bytes:
            yield escaped[start : found.start()]
            start, used = found.start(), 0
        used += size
    yield escaped[start:]


def _shortened(text: str, limit: int) -> str:
    used, end = len(ELLIPSIS), 0
    for sign in text:
        used += len(_ENTITIES.get(sign, sign)) + (ord(sign) > 0xFFFF)
        if used > limit:
            break
        end += 1
    return text[:end].rstrip(_BLANK + JOINER + " ") + ELLIPSIS

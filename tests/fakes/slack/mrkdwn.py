"""Slack's mrkdwn and Markdown as HTML, near enough to look at. Pure."""

import re
from collections.abc import Callable
from html import escape, unescape
from typing import Final

_EMOJI: Final = {
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "warning": "⚠️",
    "hourglass_flowing_sand": "⏳",
    "stopwatch": "⏱️",
    "rocket": "🚀",
    "sparkles": "✨",
    "tada": "🎉",
    "wave": "👋",
    "eyes": "👀",
    "link": "🔗",
    "hammer_and_wrench": "🛠️",
    "zap": "⚡",
    "thumbsup": "👍",
    "thumbsdown": "👎",
    "+1": "👍",
    "-1": "👎",
}
_FENCE = re.compile(r"```(?:\w*\n)?(.*?)```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_CONTROL = re.compile(r"<([^<>\s][^<>]*)>")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")
_COLON = re.compile(r":([a-z0-9_+-]+):")
_HEADING = re.compile(r"#{1,6} +(.*)")
_BULLET = re.compile(r"[-*+] +(.*)")
_NUMBER = re.compile(r"(\d+)[.)] +(.*)")

Style = Callable[[str], str]


class _Kept:
    """Pieces of finished HTML, kept out of the way while the text around them is styled."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def keep(self, html: str) -> str:
        self._pieces.append(html)
        return f"\x00{len(self._pieces) - 1}\x00"

    def put_back(self, text: str) -> str:
        return re.sub(r"\x00(\d+)\x00", lambda m: self.put_back(self._pieces[int(m[1])]), text)


def emoji(text: str) -> str:
    """`:rocket:` as a character; what is not known stays as it is written."""
    return _COLON.sub(lambda m: _EMOJI.get(m[1], m[0]), text)


def plain(text: str) -> str:
    return escape(emoji(unescape(text))).replace("\n", "<br>")


def mrkdwn(text: str) -> str:
    kept = _Kept()
    text = _FENCE.sub(lambda m: kept.keep(f"<pre>{_code(m[1])}</pre>"), text)
    text = _CODE.sub(lambda m: kept.keep(f"<code>{_code(m[1])}</code>"), text)
    text = _CONTROL.sub(lambda m: kept.keep(_control(m[1])), text)
    text = escape(emoji(unescape(text)), quote=False)
    for mark, tag in (("*", "b"), ("_", "i"), ("~", "s")):
        pattern = (
            rf"(?<![\w{re.escape(mark)}]){re.escape(mark)}(\S(?:[^\n]*?\S)?){re.escape(mark)}(?!\w)"
        )
        text = re.sub(pattern, rf"<{tag}>\1</{tag}>", text)
    lines = [_quoted(line) for line in text.split("\n")]
    return kept.put_back("<br>".join(lines).replace("</blockquote><br>", "</blockquote>"))


def _code(text: str) -> str:
    return escape(unescape(text), quote=False)


def _quoted(line: str) -> str:
    quoted = line.removeprefix("&gt; ")
    return line if quoted == line else f"<blockquote>{quoted}</blockquote>"


def _control(inside: str) -> str:
    """What stands between `<` and `>`."""
    target, _, label = inside.partition("|")
    if target.startswith(("@", "#", "!")):
        shown = label or (target if target[0] != "!" else "@" + target[1:].partition("^")[0])
        prefix = "#" if label and target[0] == "#" else ""
        return f'<span class="mention">{escape(prefix + shown)}</span>'
    return _anchor(target, plain(label or target))


def _anchor(target: str, label: str) -> str:
    return f'<a href="{escape(unescape(target))}">{label}</a>'


# --- Markdown ---------------------------------------------------------------------------------


def markdown(text: str) -> str:
    """Headings, lists, code, links and emphasis."""
    kept = _Kept()
    text = _FENCE.sub(lambda m: kept.keep(f"<pre>{_code(m[1])}</pre>"), text)
    blocks = "".join(_line(line) for line in text.split("\n"))
    for kind in ("ul", "ol"):
        blocks = blocks.replace(f"</{kind}><{kind}>", "")
    return kept.put_back(blocks)


def _line(line: str) -> str:
    stripped = line.strip()
    if found := _HEADING.fullmatch(stripped):
        return f"<h4>{_emphasis(found[1])}</h4>"
    if found := _BULLET.fullmatch(stripped):
        return f"<ul><li>{_emphasis(found[1])}</li></ul>"
    if found := _NUMBER.fullmatch(stripped):
        return f'<ol><li value="{found[1]}">{_emphasis(found[2])}</li></ol>'
    return f"<p>{_emphasis(stripped)}</p>" if stripped else ""


def _emphasis(text: str) -> str:
    kept = _Kept()
    text = _CODE.sub(lambda m: kept.keep(f"<code>{_code(m[1])}</code>"), text)
    text = _LINK.sub(lambda m: kept.keep(_anchor(m[2], plain(m[1]))), text)
    text = escape(emoji(unescape(text)), quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"(?<![\w*])[*_](\S.*?)[*_](?!\w)", r"<i>\1</i>", text)
    return kept.put_back(re.sub(r"~~(.+?)~~", r"<s>\1</s>", text))

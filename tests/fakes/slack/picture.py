"""Messages and views as people would see them: an HTML page to look at in a browser.

    Path("live.html").write_text(picture.page(message))
    Path("how-it-went.html").write_text(picture.history(message))

Near enough to judge order, length, wording and tone; it is not Slack's own client.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Literal

from tests.fakes.slack.mrkdwn import mrkdwn
from tests.fakes.slack.picture_blocks import blocks_html, text_html
from tests.fakes.slack.picture_style import STYLE
from tests.fakes.slack.world import Message, State, View

Theme = Literal["light", "dark"]
BOTH: Sequence[Theme] = ("light", "dark")
DESKTOP_PX, PHONE_PX = 680, 360


@dataclass(frozen=True)
class _Frame:
    caption: str
    html: str


def page(*shown: Message | View, themes: Sequence[Theme] = BOTH, width_px: int = DESKTOP_PX) -> str:
    """Messages below each other, and views, as they are now."""
    frames = []
    messages = "".join(_message(m, m.now) for m in shown if isinstance(m, Message))
    if messages:
        frames.append(_Frame("", messages))
    frames += [_Frame("", _view(view)) for view in shown if isinstance(view, View)]
    return _document(frames, themes, width_px)


def history(message: Message, *, themes: Sequence[Theme] = ("light",), width_px: int = 480) -> str:
    """Every state of a message side by side, with the seconds since it was posted."""
    first = message.history[0].at
    frames = [
        _Frame(f"{number}. at {state.at - first:.1f} s", _message(message, state))
        for number, state in enumerate(message.history, start=1)
    ]
    return _document(frames, themes, width_px)


def _document(frames: Sequence[_Frame], themes: Sequence[Theme], width_px: int) -> str:
    inside = "".join(_framed(frame) for frame in frames)
    panels = "".join(
        f'<div class="theme {theme}"><div class="frames">{inside}</div></div>' for theme in themes
    )
    style = f"<style>{STYLE} :root {{ --width: {width_px}px; }}</style>"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Slack</title>{style}'
    return f"{head}<body>{panels}</body></html>\n"


def _framed(frame: _Frame) -> str:
    caption = f"<h2>{escape(frame.caption)}</h2>" if frame.caption else ""
    return f'<div class="frame">{caption}{frame.html}</div>'


def _message(message: Message, state: State) -> str:
    is_bot = message.bot_id is not None
    name, badge = ("Zapdev", '<span class="app">APP</span>') if is_bot else (message.user, "")
    notes = '<div class="only-you">Only visible to you</div>' if message.ephemeral_to else ""
    edited = ' <span class="edited">(edited)</span>' if state.edited_ts and not is_bot else ""
    shown = blocks_html(state.blocks) if state.blocks else f"<div>{mrkdwn(state.text)}</div>"
    posted = datetime.fromtimestamp(float(message.ts), UTC).strftime("%H:%M")
    gone = " gone" if message.is_deleted and state is message.now else ""
    return (
        f'<div class="message{gone}"><div class="avatar">{escape(name[:1])}</div>'
        f'<div class="body">{notes}<span class="who">{escape(name)}</span>{badge}'
        f'<small class="posted">{posted}</small>{shown}{edited}</div></div>'
    )


def _view(view: View) -> str:
    body = view.body
    title = f"<header>{text_html(body.get('title'))}</header>" if body.get("title") else ""
    errors = "".join(
        f'<div class="error">{escape(name)}: {escape(text)}</div>'
        for name, text in view.errors.items()
    )
    buttons = ""
    if body.get("close"):
        buttons += f"<button>{text_html(body['close'])}</button>"
    if body.get("submit"):
        buttons += f'<button class="primary">{text_html(body["submit"])}</button>'
    footer = f"<footer>{buttons}</footer>" if buttons else ""
    return f'<div class="view">{title}<main>{blocks_html(view.blocks)}{errors}</main>{footer}</div>'

"""Block Kit as HTML, one function per kind of block. Pure."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

from tests.fakes.slack.mrkdwn import emoji, markdown, mrkdwn, plain

Block = Mapping[str, Any]

_TICK = '<path d="M5.5 10.5l3 3 6-7" fill="none" stroke="#fff" stroke-width="2"/>'
_CROSS = '<path d="M6.5 6.5l7 7m0-7l-7 7" fill="none" stroke="#fff" stroke-width="2"/>'
_ICONS: Final = {
    "pending": '<circle cx="10" cy="10" r="7.5" class="ring" stroke-dasharray="3 2.2"/>',
    "in_progress": '<circle cx="10" cy="10" r="7.5" class="ring"/>'
    '<path d="M10 2.5a7.5 7.5 0 0 1 7.5 7.5" class="spin"/>',
    "complete": f'<circle cx="10" cy="10" r="8.5" class="good"/>{_TICK}',
    "error": f'<circle cx="10" cy="10" r="8.5" class="bad"/>{_CROSS}',
}


def blocks_html(blocks: Sequence[Block]) -> str:
    """Every block in its order; a kind that cannot be drawn is named."""
    return "".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    kind = str(block.get("type"))
    draw = _BLOCKS.get(kind)
    inside = f'<i class="unknown">{escape(kind)}</i>' if draw is None else draw(block)
    return f'<div class="block {escape(kind)}">{inside}</div>'


def text_html(text: Any) -> str:
    """A text object, or a string."""
    if isinstance(text, str):
        return plain(text)
    if not isinstance(text, Mapping):
        return ""
    value = str(text.get("text", ""))
    return plain(value) if text.get("type") == "plain_text" else mrkdwn(value)


# --- blocks -----------------------------------------------------------------------------------


def _section(block: Block) -> str:
    fields = "".join(f"<div>{text_html(field)}</div>" for field in block.get("fields", ()))
    text = f'<div class="text">{text_html(block.get("text"))}</div>'
    left = text + (f'<div class="fields">{fields}</div>' if fields else "")
    accessory = block.get("accessory")
    right = f'<div class="accessory">{_element(accessory)}</div>' if accessory else ""
    return f'<div class="left">{left}</div>{right}'


def _header(block: Block) -> str:
    return f"<h3>{text_html(block.get('text'))}</h3>"


def _divider(_: Block) -> str:
    return "<hr>"


def _image(block: Block) -> str:
    title = f'<div class="title">{text_html(block["title"])}</div>' if "title" in block else ""
    return title + _picture(block)


def _picture(element: Block) -> str:
    source, alt = escape(str(element.get("image_url", ""))), escape(str(element.get("alt_text")))
    return f'<img src="{source}" alt="{alt}">'


def _context(block: Block) -> str:
    parts = []
    for element in block.get("elements", ()):
        is_image = element.get("type") == "image"
        parts.append(_picture(element) if is_image else f"<span>{text_html(element)}</span>")
    return "".join(parts)


def _actions(block: Block) -> str:
    return "".join(_element(element) for element in block.get("elements", ()))


def _markdown(block: Block) -> str:
    return markdown(str(block.get("text", "")))


def _plan(block: Block) -> str:
    tasks = "".join(_task(task) for task in block.get("tasks", ()))
    return f'<div class="plan-title">{text_html(block.get("title"))}</div>{tasks}'


def _task(block: Block) -> str:
    status = str(block.get("status"))
    icon = f'<svg viewBox="0 0 20 20" class="icon {escape(status)}">{_ICONS.get(status, "")}</svg>'
    parts = [f'<div class="task-title">{text_html(block.get("title"))}</div>']
    parts += [
        f'<div class="task-{name}">{_rich_text(block[name])}</div>'
        for name in ("details", "output")
        if block.get(name)
    ]
    for source in block.get("sources", ()):
        url, text = escape(str(source.get("url"))), plain(str(source.get("text", "source")))
        parts.append(f'<a class="source" href="{url}">{text}</a>')
    return f'<div class="task">{icon}<div>{"".join(parts)}</div></div>'


def _rich_text(block: Block) -> str:
    return "".join(_rich(element) for element in block.get("elements", ()))


def _rich(element: Block) -> str:
    inside = element.get("elements", ())
    match element.get("type"):
        case "rich_text_list":
            tag = "ol" if element.get("style") == "ordered" else "ul"
            return f"<{tag}>{''.join(f'<li>{_rich(one)}</li>' for one in inside)}</{tag}>"
        case "rich_text_preformatted":
            return f"<pre>{_parts(inside)}</pre>"
        case "rich_text_quote":
            return f"<blockquote>{_parts(inside)}</blockquote>"
        case _:
            return f"<div>{_parts(inside)}</div>"


def _parts(elements: Sequence[Block]) -> str:
    return "".join(_part(element) for element in elements)


def _part(element: Block) -> str:
    kind, text = element.get("type"), str(element.get("text", ""))
    if kind == "link":
        url = str(element.get("url"))
        shown = f'<a href="{escape(url)}">{escape(text or url)}</a>'
    elif kind == "emoji":
        shown = emoji(f":{element.get('name')}:")
    elif kind in ("user", "channel", "broadcast"):
        name = element.get("user_id") or element.get("channel_id") or element.get("range")
        shown = f'<span class="mention">@{escape(str(name))}</span>'
    else:
        shown = escape(text, quote=False).replace("\n", "<br>")
    style = element.get("style") or {}
    for name, tag in (("code", "code"), ("bold", "b"), ("italic", "i"), ("strike", "s")):
        shown = f"<{tag}>{shown}</{tag}>" if style.get(name) else shown
    return shown


def _alert(block: Block) -> str:
    level = escape(str(block.get("level", "default")))
    return f'<div class="alert-{level}">{text_html(block.get("text"))}</div>'


def _input(block: Block) -> str:
    optional = ' <small class="optional">(optional)</small>' if block.get("optional") else ""
    label = f"<label>{text_html(block.get('label'))}{optional}</label>"
    hint = f"<small>{text_html(block['hint'])}</small>" if "hint" in block else ""
    return f"{label}{_element(block.get('element') or {})}{hint}"


# --- elements ---------------------------------------------------------------------------------


def _element(element: Block) -> str:
    draw = _ELEMENTS.get(str(element.get("type")))
    return _field(element) if draw is None else draw(element)


def _button(element: Block) -> str:
    style = escape(str(element.get("style", "default")))
    arrow = ' <span class="out">↗</span>' if element.get("url") else ""
    return f'<button class="{style}">{text_html(element.get("text"))}{arrow}</button>'


def _icon_button(element: Block) -> str:
    return f'<button class="icon-button">{escape(str(element.get("icon")))}</button>'


def _feedback(element: Block) -> str:
    shown = [element.get("positive_button"), element.get("negative_button")]
    return "".join(f'<button class="feedback">{_label(one)}</button>' for one in shown if one)


def _choices(element: Block) -> str:
    mark = "☐" if element.get("type") == "checkboxes" else "○"
    options = [f"<div>{mark} {text_html(o.get('text'))}</div>" for o in element["options"]]
    return "".join(options)


def _overflow(_: Block) -> str:
    return "<button>⋯</button>"


def _label(button: Block) -> str:
    return text_html(button.get("text"))


def _field(element: Block) -> str:
    is_menu = str(element.get("type")).endswith("select")
    shown = element.get("initial_value") or (element.get("initial_option") or {}).get("text")
    hint = f'<span class="hint">{text_html(element.get("placeholder"))}</span>'
    lines = " tall" if element.get("multiline") else ""
    arrow = '<span class="arrow">⌄</span>' if is_menu else ""
    return f'<div class="field{lines}">{text_html(shown) or hint}{arrow}</div>'


Draw = Callable[[Block], str]

_ELEMENTS: Final[Mapping[str, Draw]] = {
    "button": _button,
    "checkboxes": _choices,
    "feedback_buttons": _feedback,
    "icon_button": _icon_button,
    "image": _picture,
    "overflow": _overflow,
    "radio_buttons": _choices,
    "workflow_button": _button,
}
_BLOCKS: Final[Mapping[str, Draw]] = {
    "actions": _actions,
    "alert": _alert,
    "context": _context,
    "context_actions": _actions,
    "divider": _divider,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "plan": _plan,
    "rich_text": _rich_text,
    "section": _section,
    "task_card": _task,
}

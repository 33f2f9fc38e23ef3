"""What Slack accepts in a message or a view, as pure functions: import it in tests of rendering.

    assert validate(blocks) == []        # else e.g. "must be less than 151 characters [json-pointer:…]"
    assert weight(blocks) <= WEIGHT_MAX  # else msg_blocks_too_long
    assert text_bytes(text) <= UPDATE_TEXT_BYTES

The complaints are worded as Slack words them where its wording is known. How the elements inside
blocks are judged stands in `elements.py`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from tests.fakes.slack.elements import ELEMENTS, INPUTS, INTERACTIVE, Check

Block = Mapping[str, Any]
Surface = Literal["message", "modal", "home"]

UPDATE_TEXT_BYTES: Final = 4_000
POST_TEXT_CHARS: Final = 40_000
MARKDOWN_CHARS: Final = 12_000
WEIGHT_MAX: Final = 13_422
"""13,297 characters of Markdown alone passed, and 13,172 with a divider more (bolt-js #2509)."""
BLOCK_WEIGHT: Final = 125
"""So each container is taken to weigh as much as these characters, inside rich text too."""
METADATA_BYTES: Final = 8_000
ATTACHMENTS_MAX: Final = 100
VIEW_BYTES: Final = 250_000
PRIVATE_METADATA_CHARS: Final = 3_000
BLOCKS_MAX: Final[Mapping[Surface, int]] = {"message": 50, "modal": 100, "home": 100}
STATUSES: Final = ("pending", "in_progress", "complete", "error")

_ESCAPED = re.compile(r"&(?!(?:amp|lt|gt);)")
_NOT_TEXT = frozenset({"type", "block_id", "action_id", "task_id", "status", "style", "level"})
_RICH = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")


def escape(text: str) -> str:
    """As Slack stores it; what is escaped already stays as it is."""
    return _ESCAPED.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def text_bytes(text: str) -> int:
    """What `chat.update` counts."""
    return _bytes(escape(text))


def weight(blocks: Sequence[Block]) -> int:
    """What is counted against `WEIGHT_MAX`: every string shown, and something for each container."""
    return sum(map(_weigh, blocks))


def _weigh(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        is_container = value.get("type") in BLOCKS or value.get("type") in _RICH
        inside = sum(_weigh(part) for name, part in value.items() if name not in _NOT_TEXT)
        return inside + BLOCK_WEIGHT * is_container
    if isinstance(value, Sequence):
        return sum(_weigh(part) for part in value)
    return 0


def validate(blocks: Any, surface: Surface = "message") -> list[str]:
    """What Slack would complain about; an empty list when it would take them."""
    check = Check()
    kinds = set()
    given = check.items("/blocks", blocks, most=BLOCKS_MAX[surface])
    seen: set[str] = set()
    for number, block in enumerate(given):
        at = f"/blocks/{number}"
        kinds.add(_block(check, at, block, surface))
        _unique(check, at, block, seen)
    if {"plan", "task_card"} <= kinds:
        check.say("/blocks", "plan and task_card blocks cannot be used together")
    return check.complaints


def validate_view(view: Any) -> list[str]:
    """The same for a view, whose kind says what its blocks may be."""
    check = Check()
    if not isinstance(view, Mapping) or view.get("type") not in ("modal", "home"):
        return ["must be a modal or a home view [json-pointer:/view/type]"]
    surface: Surface = "modal" if view["type"] == "modal" else "home"
    if surface == "modal":
        check.text("/view/title", view.get("title"), 24, plain=True)
        for name in ("submit", "close"):
            check.text(f"/view/{name}", view.get(name), 24, plain=True, required=False)
        if _has_input(view.get("blocks")) and not view.get("submit"):
            check.say("/view", "missing required field: submit")
    else:
        for name in sorted({"submit", "close"} & set(view)):
            check.say(f"/view/{name}", "a home view cannot have it")
    check.string("/view/private_metadata", view, PRIVATE_METADATA_CHARS)
    check.string("/view/callback_id", view, 255)
    check.string("/view/external_id", view, 255)
    return [
        *check.complaints,
        *(
            said.replace("/blocks", "/view/blocks")
            for said in validate(view.get("blocks"), surface)
        ),
    ]


def _has_input(blocks: Any) -> bool:
    given = blocks if isinstance(blocks, list) else []
    return any(isinstance(block, Mapping) and block.get("type") == "input" for block in given)


def view_bytes(view: Mapping[str, Any]) -> int:
    return _bytes(json.dumps(view, separators=(",", ":"), ensure_ascii=False))


def _bytes(text: str) -> int:
    """Half a surrogate pair, which JSON can carry, counts too."""
    return len(text.encode("utf-8", "surrogatepass"))


def _unique(check: Check, at: str, block: Any, seen: set[str]) -> None:
    name = block.get("block_id") if isinstance(block, Mapping) else None
    if isinstance(name, str) and name:
        if name in seen:
            check.say(f"{at}/block_id", f"block_id {name} already exists")
        seen.add(name)


def _block(check: Check, at: str, block: Any, surface: Surface) -> str:
    if not isinstance(block, Mapping):
        check.say(at, "must provide an object")
        return ""
    kind = str(block.get("type", ""))
    check.string(f"{at}/block_id", block, 255)
    if kind not in BLOCKS or (surface != "message" and kind in _MESSAGES_ONLY):
        check.say(f"{at}/type", f"unsupported type: {kind}")
    else:
        BLOCKS[kind](check, at, block)
    return kind


# --- one rule per kind of block ---------------------------------------------------------------


def _section(check: Check, at: str, block: Block) -> None:
    if not block.get("text") and not block.get("fields"):
        check.say(at, "missing required field: text or fields")
    check.text(f"{at}/text", block.get("text"), 3_000, required=False)
    for number, field in enumerate(check.items(f"{at}/fields", block.get("fields", []), most=10)):
        check.text(f"{at}/fields/{number}", field, 2_000)
    if "accessory" in block:
        _element(check, f"{at}/accessory", block["accessory"], INTERACTIVE | {"image"})


def _header(check: Check, at: str, block: Block) -> None:
    check.text(f"{at}/text", block.get("text"), 150, plain=True)


def _image(check: Check, at: str, block: Block) -> None:
    check.image(at, block)
    check.text(f"{at}/title", block.get("title"), 2_000, plain=True, required=False)


def _actions(check: Check, at: str, block: Block) -> None:
    _elements(check, at, block, INTERACTIVE, most=25)


def _context(check: Check, at: str, block: Block) -> None:
    for number, element in enumerate(check.items(f"{at}/elements", block.get("elements"), most=10)):
        where = f"{at}/elements/{number}"
        if isinstance(element, Mapping) and element.get("type") == "image":
            check.image(where, element)
        else:
            check.text(where, element, 3_000)


def _context_actions(check: Check, at: str, block: Block) -> None:
    _elements(check, at, block, frozenset({"feedback_buttons", "icon_button"}), most=5)


def _input(check: Check, at: str, block: Block) -> None:
    check.text(f"{at}/label", block.get("label"), 2_000, plain=True)
    check.text(f"{at}/hint", block.get("hint"), 2_000, plain=True, required=False)
    _element(check, f"{at}/element", block.get("element"), INPUTS)


def _markdown(check: Check, at: str, block: Block) -> None:
    check.string(f"{at}/text", block, MARKDOWN_CHARS, required=True)


def _rich_text(check: Check, at: str, block: Block) -> None:
    known = {"section", "list", "preformatted", "quote"}
    for number, element in enumerate(check.items(f"{at}/elements", block.get("elements"))):
        kind = element.get("type") if isinstance(element, Mapping) else None
        if str(kind).removeprefix("rich_text_") not in known:
            check.say(f"{at}/elements/{number}/type", f"unsupported type: {kind}")
        else:
            check.items(f"{at}/elements/{number}/elements", element.get("elements"))


def _task_card(check: Check, at: str, block: Block) -> None:
    check.string(f"{at}/task_id", block, 255, required=True)
    check.string(f"{at}/title", block, 3_000, required=True)
    if block.get("status") not in STATUSES:
        check.say(f"{at}/status", f"must be one of: {', '.join(STATUSES)}")
    for name in ("details", "output"):
        value = block.get(name)
        if value is not None and (
            not isinstance(value, Mapping) or value.get("type") != "rich_text"
        ):
            check.say(f"{at}/{name}", "must be a rich_text block")
        elif value is not None:
            _rich_text(check, f"{at}/{name}", value)
    for number, source in enumerate(check.items(f"{at}/sources", block.get("sources", []))):
        if not isinstance(source, Mapping) or source.get("type") != "url":
            check.say(f"{at}/sources/{number}", "must be a url source")


def _plan(check: Check, at: str, block: Block) -> None:
    check.string(f"{at}/title", block, 3_000, required=True)
    names: set[str] = set()
    for number, task in enumerate(check.items(f"{at}/tasks", block.get("tasks", []))):
        where = f"{at}/tasks/{number}"
        if not isinstance(task, Mapping) or task.get("type") != "task_card":
            check.say(f"{where}/type", "must be a task_card")
            continue
        _task_card(check, where, task)
        if (name := str(task.get("task_id"))) in names:
            check.say(f"{where}/task_id", f"task_id {name} already exists")
        names.add(name)


def _alert(check: Check, at: str, block: Block) -> None:
    check.text(f"{at}/text", block.get("text"), 200)
    if block.get("level", "default") not in ("default", "info", "warning", "error", "success"):
        check.say(f"{at}/level", "must be a valid level")


def _card(check: Check, at: str, block: Block) -> None:
    for name, most in (("title", 150), ("subtitle", 150), ("body", 200)):
        check.text(f"{at}/{name}", block.get(name), most, required=False)
    _elements(check, at, {"elements": block.get("actions", [])}, INTERACTIVE, most=3)


def _table(check: Check, at: str, block: Block) -> None:
    for number, row in enumerate(check.items(f"{at}/rows", block.get("rows"), most=100)):
        check.items(f"{at}/rows/{number}", row, most=20)


def _anything(check: Check, at: str, block: Block) -> None:
    """A block that the bot does not use: it is let through."""


def _elements(check: Check, at: str, block: Block, allowed: frozenset[str], *, most: int) -> None:
    names: set[str] = set()
    for number, element in enumerate(check.items(f"{at}/elements", block.get("elements"), most)):
        where = f"{at}/elements/{number}"
        _element(check, where, element, allowed)
        name = element.get("action_id") if isinstance(element, Mapping) else None
        if name is not None and name in names:
            check.say(f"{where}/action_id", f"action_id {name} already exists")
        names.add(str(name))


def _element(check: Check, at: str, element: Any, allowed: frozenset[str]) -> None:
    kind = element.get("type") if isinstance(element, Mapping) else None
    if kind not in allowed:
        check.say(f"{at}/type", f"unsupported type: {kind}")
    else:
        check.string(f"{at}/action_id", element, 255)
        ELEMENTS[str(kind)](check, at, element)


Rule = Callable[[Check, str, Block], None]

BLOCKS: Final[Mapping[str, Rule]] = {
    "actions": _actions,
    "alert": _alert,
    "card": _card,
    "context": _context,
    "context_actions": _context_actions,
    "divider": _anything,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "plan": _plan,
    "rich_text": _rich_text,
    "section": _section,
    "table": _table,
    "task_card": _task_card,
    **dict.fromkeys(("call", "carousel", "container", "data_table", "file", "video"), _anything),
}
_MESSAGES_ONLY = frozenset({"context_actions", "markdown", "plan", "table", "task_card"})

"""Buttons, menus and inputs, as people use them: looked up in what is shown right now."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.slack.messages import interactive_in
from tests.fakes.slack.world import Json, View


class NotThere(Exception):
    """A person cannot do this: it is not on the screen."""


def action(user: str, blocks: Sequence[Json], action_id: str, value: str | None) -> Json:
    """What using that element reports. `value` picks an option, or one of equal buttons.

    Raises: NotThere.
    """
    seen = []
    for block in blocks:
        for element in interactive_in(block):
            if user not in element.get("visible_to_user_ids", (user,)):
                continue
            seen.append(element["action_id"])
            if element["action_id"] == action_id and (found := _used(element, value)) is not None:
                return {**found, "block_id": block["block_id"], "action_id": action_id}
    raise NotThere(f"No {action_id} with value {value}; there is: {', '.join(seen) or 'nothing'}")


def _used(element: Json, value: str | None) -> Json | None:
    """None when the element has not this value."""
    kind = element["type"]
    if kind in ("button", "icon_button", "workflow_button"):
        if value not in (None, element.get("value")):
            return None
        kept = ("type", "text", "value", "style", "url")
        return {name: element[name] for name in kept if name in element}
    if kind == "feedback_buttons":
        return _feedback(element, value)
    return {"type": kind, **chosen(element, value)}


def _feedback(element: Json, value: str | None) -> Json | None:
    for name in ("positive_button", "negative_button"):
        button = element[name]
        if button["value"] == value:
            return {"type": "feedback_buttons", "text": button["text"], "value": value}
    return None


def chosen(element: Json, value: Any) -> Json:
    """The state of a menu or an input with this in it. Raises: NotThere."""
    kind = str(element["type"])
    match kind.removeprefix("multi_"):
        case "static_select" | "radio_buttons" | "overflow" | "checkboxes":
            return _options(element, value)
        case "users_select" | "conversations_select" | "channels_select":
            what = kind.removeprefix("multi_").removesuffix("s_select")
            is_multi = kind.startswith("multi_")
            return {f"selected_{what}s" if is_multi else f"selected_{what}": value}
        case "datepicker":
            return {"selected_date": value}
        case "timepicker":
            return {"selected_time": value}
        case "datetimepicker":
            return {"selected_date_time": value}
        case _:
            return {"value": value}


def _options(element: Json, value: Any) -> Json:
    groups = element.get("option_groups", [])
    options = [*element.get("options", []), *(o for g in groups for o in g["options"])]
    by_value = {option["value"]: option for option in options}
    is_multi = element["type"].startswith("multi_") or element["type"] == "checkboxes"
    wanted = list(value or []) if is_multi else [value]
    missing = [one for one in wanted if one is not None and one not in by_value]
    if missing:
        raise NotThere(f"{element['action_id']} offers {sorted(by_value)}, not {missing}")
    picked = [by_value[one] for one in wanted if one is not None]
    if is_multi:
        return {"selected_options": picked}
    return {"selected_option": picked[0] if picked else None}


_INITIAL = ("value", "option", "options", "date", "time", "user", "channel", "conversation")


def _initial(element: Json) -> Json:
    """What stands in an input that nobody touched."""
    state: Json = {"type": element["type"]}
    for what in _INITIAL:
        if (value := element.get(f"initial_{what}")) is not None:
            state["value" if what == "value" else f"selected_{what}"] = value
    if len(state) == 1:
        state |= chosen(element, None)
    return state


def fill(view: View, values: Mapping[str, Any]) -> Json:
    """`view.state` after a person wrote `values`, by block_id or by action_id.

    Raises: NotThere for a value without an input, and for an input that must not stay empty.
    """
    rest = dict(values)
    state: Json = {}
    for block in view.blocks:
        for element in interactive_in(block):
            if block["type"] != "input" and element["type"] in ("button", "icon_button"):
                continue
            name, action_id = block["block_id"], element["action_id"]
            earlier = view.state.get("values", {}).get(name, {}).get(action_id)
            kept = earlier or _initial(element)
            for key in (name, action_id):
                if key in rest:
                    kept = {"type": element["type"], **chosen(element, rest.pop(key))}
            if block["type"] == "input" and not block.get("optional") and _is_empty(kept):
                raise NotThere(f"{name} must not stay empty")
            state.setdefault(name, {})[action_id] = kept
    if rest:
        raise NotThere(f"{view.body.get('callback_id')} has no input {', '.join(rest)}")
    return {"values": state}


def _is_empty(state: Json) -> bool:
    return all(not value for name, value in state.items() if name != "type")

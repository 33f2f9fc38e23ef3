"""What Slack accepts inside blocks: texts, images, buttons, menus and inputs. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Element = Mapping[str, Any]

_URL = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)


class Check:
    """Collects complaints, each with the place it is about."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def say(self, at: str, what: str) -> None:
        self.complaints.append(f"{what} [json-pointer:{at}]")

    def items(self, at: str, value: Any, most: int | None = None) -> list[Any]:
        """The members of a list that must be one."""
        if not isinstance(value, list):
            self.say(at, "must provide an array")
            return []
        if most is not None and len(value) > most:
            self.say(at, f"no more than {most} items allowed")
        return value

    def string(self, at: str, owner: Element, most: int, *, required: bool = False) -> None:
        """A plain string in the owner, by the last part of `at`."""
        value = owner.get(at.rpartition("/")[2])
        if value is None:
            if required:
                self.say(at.rpartition("/")[0], f"missing required field: {at.rpartition('/')[2]}")
        elif not isinstance(value, str):
            self.say(at, "must be a string")
        else:
            self.length(at, value, most, least=int(required))

    def text(
        self, at: str, value: Any, most: int, *, plain: bool = False, required: bool = True
    ) -> None:
        """A text object."""
        if value is None:
            if required:
                self.say(at.rpartition("/")[0], f"missing required field: {at.rpartition('/')[2]}")
            return
        kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
        if not isinstance(value, Mapping) or value.get("type") not in kinds:
            self.say(at, f"must be a text object: {' or '.join(kinds)}")
        elif not isinstance(value.get("text"), str):
            self.say(f"{at}/text", "must be a string")
        else:
            self.length(f"{at}/text", value["text"], most, least=1)

    def length(self, at: str, value: str, most: int, *, least: int = 0) -> None:
        if len(value) > most:
            self.say(at, f"must be less than {most + 1} characters")
        if len(value) < least:
            self.say(at, "must be more than 0 characters")

    def url(self, at: str, owner: Element, *, required: bool = False) -> None:
        self.string(at, owner, 3_000, required=required)
        value = owner.get(at.rpartition("/")[2])
        if isinstance(value, str) and value and not _URL.fullmatch(value):
            self.say(at, "Invalid URL")

    def image(self, at: str, owner: Element) -> None:
        """The two members that every image has."""
        if "slack_file" not in owner:
            self.url(f"{at}/image_url", owner, required=True)
            value = owner.get("image_url")
            if isinstance(value, str) and not value.startswith(("http://", "https://")):
                self.say(f"{at}/image_url", "invalid image url")
        self.string(f"{at}/alt_text", owner, 2_000, required=True)


def _button(check: Check, at: str, element: Element) -> None:
    check.text(f"{at}/text", element.get("text"), 75, plain=True)
    check.string(f"{at}/value", element, 2_000)
    check.string(f"{at}/accessibility_label", element, 75)
    check.url(f"{at}/url", element)
    if element.get("style", "primary") not in ("primary", "danger"):
        check.say(f"{at}/style", "must be one of: primary, danger")
    _confirm(check, at, element)


def _icon_button(check: Check, at: str, element: Element) -> None:
    check.text(f"{at}/text", element.get("text"), 75, plain=True)
    check.string(f"{at}/icon", element, 255, required=True)
    check.string(f"{at}/value", element, 2_000)
    _confirm(check, at, element)


def _feedback(check: Check, at: str, element: Element) -> None:
    for name in ("positive_button", "negative_button"):
        button = element.get(name)
        if not isinstance(button, Mapping):
            check.say(at, f"missing required field: {name}")
            continue
        check.text(f"{at}/{name}/text", button.get("text"), 75, plain=True)
        check.string(f"{at}/{name}/value", button, 2_000, required=True)
        check.string(f"{at}/{name}/accessibility_label", button, 75)


def _confirm(check: Check, at: str, element: Element) -> None:
    confirm = element.get("confirm")
    if confirm is None:
        return
    if not isinstance(confirm, Mapping):
        check.say(f"{at}/confirm", "must provide an object")
        return
    where = f"{at}/confirm"
    for name, most in (("title", 100), ("confirm", 30), ("deny", 30)):
        check.text(f"{where}/{name}", confirm.get(name), most, plain=True)
    check.text(f"{where}/text", confirm.get("text"), 300)
    if confirm.get("style", "primary") not in ("primary", "danger"):
        check.say(f"{where}/style", "must be one of: primary, danger")


def _menu(check: Check, at: str, element: Element) -> None:
    """A select menu whose options are in it."""
    _placeholder(check, at, element)
    _confirm(check, at, element)
    if ("options" in element) == ("option_groups" in element):
        check.say(at, "exactly one of options and option_groups is required")
    _options(check, f"{at}/options", element.get("options", []), most=100)
    groups = check.items(f"{at}/option_groups", element.get("option_groups", []), most=100)
    for number, group in enumerate(groups):
        where = f"{at}/option_groups/{number}"
        if not isinstance(group, Mapping):
            check.say(where, "must provide an object")
            continue
        check.text(f"{where}/label", group.get("label"), 75, plain=True)
        _options(check, f"{where}/options", group.get("options"), most=100)


def _choice(check: Check, at: str, element: Element) -> None:
    """Check boxes and radio buttons."""
    _options(check, f"{at}/options", element.get("options"), most=10)
    _confirm(check, at, element)


def _overflow(check: Check, at: str, element: Element) -> None:
    _options(check, f"{at}/options", element.get("options"), most=5)
    _confirm(check, at, element)


def _options(check: Check, at: str, options: Any, *, most: int) -> None:
    for number, option in enumerate(check.items(at, options, most=most)):
        if not isinstance(option, Mapping):
            check.say(f"{at}/{number}", "must provide an object")
            continue
        check.text(f"{at}/{number}/text", option.get("text"), 75)
        check.string(f"{at}/{number}/value", option, 150, required=True)
        check.text(f"{at}/{number}/description", option.get("description"), 75, required=False)


def _written(check: Check, at: str, element: Element) -> None:
    _placeholder(check, at, element)
    most = element.get("max_length", 3_000)
    if not isinstance(most, int) or not 1 <= most <= 3_000:
        check.say(f"{at}/max_length", "must be between 1 and 3000")
    check.string(f"{at}/initial_value", element, 3_000)


def _placeholder(check: Check, at: str, element: Element) -> None:
    check.text(f"{at}/placeholder", element.get("placeholder"), 150, plain=True, required=False)


def _image(check: Check, at: str, element: Element) -> None:
    check.image(at, element)


Rule = Callable[[Check, str, Element], None]

_FOREIGN_MENUS = ("users", "conversations", "channels", "external")
_MENUS: Final[Mapping[str, Rule]] = {
    "static_select": _menu,
    "multi_static_select": _menu,
    **{f"{what}_select": _placeholder for what in _FOREIGN_MENUS},
    **{f"multi_{what}_select": _placeholder for what in _FOREIGN_MENUS},
}
_CHOICES: Final[Mapping[str, Rule]] = {
    **_MENUS,
    "checkboxes": _choice,
    "radio_buttons": _choice,
    "datepicker": _placeholder,
    "timepicker": _placeholder,
    "datetimepicker": _confirm,
}
_BUTTONS: Final[Mapping[str, Rule]] = {
    "button": _button,
    "overflow": _overflow,
    "workflow_button": _icon_button,
}
_TYPED: Final[Mapping[str, Rule]] = {
    "plain_text_input": _written,
    "rich_text_input": _placeholder,
    "email_text_input": _placeholder,
    "url_text_input": _placeholder,
    "number_input": _placeholder,
    "file_input": _placeholder,
}
ELEMENTS: Final[Mapping[str, Rule]] = {
    **_CHOICES,
    **_BUTTONS,
    **_TYPED,
    "feedback_buttons": _feedback,
    "icon_button": _icon_button,
    "image": _image,
}
INTERACTIVE: Final = frozenset({*_CHOICES, *_BUTTONS})
INPUTS: Final = frozenset({*_CHOICES, *_TYPED})

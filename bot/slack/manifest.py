"""The app as Slack is told of it: the one source of `manifest.yml`. Pure.

It names what the listeners answer and asks for what the door's calls need, no more; a test holds it
against both. Slack's limits: docs.slack.dev/reference/app-manifest.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from agents.errors import UserError
from bot.render.slack_home import EXAMPLES
from bot.slack.app import EVENTS_PATH
from bot.slack.listeners import BUILD_FROM_MESSAGE, COMMAND, NEW_BUILD

EXAMPLE_URL = "https://zapdev.example.com"
"""Stands in `manifest.yml` where the address of one's own server belongs."""

_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[\w.~/-]*)?", re.ASCII)

Manifest = dict[str, Any]

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "somebody says @Zapdev",
    "assistant:write": "it is an agent, with Slack's own Stop button",
    "channels:history": "replies in threads of public channels",
    "chat:write": "its messages, and keeping them up to date",
    "chat:write.public": "the command works in channels it was not invited to",
    "commands": f"{COMMAND} and the shortcuts",
    "files:write": "a picture of the finished app in its thread",
    "groups:history": "replies in threads of private channels it is in",
    "im:history": "direct messages to it",
    "im:write": "builds in a direct message what it cannot in a channel",
    "mpim:history": "replies in group messages it is in",
    "users:read": "who is linked to which account, and who is an administrator",
}
"""What the bot may do, and why it has to."""

EVENTS: Mapping[str, str] = {
    "agent_session_stopped": "Slack's own Stop button",
    "app_home_opened": "the Home tab: a person's apps",
    "app_mention": "start an app, or change it, by @Zapdev",
    "app_uninstalled": "its builds end, its token is forgotten",
    "message.channels": "replies in an app's thread",
    "message.groups": "the same in private channels",
    "message.im": "direct messages",
    "message.mpim": "the same in group messages",
    "tokens_revoked": "the same as app_uninstalled",
    "user_change": "a person who was deactivated is linked to no account",
}
"""What Slack tells us of, and what for."""

_ON_KEYS: Mapping[str, str] = {
    "org_deploy_enabled": "it is added to one workspace at a time",
    "redirect_urls": "adding it to a workspace; showing who one is, to link an account",
    "openid": "people show who they are, to link their account",
    "should_escape": "people and channels arrive as ids",
    "token_rotation_enabled": "cannot be switched off later: false for a token in .env",
}
_NOTES = {**SCOPES, **EVENTS, **_ON_KEYS}

_ABOUT = (
    "Zapdev turns a message into a running web app. Ask with /zapdev, mention @Zapdev in a channel "
    "or a thread, or write it a direct message. One message shows the plan, the files as they are "
    "written, the checks and the link, and keeps itself up to date. Reply in the thread to change "
    "the app. What a model writes can be wrong: look at it before you rely on it."
)


def make_manifest(url: str = EXAMPLE_URL, *, socket: bool = False) -> Manifest:
    """The manifest for Slack's requests at `url`, or for Socket Mode, which has no address."""
    address = {} if socket else {"request_url": f"{url}{EVENTS_PATH}"}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Zapdev",
            "description": "Say what you want, watch it being built, get a web app that runs.",
            "background_color": "#111827",
            "long_description": _ABOUT,
        },
        "features": _features({} if socket else {"url": f"{url}{EVENTS_PATH}"}),
        "oauth_config": {
            **({} if socket else {"redirect_urls": _redirects(url)}),
            "scopes": {**({} if socket else {"user": ["openid"]}), "bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {**address, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **address},
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": not socket,
        },
    }


def _features(url: Mapping[str, str]) -> Manifest:
    return {
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": "Zapdev", "always_online": True},
        "agent_view": {
            "agent_description": "Describe an app: it is written, checked and started while you "
            "watch. Reply to change it.",
            "suggested_prompts": [{"title": said, "message": said} for said in EXAMPLES],
        },
        "shortcuts": [
            {
                "name": "Build from this message",
                "type": "message",
                "callback_id": BUILD_FROM_MESSAGE,
                "description": "Makes an app of what the message says",
            },
            {
                "name": "Build an app",
                "type": "global",
                "callback_id": NEW_BUILD,
                "description": "Opens the form for a new app",
            },
        ],
        "slash_commands": [
            {
                "command": COMMAND,
                **url,
                "description": "Build a web app, and see how yours are doing",
                "usage_hint": "what to build | list | status | stop | help",
                "should_escape": True,
            }
        ],
    }


def _redirects(url: str) -> list[str]:
    return [f"{url}/slack/oauth_redirect", f"{url}/slack/oidc_redirect"]


def read_url(text: str) -> str:
    """A server's address without its last slash. Raises: UserError."""
    if _ADDRESS.fullmatch(text) is None:
        hint = "It is where Slack sends its requests: https and your server's name."
        raise UserError(f"{text} is not an address like {EXAMPLE_URL}.", field="url", hint=hint)
    return text.rstrip("/")


# --- YAML --------------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z/_](?:[\w./-]|:(?=\S))*", re.ASCII)
_NOT_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_WIDTH = 80


def to_yaml(manifest: Manifest) -> str:
    """The manifest for people: with a word on each thing it asks for."""
    socket = manifest["settings"]["socket_mode_enabled"]
    head = [
        f"# Zapdev as a Slack app, {'in Socket Mode' if socket else 'over HTTP'}. Paste it at",
        "# https://api.slack.com/apps: Create New App, From a manifest, YAML.",
        f"# Made by `zapdev manifest{' --socket' if socket else ''}` from bot/slack/manifest.py.",
    ]
    return "\n".join([*head, *_mapping(manifest, "")]) + "\n"


def _mapping(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        note = f"  # {_NOTES[key]}" if key in _NOTES else ""
        match value:
            case dict():
                yield f"{indent}{key}:{note}"
                yield from _mapping(value, f"{indent}  ")
            case list():
                yield f"{indent}{key}:{note}"
                yield from _items(value, f"{indent}  ")
            case str() if len(f'{indent}{key}: "{value}"') > _WIDTH:
                yield f"{indent}{key}: >-"
                yield from textwrap.wrap(
                    value,
                    _WIDTH,
                    initial_indent=f"{indent}  ",
                    subsequent_indent=f"{indent}  ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            case _:
                yield f"{indent}{key}: {_scalar(value)}{note}"


def _items(values: list[Any], indent: str) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            first, *rest = _mapping(value, f"{indent}  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            note = f"  # {_NOTES[value]}" if value in _NOTES else ""
            yield f"{indent}- {_scalar(value)}{note}"


def _scalar(value: str | bool | int) -> str:  # noqa: FBT001 - a value, not a switch
    """A word as it is; anything else as JSON, which YAML reads too."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)

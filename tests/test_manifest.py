"""`manifest.yml` against the code: what is listened to, called and served."""

import ast
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any, cast

import pytest
import yaml  # type: ignore[import-untyped]
from slack_bolt.app.async_app import AsyncApp

from agents.errors import UserError
from bot.render.slack_gallery import view_states
from bot.slack.app import EVENTS_PATH
from bot.slack.intents import Build, Show, Stop, parse_command, parse_message
from bot.slack.listeners import Listeners
from bot.slack.manifest import EVENTS, EXAMPLE_URL, SCOPES, make_manifest, read_url, to_yaml
from bot.slack.oauth import REDIRECT_PATH

ROOT = Path(__file__).parent.parent
HTTP = make_manifest()
SOCKET = make_manifest(socket=True)
BOTH = pytest.mark.parametrize("manifest", [HTTP, SOCKET], ids=["HTTP", "Socket Mode"])


# --- the file ----------------------------------------------------------------------------


def test_the_file_is_what_the_code_makes() -> None:
    written = (ROOT / "manifest.yml").read_text()

    assert written == to_yaml(HTTP), "zapdev manifest > manifest.yml"


@pytest.mark.parametrize(
    "manifest", [HTTP, SOCKET, make_manifest("https://bots.example:8443/zap")], ids=str
)
def test_a_yaml_parser_reads_the_same(manifest: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(manifest)) == manifest


@pytest.mark.parametrize(
    "words",
    [
        "yes",
        "No",
        "null",
        "12",
        "a: b",
        "a #b",
        "- a",
        "*",
        "@a",
        "it's",
        'say "a"',
        "",
        "ä…",
        "a:",
    ],
)
def test_words_that_mean_something_in_yaml_stay_words(words: str) -> None:
    manifest = make_manifest()
    manifest["display_information"]["name"] = words
    manifest["oauth_config"]["scopes"]["bot"] = [words]

    assert yaml.safe_load(to_yaml(manifest)) == manifest


def test_each_scope_and_event_says_what_it_is_for() -> None:
    lines = to_yaml(SOCKET).splitlines()

    for name, why in {**SCOPES, **EVENTS}.items():
        assert f"      - {name}  # {why}" in lines
        assert len(why) > 5


# --- the code ----------------------------------------------------------------------------


class Anything:
    """Has every attribute."""

    def __getattr__(self, name: str) -> "Anything":
        return self


class Register:
    """Stands where Bolt's app is, and takes down what is listened to."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []

    def __getattr__(self, kind: str) -> Callable[..., Callable[[object], object]]:
        def listen(*what: object, **named: object) -> Callable[[object], object]:
            self.heard.append((kind, what[0] if what else named))
            return lambda listener: listener

        return listen

    def names(self, *kinds: str) -> set[str]:
        """What is listened to by its name; patterns take what is left over, or buttons."""
        said = [what for kind, what in self.heard if kind in kinds]
        return {_name(what) for what in said if isinstance(what, str | dict)}

    def takes_patterns(self, kind: str) -> bool:
        return any(k == kind and not isinstance(what, str | dict) for k, what in self.heard)


def _name(what: str | dict[str, Any]) -> str:
    return what if isinstance(what, str) else str(what.get("type") or what["callback_id"])


@pytest.fixture(name="register")
def register_of_the_listeners() -> Register:
    """Nothing is asked of the parts while they are put together, so anything does for them."""
    parts = [cast("Any", Anything()) for _ in signature(Listeners).parameters]
    register = Register()
    Listeners(*parts).register(cast("AsyncApp", register))
    return register


KINDS = {
    *("command", "shortcut", "message_shortcut", "global_shortcut", "event", "error"),
    *("action", "options", "view", "view_submission", "view_closed"),
}


def test_the_register_knows_every_way_in_which_listeners_are_added(register: Register) -> None:
    assert {kind for kind, _ in register.heard} <= KINDS


@BOTH
def test_every_command_that_is_listened_to_can_be_typed_and_no_other(
    manifest: dict[str, Any], register: Register
) -> None:
    offered = {command["command"] for command in manifest["features"]["slash_commands"]}

    assert offered == register.names("command") == {"/zapdev"}


@BOTH
def test_every_shortcut_that_is_listened_to_is_in_a_menu_and_no_other(
    manifest: dict[str, Any], register: Register
) -> None:
    shortcuts = manifest["features"]["shortcuts"]
    heard = register.names("shortcut", "message_shortcut", "global_shortcut")

    assert {shortcut["callback_id"] for shortcut in shortcuts} == heard
    assert len(shortcuts) == len(heard)


@BOTH
def test_every_event_that_is_listened_to_is_sent_and_no_other(
    manifest: dict[str, Any], register: Register
) -> None:
    sent = manifest["settings"]["event_subscriptions"]["bot_events"]

    assert {event.partition(".")[0] for event in sent} == register.names("event")
    kinds = {event for event in sent if event.startswith("message")}
    assert kinds == {f"message.{kind}" for kind in ("channels", "groups", "im", "mpim")}


@BOTH
def test_buttons_and_forms_reach_us(manifest: dict[str, Any], register: Register) -> None:
    """Neither has a name in a manifest, only the switch; forms have one in what we show."""
    forms = {view.get("callback_id") for view in view_states().values() if "submit" in view}

    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    assert register.takes_patterns("action")
    assert register.names("view", "view_submission")
    assert register.names("view", "view_submission") <= forms


def test_what_is_not_listened_to_is_acknowledged(register: Register) -> None:
    """An app of an older manifest sends more, and Slack repeats what nobody takes."""
    for kind in ("event", "action", "shortcut", "command", "view_submission"):
        assert register.takes_patterns(kind), kind


@BOTH
def test_the_home_tab_is_shown_when_somebody_fills_it(
    manifest: dict[str, Any], register: Register
) -> None:
    home = manifest["features"]["app_home"]

    assert home["home_tab_enabled"] is ("app_home_opened" in register.names("event"))
    assert home["messages_tab_enabled"] is True
    assert home["messages_tab_read_only_enabled"] is False


def test_the_hint_names_words_that_the_command_understands() -> None:
    [command] = HTTP["features"]["slash_commands"]
    first, *words = command["usage_hint"].split(" | ")

    assert isinstance(parse_command(first), Build)
    assert words
    assert all(isinstance(parse_command(word), Show | Stop) for word in words)


def test_the_suggested_prompts_are_things_to_build() -> None:
    prompts = HTTP["features"]["agent_view"]["suggested_prompts"]

    assert prompts
    for said in (prompt["message"] for prompt in prompts):
        assert isinstance(parse_message(said, "U0ZAP", is_direct=True, in_project=False), Build)


# --- scopes ------------------------------------------------------------------------------

HISTORY = frozenset({"channels:history", "groups:history", "im:history", "mpim:history"})
FOR_CALLS: Mapping[str, frozenset[str]] = {
    "agents_sessions_rename": frozenset({"chat:write"}),
    "agents_sessions_setStatus": frozenset({"chat:write"}),
    "auth_revoke": frozenset(),
    "auth_test": frozenset(),
    "chat_delete": frozenset({"chat:write"}),
    "chat_getPermalink": frozenset(),
    "chat_postEphemeral": frozenset({"chat:write"}),
    "chat_postMessage": frozenset({"chat:write"}),
    "chat_update": frozenset({"chat:write"}),
    "conversations_history": HISTORY,
    "conversations_open": frozenset({"im:write"}),
    "conversations_replies": HISTORY,
    "oauth_v2_access": frozenset(),
    "openid_connect_token": frozenset(),
    "files_completeUploadExternal": frozenset({"files:write"}),
    "files_getUploadURLExternal": frozenset({"files:write"}),
    "files_info": frozenset({"files:read"}),
    "files_upload_v2": frozenset({"files:write"}),
    "reactions_add": frozenset({"reactions:write"}),
    "reactions_remove": frozenset({"reactions:write"}),
    "users_info": frozenset({"users:read"}),
    "views_open": frozenset(),
    "views_publish": frozenset(),
    "views_push": frozenset(),
    "views_update": frozenset(),
}
"""What each method asks for, by docs.slack.dev/reference/methods."""
FOR_EVENTS = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "user_change": "users:read",
}
FOR_FEATURES = {
    "agent_view": "assistant:write",
    "shortcuts": "commands",
    "slash_commands": "commands",
}
IN_UNINVITED_CHANNELS = "chat:write.public"


def calls() -> set[str]:
    """The Web API's methods that our code calls, or hands on, by their names in the client."""
    return {
        called
        for path in (ROOT / "bot" / "slack").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (called := _called(node)) is not None
    }


def _called(node: ast.AST) -> str | None:
    """`….client.chat_update` -> chat_update; `….client.api_call("chat.update")` as well."""
    match node:
        case ast.Call(func=ast.Attribute(attr="api_call"), args=[ast.Constant(str(name)), *_]):
            return name.replace(".", "_")
        case ast.Attribute(
            value=ast.Attribute(attr="client" | "_client") | ast.Name(id="client"), attr=name
        ) if name != "api_call":
            return name
        case _:
            return None


def test_it_asks_for_what_the_calls_and_events_need_and_for_nothing_else() -> None:
    assert {"auth_test", "chat_postMessage", "chat_update", "conversations_open"} <= calls()
    assert calls() <= set(FOR_CALLS), "say here which scope the new call needs"

    needed = {scope for call in calls() for scope in FOR_CALLS[call]}
    needed |= {scope for event, scope in FOR_EVENTS.items() if event in EVENTS}
    needed |= {FOR_FEATURES[name] for name in HTTP["features"] if name in FOR_FEATURES}
    assert set(SCOPES) == needed | {IN_UNINVITED_CHANNELS}


@BOTH
def test_of_a_person_nothing_is_asked_but_who_they_are(manifest: dict[str, Any]) -> None:
    """By Sign in with Slack, where there is an address to come back to."""
    scopes = manifest["oauth_config"]["scopes"]
    signs_in = {"user": ["openid"]} if "redirect_urls" in manifest["oauth_config"] else {}

    assert scopes == {**signs_in, "bot": list(SCOPES)}


# --- the address -------------------------------------------------------------------------


def test_socket_mode_has_no_address_anywhere() -> None:
    assert SOCKET["settings"]["socket_mode_enabled"] is True
    assert "://" not in str(SOCKET)
    assert HTTP["settings"]["socket_mode_enabled"] is False


def test_over_http_everything_goes_to_the_one_address_that_is_served() -> None:
    manifest = make_manifest("https://bots.example")
    settings = manifest["settings"]
    events = f"https://bots.example{EVENTS_PATH}"

    assert [c["url"] for c in manifest["features"]["slash_commands"]] == [events]
    assert settings["event_subscriptions"]["request_url"] == events
    assert settings["interactivity"]["request_url"] == events
    assert manifest["oauth_config"]["redirect_urls"] == [
        f"https://bots.example{REDIRECT_PATH}",
        "https://bots.example/slack/oidc_redirect",
    ]
    served = (ROOT / "bot" / "slack" / "side.py").read_text()
    assert "web.post(EVENTS_PATH" in served
    assert (EVENTS_PATH, REDIRECT_PATH) == ("/slack/events", "/slack/oauth_redirect")
    assert EXAMPLE_URL not in to_yaml(manifest)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://bots.example", "https://bots.example"),
        ("https://bots.example/", "https://bots.example"),
        ("https://bots.example:8443/zap/", "https://bots.example:8443/zap"),
    ],
)
def test_an_address_is_read(given: str, read: str) -> None:
    assert read_url(given) == read


@pytest.mark.parametrize(
    "given",
    [
        *("", "bots.example", "http://bots.example", "https://", "https:///zap", "ftp://a"),
        *(
            "https://a b",
            "https://a?x=1",
            "https://a#x",
            "https://u:p@a",
            'https://a"',
            "https://a\n",
        ),
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="not an address"):
        read_url(given)


def test_a_token_from_the_settings_stays_good_and_those_of_many_workspaces_are_rotated() -> None:
    """With rotation the first would be dead after 12 hours, and it cannot be switched off again."""
    assert SOCKET["settings"]["token_rotation_enabled"] is False
    assert HTTP["settings"]["token_rotation_enabled"] is True
    assert {manifest["settings"]["org_deploy_enabled"] for manifest in (HTTP, SOCKET)} == {False}

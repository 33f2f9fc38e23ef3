"""The manifest against what Slack takes.

The limits are those of slackapi/manifest-schema (2.0.0, July 2026), which Slack's own page applies.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.slack.manifest import make_manifest

BOTH = pytest.mark.parametrize(
    "manifest", [make_manifest(), make_manifest(socket=True)], ids=["HTTP", "Socket Mode"]
)

LENGTHS = {
    "display_information.name": (1, 35),
    "display_information.description": (1, 140),
    "display_information.long_description": (175, 4000),
    "features.bot_user.display_name": (1, 80),
    "features.agent_view.agent_description": (1, 300),
    "features.shortcuts.*.name": (1, 24),
    "features.shortcuts.*.callback_id": (1, 255),
    "features.shortcuts.*.description": (1, 150),
    "features.slash_commands.*.command": (2, 32),
    "features.slash_commands.*.url": (1, 3000),
    "features.slash_commands.*.description": (1, 2000),
    "features.slash_commands.*.usage_hint": (1, 1000),
    "oauth_config.redirect_urls.*": (1, 2500),
    "oauth_config.scopes.bot.*": (1, 50),
    "oauth_config.scopes.user.*": (1, 50),
    "settings.event_subscriptions.request_url": (1, 3500),
    "settings.event_subscriptions.bot_events.*": (1, 50),
    "settings.interactivity.request_url": (1, 3500),
}
KNOWN = {
    *LENGTHS,
    "_metadata.major_version",
    "_metadata.minor_version",
    "display_information.background_color",
    "features.agent_view.suggested_prompts.*.message",
    "features.agent_view.suggested_prompts.*.title",
    "features.app_home.home_tab_enabled",
    "features.app_home.messages_tab_enabled",
    "features.app_home.messages_tab_read_only_enabled",
    "features.bot_user.always_online",
    "features.shortcuts.*.type",
    "features.slash_commands.*.should_escape",
    "settings.interactivity.is_enabled",
    "settings.org_deploy_enabled",
    "settings.socket_mode_enabled",
    "settings.token_rotation_enabled",
}
"""Slack refuses a manifest with any key that it does not know."""


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Each value with its dotted path; an item of a list is `*`."""
    match value:
        case dict():
            for key, inside in value.items():
                yield from leaves(inside, f"{path}.{key}" if path else str(key))
        case list():
            for inside in value:
                yield from leaves(inside, f"{path}.*")
        case _:
            yield path, value


def refused(manifest: dict[str, Any]) -> list[str]:
    """What Slack would say of it."""
    found = [path for path, _ in leaves(manifest) if path not in KNOWN]
    for path, value in leaves(manifest):
        low, high = LENGTHS.get(path, (0, 10_000))
        if isinstance(value, str) and not low <= len(value) <= high:
            found.append(path)
    features = manifest["features"]
    if len(features["agent_view"]["suggested_prompts"]) > 4:
        found.append("suggested_prompts")
    if len(features["shortcuts"]) > 10 or len(features["slash_commands"]) > 50:
        found.append("features")
    return found


@BOTH
def test_slack_takes_it(manifest: dict[str, Any]) -> None:
    assert refused(manifest) == []
    assert manifest["_metadata"]["major_version"] == 2
    assert "assistant_view" not in manifest["features"], "new apps cannot use it"
    assert manifest["display_information"]["background_color"][0] == "#"
    assert {shortcut["type"] for shortcut in manifest["features"]["shortcuts"]} <= {
        "message",
        "global",
    }
    for listed in (
        manifest["settings"]["event_subscriptions"]["bot_events"],
        manifest["oauth_config"]["scopes"]["bot"],
    ):
        assert listed == sorted(set(listed))


@pytest.mark.parametrize(
    ("section", "key", "value", "where"),
    [
        ("display_information", "name", "n" * 36, "display_information.name"),
        (
            "display_information",
            "long_description",
            "short",
            "display_information.long_description",
        ),
        ("settings", "is_agent", True, "settings.is_agent"),
        (
            "features",
            "agent_view",
            {"suggested_prompts": [{"title": "a"}] * 5},
            "suggested_prompts",
        ),
        ("features", "assistant_view", {"assistant_description": "a"}, "features.assistant_view"),
    ],
)
def test_the_checks_find_what_slack_would_refuse(
    section: str, key: str, value: object, where: str
) -> None:
    manifest = make_manifest()
    manifest[section][key] = value

    assert any(found.startswith(where) for found in refused(manifest))

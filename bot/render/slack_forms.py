"""Modals that ask: a new build, a person's defaults; and the two that stand in for others. Pure."""

from collections.abc import Sequence

from agents.types import Framework
from bot.render.slack_blocks import Block, View, context, modal, option, plain_text, section
from bot.render.slack_home import HomeSettings
from bot.render.slack_plan import FRAMEWORKS
from bot.render.slack_text import clean, escape_line

BUILD_FORM, SETTINGS_FORM = "zd_build_form", "zd_settings_form"
PROMPT, FRAMEWORK, MODEL, CHANNEL = "prompt", "framework", "model", "channel"
OTHERS = "others"
"""The inputs' block ids and action ids at once: where a submission holds their values."""
ANY_FRAMEWORK = "any"
MAX_PROMPT = 3_000
"""As much as Slack's text field takes."""

_MAX_OPTIONS, _MAX_VALUE = 100, 150


def render_build_modal(
    models: Sequence[str] = ("auto",),
    *,
    prompt: str = "",
    channel: str | None = None,
    about: str = "",
    settings: HomeSettings | None = None,
) -> View:
    """The form of the shortcuts. `channel` is where the work is shown, unless one is picked."""
    chosen = settings or HomeSettings()
    blocks = [
        _prompt_input(prompt),
        _input("Show the work in", CHANNEL, _channel_menu(channel)),
        _framework_input(chosen.framework),
        *_model_input(models, chosen),
    ]
    return modal(
        "Build something",
        blocks,
        callback_id=BUILD_FORM,
        submit="Build",
        close="Not now",
        about=about,
    )


def render_settings_view(settings: HomeSettings, models: Sequence[str] = ("auto",)) -> View:
    """A person's defaults; each build can still say otherwise."""
    blocks = [
        _framework_input(settings.framework),
        *_model_input(models, settings),
        _others_input(settings.others),
    ]
    if settings.linked_as is not None:
        account = escape_line(settings.linked_as, 300)
        blocks.append(context(f"Linked to {account}. `unlink` disconnects it."))
    elif settings.link_url is not None:
        blocks.append(context("You are not linked to an account. `link` connects it."))
    return modal("Your defaults", blocks, callback_id=SETTINGS_FORM, submit="Save", close="Cancel")


def render_loading_view(title: str = "Zapdev") -> View:
    """Opened at once, so that Slack's three seconds are kept; the real one replaces it."""
    return modal(title, [context("One moment …")], callback_id="zd_loading")


def render_trouble_view(problem: str, hint: str = "") -> View:
    """Instead of a view that could not be made."""
    words = f"*{escape_line(problem, 700) or 'This cannot be shown right now.'}*"
    words += f"\n{escape_line(hint, 1_200)}" if hint.strip() else ""
    return modal("Zapdev", [section(words)], callback_id="zd_trouble")


def _prompt_input(prompt: str) -> Block:
    field: Block = {
        "type": "plain_text_input",
        "action_id": PROMPT,
        "multiline": True,
        "max_length": MAX_PROMPT,
        "placeholder": plain_text(
            "A kanban board for my team, with a column for blocked work", 150
        ),
    }
    if given := clean(prompt).strip()[:MAX_PROMPT]:
        field["initial_value"] = given
    return _input("What should I build?", PROMPT, field)


def _channel_menu(channel: str | None) -> Block:
    menu: Block = {
        "type": "conversations_select",
        "action_id": CHANNEL,
        "default_to_current_conversation": True,
        "filter": {"include": ["public", "private", "im"], "exclude_bot_users": False},
    }
    return menu | ({"initial_conversation": channel} if channel else {})


def _framework_input(chosen: Framework | None) -> Block:
    anything = option("Choose for me", ANY_FRAMEWORK)
    options = [anything, *(option(name, key) for key, name in FRAMEWORKS.items())]
    picked = option(FRAMEWORKS[chosen], chosen) if chosen else anything
    return _input("Framework", FRAMEWORK, _menu(FRAMEWORK, options, picked))


def _model_input(models: Sequence[str], settings: HomeSettings) -> list[Block]:
    """Nothing to choose where the offline model answers, or where there is only one."""
    keys = dict.fromkeys([settings.model, *models])  # also one that is not offered any more
    options = [option(key, key) for key in keys if 0 < len(key) <= _MAX_VALUE][:_MAX_OPTIONS]
    if settings.offline_model:
        return [context("The offline model answers: a fixed sample with your words, no AI.")]
    if len(options) < 2:
        return []
    picked = next((made for made in options if made["value"] == settings.model), options[0])
    return [_input("Model", MODEL, _menu(MODEL, options, picked))]


def _others_input(chosen: str) -> Block:
    options = [option("may change them", "editor"), option("may look at them", "viewer")]
    picked = options[chosen == "viewer"]
    words = "Others who see the threads of my apps"
    return _input(words, OTHERS, _menu(OTHERS, options, picked))


def _menu(action_id: str, options: Sequence[Block], picked: Block) -> Block:
    return {
        "type": "static_select",
        "action_id": action_id,
        "options": list(options),
        "initial_option": picked,
    }


def _input(words: str, name: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": plain_text(words, 100),
        "element": element,
    }

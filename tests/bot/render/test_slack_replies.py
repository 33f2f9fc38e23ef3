"""What the bot says beside its live messages, the help and the home."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agents import events as e
from agents.types import Framework, ProjectId, TaskStatus
from bot.render import slack_replies as replies
from bot.render.slack import TaskView
from bot.render.slack_actions import read_value, value_of
from bot.render.slack_blocks import SlackMessage
from bot.render.slack_forms import FRAMEWORK, MODEL, render_build_modal, render_settings_view
from bot.render.slack_gallery import message_states
from bot.render.slack_help import render_help
from bot.render.slack_home import (
    HomeProject,
    HomeSettings,
    render_home,
    render_list,
)
from bot.render.slack_stories import (
    BEGUN,
    COMPLETE,
    START,
    STUCK,
    TASK,
    WRITING,
    Story,
    completed,
    state_of,
)
from bot.render.slack_usage import HomeUsage, Use

VIEW = TaskView(START, "U0ADA", preview_link="https://zapdev.example/p/k")
APP = HomeProject(ProjectId("proj_1"), "Bike <shop>", START, Framework.VUE, TaskStatus.COMPLETE)


def reply(story: Story, view: TaskView = VIEW) -> str:
    return replies.render_done_reply(state_of(story), view).text


def after(event: e.Event) -> Story:
    return [*BEGUN, (20, event)]


def test_the_reply_at_the_end_mentions_the_asker_and_gives_the_link() -> None:
    assert reply(COMPLETE) == (
        "<@U0ADA> *Bike shop board* is ready. "
        "<https://zapdev.example/p/k|Open the preview>. Reply here to change it."
    )


def test_a_local_link_says_where_it_opens() -> None:
    local = replace(VIEW, preview_link="http://127.0.0.1:4173", preview_is_local=True)

    assert "|Open the preview> on the machine that the bot runs on." in reply(COMPLETE, local)


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (after(completed("It is blue.", saved=False)), "It is blue."),
        (
            after(e.TaskCancelled(by="web")),
            "*A kanban board for a bike shop* was stopped. Nothing was changed.",
        ),
        (
            after(e.TaskFailed(code="x", message="No model.", hint="Retry later.")),
            "*A kanban board for a bike shop* did not get finished. No model. Retry later.",
        ),
        (
            STUCK,
            (
                "*A kanban board for a bike shop* needs your decision. I could not get the checks "
                "green. Choose above, or reply in your own words."
            ),
        ),
        (WRITING, "*A kanban board for a bike shop* is still being built."),
    ],
)
def test_the_reply_says_in_a_line_how_it_ended(story: Story, said: str) -> None:
    assert reply(story, replace(VIEW, requested_by_user=None)) == said


def test_a_refusal_says_what_is_wrong_and_has_the_next_step_as_a_button() -> None:
    step = replies.NextStep("Try again", "zd_retry", TASK)

    message = replies.render_refused("No <room>.", "Wait a minute.", step)

    assert message.text == "No &lt;room&gt;. Wait a minute."
    assert message.blocks[0]["text"]["text"] == "*No &lt;room&gt;.*\nWait a minute."
    assert message.blocks[1]["elements"][0]["action_id"] == "zd_retry"


def test_a_queued_reply_says_when_its_turn_comes() -> None:
    assert replies.render_queued("make it green", 1).text == (
        "Noted: “make it green”. It comes right after the build that runs now, by itself."
    )
    assert "after 3 builds" in replies.render_queued("make it green", 3).text


def test_a_download_that_cannot_be_linked_is_refused_in_plain_words() -> None:
    assert replies.render_download("nowhere", 15).text.startswith("The download is not available")


@pytest.mark.parametrize("number", [None, 0, 12])
def test_a_buttons_value_is_read_back(number: int | None) -> None:
    assert read_value(value_of(TASK, number)) == (TASK, number)


def test_a_foreign_value_is_taken_for_an_id_that_nobody_has() -> None:
    assert read_value("a:b:99999999") == ("a:b:99999999", None)


def test_help_names_every_command_and_what_works_in_threads() -> None:
    shown = str(render_help(bot_user="U0ZAP").blocks)

    commands = ("list", "status", "stop", "import", "model", "framework", "usage", "settings")
    assert all(f"`{word}" in shown for word in (*commands, "link", "unlink", "!aside", "stop"))
    assert "--framework vue" in shown
    assert "--model openai/gpt-4o" in shown
    assert "<@U0ZAP>" in shown
    assert "offline model" in str(render_help(offline_model=True).blocks)


def test_a_home_lists_apps_with_how_they_stand_and_their_links() -> None:
    app = replace(APP, preview_link="https://zapdev.example/p/k", thread_link="https://s.example/t")

    view = render_home([app], HomeUsage(Use(2)), HomeSettings(linked_as="ada"))

    shown = view["blocks"][-1]
    assert shown["text"]["text"].startswith("*Bike &lt;shop&gt;*\nVue · ready · <!date^")
    assert shown["text"]["text"].endswith("<https://s.example/t|thread>")
    assert shown["accessory"]["url"] == "https://zapdev.example/p/k"
    assert "2 builds in the last 24 hours · this month 0 builds · model: auto" in str(view)
    assert "Linked to ada" in str(view)


def test_an_empty_home_begins_with_examples() -> None:
    row = render_home([], HomeUsage(), HomeSettings())["blocks"][-1]["elements"]

    assert [button["action_id"] for button in row] == [f"zd_example:{n}" for n in range(3)]


def test_a_person_without_an_account_is_offered_the_link() -> None:
    view = render_home([], HomeUsage(), HomeSettings(link_url="https://zapdev.example/link"))

    assert "Link account" in str(view)
    assert "Link account" not in str(render_home([], HomeUsage(), HomeSettings()))


def test_apps_that_are_not_listed_are_counted() -> None:
    apps = [replace(APP, updated_at=START - timedelta(hours=n)) for n in range(50)]

    assert "… and 10 more" in str(render_home(apps, HomeUsage(), HomeSettings())["blocks"][-1])
    assert "… and 35 more" in str(render_list(apps).blocks[-1])
    assert render_list(apps).text == "You have 50 apps."


def chosen(view: dict[str, object], name: str) -> str:
    blocks = view["blocks"]
    assert isinstance(blocks, list)
    (block,) = [block for block in blocks if block.get("block_id") == name]
    value: str = block["element"]["initial_option"]["value"]
    return value


def test_forms_begin_with_a_persons_defaults() -> None:
    settings = HomeSettings("openai/gpt-4o", Framework.SVELTE)
    models = ("auto", "openai/gpt-4o")

    for view in (
        render_settings_view(settings, models),
        render_build_modal(models, settings=settings),
    ):
        assert chosen(view, FRAMEWORK) == "svelte"
        assert chosen(view, MODEL) == "openai/gpt-4o"


def test_a_form_takes_over_the_message_it_was_opened_on() -> None:
    view = render_build_modal(prompt=" A shop\x00 ", channel="C1", about="x")

    assert view["blocks"][0]["element"]["initial_value"] == "A shop"
    assert view["blocks"][1]["element"]["initial_conversation"] == "C1"
    assert view["private_metadata"] == "x"


def test_the_gallery_holds_every_kind_of_answer() -> None:
    messages = message_states()

    assert {"queued", "stuck", "tier 2", "help", "home full", "form build"} <= messages.keys()
    assert all(isinstance(message, SlackMessage) for message in messages.values())


def test_our_own_words_are_calm() -> None:
    """No exclamation mark but the one of `!aside`, and no call for emotions by emoji."""
    for name, message in message_states().items():
        said = f"{message.text} {message.blocks}".replace("`!aside`", "").replace("<!date", "")
        if not name.startswith("view code"):
            assert "!" not in said, name

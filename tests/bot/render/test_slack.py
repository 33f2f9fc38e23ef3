"""A task as a Slack message: what people read at each moment."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agents import events as e
from agents.task_state import TaskState
from agents.types import Check, Diagnostic, Stage, TaskStatus
from bot.render.slack import SHORT, TEXT_ONLY, TaskView, money, narration, render_task
from bot.render.slack_blocks import Block, SlackMessage
from bot.render.slack_stories import (
    ACCEPTED,
    BEGUN,
    CHECKING,
    COMPLETE,
    FIXING,
    GREEN,
    SHOWN,
    START,
    STUCK,
    TASK,
    WRITING,
    Story,
    completed,
    file_changed,
    state_of,
)

LINK = "https://zapdev.example/p/k"


def seen_at(seconds: float = 30, **more: Any) -> TaskView:
    return replace(TaskView(START + timedelta(seconds=seconds), "U0ADA", preview_link=LINK), **more)


def part(message: SlackMessage, name: str) -> Block | None:
    found = [b for b in message.blocks if b["block_id"] == f"zd:{TASK}:{name}"]
    return found[0] if found else None


def words(message: SlackMessage, name: str) -> str:
    """The text of one block, or nothing when it is not there."""
    block = part(message, name)
    if block is None:
        return ""
    text: str = (block["elements"][0] if block["type"] == "context" else block["text"])["text"]
    return text


def cards(message: SlackMessage) -> dict[str, str]:
    plan = part(message, "plan")
    assert plan is not None
    return {card["title"]: card["status"] for card in plan["tasks"]}


def buttons(message: SlackMessage, row: str = "act") -> list[str]:
    block = part(message, row)
    return [button["text"]["text"] for button in block["elements"]] if block else []


def pressed(message: SlackMessage) -> Iterator[Block]:
    for block in message.blocks:
        if block["type"] == "actions":
            yield from block["elements"]


def titles(message: SlackMessage) -> str:
    plan = part(message, "plan")
    assert plan is not None
    title: str = plan["title"]
    return title


def ended(event: e.Event, story: Story = WRITING) -> TaskState:
    return state_of([*story, (90, event)])


def test_a_queued_task_says_what_it_waits_for_and_can_be_stopped() -> None:
    message = render_task(state_of(ACCEPTED), seen_at(36, queued_behind=2))

    assert titles(message) == "A kanban board for a bike shop · waiting"
    assert words(message, "now") == "Waiting for 2 builds before it · 35s · asked by <@U0ADA>"
    assert set(cards(message).values()) == {"pending"}
    assert buttons(message) == ["Stop"]
    assert message.text == "A kanban board for a bike shop: waiting"


def test_a_running_task_shows_plan_time_step_files_and_the_models_words() -> None:
    message = render_task(state_of(WRITING), seen_at(37))

    assert titles(message) == "A kanban board for a bike shop · Writing the app"
    assert cards(message) == {
        "Framework: React": "complete",
        "Sandbox is ready": "complete",
        "Write the code: 4 files": "in_progress",
        "Check with lint and build": "pending",
        "Start a preview": "pending",
        "Save the version": "pending",
    }
    assert words(message, "now") == "35s · step 3 of 6 · React · 4 files · asked by <@U0ADA>"
    assert words(message, "say") == "Now the board itself, with drag and drop between its columns."
    assert words(message, "files").splitlines()[1:3] == [
        "+ src/data.ts  733 B",
        "~ src/theme.css  497 B",
    ]
    assert buttons(message) == ["Stop"]


def test_stopping_is_asked_about_and_told_what_it_costs() -> None:
    (stop,) = pressed(render_task(state_of(WRITING), seen_at()))

    assert (stop["action_id"], stop["style"], stop["value"]) == ("zd_stop", "danger", TASK)
    assert stop["confirm"]["title"]["text"] == "Stop this build?"


def test_checks_are_named_with_their_verdicts_and_a_red_one_shows_its_first_finding() -> None:
    checking = cards(render_task(state_of(CHECKING), seen_at(55)))
    fixing = render_task(state_of(FIXING), seen_at(61))
    green = cards(render_task(state_of(GREEN), seen_at(76)))

    assert checking["Checks: lint passed in 3.2s, build runs"] == "in_progress"
    assert cards(fixing)["Checks: lint passed in 3.2s, build failed"] == "error"
    assert cards(fixing)["Fix what the checks found"] == "in_progress"
    assert "src/components/Board.tsx:41 TS2345" in str(part(fixing, "plan"))
    assert "(and 1 more)" in str(part(fixing, "plan"))
    assert green["Checks: lint passed in 3.1s, build passed in 6.8s"] == "complete"
    assert green["Start the app and look at it"] == "in_progress"


def test_a_repair_is_not_called_fixed_before_the_checks_say_so() -> None:
    again = e.StageEntered(stage=Stage.VALIDATING, message="Checking: lint and build")
    story: Story = [*FIXING, (66, again), (66, e.CheckStarted(check=Check.BUILD))]

    assert cards(render_task(state_of(story), seen_at(67)))["Repair made"] == "complete"
    assert cards(render_task(state_of(GREEN), seen_at(76)))["Repair made"] == "complete"
    assert cards(render_task(state_of(SHOWN), seen_at(80)))["Fixed"] == "complete"


def test_a_finished_task_has_its_link_and_everything_to_do_with_the_app() -> None:
    message = render_task(state_of(COMPLETE), seen_at(200, can_undo=True))

    assert titles(message) == "Bike shop board · ready"
    assert set(cards(message).values()) == {"complete"}
    assert words(message, "now") == "1m 21s · React · 7 files · $0.02 · asked by <@U0ADA>"
    assert words(message, "say").startswith("A board for repair jobs")
    assert words(message, "preview") == f"*Preview:* <{LINK}|zapdev.example/p/k>"
    assert buttons(message) == ["Open preview", "Files", "Changes", "Download", "Undo"]
    assert buttons(message, "next") == [
        "Add a due date to each card",
        "Make the accent colour green",
        "Show who owns it",
    ]
    assert message.text == f"Bike shop board: ready. <{LINK}|Open the preview>"


def test_a_button_carries_the_task_and_for_a_suggestion_its_number() -> None:
    made = list(pressed(render_task(state_of(COMPLETE), seen_at(can_undo=True))))

    assert [(b["action_id"], b["value"]) for b in made] == [
        ("zd_open_preview", TASK),
        ("zd_files", TASK),
        ("zd_diff", TASK),
        ("zd_download", TASK),
        ("zd_undo", TASK),
        ("zd_suggest:0", f"{TASK}:0"),
        ("zd_suggest:1", f"{TASK}:1"),
        ("zd_suggest:2", f"{TASK}:2"),
    ]
    assert made[0]["url"] == LINK


def test_a_link_that_opens_on_one_machine_only_says_so() -> None:
    view = seen_at(preview_link="http://127.0.0.1:4173", preview_is_local=True)

    shown = words(render_task(state_of(COMPLETE), view), "preview")

    assert shown == (
        "*Preview:* <http://127.0.0.1:4173|127.0.0.1:4173> "
        "(opens only on the machine that the bot runs on)"
    )


def test_without_a_link_to_give_there_is_no_preview_and_the_rest_stands() -> None:
    message = render_task(state_of(COMPLETE), seen_at(preview_link=None))

    assert part(message, "preview") is None
    assert buttons(message) == ["Files", "Changes", "Download"]
    assert message.text == "Bike shop board: ready"


def test_the_sandboxs_own_address_is_never_shown() -> None:
    assert "4173" not in str(render_task(state_of(COMPLETE), seen_at()))


def test_the_picture_of_the_app_is_shown_once_slack_has_it() -> None:
    shot = part(render_task(state_of(COMPLETE), seen_at(screenshot_file="F0PIC")), "shot")

    assert shot is not None
    assert shot["slack_file"] == {"id": "F0PIC"}
    assert shot["alt_text"] == "Picture of Bike shop board"


def test_an_answered_question_has_no_files_to_show_and_no_version_saved() -> None:
    answer = completed("It keeps them in the browser.", saved=False)

    message = render_task(ended(answer, BEGUN), seen_at())

    assert titles(message) == "Bike shop board · answered"
    assert words(message, "say") == "It keeps them in the browser."
    assert list(cards(message))[-2:] == ["Read the app", "Answered"]
    assert buttons(message) == ["Open preview"]


def test_findings_of_lint_are_counted_and_can_be_fixed() -> None:
    red = e.CheckFinished(check=Check.LINT, ok=False, diagnostics=(Diagnostic(message="x"),) * 2)

    message = render_task(state_of([*SHOWN, (80, red), (81, completed())]), seen_at())

    assert titles(message) == "Bike shop board · ready"
    assert cards(message)["Checks: 2 lint findings, build passed in 6.8s"] == "complete"
    assert buttons(message)[-1] == "Fix errors"


def test_what_is_kept_with_red_checks_is_not_called_ready() -> None:
    red = e.CheckFinished(check=Check.BUILD, ok=False, diagnostics=(Diagnostic(message="x"),))

    message = render_task(state_of([*SHOWN, (80, red), (81, completed())]), seen_at())

    assert titles(message) == "Bike shop board · kept, not green"
    assert cards(message)["Checks: lint passed in 3.1s, build failed"] == "error"
    assert cards(message)["Not fixed"] == "error"


def test_a_stuck_task_asks_and_its_answers_come_first() -> None:
    message = render_task(state_of(STUCK), seen_at(90))

    assert titles(message) == "A kanban board for a bike shop · needs your decision"
    assert words(message, "problem").startswith(
        "*I could not get the checks green.*\nWhat should I do about this? src/components"
    )
    assert buttons(message) == [
        "Try another way",
        "Build a simpler version",
        "Keep it anyway",
        "Retry",
        "Fix errors",
    ]
    assert "in_progress" not in cards(message).values()
    assert "pending" not in cards(message).values()


@pytest.mark.parametrize("retryable", [True, False])
def test_only_what_may_work_is_offered_for_retry(*, retryable: bool) -> None:
    failed = e.TaskFailed(code="x", message="No.", hint="Use `zapdev doctor`.", retryable=retryable)

    message = render_task(ended(failed), seen_at())

    assert titles(message) == "A kanban board for a bike shop · not finished"
    assert buttons(message) == (["Retry"] if retryable else [])
    assert words(message, "problem") == "*No.*\nUse 'zapdev doctor'."
    assert words(message, "files") == ""
    assert cards(message)["Write the code"] == "error"


def test_a_stopped_task_says_who_stopped_it_and_where_it_stood() -> None:
    message = render_task(ended(e.TaskCancelled(by="web")), seen_at(stopped_by_user="U0BEN"))

    assert words(message, "say") == "Stopped by <@U0BEN>. Nothing was changed."
    assert "Stopped here" in str(part(message, "plan"))
    assert buttons(message) == ["Retry"]
    assert "in_progress" not in cards(message).values()


def test_a_task_stopped_before_it_began_still_has_its_plan() -> None:
    message = render_task(ended(e.TaskCancelled(by="web"), ACCEPTED), seen_at())

    assert cards(message) == {"Stopped before it began": "error"}
    assert words(message, "say") == "Stopped. Nothing was changed."


def test_earlier_files_are_counted_and_the_newest_are_shown() -> None:
    story: Story = [*BEGUN, *(file_changed(10 + n, f"src/f{n}.ts", 9) for n in range(30))]

    shown = words(render_task(state_of(story), seen_at(60)), "files").splitlines()

    assert shown[1] == "+ src/f18.ts  9 B"
    assert shown[-2] == "… and 18 more"
    assert len(shown) == 15


def test_a_long_silence_is_explained() -> None:
    assert "still working" not in words(render_task(state_of(WRITING), seen_at(124.9)), "now")
    assert "still working" in words(render_task(state_of(WRITING), seen_at(125)), "now")


def test_notices_and_the_offline_model_are_said_while_it_runs() -> None:
    told = e.NoticeGiven(message="There is no model named *x* here, so auto is used.")
    view = seen_at(notice="The bot was restarted.", offline_model=True)

    shown = words(render_task(state_of([*WRITING, (34, told)]), view), "now").splitlines()

    assert "offline model, no AI" in shown[0]
    assert shown[1:] == [
        "The bot was restarted.",
        "There is no model named ∗x∗ here, so auto is used.",
    ]


def test_two_renders_within_five_seconds_are_equal() -> None:
    state = state_of(WRITING)

    assert render_task(state, seen_at(35)) == render_task(state, seen_at(39.9))
    assert render_task(state, seen_at(35)) != render_task(state, seen_at(40))


def test_the_clock_of_an_ended_task_stands_still() -> None:
    state = state_of(COMPLETE)

    assert render_task(state, seen_at(100)) == render_task(state, seen_at(100_000))


def test_the_short_tier_has_no_files_no_picture_and_few_words() -> None:
    long: Story = [*WRITING, (34, e.TextStreamed(content=" And so on." * 40))]
    running = render_task(state_of(long), seen_at(), SHORT)
    done = render_task(state_of(COMPLETE), seen_at(screenshot_file="F0PIC"), SHORT)

    assert part(running, "files") is None
    assert len(words(running, "say")) <= 120
    assert part(done, "files") is None
    assert part(done, "shot") is None
    assert buttons(done) == ["Open preview", "Files", "Changes", "Download"]


@pytest.mark.parametrize(
    ("state", "lines"),
    [
        (state_of(ACCEPTED), ["Reply `stop` to stop it."]),
        (state_of(COMPLETE), [f"*Preview:* <{LINK}|zapdev.example/p/k>"]),
        (state_of(STUCK), ["• Try another way", "• Build a simpler version", "• Keep it anyway"]),
        (ended(e.TaskCancelled(by="web")), ["Stopped. Nothing was changed."]),
        (ended(e.TaskFailed(code="x", message="No.", hint="Try later.")), ["*No.*", "Try later."]),
    ],
)
def test_without_blocks_the_text_tells_the_story_and_what_to_type(
    state: TaskState, lines: list[str]
) -> None:
    message = render_task(state, seen_at(), TEXT_ONLY)

    assert message.blocks == []
    assert set(lines) <= set(message.text.splitlines())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (
            "First.\n\nI write **the board** in `src/App.tsx`.\n",
            "I write the board in src/App.tsx.",
        ),
        ("## Plan\n- one\n- two", "Plan one two"),
        ("Here it is:\n```ts\nconst a = 1\n", "Here it is:"),
        ("Done.\n<task_summary>A board.</task_summary>", "A board."),
        ("word " * 100, "…" + ("word " * 7).rstrip()),
    ],
)
def test_the_models_newest_words_are_told_without_its_markdown(text: str, shown: str) -> None:
    assert narration(text, 40) == shown


def test_cost_is_told_as_people_write_it() -> None:
    assert [money(n) for n in (0, 0.0004, 0.01, 0.256, 1_234.5)] == [
        "",
        "under $0.01",
        "$0.01",
        "$0.26",
        "$1,234.50",
    ]


def test_a_state_that_knows_nothing_yet_is_a_message_all_the_same() -> None:
    for status in TaskStatus:
        message = render_task(TaskState(TASK, status=status), TaskView(START))
        assert message.text.startswith("A new app: ")
        assert titles(message).startswith("A new app · ")

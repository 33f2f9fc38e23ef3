"""Any words in any state: Slack takes the message, and nothing foreign in it is live."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import CreditsUsedUp, TooManyTasks
from agents.task_state import CheckState, FileState, Problem, TaskState, step
from agents.types import (
    Check,
    Diagnostic,
    FragmentId,
    Framework,
    ProjectId,
    SandboxId,
    Stage,
    TaskKind,
    TaskStatus,
    Usage,
)
from bot.render import slack_accounts as accounts
from bot.render import slack_replies as replies
from bot.render import slack_sharing as sharing
from bot.render.slack import SHORT, TEXT_ONLY, TaskView, render_task
from bot.render.slack_blocks import SlackMessage
from bot.render.slack_forms import (
    render_build_modal,
    render_settings_view,
    render_trouble_view,
)
from bot.render.slack_gallery import message_states, view_states
from bot.render.slack_help import render_help
from bot.render.slack_home import (
    HomeProject,
    HomeSettings,
    render_defaults,
    render_home,
    render_list,
)
from bot.render.slack_stories import START, TASK
from bot.render.slack_usage import (
    AppUse,
    HomeUsage,
    Standing,
    Use,
    render_quota,
    render_usage,
)
from bot.render.slack_views import (
    FileDiff,
    FileEntry,
    FilesPage,
    render_diff_view,
    render_files_view,
)
from tests.bot.render.slack_life import complaints
from tests.bot.render.test_slack_text import HOSTILE
from tests.fakes.slack.limits import (
    VIEW_BYTES,
    text_bytes,
    validate,
    validate_view,
    view_bytes,
)
from tests.golden.test_golden_logs import NAMES, read

PARTS = ["plan", "now", "say", "files", "problem", "preview", "shot", "act", "hint", "next"]
MAX_MESSAGE = 13_000

LONG = st.builds(lambda words, times: words * times, HOSTILE, st.integers(1, 200))
WORDS = st.one_of(HOSTILE, LONG)
DIAGNOSTICS = st.lists(
    st.builds(Diagnostic, message=st.text(max_size=50), file=st.none() | st.text(max_size=20)),
    max_size=4,
).map(tuple)
STATES = st.builds(
    TaskState,
    task_id=st.just(TASK),
    project_id=st.just(ProjectId("proj_1")),
    kind=st.sampled_from(TaskKind),
    prompt=WORDS,
    requested_by=WORDS,
    status=st.sampled_from(TaskStatus),
    stage=st.sampled_from(Stage),
    message=WORDS,
    framework=st.none() | st.sampled_from(Framework),
    framework_reason=WORDS,
    sandbox_id=st.none() | st.just(SandboxId("sbx")),
    text=WORDS,
    files=st.dictionaries(
        WORDS,
        st.builds(
            FileState,
            st.sampled_from(["created", "updated", "deleted"]),
            st.integers(0, 10**9),
            st.none(),
        ),
        max_size=30,
    ),
    checks=st.dictionaries(
        st.sampled_from(Check),
        st.builds(
            CheckState,
            st.sampled_from(["running", "passed", "failed", "skipped"]),
            DIAGNOSTICS,
            st.floats(0, 1e6),
        ),
    ),
    notices=st.lists(WORDS, max_size=3).map(tuple),
    fixes=st.lists(st.just("f"), max_size=3).map(tuple),
    preview_url=st.none() | WORDS,
    preview_checks=st.lists(WORDS, max_size=3).map(tuple),
    usage=st.builds(Usage, cost_usd=st.floats(0, 1e6)),
    title=WORDS,
    summary=WORDS,
    suggestions=st.lists(WORDS, max_size=5).map(tuple),
    fragment_id=st.none() | st.just(FragmentId("frag")),
    problem=st.none()
    | st.builds(
        Problem, WORDS, WORDS, st.none() | WORDS, st.booleans(), st.lists(WORDS).map(tuple)
    ),
    cancelled_by=st.none() | WORDS,
    created_at=st.just(START),
    started_at=st.none() | st.just(START),
    updated_at=st.integers(0, 10**6).map(lambda s: START + timedelta(seconds=s)),
)
VIEWS = st.builds(
    TaskView,
    now=st.integers(0, 10**6).map(lambda s: START + timedelta(seconds=s)),
    requested_by_user=st.sampled_from([None, "U0ADA", "<!channel>"]),
    stopped_by_user=st.sampled_from([None, "U0BEN", "U1> <!here"]),
    preview_link=st.none() | st.just("https://zapdev.example/p/k") | WORDS,
    preview_is_local=st.booleans(),
    screenshot_file=st.none() | st.just("F0PIC"),
    queued_behind=st.integers(0, 99),
    can_undo=st.booleans(),
    offline_model=st.booleans(),
    notice=st.none() | WORDS,
)


def wrong_with(message: SlackMessage, surface: Any = "message") -> list[str]:
    """What Slack would refuse, and what would be live."""
    found = validate(message.blocks, surface) if message.blocks else []
    found += complaints(message.text, message.blocks)
    if not 0 < text_bytes(message.text) <= 3_000:
        found.append(f"the text has {text_bytes(message.text)} bytes")
    if (size := len(json.dumps(message.blocks, ensure_ascii=False))) >= MAX_MESSAGE:
        found.append(f"the blocks have {size} characters")
    for block in message.blocks:
        for element in block["elements"] if block["type"] == "actions" else ():
            if len(element.get("value", "")) > 100:
                found.append("a button carries more than ids")
    return found


def parts_of(message: SlackMessage) -> list[str]:
    return [block["block_id"].removeprefix(f"zd:{TASK}:") for block in message.blocks]


@given(STATES, VIEWS, st.sampled_from([0, SHORT, TEXT_ONLY]))
def test_slack_takes_any_state_in_any_words_at_every_tier(
    state: TaskState, view: TaskView, tier: int
) -> None:
    message = render_task(state, view, tier)

    assert wrong_with(message) == []
    assert wrong_with(replies.render_done_reply(state, view)) == []


def filled(sign: str, status: TaskStatus) -> tuple[TaskState, TaskView]:
    """A task with as much of one sign in every place as there can be."""
    words = sign * 4_000
    red = CheckState("failed", (Diagnostic(message=words, file=words, line=1),) * 5)
    state = TaskState(
        TASK,
        status=status,
        stage=Stage.FIXING,
        prompt=words,
        message=words,
        framework=Framework.ANGULAR,
        framework_reason=words,
        sandbox_id=SandboxId("sbx"),
        text=words,
        files={f"{sign * 500}{n}": FileState("created", 10**8, None) for n in range(40)},
        checks=dict.fromkeys(Check, red),
        notices=(words,) * 3,
        fixes=("a", "b"),
        preview_url=words,
        preview_checks=(words,),
        usage=Usage(cost_usd=1e5),
        title=words,
        suggestions=(words,) * 5,
        fragment_id=FragmentId("frag"),
        problem=Problem("x", words, words, retryable=True, options=(words,) * 9)
        if status is TaskStatus.FAILED
        else None,
        created_at=START,
        started_at=START,
        updated_at=START,
    )
    link = "https://zapdev.example/" + "p" * 770
    view = TaskView(START, "U0ADA", "U0BEN", link, preview_is_local=True, screenshot_file="F0PIC")
    return state, replace(view, can_undo=True, offline_model=True, notice=words)


@pytest.mark.parametrize("tier", [0, SHORT, TEXT_ONLY])
@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize("sign", ["a", "&", "<", "漢", "😀", '"', "@", "\n> "])
def test_the_fullest_message_still_fits(sign: str, status: TaskStatus, tier: int) -> None:
    state, view = filled(sign, status)

    message = render_task(state, view, tier)

    assert wrong_with(message) == []
    assert len(json.dumps(message.blocks, ensure_ascii=False).encode()) < MAX_MESSAGE
    assert wrong_with(replies.render_done_reply(state, view)) == []


def test_a_list_of_apps_with_long_links_is_cut_to_what_slack_takes() -> None:
    link = "https://zapdev.example/" + "p" * 770
    app = HomeProject(ProjectId("p"), "&" * 900, START, preview_link=link, thread_link=link)

    assert wrong_with(render_list([app] * 15)) == []
    assert wrong_with_view(render_home([app] * 40, HomeUsage(), HomeSettings())) == []


@given(STATES, VIEWS, st.sampled_from([0, SHORT]))
def test_every_block_has_its_own_lasting_id_and_place(
    state: TaskState, view: TaskView, tier: int
) -> None:
    parts = parts_of(render_task(state, view, tier))

    assert parts == [name for name in PARTS if name in parts]
    assert parts[:2] == ["plan", "now"]


@given(STATES, VIEWS, st.floats(0, 4.99))
def test_renders_are_equal_as_long_as_state_and_five_seconds_are(
    state: TaskState, view: TaskView, later_s: float
) -> None:
    whole = replace(
        view, now=START + timedelta(seconds=(view.now - START).total_seconds() // 5 * 5)
    )

    moved = replace(whole, now=whole.now + timedelta(seconds=later_s))

    assert render_task(state, whole) == render_task(state, moved)


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_log_keeps_its_blocks_ids_from_its_first_event_to_its_last(name: str) -> None:
    log = read(name)
    state = TaskState(log[0].task_id)
    seen: set[str] = set()
    for recorded in log:
        state = step(state, recorded)
        view = TaskView(recorded.at, "U0ADA", preview_link="https://zapdev.example/p/k")
        message = render_task(state, view)
        ids = [block["block_id"] for block in message.blocks]
        cards = [card["task_id"] for card in message.blocks[0]["tasks"]]
        assert len({*ids}) == len(ids)
        assert len({*cards}) == len(cards)
        assert wrong_with(message) == []
        seen |= {*ids}
    assert seen <= {f"zd:{state.task_id}:{part}" for part in PARTS}


@pytest.mark.parametrize("name", message_states())
def test_every_state_of_the_gallery_is_taken(name: str) -> None:
    surfaces = {"home": "home", "view": "modal", "form": "modal"}

    message = message_states()[name]

    assert wrong_with(message, surfaces.get(name.partition(" ")[0], "message")) == []


def wrong_with_view(view: dict[str, Any]) -> list[str]:
    found = validate_view(view) + complaints("", view)
    if (size := view_bytes(view)) > VIEW_BYTES:
        found.append(f"the view has {size} bytes")
    return found


@pytest.mark.parametrize("name", view_states())
def test_every_view_of_the_gallery_is_taken(name: str) -> None:
    assert wrong_with_view(view_states()[name]) == []


def replied(words: str) -> Sequence[SlackMessage]:
    step_on = replies.NextStep(words, "zd_retry", TASK, url=words)
    return [
        replies.render_queued(words, 3),
        replies.render_refused(words, words, step_on),
        replies.render_accepted(words),
        replies.render_needs_link(words),
        replies.render_corrected(words),
        replies.render_undone(words),
        replies.render_download(words, 15),
        replies.render_unknown(words),
        replies.render_saved("Your model", words),
        render_help(f"/{words}", words),
        render_list([HomeProject(ProjectId("p"), words, START, preview_link=words)] * 30),
        render_usage(
            HomeUsage(
                month=Use(1, 10**15, 1e9),
                apps=[AppUse(words, Use(1))] * 5,
                standing=Standing(words, 10**9, 1, START),
            )
        ),
        render_quota(CreditsUsedUp(words, hint=words)),
        render_quota(TooManyTasks(words, hint=words)),
        render_defaults(HomeSettings(model=words)),
        replies.render_choices("model", words, [words] * 30, words),
        sharing.render_sharing(words, {words + str(n): "viewer" for n in range(40)}, "editor"),
        sharing.render_shared(words, "editor"),
        sharing.render_may_only_look(words, "1.1"),
        sharing.render_asks_to_edit("U0ADA", words),
        sharing.render_asked(words),
        sharing.render_only_owner(words),
        sharing.render_new_link(words),
    ]


@given(WORDS)
def test_slack_takes_any_words_in_an_answer(words: str) -> None:
    assert [wrong_with(message) for message in replied(words)] == [[]] * 23


@given(WORDS, st.integers(0, 60))
def test_slack_takes_any_words_about_accounts(words: str, count: int) -> None:
    people = [accounts.LinkedPerson(f"link_{n}", words, words) for n in range(count)]
    answers = [
        accounts.render_linked(words, "link_1"),
        accounts.render_link_page(words),
        accounts.render_code_question(words, "f" * 64),
        accounts.render_agreed(words),
        accounts.render_welcome(words, "link_1", goes_on=True),
        accounts.render_links(people),
        accounts.render_other_unlinked(words),
    ]
    assert [wrong_with(message) for message in answers] == [[]] * len(answers)


@given(WORDS, st.integers(0, 60))
def test_slack_takes_a_home_and_forms_with_any_words(words: str, count: int) -> None:
    project = HomeProject(
        ProjectId("p"), words, START, preview_link=words, thread_link=words, preview_is_local=True
    )
    settings = HomeSettings(model=words, linked_as=words or None, link_url=words)
    models = ("auto", words, words * 3)

    assert wrong_with_view(render_home([project] * count, HomeUsage(), settings)) == []
    assert wrong_with_view(render_build_modal(models, prompt=words, about=TASK)) == []
    assert wrong_with_view(render_settings_view(settings, models)) == []
    assert wrong_with_view(render_trouble_view(words, words)) == []


@given(WORDS, st.lists(WORDS, max_size=6), st.integers(1, 60), st.integers(0, 9), st.integers(0, 9))
def test_slack_takes_files_and_changes_of_any_names_and_content(
    code: str, names: list[str], times: int, picked: int, page: int
) -> None:
    files = [FileEntry(f"{name}{n}", n) for n, name in enumerate(names * times)]
    shown = FilesPage(TASK, code, files, page, picked, code * times, page)
    diffs = [FileDiff(name, "updated", code) for name in names * 3]

    assert wrong_with_view(render_files_view(shown)) == []
    assert wrong_with_view(render_files_view(replace(shown, picked=None))) == []
    assert wrong_with_view(render_files_view(replace(shown, code=None))) == []
    assert wrong_with_view(render_diff_view(TASK, code, diffs, page)) == []


@pytest.mark.parametrize("sign", ["&", "<", "`", "漢", "😀", "\n", '"', "a/"])
def test_the_largest_app_still_fits_a_view(sign: str) -> None:
    files = [FileEntry(f"{sign * (500 // len(sign))}{n:03}", n) for n in range(900)]
    code = sign * 400_000
    shown = FilesPage(TASK, sign * 500, files, files_page=1, picked=120, code=code)
    diffs = [FileDiff(entry.path, "created", code) for entry in files[:3]]

    assert wrong_with_view(render_files_view(shown)) == []
    assert wrong_with_view(render_files_view(replace(shown, picked=None))) == []
    assert wrong_with_view(render_diff_view(TASK, sign * 500, diffs)) == []

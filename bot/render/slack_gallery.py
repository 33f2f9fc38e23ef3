"""Every message and view of the bot, from sample logs: to be looked at by people. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from agents import events as e
from agents.errors import CreditsUsedUp
from agents.offline import NOTICE
from agents.types import Check, Framework, ProjectId, TaskStatus
from bot.render import slack_accounts as accounts
from bot.render import slack_replies as replies
from bot.render import slack_sharing as sharing
from bot.render.slack import SHORT, TEXT_ONLY, TaskView, render_task
from bot.render.slack_actions import RETRY
from bot.render.slack_blocks import SlackMessage, View
from bot.render.slack_forms import (
    render_build_modal,
    render_loading_view,
    render_settings_view,
    render_trouble_view,
)
from bot.render.slack_help import render_help
from bot.render.slack_home import (
    HomeProject,
    HomeSettings,
    render_defaults,
    render_home,
    render_list,
)
from bot.render.slack_stories import (
    ACCEPTED,
    BEGUN,
    CHECKING,
    CHOSEN,
    COMPLETE,
    FIXING,
    GREEN,
    QUICK,
    RED,
    SHOWN,
    START,
    STARTED,
    STUCK,
    SUMMARY,
    TASK,
    WRITING,
    Story,
    completed,
    file_changed,
    state_of,
)
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

ADA, BEN = "U0ADA", "U0BEN"
LINK = "https://zapdev.example/p/9f2c7d41ab"
_BIKES, _BAKERY = Use(9, 1_180_000, 2.61), Use(3, 240_300, 0.79)
_USAGE = HomeUsage(
    day=Use(3, 212_400, 0.41),
    month=Use(12, 1_420_300, 3.4),
    apps=[AppUse("Bike shop board", _BIKES), AppUse("Bakery landing page", _BAKERY)],
    standing=Standing("pro", 100, 97, START + timedelta(hours=20)),
)
_NO_CREDITS = CreditsUsedUp(
    "You have used all 5 credits of the last 24 hours.",
    hint="The next one is back in 3 hours 4 minutes. Fixing errors costs nothing.",
)


def message_states() -> dict[str, SlackMessage]:
    """Name -> message, for each state that people can meet; views stand as their blocks."""
    messages = {**_task_states(), **_ends(), **_answers()}
    for name, view in view_states().items():
        title = view["title"]["text"] if "title" in view else "Home"
        messages[name] = SlackMessage(title, view["blocks"])
    return messages


def view_states() -> dict[str, View]:
    """Name -> modal or home, whole."""
    files = [FileEntry(path, 400 + 37 * n) for n, path in enumerate(_TREE)]
    page = FilesPage(about=TASK, title="Bike shop board", files=files)
    unmetered = HomeSettings(model="anthropic/claude-haiku-4.5", linked_as="ada@bikes.example")
    defaults = HomeSettings(link_url="https://zapdev.example/link")
    models = ("auto", "anthropic/claude-haiku-4.5", "openai/gpt-4o")
    return {
        "home empty": render_home([], HomeUsage(standing=Standing("free", 5, 5)), defaults),
        "home full": render_home(_projects(), _USAGE, unmetered),
        "view files": render_files_view(page),
        "view code": render_files_view(replace(page, picked=3, code=_CODE)),
        "view changes": render_diff_view(TASK, "Bike shop board", _DIFFS),
        "view no changes": render_diff_view(TASK, "Bike shop board", []),
        "form build": render_build_modal(models, prompt="A kanban board for a bike shop"),
        "form settings": render_settings_view(unmetered, models),
        "form settings offline": render_settings_view(HomeSettings(offline_model=True)),
        "view loading": render_loading_view("Files"),
        "view trouble": render_trouble_view("This app is gone.", "Somebody deleted it."),
    }


def _task_states() -> dict[str, SlackMessage]:
    """A task on its way, stage by stage."""
    behind = TaskView(START + timedelta(seconds=36), ADA, queued_behind=2)
    silent = TaskView(START + timedelta(seconds=140), ADA)
    restarted = replace(_view(60), notice=replies.RESTARTED)
    again: Story = [*WRITING, (60, e.TaskStarted(attempt=2, worker_id="worker_2"))]
    long: Story = [
        *WRITING,
        *(file_changed(40 + n, f"src/parts/Part{n}.tsx", 90 * n) for n in range(43)),
    ]
    return {
        "queued": _shown(ACCEPTED),
        "queued behind others": render_task(state_of(ACCEPTED), behind),
        "stage framework": _shown(STARTED),
        "stage sandbox": _shown(CHOSEN),
        "stage writing, first words": _shown(BEGUN),
        "stage writing": _shown(WRITING),
        "stage checks": _shown(CHECKING),
        "stage fixing": _shown(FIXING),
        "stage preview": _shown(GREEN),
        "stage finishing": _shown(SHOWN),
        "long file list": _shown(long),
        "silent for long": render_task(state_of(WRITING), silent),
        "restarted": render_task(state_of(again), restarted),
        "offline model": render_task(state_of(WRITING), replace(_view(34), offline_model=True)),
        "tier 1": render_task(state_of(WRITING), _view(34), SHORT),
        "tier 2": render_task(state_of(WRITING), _view(34), TEXT_ONLY),
    }


def _ends() -> dict[str, SlackMessage]:
    """The same task at its end, and the reply that follows."""
    shown = {}
    for name, story, view in _endings():
        state = state_of(story)
        shown[name] = render_task(state, view)
        shown[f"{name}, reply"] = replies.render_done_reply(state, view)
    complete = state_of(COMPLETE)
    shown["complete, tier 1"] = render_task(complete, _view(90), SHORT)
    shown["complete, tier 2"] = render_task(complete, _view(90), TEXT_ONLY)
    shown["stuck, tier 2"] = render_task(state_of(STUCK), _view(90), TEXT_ONLY)
    return shown


def _endings() -> Iterator[tuple[str, Story, TaskView]]:
    view = _view(90)
    yield "complete", COMPLETE, replace(view, can_undo=True)
    yield "complete without a fix", QUICK, view
    local = replace(view, preview_link="http://127.0.0.1:4173", preview_is_local=True)
    sample: Story = [*SHOWN, (81, completed(f"{SUMMARY} {NOTICE}"))]
    yield "complete, local, offline", sample, replace(local, offline_model=True)
    lint = e.CheckFinished(check=Check.LINT, ok=False, diagnostics=(RED,), duration_s=3.0)
    warned: Story = [*SHOWN, (80, lint), (81, completed(f"{SUMMARY} Lint still has 1 finding."))]
    yield "complete with findings", warned, view
    answered = completed("The board keeps its cards in the browser's local storage.", saved=False)
    yield "answered", [*BEGUN, (12, answered)], view
    busy = e.TaskFailed(
        code="rate_limited",
        message="The model provider is limiting requests right now.",
        hint="Wait a minute and retry, or choose another model.",
        retryable=True,
    )
    yield "failed", [*WRITING, (40, busy)], view
    refused = e.TaskFailed(
        code="content_refused",
        message="The model provider refused this request.",
        hint="Put it in other words.",
    )
    yield "failed for good", [*BEGUN, (12, refused)], view
    yield "stuck", STUCK, view
    stopped = e.TaskCancelled(by="slack")
    yield "stopped", [*WRITING, (40, stopped)], replace(view, stopped_by_user=BEN)
    yield "stopped while queued", [*ACCEPTED, (4, stopped)], view


def _answers() -> dict[str, SlackMessage]:
    """What the bot says beside its live messages."""
    retry = replies.NextStep("Retry", RETRY, TASK)
    return {
        "help": render_help(bot_user="U0ZAP"),
        "help, offline": render_help(offline_model=True),
        "accepted": replies.render_accepted("A kanban board for a bike shop"),
        "queued reply": replies.render_queued("make the accent colour green", 1),
        "refused": replies.render_refused(
            "There is no framework called Solid here.",
            "Next.js, React, Vue, Angular and Svelte are.",
            replies.HELP,
        ),
        "refused, again": replies.render_refused("The store did not answer.", None, retry),
        "needs link": replies.render_needs_link("https://zapdev.example/link"),
        **_account_answers(),
        "not in channel": replies.render_not_in_channel(),
        "not allowed": replies.render_not_allowed(),
        "nothing to stop": replies.render_nothing_to_stop(),
        "over already": replies.render_over(TaskStatus.COMPLETE),
        "corrected": replies.render_corrected("A kanban board for two bike shops"),
        "undone": replies.render_undone("Bike shop board"),
        "download": replies.render_download("https://zapdev.example/d/x1", 15),
        "unknown word": replies.render_unknown("liste"),
        "saved": replies.render_saved("Your framework", "Vue"),
        "choices": replies.render_choices("framework", "Vue", list(Framework), "framework svelte"),
        "defaults": render_defaults(HomeSettings(framework=Framework.VUE, others="viewer")),
        "sharing": sharing.render_sharing(ADA, {BEN: "viewer"}, "editor"),
        "shared": sharing.render_shared(None, "viewer"),
        "may only look": sharing.render_may_only_look(ADA, "1.1"),
        "new link": sharing.render_new_link("https://zapdev.example/p/9f2c7d41ab"),
        "asks to change it": sharing.render_asks_to_edit(BEN, ADA),
        "trouble": replies.render_trouble(),
        "list": render_list(_projects()),
        "list, empty": render_list([]),
        "usage": render_usage(_USAGE),
        "usage, nothing yet": render_usage(HomeUsage(standing=Standing("free", 5, 5))),
        "no credits left": render_quota(_NO_CREDITS),
    }


def _account_answers() -> dict[str, SlackMessage]:
    """About the account that somebody is linked to."""
    name, link_id = "ada@bikes.example", "link_01"
    people = [accounts.LinkedPerson(f"link_{n}", user, name) for n, user in enumerate((ADA, BEN))]
    return {
        "link page": accounts.render_link_page("https://zapdev.example/link"),
        "link code": accounts.render_code_question(name, "4f2d"),
        "link agreed": accounts.render_agreed(name),
        "link made": accounts.render_welcome(name, link_id, goes_on=True),
        "linked": accounts.render_linked(name, link_id),
        "unlinked": accounts.render_unlinked(),
        "not linked": accounts.render_was_not_linked(),
        "link not mine": accounts.render_not_me(),
        "links": accounts.render_links(people),
        "links of nobody": accounts.render_links([]),
        "unlinked another": accounts.render_other_unlinked(BEN),
    }


def _projects() -> list[HomeProject]:
    thread = "https://bikes.slack.example/archives/C1/p1700000000000100"
    board = HomeProject(ProjectId("proj_1"), "Bike shop board", START, Framework.REACT)
    board = replace(board, status=TaskStatus.COMPLETE, preview_link=LINK, thread_link=thread)
    local = "http://127.0.0.1:4173"
    return [
        board,
        replace(board, title="Summer party sign-up", status=TaskStatus.RUNNING, preview_link=None),
        replace(board, title="Tip calculator", preview_link=local, preview_is_local=True),
        replace(board, title="Tyre finder", status=TaskStatus.FAILED, preview_link=None),
        replace(board, title="Workshop clock", status=None, framework=None, preview_link=None),
    ]


def _view(at: float) -> TaskView:
    return TaskView(START + timedelta(seconds=at + 2), ADA, preview_link=LINK)


def _shown(story: Story) -> SlackMessage:
    return render_task(state_of(story), _view(story[-1][0]))


_TREE = (
    "index.html",
    "package.json",
    "src/App.tsx",
    "src/board.ts",
    "src/components/Board.tsx",
    "src/components/CardItem.tsx",
    "src/components/ui/Button.tsx",
    "src/data.ts",
    "src/theme.css",
)
_CODE = """\
import type { Card, Column } from "./data";

export function move(cards: Card[], id: string, to: Column): Card[] {
  return cards.map((card) => (card.id === id && card.column !== to ? { ...card, column: to } : card));
}

export const count = (cards: Card[], column: Column) => `${cards.length} in ${column}`;
"""
_DIFFS = (
    FileDiff(
        "src/theme.css",
        "updated",
        "@@ -1,3 +1,3 @@\n :root {\n-  --accent: #2563eb;\n+  --accent: #16a34a;\n }\n",
    ),
    FileDiff(
        "src/due.ts",
        "created",
        "@@ -0,0 +1,3 @@\n+export function isDue(day: Date, today: Date): boolean {\n"
        "+  return day <= today;\n+}\n",
    ),
    FileDiff("public/logo.png", "deleted", None),
)

"""App Home and the lists that commands give: a person's apps, use and defaults. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from agents.types import Framework, ProjectId, TaskStatus
from bot.render.slack_actions import OPEN_PREVIEW
from bot.render.slack_blocks import (
    Block,
    SlackMessage,
    View,
    actions,
    button,
    context,
    divider,
    header,
    section,
)
from bot.render.slack_help import SETTINGS
from bot.render.slack_plan import FRAMEWORKS
from bot.render.slack_replies import BUILD_SOMETHING, HELP, LINK_ACCOUNT, NextStep, render_notice
from bot.render.slack_text import escape_line, is_link, link, notification
from bot.render.slack_usage import HomeUsage, usage_line

EXAMPLE = "zd_example"
EXAMPLES = (
    "A kanban board for my team",
    "A sign-up page for our summer party",
    "A tip calculator that splits the bill",
)
MAX_APPS, MAX_HOME = 40, 60_000
MAX_LISTED, MAX_MESSAGE = 15, 11_000
"""How many apps, and how many characters of blocks."""

_STANDS = {
    None: "nothing built yet",
    TaskStatus.PENDING: "waiting",
    TaskStatus.RUNNING: "being built",
    TaskStatus.COMPLETE: "ready",
    TaskStatus.FAILED: "last build did not get finished",
    TaskStatus.CANCELLED: "last build was stopped",
}


@dataclass(frozen=True, slots=True)
class HomeProject:
    """One app in a list; `status` is its newest task's."""

    id: ProjectId
    title: str
    updated_at: datetime
    framework: Framework | None = None
    status: TaskStatus | None = None
    preview_link: str | None = None
    preview_is_local: bool = False
    thread_link: str | None = None


@dataclass(frozen=True, slots=True)
class HomeSettings:
    """A person's defaults, and whether they are linked to an account.

    `others` is what others may do with the apps that this person begins. `link_url` is None where there are no accounts.
    """

    model: str = "auto"
    framework: Framework | None = None
    others: Literal["editor", "viewer"] = "editor"
    linked_as: str | None = None
    link_url: str | None = None
    offline_model: bool = False


def render_home(projects: Sequence[HomeProject], usage: HomeUsage, settings: HomeSettings) -> View:
    """The Home tab."""
    row = [BUILD_SOMETHING.button(), NextStep("Settings", SETTINGS).button(), HELP.button()]
    blocks = [
        header("Your apps"),
        actions(row),
        context(" · ".join([*usage_line(usage), *_wishes(settings)])),
    ]
    blocks += _account(settings)
    blocks.append(divider())
    blocks += _apps(projects, MAX_APPS, MAX_HOME) if projects else _empty()
    return {"type": "home", "blocks": blocks}


def render_list(projects: Sequence[HomeProject]) -> SlackMessage:
    """The answer to `list`."""
    if not projects:
        return SlackMessage("You have no app yet. Say what you want to build.", _empty())
    count = f"{len(projects)} app{'s' * (len(projects) != 1)}"
    return SlackMessage(f"You have {count}.", _apps(projects, MAX_LISTED, MAX_MESSAGE))


def render_defaults(settings: HomeSettings) -> SlackMessage:
    """The answer to `settings` where no form can be opened by itself."""
    words = " · ".join(_wishes(settings))
    return render_notice(
        f"*Your defaults*\n{words}",
        NextStep("Change them", SETTINGS, style="primary"),
        text=f"Your defaults: {words}",
    )


def _wishes(settings: HomeSettings) -> Iterator[str]:
    if settings.offline_model:
        yield "offline model, no AI"
    else:
        yield f"model: {notification(settings.model, 200) or 'auto'}"
    framework = FRAMEWORKS[settings.framework] if settings.framework else "chosen for each app"
    yield f"framework: {framework}"
    if settings.others == "viewer":
        yield "others may only look"


def _account(settings: HomeSettings) -> list[Block]:
    if settings.linked_as is not None:
        return [context(f"Linked to {escape_line(settings.linked_as, 300)}")]
    if settings.link_url is None:
        return []
    step = NextStep("Link account", LINK_ACCOUNT, url=settings.link_url, style="primary")
    return [section("Link your account once, then I can build for you.", accessory=step.button())]


def _apps(projects: Sequence[HomeProject], most: int, characters: int) -> list[Block]:
    blocks: list[Block] = []
    for project in projects[:most]:
        block = _app(project)
        characters -= len(str(block))
        if characters < 0:
            break
        blocks.append(block)
    hidden = len(projects) - len(blocks)
    if hidden > 0:
        blocks.append(context(f"… and {hidden} more, not changed for longer"))
    return blocks


def _app(project: HomeProject) -> Block:
    opener = None
    if is_link(project.preview_link):
        opener = button("Open preview", OPEN_PREVIEW, project.id, url=project.preview_link)
    name = escape_line(project.title, 300) or "An app without a name"
    return section(f"*{name}*\n{' · '.join(_facts(project))}", accessory=opener)


def _facts(project: HomeProject) -> Iterator[str]:
    if project.framework is not None:
        yield FRAMEWORKS[project.framework]
    yield _STANDS[project.status]
    yield _when(project.updated_at)
    if project.preview_link is not None and project.preview_is_local:
        yield "preview opens on the bot's machine only"
    if found := link(project.thread_link or "", "thread"):
        yield found


def _when(at: datetime) -> str:
    """A time as each reader's Slack shows it."""
    shown = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{shown}>"


def _empty() -> list[Block]:
    row = [button(words, f"{EXAMPLE}:{n}", str(n)) for n, words in enumerate(EXAMPLES)]
    return [
        section(
            "*No app yet*\nSay in a sentence what you want. It is written, checked and started "
            "while you watch, and you get a link. Or begin with one of these:"
        ),
        actions(row),
    ]

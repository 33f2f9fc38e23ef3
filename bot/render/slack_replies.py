"""What the bot says beside its live messages: short answers in plain words. Pure.

Each says what happened and what to do next, the next step as a button where there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.task_state import TaskState
from agents.types import TaskStatus
from bot.render.slack import TaskView, app_name
from bot.render.slack_actions import has_red_check
from bot.render.slack_blocks import Block, SlackMessage, Style, actions, button, section
from bot.render.slack_text import escape, escape_line, link, mention, notification, one_line

_CHOICES = 20

LINK_ACCOUNT = "zd_link"
BUILD_IN_DM = "zd_build_in_dm"
SHOW_HELP = "zd_help"
NEW_APP = "zd_new"


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing to do now, as a button."""

    words: str
    action_id: str
    value: str = ""
    url: str | None = None
    style: Style | None = None

    def button(self) -> Block:
        return button(self.words, self.action_id, self.value, url=self.url, style=self.style)


HELP = NextStep("Show help", SHOW_HELP)
BUILD_SOMETHING = NextStep("Build something", NEW_APP, style="primary")


def render_done_reply(state: TaskState, view: TaskView) -> SlackMessage:
    """The one new message at the end of a task; edits notify nobody, this does."""
    said = _ending(state, view)
    asker = mention(view.requested_by_user)
    return SlackMessage(f"{asker} {said}" if asker else said)


def _ending(state: TaskState, view: TaskView) -> str:
    name = f"*{notification(app_name(state), 300)}*"
    match state.status:
        case TaskStatus.COMPLETE if state.fragment_id is None:
            return notification(state.message, 1_500) or "Done. Nothing had to be changed."
        case TaskStatus.COMPLETE:
            return _ready(state, view, name)
        case TaskStatus.CANCELLED:
            stopper = mention(view.stopped_by_user)
            by = f" by {stopper}" if stopper else ""
            return f"{name} was stopped{by}. Nothing was changed."
        case TaskStatus.FAILED if state.problem is not None:
            return _failed(state, name)
        case _:
            return f"{name} is still being built."


def _ready(state: TaskState, view: TaskView, name: str) -> str:
    if has_red_check(state, beside_lint=True):
        words = [f"{name} is kept as it is; its checks are not green."]
    else:
        left = ", with findings of lint left" if has_red_check(state) else ""
        words = [f"{name} is ready{left}."]
    if state.preview_url is not None and view.preview_link is not None:
        found = link(view.preview_link, "Open the preview")
        where = " on the machine that the bot runs on" if view.preview_is_local else ""
        words += [f"{found}{where}."] if found else []
    return " ".join([*words, "Reply here to change it."])


def _failed(state: TaskState, name: str) -> str:
    problem = state.problem
    if problem is None:
        return f"{name} did not get finished."
    reason = notification(problem.message, 700)
    if problem.options:
        return f"{name} needs your decision. {reason} Choose above, or reply in your own words."
    hint = f" {notification(problem.hint, 700)}" if problem.hint else ""
    return f"{name} did not get finished. {reason}{hint}"


def render_queued(prompt: str, behind: int) -> SlackMessage:
    """A reply came while a task runs: it waits for its turn."""
    turn = "right after the build that runs now" if behind <= 1 else f"after {behind} builds"
    said = f"Noted: “{notification(prompt, 200)}”. It comes {turn}, by itself."
    return SlackMessage(said)


def render_refused(
    problem: str, hint: str | None = None, next_step: NextStep | None = None
) -> SlackMessage:
    """What the bot cannot do, why, and the way on."""
    problem = one_line(problem) or "That did not work."
    words = f"*{escape_line(problem, 700)}*"
    if hint and hint.strip():
        words += f"\n{escape(hint.strip(), 1_200)}"
    return render_notice(words, next_step, text=f"{problem} {hint or ''}")


def render_notice(
    words: str, *next_steps: NextStep | None, text: str | None = None
) -> SlackMessage:
    """Our own words, escaped where they hold foreign ones, and buttons for what comes next."""
    buttons = [step.button() for step in next_steps if step is not None]
    blocks = [section(words)]
    blocks += [actions(buttons)] if buttons else []
    return SlackMessage(words if text is None else notification(text, 2_000), blocks)


def render_accepted(prompt: str) -> SlackMessage:
    """The answer to a slash command, seen by its author only."""
    return SlackMessage(f"On it: “{notification(prompt, 200)}”. I show the work in this channel.")


def render_needs_link(url: str, *, is_kept: bool = True) -> SlackMessage:
    """The wall of a person who is not linked to an account yet. `is_kept`: what they wanted is."""
    rest = (
        "It takes a minute, and then this goes on by itself." if is_kept else "It takes a minute."
    )
    said = render_notice(
        f"*Link your account first.*\n{rest}",
        NextStep("Link account", LINK_ACCOUNT, url=url, style="primary"),
        text=f"Link your account first. {rest}",
    )
    return replace(said, is_private=True, is_repeated=True)


def render_not_in_channel(value: str = "") -> SlackMessage:
    """The command was typed where the bot may not write."""
    return render_notice(
        "*I cannot write in this channel.*\n"
        "Invite me with `/invite @Zapdev` and ask again, or I build it in our direct messages.",
        NextStep("Build it in a direct message", BUILD_IN_DM, value),
        text="I cannot write in this channel. Invite me, or let me build it in a direct message.",
    )


def render_not_allowed() -> SlackMessage:
    """A button was pressed by somebody who is not on the project."""
    return render_notice(
        "*This app belongs to somebody else.*\nOnly people on the project can do that. "
        "You can build your own.",
        BUILD_SOMETHING,
    )


def render_nothing_to_stop() -> SlackMessage:
    return render_notice("Nothing is being built here, so there is nothing to stop.")


def render_over(status: TaskStatus) -> SlackMessage:
    """A button of a task that has ended in the meantime."""
    ended = {
        TaskStatus.COMPLETE: "is finished already",
        TaskStatus.FAILED: "has ended already",
        TaskStatus.CANCELLED: "was stopped already",
    }.get(status, "is still running")
    return render_notice(f"That build {ended}. The message above shows how it stands.")


def render_corrected(prompt: str) -> SlackMessage:
    """The message that started a run was edited."""
    said = f"You edited your request, so I start again with: “{notification(prompt, 200)}”"
    return SlackMessage(said)


def render_undone(title: str, *, is_checked: bool = True) -> SlackMessage:
    """A version was put back, and is checked and started next, unless that could not be asked."""
    name = notification(title, 300) or "the version before"
    follows = "Its preview follows in a moment." if is_checked else "Reply to see it running."
    return render_notice(f"The app is back at *{name}*. {follows}")


def render_download(url: str, minutes: int) -> SlackMessage:
    """The link to the whole app as a file."""
    found = link(url, "Download the app as a zip file")
    if found is None:
        return render_refused("The download is not available right now.", "Try again in a minute.")
    return render_notice(f"{found}. The link works for {minutes} minutes.")


def render_unknown(words: str) -> SlackMessage:
    """A word that is no command, where it cannot be a request either."""
    said = notification(words, 200)
    return render_notice(f"I do not know what to do with “{said}”.", HELP, BUILD_SOMETHING)


def render_saved(what: str, value: str) -> SlackMessage:
    """A default was set, such as the model."""
    return render_notice(f"{what} is now *{notification(value, 200)}*, from your next build on.")


def render_choices(what: str, now: str, known: Sequence[str], example: str) -> SlackMessage:
    """What is used, and what else there is."""
    listed = ", ".join(f"`{escape_line(name, 100)}`" for name in known[:_CHOICES])
    rest = f" and {len(known) - _CHOICES} more" if len(known) > _CHOICES else ""
    return render_notice(
        f"Your {what} is *{notification(now, 200)}*. There are {listed}{rest}.\n"
        f"For all your builds: `{escape_line(example, 120)}`. "
        f"For one: `--{what}` behind what you want.",
        text=f"Your {what} is {notification(now, 200)}.",
    )


def render_trouble() -> SlackMessage:
    """A defect of ours, or a service that does not answer."""
    return render_notice("*That did not work, and it is not your fault.*\nTry again in a minute.")


RESTARTED = "The bot was restarted. This build goes on by itself."
"""For `TaskView.notice`."""

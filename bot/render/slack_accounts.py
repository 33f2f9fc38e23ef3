"""Accounts and who is linked to them, in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.render.slack_blocks import Block, SlackMessage, button, context, section
from bot.render.slack_replies import LINK_ACCOUNT, NextStep, render_notice
from bot.render.slack_text import escape_line, mention, notification

AGREE = "zd_link_agree"
NOT_ME = "zd_link_not_me"
UNLINK = "zd_unlink"
UNLINK_OTHER = "zd_unlink_other"
BUTTONS = (AGREE, NOT_ME, UNLINK, UNLINK_OTHER)

_LISTED = 20
_NAME = 120


@dataclass(frozen=True, slots=True)
class LinkedPerson:
    """One line of the list for administrators."""

    link_id: str
    user_id: str
    account: str


def render_linked(account: str, link_id: str) -> SlackMessage:
    """The answer to `link` for who is linked."""
    name = escape_line(account, _NAME)
    said = render_notice(
        f"You are linked to *{name}*. What you ask for here belongs to that account.",
        NextStep("Unlink", UNLINK, link_id),
        text=f"You are linked to {notification(account, _NAME)}.",
    )
    return _alone(said)


def render_link_page(url: str) -> SlackMessage:
    """The answer to `link` for who is not."""
    said = render_notice(
        "*Link your account*\nThe page opens in your browser: sign in there, then show that this "
        "Slack user is you. It takes a minute.",
        NextStep("Link account", LINK_ACCOUNT, url=url, style="primary"),
        text="Link your account: open the page and sign in there.",
    )
    return _alone(said)


def render_code_question(account: str, request_hash: str) -> SlackMessage:
    """Somebody typed a code: whose account it is, and whether they want it."""
    name = escape_line(account, _NAME)
    said = render_notice(
        f"*Link your Slack user to {name}?*\nWhat you ask for here will belong to that account. "
        "Say yes only if you have just got the code on your own screen: a code that somebody sent "
        "you links you to *their* account.",
        NextStep("Yes, that is me", AGREE, request_hash, style="primary"),
        text=f"Link your Slack user to {notification(account, _NAME)}?",
    )
    return _alone(said)


def render_agreed(account: str) -> SlackMessage:
    """The page does the rest."""
    said = f"Good. Now confirm it on the page where you are signed in as *{escape_line(account, _NAME)}*."
    return _alone(render_notice(said, text="Good. Now confirm it on the page."))


def render_welcome(account: str, link_id: str, *, goes_on: bool) -> SlackMessage:
    """The direct message after linking, with the way back for who did not do it."""
    name = escape_line(account, _NAME)
    rest = " What you had asked for begins now." if goes_on else ""
    return render_notice(
        f"Your Slack user is linked to *{name}* now.{rest}\n"
        "If that was not you, press the button: the link ends, and what it has started stops.",
        NextStep("It wasn't me", NOT_ME, link_id, style="danger"),
        text=f"Your Slack user is linked to {notification(account, _NAME)} now.{rest}",
    )


def render_unlinked() -> SlackMessage:
    said = render_notice(
        "You are not linked to an account any more. What you had running was stopped; your apps "
        "stay with that account."
    )
    return _alone(said)


def render_was_not_linked() -> SlackMessage:
    return _alone(render_notice("You are not linked to an account."))


def render_not_me() -> SlackMessage:
    """Who pressed “It wasn't me” is told what happened then."""
    return render_notice(
        "*The link is ended, and what it had started is stopped.*\nSomebody who can sign in as you "
        "at Slack may have made it: tell an administrator of this workspace.",
        text="The link is ended, and what it had started is stopped.",
    )


def render_another_link(account: str, link_id: str) -> SlackMessage:
    """The same, while a link lives that was made afterwards."""
    name = escape_line(account, _NAME)
    return render_notice(
        f"*That link has ended already, but you are linked again: to {name}.*\n"
        "If that is not you either, unlink it, and tell an administrator of this workspace.",
        NextStep("Unlink", UNLINK, link_id, style="danger"),
        text=f"You are linked again: to {notification(account, _NAME)}.",
    )


def render_links(people: Sequence[LinkedPerson]) -> SlackMessage:
    """Who is linked in a workspace, for its administrators."""
    if not people:
        return _alone(render_notice("Nobody in this workspace is linked to an account."))
    blocks: list[Block] = [section(f"*Linked in this workspace*: {len(people)}")]
    blocks += [
        section(
            f"{mention(one.user_id) or escape_line(one.user_id, _NAME)} is "
            f"{escape_line(one.account, _NAME)}",
            accessory=button("Unlink", f"{UNLINK_OTHER}:{number}", one.link_id),
        )
        for number, one in enumerate(people[:_LISTED])
    ]
    if len(people) > _LISTED:
        blocks.append(context(f"… and {len(people) - _LISTED} more"))
    count = len(people)
    text = f"{count} {'person is' if count == 1 else 'people are'} linked in this workspace."
    return _alone(SlackMessage(text, blocks))


def render_other_unlinked(user_id: str) -> SlackMessage:
    who = mention(user_id) or "That person"
    return _alone(
        render_notice(f"{who} is not linked any more. What they had running was stopped.")
    )


def _alone(message: SlackMessage) -> SlackMessage:
    """For the person alone, each time they ask."""
    return replace(message, is_private=True, is_repeated=True)

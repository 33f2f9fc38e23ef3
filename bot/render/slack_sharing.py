"""Who may change an app, in words. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from bot.render.slack_blocks import Block, SlackMessage, context, section
from bot.render.slack_replies import NextStep, render_notice
from bot.render.slack_text import link as slack_link
from bot.render.slack_text import mention

ASK_EDIT = "zd_ask_edit"
LET_EDIT = "zd_let_edit"

_MAY: Mapping[str, str] = {"editor": "may change it", "viewer": "may look at it"}
_LISTED = 30


def person(user_id: str) -> str:
    """A live mention, or plain words for who cannot be mentioned."""
    return mention(user_id) or "somebody else"


def render_sharing(
    owner: str,
    members: Mapping[str, Literal["editor", "viewer"]],
    everybody: Literal["editor", "viewer"],
) -> SlackMessage:
    """Who may do what with an app."""
    lines = [f"• {person(owner)} owns it"]
    lines += [f"• {person(user)} {_MAY[role]}" for user, role in sorted(members.items())[:_LISTED]]
    if len(members) > _LISTED:
        lines.append(f"• and {len(members) - _LISTED} more")
    lines.append(f"• everybody else in this workspace {_MAY[everybody]}")
    text = f"{lines[0][2:]}; everybody else in this workspace {_MAY[everybody]}."
    blocks: list[Block] = [
        section("*Who may do what with this app*\n" + "\n".join(lines)),
        context(
            "Its owner changes that: `share @somebody`, `share @somebody view`, "
            "`share everybody view`, `unshare @somebody`"
        ),
    ]
    return SlackMessage(text, blocks)


def render_shared(user_id: str | None, role: Literal["editor", "viewer"] | None) -> SlackMessage:
    """A role was given, or taken back."""
    who = "Everybody in this workspace" if user_id is None else person(user_id)
    if role is not None:
        return render_notice(f"{who} {_MAY[role]} now.")
    rest = "Your settings decide again." if user_id is None else "What holds for everybody does."
    return render_notice(f"{who} has no role of their own here any more. {rest}")


def render_may_only_look(owner: str, place: str) -> SlackMessage:
    """Somebody asked for a change who may not; `place` is the thread, for who asks."""
    said = render_notice(
        f"*You may look at this app, but not change it.*\nIt belongs to {person(owner)}.",
        NextStep("Ask to change it", ASK_EDIT, place),
        text="You may look at this app, but not change it.",
    )
    return replace(said, is_private=True)


def render_asks_to_edit(user_id: str, owner: str) -> SlackMessage:
    """In the thread, for the owner."""
    words = f"{person(owner)}, {person(user_id)} would like to change this app."
    return render_notice(words, NextStep("Let them", LET_EDIT, user_id, style="primary"))


def render_may_edit() -> SlackMessage:
    """Somebody asks for what they have."""
    return render_notice("You may change this app. Reply in its thread with what should change.")


def render_asked(owner: str) -> SlackMessage:
    return render_notice(f"I asked {person(owner)}. You can reply here as soon as they let you.")


def render_new_link(link: str) -> SlackMessage:
    """The old preview link is dead."""
    found = slack_link(link, "Open the preview") or "It is in the app's list."
    return render_notice(f"The old link opens nothing any more. {found}")


def render_only_owner(owner: str) -> SlackMessage:
    """Somebody else wants to decide who may do what."""
    said = f"Only its owner decides that. It is {person(owner)}'s app."
    return replace(render_notice(said), is_private=True)

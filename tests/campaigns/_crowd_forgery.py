"""People of other workspaces who try to get at an app: with ids they have copied, and as guests.

What Slack tells of them is true in one thing: which workspace they are of. Nothing may come of it.
"""

import asyncio
import functools
from contextlib import suppress
from typing import Any

from bot.render import slack_actions as buttons
from bot.render.slack_views import PICK_FILE
from tests.campaigns._crowd_cast import TEAMS, Crowd, Thread
from tests.campaigns._crowd_sight import InVain, build_of, builds_of, seen
from tests.fakes.slack.forms import NotThere
from tests.fakes.slack.world import Json, Message

CONTRABAND = "contraband"
"""What smugglers ask for: no task may have it."""

ANSWER_S = 20.0
_AT_END = (
    buttons.RETRY,
    buttons.FIX,
    buttons.UNDO,
    buttons.suggest(0),
    buttons.DOWNLOAD,
    buttons.STOP,
)


async def prepare(crowd: Crowd) -> None:
    """Each smuggler asks for help at home: its answer has buttons, if it comes."""
    for user in crowd.smugglers.values():
        asked = await crowd.slack.dm(user, "help")
        answer = functools.partial(_answer_to, crowd, asked)
        crowd.pockets[user] = asked
        with suppress(InVain):
            crowd.pockets[user] = await seen(answer, ANSWER_S, "an answer to help")


def _answer_to(crowd: Crowd, asked: Message) -> Message | None:
    there = crowd.slack.bot_messages(asked.channel.id, thread_ts=asked.ts)
    return there[0] if there else None


async def forge_in_build(crowd: Crowd, thread: Thread) -> None:
    """While its first build runs: words in its thread, an edit, and both ways to stop it."""
    for team, user in crowd.smugglers.items():
        if team != thread.team:
            for event in _events(crowd, thread, user, team):
                payload = crowd.slack.payloads.event(team, event)
                crowd.forgeries += 1
                await crowd.slack.deliver("event", payload)
            for message in builds_of(crowd.slack, thread)[:1]:
                await _click(crowd, user, buttons.STOP, build_of(message) or "")
    if thread.channel == crowd.shared:
        await _be_a_guest(crowd, thread, is_over=False)


def _events(crowd: Crowd, thread: Thread, user: str, team: str) -> list[Json]:
    """As a workspace is told that shares the channel: the same ids, but it is not the same place."""
    world = crowd.slack.world

    def said(text: str, ts: str | None = None) -> Json:
        stamp = ts or world.next_ts()
        mine = {"type": "message", "user": user, "team": team, "text": text}
        return {**mine, "ts": stamp, "event_ts": stamp, "thread_ts": thread.root}

    place = {"channel": thread.channel, "channel_type": "channel"}
    edit: Json = {
        **place,
        "type": "message",
        "subtype": "message_changed",
        "message": {
            **said(CONTRABAND, thread.root),
            "edited": {"user": user, "ts": world.next_ts()},
        },
        "previous_message": said(thread.first, thread.root),
        "event_ts": world.next_ts(),
    }
    stop: Json = {
        "type": "agent_session_stopped",
        "channel": thread.channel,
        "thread_ts": thread.root,
        "user": user,
        "streaming_message_ts": [],
        "event_ts": world.next_ts(),
    }
    words = [{**place, **said(text)} for text in ("stop", f"put {CONTRABAND} in, too")]
    return [*words, edit, stop]


async def forge_at_end(crowd: Crowd, thread: Thread) -> None:
    """When builds have ended: every button that there is, with a value that was copied."""
    number = thread.number
    for message in builds_of(crowd.slack, thread)[-1:]:
        task_id = build_of(message) or ""
        for at, team in enumerate(t for t in TEAMS if t != thread.team):
            user = crowd.smugglers[team]
            await _click(crowd, user, _AT_END[(number + at) % len(_AT_END)], task_id)
            await _click(crowd, user, _AT_END[(number + at + 3) % len(_AT_END)], task_id)
            await _look_inside(crowd, user, buttons.DIFF if number % 2 else buttons.FILES, task_id)
    if thread.channel == crowd.shared:
        await _be_a_guest(crowd, thread, is_over=True)


async def _click(crowd: Crowd, user: str, action: str, task_id: str) -> None:
    """Press a button of one's own with another's value, and wait to be told off."""
    slack, person = crowd.slack, crowd.slack.world.users[user]
    async with crowd.turns[user]:
        crowd.forgeries += 1
        before = len(slack.ephemeral(user))
        forged = slack.payloads.block_actions(person, crowd.pockets[user], _button(action, task_id))
        await slack.deliver("interactive", forged)
        with suppress(InVain):
            await seen(lambda: len(slack.ephemeral(user)) > before, ANSWER_S, "a refusal")


def _button(action: str, value: str) -> dict[str, Any]:
    words = {"type": "plain_text", "text": "Open"}
    return {
        "type": "button",
        "action_id": action,
        "block_id": "forged",
        "value": f"{value}:0" if action.startswith(buttons.SUGGEST) else value,
        "text": words,
    }


async def _look_inside(crowd: Crowd, user: str, action: str, task_id: str) -> None:
    """Open another's app, and then turn a page of it in the view that came instead."""
    slack, person = crowd.slack, crowd.slack.world.users[user]
    async with crowd.turns[user]:
        crowd.forgeries += 1
        before = set(slack.world.views)
        pocket = crowd.pockets[user]
        forged = slack.payloads.block_actions(person, pocket, _button(action, task_id))
        await slack.deliver("interactive", forged)

        def shown() -> str | None:
            mine = [v for v in slack.views if v.user == user and v.id not in before]
            return next((v.id for v in mine if len(v.history) > 1), None)

        with suppress(InVain):
            view = slack.world.views[await seen(shown, ANSWER_S, "a refusal")]
            pick = {
                "type": "static_select",
                "action_id": PICK_FILE,
                "block_id": "zd_files",
                "selected_option": {"value": "0"},
            }
            turned = slack.payloads.view_actions(person, view, pick)
            turned["view"]["private_metadata"] = task_id
            crowd.forgeries += 1
            await slack.deliver("interactive", turned)
            await seen(lambda: len(view.history) > 2, ANSWER_S, "a refusal")


async def _be_a_guest(crowd: Crowd, thread: Thread, *, is_over: bool) -> None:
    """In a channel that is shared with them, what smugglers see they can press and answer."""
    slack, user = crowd.slack, crowd.smugglers[TEAMS[1]]
    crowd.forgeries += 2
    wanted = (buttons.UNDO, buttons.FILES) if is_over else (buttons.STOP,)
    word = "undo" if is_over else "stop"
    await asyncio.gather(
        slack.say(user, thread.channel, word, thread.root),
        slack.mention(user, thread.channel, f"put {CONTRABAND} in", thread.root),
    )
    for message in builds_of(slack, thread)[-1:]:
        for action in wanted:
            with suppress(NotThere):
                await slack.click(user, message, action)
                crowd.forgeries += 1

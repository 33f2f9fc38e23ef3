"""What people keep doing in Slack while their apps are built: a seeded mix, no step waits for another.

The mix is a deck that is shuffled, dealt and shuffled again, so each kind comes soon and often.
Most of it are questions. Another build is asked for a few times only, as builds are the load.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bot.render import slack_actions as buttons
from bot.render.slack_forms import BUILD_FORM, CHANNEL, PROMPT
from bot.slack.door import EVENT_TYPE
from bot.slack.listeners import BUILD_FROM_MESSAGE, NEW_BUILD
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message, View

TEAM = "T1"
COMMAND = "/zapdev"
SQUARE = "CSQUARE"
"""The channel in which everybody is, with a finished app."""

PAUSE_S = 0.1
_TOPICS = ("help", "list", "status", "usage", "settings", "model")
_WORDS = ("Lunch?", "Who has the keys of the boat yard?", "The tide is at six.", "See you there.")


def channel_of(user: str) -> str:
    """Where a person has an app built."""
    return f"C{user}"


def live_messages(slack: FakeSlack, channel: str) -> list[Message]:
    """The tasks' own messages there, in the order of their posting."""
    return [m for m in slack.bot_messages(channel) if _task_of(m)]


def _task_of(message: Message) -> str:
    """Whose live message it is; nothing when it is none."""
    noted = message.history[0].metadata or {}
    if noted.get("event_type") != EVENT_TYPE:
        return ""
    task_id = str(noted["event_payload"]["task_id"])
    return "" if task_id.endswith(":done") else task_id


def has_button(message: Message, action_id: str) -> bool:
    rows = [block for block in message.blocks if block["type"] == "actions"]
    return any(e["action_id"] == action_id for row in rows for e in row["elements"])


@dataclass(eq=False)
class Town:
    """People, each with a channel of their own and an app that is being built there."""

    slack: FakeSlack
    rng: Random
    people: list[str]
    finished: Message
    """The message of an app that is there to be looked at, in the square."""
    wishes: int
    """How many more builds may be asked for."""
    done: int = 0
    said: dict[str, Message] = field(default_factory=dict)
    """What each person has last written that is not for the bot."""
    _deck: list["Deed"] = field(default_factory=list)

    async def bustle(self, enough: asyncio.Event) -> None:
        """Somebody does something every 50 to 100 ms until it is enough; then all is answered."""
        async with asyncio.TaskGroup() as deeds:
            while not enough.is_set():
                deeds.create_task(self._next()(self, self.rng.choice(self.people)))
                self.done += 1
                await asyncio.sleep(self.rng.uniform(PAUSE_S / 2, PAUSE_S))

    def takes_wish(self) -> bool:
        """Whether one more build may be asked for; if so, it is counted."""
        self.wishes -= 1
        return self.wishes >= 0

    def _next(self) -> "Deed":
        if not self._deck:
            self._deck = [deed for deed, often in DEEDS.items() for _ in range(often)]
            self.rng.shuffle(self._deck)
        return self._deck.pop()


Deed = Callable[[Town, str], Coroutine[Any, Any, None]]


async def _ask(town: Town, user: str) -> None:
    await town.slack.command(user, channel_of(user), COMMAND, town.rng.choice(_TOPICS))


async def _mention(town: Town, user: str) -> None:
    await town.slack.mention(user, channel_of(user), town.rng.choice(_TOPICS))


async def _reply(town: Town, user: str) -> None:
    """In the thread of the app that is being built."""
    root = _root(town, user)
    words = town.rng.choice(("status", "help", "!aside looks fine to me"))
    await town.slack.say(user, channel_of(user), words, root)


async def _mention_in_thread(town: Town, user: str) -> None:
    await town.slack.mention(user, channel_of(user), "status", _root(town, user))


async def _chat(town: Town, user: str) -> None:
    """Nothing that is meant for the bot."""
    words = town.rng.choice(_WORDS)
    town.said[user] = await town.slack.say(user, channel_of(user), words)


async def _edit(town: Town, user: str) -> None:
    if user not in town.said:
        await _chat(town, user)
    message = town.said[user]
    await town.slack.edit(user, message, f"{message.text} (Or later.)")


async def _direct(town: Town, user: str) -> None:
    await town.slack.dm(user, town.rng.choice(_TOPICS))


async def _look_home(town: Town, user: str) -> None:
    await town.slack.open_home(user)


async def _click(town: Town, user: str) -> None:
    choice = (buttons.FILES, buttons.DIFF, buttons.DOWNLOAD, buttons.OPEN_PREVIEW)
    shown = [action for action in choice if has_button(town.finished, action)]
    await town.slack.click(user, town.finished, town.rng.choice(shown))


async def _open_form(town: Town, user: str) -> None:
    await town.slack.shortcut(user, NEW_BUILD)


async def _send_form(town: Town, user: str) -> None:
    """The words name an option without a value, so the form stays; sometimes they are right."""
    form = _form_of(town, user)
    if form is None:
        await _open_form(town, user)
    else:
        prompt = "A form for boats" if town.takes_wish() else "A form --framework"
        await town.slack.submit(user, form, {PROMPT: prompt, CHANNEL: channel_of(user)})


async def _wish(town: Town, user: str) -> None:
    """Another app, or a change that waits for the app, in one of the ways there are."""
    if not town.takes_wish():
        await _ask(town, user)
        return
    channel, way = channel_of(user), town.rng.randrange(4)
    words = f"A tide table for {user}"
    if way == 0:
        await town.slack.command(user, channel, COMMAND, f"{words} --framework react")
    elif way == 1:
        await town.slack.mention(user, channel, f"{words} --framework react")
    elif way == 2:
        message = await town.slack.say(user, channel, words)
        await town.slack.message_shortcut(user, message, BUILD_FROM_MESSAGE)
    else:
        await town.slack.say(user, channel, "Make the accent colour green", _root(town, user))


async def _stop(town: Town, user: str) -> None:
    """Of what was wished for besides, the first that still goes on; the apps are left alone."""
    besides = live_messages(town.slack, channel_of(user))[1:]
    going = [message for message in besides if has_button(message, buttons.STOP)]
    if going:
        await town.slack.click(user, going[0], buttons.STOP)
    else:
        await _ask(town, user)


DEEDS: dict[Deed, int] = {
    _ask: 6,
    _mention: 3,
    _mention_in_thread: 2,
    _reply: 3,
    _chat: 2,
    _edit: 1,
    _direct: 2,
    _look_home: 2,
    _click: 3,
    _open_form: 1,
    _send_form: 1,
    _wish: 1,
    _stop: 1,
}
"""How often each comes up in a deck."""


def _root(town: Town, user: str) -> str | None:
    """The thread of a person's app; None until its message is there."""
    shown = live_messages(town.slack, channel_of(user))
    return shown[0].ts if shown else None


def _form_of(town: Town, user: str) -> View | None:
    view = town.slack.modal(user)
    return view if view is not None and view.body.get("callback_id") == BUILD_FORM else None

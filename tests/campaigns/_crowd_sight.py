"""How a person of the crowd sees what goes on in Slack."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from tests.campaigns._crowd_cast import Thread
from tests.campaigns._storm import task_of
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.world import Message

LOOK_S = 0.1

T = TypeVar("T")


class InVain(Exception):
    """What somebody waited for did not come."""


async def seen(what: Callable[[], T | None], limit_s: float, name: str) -> T:
    """What there is to see once there is something. Raises: InVain."""
    try:
        async with asyncio.timeout(limit_s):
            while not (found := what()):  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(LOOK_S)
            return found
    except TimeoutError:
        raise InVain(name) from None


def builds_in(slack: FakeSlack, channel: str) -> list[Message]:
    """The live messages there, the oldest first."""
    return [m for m in slack.world.messages.get(channel, []) if build_of(m) is not None]


def builds_of(slack: FakeSlack, thread: Thread) -> list[Message]:
    """The thread's live messages, the oldest first."""
    return [m for m in builds_in(slack, thread.channel) if m.root_ts == thread.root]


def build_of(message: Message) -> str | None:
    """The task that a live message is about; None of every other message."""
    task_id = task_of(message)
    return None if task_id is None or is_word_at_end(task_id) else task_id


def is_word_at_end(mark: str) -> bool:
    """Whether a message is the short one that follows at the end of a task."""
    return mark.endswith(":done")

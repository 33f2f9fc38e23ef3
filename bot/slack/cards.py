"""A task's live message as its writer knows it, and how one is written."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.render.slack_blocks import SlackMessage

Render = Callable[[int], SlackMessage]
"""What a message says now, at a size tier: 0 whole, 1 short, 2 text only."""


@dataclass(eq=False, slots=True)
class Card:
    """One task's live message. `ts` is empty until it was posted."""

    task_id: str
    channel_id: str
    thread_ts: str
    ts: str = ""
    may_be_there: bool = False
    """It may have been posted without our knowing its ts: look before posting."""
    gone_ts: str = ""
    """The message that was deleted; a new one is younger."""
    moving: bool = False
    """The channel is gone: this goes on in the person's direct messages."""
    moved: bool = False
    render: Render | None = None
    revision: int = 0
    urgent_revision: int = 0
    sent_revision: int = 0
    final: bool = False
    final_at: float = 0.0
    delivered: bool = False
    replied: bool = False
    reply_fails: int = 0
    reply_not_before: float = 0.0
    lost: str = ""
    """Why the final state cannot be delivered."""
    trouble: str = ""
    """What went wrong last."""
    busy: bool = False
    parked: bool = False
    tier: int = 0
    fails: int = 0
    sent: str = ""
    not_before: float = 0.0
    sent_at: float = field(default=float("-inf"))

    @property
    def urgent(self) -> bool:
        """Its stage has changed since what was sent last."""
        return self.urgent_revision > self.sent_revision


class Post(Protocol):
    """How a card is written; raises what `bot.slack.door` does."""

    async def find(self, card: Card) -> str | None:
        """The ts of the card's message, if there is one younger than `gone_ts`."""
        ...

    async def post(self, card: Card, message: SlackMessage) -> str:
        """A new message; answers its ts."""
        ...

    async def note(self, card: Card) -> None:
        """The card's message is now this one, for whoever comes after us. Raises no StoreError."""
        ...

    async def update(self, card: Card, message: SlackMessage) -> None: ...

    async def move(self, card: Card) -> str:
        """The channel is gone: where the person alone can be told."""
        ...

    async def reply(self, card: Card) -> None:
        """The short word at the end, which notifies; said once, however often it is asked for."""
        ...


Ended = Callable[[Card], Awaitable[None]]
"""Told once per card: its final state was delivered, or cannot be (`lost` says why)."""

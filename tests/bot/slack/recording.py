"""A Slack of plain lists, for tests of the writer: it keeps what is said and fails by script."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agents.background import Background
from agents.errors import ProviderError
from agents.testing import FakeClock, settle
from bot.render.slack_blocks import SlackMessage
from bot.slack.cards import Card
from bot.slack.errors import ChannelGone, MessageGone, MessageTooLarge
from bot.slack.writer import WorkspaceWriter

LATENCY_S = 0.2
_WORDLESS = ("find", "move")
"""Requests that carry no message, so that none can be too large."""


@dataclass(frozen=True, slots=True)
class Lost:
    """It takes place, and then this is the answer."""

    error: ProviderError


Outcome = ProviderError | Lost | None


@dataclass(slots=True)
class Said:
    """A message in a channel, with everything it ever said."""

    ts: str
    task_id: str
    channel_id: str
    texts: list[str]
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    kind: str
    task_id: str
    at: float
    text: str = ""
    ok: bool = True


@dataclass(slots=True)
class RecordingPost:
    """Implements `bot.slack.cards.Post`. Requests take their outcomes from `script`, in order."""

    clock: FakeClock
    script: list[Outcome] = field(default_factory=list)
    by_kind: dict[str, list[Outcome]] = field(default_factory=dict)
    messages: list[Said] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    noted: dict[str, str] = field(default_factory=dict)
    replied: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    """Channels that are archived."""
    most_at_once: int = 0
    _under_way: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def of(self, card: Card) -> list[Said]:
        return [m for m in self.messages if m.task_id == card.task_id]

    def seen(self, card: Card) -> list[Said]:
        """What a person can still read and we could still edit."""
        return [m for m in self.of(card) if not m.is_deleted and m.channel_id not in self.closed]

    def kinds(self, kind: str) -> list[Request]:
        return [request for request in self.requests if request.kind == kind]

    def delete(self, card: Card) -> None:
        for message in self.of(card):
            message.is_deleted = True

    async def find(self, card: Card) -> str | None:
        async with self._request("find", card):
            found = [m for m in self.seen(card) if m.channel_id == card.channel_id]
            return next((m.ts for m in found if m.ts > card.gone_ts), None)

    async def post(self, card: Card, message: SlackMessage) -> str:
        async with self._request("post", card, message.text):
            if card.channel_id in self.closed:
                raise ChannelGone("is_archived")
            ts = f"{len(self.messages) + 1:06d}"
            self.messages.append(Said(ts, card.task_id, card.channel_id, [message.text]))
        return ts

    async def note(self, card: Card) -> None:
        self.noted[card.task_id] = card.ts

    async def update(self, card: Card, message: SlackMessage) -> None:
        async with self._request("update", card, message.text):
            if card.channel_id in self.closed:
                raise ChannelGone("is_archived")
            found = next((m for m in self.seen(card) if m.ts == card.ts), None)
            if found is None:
                raise MessageGone("message_not_found")
            found.texts.append(message.text)

    async def move(self, card: Card) -> str:
        async with self._request("move", card):
            return f"D-{card.task_id}"

    async def reply(self, card: Card) -> None:
        if card.task_id in self.replied:
            return
        async with self._request("reply", card):
            self.replied.add(card.task_id)

    @asynccontextmanager
    async def _request(self, kind: str, card: Card, text: str = "") -> AsyncIterator[None]:
        at = self.clock.monotonic()
        scripted = self.by_kind.get(kind) or self.script
        outcome = scripted.pop(0) if scripted else None
        if kind in _WORDLESS and isinstance(outcome, MessageTooLarge):
            outcome = None
        self._under_way[card.task_id] += 1
        self.most_at_once = max(self.most_at_once, *self._under_way.values())
        ok = False
        try:
            await self.clock.sleep(LATENCY_S)
            if isinstance(outcome, ProviderError):
                raise outcome
            yield
            ok = True
        finally:
            self._under_way[card.task_id] -= 1
            self.requests.append(Request(kind, card.task_id, at, text, ok))
        if isinstance(outcome, Lost):
            raise outcome.error


@dataclass(slots=True)
class Desktop:
    """A writer over a recording Slack, and who was told of an end."""

    clock: FakeClock
    post: RecordingPost
    writer: WorkspaceWriter
    running: "asyncio.Task[None]"
    ended: list[Card]

    def card(self, name: str = "task_1", channel: str = "C1") -> Card:
        return Card(name, channel, "")

    def say(self, card: Card, text: str, *, urgent: bool = False, final: bool = False) -> None:
        self.writer.put(card, says(text), urgent=urgent, final=final)

    async def pass_time(self, seconds: float) -> None:
        """What was put begins now, not when the time is over."""
        await settle()
        await self.clock.advance(seconds)

    def texts(self, card: Card) -> list[str]:
        """What its newest message has said, first to last."""
        return self.post.of(card)[-1].texts


def says(text: str) -> Callable[[int], SlackMessage]:
    """A message that says so, at each tier."""
    return lambda tier: SlackMessage(text if not tier else f"{text} ({tier})")


@asynccontextmanager
async def writing(*script: Outcome, **by_kind: list[Outcome]) -> AsyncIterator[Desktop]:
    """A running writer; what it dies of is raised at the end, unless the test looked at it."""
    clock = FakeClock()
    post = RecordingPost(clock, list(script), dict(by_kind))
    ended: list[Card] = []

    async def tell(card: Card) -> None:
        ended.append(card)

    writer = WorkspaceWriter(post, tell, clock)
    background = Background()
    running = background.start(writer.run(), name="writer")
    try:
        yield Desktop(clock, post, writer, running, ended)
    finally:
        running.cancel()
        while not running.done():
            await clock.advance(1.0)
        await background.stop()

"""Writes a workspace's live messages: the newest state wins, and the final one always arrives.

One writer per workspace. A message has at most one request under way; what it says is rendered
when it is sent, never before, so nothing old can follow something new. Finals go first, then what
changed its stage, then what has waited longest. What fails keeps its place and is tried again.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from typing import Any

from agents.background import Background
from agents.errors import PermanentError, ProviderError, RateLimited, TransientError
from agents.logger import create_logger
from agents.ports import Clock
from bot.feed import wait_for_bell
from bot.render.slack_blocks import SlackMessage
from bot.slack.cards import Card, Ended, Post, Render
from bot.slack.errors import (
    ChannelGone,
    MessageGone,
    MessageTooLarge,
    NotHeld,
    ThreadGone,
    WorkspaceGone,
)
from bot.slack.pacing import EDITS, POSTS, Lane, message_gap_s

log = create_logger(__name__)

LAST_TIER = 2
EARLY_REPLY_S = 15.0
"""A final state that takes longer is told by the short reply meanwhile: it has its own budget."""

GIVE_UP_S = 1_800.0
DRAIN_S = 5.0
"""How long what is under way may take to land when the writer is stopped."""

_SOON_S = 0.001
"""Less is due now, and no wait is shorter: rounding must not make it turn in place."""

_REPLY_TRIES = 6
_NOT_HELD_S = 1.0
_LONGEST_BACKOFF_S = 60.0
_NEVER_S = 3_600.0


class WorkspaceWriter:
    """Paces everything that is said in one workspace's live messages."""

    def __init__(self, post: Post, ended: Ended, clock: Clock) -> None:
        self._post = post
        self._ended = ended
        self._clock = clock
        self._edits, self._posts = Lane(clock, EDITS), Lane(clock, POSTS)
        self._cards: dict[Card, None] = {}
        self._bell = asyncio.Event()
        self._background = Background()
        self._sending: set[asyncio.Task[None]] = set()
        self._gone: WorkspaceGone | None = None

    @property
    def live(self) -> int:
        """How many messages are still to change."""
        return len(self._cards)

    def put(self, card: Card, render: Render, *, urgent: bool = False, final: bool = False) -> None:
        """The card should say this. Nothing follows a final state."""
        if card.final:
            return
        is_news = card.render is None or urgent or final  # else its turn stays when it is
        card.render, card.revision = render, card.revision + 1
        if urgent or final:
            card.urgent_revision = card.revision
        if final:
            card.final, card.final_at, card.parked = True, self._clock.monotonic(), False
            card.not_before, card.fails = 0.0, 0
        self._cards[card] = None
        if is_news:
            self._bell.set()

    def drop(self, card: Card) -> None:
        """Somebody else has seen to it."""
        card.final = True
        self._cards.pop(card, None)

    async def run(self) -> None:
        """Write until cancelled; what is under way then may still land.

        Raises: WorkspaceGone, when nothing can be written any more.
        """
        try:
            while True:
                self._bell.clear()
                wait_s = self._start_what_is_due()
                await wait_for_bell(self._bell, self._clock, wait_s)
                if self._gone is not None:
                    raise self._gone
        finally:
            await self._drain()

    # --- whose turn it is ----------------------------------------------------------------

    def _start_what_is_due(self) -> float:
        """Start each request whose turn it is; answers how long nothing else will be due."""
        wait_s = _NEVER_S
        edits = [card for card in self._idle() if card.render and card.ts and not card.moving]
        gaps = len(edits)
        for card in sorted(edits, key=_first):
            wait_s = min(wait_s, self._try_edit(card, waiting=gaps))
        for card in sorted(self._idle(), key=_first):
            wait_s = min(wait_s, self._try_post(card))
        for card in list(self._idle()):
            wait_s = min(wait_s, self._try_end(card))
        return max(wait_s, _SOON_S)

    def _idle(self) -> Iterator[Card]:
        return (card for card in self._cards if not card.busy and not card.parked)

    def _try_edit(self, card: Card, *, waiting: int) -> float:
        gap_s = message_gap_s(urgent=card.urgent, waiting=waiting, rate=EDITS)
        now = self._clock.monotonic()
        own_s = max(card.sent_at + gap_s, card.not_before) - now
        wait_s = max(own_s, self._edits.wait_s(card.channel_id, final=card.final))
        if wait_s > _SOON_S:
            return wait_s
        message = self._rendered(card)
        if message is None:
            return max(card.not_before - now, 0.0)
        if (said := _words(message)) == card.sent and not card.final:
            self._has_said(card, said, card.revision)  # nothing is sent
            return _NEVER_S
        self._edits.take(card.channel_id)
        self._start(card, self._edit(card, message, said), self._edits)
        return _NEVER_S

    def _try_post(self, card: Card) -> float:
        """A first message, or the reply at the end: both are new messages."""
        place = card.render is not None and (not card.ts or card.moving)
        if not place and not self._owes_reply(card):
            return _NEVER_S
        now = self._clock.monotonic()
        ready_s = (card.not_before if place else card.reply_not_before) - now
        wait_s = max(ready_s, self._posts.wait_s(card.channel_id, final=card.final))
        if wait_s > _SOON_S:
            return wait_s
        self._posts.take(card.channel_id)
        self._start(card, self._place(card) if place else self._reply(card), self._posts)
        return _NEVER_S

    def _owes_reply(self, card: Card) -> bool:
        """At the end, or early when the final state takes long."""
        if not card.final or card.replied or card.moving or not card.thread_ts:
            return False
        late_s = self._clock.monotonic() - card.final_at - EARLY_REPLY_S
        return card.delivered or bool(card.lost) or (late_s >= 0 and bool(card.ts))

    def _try_end(self, card: Card) -> float:
        """End what is said, or cannot be; else how long until something is due by time alone."""
        if not card.final or card.busy:
            return _NEVER_S
        age_s = self._clock.monotonic() - card.final_at
        if age_s >= GIVE_UP_S and not card.delivered and not card.lost:
            minutes = round(GIVE_UP_S / 60)
            card.lost = f"no success in {minutes} minutes: {card.trouble or 'no turn'}"
            card.render, card.not_before = None, 0.0
        is_over = (card.delivered or card.lost) and not self._owes_reply(card)
        if is_over or age_s >= GIVE_UP_S:
            wait_s = card.not_before - self._clock.monotonic()
            if wait_s > _SOON_S:
                return wait_s
            self._start(card, self._end(card), None)
            return _NEVER_S
        early_s = EARLY_REPLY_S - age_s
        return early_s if early_s > 0 else GIVE_UP_S - age_s

    # --- one request ---------------------------------------------------------------------

    def _start(self, card: Card, work: Coroutine[Any, Any, None], lane: Lane | None) -> None:
        card.busy = True
        if lane is self._edits:
            card.sent_at = self._clock.monotonic()
        task = self._background.start(self._carefully(card, work, lane), name="slack-send")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _carefully(
        self, card: Card, work: Coroutine[Any, Any, None], lane: Lane | None
    ) -> None:
        """A boundary: a defect costs one message its turn, not the workspace its writer."""
        try:
            await work
        except WorkspaceGone as error:
            self._gone = error
        except NotHeld:
            self._edits.hold_back(_NOT_HELD_S)
            self._posts.hold_back(_NOT_HELD_S)
            card.not_before = self._clock.monotonic() + _NOT_HELD_S
        except RateLimited as error:
            card.trouble = str(error)
            if lane is not None:
                lane.hold_back(error.retry_after_s)
        except ProviderError as error:
            card.trouble = str(error)
            self._after_failure(card, error)
        except Exception as error:
            log.exception("message not written", task_id=card.task_id)
            card.trouble = repr(error)
            self._back_off(card)
        finally:
            card.busy = False
            self._bell.set()

    def _rendered(self, card: Card) -> SlackMessage | None:
        """A boundary: what cannot be drawn whole is drawn smaller, or later."""
        try:
            return None if card.render is None else card.render(card.tier)
        except Exception as error:
            log.exception("message cannot be drawn", task_id=card.task_id, tier=card.tier)
            card.trouble = repr(error)
            card.tier = min(card.tier + 1, LAST_TIER)
            self._back_off(card)
            return None

    async def _edit(self, card: Card, message: SlackMessage, said: str) -> None:
        revision = card.revision
        await self._post.update(card, message)
        self._has_said(card, said, revision)

    async def _place(self, card: Card) -> None:
        """Find the card's message, or post it: never a second one."""
        if card.moving:
            card.channel_id = await self._post.move(card)
            card.moving, card.moved, card.may_be_there = False, True, True
            card.thread_ts = card.ts = card.sent = card.gone_ts = ""
            card.replied = card.final  # a new message that says it all notifies by itself
        if card.may_be_there:
            try:
                found = await self._post.find(card)
            except RateLimited as error:  # of looking, not of posting
                card.not_before = self._clock.monotonic() + (error.retry_after_s or 1.0)
                return
            card.may_be_there = False
            if found:
                card.ts, card.thread_ts = found, card.thread_ts or found
                await self._post.note(card)
                return  # what it says may be old: an edit follows
        message, revision = self._rendered(card), card.revision
        if message is None:
            return
        try:
            card.ts = await self._post.post(card, message)
        except (NotHeld, RateLimited):
            raise
        except TransientError:
            card.may_be_there = True
            raise
        card.thread_ts = card.thread_ts or card.ts
        card.sent_at = self._clock.monotonic()
        self._has_said(card, _words(message), revision)
        await self._post.note(card)

    async def _reply(self, card: Card) -> None:
        """A boundary: whatever goes wrong, the final state matters more."""
        try:
            await self._post.reply(card)
            card.replied = True
        except (NotHeld, RateLimited, WorkspaceGone):
            raise
        except Exception as error:  # noqa: BLE001 - see above
            card.reply_fails += 1
            card.reply_not_before = self._clock.monotonic() + 2.0**card.reply_fails
            is_passing = isinstance(error, TransientError)
            card.replied = not is_passing or card.reply_fails > _REPLY_TRIES
            log.warning("reply not posted", task_id=card.task_id, error=str(error))

    async def _end(self, card: Card) -> None:
        await self._ended(card)
        self._cards.pop(card, None)

    def _has_said(self, card: Card, said: str, revision: int) -> None:
        card.sent, card.sent_revision, card.fails = said, revision, 0
        if revision != card.revision:
            return  # something newer came meanwhile
        card.render = None
        card.delivered = card.final

    # --- what went wrong -----------------------------------------------------------------

    def _after_failure(self, card: Card, error: ProviderError) -> None:
        match error:
            case MessageTooLarge() if card.tier < LAST_TIER:
                card.tier += 1
            case MessageTooLarge():
                self._park_or_lose(card)
            case MessageGone() | ThreadGone() if not card.ts and card.thread_ts:
                card.thread_ts = ""  # beside the thread that is gone
            case MessageGone() if card.ts and not card.gone_ts:
                self._repost(card)
            case ChannelGone() if not (card.moved or card.moving) and (card.final or not card.ts):
                card.moving = True
            case MessageGone() | ChannelGone():
                self._park_or_lose(card)
            case PermanentError() if card.final and card.fails >= LAST_TIER:
                card.tier = min(card.tier + 1, LAST_TIER)  # rather in few words than not at all
                self._back_off(card)
            case _:
                self._back_off(card)

    def _repost(self, card: Card) -> None:
        """A new one, once, at the end."""
        if not card.final:
            card.parked = True
            return
        card.gone_ts, card.ts, card.sent, card.may_be_there = card.ts, "", "", True

    def _park_or_lose(self, card: Card) -> None:
        """Wait for the final state, which is tried again; that one may be lost."""
        if card.final:
            card.lost, card.render = card.trouble, None
        else:
            card.parked = True

    def _back_off(self, card: Card) -> None:
        card.fails += 1
        backoff_s = min(2.0**card.fails, _LONGEST_BACKOFF_S)
        card.not_before = self._clock.monotonic() + backoff_s

    async def _drain(self) -> None:
        """Let what is under way land, for a while, so that it is known."""
        timer = self._background.start(self._clock.sleep(DRAIN_S), name="slack-drain")
        while self._sending and not timer.done():
            await asyncio.wait({*self._sending, timer}, return_when=asyncio.FIRST_COMPLETED)
        await self._background.stop()


def _first(card: Card) -> tuple[bool, bool, float]:
    """Finals, then changes of stage, then what has waited longest."""
    return (not card.final, not card.urgent, card.sent_at)


def _words(message: SlackMessage) -> str:
    return json.dumps([message.text, message.blocks], sort_keys=True)

"""A workspace's deliveries as live messages: follows their tasks' logs and has them written."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

from agents.background import Background
from agents.errors import (
    PermanentError,
    RateLimited,
    StoreError,
    StoreUnavailable,
    TransientError,
)
from agents.events import Recorded
from agents.logger import create_logger
from agents.ports import Blobs, Clock
from agents.retry import OUTLAST, with_retry
from agents.task_state import TaskState, step
from agents.types import TaskId, TaskStatus
from bot.feed import Feed, Hub, wait_for_bell
from bot.render.slack import TaskView, app_name, render_task
from bot.render.slack_blocks import SlackMessage
from bot.render.slack_replies import render_done_reply
from bot.slack.cards import Card
from bot.slack.door import SlackDoor
from bot.slack.pictures import Pictures
from bot.slack.sessions import Sessions
from bot.slack.writer import WorkspaceWriter
from bot.store.port import Projects, Queue
from bot.store.slack_port import Delivery, SlackState

log = create_logger(__name__)

T = TypeVar("T")

LOOK_S = 2.0
"""How often tasks are looked for that another process has accepted."""

HEARTBEAT_S = 15.0
"""How often a message is drawn anew while nothing happens, so that its time moves."""

IDLE_S = 30.0
"""How long a workspace is kept in which nothing is open any more."""

MOST_FOLLOWED = 200
"""So many at once, the oldest first; each costs a reader of its log."""

TEXT_KEPT = 8_000
"""Of what a model says, a message shows the end."""

_AWAY_S = 1.0
_DEFECT_S = 30.0
_REPLY_REMEMBERED_S = 7 * 86_400.0
_SKEW_S = 300.0
"""How far the clocks of Slack, the store and its other users may be apart."""


SLACK_TOPIC = "slack"
"""Rung when a task was accepted for any workspace."""


def workspace_topic(team_id: str) -> str:
    """Rung when a task was accepted for this workspace."""
    return f"{SLACK_TOPIC}:{team_id}"


class SurfaceStore(Projects, Queue, SlackState, Blobs, Protocol):
    """The roles of a store that a surface plays on."""


@dataclass(frozen=True, slots=True)
class SurfaceParts:
    """What a surface stands on."""

    store: SurfaceStore
    feed: Feed
    hub: Hub
    door: SlackDoor
    clock: Clock
    holder: str
    """This process, by a name that no other has."""
    offline: bool = False
    preview_is_local: bool = True
    look_s: float = LOOK_S


Reply = Literal["unknown", "unsaid", "unsure"]
"""Whether the word at the end was said; `unsure`: it may have been, by us or another process."""


@dataclass(slots=True)
class Followed:
    """A delivery, its card, and what its task looks like now."""

    delivery: Delivery
    card: Card
    state: TaskState
    behind: int = 0
    can_undo: bool = False
    following: asyncio.Task[None] | None = None
    reply: Reply = "unknown"


class Messages:
    """The workspace's deliveries as cards. Implements `bot.slack.cards.Post`."""

    def __init__(self, parts: SurfaceParts, team_id: str, check_held: Callable[[], None]) -> None:
        self._parts = parts
        self._team_id = team_id
        self._check_held = check_held
        self._followed: dict[TaskId, Followed] = {}
        self._inherited: set[TaskId] | None = None
        self._just_ended: set[TaskId] = set()
        self._background = Background()
        self._sessions = Sessions(parts.door, parts.clock, team_id, check_held)
        self._pictures = Pictures(parts.store, parts.door, parts.clock, team_id, check_held)
        self.writer = WorkspaceWriter(self, self._ended, parts.clock)

    async def close(self) -> None:
        """Follow nothing more."""
        await self._background.stop()
        await self._sessions.close()

    # --- which there are -----------------------------------------------------------------

    async def look(self) -> None:
        """Follow every open delivery, the new ones as they come; returns when there are none."""
        parts = self._parts
        busy_at = parts.clock.monotonic()
        with parts.hub.listen(workspace_topic(self._team_id)) as bell:
            while parts.clock.monotonic() - busy_at < IDLE_S:
                bell.clear()
                try:
                    if await self._look_once():
                        busy_at = parts.clock.monotonic()
                except StoreUnavailable:
                    log.warning("store unavailable", action="look for messages")
                    busy_at = parts.clock.monotonic()
                await wait_for_bell(bell, parts.clock, parts.look_s)

    async def _look_once(self) -> bool:
        """Whether anything is open.

        What was there when we came may have been posted by who was here before.
        """
        self._just_ended.clear()
        deliveries = await self._parts.store.open_deliveries(self._team_id)
        if self._inherited is None:
            self._inherited = {d.task_id for d in deliveries if d.message_ts is None}
        self._forget_what_is_over({delivery.task_id for delivery in deliveries})
        for delivery in deliveries:
            if len(self._followed) >= MOST_FOLLOWED:
                break
            if delivery.task_id not in self._followed and delivery.task_id not in self._just_ended:
                self._begin(delivery, may_be_there=delivery.task_id in self._inherited)
        return bool(deliveries)

    def _begin(self, delivery: Delivery, *, may_be_there: bool) -> None:
        thread = delivery.origin.thread
        card = Card(delivery.task_id, thread.channel_id, thread.thread_ts)
        card.ts = delivery.message_ts or ""
        card.may_be_there = may_be_there
        followed = Followed(delivery, card, TaskState(delivery.task_id))
        self._followed[delivery.task_id] = followed
        followed.following = self._background.start(self._follow(followed), name="slack-follow")

    def _forget_what_is_over(self, still_open: AbstractSet[TaskId]) -> None:
        """Projects are deleted too."""
        for task_id in self._followed.keys() - still_open:
            followed = self._followed[task_id]
            if followed.card.busy:
                continue  # it is about to end by itself
            del self._followed[task_id]
            if followed.following is not None:
                followed.following.cancel()
            self.writer.drop(followed.card)

    # --- how each stands -----------------------------------------------------------------

    async def keep_time(self) -> None:
        """Draw the running ones anew now and then; what looks the same is not sent."""
        while True:
            await self._parts.clock.sleep(HEARTBEAT_S)
            for followed in list(self._followed.values()):
                if followed.card.final or not followed.state.last_seq:
                    continue
                if followed.state.status is TaskStatus.PENDING and followed.behind:
                    await self._look_around(followed, followed.state)
                self.writer.put(followed.card, self._render_of(followed))

    async def _follow(self, followed: Followed) -> None:
        """Fold the log as it grows. A boundary: a defect here costs one message, not all."""
        task_id = followed.delivery.task_id
        while not followed.state.status.is_terminal:
            wait_s = _AWAY_S
            try:
                async for batch in self._parts.feed.follow(task_id, followed.state.last_seq):
                    await self._advance(followed, batch)
            except StoreUnavailable:
                log.warning("store unavailable", action="follow task", task_id=task_id)
            except Exception:
                log.exception("message cannot be followed", task_id=task_id)
                wait_s = _DEFECT_S
            if not followed.state.status.is_terminal:
                await self._parts.clock.sleep(wait_s)

    async def _advance(self, followed: Followed, batch: Sequence[Recorded]) -> None:
        before = followed.state
        state = before
        for recorded in batch:
            state = step(state, recorded)
        state = with_the_end_of_the_text(state)
        final = state.status.is_terminal
        if final or not before.last_seq:
            await self._look_around(followed, state)
        followed.state = state
        urgent = (state.stage, state.status) != (before.stage, before.status)
        self.writer.put(followed.card, self._render_of(followed), urgent=urgent, final=final)

    async def _look_around(self, followed: Followed, state: TaskState) -> None:
        """What the task's own log does not know: who waits before it, whether there is an undo.

        Worth a look, not a wait: without an answer it stays as it is.
        """
        store, delivery = self._parts.store, followed.delivery
        try:
            rows = await store.tasks(delivery.owner, delivery.project_id)
            earlier = (row for row in rows if row.created_at < delivery.created_at)
            followed.behind = sum(not row.status.is_terminal for row in earlier)
            if state.fragment_id is not None:
                versions = await store.fragments(delivery.owner, delivery.project_id)
                followed.can_undo = len(versions) > 1
        except StoreError as error:
            log.warning("message is drawn without its surroundings", error=str(error))

    def _render_of(self, followed: Followed) -> Callable[[int], SlackMessage]:
        return lambda tier: render_task(followed.state, self._view(followed), tier)

    def _view(self, followed: Followed) -> TaskView:
        parts, state = self._parts, followed.state
        return TaskView(
            now=parts.clock.now(),
            requested_by_user=followed.delivery.origin.user_id,
            stopped_by_user=state.cancelled_by,
            preview_link=state.preview_url,
            preview_is_local=parts.preview_is_local,
            queued_behind=followed.behind,
            can_undo=followed.can_undo,
            offline_model=parts.offline,
        )

    # --- how a card is written: `bot.slack.cards.Post` --------------------------------------

    def _of(self, card: Card) -> Followed:
        return self._followed[TaskId(card.task_id)]

    async def find(self, card: Card) -> str | None:
        """The message that was posted for it, if there is one."""
        after = card.gone_ts or f"{self._of(card).delivery.created_at.timestamp() - _SKEW_S:.6f}"
        self._check_held()
        return await self._find(card, card.task_id, after=after)

    async def _find(self, card: Card, mark: str, *, after: str) -> str | None:
        """By its metadata. Where we may not look there is none, and it may be posted twice."""
        try:
            return await self._parts.door.find(
                self._team_id, card.channel_id, card.thread_ts, mark, after=after
            )
        except PermanentError as error:
            log.warning("message not looked for", task_id=card.task_id, error=str(error))
            return None

    async def post(self, card: Card, message: SlackMessage) -> str:
        self._check_held()
        return await self._parts.door.post(
            self._team_id, card.channel_id, message, thread_ts=card.thread_ts, task_id=card.task_id
        )

    async def note(self, card: Card) -> None:
        """A moved message is not noted: the row is about the channel. It is found again."""
        followed = self._of(card)
        if not followed.state.status.is_terminal:
            name = app_name(followed.state)
            user_id = followed.delivery.origin.user_id
            self._sessions.begin(card.task_id, card.channel_id, card.thread_ts, name, user_id)
        if card.moved:
            return
        task_id, ts = TaskId(card.task_id), card.ts
        try:
            await self._patiently(lambda: self._parts.store.note_message(task_id, ts))
        except StoreError as error:
            log.warning("message not noted", task_id=task_id, error=str(error))

    async def update(self, card: Card, message: SlackMessage) -> None:
        self._check_held()
        await self._parts.door.update(self._team_id, card.channel_id, card.ts, message)

    async def move(self, card: Card) -> str:
        self._check_held()
        user_id = self._of(card).delivery.origin.user_id
        return await self._parts.door.direct_channel(self._team_id, user_id)

    async def reply(self, card: Card) -> None:
        """The store knows whether somebody has begun to say it; then it is looked for first."""
        followed, store, door = self._of(card), self._parts.store, self._parts.door
        mark = f"{card.task_id}:done"
        self._check_held()
        if followed.reply == "unknown":
            is_first = await self._patiently(
                lambda: store.first_time(f"slack:{mark}", keep_s=_REPLY_REMEMBERED_S)
            )
            followed.reply = "unsaid" if is_first else "unsure"
        place = (self._team_id, card.channel_id)
        if followed.reply == "unsure":
            if await self._find(card, mark, after=card.thread_ts) is not None:
                return
            followed.reply = "unsaid"
        self._check_held()
        reply = render_done_reply(followed.state, self._view(followed))
        try:
            await door.post(*place, reply, thread_ts=card.thread_ts, task_id=mark)
        except RateLimited:
            raise
        except TransientError:
            followed.reply = "unsure"
            raise

    async def _ended(self, card: Card) -> None:
        """Its row is closed, and it is not followed any more."""
        task_id = TaskId(card.task_id)
        self._check_held()
        if card.lost:
            log.warning("final message not delivered", task_id=task_id, reason=card.lost)
        await self._patiently(
            lambda: self._parts.store.end_delivery(task_id, "dead" if card.lost else "done")
        )
        self._sessions.end(card.task_id, card.channel_id, card.thread_ts)
        self._just_ended.add(task_id)
        followed = self._followed.pop(task_id, None)
        if followed is not None and not card.lost:
            showing = self._pictures.show(followed.state, card.channel_id, card.thread_ts)
            self._background.spawn(showing, name="slack-picture")

    async def _patiently(self, write: Callable[[], Awaitable[T]]) -> T:
        return await with_retry(OUTLAST, write, clock=self._parts.clock)


def with_the_end_of_the_text(state: TaskState) -> TaskState:
    """The state without what no message shows of a long text; what can be taken back stays so."""
    if len(state.text) <= 4 * TEXT_KEPT:
        return state
    before, turn = state.text[: state.text_mark], state.text[state.text_mark :]
    before, turn = before[-TEXT_KEPT:], turn[-TEXT_KEPT:]
    return replace(state, text=before + turn, text_mark=len(before))

"""What Slack's side asks of a database: where tasks are shown, what was seen, who does what.

Rows are frozen values. Every method may raise `StoreUnavailable`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from agents.types import OwnerId, ProjectId, TaskId

DeliveryEnd = Literal["done", "dead"]
"""The final message was delivered, or cannot be any more (channel or workspace are gone)."""


@dataclass(frozen=True, slots=True)
class SlackThread:
    """A thread in a workspace's channel. Without `thread_ts`, the message to come begins it."""

    team_id: str
    channel_id: str
    thread_ts: str


@dataclass(frozen=True, slots=True)
class SlackOrigin:
    """Where a task was asked for, and by whom: there it is shown."""

    thread: SlackThread
    user_id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A task's one live message. It is open until its final state was delivered.

    `message_ts` is None until the message was posted; a crash between posting and noting it
    leaves it None, and the message is then found by its metadata.
    """

    task_id: TaskId
    project_id: ProjectId
    owner: OwnerId
    origin: SlackOrigin
    message_ts: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ThreadProject:
    """The project that a thread is about."""

    project_id: ProjectId
    owner: OwnerId


@dataclass(frozen=True, slots=True)
class InstallKey:
    """Where the app is installed: a workspace, or (without `team_id`) a whole organisation."""

    enterprise_id: str = ""
    team_id: str = ""


class InstallationStore(Protocol):
    """Who installed the app. What is kept is sealed before it comes here."""

    async def save_installation(self, key: InstallKey, sealed: str) -> None:
        """Keep it, in place of an older one."""
        ...

    async def installation(self, key: InstallKey) -> str | None:
        """What was kept, or None."""
        ...

    async def installations(self) -> list[InstallKey]:
        """Every place, oldest first."""
        ...

    async def replace_installation(self, key: InstallKey, was: str, sealed: str | None) -> bool:
        """Put this in place of exactly that one; None forgets it. False: another one is there.

        What has been done already is done.
        """
        ...

    async def keep_state(self, state: str, data: str, *, keep_s: float) -> None:
        """Remember what a person was sent away with, for when they come back."""
        ...

    async def use_state(self, state: str) -> str | None:
        """What was remembered, once: None afterwards, when it is too old, or was never kept."""
        ...


class SlackState(InstallationStore, Protocol):
    """Threads, live messages, what was counted already, and who holds what."""

    async def thread_project(self, thread: SlackThread) -> ThreadProject | None:
        """Whose project the thread is about, if it is about one."""
        ...

    async def open_workspaces(self) -> list[str]:
        """The workspaces with live messages whose end is not delivered, each once, sorted."""
        ...

    async def open_deliveries(self, team_id: str) -> list[Delivery]:
        """The workspace's live messages without a delivered end, oldest first."""
        ...

    async def delivery(self, task_id: TaskId) -> Delivery | None:
        """A task's message, open or not; None for a task that Slack did not ask for."""
        ...

    async def note_message(self, task_id: TaskId, message_ts: str) -> None:
        """The task's message is now this one; it begins the thread, if there was none yet."""
        ...

    async def end_delivery(self, task_id: TaskId, end: DeliveryEnd) -> None:
        """Nothing more is to be delivered for this task; an ended one stays as it is."""
        ...

    async def first_time(self, key: str, *, keep_s: float) -> bool:
        """Whether this key is new; it is remembered for `keep_s` seconds. One caller gets True."""
        ...

    async def seen(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of these keys are remembered now."""
        ...

    async def hold(self, name: str, holder: str, *, for_s: float) -> bool:
        """Take or keep what one process holds at a time, for so long; False when another has it."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Let go, if it is held by this holder."""
        ...

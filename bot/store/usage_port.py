"""What tasks have used, and on what terms new ones are accepted. Rows are frozen values.

A task has one line from its acceptance on: the credits it takes, and what its model calls used, as
its log tells it. Credits are reserved while the task is open; its end settles them, or, where it
failed or was stopped, gives them back. Each happens in the transaction of what it follows from, so
no restart and no race charges twice. Every method may raise `StoreUnavailable`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from agents.errors import CreditsUsedUp, QuotaExceeded, TooFast, TooManyTasks
from agents.types import OwnerId, ProjectId, TaskId, Usage

WINDOW = timedelta(hours=24)
"""So long a credit stays used, from the acceptance of its task on."""

PLAN_HOLDS = timedelta(days=35)
"""So long a kept plan is known after it was kept last: whoever pays by the month signs in meanwhile."""

PLAN_RENEWED = timedelta(days=1)
"""A plan that is kept again so soon is not written again."""

OPEN_RETRY_S = 30.0
"""When it is worth another try where too many tasks are open: nobody knows when one ends."""

ADDED_UP = 10_000
"""A store adds up at least so many of an owner's newest lines; one that leaves older ones out says so."""

TOP_PROJECTS = 5
MAX_OPEN = 1_000
"""So many open tasks of an owner are told of at once."""
COUNTED_AT_MOST = 1_000_000_000_000
"""As much as one model call may say that it used; beyond is nonsense."""

Limit = Literal["credits", "open", "rate"]


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast work may be started under a key: `burst` at once, then `per_hour`, evenly."""

    key: str
    burst: int
    per_hour: float


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a task is accepted. None: there is no such limit.

    `allowance` is how many credits the owner may use in any `WINDOW`; a task that takes none is
    not held against it. `max_open` counts the owner's tasks that wait or run.
    """

    credits: int = 0
    allowance: int | None = None
    max_open: int | None = None
    rates: Sequence[Rate] = ()


UNLIMITED = Terms()
"""Takes no credits, and is always accepted."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What tasks accepted in some time have used. `builds` leaves out fixes and what came to nothing."""

    builds: int = 0
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class ProjectTally:
    """One app's share."""

    project_id: ProjectId
    title: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Spent:
    """An owner's use: of the last `WINDOW`, and since a time.

    `credits` are those that count now; at `next_back_at` the oldest of them counts no more.
    `projects` are the `TOP_PROJECTS` dearest since that time, the dearest first. With `is_at_least`
    the tallies count the newest `ADDED_UP` tasks only; credits are whole always.
    """

    credits: int = 0
    next_back_at: datetime | None = None
    day: Tally = Tally()
    since: Tally = Tally()
    projects: Sequence[ProjectTally] = ()
    is_at_least: bool = False


class Usages(Protocol):
    """What owners have used, and the plans they are on."""

    async def spent(self, owner: OwnerId, since: datetime) -> Spent:
        """Of this owner's tasks, the open ones included."""
        ...

    async def open_tasks(self, owner: OwnerId) -> Sequence[TaskId]:
        """This owner's tasks that wait or run, oldest first, at most `MAX_OPEN`."""
        ...

    async def plan(self, owner: OwnerId) -> str | None:
        """The plan that was kept last; None when that was `PLAN_HOLDS` ago."""
        ...

    async def keep_plan(self, owner: OwnerId, plan: str) -> None:
        """The owner is on this plan, whoever asks for work next. Often called, rarely written."""
        ...


def quota_exceeded(limit: Limit, allowed: int, wait_s: float) -> QuotaExceeded:
    """The refusal, in words for people. In `wait_s` seconds this limit lets one more through."""
    when = in_words(wait_s)
    if limit == "open":
        return TooManyTasks(
            f"{_builds(allowed)} of yours {'is' if allowed == 1 else 'are'} under way already.",
            hint="Wait until one has ended, or stop one.",
            retry_after_s=wait_s,
        )
    if limit == "rate":
        return TooFast(
            "That was a lot of work in a short time.",
            hint=f"Try again in {when}.",
            retry_after_s=wait_s,
        )
    if allowed == 0:
        return CreditsUsedUp(
            "Your plan has no credits to build with.",
            hint="Choose another plan.",
            retry_after_s=wait_s,
        )
    used = "your one credit" if allowed == 1 else f"all {allowed} credits"
    return CreditsUsedUp(
        f"You have used {used} of the last 24 hours.",
        hint=f"The next one is back in {when}. Fixing errors costs nothing.",
        retry_after_s=wait_s,
    )


def _builds(count: int) -> str:
    return "One build" if count == 1 else f"{count} builds"


def in_words(wait_s: float) -> str:
    """A span of time, never shorter than it is: "45 seconds", "12 minutes", "3 hours 20 minutes"."""
    seconds = max(1, -int(-wait_s // 1))
    if seconds <= 90:
        return _count(seconds, "second")
    hours, minutes = divmod(-(-seconds // 60), 60)
    parts = [_count(hours, "hour")] * (hours > 0) + [_count(minutes, "minute")] * (minutes > 0)
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"

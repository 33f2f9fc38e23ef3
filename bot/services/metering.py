"""What starting work costs and may be: credits by plan, open tasks, and how fast.

The store holds to it in the transaction that accepts a task; here it is decided what to hold to.
Credits are for accounts only. The other limits are for whoever comes by Slack or is signed in; this
machine's own user has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.ports import Clock
from agents.types import OwnerId, TaskKind
from bot.store.slack_port import SlackOrigin
from bot.store.usage_port import UNLIMITED, Rate, Spent, Terms, Usages

FREE = "free"
"""The plan of whoever has no other that we know of."""

COSTS: Mapping[TaskKind, int] = {TaskKind.GENERATE: 1, TaskKind.IMPORT: 1, TaskKind.FIX: 0}
"""Credits; nobody pays for mending what was made."""

BURST = 6
"""At once may be started what comes back in an hour's sixth part."""


NOTED_S, NOTED_OWNERS = 300.0, 10_000
"""How long an owner's plan is known to be kept, and of how many owners."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants work started: a person, where they belong, and the plan their token names."""

    person: str
    group: str | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class Quotas:
    """What the settings allow. `credits`: in 24 hours, by plan; None: there are no accounts.

    How many starts an hour a person and a group may make; 0: as many as they like.
    """

    credits: Mapping[str, int] | None
    max_open: int
    person_per_hour: int
    group_per_hour: int


@dataclass(frozen=True, slots=True)
class Credits:
    """Where an owner stands. At `next_back_at` the oldest of the used ones is back."""

    plan: str
    allowance: int
    used: int
    next_back_at: datetime | None

    @property
    def left(self) -> int:
        return max(0, self.allowance - self.used)


@dataclass(frozen=True, slots=True)
class UsageReport:
    """An owner's use of the last 24 hours and of this month (UTC), which began at `month`.

    `credits` is None where nobody is metered.
    """

    credits: Credits | None
    spent: Spent
    month: datetime


class Meter:
    """Says on what terms an owner's tasks are accepted, and what they have used."""

    def __init__(self, store: Usages, clock: Clock, quotas: Quotas) -> None:
        self._store = store
        self._clock = clock
        self._quotas = quotas
        self._noted: dict[OwnerId, tuple[str, float]] = {}

    async def terms(self, owner: OwnerId, kind: TaskKind, asker: Asker | None) -> Terms:
        """The terms of one more task. Raises: StoreUnavailable."""
        if asker is None:
            return UNLIMITED
        quotas, allowance = self._quotas, None
        if quotas.credits is not None:
            allowance = _allowance(quotas.credits, await self._plan(owner, asker.plan))
        return Terms(
            credits=0 if allowance is None else COSTS[kind],
            allowance=allowance,
            max_open=quotas.max_open,
            rates=_rates(quotas, asker),
        )

    async def report(self, owner: OwnerId, plan: str | None = None) -> UsageReport:
        """Where the owner stands; `plan` is what their token names. Raises: StoreUnavailable."""
        month = self._clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        spent = await self._store.spent(owner, month)
        by_plan = self._quotas.credits
        if by_plan is None:
            return UsageReport(None, spent, month)
        named = await self._plan(owner, plan)
        standing = Credits(named, _allowance(by_plan, named), spent.credits, spent.next_back_at)
        return UsageReport(standing, spent, month)

    async def note_plan(self, owner: OwnerId, plan: str | None) -> None:
        """Keep the plan that a token names, for where there is none. Raises: StoreUnavailable.

        What was kept a moment ago is not looked at again.
        """
        now = self._clock.monotonic()
        noted, until = self._noted.get(owner, (None, 0.0))
        if plan is None or (noted == plan and now < until):
            return
        await self._store.keep_plan(owner, plan)
        if len(self._noted) >= NOTED_OWNERS:
            self._noted.clear()
        self._noted[owner] = (plan, now + NOTED_S)

    async def _plan(self, owner: OwnerId, told: str | None) -> str:
        await self.note_plan(owner, told)
        return told or await self._store.plan(owner) or FREE


def in_slack(origin: SlackOrigin) -> Asker:
    """Who asks there; their plan is the one kept for the owner."""
    team = origin.thread.team_id
    return Asker(f"slack:{team}:{origin.user_id}", f"slack:{team}")


def _allowance(by_plan: Mapping[str, int], plan: str) -> int:
    return by_plan.get(plan, by_plan[FREE])


def _rates(quotas: Quotas, asker: Asker) -> Sequence[Rate]:
    limited = ((asker.person, quotas.person_per_hour), (asker.group, quotas.group_per_hour))
    return [
        Rate(f"start:{key}", max(1, per_hour // BURST), per_hour)
        for key, per_hour in limited
        if key is not None and per_hour > 0
    ]

"""What tasks use, and the terms of new ones, at Convex."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agents.types import OwnerId, ProjectId, TaskId, Usage
from bot.store.convex_client import ConvexClient
from bot.store.convex_rows import Row, from_ms
from bot.store.usage_port import ProjectTally, Spent, Tally, Terms


def terms_row(terms: Terms) -> dict[str, Any]:
    """For `tasks:enqueue`; what is None is left out."""
    row = {
        "credits": terms.credits,
        "allowance": terms.allowance,
        "maxOpen": terms.max_open,
        "rates": [
            {"key": rate.key, "burst": rate.burst, "perHour": rate.per_hour} for rate in terms.rates
        ],
    }
    return {name: value for name, value in row.items() if value is not None}


def _tally(row: Row) -> Tally:
    used = Usage(
        prompt_tokens=int(row["promptTokens"]),
        completion_tokens=int(row["completionTokens"]),
        cost_usd=row["costUsd"],
    )
    return Tally(int(row["builds"]), used)


class ConvexUsages:
    """Implements `bot.store.usage_port.Usages`, with the client of the store it is part of."""

    _client: ConvexClient

    async def spent(self, owner: OwnerId, since: datetime) -> Spent:
        row = await self._client.query("usage:spent", owner=owner, since=since.timestamp() * 1_000)
        back_at = row.get("nextBackAt")
        return Spent(
            credits=int(row["credits"]),
            next_back_at=None if back_at is None else from_ms(back_at),
            day=_tally(row["day"]),
            since=_tally(row["since"]),
            projects=tuple(
                ProjectTally(ProjectId(each["projectId"]), each["title"], _tally(each["tally"]))
                for each in row["projects"]
            ),
            is_at_least=row.get("atLeast", False),
        )

    async def open_tasks(self, owner: OwnerId) -> Sequence[TaskId]:
        found = await self._client.query("usage:openTasks", owner=owner)
        return [TaskId(task_id) for task_id in found]

    async def plan(self, owner: OwnerId) -> str | None:
        plan: str | None = await self._client.query("usage:plan", owner=owner)
        return plan

    async def keep_plan(self, owner: OwnerId, plan: str) -> None:
        await self._client.mutation("usage:keepPlan", owner=owner, plan=plan)

"""Slack's side of the store at Convex."""

from collections.abc import Sequence
from typing import Any

from agents.ports import Ids
from agents.types import OwnerId, ProjectId, TaskId
from bot.store.convex_client import ConvexClient
from bot.store.convex_rows import Row, from_ms
from bot.store.slack_port import (
    Delivery,
    DeliveryEnd,
    InstallKey,
    SlackOrigin,
    SlackThread,
    ThreadProject,
)

_KEYS_AT_ONCE = 500
"""Each is a read of an index, of which a query may make 4,096."""


class ConvexSlack:
    """Implements `bot.store.slack_port.SlackState`."""

    def __init__(self, client: ConvexClient, ids: Ids) -> None:
        self._client = client
        self._ids = ids

    async def thread_project(self, thread: SlackThread) -> ThreadProject | None:
        row = await self._client.query("slack:threadProject", thread=_thread_row(thread))
        if row is None:
            return None
        return ThreadProject(ProjectId(row["projectId"]), OwnerId(row["owner"]))

    async def open_workspaces(self) -> list[str]:
        found: list[str] = []
        more = True
        while more:
            after = found[-1] if found else None
            page = await self._client.query("slack:openWorkspaces", after=after)
            found += page["teamIds"]
            more = page["more"]
        return found

    async def open_deliveries(self, team_id: str) -> list[Delivery]:
        rows = await self._client.query("slack:openDeliveries", teamId=team_id)
        return [_delivery_of(row) for row in rows]

    async def delivery(self, task_id: TaskId) -> Delivery | None:
        row = await self._client.query("slack:delivery", taskId=task_id)
        return None if row is None else _delivery_of(row)

    async def note_message(self, task_id: TaskId, message_ts: str) -> None:
        await self._client.mutation("slack:noteMessage", taskId=task_id, messageTs=message_ts)

    async def end_delivery(self, task_id: TaskId, end: DeliveryEnd) -> None:
        await self._client.mutation("slack:endDelivery", taskId=task_id, end=end)

    async def first_time(self, key: str, *, keep_s: float) -> bool:
        by = self._ids.new("key")
        answer = await self._client.mutation(
            "slack:firstTime", key=key, by=by, keepMs=keep_s * 1_000
        )
        return bool(answer)

    async def seen(self, keys: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            asked = list(keys[start : start + _KEYS_AT_ONCE])
            found.update(await self._client.query("slack:seen", keys=asked))
        return frozenset(found)

    async def hold(self, name: str, holder: str, *, for_s: float) -> bool:
        answer = await self._client.mutation(
            "slack:hold", name=name, holder=holder, forMs=for_s * 1_000
        )
        return bool(answer)

    async def release(self, name: str, holder: str) -> None:
        await self._client.mutation("slack:release", name=name, holder=holder)

    async def save_installation(self, key: InstallKey, sealed: str) -> None:
        await self._client.mutation("slack:saveInstallation", **_key_row(key), sealed=sealed)

    async def installation(self, key: InstallKey) -> str | None:
        sealed: str | None = await self._client.query("slack:installation", **_key_row(key))
        return sealed

    async def installations(self) -> list[InstallKey]:
        rows = await self._client.query("slack:installations")
        return [InstallKey(row["enterpriseId"], row["teamId"]) for row in rows]

    async def replace_installation(self, key: InstallKey, was: str, sealed: str | None) -> bool:
        answer = await self._client.mutation(
            "slack:replaceInstallation", **_key_row(key), was=was, sealed=sealed
        )
        return bool(answer)

    async def keep_state(self, state: str, data: str, *, keep_s: float) -> None:
        await self._client.mutation(
            "slack:keepState", state=state, data=data, keepMs=keep_s * 1_000
        )

    async def use_state(self, state: str) -> str | None:
        by = self._ids.new("key")
        data: str | None = await self._client.mutation("slack:useState", state=state, by=by)
        return data


def _key_row(key: InstallKey) -> dict[str, str]:
    return {"enterpriseId": key.enterprise_id, "teamId": key.team_id}


def origin_row(origin: SlackOrigin) -> dict[str, Any]:
    return {**_thread_row(origin.thread), "userId": origin.user_id}


def _thread_row(thread: SlackThread) -> dict[str, Any]:
    return {
        "teamId": thread.team_id,
        "channelId": thread.channel_id,
        "threadTs": thread.thread_ts,
    }


def _delivery_of(row: Row) -> Delivery:
    thread = SlackThread(row["teamId"], row["channelId"], row["threadTs"])
    return Delivery(
        task_id=TaskId(row["taskId"]),
        project_id=ProjectId(row["projectId"]),
        owner=OwnerId(row["owner"]),
        origin=SlackOrigin(thread, row["userId"]),
        message_ts=row.get("messageTs"),
        created_at=from_ms(row["createdAt"]),
    )

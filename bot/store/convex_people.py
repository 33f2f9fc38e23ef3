"""People at Convex: members of apps, and preferences."""

from collections.abc import Mapping

from agents.types import OwnerId, ProjectId
from bot.store.convex_client import ConvexClient
from bot.store.convex_rows import framework_of, framework_row
from bot.store.people_port import MemberRole, Preferences


class ConvexPeople:
    """Implements `bot.store.people_port.People`, with the client of the store it is part of."""

    _client: ConvexClient

    async def members(self, project_id: ProjectId) -> Mapping[str, MemberRole]:
        rows = await self._client.query("people:members", projectId=project_id)
        return {row["member"]: row["role"] for row in rows}

    async def set_member(self, project_id: ProjectId, member: str, role: MemberRole | None) -> None:
        await self._client.mutation(
            "people:setMember", projectId=project_id, member=member, role=role
        )

    async def preferences(self, owner: OwnerId) -> Preferences:
        row = await self._client.query("people:preferences", owner=owner)
        if row is None:
            return Preferences()
        return Preferences(row.get("model"), framework_of(row.get("framework")), row["others"])

    async def save_preferences(self, owner: OwnerId, preferences: Preferences) -> None:
        await self._client.mutation(
            "people:savePreferences",
            owner=owner,
            model=preferences.model,
            framework=framework_row(preferences.framework),
            others=preferences.others,
        )

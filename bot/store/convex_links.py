"""Preview keys at Convex."""

from collections.abc import Mapping

from agents.types import OwnerId, ProjectId
from bot.store.convex_client import ConvexClient
from bot.store.convex_rows import project_of
from bot.store.port import Project


class ConvexLinks:
    """Implements `bot.store.links_port.PreviewKeys`, with the client of the store it is part of."""

    _client: ConvexClient

    async def preview_key(self, project_id: ProjectId, fresh: str) -> str:
        key = await self._client.mutation("links:previewKey", projectId=project_id, fresh=fresh)
        return str(key)

    async def preview_keys(self, owner: OwnerId) -> Mapping[ProjectId, str]:
        rows = await self._client.query("links:previewKeys", owner=owner)
        return {ProjectId(row["projectId"]): row["key"] for row in rows}

    async def renew_preview_key(self, owner: OwnerId, project_id: ProjectId, fresh: str) -> None:
        await self._client.mutation(
            "links:renewPreviewKey", owner=owner, projectId=project_id, fresh=fresh
        )

    async def project_of_key(self, key: str) -> Project | None:
        row = await self._client.query("links:projectOfKey", key=key)
        return None if row is None else project_of(row)

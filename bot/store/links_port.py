"""The keys of preview links: each project has one, which opens its app until it is renewed.

Every method may raise `StoreUnavailable`. Every write may be sent again.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from agents.types import OwnerId, ProjectId

if TYPE_CHECKING:
    from bot.store.port import Project


class PreviewKeys(Protocol):
    """Who has which key."""

    async def preview_key(self, project_id: ProjectId, fresh: str) -> str:
        """The project's key; `fresh` becomes it where there is none. Raises: NotFound."""
        ...

    async def preview_keys(self, owner: OwnerId) -> Mapping[ProjectId, str]:
        """The keys of this owner's projects, of at most their newest 1,000."""
        ...

    async def renew_preview_key(self, owner: OwnerId, project_id: ProjectId, fresh: str) -> None:
        """From now on it is `fresh`, and the old one opens nothing. Raises: NotFound."""
        ...

    async def project_of_key(self, key: str) -> "Project | None":
        """Whose key this is, or None."""
        ...

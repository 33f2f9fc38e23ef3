"""What is kept about people: who may do what with an app, and what each of them wants.

Rows are frozen values. Every method may raise `StoreUnavailable`. Every write may be sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from agents.types import Framework, OwnerId, ProjectId

MemberRole = Literal["editor", "viewer"]

MAX_MEMBERS = 200
"""So many may be named for one app, besides its owner."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person wants unless they say otherwise. None: the server's choice.

    `others` is what others of the workspace may do with the apps that this person begins.
    """

    model: str | None = None
    framework: Framework | None = None
    others: MemberRole = "editor"


class People(Protocol):
    """Members of apps, and preferences."""

    async def members(self, project_id: ProjectId) -> Mapping[str, MemberRole]:
        """Who besides the owner may do what; nobody where the project is unknown.

        The keys are names such as "slack:T1:U2", or "slack:T1:*" for everybody of a workspace;
        the store does not look into them.
        """
        ...

    async def set_member(self, project_id: ProjectId, member: str, role: MemberRole | None) -> None:
        """Give this role in place of an older one; None takes it away.

        Raises: NotFound (project); BadRequest (a new one beyond `MAX_MEMBERS`).
        """
        ...

    async def preferences(self, owner: OwnerId) -> Preferences:
        """What was saved last, or the defaults."""
        ...

    async def save_preferences(self, owner: OwnerId, preferences: Preferences) -> None:
        """Keep all of them, in place of older ones."""
        ...

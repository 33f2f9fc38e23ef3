"""Where an app is, as a test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agents.errors import NotFound
from agents.types import ProjectId
from bot.services.previews import Awake, Standing, Waking
from bot.store.port import Project


@dataclass
class ScriptedPreviews:
    """Plays `bot.services.previews.Previews` for one project."""

    project: Project | None = None
    key: str = "the-key"
    standing: Standing = field(default_factory=lambda: Waking("Building it", 2.4))
    only_here: bool = True
    opened: int = 0
    using: int = 0

    async def project_of(self, key: str) -> Project:
        if self.project is None or key != self.key:
            raise NotFound("no such link")
        return self.project

    async def runs_at(self, project: Project) -> str | None:
        assert project is self.project
        return self.standing.url if isinstance(self.standing, Awake) else None

    @asynccontextmanager
    async def in_use(self, project_id: ProjectId) -> AsyncIterator[None]:
        assert self.project is not None
        assert project_id == self.project.id
        self.using += 1
        yield
        self.using -= 1

    async def open(self, project: Project) -> Standing:
        assert project is self.project
        self.opened += 1
        return self.standing

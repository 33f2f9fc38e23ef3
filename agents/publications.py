"""Which packages there are: the port to a package registry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Publication:
    """A package that exists. `since` is when it was first published, None where nobody says."""

    since: datetime | None


class PackageRegistry(Protocol):
    """Knows which packages there are."""

    async def published(self, name: str) -> Publication | None:
        """The package of that name, or None when there is none.

        Raises: ProviderTimeout, ProviderUnavailable.
        """
        ...

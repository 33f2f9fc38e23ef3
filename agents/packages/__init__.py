"""The package gate: what may be installed. A name that a model made up is an open door for others.

Before an install each name must exist in the registry and be older than a day; older than a year
where it looks like a misspelling of a popular one, as traps are found by then. Names on the list of popular packages are let through unasked; where
the registry does not answer, only they are.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from typing import Final

from agents.errors import ProviderError
from agents.packages.imports import Undeclared, find_undeclared, is_alias_file
from agents.packages.manifest import (
    as_manifest,
    declared,
    foreign_sources,
    is_manifest,
    own_name,
    wanted_packages,
)
from agents.packages.names import is_popular, near_miss, popular_names
from agents.ports import Clock
from agents.publications import PackageRegistry

__all__ = [
    "PackageGate",
    "Undeclared",
    "as_manifest",
    "declared",
    "find_undeclared",
    "foreign_sources",
    "is_alias_file",
    "is_manifest",
    "is_popular",
    "near_miss",
    "own_name",
    "wanted_packages",
]

MIN_AGE: Final = timedelta(days=1)
MIN_AGE_ALIKE: Final = timedelta(days=365)
LOOKUPS_AT_ONCE: Final = 8

_ELSE: Final = "Use a package that is installed or widely known, or write the code yourself."


class PackageGate:
    """Judges names; asks the registry once for each. Without a registry only misspellings fail."""

    def __init__(self, registry: PackageRegistry | None, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._good: set[str] = set()
        self._slots = asyncio.Semaphore(LOOKUPS_AT_ONCE)

    async def refusals(self, names: Iterable[str]) -> dict[str, str]:
        """The names that may not be installed, each with a sentence that tells a model what to do.

        Never raises: a registry that does not answer is a reason to refuse.
        """
        asked = [name for name in dict.fromkeys(names) if name not in self._good]
        reasons = await asyncio.gather(*map(self._reason, asked))
        refused = {name: why for name, why in zip(asked, reasons, strict=True) if why}
        self._good.update(name for name in asked if name not in refused)
        return refused

    async def _reason(self, name: str) -> str:
        if is_popular(name):
            return ""
        meant = near_miss(name)
        if meant is not None:
            if await self._is_established(name):
                return ""
            return (
                f"{name} looks like a misspelling of {meant}. If you mean {meant}, write exactly "
                f"that; otherwise: {_ELSE}"
            )
        return await self._look_up(name) if self._registry is not None else ""

    async def _is_established(self, name: str) -> bool:
        """Whether the registry says that it has had the package for a year."""
        if self._registry is None:
            return False
        try:
            async with self._slots:
                found = await self._registry.published(name)
        except ProviderError:
            return False
        since = None if found is None else found.since
        return since is not None and self._clock.now() - since >= MIN_AGE_ALIKE

    async def _look_up(self, name: str) -> str:
        assert self._registry is not None  # noqa: S101 - `_reason` has seen it
        try:
            async with self._slots:
                found = await self._registry.published(name)
        except ProviderError:
            return (
                f"{name} could not be looked up, since the package registry does not answer. What "
                f"is not widely known is installed only after a look. {_ELSE}"
            )
        if found is None:
            close = get_close_matches(name, popular_names(), n=1, cutoff=0.8)
            hint = f" Did you mean {close[0]}?" if close else ""
            return f"There is no package {name}.{hint} {_ELSE}"
        if found.since is not None and self._clock.now() - found.since < MIN_AGE:
            return f"{name} was first published less than a day ago, so it is not trusted. {_ELSE}"
        return ""

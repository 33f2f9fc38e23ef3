"""Every adapter of the sandbox port, and what it can do. A new one is one line in `ADAPTERS`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from agents.ports import SandboxProvider
from agents.testing import InMemorySandboxProvider
from agents.types import Framework
from tests.agents.sandbox.at_e2b import tiny_e2b_provider, tiny_image
from tests.agents.sandbox.tiny import open_place, tiny_provider, tiny_template
from tests.fakes.e2b.server import serving_e2b

LIMIT = 3
"""How many sandboxes the adapters' providers allow at once in the test of the limit."""


@asynccontextmanager
async def open_memory(max_sandboxes: int) -> AsyncIterator[SandboxProvider]:
    yield InMemorySandboxProvider(templates=tiny_template, max_sandboxes=max_sandboxes, pauses=True)


@asynccontextmanager
async def open_bubblewrap(max_sandboxes: int) -> AsyncIterator[SandboxProvider]:
    with open_place() as place:
        provider = tiny_provider(place, max_sandboxes=max_sandboxes)
        try:
            yield provider
        finally:
            await provider.close()


@asynccontextmanager
async def open_unisolated(max_sandboxes: int) -> AsyncIterator[SandboxProvider]:
    with open_place() as place:
        provider = tiny_provider(
            place, bwrap="no-such-program", allow_unisolated=True, max_sandboxes=max_sandboxes
        )
        try:
            yield provider
        finally:
            await provider.close()


@asynccontextmanager
async def open_e2b(max_sandboxes: int) -> AsyncIterator[SandboxProvider]:
    """Through the real SDK; `zapdev-react` is built there, other frameworks are not."""
    async with serving_e2b() as cloud:
        cloud.limits.concurrent = max_sandboxes
        cloud.images["zapdev-react"] = await tiny_image(cloud, Framework.REACT)
        provider = tiny_e2b_provider(cloud)
        try:
            yield provider
        finally:
            await provider.close()


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to open a provider of `tiny_template`, and what its sandboxes can do."""

    open: Callable[[int], AbstractAsyncContextManager[SandboxProvider]]
    runs_commands: bool = True
    pauses: bool = False


ADAPTERS: dict[str, Adapter] = {
    "memory": Adapter(open_memory, runs_commands=False, pauses=True),
    "bubblewrap": Adapter(open_bubblewrap),
    "unisolated": Adapter(open_unisolated),
    "e2b": Adapter(open_e2b, pauses=True),
}

WITH_COMMANDS = [name for name, adapter in ADAPTERS.items() if adapter.runs_commands]

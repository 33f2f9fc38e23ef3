"""Every adapter of the sandbox port, and what it can do. A new one is one line in `ADAPTERS`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from agents.ports import SandboxProvider
from agents.testing import InMemorySandboxProvider
from tests.agents.sandbox.tiny import open_place, tiny_provider, tiny_template

LIMIT = 3
"""How many sandboxes the adapters' providers allow at once in the test of the limit."""


@asynccontextmanager
async def open_memory(max_sandboxes: int) -> AsyncIterator[SandboxProvider]:
    yield InMemorySandboxProvider(templates=tiny_template, max_sandboxes=max_sandboxes)


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


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to open a provider of `tiny_template`, and whether its commands really run."""

    open: Callable[[int], AbstractAsyncContextManager[SandboxProvider]]
    runs_commands: bool = True


ADAPTERS: dict[str, Adapter] = {
    "memory": Adapter(open_memory, runs_commands=False),
    "bubblewrap": Adapter(open_bubblewrap),
    "unisolated": Adapter(open_unisolated),
}

WITH_COMMANDS = [name for name, adapter in ADAPTERS.items() if adapter.runs_commands]

"""Two processes on one machine, both of which are asked for the same app."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from agents.revival import Reviver
from agents.sandbox.manager import SandboxManager
from agents.testing import InMemorySandboxProvider
from bot.services.previews import Awake, Previews, Waking
from tests.fakes.shore import Shore, open_shore


@pytest.fixture
async def shore() -> AsyncIterator[Shore]:
    async with open_shore() as shore:
        yield shore


@dataclass
class Beside:
    """Another process of this machine, with sandboxes of its own."""

    provider: InMemorySandboxProvider
    previews: Previews


@pytest.fixture
async def beside(shore: Shore) -> AsyncIterator[Beside]:
    """It begins once the app runs at the first one, and knows what that one has."""
    await shore.woken()
    provider = InMemorySandboxProvider()
    manager = SandboxManager(provider, shore.clock)
    provider.elsewhere = {sandbox.id for sandbox in shore.living}
    previews = Previews(shore.store, manager, Reviver(manager, shore.pages, shore.clock))
    yield Beside(provider, previews)
    await previews.close()
    await manager.close()


async def test_what_runs_in_another_process_here_is_led_to_and_left_there(
    shore: Shore, beside: Beside
) -> None:
    for _ in range(3):
        there = await beside.previews.open(await shore.project())
        assert there == await shore.open()
        assert await beside.previews.runs_at(await shore.project()) is not None
    assert beside.provider.sandboxes == {}
    assert len(shore.provider.sandboxes) == 1


async def test_what_a_dead_process_had_is_not_looked_for_where_it_was(
    shore: Shore, beside: Beside
) -> None:
    beside.provider.elsewhere.clear()  # its port may be a stranger's by now, and answers
    assert await beside.previews.runs_at(await shore.project()) is None
    shore.previews = beside.previews
    assert isinstance(await shore.woken(), Awake)
    [sandbox] = beside.provider.sandboxes.values()
    assert sandbox.files["src/App.tsx"] == b"bikes"


async def test_one_elsewhere_that_only_needs_longer_is_waited_for(
    shore: Shore, beside: Beside
) -> None:
    shore.pages.status = 502
    assert isinstance(await beside.previews.open(await shore.project()), Waking)
    shore.pages.status = 200
    shore.previews = beside.previews
    assert isinstance(await shore.woken(), Awake)
    assert beside.provider.sandboxes == {}

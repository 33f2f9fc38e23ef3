"""Providers are shared by the tests of a module, since looking at the machine takes a while."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agents.ports import Sandbox, SandboxProvider
from agents.types import Framework
from tests.agents.sandbox.tiny import TASK
from tests.contracts.sandbox.adapters import ADAPTERS, WITH_COMMANDS

ROOM = 24


@pytest_asyncio.fixture(params=list(ADAPTERS), scope="module", loop_scope="module")
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SandboxProvider]:
    """A provider of any kind."""
    async with ADAPTERS[request.param].open(ROOM) as provider:
        yield provider


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(provider: SandboxProvider) -> AsyncIterator[Sandbox]:
    """A sandbox of any kind."""
    sandbox = await provider.create(Framework.REACT, task_id=TASK)
    yield sandbox
    await sandbox.close()


@pytest_asyncio.fixture(params=WITH_COMMANDS, scope="module", loop_scope="module")
async def machines(request: pytest.FixtureRequest) -> AsyncIterator[SandboxProvider]:
    """A provider whose sandboxes really run commands."""
    async with ADAPTERS[request.param].open(ROOM) as provider:
        yield provider


@pytest_asyncio.fixture(loop_scope="module")
async def machine(machines: SandboxProvider) -> AsyncIterator[Sandbox]:
    """A sandbox that really runs commands."""
    sandbox = await machines.create(Framework.REACT, task_id=TASK)
    yield sandbox
    await sandbox.close()

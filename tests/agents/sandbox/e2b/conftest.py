from collections.abc import AsyncIterator

import pytest_asyncio

from agents.sandbox.e2b import E2BSandboxProvider
from agents.types import Framework
from tests.agents.sandbox.at_e2b import tiny_e2b_provider, tiny_image
from tests.fakes.e2b.server import StandIn, serving_e2b
from tests.fakes.instant_clock import InstantClock

SHORT_S = 0.4


@pytest_asyncio.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with serving_e2b() as cloud:
        cloud.images["zapdev-react"] = await tiny_image(cloud, Framework.REACT)
        yield cloud


@pytest_asyncio.fixture
async def provider(cloud: StandIn) -> AsyncIterator[E2BSandboxProvider]:
    provider = tiny_e2b_provider(cloud, clock=InstantClock())
    yield provider
    await provider.close()


@pytest_asyncio.fixture
async def unhurried(cloud: StandIn) -> AsyncIterator[E2BSandboxProvider]:
    """A provider on the real clock, so that it follows its servers."""
    provider = tiny_e2b_provider(cloud)
    yield provider
    await provider.close()


@pytest_asyncio.fixture
async def hasty(cloud: StandIn) -> AsyncIterator[E2BSandboxProvider]:
    """A provider that waits for an answer less than half a second."""
    provider = tiny_e2b_provider(cloud, clock=InstantClock(), answer_s=SHORT_S)
    yield provider
    await provider.close()

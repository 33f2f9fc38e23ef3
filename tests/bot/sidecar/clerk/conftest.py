from collections.abc import AsyncIterator

import pytest

from tests.fakes.clerk.server import FakeClerk, serving_clerk


@pytest.fixture
async def clerk() -> AsyncIterator[FakeClerk]:
    async with serving_clerk() as instance:
        yield instance

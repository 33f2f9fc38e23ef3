from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.system import RandomIds
from agents.testing import FakeClock
from tests.contracts.store.adapters import ADAPTERS, World


@pytest.fixture(params=list(ADAPTERS))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    async with ADAPTERS[request.param](tmp_path, clock, RandomIds()) as store:
        yield World(store, clock)

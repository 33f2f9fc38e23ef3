from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.sidecar import RunningSidecar, running_sidecar


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[RunningSidecar]:
    async with running_sidecar(tmp_path / "zapdev.db") as running:
        yield running

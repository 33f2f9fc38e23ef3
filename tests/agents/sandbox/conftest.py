from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.sandbox.local import LocalSandboxProvider
from agents.sandbox.local_sandbox import LocalSandbox
from agents.types import Framework
from tests.agents.sandbox.tiny import TASK, open_place, tiny_provider


@pytest.fixture
def place() -> Iterator[Path]:
    with open_place() as place:
        yield place


@pytest.fixture
async def provider(place: Path) -> AsyncIterator[LocalSandboxProvider]:
    provider = tiny_provider(place)
    yield provider
    await provider.close()


@pytest.fixture
async def sandbox(provider: LocalSandboxProvider) -> LocalSandbox:
    return await provider.create(Framework.REACT, task_id=TASK)

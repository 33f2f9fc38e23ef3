from collections.abc import AsyncIterator

import pytest

from tests.agents.desk import Desk, open_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = await open_desk()
    yield desk
    await desk.workspace.close(keep=True)

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack_bot import Bot, slack_bot


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A workspace T1 with two people and a channel where the bot is, and one of strangers, T9."""
    async with FakeSlack(rate_limits=False) as running:
        team = running.workspace("T1")
        running.workspace("T9", installed=False).user("U9")
        team.channel("C1", members=["U1", "U2", "U9"], shared_with=["T9"])
        yield running


@pytest.fixture
async def bot(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    async with slack_bot(slack, tmp_path / "zapdev.db") as running:
        yield running

"""A Slack with one workspace, one channel and one person; and an app in it."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.contracts.slack_host.app import TRANSPORTS, TinyApp
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(rate_limits=False) as running:
        yield running


@pytest.fixture
def team(slack: FakeSlack) -> Workspace:
    workspace = slack.workspace("T1")
    workspace.channel("C1", members=["U1"])
    return workspace


@pytest.fixture
def client(slack: FakeSlack, team: Workspace) -> AsyncWebClient:
    return AsyncWebClient(team.token, slack.api_url)


@pytest.fixture(params=TRANSPORTS)
async def app(
    slack: FakeSlack, client: AsyncWebClient, request: pytest.FixtureRequest
) -> AsyncIterator[TinyApp]:
    """The app, connected by the one way and by the other."""
    tiny = TinyApp(slack, client)
    async with TRANSPORTS[request.param](slack, tiny):
        yield tiny

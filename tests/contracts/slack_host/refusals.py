"""Expecting that Slack says no."""

from collections.abc import Awaitable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse


async def refused(call: Awaitable[AsyncSlackResponse]) -> dict[str, Any]:
    """The whole answer of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    answer: dict[str, Any] = caught.value.response.data
    return answer


async def error_of(call: Awaitable[AsyncSlackResponse]) -> str:
    return str((await refused(call))["error"])

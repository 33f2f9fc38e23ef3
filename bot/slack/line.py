"""The line to Slack's Web API: one session, a deadline for every call, and typed refusals.

No call is repeated here: whoever asked knows what is the newest state, and sends that.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from agents.errors import (
    BadProviderResponse,
    ProviderTimeout,
    ProviderUnavailable,
    ZapdevError,
)
from bot.slack.errors import refusal

CALL_S = 10.0


Told = Callable[[str, str], None]
"""Told of each call: the client's method, and `ok` or an error's key."""


def _nobody(method: str, outcome: str) -> None:
    """Nobody counts."""
    del method, outcome


class SlackLine:
    """Make it on a running event loop, and close it. `client` has no token of its own."""

    def __init__(self, base_url: str, told: Told = _nobody) -> None:
        # With a session of one's own the client's timeout is ignored, so it is the session's.
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        self._http = aiohttp.ClientSession(timeout=timeout)
        base_url = f"{base_url.rstrip('/')}/"
        self._told = told
        self.client = AsyncWebClient(base_url=base_url, session=self._http, retry_handlers=[])

    async def close(self) -> None:
        await self._http.close()

    async def call(self, calling: Awaitable[Any]) -> Any:
        """The answer of one of the client's methods.

        Raises: RateLimited, ProviderTimeout, ProviderUnavailable, and `bot.slack.errors`.
        """
        method, outcome = getattr(calling, "__name__", "other"), "ok"
        try:
            return await _answer(calling)
        except ZapdevError as error:
            outcome = error.key
            raise
        finally:
            self._told(method, outcome)

    async def read_json(self, url: str) -> Any:
        """A public document of Slack's. Raises: as `call`; BadProviderResponse (none)."""
        try:
            async with self._http.get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise ProviderUnavailable(f"Slack answered {answer.status}")
                return await answer.json(content_type=None)
        except TimeoutError as error:
            raise ProviderTimeout("Slack did not answer in time") from error
        except ValueError as error:
            raise BadProviderResponse("Slack's document is no JSON") from error
        except aiohttp.ClientError as error:
            raise ProviderUnavailable(f"Slack is not reachable: {error!r}") from error

    async def upload(self, url: str, content: bytes) -> None:
        """Send bytes to an address that Slack has given for them. Raises: as `call`."""
        try:
            async with self._http.post(url, data=content) as answer:
                if answer.status != 200:
                    raise ProviderUnavailable(f"Slack took no file: {answer.status}")
        except TimeoutError as error:
            raise ProviderTimeout("Slack did not take the file in time") from error
        except aiohttp.ClientError as error:
            raise ProviderUnavailable(f"Slack is not reachable: {error!r}") from error


async def _answer(calling: Awaitable[Any]) -> Any:
    try:
        return await calling
    except SlackApiError as error:
        raise _translate(error) from error
    except TimeoutError as error:
        raise ProviderTimeout("Slack did not answer in time") from error
    except (aiohttp.ClientError, SlackClientError) as error:
        raise ProviderUnavailable(f"Slack is not reachable: {error!r}") from error


def _translate(error: SlackApiError) -> Exception:
    answer = error.response
    data = getattr(answer, "data", answer)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    headers = getattr(answer, "headers", {})
    status = int(getattr(answer, "status_code", 0) or 0)
    return refusal(code, status, headers.get("Retry-After"))

"""The one door out to Slack: every call passes here, with a deadline and typed refusals.

No call is repeated here: whoever asked knows what is the newest state, and sends that.
"""

from collections.abc import Awaitable, Mapping
from typing import Any, Literal, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from agents.errors import ProviderTimeout, ProviderUnavailable
from bot.render.slack_blocks import SlackMessage
from bot.slack.errors import refusal

CALL_S = 10.0
EVENT_TYPE = "zapdev_task"
"""The metadata by which a task's message is found again."""

SessionStatus = Literal["processing", "active"]

_LOOKED_AT = 100
_PAGES = 5
_SESSION_TITLE = 200


class Tokens(Protocol):
    """Who knows a workspace's token. Asked at each call, as tokens change."""

    async def token(self, team_id: str) -> str:
        """Raises: WorkspaceGone."""
        ...


class OneToken:
    """Implements `Tokens` for an app in one workspace."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, team_id: str) -> str:
        del team_id
        return self._token


class SlackDoor:
    """Calls Slack's Web API. Make it on a running event loop, and close it."""

    def __init__(self, base_url: str, tokens: Tokens) -> None:
        # With a session of one's own the client's timeout is ignored, so it is the session's.
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        self._http = aiohttp.ClientSession(timeout=timeout)
        base_url = f"{base_url.rstrip('/')}/"
        self.client = AsyncWebClient(base_url=base_url, session=self._http, retry_handlers=[])
        self._tokens = tokens

    async def close(self) -> None:
        await self._http.close()

    async def who(self, team_id: str) -> Mapping[str, Any]:
        """What `auth.test` says of our token."""
        token = await self._tokens.token(team_id)
        answer: Mapping[str, Any] = (await self._call(self.client.auth_test(token=token))).data
        return answer

    async def post(
        self,
        team_id: str,
        channel_id: str,
        message: SlackMessage,
        *,
        thread_ts: str = "",
        task_id: str = "",
    ) -> str:
        """A new message; answers its ts. By `task_id`, if it has one, it can be found again.

        Raises: RateLimited, ProviderTimeout, ProviderUnavailable, and `bot.slack.errors`.
        """
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"task_id": task_id}}
        answer = await self._call(
            self.client.chat_postMessage(
                token=await self._tokens.token(team_id),
                channel=channel_id,
                text=message.text,
                blocks=message.blocks or None,
                thread_ts=thread_ts or None,
                metadata=metadata if task_id else None,
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return str(answer["ts"])

    async def update(self, team_id: str, channel_id: str, ts: str, message: SlackMessage) -> None:
        """Make a message say this. Raises: as `post`."""
        await self._call(
            self.client.chat_update(
                token=await self._tokens.token(team_id),
                channel=channel_id,
                ts=ts,
                text=message.text,
                blocks=message.blocks,
                link_names=False,
                parse="none",
            )
        )

    async def whisper(
        self, team_id: str, channel_id: str, user_id: str, message: SlackMessage, thread_ts: str
    ) -> None:
        """A message that only one person sees. Raises: as `post`."""
        await self._call(
            self.client.chat_postEphemeral(
                token=await self._tokens.token(team_id),
                channel=channel_id,
                user=user_id,
                text=message.text,
                blocks=message.blocks or None,
                thread_ts=thread_ts or None,
            )
        )

    async def direct_channel(self, team_id: str, user_id: str) -> str:
        """The channel of our conversation with one person. Raises: as `post`."""
        token = await self._tokens.token(team_id)
        answer = await self._call(self.client.conversations_open(token=token, users=user_id))
        return str(answer["channel"]["id"])

    async def find(
        self, team_id: str, channel_id: str, thread_ts: str, task_id: str, *, after: str
    ) -> str | None:
        """A task's message by its metadata, among those younger than `after`; None without one.

        Raises: as `post`.
        """
        options: dict[str, Any] = {
            "channel": channel_id,
            "oldest": after,
            "include_all_metadata": True,
            "limit": _LOOKED_AT,
        }
        cursor = None
        for _ in range(_PAGES):
            token = await self._tokens.token(team_id)
            page = await self._call(
                self.client.conversations_replies(
                    token=token, ts=thread_ts, cursor=cursor, **options
                )
                if thread_ts
                else self.client.conversations_history(token=token, cursor=cursor, **options)
            )
            for message in page.get("messages", []):
                if message["ts"] != after and _is_of(message, task_id):
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return None

    async def set_session_status(
        self,
        team_id: str,
        channel_id: str,
        thread_ts: str,
        status: SessionStatus,
        *,
        title: str,
        user_id: str,
    ) -> None:
        """Slack's own sign that an agent works in a thread. Raises: as `post`."""
        await self._call(
            self.client.agents_sessions_setStatus(
                token=await self._tokens.token(team_id),
                channel_id=channel_id,
                thread_ts=thread_ts,
                status=status,
                title=title[:_SESSION_TITLE] or None,
                initiator_user_id=user_id or None,
            )
        )

    async def open_view(self, team_id: str, trigger_id: str, view: Mapping[str, Any]) -> str:
        """A modal; answers its id. Raises: as `post`."""
        token = await self._tokens.token(team_id)
        answer = await self._call(
            self.client.views_open(token=token, trigger_id=trigger_id, view=dict(view))
        )
        return str(answer["view"]["id"])

    async def update_view(self, team_id: str, view_id: str, view: Mapping[str, Any]) -> None:
        """Raises: as `post`."""
        token = await self._tokens.token(team_id)
        await self._call(self.client.views_update(token=token, view_id=view_id, view=dict(view)))

    async def publish_home(self, team_id: str, user_id: str, view: Mapping[str, Any]) -> None:
        """What a person sees in the app's home. Raises: as `post`."""
        token = await self._tokens.token(team_id)
        await self._call(self.client.views_publish(token=token, user_id=user_id, view=dict(view)))

    async def _call(self, calling: Awaitable[Any]) -> Any:
        try:
            return await calling
        except SlackApiError as error:
            raise _translate(error) from error
        except TimeoutError as error:
            raise ProviderTimeout("Slack did not answer in time") from error
        except (aiohttp.ClientError, SlackClientError) as error:
            raise ProviderUnavailable(f"Slack is not reachable: {error!r}") from error


def _is_of(message: Mapping[str, Any], task_id: str) -> bool:
    metadata = message.get("metadata") or {}
    found = (metadata.get("event_payload") or {}).get("task_id")
    return metadata.get("event_type") == EVENT_TYPE and found == task_id


def _translate(error: SlackApiError) -> Exception:
    answer = error.response
    data = getattr(answer, "data", answer)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    headers = getattr(answer, "headers", {})
    status = int(getattr(answer, "status_code", 0) or 0)
    return refusal(code, status, headers.get("Retry-After"))

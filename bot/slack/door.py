"""The one door out to Slack: what is said in its workspaces, each with its own token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bot.render.slack_blocks import SlackMessage
from bot.slack.errors import TokenExpired, WorkspaceGone
from bot.slack.line import CALL_S, SlackLine

__all__ = ["CALL_S", "OneToken", "SlackDoor", "Tokens"]

EVENT_TYPE = "zapdev_task"
"""The metadata by which a task's message is found again."""

SessionStatus = Literal["processing", "active"]

_LOOKED_AT = 100
_PAGES = 5
_SESSION_TITLE = 200
_TITLE, _ALT_TEXT = 250, 1_000


@dataclass(frozen=True, slots=True)
class Picture:
    """What an app looks like: a file's name, plain words, and its bytes."""

    name: str
    title: str
    content: bytes


class Tokens(Protocol):
    """Who knows a workspace's token. Asked at each call, as tokens change."""

    async def token(self, team_id: str, *, expired: str = "") -> str:
        """A token that works; `expired` is one of which Slack says that it does not any more.

        Raises: WorkspaceGone, ProviderUnavailable.
        """
        ...


class OneToken:
    """Implements `Tokens` for an app in one workspace."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, team_id: str, *, expired: str = "") -> str:
        if expired:
            raise WorkspaceGone(f"the token of {team_id or 'the workspace'} has expired")
        return self._token


class SlackDoor:
    """Calls Slack's Web API.

    Each method raises RateLimited, ProviderTimeout, ProviderUnavailable, and `bot.slack.errors`.
    """

    def __init__(self, line: SlackLine, tokens: Tokens) -> None:
        self.line = line
        self._client = line.client
        self._tokens = tokens

    async def who(self, team_id: str) -> Mapping[str, Any]:
        """What `auth.test` says of our token."""
        answer: Mapping[str, Any] = (await self._call(team_id, self._client.auth_test)).data
        return answer

    async def user(self, team_id: str, user_id: str) -> Mapping[str, Any]:
        """What `users.info` says of somebody."""
        answer = await self._call(team_id, self._client.users_info, user=user_id)
        found: Mapping[str, Any] = answer["user"]
        return found

    async def post(
        self,
        team_id: str,
        channel_id: str,
        message: SlackMessage,
        *,
        thread_ts: str = "",
        task_id: str = "",
    ) -> str:
        """A new message; answers its ts. By `task_id`, if it has one, it can be found again."""
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"task_id": task_id}}
        answer = await self._call(
            team_id,
            self._client.chat_postMessage,
            channel=channel_id,
            text=message.text,
            blocks=message.blocks or None,
            thread_ts=thread_ts or None,
            metadata=metadata if task_id else None,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    async def update(self, team_id: str, channel_id: str, ts: str, message: SlackMessage) -> None:
        """Make a message say this."""
        await self._call(
            team_id,
            self._client.chat_update,
            channel=channel_id,
            ts=ts,
            text=message.text,
            blocks=message.blocks,
            link_names=False,
            parse="none",
        )

    async def whisper(
        self, team_id: str, channel_id: str, user_id: str, message: SlackMessage, thread_ts: str
    ) -> None:
        """A message that only one person sees."""
        await self._call(
            team_id,
            self._client.chat_postEphemeral,
            channel=channel_id,
            user=user_id,
            text=message.text,
            blocks=message.blocks or None,
            thread_ts=thread_ts or None,
        )

    async def direct_channel(self, team_id: str, user_id: str) -> str:
        """The channel of our conversation with one person."""
        answer = await self._call(team_id, self._client.conversations_open, users=user_id)
        return str(answer["channel"]["id"])

    async def find(
        self, team_id: str, channel_id: str, thread_ts: str, task_id: str, *, after: str
    ) -> str | None:
        """A task's message by its metadata, among those younger than `after`; None without one."""
        options: dict[str, Any] = {
            "channel": channel_id,
            "oldest": after,
            "include_all_metadata": True,
            "limit": _LOOKED_AT,
        }
        looking: Callable[..., Awaitable[Any]] = self._client.conversations_history
        if thread_ts:
            looking, options["ts"] = self._client.conversations_replies, thread_ts
        cursor = None
        for _ in range(_PAGES):
            page = await self._call(team_id, looking, cursor=cursor, **options)
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
        """Slack's own sign that an agent works in a thread."""
        await self._call(
            team_id,
            self._client.agents_sessions_setStatus,
            channel_id=channel_id,
            thread_ts=thread_ts,
            status=status,
            title=title[:_SESSION_TITLE] or None,
            initiator_user_id=user_id or None,
        )

    async def share_picture(
        self, team_id: str, channel_id: str, thread_ts: str, picture: Picture
    ) -> None:
        """A new message in the thread with the picture; the bot has to be a member there."""
        granted = await self._call(
            team_id,
            self._client.files_getUploadURLExternal,
            filename=picture.name,
            length=len(picture.content),
            alt_txt=picture.title[:_ALT_TEXT],
        )
        await self.line.upload(str(granted["upload_url"]), picture.content)
        await self._call(
            team_id,
            self._client.files_completeUploadExternal,
            files=[{"id": granted["file_id"], "title": picture.title[:_TITLE]}],
            channel_id=channel_id,
            thread_ts=thread_ts,
        )

    async def open_view(self, team_id: str, trigger_id: str, view: Mapping[str, Any]) -> str:
        """A modal; answers its id."""
        answer = await self._call(
            team_id, self._client.views_open, trigger_id=trigger_id, view=dict(view)
        )
        return str(answer["view"]["id"])

    async def update_view(self, team_id: str, view_id: str, view: Mapping[str, Any]) -> None:
        await self._call(team_id, self._client.views_update, view_id=view_id, view=dict(view))

    async def publish_home(self, team_id: str, user_id: str, view: Mapping[str, Any]) -> None:
        """What a person sees in the app's home."""
        await self._call(team_id, self._client.views_publish, user_id=user_id, view=dict(view))

    async def _call(
        self, team_id: str, method: Callable[..., Awaitable[Any]], **arguments: Any
    ) -> Any:
        """With the workspace's token; with its next one, once, where this one has expired."""
        token = await self._tokens.token(team_id)
        try:
            return await self.line.call(method(token=token, **arguments))
        except TokenExpired:
            token = await self._tokens.token(team_id, expired=token)
            return await self.line.call(method(token=token, **arguments))


def _is_of(message: Mapping[str, Any], task_id: str) -> bool:
    metadata = message.get("metadata") or {}
    found = (metadata.get("event_payload") or {}).get("task_id")
    return metadata.get("event_type") == EVENT_TYPE and found == task_id

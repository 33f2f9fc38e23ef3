"""What Slack refuses with, sorted by what to do about it.

ProviderError
├─ TransientError  RateLimited · ProviderTimeout · ProviderUnavailable: later, with the newest state
└─ PermanentError
   ├─ MessageTooLarge   say it in fewer words
   ├─ MessageGone       it was deleted, or may not be edited any more: a new one at the end
   ├─ ThreadGone        nothing can be said in this thread any more: beside it, in the channel
   ├─ ChannelGone       archived, left, or closed to us: tell the person elsewhere
   └─ WorkspaceGone     the token is no longer good: stop for this workspace

What is in no list is a BadProviderResponse. A transient error may come after the effect took place:
whoever posts looks before posting again. RateLimited and the permanent ones come instead of it.

The codes are those of the chat methods' reference pages (docs.slack.dev/reference/methods).
"""

import math
from collections.abc import Mapping

from agents.errors import (
    BadProviderResponse,
    PermanentError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    TransientError,
)

RETRY_AFTER_S = 5.0
"""Waited when Slack limits us without saying for how long."""


class MessageTooLarge(PermanentError):
    """Over a limit of Slack's, or blocks that it does not take."""


class MessageGone(PermanentError):
    """The message cannot be edited any more."""


class ThreadGone(PermanentError):
    """The thread is not there any more, or takes no replies."""


class ChannelGone(PermanentError):
    """Nothing can be said in this channel any more."""


class WorkspaceGone(PermanentError):
    """The workspace does not accept our token any more."""


class TokenExpired(WorkspaceGone):
    """This token's time is over; the workspace may have a newer one."""


class TokenDead(WorkspaceGone):
    """The app was removed there, or its tokens were revoked."""


class NotHeld(TransientError):
    """Another process may write to this workspace by now: nothing is sent. Ours, not Slack's."""


_TOO_LARGE = (
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_metadata_format",
    "msg_blocks_too_long",
    "msg_blocks_too_many",
    "msg_too_long",
    "no_text",
)
_MESSAGE_GONE = (
    "block_mismatch",
    "cant_update_message",
    "edit_window_closed",
    "message_not_found",
)
_THREAD_GONE = (
    "cannot_reply_to_message",
    "restricted_action_non_threadable_channel",
    "thread_not_found",
)
_CHANNEL_GONE = (
    "access_denied",
    "channel_not_found",
    "is_archived",
    "is_inactive",
    "messages_tab_disabled",
    "not_in_channel",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
)
_WORKSPACE_GONE = (
    "ekm_access_denied",
    "invalid_auth",
    "invalid_refresh_token",
    "missing_scope",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
)
_TOKEN_DEAD = ("account_inactive", "token_revoked")
_PASSING = (
    "external_channel_migrating",
    "fatal_error",
    "internal_error",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
    "update_failed",
)

_CLASSES: Mapping[str, type[ProviderError]] = {
    **dict.fromkeys(_TOO_LARGE, MessageTooLarge),
    **dict.fromkeys(_MESSAGE_GONE, MessageGone),
    **dict.fromkeys(_THREAD_GONE, ThreadGone),
    **dict.fromkeys(_CHANNEL_GONE, ChannelGone),
    **dict.fromkeys(_WORKSPACE_GONE, WorkspaceGone),
    **dict.fromkeys(_TOKEN_DEAD, TokenDead),
    "token_expired": TokenExpired,
    **dict.fromkeys(_PASSING, ProviderUnavailable),
}


def refusal(code: str, status: int, retry_after: str | None) -> ProviderError:
    """The error for a code of Slack's, or for an HTTP status without one."""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return RateLimited(f"Slack limits us: {code}", retry_after_s=_seconds(retry_after))
    if status >= 500:
        return ProviderUnavailable(f"Slack answered {status}")
    return _CLASSES.get(code, BadProviderResponse)(f"Slack refused: {code}")


def _seconds(retry_after: str | None) -> float:
    """Slack sends whole seconds; a fraction, or nonsense, must not stop us."""
    try:
        seconds = float(retry_after or RETRY_AFTER_S)
    except ValueError:
        return RETRY_AFTER_S
    return max(0.0, seconds) if math.isfinite(seconds) else RETRY_AFTER_S

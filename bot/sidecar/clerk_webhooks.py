"""What Clerk tells over HTTP, once it is sure that Clerk tells it.

Messages are signed by the scheme of standardwebhooks.com, with Svix's names for the headers. Read
are those that end something; others are taken and forgotten.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from agents.errors import BadRequest, UserError
from bot.services.account_news import (
    AccountEnd,
    AccountNews,
    MembershipEnded,
    OrganisationEnded,
    SessionEnded,
    UserEnded,
)
from bot.services.principals import NotSignedIn
from bot.sidecar.clerk_claims import OrgId, SessionId, UserId

SECRET = "CLERK_WEBHOOK_SECRET"  # noqa: S105 - its name

_HEADERS = ("id", "timestamp", "signature")


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Event(_Shape):
    type: str
    data: dict[str, Any]


class _Session(_Shape):
    id: SessionId


class _User(_Shape):
    id: UserId


class _Organisation(_Shape):
    id: OrgId


class _Member(_Shape):
    user_id: UserId


class _Membership(_Shape):
    organization: _Organisation
    public_user_data: _Member


def webhook_of(secret: str) -> Webhook:
    """What checks signatures by this secret. Raises: UserError."""
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError):
        raise UserError(
            f"{SECRET} is not one of Clerk's (whsec_…).",
            field=SECRET,
            hint="Copy the signing secret of the endpoint from Clerk's dashboard, Webhooks.",
        ) from None


class ClerkWebhooks:
    """Takes Clerk's messages."""

    def __init__(self, secret: str, news: AccountNews) -> None:
        """Raises: UserError."""
        self._webhook = webhook_of(secret)
        self._news = news

    async def take(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Carry a message out; answers as `AccountNews.take` does, None also where it ends nothing.

        Raises: NotSignedIn (not Clerk's, or too old), BadRequest (signed, but not understood),
        StoreError.
        """
        event = self._read(headers, body)
        end = read_end(event.type, event.data)
        return None if end is None else await self._news.take(headers["svix-id"], end)

    def _read(self, headers: Mapping[str, str], body: bytes) -> _Event:
        named = {f"webhook-{name}": headers.get(f"svix-{name}", "") for name in _HEADERS}
        try:
            self._webhook.verify(body, named, json_parse=False)
        except (WebhookVerificationError, ValueError):
            raise NotSignedIn(
                "webhook_signature_invalid",
                f"This was not signed by Clerk within five minutes, or {SECRET} is another "
                "endpoint's.",
            ) from None
        try:
            return _Event.model_validate_json(body)
        except ValidationError:
            raise BadRequest("This is no event of Clerk's.") from None


def read_end(kind: str, data: Mapping[str, Any]) -> AccountEnd | None:
    """What an event of this kind ends; None when it ends nothing. Raises: BadRequest."""
    try:
        match kind:
            case "session.ended" | "session.removed" | "session.revoked":
                return SessionEnded(_Session.model_validate(data).id)
            case "user.deleted":
                return UserEnded(_User.model_validate(data).id)
            case "organization.deleted":
                return OrganisationEnded(_Organisation.model_validate(data).id)
            case "organizationMembership.deleted":
                left = _Membership.model_validate(data)
                return MembershipEnded(left.organization.id, left.public_user_data.user_id)
            case _:
                return None
    except ValidationError:
        raise BadRequest(f"This “{kind}” does not say what has ended.") from None

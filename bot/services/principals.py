"""Who a request speaks for: a person at Clerk, or, without accounts, whoever reaches this server."""

from dataclasses import dataclass, field
from typing import Protocol

from agents.errors import ZapdevError
from agents.types import OwnerId


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose token was checked.

    `owner` is the tenant: the organisation that is active, else the user. `permissions` are
    "feature:permission". `plan` is Clerk's plan claim without its prefix ("pro"), if it has one.
    `is_impersonated`: somebody of staff acts as this user.
    """

    owner: OwnerId
    user_id: str
    session_id: str | None = None
    org_id: str | None = None
    org_role: str | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)
    plan: str | None = None
    is_impersonated: bool = False


class NotSignedIn(ZapdevError):
    """No token, or one that does not count. `code` is stable and for programs; `str()` for people."""

    key = "not_signed_in"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SignIn(Protocol):
    """Checks who somebody is."""

    async def verify(self, token: str) -> Principal:
        """Raises: NotSignedIn; ProviderUnavailable (its keys cannot be had just now)."""
        ...

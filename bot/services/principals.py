"""Who a request speaks for: a person at Clerk, or, without accounts, whoever reaches this server."""

from dataclasses import dataclass, field
from typing import Protocol

from agents.errors import ProviderUnavailable, UserError, ZapdevError
from agents.types import OwnerId


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose token was checked.

    `owner` is the tenant: the organisation that is active, else the user. `permissions` are
    "feature:permission". `plan` is Clerk's plan claim without its prefix ("pro"), if it has one.
    `is_impersonated`: somebody of staff acts as this user. `signed_in_min`: how many minutes ago they
    have last shown who they are, where the token says so.
    """

    owner: OwnerId
    user_id: str
    session_id: str | None = None
    org_id: str | None = None
    org_role: str | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)
    plan: str | None = None
    is_impersonated: bool = False
    signed_in_min: int | None = None


class NotSignedIn(ZapdevError):
    """No token, or one that does not count. `code` is stable and for programs; `str()` for people."""

    key = "not_signed_in"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SignInUnavailable(ProviderUnavailable):
    """Nobody can be checked just now; in `retry_after_s` seconds it may be different."""

    key = "sign_in_unavailable"

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Impersonated(UserError):
    """Staff acts as this person, who would have to do this themselves."""

    key = "impersonated"


class SignIn(Protocol):
    """Checks who somebody is."""

    async def verify(self, token: str) -> Principal:
        """Raises: NotSignedIn; SignInUnavailable (the keys cannot be had just now)."""
        ...


def in_person(principal: Principal) -> Principal:
    """For what only the person themselves may do: deletions that stay, and linking accounts.

    Raises: Impersonated.
    """
    if principal.is_impersonated:
        raise Impersonated(
            "You are acting as somebody else. Only they can do this themselves.",
            hint="Sign in as yourself, or ask them to do it.",
        )
    return principal

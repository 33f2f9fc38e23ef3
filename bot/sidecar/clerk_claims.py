"""What Clerk's session tokens say, in their two versions. Pure.

Version 2 (claim `v`) carries an active organisation as `o`, its permissions as one bit mask per
feature; version 1 as flat `org_…` claims. Shapes after Clerk's documentation of 2026-08 and the
parsers in `@clerk/shared` 4 and `clerk-backend-api` 7.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents.types import OwnerId
from bot.services.principals import Principal

_ROLE_PREFIX = "org:"

UserId = Annotated[str, StringConstraints(pattern=r"^user_[A-Za-z0-9_-]{1,120}\z", strict=True)]
OrgId = Annotated[str, StringConstraints(pattern=r"^org_[A-Za-z0-9_-]{1,120}\z", strict=True)]
SessionId = Annotated[str, StringConstraints(pattern=r"^sess_[A-Za-z0-9_-]{1,120}\z", strict=True)]


class _Claims(BaseModel):
    """Strict: a number in quotes is none. What is not asked for is ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Membership(_Claims):
    """Version 2: the organisation that is active. `fpm` has a bit mask per feature."""

    id: OrgId
    rol: str | None = None
    per: str | None = None
    fpm: str | None = None


class SessionClaims(_Claims):
    """The claims we read. Times are whole seconds since 1970."""

    iss: str
    sub: UserId
    sid: SessionId
    exp: int
    iat: int
    nbf: int
    azp: str | None = None
    sts: str | None = None
    v: Annotated[int, Field(ge=1, le=2)] = 1
    act: dict[str, Any] | None = None
    fva: list[int] | None = None
    o: Membership | None = None
    org_id: OrgId | None = None
    org_role: str | None = None
    org_permissions: list[str] | None = None
    fea: str | None = None
    pla: str | None = None

    @property
    def organisation(self) -> str | None:
        """The id of the organisation that is active."""
        if self.v == 1:
            return self.org_id
        return None if self.o is None else self.o.id

    @property
    def is_ambiguous(self) -> bool:
        """Whether it names two organisations; Convex would read the other one."""
        named = {self.org_id, None if self.o is None else self.o.id}
        return named not in ({None}, {self.organisation}, {self.organisation, None})

    def principal(self) -> Principal:
        """Who this is, once everything was checked."""
        role = self.org_role if self.v == 1 else self.o and self.o.rol
        return Principal(
            owner=OwnerId(self.organisation or self.sub),
            user_id=self.sub,
            session_id=self.sid,
            org_id=self.organisation,
            org_role=role.removeprefix(_ROLE_PREFIX) if role else None,
            permissions=self._permissions(),
            plan=self._plan(),
            is_impersonated=self.act is not None,
            signed_in_min=self._signed_in_min(),
        )

    def _signed_in_min(self) -> int | None:
        """Clerk's factor verification age: minutes since the first factor; -1: it was never used."""
        return None if not self.fva or self.fva[0] < 0 else self.fva[0]

    def _permissions(self) -> frozenset[str]:
        if self.v == 1:
            listed = self.org_permissions or ()
            return frozenset(name.removeprefix(_ROLE_PREFIX) for name in listed)
        if self.o is None:
            return frozenset()
        return unpacked(self.fea or "", self.o.per or "", self.o.fpm or "")

    def _plan(self) -> str | None:
        """The tenant's own plan: a person's does not count inside an organisation."""
        scope = "u" if self.organisation is None else "o"
        plans = [entry.strip().partition(":") for entry in (self.pla or "").split(",")]
        return next((name for whose, _, name in plans if whose == scope and name), None)


def unpacked(features: str, permissions: str, masks: str) -> frozenset[str]:
    """Each "feature:permission" that a bit stands for.

    The n-th mask is for the n-th feature of the organisation (scope `o`, or `uo` for both); its
    lowest bit for the first permission. `("o:dashboard,o:teams", "manage,read", "3,2")` is
    dashboard:manage, dashboard:read and teams:read.
    """
    scoped = [entry.strip().partition(":") for entry in features.split(",")]
    ours = [name for scope, _, name in scoped if "o" in scope]
    names = [name.strip() for name in permissions.split(",")]
    values = [_mask(text.strip()) for text in masks.split(",")]
    return frozenset(
        f"{feature}:{name}"
        for feature, mask in zip(ours, values, strict=False)
        for place, name in enumerate(names)
        if feature and name and mask >> place & 1
    )


def _mask(text: str) -> int:
    """A decimal bit mask; what is none, or absurdly long, gives no permission."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 100 else 0

"""Sessions and accounts that have ended before their tokens did, known to every process.

A session token is good for a minute whatever happens, so only what lasts longer has to be told:
open streams. Who hears of an end writes a mark into the store; every process looks for the marks of
those who read its streams.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from agents.types import OwnerId
from bot.services.principals import Principal

KEPT_S = 4300.0
"""How long a mark stays: longer than any token that was good when it was made (an hour and the
clocks' difference), and a linking that was begun by it (ten minutes)."""
LEFT_S = 120.0
"""The same of a membership, which may begin anew, for streams: as long as Clerk's own session
tokens are good."""

_PREFIX = "ended:"


class Marks(Protocol):
    """The role of a store that sign-outs stand on."""

    async def first_time(self, key: str, *, keep_s: float) -> bool:
        """Whether this key is new; it is remembered for `keep_s` seconds."""
        ...

    async def seen(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of these keys are remembered now."""
        ...


def session_mark(session_id: str) -> str:
    return f"session {session_id}"


def user_mark(user_id: str) -> str:
    return f"user {user_id}"


def organisation_mark(org_id: str) -> str:
    return f"organisation {org_id}"


def member_mark(org_id: str, user_id: str) -> str:
    """Somebody as a member of an organisation."""
    return f"member {org_id} {user_id}"


def left_mark(org_id: str, user_id: str) -> str:
    """Somebody has left an organisation a while ago: they are not linked to it yet."""
    return f"left {org_id} {user_id}"


def marks_of_account(user_id: str, owner: OwnerId) -> frozenset[str]:
    """Each of which, while it is there, keeps an account from being linked to this tenant."""
    if owner == user_id:
        return frozenset({user_mark(user_id)})
    return frozenset({user_mark(user_id), organisation_mark(owner), left_mark(owner, user_id)})


def marks_of(principal: Principal) -> frozenset[str]:
    """Each of which, once it is there, ends this principal."""
    marks = {user_mark(principal.user_id)}
    if principal.session_id is not None:
        marks.add(session_mark(principal.session_id))
    if principal.org_id is not None:
        marks |= {
            organisation_mark(principal.org_id),
            member_mark(principal.org_id, principal.user_id),
        }
    return frozenset(marks)


class SignOuts:
    """Notes ends, and knows them. Each method raises StoreError.

    Who has streams open looks for their readers' ends every `every_s`.
    """

    def __init__(self, store: Marks, *, every_s: float = 5.0) -> None:
        self._store = store
        self.every_s = every_s

    async def note(self, mark: str, *, keep_s: float = KEPT_S) -> None:
        """It has ended. Once more is harmless."""
        await self._store.first_time(_PREFIX + mark, keep_s=keep_s)

    async def among(self, marks: Collection[str]) -> frozenset[str]:
        """Which of these have ended."""
        if not marks:
            return frozenset()
        found = await self._store.seen([_PREFIX + mark for mark in sorted(marks)])
        return frozenset(key.removeprefix(_PREFIX) for key in found)

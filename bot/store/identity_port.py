"""Which account a Slack user is: links, the ways to one, and what waits for one; and the audit.

A link is made by two proofs that meet in one request: a session at Clerk begins it, and Slack says
who its person is. Rows are frozen values. Every method may raise `StoreUnavailable`. Every write
may be sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from agents.types import OwnerId

NO_ENTERPRISE = "-"
MAX_LINKS = 1_000
"""So many links are told of at once."""

AUDIT_S = 400 * 86_400
"""How long it is kept who did what."""

LinkRefusal = Literal["gone", "unproven", "taken"]
"""The request is not there (unknown, of another session, expired or used); Slack has not said who
it is for; that person is linked to another account."""


@dataclass(frozen=True, slots=True)
class SlackPerson:
    """Somebody in Slack, by their own workspace and its organisation."""

    team_id: str
    user_id: str
    enterprise_id: str = NO_ENTERPRISE

    @property
    def name(self) -> str:
        """Of them in the audit."""
        return f"slack:{self.enterprise_id}:{self.team_id}:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody at Clerk. `owner` is their tenant; `name` is what people know them by."""

    user_id: str
    owner: OwnerId
    name: str


@dataclass(frozen=True, slots=True)
class Link:
    """A Slack person is an account. `id` is another one each time that they are linked."""

    id: str
    person: SlackPerson
    person_name: str
    account: Account
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """A linking under way. `hash` names it: the SHA-256 of a secret that only its browser has.

    `code_hash` is that of the code that its person types in Slack, if they do. `person` is None
    until Slack has said who it is; `is_agreed`: and that person wants it.
    """

    hash: str
    session_id: str
    account: Account
    code_hash: str | None = None
    person: SlackPerson | None = None
    person_name: str = ""
    is_agreed: bool = False


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what that matters, in whose tenant. `actor` and `subject` are names of ours."""

    owner: OwnerId
    actor: str
    action: str
    subject: str
    at: datetime


class Identities(Protocol):
    """Links, and the ways to them."""

    async def link_of(self, person: SlackPerson) -> Link | None:
        """The account that somebody is linked to."""
        ...

    async def links_of_team(self, team_id: str) -> Sequence[Link]:
        """Everybody who is linked in a workspace, the oldest first, at most `MAX_LINKS`."""
        ...

    async def links_of_account(self, user_id: str) -> Sequence[Link]:
        """Everybody in Slack who is this Clerk user, in the same order."""
        ...

    async def links_of_owner(self, owner: OwnerId) -> Sequence[Link]:
        """Everybody in Slack who asks for this tenant, in the same order."""
        ...

    async def linked_accounts(self, after: str = "") -> Sequence[str]:
        """The Clerk users who are linked, by their ids, from behind `after`; some at a time, and
        none once there are no more.
        """
        ...

    async def begin_link(self, request: LinkRequest, *, keep_s: float) -> None:
        """Begin one, in place of an older one of the same Clerk user. It has no person yet."""
        ...

    async def drop_link_requests(self, user_id: str, owner: OwnerId | None = None) -> None:
        """The linkings under way of a Clerk user are over, or only those for this tenant."""
        ...

    async def link_request(self, name: str) -> LinkRequest | None:
        """By its hash, or its code's. None: unknown, expired, or used."""
        ...

    async def prove_link(
        self, name: str, person: SlackPerson, person_name: str, *, is_agreed: bool
    ) -> LinkRequest | None:
        """Slack says who it is for; answers it as it stands then.

        The first person stays: None for another one, and where `link_request` says None.
        """
        ...

    async def confirm_link(
        self, request_hash: str, session_id: str, account: Account, link_id: str
    ) -> Link | LinkRefusal:
        """Use the request up, write the link and the audit, all in one step, or nothing.

        Of any number of confirmations at once one makes a link, by the id that it chose. The same
        account is linked anew, which ends the older link, with its audit; another account never
        takes a person's link away.
        """
        ...

    async def unlink(self, person: SlackPerson, link_id: str, *, by: str) -> bool:
        """End exactly this link, with its audit; False when it has ended already."""
        ...

    async def untold_links(self) -> Sequence[Link]:
        """New links of which their people do not know yet, oldest first, at most 100."""
        ...

    async def note_told(self, link_id: str) -> None:
        """Its person knows, and what waited for it was begun."""
        ...

    async def keep_waiting(self, person: SlackPerson, request: str, *, keep_s: float) -> None:
        """What somebody asked for before they were linked, in place of what they asked before."""
        ...

    async def waiting(self, person: SlackPerson) -> str | None:
        """What waits for somebody's link, unless its time is over."""
        ...

    async def drop_waiting(self, person: SlackPerson, request: str) -> None:
        """It was begun; another request, asked for meanwhile, goes on waiting."""
        ...


class Audit(Protocol):
    """Who did what that matters; kept for `AUDIT_S`."""

    async def note(
        self, entry_id: str, owner: OwnerId, *, actor: str, action: str, subject: str
    ) -> None:
        """Keep it; `entry_id` makes a second try the same."""
        ...

    async def audit(self, owner: OwnerId, *, limit: int = 100) -> Sequence[AuditEntry]:
        """What was done in a tenant, the newest first."""
        ...

"""Links between Slack people and accounts, and the audit, at Convex."""

from collections.abc import Sequence
from typing import Any

from agents.ports import Ids
from agents.types import OwnerId
from bot.store.convex_client import ConvexClient
from bot.store.convex_rows import Row, from_ms
from bot.store.identity_port import (
    Account,
    AuditEntry,
    Link,
    LinkRefusal,
    LinkRequest,
    SlackPerson,
)


class ConvexIdentities:
    """Implements `Identities` and `Audit` of `bot.store.identity_port`, as part of the store."""

    _client: ConvexClient
    _ids: Ids

    async def link_of(self, person: SlackPerson) -> Link | None:
        row = await self._client.query("identities:linkOf", **_person_row(person))
        return None if row is None else _link_of(row)

    async def links_of_team(self, team_id: str) -> Sequence[Link]:
        return await self._links("linksOfTeam", teamId=team_id)

    async def links_of_account(self, user_id: str) -> Sequence[Link]:
        return await self._links("linksOfAccount", clerkUserId=user_id)

    async def links_of_owner(self, owner: OwnerId) -> Sequence[Link]:
        return await self._links("linksOfOwner", owner=owner)

    async def untold_links(self) -> Sequence[Link]:
        return await self._links("untoldLinks")

    async def _links(self, function: str, **args: str) -> list[Link]:
        rows = await self._client.query(f"identities:{function}", **args)
        return sorted(map(_link_of, rows), key=lambda link: (link.linked_at, link.id))

    async def linked_accounts(self, after: str = "") -> Sequence[str]:
        found: list[str] = await self._client.query("identities:linkedAccounts", after=after)
        return found

    async def note_told(self, link_id: str) -> None:
        await self._client.mutation("identities:noteTold", linkId=link_id)

    async def begin_link(self, request: LinkRequest, *, keep_s: float) -> None:
        await self._client.mutation(
            "identities:beginLink",
            hash=request.hash,
            codeHash=request.code_hash,
            sessionId=request.session_id,
            **_account_row(request.account),
            keepMs=keep_s * 1_000,
        )

    async def drop_link_requests(self, user_id: str, owner: OwnerId | None = None) -> None:
        await self._client.mutation("identities:dropLinkRequests", clerkUserId=user_id, owner=owner)

    async def link_request(self, name: str) -> LinkRequest | None:
        row = await self._client.query("identities:linkRequest", name=name)
        return None if row is None else _request_of(row)

    async def prove_link(
        self, name: str, person: SlackPerson, person_name: str, *, is_agreed: bool
    ) -> LinkRequest | None:
        row = await self._client.mutation(
            "identities:proveLink",
            name=name,
            person=_person_row(person),
            personName=person_name,
            agreed=is_agreed,
        )
        return None if row is None else _request_of(row)

    async def confirm_link(
        self, request_hash: str, session_id: str, account: Account, link_id: str
    ) -> Link | LinkRefusal:
        answer = await self._client.mutation(
            "identities:confirmLink",
            hash=request_hash,
            sessionId=session_id,
            **_account_row(account),
            linkId=link_id,
        )
        if isinstance(answer, str):
            return _REFUSALS[answer]
        return _link_of(answer)

    async def unlink(self, person: SlackPerson, link_id: str, *, by: str) -> bool:
        answer = await self._client.mutation(
            "identities:unlink",
            **_person_row(person),
            linkId=link_id,
            by=by,
            key=self._ids.new("key"),
        )
        return bool(answer)

    async def keep_waiting(self, person: SlackPerson, request: str, *, keep_s: float) -> None:
        await self._client.mutation(
            "identities:keepWaiting",
            **_person_row(person),
            request=request,
            keepMs=keep_s * 1_000,
        )

    async def waiting(self, person: SlackPerson) -> str | None:
        request: str | None = await self._client.query("identities:waiting", **_person_row(person))
        return request

    async def drop_waiting(self, person: SlackPerson, request: str) -> None:
        await self._client.mutation(
            "identities:dropWaiting", **_person_row(person), request=request
        )

    async def note(
        self, entry_id: str, owner: OwnerId, *, actor: str, action: str, subject: str
    ) -> None:
        await self._client.mutation(
            "identities:note",
            auditId=entry_id,
            owner=owner,
            actor=actor,
            action=action,
            subject=subject,
        )

    async def audit(self, owner: OwnerId, *, limit: int = 100) -> Sequence[AuditEntry]:
        rows = await self._client.query("identities:audit", owner=owner, limit=float(limit))
        return [
            AuditEntry(
                OwnerId(row["owner"]),
                row["actor"],
                row["action"],
                row["subject"],
                from_ms(row["at"]),
            )
            for row in rows
        ]


_REFUSALS: dict[str, LinkRefusal] = {"gone": "gone", "unproven": "unproven", "taken": "taken"}


def _person_row(person: SlackPerson) -> dict[str, Any]:
    return {
        "enterpriseId": person.enterprise_id,
        "teamId": person.team_id,
        "slackUserId": person.user_id,
    }


def _person_of(row: Row) -> SlackPerson:
    return SlackPerson(row["teamId"], row["slackUserId"], row["enterpriseId"])


def _account_row(account: Account) -> dict[str, Any]:
    return {
        "clerkUserId": account.user_id,
        "owner": account.owner,
        "accountName": account.name,
    }


def _account_of(row: Row) -> Account:
    return Account(row["clerkUserId"], OwnerId(row["owner"]), row["accountName"])


def _link_of(row: Row) -> Link:
    return Link(
        id=row["linkId"],
        person=_person_of(row),
        person_name=row["personName"],
        account=_account_of(row),
        linked_at=from_ms(row["linkedAt"]),
    )


def _request_of(row: Row) -> LinkRequest:
    person = row.get("person")
    return LinkRequest(
        hash=row["hash"],
        code_hash=row.get("codeHash"),
        session_id=row["sessionId"],
        account=_account_of(row),
        person=None if person is None else _person_of(person),
        person_name=row["personName"],
        is_agreed=row["agreed"],
    )

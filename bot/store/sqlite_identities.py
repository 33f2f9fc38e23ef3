"""Links between Slack people and accounts, and the audit, in the embedded database."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from agents.ports import Clock
from agents.types import OwnerId
from bot.store.identity_port import (
    AUDIT_S,
    MAX_LINKS,
    Account,
    AuditEntry,
    Link,
    LinkRefusal,
    LinkRequest,
    SlackPerson,
)
from bot.store.sqlite_database import Database
from bot.store.sqlite_rows import from_us, seconds_us, to_us

_UNTOLD = 100
_LINKS = "SELECT * FROM identities"
_IN_ORDER = f"ORDER BY linked_at, id LIMIT {MAX_LINKS}"
_OF_PERSON = "WHERE enterprise_id = ? AND team_id = ? AND user_id = ?"
_ACCOUNTS = """
    SELECT DISTINCT clerk_user_id FROM identities
    WHERE clerk_user_id > ? ORDER BY clerk_user_id LIMIT 100
"""
_DROP = """
    DELETE FROM link_requests
    WHERE clerk_user_id = ?1 AND (?2 IS NULL OR owner = ?2)
"""
_WAITING = """
    SELECT request FROM waiting_requests
    WHERE enterprise_id = ? AND team_id = ? AND user_id = ? AND expires_at > ?
"""
_NO_MORE = """
    DELETE FROM waiting_requests
    WHERE enterprise_id = ? AND team_id = ? AND user_id = ? AND request = ?
"""


class SqliteIdentities:
    """Implements `Identities` and `Audit` of `bot.store.identity_port`, as part of the store."""

    _database: Database
    _clock: Clock

    async def link_of(self, person: SlackPerson) -> Link | None:
        return await self._database.read(lambda c: _find(c, person))

    async def links_of_team(self, team_id: str) -> Sequence[Link]:
        return await self._links(f"{_LINKS} WHERE team_id = ? {_IN_ORDER}", team_id)

    async def links_of_account(self, user_id: str) -> Sequence[Link]:
        return await self._links(f"{_LINKS} WHERE clerk_user_id = ? {_IN_ORDER}", user_id)

    async def links_of_owner(self, owner: OwnerId) -> Sequence[Link]:
        return await self._links(f"{_LINKS} WHERE owner = ? {_IN_ORDER}", owner)

    async def untold_links(self) -> Sequence[Link]:
        query = f"{_LINKS} WHERE told = 0 ORDER BY linked_at, id LIMIT {_UNTOLD}"
        return await self._links(query)

    async def _links(self, query: str, *values: str) -> list[Link]:
        def work(connection: sqlite3.Connection) -> list[Link]:
            return [_link_of(row) for row in connection.execute(query, values)]

        return await self._database.read(work)

    async def linked_accounts(self, after: str = "") -> Sequence[str]:
        def work(connection: sqlite3.Connection) -> list[str]:
            return [row["clerk_user_id"] for row in connection.execute(_ACCOUNTS, (after,))]

        return await self._database.read(work)

    async def note_told(self, link_id: str) -> None:
        query = "UPDATE identities SET told = 1 WHERE id = ?"
        await self._database.write(lambda c: c.execute(query, (link_id,)).close())

    async def begin_link(self, request: LinkRequest, *, keep_s: float) -> None:
        now = to_us(self._clock.now())
        until = now + seconds_us(keep_s)
        await self._database.write(lambda c: _begin(c, request, now, until))

    async def drop_link_requests(self, user_id: str, owner: OwnerId | None = None) -> None:
        await self._database.write(lambda c: c.execute(_DROP, (user_id, owner)).close())

    async def link_request(self, name: str) -> LinkRequest | None:
        now = to_us(self._clock.now())
        return await self._database.read(lambda c: _request(c, name, now))

    async def prove_link(
        self, name: str, person: SlackPerson, person_name: str, *, is_agreed: bool
    ) -> LinkRequest | None:
        now = to_us(self._clock.now())

        def work(connection: sqlite3.Connection) -> LinkRequest | None:
            there = _request(connection, name, now)
            if there is None or there.person not in (None, person):
                return None
            proven = replace(
                there,
                person=person,
                person_name=person_name,
                is_agreed=is_agreed or there.is_agreed,
            )
            _prove(connection, proven, person)
            return proven

        return await self._database.write(work)

    async def confirm_link(
        self, request_hash: str, session_id: str, account: Account, link_id: str
    ) -> Link | LinkRefusal:
        now = to_us(self._clock.now())

        def work(connection: sqlite3.Connection) -> Link | LinkRefusal:
            before = connection.execute(f"{_LINKS} WHERE id = ?", (link_id,)).fetchone()
            if before is not None:
                return _link_of(before)
            request = _request(connection, request_hash, now)
            found = _allowed(connection, request, (request_hash, session_id, account))
            if isinstance(found, str):
                return found
            made = Link(link_id, *found, account, from_us(now))
            connection.execute("DELETE FROM link_requests WHERE hash = ?", (request_hash,))
            old = _find(connection, made.person)
            if old is not None:
                ended = _entry(old, account.user_id, "link.ended")
                _note(connection, ended, f"ended:{old.id}", now)
            _save(connection, made, now)
            _note(connection, _entry(made, account.user_id, "link.made"), f"made:{link_id}", now)
            return made

        return await self._database.write(work)

    async def unlink(self, person: SlackPerson, link_id: str, *, by: str) -> bool:
        now = to_us(self._clock.now())

        def work(connection: sqlite3.Connection) -> bool:
            link = _find(connection, person)
            if link is None or link.id != link_id:
                return False
            connection.execute("DELETE FROM identities WHERE id = ?", (link_id,))
            _note(connection, _entry(link, by, "link.ended"), f"ended:{link_id}", now)
            return True

        return await self._database.write(work)

    async def keep_waiting(self, person: SlackPerson, request: str, *, keep_s: float) -> None:
        now = to_us(self._clock.now())
        until = now + seconds_us(keep_s)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM waiting_requests WHERE expires_at <= ?", (now,))
            connection.execute(
                "INSERT OR REPLACE INTO waiting_requests "
                "(enterprise_id, team_id, user_id, request, expires_at) VALUES (?, ?, ?, ?, ?)",
                (*_key(person), request, until),
            )

        await self._database.write(work)

    async def waiting(self, person: SlackPerson) -> str | None:
        now = to_us(self._clock.now())

        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute(_WAITING, (*_key(person), now)).fetchone()
            return None if row is None else str(row["request"])

        return await self._database.read(work)

    async def drop_waiting(self, person: SlackPerson, request: str) -> None:
        values = (*_key(person), request)
        await self._database.write(lambda c: c.execute(_NO_MORE, values).close())

    async def note(
        self, entry_id: str, owner: OwnerId, *, actor: str, action: str, subject: str
    ) -> None:
        now = to_us(self._clock.now())
        entry = AuditEntry(owner, actor, action, subject, from_us(now))
        await self._database.write(lambda c: _note(c, entry, entry_id, now))

    async def audit(self, owner: OwnerId, *, limit: int = 100) -> Sequence[AuditEntry]:
        query = "SELECT * FROM audit WHERE owner = ? ORDER BY at DESC, n DESC LIMIT ?"

        def work(connection: sqlite3.Connection) -> list[AuditEntry]:
            return [_entry_of(row) for row in connection.execute(query, (owner, limit))]

        return await self._database.read(work)


def _key(person: SlackPerson) -> tuple[str, str, str]:
    return person.enterprise_id, person.team_id, person.user_id


def _find(connection: sqlite3.Connection, person: SlackPerson) -> Link | None:
    row = connection.execute(f"{_LINKS} {_OF_PERSON}", _key(person)).fetchone()
    return None if row is None else _link_of(row)


def _link_of(row: sqlite3.Row) -> Link:
    return Link(
        id=row["id"],
        person=_person_of(row),
        person_name=row["person_name"],
        account=_account_of(row),
        linked_at=from_us(row["linked_at"]),
    )


def _person_of(row: sqlite3.Row) -> SlackPerson:
    return SlackPerson(row["team_id"], row["user_id"], row["enterprise_id"])


def _account_of(row: sqlite3.Row) -> Account:
    return Account(row["clerk_user_id"], OwnerId(row["owner"]), row["account_name"])


def _save(connection: sqlite3.Connection, link: Link, now: int) -> None:
    account = link.account
    connection.execute(
        "INSERT OR REPLACE INTO identities (enterprise_id, team_id, user_id, id, person_name, "
        "clerk_user_id, owner, account_name, linked_at, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            *_key(link.person),
            link.id,
            link.person_name,
            account.user_id,
            account.owner,
            account.name,
            now,
        ),
    )


# --- the way to a link -------------------------------------------------------------------


def _begin(connection: sqlite3.Connection, request: LinkRequest, now: int, until: int) -> None:
    account = request.account
    connection.execute(
        "DELETE FROM link_requests WHERE expires_at <= ? OR clerk_user_id = ?",
        (now, account.user_id),
    )
    connection.execute(
        "INSERT INTO link_requests (hash, code_hash, session_id, clerk_user_id, owner, "
        "account_name, agreed, expires_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        (
            request.hash,
            request.code_hash,
            request.session_id,
            account.user_id,
            account.owner,
            account.name,
            until,
        ),
    )


def _request(connection: sqlite3.Connection, name: str, now: int) -> LinkRequest | None:
    row = connection.execute(
        "SELECT * FROM link_requests WHERE (hash = ? OR code_hash = ?) AND expires_at > ?",
        (name, name, now),
    ).fetchone()
    if row is None:
        return None
    return LinkRequest(
        hash=row["hash"],
        code_hash=row["code_hash"],
        session_id=row["session_id"],
        account=_account_of(row),
        person=None if row["user_id"] is None else _person_of(row),
        person_name=row["person_name"] or "",
        is_agreed=bool(row["agreed"]),
    )


def _prove(connection: sqlite3.Connection, request: LinkRequest, person: SlackPerson) -> None:
    connection.execute(
        "UPDATE link_requests SET enterprise_id = ?, team_id = ?, user_id = ?, person_name = ?, "
        "agreed = ? WHERE hash = ?",
        (*_key(person), request.person_name, request.is_agreed, request.hash),
    )


def _allowed(
    connection: sqlite3.Connection,
    request: LinkRequest | None,
    asked: tuple[str, str, Account],
) -> tuple[SlackPerson, str] | LinkRefusal:
    """Who is linked by this request, with their name; `asked` is as `confirm_link` takes it."""
    request_hash, session_id, account = asked
    if request is None or request.hash != request_hash:
        return "gone"
    if (request.session_id, request.account.user_id) != (session_id, account.user_id):
        return "gone"
    if request.person is None or not request.is_agreed:
        return "unproven"
    there = _find(connection, request.person)
    if there is not None and there.account.user_id != account.user_id:
        return "taken"
    return request.person, request.person_name


# --- the audit ---------------------------------------------------------------------------


def _entry(link: Link, actor: str, action: str) -> AuditEntry:
    return AuditEntry(link.account.owner, actor, action, link.person.name, link.linked_at)


def _note(connection: sqlite3.Connection, entry: AuditEntry, entry_id: str, now: int) -> None:
    connection.execute("DELETE FROM audit WHERE at <= ?", (now - seconds_us(AUDIT_S),))
    connection.execute(
        "INSERT OR IGNORE INTO audit (id, owner, actor, action, subject, at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (entry_id, entry.owner, entry.actor, entry.action, entry.subject, now),
    )


def _entry_of(row: sqlite3.Row) -> AuditEntry:
    return AuditEntry(
        OwnerId(row["owner"]), row["actor"], row["action"], row["subject"], from_us(row["at"])
    )

"""Statements on people: members of apps, and preferences. Each runs inside one transaction."""

import sqlite3

from agents.errors import BadRequest, NotFound
from agents.types import OwnerId, ProjectId
from bot.store.people_port import MAX_MEMBERS, MemberRole, Preferences
from bot.store.sqlite_rows import framework_of


def list_members(connection: sqlite3.Connection, project_id: ProjectId) -> dict[str, MemberRole]:
    rows = connection.execute(
        "SELECT member, role FROM members WHERE project_id = ? ORDER BY member", (project_id,)
    )
    return {row["member"]: row["role"] for row in rows}


def set_member(
    connection: sqlite3.Connection, project_id: ProjectId, member: str, role: MemberRole, now: int
) -> None:
    """Raises: NotFound (project); BadRequest (a new one beyond `MAX_MEMBERS`)."""
    _require_project(connection, project_id)
    changed = connection.execute(
        "UPDATE members SET role = ? WHERE project_id = ? AND member = ?",
        (role, project_id, member),
    )
    if changed.rowcount == 1:
        return
    [count] = connection.execute(
        "SELECT COUNT(*) FROM members WHERE project_id = ?", (project_id,)
    ).fetchone()
    if count >= MAX_MEMBERS:
        raise BadRequest(f"An app has at most {MAX_MEMBERS} members besides its owner.")
    connection.execute(
        "INSERT INTO members (project_id, member, role, added_at) VALUES (?, ?, ?, ?)",
        (project_id, member, role, now),
    )


def delete_member(connection: sqlite3.Connection, project_id: ProjectId, member: str) -> None:
    """Raises: NotFound (project)."""
    _require_project(connection, project_id)
    connection.execute(
        "DELETE FROM members WHERE project_id = ? AND member = ?", (project_id, member)
    )


def _require_project(connection: sqlite3.Connection, project_id: ProjectId) -> None:
    found = connection.execute("SELECT 1 FROM projects WHERE id = ?", (project_id,)).fetchone()
    if found is None:
        raise NotFound(f"there is no project {project_id}")


def get_preferences(connection: sqlite3.Connection, owner: OwnerId) -> Preferences:
    row = connection.execute(
        "SELECT model, framework, others FROM preferences WHERE owner = ?", (owner,)
    ).fetchone()
    if row is None:
        return Preferences()
    return Preferences(row["model"], framework_of(row["framework"]), row["others"])


def save_preferences(
    connection: sqlite3.Connection, owner: OwnerId, preferences: Preferences, now: int
) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO preferences (owner, model, framework, others, updated_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (owner, preferences.model, preferences.framework, preferences.others, now),
    )

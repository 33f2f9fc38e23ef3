"""Statements on preview keys. Each function runs inside one transaction."""

import sqlite3

from agents.errors import NotFound
from agents.types import OwnerId, ProjectId
from bot.store.port import Project
from bot.store.sqlite_projects import get_project
from bot.store.sqlite_rows import project_of


def preview_key(connection: sqlite3.Connection, project_id: ProjectId, fresh: str) -> str:
    """Raises: NotFound."""
    there = connection.execute(
        "SELECT p.id, k.key FROM projects AS p LEFT JOIN preview_keys AS k ON k.project_id = p.id "
        "WHERE p.id = ?",
        (project_id,),
    ).fetchone()
    if there is None:
        raise NotFound(f"there is no project {project_id}")
    if there["key"] is None:
        _set(connection, project_id, fresh)
    return str(there["key"] or fresh)


def preview_keys(connection: sqlite3.Connection, owner: OwnerId) -> dict[ProjectId, str]:
    rows = connection.execute(
        "SELECT k.project_id, k.key FROM projects AS p JOIN preview_keys AS k "
        "ON k.project_id = p.id WHERE p.owner = ? ORDER BY p.updated_at DESC LIMIT 1000",
        (owner,),
    )
    return {ProjectId(row["project_id"]): str(row["key"]) for row in rows}


def renew_preview_key(
    connection: sqlite3.Connection, owner: OwnerId, project_id: ProjectId, fresh: str
) -> None:
    """Raises: NotFound."""
    get_project(connection, owner, project_id)
    _set(connection, project_id, fresh)


def _set(connection: sqlite3.Connection, project_id: ProjectId, key: str) -> None:
    connection.execute(
        "INSERT INTO preview_keys (project_id, key) VALUES (?, ?) "
        "ON CONFLICT (project_id) DO UPDATE SET key = excluded.key",
        (project_id, key),
    )


def project_of_key(connection: sqlite3.Connection, key: str) -> Project | None:
    row = connection.execute(
        "SELECT p.* FROM preview_keys AS k JOIN projects AS p ON p.id = k.project_id "
        "WHERE k.key = ?",
        (key,),
    ).fetchone()
    return None if row is None else project_of(row)

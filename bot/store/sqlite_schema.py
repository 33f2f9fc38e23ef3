"""The tables of the embedded database, and how an older file is brought up to date.

Times are microseconds since 1970 in UTC. Booleans are 0 and 1. Nothing here is deleted yet:
apps, their history and their logs live until their owner removes them.
"""

import sqlite3

from agents.errors import StoreError

_V1 = (
    # Apps. Written by enqueue (new), finish and restore (head), set_preview. Read by every
    # project page, by claim and by the access check of all the rest. Deleted: never.
    """
    CREATE TABLE projects (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        title TEXT NOT NULL,
        framework TEXT,
        head TEXT,
        preview_url TEXT,
        sandbox_id TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX projects_by_owner ON projects (owner, updated_at)",
    # The conversation, in the order of `n`. Written by enqueue (both rows of a task, and seeds),
    # claim and finish (the assistant's row). Read by claim (history) and the project page.
    # Deleted: never.
    """
    CREATE TABLE messages (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        project_id TEXT NOT NULL REFERENCES projects (id),
        task_id TEXT REFERENCES tasks (id),
        role TEXT NOT NULL,
        type TEXT NOT NULL,
        status TEXT NOT NULL,
        content TEXT NOT NULL,
        created_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX messages_by_project ON messages (project_id, n)",
    "CREATE INDEX messages_by_task ON messages (task_id)",
    # App versions, in the order of `n`. Written by finish and restore, never changed. Read by
    # claim (what a follow-up starts from), files, history, restore. Deleted: never.
    """
    CREATE TABLE fragments (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        project_id TEXT NOT NULL REFERENCES projects (id),
        task_id TEXT REFERENCES tasks (id),
        title TEXT NOT NULL,
        framework TEXT NOT NULL,
        sandbox_id TEXT,
        preview_url TEXT,
        restored_from TEXT,
        created_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX fragments_by_project ON fragments (project_id, n)",
    # Which bytes each path of a version has. Written, read and deleted with its fragment.
    """
    CREATE TABLE fragment_files (
        fragment_id TEXT NOT NULL REFERENCES fragments (id),
        path TEXT NOT NULL,
        blob TEXT NOT NULL REFERENCES blobs (hash),
        PRIMARY KEY (fragment_id, path)
    ) WITHOUT ROWID
    """,
    # Bytes by SHA-256. Written by a running task before the event that names them. Read by
    # whoever shows or rebuilds an app. Deleted: never, as logs refer to them too.
    """
    CREATE TABLE blobs (
        hash TEXT PRIMARY KEY,
        content BLOB NOT NULL
    )
    """,
    # The queue, in the order of `n`. Written by enqueue, claim, renew, hand_back, append, finish,
    # request_cancel. Read by claim and by every access to a log. Deleted: never.
    """
    CREATE TABLE tasks (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        project_id TEXT NOT NULL REFERENCES projects (id),
        owner TEXT NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        prompt TEXT NOT NULL,
        model TEXT NOT NULL,
        framework TEXT,
        requested_by TEXT NOT NULL,
        origin TEXT,
        epoch INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        run_after INTEGER NOT NULL,
        lease_until INTEGER,
        worker_id TEXT,
        cancel_by TEXT,
        last_seq INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        UNIQUE (owner, origin)
    )
    """,
    "CREATE INDEX tasks_by_project ON tasks (project_id, n)",
    "CREATE INDEX tasks_open ON tasks (n) WHERE status IN ('pending', 'running')",
    """
    CREATE INDEX tasks_open_by_project ON tasks (project_id, n)
    WHERE status IN ('pending', 'running')
    """,
    "CREATE UNIQUE INDEX tasks_one_running ON tasks (project_id) WHERE status = 'running'",
    # The logs. Written by enqueue (seq 1), append, finish, claim and request_cancel (an ending).
    # Read by cursor. Never changed. Deleted: never.
    """
    CREATE TABLE task_events (
        task_id TEXT NOT NULL REFERENCES tasks (id),
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        v INTEGER NOT NULL,
        kind TEXT NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (task_id, seq)
    ) WITHOUT ROWID
    """,
    """
    CREATE UNIQUE INDEX task_events_one_terminal ON task_events (task_id)
    WHERE kind IN ('task_completed', 'task_failed', 'task_cancelled')
    """,
)

_V2 = (
    # Which project a Slack thread is about. Written by enqueue and note_message. Read by every
    # reply in a thread. Deleted: never.
    """
    CREATE TABLE slack_threads (
        team_id TEXT NOT NULL,
        channel_id TEXT NOT NULL,
        thread_ts TEXT NOT NULL,
        project_id TEXT NOT NULL UNIQUE REFERENCES projects (id),
        PRIMARY KEY (team_id, channel_id, thread_ts)
    ) WITHOUT ROWID
    """,
    # A task's live message in Slack, and the outbox: a row without `ended` is still to be
    # delivered. Written by enqueue and the workspace's writer. Read by it. Deleted: never.
    """
    CREATE TABLE deliveries (
        task_id TEXT NOT NULL UNIQUE REFERENCES tasks (id),
        team_id TEXT NOT NULL,
        channel_id TEXT NOT NULL,
        thread_ts TEXT NOT NULL,
        user_id TEXT NOT NULL,
        message_ts TEXT,
        ended TEXT,
        created_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX deliveries_open ON deliveries (team_id) WHERE ended IS NULL",
    # What was counted already. Written and read when an event arrives. Deleted by the next one
    # after its time.
    """
    CREATE TABLE seen_events (key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID
    """,
    "CREATE INDEX seen_events_by_expiry ON seen_events (expires_at)",
    # Where the app is installed, with its sealed tokens. Written by OAuth and token rotation. Read
    # by every call to that workspace. Deleted by uninstalling.
    """
    CREATE TABLE installations (
        enterprise_id TEXT NOT NULL,
        team_id TEXT NOT NULL,
        sealed TEXT NOT NULL,
        PRIMARY KEY (enterprise_id, team_id)
    )
    """,
    # OAuth and sign-in states. Written when somebody is sent away, read and deleted when they come
    # back, or by the next one after their time.
    """
    CREATE TABLE oauth_states (
        state TEXT PRIMARY KEY, data TEXT NOT NULL, expires_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    # What one process holds at a time. Written and read by who wants it. Deleted by release.
    """
    CREATE TABLE locks (
        name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)

_V3 = (
    # Who may do what on a project besides its owner. Written by sharing. Read by the checks of
    # buttons and replies. Deleted with the membership.
    """
    CREATE TABLE members (
        project_id TEXT NOT NULL REFERENCES projects (id),
        member TEXT NOT NULL,
        role TEXT NOT NULL,
        added_at INTEGER NOT NULL,
        PRIMARY KEY (project_id, member)
    ) WITHOUT ROWID
    """,
    # What a person wants unless they say otherwise. Written by their settings. Read when they ask
    # for something. Deleted: never.
    """
    CREATE TABLE preferences (
        owner TEXT PRIMARY KEY,
        model TEXT,
        framework TEXT,
        others TEXT NOT NULL,
        updated_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)

_V4 = (
    # What opens a project's preview. Written when its link is first given to somebody, and when
    # it is renewed. Read by whoever follows the link. Deleted: never.
    """
    CREATE TABLE preview_keys (
        project_id TEXT PRIMARY KEY REFERENCES projects (id),
        key TEXT NOT NULL UNIQUE
    ) WITHOUT ROWID
    """,
)

_V5 = (
    # Which Clerk account a Slack user is; `told`: they know of it. Written by linking and
    # unlinking. Read before anything runs for a Slack user. Deleted by unlinking.
    """
    CREATE TABLE identities (
        enterprise_id TEXT NOT NULL,
        team_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE,
        person_name TEXT NOT NULL,
        clerk_user_id TEXT NOT NULL,
        owner TEXT NOT NULL,
        account_name TEXT NOT NULL,
        linked_at INTEGER NOT NULL,
        told INTEGER NOT NULL,
        PRIMARY KEY (enterprise_id, team_id, user_id)
    )
    """,
    "CREATE INDEX identities_by_team ON identities (team_id)",
    "CREATE INDEX identities_by_account ON identities (clerk_user_id)",
    "CREATE INDEX identities_by_owner ON identities (owner)",
    "CREATE INDEX identities_untold ON identities (linked_at) WHERE told = 0",
    # Linkings under way. Written by the link page, Slack's answer and `link CODE`. Read by them.
    # Deleted by the confirmation, or by the next one that begins after their time.
    """
    CREATE TABLE link_requests (
        hash TEXT PRIMARY KEY,
        code_hash TEXT UNIQUE,
        session_id TEXT NOT NULL,
        clerk_user_id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        account_name TEXT NOT NULL,
        enterprise_id TEXT,
        team_id TEXT,
        user_id TEXT,
        person_name TEXT,
        agreed INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    )
    """,
    # What a person asked for before they were linked, one each. Written at the wall. Read and
    # deleted once they are linked, or by the next one after its time.
    """
    CREATE TABLE waiting_requests (
        enterprise_id TEXT NOT NULL,
        team_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        request TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (enterprise_id, team_id, user_id)
    )
    """,
    # Who did what that matters. Written by that. Read by admins. Deleted after 400 days, by the
    # next one.
    """
    CREATE TABLE audit (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX audit_by_owner ON audit (owner, at)",
    "CREATE INDEX audit_by_age ON audit (at)",
)

_V6 = (
    # What each task uses, a line each: `state` is reserved while it is open, then settled, or
    # refunded. Written by enqueue, append and whatever ends a task. Read by enqueue (what is left)
    # and by who looks at their use. Deleted: never.
    """
    CREATE TABLE usage (
        task_id TEXT PRIMARY KEY REFERENCES tasks (id),
        owner TEXT NOT NULL,
        project_id TEXT NOT NULL REFERENCES projects (id),
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        credits INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL DEFAULT 0,
        completion_tokens INTEGER NOT NULL DEFAULT 0,
        cost_usd REAL NOT NULL DEFAULT 0,
        at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX usage_by_owner ON usage (owner, at)",
    "CREATE INDEX usage_open ON usage (owner) WHERE state = 'reserved'",
    # Which plan an owner is on, as their last token said. Written when they come with another one.
    # Read when work is started for them. Deleted: never.
    """
    CREATE TABLE plans (
        owner TEXT PRIMARY KEY, plan TEXT NOT NULL, updated_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    # Token buckets that are not full. Written and read by enqueue. Deleted by the next one after
    # they are full again.
    """
    CREATE TABLE rate_limits (
        key TEXT PRIMARY KEY, tokens REAL NOT NULL, at INTEGER NOT NULL, full_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX rate_limits_by_full_at ON rate_limits (full_at)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_V1, _V2, _V3, _V4, _V5, _V6)
"""Statements that lead from version n to n + 1. Append only: released ones never change."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest version in one transaction; safe among many processes.

    Raises: StoreError (the file is of a newer version than this program), sqlite3.Error.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[_version(connection) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StoreError(
            f"The database has version {version}; this program knows {len(MIGRATIONS)}. "
            "Use the newer program, or another ZAPDEV_DATA_DIR."
        )
    return version

"""The tables of the embedded database, and how older ones become the newest.

`PRAGMA user_version` counts the migrations that a database has had. Each is applied in a
transaction of its own, so a process that is killed in between leaves a whole version behind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from livectl.errors import BadSettings

# A list of migrations, each a list of statements. Entries are never edited, only added: databases
# in the field have had them. No foreign keys: webhooks may tell of streams that are not kept here,
# and an export is loaded kind by kind.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # The document is the truth; the columns repeat what is searched and sorted by.
        """CREATE TABLE livestreams (
            id TEXT NOT NULL PRIMARY KEY,
            room_name TEXT UNIQUE,
            owner_id TEXT NOT NULL,
            is_live INTEGER NOT NULL,
            started_at INTEGER NOT NULL,
            ended_at INTEGER,
            teardown_owed INTEGER NOT NULL,
            viewers INTEGER NOT NULL,
            rev INTEGER NOT NULL,
            document TEXT NOT NULL)""",
        """CREATE TABLE sightings (
            stream_id TEXT NOT NULL,
            sid TEXT NOT NULL,
            user_id TEXT NOT NULL,
            joined_at INTEGER,
            left_at INTEGER,
            PRIMARY KEY (stream_id, sid)) WITHOUT ROWID""",
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL,
            at INTEGER NOT NULL,
            type TEXT NOT NULL,
            actor TEXT NOT NULL,
            stream_id TEXT,
            request_id TEXT,
            data TEXT NOT NULL)""",
        """CREATE TABLE inbox (
            id TEXT NOT NULL PRIMARY KEY,
            type TEXT NOT NULL,
            room TEXT,
            status TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            next_at INTEGER NOT NULL,
            handled_at INTEGER,
            error TEXT,
            body TEXT NOT NULL)""",
        """CREATE TABLE bans (
            user_id TEXT NOT NULL PRIMARY KEY,
            until INTEGER NOT NULL,
            banned_by TEXT NOT NULL,
            at INTEGER NOT NULL,
            reason TEXT)""",
        """CREATE TABLE reports (
            id TEXT NOT NULL PRIMARY KEY,
            stream_id TEXT NOT NULL,
            document TEXT NOT NULL)""",
        """CREATE TABLE start_keys (
            owner_id TEXT NOT NULL,
            key TEXT NOT NULL,
            digest TEXT NOT NULL,
            stream_id TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (owner_id, key)) WITHOUT ROWID""",
        """CREATE TABLE leases (
            name TEXT NOT NULL PRIMARY KEY,
            holder TEXT NOT NULL,
            until INTEGER NOT NULL)""",
        "CREATE TABLE pings (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL)",
    ),
    (
        """CREATE TABLE chat (
            id TEXT NOT NULL PRIMARY KEY,
            stream_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            user_id TEXT NOT NULL,
            content TEXT NOT NULL,
            at INTEGER NOT NULL,
            gift_type TEXT,
            value INTEGER,
            client_id TEXT,
            hidden_by TEXT)""",
        # What makes a gift count once.
        """CREATE UNIQUE INDEX chat_gift ON chat (stream_id, user_id, client_id)
            WHERE kind = 'gift' AND client_id IS NOT NULL""",
        """CREATE TABLE chat_rules (
            scope TEXT NOT NULL PRIMARY KEY,
            rev INTEGER NOT NULL,
            document TEXT NOT NULL)""",
        """CREATE TABLE restrictions (
            key TEXT NOT NULL PRIMARY KEY,
            scope TEXT NOT NULL,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            user_id TEXT NOT NULL,
            restricted_by TEXT NOT NULL,
            at INTEGER NOT NULL,
            until INTEGER,
            reason TEXT)""",
        """CREATE TABLE addresses (
            user_id TEXT NOT NULL,
            address TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (user_id, address)) WITHOUT ROWID""",
        "ALTER TABLE reports ADD COLUMN status TEXT NOT NULL DEFAULT 'open'",
        "ALTER TABLE reports ADD COLUMN at INTEGER NOT NULL DEFAULT 0",
        # Times in documents have just three digits of milliseconds, from the 21st place on.
        """UPDATE reports SET status = json_extract(document, '$.status'),
            at = strftime('%s', json_extract(document, '$.at')) * 1000
                + substr(json_extract(document, '$.at'), 21, 3)""",
    ),
    (
        # As of streams: the document is the truth, the columns repeat what is searched by.
        """CREATE TABLE recordings (
            id TEXT NOT NULL PRIMARY KEY,
            stream_id TEXT NOT NULL,
            slot TEXT NOT NULL,
            owner_id TEXT NOT NULL,
            state TEXT NOT NULL,
            vod_status TEXT,
            deleting INTEGER NOT NULL,
            egress_id TEXT,
            path TEXT NOT NULL,
            stored_path TEXT,
            requested_at INTEGER NOT NULL,
            rev INTEGER NOT NULL,
            document TEXT NOT NULL,
            UNIQUE (stream_id, slot))""",
        """CREATE TABLE ingress_keys (
            id TEXT NOT NULL PRIMARY KEY,
            stream_id TEXT UNIQUE,
            owner_id TEXT NOT NULL,
            live_stream_id TEXT,
            next_room TEXT,
            enabled INTEGER NOT NULL,
            due_at INTEGER,
            created_at INTEGER NOT NULL,
            rev INTEGER NOT NULL,
            document TEXT NOT NULL)""",
        """CREATE TABLE ingress_lines (
            key_id TEXT NOT NULL,
            ingress_id TEXT NOT NULL,
            digest TEXT NOT NULL,
            PRIMARY KEY (key_id, ingress_id)) WITHOUT ROWID""",
        """CREATE TABLE samples (
            at INTEGER NOT NULL PRIMARY KEY,
            live INTEGER NOT NULL,
            viewers INTEGER NOT NULL,
            messages INTEGER NOT NULL,
            seconds REAL NOT NULL,
            webhooks_waiting INTEGER NOT NULL,
            webhook_lag_ms INTEGER NOT NULL)""",
    ),
)

LATEST = len(MIGRATIONS)

TABLES = (
    "livestreams",
    "sightings",
    "events",
    "inbox",
    "bans",
    "reports",
    "start_keys",
    "leases",
    "chat",
    "chat_rules",
    "restrictions",
    "addresses",
    "recordings",
    "ingress_keys",
    "ingress_lines",
    "samples",
)

# Each index with what it is on. Missing ones are made at every start, so a new one needs no
# migration; one that changes gets a new name.
INDEXES: dict[str, str] = {
    "livestreams_newest": "livestreams (started_at DESC, id DESC)",
    # `viewers` is in it so that the totals are read from the index alone.
    "livestreams_live": "livestreams (started_at DESC, id DESC, viewers) WHERE is_live = 1",
    "livestreams_owner": "livestreams (owner_id, started_at DESC, id DESC)",
    "livestreams_ended": "livestreams (ended_at) WHERE ended_at IS NOT NULL",
    "livestreams_owed": "livestreams (started_at DESC, id DESC) WHERE teardown_owed = 1",
    "livestreams_replays": "livestreams (started_at DESC, id DESC)"
    " WHERE is_live = 0 AND json_extract(document, '$.vod.status') = 'available'",
    "sightings_present": "sightings (stream_id, user_id)"
    " WHERE joined_at IS NOT NULL AND left_at IS NULL",
    "events_stream": "events (stream_id)",
    "events_type": "events (type)",
    "events_at": "events (at)",
    "inbox_status": "inbox (status, received_at)",
    "inbox_room": "inbox (room, received_at)",
    "inbox_received": "inbox (received_at)",
    "inbox_handled": "inbox (handled_at) WHERE handled_at IS NOT NULL",
    "reports_stream": "reports (stream_id)",
    "reports_newest": "reports (at DESC, id DESC)",
    "reports_status": "reports (status, at DESC, id DESC)",
    "chat_stream": "chat (stream_id, id)",
    "chat_user": "chat (user_id, id)",
    "chat_at": "chat (at)",
    "chat_hidden": "chat (hidden_by) WHERE hidden_by IS NOT NULL",
    "restrictions_scope": "restrictions (scope, subject)",
    "restrictions_subject": "restrictions (subject)",
    "restrictions_until": "restrictions (until) WHERE until IS NOT NULL",
    "addresses_newest": "addresses (user_id, at DESC)",
    "addresses_at": "addresses (at)",
    "recordings_newest": "recordings (requested_at DESC, id DESC)",
    "recordings_stream": "recordings (stream_id, requested_at DESC, id DESC)",
    "recordings_owner": "recordings (owner_id, requested_at DESC, id DESC)",
    "recordings_state": "recordings (state, requested_at DESC, id DESC)",
    "recordings_vod": "recordings (vod_status, requested_at DESC, id DESC)"
    " WHERE vod_status IS NOT NULL",
    "recordings_deleting": "recordings (requested_at DESC, id DESC) WHERE deleting = 1",
    "recordings_egress": "recordings (egress_id) WHERE egress_id IS NOT NULL",
    "recordings_path": "recordings (path)",
    "recordings_stored": "recordings (stored_path) WHERE stored_path IS NOT NULL",
    "ingress_keys_newest": "ingress_keys (created_at DESC, id DESC)",
    "ingress_keys_owner": "ingress_keys (owner_id, created_at DESC, id DESC)",
    "ingress_keys_live": "ingress_keys (live_stream_id) WHERE live_stream_id IS NOT NULL",
    "ingress_keys_room": "ingress_keys (next_room) WHERE next_room IS NOT NULL",
    "ingress_keys_due": "ingress_keys (due_at) WHERE due_at IS NOT NULL",
    "ingress_lines_ingress": "ingress_lines (ingress_id)",
    "ingress_lines_digest": "ingress_lines (digest)",
}


def schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def prepare(connection: sqlite3.Connection) -> None:
    """Bring a database to the newest schema; any number of processes may do so at once.

    Raises BadSettings when the database is newer than this program: to write to it could spoil
    what the newer one relies on.
    """
    while (version := schema_version(connection)) < LATEST:
        _in_transaction(connection, _migrate_once)
    if version > LATEST:
        raise BadSettings(
            f"The database has schema version {version}, this livectl knows up to {LATEST}.",
            hint="Upgrade livectl to the version that last used this database, or newer.",
        )
    if not all(indexes_there(connection).values()):
        _in_transaction(connection, _make_indexes)


def indexes_there(connection: sqlite3.Connection) -> dict[str, bool]:
    """The indexes that there should be, with whether they are."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
    there = {name for (name,) in rows}
    return {name: name in there for name in INDEXES}


def _migrate_once(connection: sqlite3.Connection) -> None:
    # Read again under the lock: another process may have been first.
    version = schema_version(connection)
    if version < LATEST:
        for statement in MIGRATIONS[version]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1}")


def _make_indexes(connection: sqlite3.Connection) -> None:
    for name, definition in INDEXES.items():
        connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {definition}")


def _in_transaction(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], None]
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        work(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise

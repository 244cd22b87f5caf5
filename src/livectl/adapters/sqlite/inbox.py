"""Webhooks kept before they are answered, in SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from livectl.adapters.sqlite import log
from livectl.adapters.sqlite.values import millis, moment
from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.event import Event
from livectl.domain.webhook import InboxEntry
from livectl.ports.inbox import InboxDepth, InboxQuery

INBOX_COLUMNS = (
    "id, type, room, status, attempts, received_at, created_at, next_at, handled_at, error, body"
)
_INSERT = f"INTO inbox ({INBOX_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def add_webhook(connection: sqlite3.Connection, entry: InboxEntry) -> bool:
    return connection.execute(f"INSERT OR IGNORE {_INSERT}", _row(entry)).rowcount == 1


def put_webhook(connection: sqlite3.Connection, entry: InboxEntry) -> None:
    connection.execute(f"INSERT OR REPLACE {_INSERT}", _row(entry))


def claim_webhooks(
    connection: sqlite3.Connection, *, now: datetime, until: datetime, limit: int
) -> list[InboxEntry]:
    due = connection.execute(
        "SELECT id FROM inbox WHERE status = 'pending' AND next_at <= ?"
        " ORDER BY received_at, rowid LIMIT ?",
        (epoch_ms(now), limit),
    ).fetchall()
    connection.executemany(
        "UPDATE inbox SET next_at = ?, attempts = attempts + 1 WHERE id = ?",
        [(epoch_ms(until), webhook_id) for (webhook_id,) in due],
    )
    claimed = (webhook(connection, webhook_id) for (webhook_id,) in due)
    return [entry for entry in claimed if entry is not None]


def finish_webhooks(connection: sqlite3.Connection, ids: Sequence[str], *, at: datetime) -> None:
    connection.executemany(
        "UPDATE inbox SET status = 'done', handled_at = ?, error = NULL"
        " WHERE id = ? AND status <> 'done'",
        [(epoch_ms(at), webhook_id) for webhook_id in ids],
    )


def retry_webhook(
    connection: sqlite3.Connection, webhook_id: str, *, next_at: datetime, error: str
) -> None:
    # Only a pending one: whoever was slow must not bring back what another has finished.
    connection.execute(
        "UPDATE inbox SET next_at = ?, error = ? WHERE id = ? AND status = 'pending'",
        (epoch_ms(next_at), error, webhook_id),
    )


def park_webhook(
    connection: sqlite3.Connection, webhook_id: str, *, error: str, event: Event
) -> None:
    parked = connection.execute(
        "UPDATE inbox SET status = 'parked', error = ? WHERE id = ? AND status = 'pending'",
        (error, webhook_id),
    )
    if parked.rowcount:
        log.append(connection, event)


def requeue_webhooks(
    connection: sqlite3.Connection, ids: Sequence[str], *, now: datetime, event: Event
) -> int:
    count = connection.executemany(
        "UPDATE inbox SET status = 'pending', attempts = 0, next_at = ?, handled_at = NULL,"
        " error = NULL WHERE id = ?",
        [(epoch_ms(now), webhook_id) for webhook_id in dict.fromkeys(ids)],
    ).rowcount
    if count > 0:
        log.append(connection, event)
    return max(count, 0)


def webhook(connection: sqlite3.Connection, webhook_id: str) -> InboxEntry | None:
    row = connection.execute(
        f"SELECT {INBOX_COLUMNS} FROM inbox WHERE id = ?", (webhook_id,)
    ).fetchone()
    return entry_from_row(row) if row else None


def webhooks(connection: sqlite3.Connection, query: InboxQuery) -> list[InboxEntry]:
    sql, values = webhooks_sql(query)
    return [entry_from_row(row) for row in connection.execute(sql, values)]


def webhooks_sql(query: InboxQuery) -> tuple[str, list[Any]]:
    wanted = {"status = ?": query.status, "room = ?": query.room, "type = ?": query.type}
    wanted["received_at >= ?"] = millis(query.since)  # type: ignore[assignment]
    given = {condition: value for condition, value in wanted.items() if value is not None}
    where = f"WHERE {' AND '.join(given)} " if given else ""
    sql = f"SELECT {INBOX_COLUMNS} FROM inbox {where}ORDER BY received_at DESC, rowid DESC LIMIT ?"
    return sql, [*given.values(), query.limit]


def inbox_depth(connection: sqlite3.Connection) -> InboxDepth:
    pending, parked, oldest = connection.execute(
        "SELECT (SELECT count(*) FROM inbox WHERE status = 'pending'),"
        " (SELECT count(*) FROM inbox WHERE status = 'parked'),"
        " (SELECT min(received_at) FROM inbox WHERE status = 'pending')"
    ).fetchone()
    return InboxDepth(pending=pending, parked=parked, oldest=moment(oldest))


def prune_webhooks(connection: sqlite3.Connection, *, before: datetime) -> int:
    # The plus leaves the choice of the index to the time: nearly all of them are done.
    return connection.execute(
        "DELETE FROM inbox WHERE +status = 'done' AND handled_at < ?", (epoch_ms(before),)
    ).rowcount


def entry_from_row(row: tuple[Any, ...]) -> InboxEntry:
    id_, type_, room, status, attempts, received, created, next_at, handled, error, body = row
    return InboxEntry(
        id=id_,
        type=type_,
        room=room,
        status=status,
        attempts=attempts,
        received_at=from_epoch_ms(received),
        created_at=from_epoch_ms(created),
        next_at=from_epoch_ms(next_at),
        handled_at=moment(handled),
        error=error,
        body=body,
    )


def _row(entry: InboxEntry) -> tuple[Any, ...]:
    return (
        entry.id,
        entry.type,
        entry.room,
        entry.status,
        entry.attempts,
        epoch_ms(entry.received_at),
        epoch_ms(entry.created_at),
        epoch_ms(entry.next_at),
        millis(entry.handled_at),
        entry.error,
        entry.body,
    )

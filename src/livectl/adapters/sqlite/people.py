"""Bans, reports and the keys of repeated starts, in SQL."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

import msgspec

from livectl.adapters.sqlite import log
from livectl.adapters.sqlite.values import encode, record_document
from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.event import Event
from livectl.domain.people import Ban, Report

BAN_COLUMNS = "user_id, until, banned_by, at, reason"


def ban(connection: sqlite3.Connection, ban: Ban, event: Event) -> None:
    put_ban(connection, ban)
    log.append(connection, event)


def put_ban(connection: sqlite3.Connection, ban: Ban) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO bans ({BAN_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
        (ban.user_id, epoch_ms(ban.until), ban.by, epoch_ms(ban.at), ban.reason),
    )


def ban_from_row(row: tuple[Any, ...]) -> Ban:
    user_id, until, by, at, reason = row
    return Ban(
        user_id=user_id, until=from_epoch_ms(until), by=by, at=from_epoch_ms(at), reason=reason
    )


def ban_of(connection: sqlite3.Connection, user_id: str) -> Ban | None:
    row = connection.execute(
        f"SELECT {BAN_COLUMNS} FROM bans WHERE user_id = ?", (user_id,)
    ).fetchone()
    return ban_from_row(row) if row else None


def bans(connection: sqlite3.Connection) -> list[Ban]:
    rows = connection.execute(f"SELECT {BAN_COLUMNS} FROM bans ORDER BY at DESC, user_id")
    return [ban_from_row(row) for row in rows]


def lift_ban(connection: sqlite3.Connection, user_id: str, event: Event) -> bool:
    lifted = connection.execute("DELETE FROM bans WHERE user_id = ?", (user_id,)).rowcount == 1
    if lifted:
        log.append(connection, event)
    return lifted


def add_report(connection: sqlite3.Connection, report: Report, event: Event) -> None:
    put_report(connection, report)
    log.append(connection, event)


def put_report(connection: sqlite3.Connection, report: Report) -> None:
    document = record_document(report)
    if not report.messages:  # as it was before reports had any
        del document["messages"]
    connection.execute(
        "INSERT OR REPLACE INTO reports (id, stream_id, status, at, document)"
        " VALUES (?, ?, ?, ?, ?)",
        (report.id, report.stream_id, report.status, epoch_ms(report.at), encode(document)),
    )


def report_from_text(text: str) -> Report:
    return msgspec.json.decode(text, type=Report)


def remember_start(
    connection: sqlite3.Connection,
    owner_id: str,
    key: str,
    *,
    digest: str,
    stream_id: str,
    at: datetime,
) -> tuple[str, str]:
    connection.execute(
        "INSERT OR IGNORE INTO start_keys (owner_id, key, digest, stream_id, at)"
        " VALUES (?, ?, ?, ?, ?)",
        (owner_id, key, digest, stream_id, epoch_ms(at)),
    )
    return connection.execute(  # type: ignore[no-any-return]
        "SELECT digest, stream_id FROM start_keys WHERE owner_id = ? AND key = ?", (owner_id, key)
    ).fetchone()


def forget_start(
    connection: sqlite3.Connection, owner_id: str, key: str, *, stream_id: str
) -> None:
    connection.execute(
        "DELETE FROM start_keys WHERE owner_id = ? AND key = ? AND stream_id = ?",
        (owner_id, key, stream_id),
    )

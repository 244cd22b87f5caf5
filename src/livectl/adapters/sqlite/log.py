"""The event log and the leases, in SQL."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from livectl.adapters.sqlite.values import decode, encode
from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.event import Event
from livectl.ports.store import EventQuery

EVENT_COLUMNS = "seq, id, at, type, actor, stream_id, request_id, data"


def append(connection: sqlite3.Connection, event: Event) -> None:
    """At the end of the log. One writer at a time gives the numbers and the commits one order."""
    connection.execute(
        "INSERT INTO events (id, at, type, actor, stream_id, request_id, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        event_row(event)[1:],
    )


def event_row(event: Event) -> tuple[Any, ...]:
    return (
        event.seq,
        event.id,
        epoch_ms(event.at),
        event.type,
        event.actor,
        event.stream_id,
        event.request_id,
        encode(event.data),
    )


def event_from_row(row: tuple[Any, ...]) -> Event:
    seq, id_, at, type_, actor, stream_id, request_id, data = row
    return Event(
        seq=seq,
        id=id_,
        at=from_epoch_ms(at),
        type=type_,
        actor=actor,
        stream_id=stream_id,
        request_id=request_id,
        data=decode(data),
    )


def events(connection: sqlite3.Connection, query: EventQuery) -> list[Event]:
    sql, values = events_sql(query)
    return [event_from_row(row) for row in connection.execute(sql, values)]


def events_sql(query: EventQuery) -> tuple[str, list[Any]]:
    conditions, values = ["seq > ?"], [query.after]  # type: tuple[list[str], list[Any]]
    if query.stream_id is not None:
        conditions.append("stream_id = ?")
        values.append(query.stream_id)
    if query.type is not None:
        conditions.append("type = ?")
        values.append(query.type)
    if query.types:
        conditions.append(f"type IN ({', '.join('?' * len(query.types))})")
        values += query.types
    if query.since is not None:
        # The first of the time on is found in the index of times, then the log is read from there.
        # The plus keeps SQLite from walking the whole log for it.
        conditions.append("seq >= (SELECT min(+seq) FROM events WHERE at >= ?) AND +at >= ?")
        values += [epoch_ms(query.since)] * 2
    sql = (
        f"SELECT {EVENT_COLUMNS} FROM events WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT ?"
    )
    return sql, [*values, query.limit]


def last_seq(connection: sqlite3.Connection) -> int:
    (seq,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
    return int(seq)


def take_lease(
    connection: sqlite3.Connection, name: str, holder: str, *, now: datetime, until: datetime
) -> bool:
    taken = connection.execute(
        "INSERT INTO leases (name, holder, until) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
        " WHERE holder = excluded.holder OR until <= ?",
        (name, holder, epoch_ms(until), epoch_ms(now)),
    )
    return taken.rowcount == 1


def drop_lease(connection: sqlite3.Connection, name: str, holder: str) -> None:
    connection.execute("DELETE FROM leases WHERE name = ? AND holder = ?", (name, holder))


def lease_held(connection: sqlite3.Connection, name: str, *, now: datetime) -> bool:
    held = "SELECT 1 FROM leases WHERE name = ? AND until > ?"
    return connection.execute(held, (name, epoch_ms(now))).fetchone() is not None


def prune_leases(connection: sqlite3.Connection, *, before: datetime) -> int:
    return connection.execute("DELETE FROM leases WHERE until < ?", (epoch_ms(before),)).rowcount

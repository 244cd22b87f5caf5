"""What is said in the rooms, in SQL.

A gift and the total that it adds to are one transaction, so the total is exact. One that comes by
`add_entries` is history only, and adds to no total.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from livectl.adapters.sqlite import log, streams
from livectl.adapters.sqlite.values import encode
from livectl.domain.chat import ChatEntry
from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.event import Event
from livectl.errors import Conflict
from livectl.ports.chat import ChatQuery

CHAT_COLUMNS = "id, stream_id, kind, user_id, content, at, gift_type, value, client_id, hidden_by"
_ADD = f"INSERT OR IGNORE INTO chat ({CHAT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT = (
    f"INSERT INTO chat ({CHAT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET stream_id = excluded.stream_id, kind = excluded.kind,"
    " user_id = excluded.user_id, content = excluded.content, at = excluded.at,"
    " gift_type = excluded.gift_type, value = excluded.value, client_id = excluded.client_id,"
    " hidden_by = excluded.hidden_by"
)


def add_entries(connection: sqlite3.Connection, entries: Sequence[ChatEntry]) -> None:
    connection.executemany(_ADD, [_row(entry) for entry in entries])


def add_gift(connection: sqlite3.Connection, gift: ChatEntry) -> tuple[ChatEntry, bool]:
    if connection.execute(_ADD, _row(gift)).rowcount == 0:
        return _first_of(connection, gift), False
    streams.add_to_total(connection, gift.stream_id, gift.value or 0)
    return gift, True


def put_entry(connection: sqlite3.Connection, entry: ChatEntry) -> None:
    """Over the one with its id. Raises Conflict when another gift has its client id."""
    try:
        connection.execute(_PUT, _row(entry))
    except sqlite3.IntegrityError as error:
        raise Conflict(f"Another gift has the client id {entry.client_id} already.") from error


def entries(connection: sqlite3.Connection, query: ChatQuery) -> list[ChatEntry]:
    sql, values = entries_sql(query)
    return [entry_from_row(row) for row in connection.execute(sql, values)]


def entries_sql(query: ChatQuery) -> tuple[str, list[Any]]:
    where, values = _where(_conditions(query, hidden=query.hidden))
    order = "id" if query.oldest_first else "id DESC"
    sql = f"SELECT {CHAT_COLUMNS} FROM chat {where}ORDER BY {order} LIMIT ?"
    return sql, [*values, query.limit]


def hide_entries(connection: sqlite3.Connection, query: ChatQuery, *, event: Event) -> list[str]:
    where, values = _where(_conditions(query, hidden=False))
    return _set_hidden_by(connection, where, values, event.id, event)


def restore_entries(
    connection: sqlite3.Connection, *, ids: Sequence[str], hidden_by: str | None, event: Event
) -> list[str]:
    hidden = "hidden_by IS NOT NULL AND (id IN (SELECT value FROM json_each(?)) OR hidden_by = ?)"
    return _set_hidden_by(
        connection, f"WHERE {hidden} ", [encode(list(ids)), hidden_by], None, event
    )


def prune_entries(connection: sqlite3.Connection, *, before: datetime, limit: int) -> int:
    """At most `limit` of them, so that a great many do not hold up the other writes."""
    return connection.execute(
        "DELETE FROM chat WHERE id IN (SELECT id FROM chat WHERE at < ? AND stream_id NOT IN"
        " (SELECT id FROM livestreams WHERE is_live = 1) LIMIT ?)",
        (epoch_ms(before), limit),
    ).rowcount


def entry_from_row(row: tuple[Any, ...]) -> ChatEntry:
    id_, stream_id, kind, user_id, content, at, gift_type, value, client_id, hidden_by = row
    return ChatEntry(
        id=id_,
        stream_id=stream_id,
        kind=kind,
        user_id=user_id,
        content=content,
        at=from_epoch_ms(at),
        gift_type=gift_type,
        value=value,
        client_id=client_id,
        hidden_by=hidden_by,
    )


def _first_of(connection: sqlite3.Connection, gift: ChatEntry) -> ChatEntry:
    """The gift that stands where this one would have: with its client id, or with its id."""
    row = connection.execute(
        f"SELECT {CHAT_COLUMNS} FROM chat WHERE kind = 'gift' AND stream_id = ? AND user_id = ?"
        f" AND client_id = ? UNION ALL SELECT {CHAT_COLUMNS} FROM chat WHERE id = ? LIMIT 1",
        (gift.stream_id, gift.user_id, gift.client_id, gift.id),
    ).fetchone()
    return entry_from_row(row)


def _set_hidden_by(
    connection: sqlite3.Connection,
    where: str,
    values: Sequence[Any],
    hidden_by: str | None,
    event: Event,
) -> list[str]:
    rows = connection.execute(f"SELECT id FROM chat {where}ORDER BY id", values)
    ids = [id_ for (id_,) in rows]
    if ids:
        connection.executemany(
            "UPDATE chat SET hidden_by = ? WHERE id = ?", [(hidden_by, id_) for id_ in ids]
        )
        log.append(connection, event)
    return ids


def count_messages(connection: sqlite3.Connection, *, since: datetime, until: datetime) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM chat WHERE at >= ? AND at < ? AND kind = 'message'",
        (epoch_ms(since), epoch_ms(until)),
    ).fetchone()
    return int(count)


def _where(conditions: Iterable[tuple[Any, ...]]) -> tuple[str, list[Any]]:
    given = list(conditions)
    values = [value for _, *bound in given for value in bound]
    clause = " AND ".join(condition for condition, *_ in given)
    return f"WHERE {clause} " if given else "", values


def _conditions(query: ChatQuery, *, hidden: bool) -> Iterable[tuple[Any, ...]]:
    """Each condition of a query with the values it binds."""
    if not hidden:
        yield ("hidden_by IS NULL",)
    if len(query.stream_ids) == 1:  # so that the index gives the order as well
        yield "stream_id = ?", query.stream_ids[0]
    elif query.stream_ids:
        yield "stream_id IN (SELECT value FROM json_each(?))", encode(query.stream_ids)
    if query.ids:
        yield "id IN (SELECT value FROM json_each(?))", encode(query.ids)
    if query.user_id is not None:
        yield "user_id = ?", query.user_id
    if query.kind is not None:
        yield "kind = ?", query.kind
    if query.before is not None:
        yield "id < ?", query.before
    if query.after is not None:
        yield "id > ?", query.after
    if query.since is not None:
        yield "at >= ?", epoch_ms(query.since)
    if query.until is not None:
        yield "at < ?", epoch_ms(query.until)
    if query.text is not None:
        # instr, not LIKE: what someone typed has no wildcards in it.
        yield "instr(casefold(content), ?) > 0", query.text.casefold()


def _row(entry: ChatEntry) -> tuple[Any, ...]:
    return (
        entry.id,
        entry.stream_id,
        entry.kind,
        entry.user_id,
        entry.content,
        epoch_ms(entry.at),
        entry.gift_type,
        entry.value,
        entry.client_id,
        entry.hidden_by,
    )

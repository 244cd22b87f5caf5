"""Ingress keys, in SQL. Their lines have a table of their own, so that an index finds a key by the
digest of its secret and by its ingress."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec

from livectl.adapters.sqlite import log, streams
from livectl.adapters.sqlite.revised import Revised
from livectl.adapters.sqlite.values import decode, encode, millis, whole_document
from livectl.domain.clock import epoch_ms
from livectl.domain.event import Event
from livectl.domain.ingress import IngressKey, part_after
from livectl.errors import Conflict
from livectl.ports.ingress import IngressQuery

_BY_LINE = "id IN (SELECT key_id FROM ingress_lines WHERE {} = ?)"


def add_ingress_key(connection: sqlite3.Connection, key: IngressKey, event: Event) -> None:
    _KEYS.add(connection, key)
    _put_lines(connection, key)
    _tell(connection, key, event)


def save_ingress_key(
    connection: sqlite3.Connection, key: IngressKey, event: Event | None
) -> IngressKey | None:
    saved = _KEYS.save(connection, key)
    if saved is not None:
        _put_lines(connection, saved)
        if event is not None:
            _tell(connection, saved, event)
    return saved


def remove_ingress_key(connection: sqlite3.Connection, key: IngressKey, event: Event) -> bool:
    if not _KEYS.remove(connection, key):
        return False
    connection.execute("DELETE FROM ingress_lines WHERE key_id = ?", (key.id,))
    _tell(connection, key, event)
    return True


def put_ingress_key(connection: sqlite3.Connection, key: IngressKey) -> None:
    """Over the one with its id. Raises Conflict when its stream has another."""
    _KEYS.put(connection, key)
    _put_lines(connection, key)


def ingress_key(connection: sqlite3.Connection, key_id: str) -> IngressKey | None:
    return _one(connection, "id", key_id)


def ingress_keys(connection: sqlite3.Connection, query: IngressQuery) -> list[IngressKey]:
    sql, values = ingress_keys_sql(query)
    return [key_from_text(text) for (text,) in connection.execute(sql, values)]


def ingress_keys_sql(query: IngressQuery) -> tuple[str, list[Any]]:
    given = list(_conditions(query))
    values = [value for _, *bound in given for value in bound]
    where = f"WHERE {' AND '.join(condition for condition, *_ in given)} " if given else ""
    # Few are due: the plus has them found by that and sorted, not all read in order.
    order = "created_at DESC, id DESC" if query.due_at is None else "+created_at DESC, id DESC"
    sql = f"SELECT document FROM ingress_keys {where}ORDER BY {order} LIMIT ?"
    return sql, [*values, query.limit]


def key_from_text(text: str) -> IngressKey:
    return msgspec.convert(decode(text), IngressKey)


def _put_lines(connection: sqlite3.Connection, key: IngressKey) -> None:
    connection.execute("DELETE FROM ingress_lines WHERE key_id = ?", (key.id,))
    connection.executemany(
        "INSERT INTO ingress_lines (key_id, ingress_id, digest) VALUES (?, ?, ?)",
        [(key.id, line.ingress_id, line.digest) for line in key.lines],
    )


def _tell(connection: sqlite3.Connection, changed: IngressKey, event: Event) -> None:
    """Show what the stream that it belongs to is to show after a change, and append the event."""
    if changed.stream_id is not None:
        current = _one(connection, "stream_id", changed.stream_id)
        parts_of = partial(part_after, changed=changed, current=current)
        streams.show_parts(connection, changed.stream_id, event.at, parts_of)
    log.append(connection, event)


def _one(connection: sqlite3.Connection, column: str, value: str) -> IngressKey | None:
    row = connection.execute(
        f"SELECT document FROM ingress_keys WHERE {column} = ?", (value,)
    ).fetchone()
    return key_from_text(row[0]) if row else None


def _taken(key: IngressKey) -> Conflict:
    return Conflict(
        f"There is an ingress key {key.id} already"
        + (f", or one of stream {key.stream_id}." if key.stream_id else ".")
    )


def _conditions(query: IngressQuery) -> Iterable[tuple[Any, ...]]:
    """Each condition of a query with the values it binds."""
    if query.owner_id is not None:
        yield "owner_id = ?", query.owner_id
    if query.stream_id is not None:
        yield "stream_id = ?", query.stream_id
    if query.live_stream_id is not None:
        yield "live_stream_id = ?", query.live_stream_id
    if query.standing is not None:
        yield (f"stream_id IS {'' if query.standing else 'NOT '}NULL",)
    if query.enabled is not None:
        yield "enabled = ?", query.enabled
    if query.ref is not None:
        # "g" follows the last hex digit: the range holds just the ids that start so.
        yield "id >= ? AND id < ?", query.ref, query.ref + "g"
    if query.room is not None:
        yield "next_room = ?", query.room
    if query.ingress_id is not None:
        yield _BY_LINE.format("ingress_id"), query.ingress_id
    if query.digest is not None:
        yield _BY_LINE.format("digest"), query.digest
    if query.due_at is not None:
        yield "due_at <= ?", epoch_ms(query.due_at)
    if query.before is not None:
        yield "(created_at, id) < (?, ?)", epoch_ms(query.before[0]), query.before[1]


def _row(key: IngressKey) -> tuple[Any, ...]:
    return (
        key.stream_id,
        key.owner_id,
        key.live_stream_id,
        key.next_room,
        key.enabled,
        millis(key.due_at),
        epoch_ms(key.created_at),
        key.rev,
        encode(whole_document(key)),
        key.id,
    )


_KEYS = Revised(
    "ingress_keys",
    "stream_id, owner_id, live_stream_id, next_room, enabled, due_at, created_at, rev, document,"
    " id",
    row=_row,
    taken=_taken,
)

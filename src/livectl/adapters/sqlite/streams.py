"""Streams and who watches them, in SQL.

Each function runs inside one transaction (writes) or one snapshot (reads) of its connection, so
what it reads cannot change before it writes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from livectl.adapters.sqlite import log
from livectl.adapters.sqlite.values import decode, encode, millis, moment, plain, tagged
from livectl.domain.clock import epoch_ms, iso
from livectl.domain.event import Event
from livectl.domain.presence import Sighting, merge
from livectl.domain.stream import (
    PINNED_MAX,
    Stream,
    document_from_stream,
    stream_from_document,
)
from livectl.errors import Conflict
from livectl.ports.streams import StreamQuery

Document = dict[str, Any]

STREAM_COLUMNS = (
    "room_name, owner_id, is_live, started_at, ended_at, teardown_owed, viewers, rev, document, id"
)
_OWN_FIELDS = frozenset(field.encode_name for field in msgspec.structs.fields(Stream))
_INSERT_STREAM = f"INSERT INTO livestreams ({STREAM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE_STREAM = (
    f"UPDATE livestreams SET ({STREAM_COLUMNS.removesuffix(', id')})"
    " = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?"
)
_PUT_SIGHTING = (
    "INSERT OR REPLACE INTO sightings (stream_id, sid, user_id, joined_at, left_at)"
    " VALUES (?, ?, ?, ?, ?)"
)


def add_stream(connection: sqlite3.Connection, stream: Stream, event: Event) -> None:
    try:
        connection.execute(_INSERT_STREAM, _row(stored_document(stream)))
    except sqlite3.IntegrityError as error:
        raise Conflict(
            f"There is a stream {stream.id} or in {stream.room_name} already."
        ) from error
    log.append(connection, event)


def stream(connection: sqlite3.Connection, stream_id: str) -> Stream | None:
    return _one(connection, "SELECT document FROM livestreams WHERE id = ?", stream_id)


def stream_in_room(connection: sqlite3.Connection, room_name: str) -> Stream | None:
    return _one(connection, "SELECT document FROM livestreams WHERE room_name = ?", room_name)


def streams_by_id(connection: sqlite3.Connection, stream_ids: Sequence[str]) -> list[Stream]:
    rows = connection.execute(
        "SELECT document FROM livestreams WHERE id IN (SELECT value FROM json_each(?))",
        (encode(stream_ids),),
    )
    return [_read(decode(text)) for (text,) in rows]


def find_streams(connection: sqlite3.Connection, query: StreamQuery) -> list[Stream]:
    sql, values = find_streams_sql(query)
    return [_read(decode(text)) for (text,) in connection.execute(sql, values)]


def find_streams_sql(query: StreamQuery) -> tuple[str, list[Any]]:
    """The statement of a query; the flags stand in it literally, so that partial indexes serve."""
    conditions: list[str] = []
    values: list[Any] = []
    for condition, *bound in _conditions(query):
        conditions.append(condition)
        values += bound
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    # Few have ended lately: the plus has them found by that and sorted, not all read in order.
    order = "+started_at DESC, id DESC" if query.ended_since else "started_at DESC, id DESC"
    sql = f"SELECT document FROM livestreams {where}ORDER BY {order} LIMIT ?"
    return sql, [*values, query.limit]


def live_totals(connection: sqlite3.Connection) -> tuple[int, int]:
    return connection.execute(  # type: ignore[no-any-return]
        "SELECT count(*), coalesce(sum(viewers), 0) FROM livestreams WHERE is_live = 1"
    ).fetchone()


def end_stream(
    connection: sqlite3.Connection,
    stream_id: str,
    *,
    at: datetime,
    reason: str,
    by: str,
    event: Event,
) -> Stream | None:
    known = _known(connection, stream_id)
    if known is None or not known[1].is_live:
        return None
    document, before = known
    if before.ingress is not None:
        document["ingress"] = {**before.ingress, "enabled": False}
    return _change(
        connection,
        document,
        event,
        isLive=False,
        endedAt=iso(at),
        endReason=reason,
        endedBy=by,
        viewers=0,
        teardownOwed=True,
        updatedAt=iso(at),
    )


def owe_teardown(connection: sqlite3.Connection, stream_id: str, event: Event) -> bool:
    known = _known(connection, stream_id)
    if known is None or known[1].is_live or known[1].teardown_owed:
        return False
    _change(connection, known[0], event, teardownOwed=True, updatedAt=iso(event.at))
    return True


def settle_teardown(connection: sqlite3.Connection, stream_id: str, event: Event) -> bool:
    known = _known(connection, stream_id)
    if known is None or not known[1].teardown_owed:
        return False
    _change(connection, known[0], event, teardownOwed=False, updatedAt=iso(event.at))
    return True


def set_blocked(
    connection: sqlite3.Connection, stream_id: str, user_id: str, event: Event, *, blocked: bool
) -> bool:
    known = _known(connection, stream_id)
    if known is None or (user_id in known[1].blocked_user_ids) == blocked:
        return False
    document, before = known
    users = [user for user in before.blocked_user_ids if user != user_id]
    if blocked:
        users.append(user_id)
    _change(connection, document, event, blockedUserIds=users, updatedAt=iso(event.at))
    return True


def set_audience(
    connection: sqlite3.Connection,
    stream_id: str,
    *,
    rev: int,
    viewers: int,
    peak: int,
    event: Event | None,
) -> bool:
    known = _known(connection, stream_id)
    if known is None or known[1].rev != rev:
        return False
    _change(connection, known[0], event, viewers=viewers, peakViewers=peak)
    return True


def pin_message(
    connection: sqlite3.Connection, stream_id: str, pin: Document, event: Event
) -> list[Document] | None:
    known = _known(connection, stream_id)
    if known is None:
        return None
    document, before = known
    pins = before.pinned_messages
    if any(_pins(one, pin["messageId"]) for one in pins):
        return pins
    kept = [*pins, plain(pin)][-PINNED_MAX:]
    changed = _change(connection, document, event, pinnedMessages=kept, updatedAt=iso(event.at))
    return changed.pinned_messages


def unpin_message(
    connection: sqlite3.Connection, stream_id: str, message_id: str, event: Event
) -> bool:
    known = _known(connection, stream_id)
    if known is None:
        return False
    document, before = known
    kept = [pin for pin in before.pinned_messages if not _pins(pin, message_id)]
    if len(kept) == len(before.pinned_messages):
        return False
    _change(connection, document, event, pinnedMessages=kept, updatedAt=iso(event.at))
    return True


def add_to_total(connection: sqlite3.Connection, stream_id: str, value: int) -> None:
    """Add the value of a gift to the stream's totalGifts, where there is such a stream."""
    known = _known(connection, stream_id)
    if known is not None:
        document, before = known
        _change(connection, document, None, totalGifts=before.total_gifts + value)


def show_parts(
    connection: sqlite3.Connection,
    stream_id: str,
    at: datetime,
    parts_of: Callable[[Document], dict[str, Any]],
) -> None:
    """Let a stream, where there is such a one, show parts of what is kept elsewhere: those that
    `parts_of` makes of its document, of which a part that is None goes."""
    known = _known(connection, stream_id)
    if known is None:
        return
    document, _ = known
    parts = parts_of(document)
    kept = {name: value for name, value in document.items() if name not in parts}
    shown = {name: value for name, value in parts.items() if value is not None}
    _change(connection, kept, None, **shown, updatedAt=iso(at))


def add_sightings(connection: sqlite3.Connection, sightings: Sequence[Sighting]) -> None:
    for fact in sightings:
        known = connection.execute(
            "SELECT stream_id, sid, user_id, joined_at, left_at FROM sightings"
            " WHERE stream_id = ? AND sid = ?",
            (fact.stream_id, fact.sid),
        ).fetchone()
        put_sighting(connection, merge(sighting_from_row(known) if known else None, fact))


def overrule_sightings(connection: sqlite3.Connection, sightings: Sequence[Sighting]) -> None:
    for sighting in sightings:
        put_sighting(connection, sighting)


def put_sighting(connection: sqlite3.Connection, seen: Sighting) -> None:
    row = (seen.stream_id, seen.sid, seen.user_id, millis(seen.joined_at), millis(seen.left_at))
    connection.execute(_PUT_SIGHTING, row)


def sighting_from_row(row: tuple[Any, ...]) -> Sighting:
    stream_id, sid, user_id, joined_at, left_at = row
    return Sighting(
        stream_id=stream_id,
        sid=sid,
        user_id=user_id,
        joined_at=moment(joined_at),
        left_at=moment(left_at),
    )


def sightings(connection: sqlite3.Connection, stream_id: str) -> list[Sighting]:
    rows = connection.execute(
        "SELECT stream_id, sid, user_id, joined_at, left_at FROM sightings WHERE stream_id = ?",
        (stream_id,),
    )
    return [sighting_from_row(row) for row in rows]


def present_viewers(connection: sqlite3.Connection, stream_id: str) -> int:
    (count,) = connection.execute(
        "SELECT count(DISTINCT user_id) FROM sightings INDEXED BY sightings_present"
        " WHERE stream_id = ? AND joined_at IS NOT NULL AND left_at IS NULL",
        (stream_id,),
    ).fetchone()
    return int(count)


def stored_document(stream: Stream) -> Document:
    """A stream as JSON. Times in its own fields become text, those in extra ones are marked."""
    own = document_from_stream(msgspec.structs.replace(stream, extra={}))
    return {**tagged(stream.extra), **plain(own)}


def put_document(connection: sqlite3.Connection, document: Document) -> None:
    """A document over the one with its id: as it is, but for fields of ours that are null. Raises
    Conflict when another stream has its room name."""
    row = _row({k: v for k, v in document.items() if v is not None or k not in _OWN_FIELDS})
    try:
        if connection.execute(_UPDATE_STREAM, row).rowcount == 0:
            connection.execute(_INSERT_STREAM, row)
    except sqlite3.IntegrityError as error:
        raise Conflict(f"Another stream has the room name {row[0]} already.") from error


def _conditions(query: StreamQuery) -> Iterable[tuple[Any, ...]]:
    """Each condition of a query with the values it binds."""
    if query.live is not None:
        yield (f"is_live = {int(query.live)}",)
    if query.teardown_owed is not None:
        yield (f"teardown_owed = {int(query.teardown_owed)}",)
    if query.with_replay:
        yield ("json_extract(document, '$.vod.status') = 'available'",)
        yield ("json_type(document, '$.enableReplay') IS NOT 'false'",)
    if query.owner_id is not None:
        yield "owner_id = ?", query.owner_id
    if query.since is not None:
        yield "started_at >= ?", epoch_ms(query.since)
    if query.until is not None:
        yield "started_at < ?", epoch_ms(query.until)
    if query.ended_since is not None:
        yield "ended_at >= ?", epoch_ms(query.ended_since)
    if query.before is not None:
        yield "(started_at, id) < (?, ?)", epoch_ms(query.before[0]), query.before[1]
    if query.ref is not None:
        yield _ref_condition(query.ref)
    if query.tag is not None:
        yield (
            "EXISTS (SELECT 1 FROM json_each(document, '$.tags') AS tag WHERE tag.value = ?)",
            query.tag,
        )
    if query.title is not None:
        # instr, not LIKE: what someone typed has no wildcards in it.
        yield "instr(casefold(json_extract(document, '$.title')), ?) > 0", query.title.casefold()


def _ref_condition(ref: str) -> tuple[Any, ...]:
    if re.fullmatch(r"[0-9a-f]{0,24}", ref):
        # "g" follows the last hex digit: the range holds just the ids that start so.
        return "(id >= ? AND id < ? OR room_name = ?)", ref, ref + "g", ref
    return "room_name = ?", ref


def _pins(pin: Any, message_id: str) -> bool:
    """Whether an element of pinnedMessages, of whatever age, is the pin of a message."""
    return isinstance(pin, dict) and pin.get("messageId") == message_id


def _one(connection: sqlite3.Connection, sql: str, value: str) -> Stream | None:
    row = connection.execute(sql, (value,)).fetchone()
    return _read(decode(row[0])) if row else None


def _known(connection: sqlite3.Connection, stream_id: str) -> tuple[Document, Stream] | None:
    """A stream with the document it was read from, whose other fields a change must keep."""
    sql = "SELECT document FROM livestreams WHERE id = ?"
    row = connection.execute(sql, (stream_id,)).fetchone()
    if row is None:
        return None
    document = decode(row[0])
    return document, _read(document)


def _read(document: Document) -> Stream:
    """Read a document of any age, even one that lacks what every stream has."""
    return stream_from_document({"ownerId": "", "roomName": "", **document})


def _change(
    connection: sqlite3.Connection, document: Document, event: Event | None, **changes: Any
) -> Stream:
    """Write a changed document as the next revision, and the event of the change."""
    changed = {**document, **changes}
    changed["rev"] = _read(document).rev + 1
    connection.execute(_UPDATE_STREAM, _row(changed))
    if event is not None:
        log.append(connection, event)
    return _read(changed)


def _row(document: Document) -> tuple[Any, ...]:
    """The columns of a document, in the order of STREAM_COLUMNS."""
    read = _read(document)
    return (
        read.room_name or None,
        read.owner_id,
        read.is_live,
        epoch_ms(read.started_at),
        millis(read.ended_at),
        read.teardown_owed,
        read.viewers,
        read.rev,
        encode(document),
        read.id,
    )

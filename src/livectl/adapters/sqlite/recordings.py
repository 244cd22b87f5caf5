"""Recordings with their VOD, in SQL.

A change that comes with an event and what the document of the stream shows of it are one
transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec

from livectl.adapters.sqlite import log, streams
from livectl.adapters.sqlite.revised import Revised
from livectl.adapters.sqlite.values import decode, encode, whole_document
from livectl.domain.clock import epoch_ms
from livectl.domain.event import Event
from livectl.domain.recording import UNFINISHED, Recording, parts_after
from livectl.errors import Conflict
from livectl.ports.recordings import RecordingQuery

_NEWEST = "ORDER BY requested_at DESC, id DESC LIMIT 1"


def add_recording(connection: sqlite3.Connection, recording: Recording, event: Event) -> None:
    _RECORDINGS.add(connection, recording)
    _tell(connection, recording, event)


def save_recording(
    connection: sqlite3.Connection, recording: Recording, event: Event | None
) -> Recording | None:
    saved = _RECORDINGS.save(connection, recording)
    if saved is not None and event is not None:
        _tell(connection, saved, event)
    return saved


def remove_recording(connection: sqlite3.Connection, recording: Recording, event: Event) -> bool:
    if not _RECORDINGS.remove(connection, recording):
        return False
    _tell(connection, recording, event)
    return True


def put_recording(connection: sqlite3.Connection, recording: Recording) -> None:
    """Over the one with its id. Raises Conflict when its stream has another that runs."""
    _RECORDINGS.put(connection, recording)


def recording(connection: sqlite3.Connection, recording_id: str) -> Recording | None:
    return _one(connection, "WHERE id = ?", recording_id)


def recordings(connection: sqlite3.Connection, query: RecordingQuery) -> list[Recording]:
    sql, values = recordings_sql(query)
    return [recording_from_text(text) for (text,) in connection.execute(sql, values)]


def recordings_sql(query: RecordingQuery) -> tuple[str, list[Any]]:
    given = list(_conditions(query))
    values = [value for _, *bound in given for value in bound]
    where = f"WHERE {' AND '.join(condition for condition, *_ in given)} " if given else ""
    # Few are unfinished: the plus has them found by their state and sorted, not all read in order.
    few = query.states and UNFINISHED.issuperset(query.states)
    order = "+requested_at DESC, id DESC" if few else "requested_at DESC, id DESC"
    sql = f"SELECT document FROM recordings {where}ORDER BY {order} LIMIT ?"
    return sql, [*values, query.limit]


def recording_from_text(text: str) -> Recording:
    return msgspec.convert(decode(text), Recording)


def _tell(connection: sqlite3.Connection, changed: Recording, event: Event) -> None:
    """Show what its stream is to show after a change, and append the event of it."""
    stream_id = changed.stream_id
    parts_of = partial(
        parts_after,
        changed=changed,
        newest=_one(connection, f"WHERE stream_id = ? {_NEWEST}", stream_id),
        replayed=_one(
            connection,
            f"WHERE stream_id = ? AND vod_status IS NOT NULL AND stored_path IS NOT NULL {_NEWEST}",
            stream_id,
        ),
    )
    streams.show_parts(connection, stream_id, event.at, parts_of)
    log.append(connection, event)


def _one(connection: sqlite3.Connection, which: str, value: str) -> Recording | None:
    row = connection.execute(f"SELECT document FROM recordings {which}", (value,)).fetchone()
    return recording_from_text(row[0]) if row else None


def _taken(recording: Recording) -> Conflict:
    return Conflict(
        f"There is a recording {recording.id} already, or one of stream {recording.stream_id} that"
        " runs."
    )


def _conditions(query: RecordingQuery) -> Iterable[tuple[Any, ...]]:
    """Each condition of a query with the values it binds."""
    if query.stream_id is not None:
        yield "stream_id = ?", query.stream_id
    if query.owner_id is not None:
        yield "owner_id = ?", query.owner_id
    if query.states:
        yield f"state IN ({', '.join('?' * len(query.states))})", *query.states
    if query.vod_statuses:
        yield f"vod_status IN ({', '.join('?' * len(query.vod_statuses))})", *query.vod_statuses
    if query.has_vod is not None:
        yield (f"vod_status IS {'NOT ' if query.has_vod else ''}NULL",)
    if query.deleting is not None:  # literally, so that a partial index serves
        yield (f"deleting = {int(query.deleting)}",)
    if query.ref is not None:
        # "g" follows the last hex digit: the range holds just the ids that start so.
        yield "id >= ? AND id < ?", query.ref, query.ref + "g"
    if query.egress_id is not None:
        yield "egress_id = ?", query.egress_id
    if query.paths:
        either = "SELECT value FROM json_each(?)"
        paths = encode(query.paths)
        yield f"(path IN ({either}) OR stored_path IN ({either}))", paths, paths
    if query.since is not None:
        yield "requested_at >= ?", epoch_ms(query.since)
    if query.until is not None:
        yield "requested_at < ?", epoch_ms(query.until)
    if query.before is not None:
        yield "(requested_at, id) < (?, ?)", epoch_ms(query.before[0]), query.before[1]


def _row(recording: Recording) -> tuple[Any, ...]:
    vod, storage = recording.vod, recording.storage
    return (
        recording.stream_id,
        recording.slot,
        recording.owner_id,
        recording.state,
        vod and vod.status,
        vod is not None and vod.deleting,
        recording.egress_id,
        recording.path,
        storage and storage.path,
        epoch_ms(recording.requested_at),
        recording.rev,
        encode(whole_document(recording)),
        recording.id,
    )


_RECORDINGS = Revised(
    "recordings",
    "stream_id, slot, owner_id, state, vod_status, deleting, egress_id, path, stored_path,"
    " requested_at, rev, document, id",
    row=_row,
    taken=_taken,
)

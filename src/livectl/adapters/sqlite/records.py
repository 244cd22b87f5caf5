"""Everything in the embedded database as records, out of it and into it."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from livectl.adapters.sqlite import (
    chat,
    inbox,
    ingress,
    log,
    moderation,
    people,
    recordings,
    streams,
)
from livectl.adapters.sqlite.values import decode, record_document, whole_document
from livectl.domain.chat import ChatEntry
from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.event import Event
from livectl.domain.ingress import IngressKey
from livectl.domain.moderation import ChatRules, Restriction
from livectl.domain.people import Ban, Report
from livectl.domain.presence import Sighting
from livectl.domain.recording import Recording
from livectl.domain.webhook import InboxEntry
from livectl.errors import BadInput
from livectl.ports.store import Record, RecordKind

Row = tuple[Any, ...]
Document = dict[str, Any]


class _SightingRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A sighting with the names that documents have."""

    stream_id: str
    sid: str
    user_id: str
    joined_at: datetime | None = None
    left_at: datetime | None = None


class _StartKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    owner_id: str
    key: str
    digest: str
    stream_id: str
    at: datetime


def _sighting_document(row: Row) -> Document:
    fields = msgspec.structs.asdict(streams.sighting_from_row(row))
    return record_document(_SightingRecord(**fields))


def _start_key_document(row: Row) -> Document:
    owner_id, key, digest, stream_id, at = row
    start = _StartKey(
        owner_id=owner_id, key=key, digest=digest, stream_id=stream_id, at=from_epoch_ms(at)
    )
    return record_document(start)


def _rules_document(row: Row) -> Document:
    scope, text = row
    return {"scope": scope, **decode(text)}


# In the order of an export: each kind with its statement, whose first column is the key, and
# what makes a document of the other columns.
_EXPORTS: tuple[tuple[RecordKind, str, Callable[[Row], Document]], ...] = (
    (
        "stream",
        "SELECT id, document FROM livestreams ORDER BY id",
        lambda row: decode(row[0]),
    ),
    (
        "sighting",
        "SELECT stream_id || '/' || sid AS record_key, stream_id, sid, user_id, joined_at, left_at"
        " FROM sightings ORDER BY record_key",
        _sighting_document,
    ),
    (
        "event",
        f"SELECT printf('%020d', seq), {log.EVENT_COLUMNS} FROM events ORDER BY seq",
        lambda row: record_document(log.event_from_row(row)),
    ),
    (
        "webhook",
        f"SELECT id, {inbox.INBOX_COLUMNS} FROM inbox ORDER BY id",
        lambda row: record_document(inbox.entry_from_row(row)),
    ),
    (
        "ban",
        f"SELECT user_id, {people.BAN_COLUMNS} FROM bans ORDER BY user_id",
        lambda row: record_document(people.ban_from_row(row)),
    ),
    (
        "report",
        "SELECT id, document FROM reports ORDER BY id",
        lambda row: decode(row[0]),
    ),
    (
        "start_key",
        "SELECT owner_id || '/' || key AS record_key, owner_id, key, digest, stream_id, at"
        " FROM start_keys ORDER BY record_key",
        _start_key_document,
    ),
    (
        "chat",
        f"SELECT id, {chat.CHAT_COLUMNS} FROM chat ORDER BY id",
        lambda row: record_document(chat.entry_from_row(row)),
    ),
    (
        "chat_rules",
        "SELECT scope, scope, document FROM chat_rules ORDER BY scope",
        _rules_document,
    ),
    (
        "restriction",
        f"SELECT key, {moderation.RESTRICTION_COLUMNS} FROM restrictions ORDER BY key",
        lambda row: record_document(moderation.restriction_from_row(row)),
    ),
    (
        "recording",
        "SELECT id, document FROM recordings ORDER BY id",
        lambda row: whole_document(recordings.recording_from_text(row[0])),
    ),
    (
        "ingress_key",
        "SELECT id, document FROM ingress_keys ORDER BY id",
        lambda row: whole_document(ingress.key_from_text(row[0])),
    ),
)


class Snapshot:
    """All records as they stand at the first page, whatever is written meanwhile.

    It has a connection of its own; pages may be asked for from any thread.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._records = _records(connection)
        # A task that is cancelled may close this while a thread still reads its page.
        self._lock = threading.Lock()

    def page(self, size: int) -> list[Record]:
        """The next records; none at the end."""
        with self._lock:
            return list(itertools.islice(self._records, size))

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _records(connection: sqlite3.Connection) -> Iterator[Record]:
    connection.execute("BEGIN")
    for kind, sql, read in _EXPORTS:
        for key, *row in connection.execute(sql):
            yield Record(kind=kind, key=key, document=read(tuple(row)))


def load(connection: sqlite3.Connection, records: Sequence[Record]) -> None:
    """All of them or none. Raises BadInput for a document that is none of its kind."""
    for record in records:
        try:
            _LOADERS[record.kind](connection, record.document)
        except (msgspec.ValidationError, TypeError, KeyError) as error:
            raise BadInput(f"{record.kind} {record.key} cannot be read: {error}") from error


def _load_sighting(connection: sqlite3.Connection, document: Document) -> None:
    seen = msgspec.convert(document, _SightingRecord)
    streams.put_sighting(connection, Sighting(**msgspec.structs.asdict(seen)))


def _load_event(connection: sqlite3.Connection, document: Document) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO events ({log.EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        log.event_row(msgspec.convert(document, Event)),
    )


def _load_start_key(connection: sqlite3.Connection, document: Document) -> None:
    start = msgspec.convert(document, _StartKey)
    connection.execute(
        "INSERT OR REPLACE INTO start_keys (owner_id, key, digest, stream_id, at)"
        " VALUES (?, ?, ?, ?, ?)",
        (start.owner_id, start.key, start.digest, start.stream_id, epoch_ms(start.at)),
    )


def _load_rules(connection: sqlite3.Connection, document: Document) -> None:
    scope = msgspec.convert(document["scope"], str)
    moderation.put_chat_rules(connection, scope, msgspec.convert(document, ChatRules))


_LOADERS: dict[RecordKind, Callable[[sqlite3.Connection, Document], None]] = {
    "stream": streams.put_document,
    "sighting": _load_sighting,
    "event": _load_event,
    "webhook": lambda connection, document: inbox.put_webhook(
        connection, msgspec.convert(document, InboxEntry)
    ),
    "ban": lambda connection, document: people.put_ban(connection, msgspec.convert(document, Ban)),
    "report": lambda connection, document: people.put_report(
        connection, msgspec.convert(document, Report)
    ),
    "start_key": _load_start_key,
    "chat": lambda connection, document: chat.put_entry(
        connection, msgspec.convert(document, ChatEntry)
    ),
    "chat_rules": _load_rules,
    "restriction": lambda connection, document: moderation.put_restriction(
        connection, msgspec.convert(document, Restriction)
    ),
    "recording": lambda connection, document: recordings.put_recording(
        connection, msgspec.convert(document, Recording)
    ),
    "ingress_key": lambda connection, document: ingress.put_ingress_key(
        connection, msgspec.convert(document, IngressKey)
    ),
}

"""Everything in the MongoDB store as records, out of it and into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from pymongo.errors import OperationFailure

from livectl.adapters.mongo.chat import ChatPart, chat_entry_of
from livectl.adapters.mongo.chat import entry_document as chat_entry_document
from livectl.adapters.mongo.connection import (
    BANS,
    CHAT,
    EVENTS,
    INBOX,
    INGRESS_KEYS,
    RECORDINGS,
    REPORTS,
    RESTRICTIONS,
    RULES,
    SIGHTINGS,
    START_KEYS,
    STREAMS,
    Document,
    call,
    is_taken,
)
from livectl.adapters.mongo.documents import (
    bson_stream,
    plain_stream,
    struct_record,
    whole_record,
)
from livectl.adapters.mongo.inbox import entry_document, entry_from
from livectl.adapters.mongo.ingress import key_document, key_from
from livectl.adapters.mongo.log import IN_FORCE, entry_of, event_of
from livectl.adapters.mongo.moderation import (
    restriction_document,
    restriction_of,
    rules_document,
    rules_of,
)
from livectl.adapters.mongo.people import (
    StartKey,
    ban_document,
    ban_of,
    report_document,
    report_record,
    start_document,
    start_of,
)
from livectl.adapters.mongo.recordings import recording_document, recording_of
from livectl.adapters.mongo.streams import (
    sighting_document,
    sighting_key,
    sighting_of,
)
from livectl.domain.chat import ChatEntry
from livectl.domain.event import Event
from livectl.domain.ingress import IngressKey
from livectl.domain.moderation import ChatRules, Restriction
from livectl.domain.people import Ban, Report
from livectl.domain.presence import Sighting
from livectl.domain.recording import Recording
from livectl.domain.webhook import InboxEntry
from livectl.errors import BadInput, Conflict
from livectl.ports.store import Record, RecordKind

_PAGE = 500
_AT_ONCE = 20


class _SightingRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A sighting with the names that documents have."""

    stream_id: str
    sid: str
    user_id: str
    joined_at: datetime | None = None
    left_at: datetime | None = None


class _Kind(NamedTuple):
    """How records of a kind are stored. In the order of `_id`, which is that of their keys."""

    collection: str
    record: Callable[[Document], Document]
    raw: Callable[[Document], Document]
    key: Callable[[Any], str] = str
    which: Document = {}  # noqa: RUF012 (never changed)


def _raw_event(document: Document) -> Document:
    event = msgspec.convert(document, Event)
    return {"_id": event.seq, **entry_of(event)}


def _raw_sighting(document: Document) -> Document:
    record = msgspec.convert(document, _SightingRecord)
    seen = Sighting(**msgspec.structs.asdict(record))
    return {"_id": sighting_key(seen), **sighting_document(seen)}


def _sighting_record(raw: Document) -> Document:
    return struct_record(_SightingRecord(**msgspec.structs.asdict(sighting_of(raw))))


def _raw_rules(document: Document) -> Document:
    scope = msgspec.convert(document["scope"], str)
    return rules_document(scope, msgspec.convert(document, ChatRules))


def _rules_record(raw: Document) -> Document:
    return {"scope": raw["_id"], **struct_record(rules_of(raw))}


_KINDS: dict[RecordKind, _Kind] = {
    "stream": _Kind(STREAMS, plain_stream, bson_stream),
    "sighting": _Kind(SIGHTINGS, _sighting_record, _raw_sighting),
    "event": _Kind(
        EVENTS,
        lambda raw: struct_record(event_of(raw)),
        _raw_event,
        key=lambda seq: f"{seq:020d}",
    ),
    "webhook": _Kind(
        INBOX,
        lambda raw: struct_record(entry_from(raw)),
        lambda document: entry_document(msgspec.convert(document, InboxEntry)),
    ),
    "ban": _Kind(
        BANS,
        lambda raw: struct_record(ban_of(raw)),
        lambda document: ban_document(msgspec.convert(document, Ban)),
        which=IN_FORCE,
    ),
    "report": _Kind(
        REPORTS,
        report_record,
        lambda document: report_document(msgspec.convert(document, Report)),
    ),
    "start_key": _Kind(
        START_KEYS,
        lambda raw: struct_record(start_of(raw)),
        lambda document: start_document(msgspec.convert(document, StartKey)),
    ),
    "chat": _Kind(
        CHAT,
        lambda raw: struct_record(chat_entry_of(raw)),
        lambda document: chat_entry_document(msgspec.convert(document, ChatEntry)),
    ),
    "chat_rules": _Kind(RULES, _rules_record, _raw_rules),
    "restriction": _Kind(
        RESTRICTIONS,
        lambda raw: struct_record(restriction_of(raw)),
        lambda document: restriction_document(msgspec.convert(document, Restriction)),
        which=IN_FORCE,
    ),
    "recording": _Kind(
        RECORDINGS,
        lambda raw: whole_record(recording_of(raw)),
        lambda document: recording_document(msgspec.convert(document, Recording)),
        which=IN_FORCE,
    ),
    "ingress_key": _Kind(
        INGRESS_KEYS,
        lambda raw: whole_record(key_from(raw)),
        lambda document: key_document(msgspec.convert(document, IngressKey)),
        which=IN_FORCE,
    ),
}


_TAKEN: dict[RecordKind, str] = {
    "stream": "Another stream has the room name of one of these.",
    "event": "One of these events has another place in this log.",
    "chat": "Another gift has the client id of one of these.",
    "recording": "The stream of one of these has another recording that runs.",
    "ingress_key": "The stream of one of these has another ingress key.",
}


class RecordsPart(ChatPart):
    async def dump(self) -> AsyncIterator[Record]:
        await self._before_dump()
        for name, kind in _KINDS.items():
            after: Any = None
            while page := await self._dump_page(kind, after):
                for raw in page:
                    after = raw["_id"]
                    yield Record(kind=name, key=kind.key(after), document=kind.record(raw))

    @call
    async def load(self, records: Sequence[Record]) -> None:
        """Kind by kind, each record whole or not at all: after a failure, load them all again.

        Raises BadInput for a document that is none of its kind, and then writes nothing; Conflict
        where another stream has the room name, another gift the client id, an event is in the log
        at another place, or the stream has another recording that runs or another key.
        """
        raws: dict[RecordKind, list[Document]] = {}
        for record in records:
            raws.setdefault(record.kind, []).append(_read(record))
        await self._drain_all()
        await self._count_left()
        for name, of_kind in raws.items():
            await self._load_kind(name, of_kind)

    async def _load_kind(self, name: RecordKind, raws: list[Document]) -> None:
        self._last_seq = None
        collection = self._in(_KINDS[name].collection)
        for start in range(0, len(raws), _AT_ONCE):
            writes = [
                collection.replace_one({"_id": raw["_id"]}, raw, upsert=True)
                for raw in raws[start : start + _AT_ONCE]
            ]
            for result in await asyncio.gather(*writes, return_exceptions=True):
                if isinstance(result, OperationFailure) and is_taken(result):
                    raise Conflict(_TAKEN.get(name, f"Others write {name} records.")) from result
                if isinstance(result, BaseException):
                    raise result

    @call
    async def _before_dump(self) -> None:
        await self._drain_all()
        await self._count_left()

    @call
    async def _dump_page(self, kind: _Kind, after: Any) -> list[Document]:
        further = {} if after is None else {"_id": {"$gt": after}}
        found = self._in(kind.collection).find({**kind.which, **further})
        return await found.sort("_id", 1).limit(_PAGE).to_list()


def _read(record: Record) -> Document:
    try:
        return _KINDS[record.kind].raw(record.document)
    except (msgspec.ValidationError, TypeError, KeyError) as error:
        raise BadInput(f"{record.kind} {record.key} cannot be read: {error}") from error

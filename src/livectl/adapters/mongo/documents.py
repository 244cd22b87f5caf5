"""Documents as MongoDB has them, and as plain JSON in the one form that every store exports.

In the collection `livestreams` ids of users that are 24-hex are ObjectIds and times are dates
(contract, Data). In plain JSON both are text. Of fields that are not ours the type is not known:
there a type that JSON lacks is marked (`{"$oid": …}`, `{"$date": …}`, others as MongoDB's Extended
JSON), so that it can be made again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from bson import Int64, ObjectId, json_util
from bson.datetime_ms import DatetimeMS
from bson.errors import BSONError

from livectl.domain.clock import iso
from livectl.domain.ids import is_object_id
from livectl.domain.stream import (
    Stream,
    document_from_stream,
    read_time,
    stream_from_document,
)

Document = dict[str, Any]
_Way = Callable[[Any], Any]

# Fields of this adapter, which nobody else is shown.
OUTBOX = "outbox"
OUTBOX_AT = "outboxAt"
COUNTED_GIFTS = "countedGifts"
_HIDDEN = frozenset({"_id", OUTBOX, OUTBOX_AT, COUNTED_GIFTS})

_TIMES = frozenset({"startedAt", "endedAt", "createdAt", "updatedAt"})
_PARTS = {
    "recording": frozenset({"startedAt", "completedAt"}),
    "vod": frozenset({"uploadedAt"}),
    "ingress": frozenset[str](),
}
_JSON_TYPES = frozenset({str, int, float, bool, type(None)})
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_PINNED_TIMES = frozenset({"timestamp"})
_OWN = frozenset(field.encode_name for field in msgspec.structs.fields(Stream))


def key_of(id_: str) -> ObjectId | str:
    """An id as a new document has it: an ObjectId where it can be one."""
    return ObjectId(id_) if is_object_id(id_) else id_


def forms_of(user_id: str) -> list[ObjectId | str]:
    """An id in every form that documents of any age have it in."""
    return [ObjectId(user_id), user_id] if is_object_id(user_id) else [user_id]


def stream_of(raw: Document) -> Stream:
    """Read a document of any age."""
    return stream_from_document({"ownerId": "", "roomName": "", **plain_stream(raw)})


def new_stream(stream: Stream) -> Document:
    return bson_stream(document_from_stream(stream))


def plain_stream(raw: Document) -> Document:
    """A document of `livestreams` as plain JSON; those of our fields that are null are left out."""
    plain: Document = {"id": _text(raw["_id"])}
    for name, value in raw.items():
        if name in _HIDDEN or (value is None and name in _OWN):
            continue
        plain[name] = _READERS.get(name, tagged)(value)
    return plain


def bson_stream(plain: Document) -> Document:
    """The document of `livestreams` that plain JSON describes."""
    raw: Document = {"_id": key_of(str(plain["id"]))}
    for name, value in plain.items():
        if name != "id":
            raw[name] = _WRITERS.get(name, untagged)(value)
    return raw


def bson_pin(plain: Document) -> Document:
    """An element of pinnedMessages as the document of its stream has it."""
    raw: Document = _pin(plain, _date, untagged, _id)
    return raw


def tagged(value: Any) -> Any:
    """Any value as JSON, with types that JSON lacks marked."""
    if isinstance(value, dict):
        return {name: tagged(part) for name, part in value.items()}
    if isinstance(value, list):
        return [tagged(part) for part in value]
    if isinstance(value, datetime):
        return {"$date": iso(value)}
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {"$numberDouble": _NOT_FINITE[str(value)]}
    if type(value) in _JSON_TYPES:  # not their subclasses: there is a text that is code
        return value
    return tagged(json_util.default(value, json_util.CANONICAL_JSON_OPTIONS))


def untagged(value: Any) -> Any:
    """The value that `tagged` was given; what only looks marked stays as it is."""
    if isinstance(value, list):
        return [untagged(part) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and isinstance(at := value.get("$date"), str):
        return read_time(at) or value
    parts = {name: untagged(part) for name, part in value.items()}
    if not any(name.startswith("$") for name in parts):
        return parts
    if len(parts) == 1 and isinstance(ms := parts.get("$date"), int):
        return DatetimeMS(int(ms))  # a date beyond what datetime can hold
    try:
        return json_util.object_hook(parts)
    except (BSONError, ValueError, TypeError, KeyError, OverflowError):
        return parts


def struct_document(struct: msgspec.Struct) -> Document:
    """One of our own structs as MongoDB gets it: fields without a value are left out."""
    fields: Document = msgspec.to_builtins(struct, builtin_types=(datetime,))
    return {name: value for name, value in fields.items() if value is not None}


def whole_document(struct: msgspec.Struct) -> Document:
    """The same for a struct of structs, in which nothing has fields of a free form: they are left
    out in its parts as well."""
    document: Document = _without_nothing(struct_document(struct))
    return document


def struct_record(struct: msgspec.Struct) -> Document:
    """The same as plain JSON."""
    return {name: _iso_parts(value) for name, value in struct_document(struct).items()}


def whole_record(struct: msgspec.Struct) -> Document:
    """The same, with those fields left out in its parts as well."""
    record: Document = _iso_parts(whole_document(struct))
    return record


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nothing(part) for name, part in value.items() if part is not None}
    return [_without_nothing(part) for part in value] if isinstance(value, list) else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, ObjectId) else tagged(value)


def _iso(value: Any) -> Any:
    if isinstance(value, str):
        return value
    try:
        at = read_time(value)
    except (OverflowError, ValueError):  # a number that is no time
        return {"$numberDouble": str(float(value))}
    return tagged(value) if at is None else iso(at)


def _date(value: Any) -> Any:
    """A date, unless that would be read back as something else."""
    if not isinstance(value, str | datetime):
        return untagged(value)
    at = read_time(value)
    return at if at is not None and value in (at, iso(at)) else value


def _iso_parts(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {name: _iso_parts(part) for name, part in value.items()}
    return [_iso_parts(part) for part in value] if isinstance(value, list) else value


def _parts(
    value: Any,
    times: frozenset[str],
    time: _Way,
    other: _Way,
    author: _Way | None = None,
) -> Any:
    """An object with some of its fields read or written as times, and one as a user's id."""
    if not isinstance(value, dict):
        return other(value)
    ways = dict.fromkeys(times, time)
    if author is not None:
        ways["authorId"] = author
    return {name: ways.get(name, other)(part) for name, part in value.items()}


def _each(way: _Way, other: _Way) -> _Way:
    return lambda value: [way(one) for one in value] if isinstance(value, list) else other(value)


def _id(value: Any) -> Any:
    return key_of(value) if isinstance(value, str) else untagged(value)


def _part(name: str, time: _Way, other: _Way) -> _Way:
    return lambda value: _parts(value, _PARTS[name], time, other)


def _pins(time: _Way, other: _Way, author: _Way) -> _Way:
    return _each(lambda pin: _pin(pin, time, other, author), other)


def _pin(pin: Any, time: _Way, other: _Way, author: _Way) -> Any:
    return _parts(pin, _PINNED_TIMES, time, other, author)


_READERS: dict[str, _Way] = {
    **dict.fromkeys(_TIMES, _iso),
    **{name: _part(name, _iso, tagged) for name in _PARTS},
    "ownerId": _text,
    "blockedUserIds": _each(_text, tagged),
    "pinnedMessages": _pins(_iso, tagged, _text),
}

_WRITERS: dict[str, _Way] = {
    **dict.fromkeys(_TIMES, _date),
    **{name: _part(name, _date, untagged) for name in _PARTS},
    "ownerId": _id,
    "blockedUserIds": _each(_id, untagged),
    "pinnedMessages": _pins(_date, untagged, _id),
}

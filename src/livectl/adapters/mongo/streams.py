"""Streams and who watches them, in MongoDB.

Documents of `livestreams` are written by other programs of the product as well, so a change sets
just the fields that it is about, under a condition that the server checks in the same step.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReplaceOne, UpdateOne
from pymongo.errors import DuplicateKeyError

from livectl.adapters.mongo.connection import SIGHTINGS, STREAMS, Document, call
from livectl.adapters.mongo.documents import (
    bson_pin,
    forms_of,
    key_of,
    new_stream,
    stream_of,
)
from livectl.adapters.mongo.log import LogPart, replacing
from livectl.domain.clock import EPOCH
from livectl.domain.event import Event
from livectl.domain.presence import Sighting, merge
from livectl.domain.stream import PINNED_MAX, Stream
from livectl.errors import Conflict
from livectl.ports.streams import StreamQuery

_IS_OBJECT = {"$type": "object"}
_IS_LIST = {"$type": "array"}


class StreamsPart(LogPart):
    @call
    async def add_stream(self, stream: Stream, event: Event) -> None:
        try:
            await self._add(STREAMS, new_stream(stream), event)
        except DuplicateKeyError as error:
            raise Conflict(
                f"There is a stream {stream.id} or in {stream.room_name} already."
            ) from error

    @call
    async def stream(self, stream_id: str) -> Stream | None:
        raw = await self._in(STREAMS).find_one({"_id": key_of(stream_id)})
        return stream_of(raw) if raw else None

    @call
    async def stream_in_room(self, room_name: str) -> Stream | None:
        raw = await self._in(STREAMS).find_one({"roomName": room_name})
        return stream_of(raw) if raw else None

    @call
    async def streams_by_id(self, stream_ids: Sequence[str]) -> list[Stream]:
        found = self._in(STREAMS).find({"_id": {"$in": [key_of(one) for one in stream_ids]}})
        return [stream_of(raw) async for raw in found]

    @call
    async def find_streams(self, query: StreamQuery) -> list[Stream]:
        """A part of a title is looked for in all documents that the other conditions leave."""
        conditions = list(_conditions(query))
        found = self._in(STREAMS).find({"$and": conditions} if conditions else {})
        newest = found.sort([("startedAt", -1), ("_id", -1)]).limit(query.limit)
        return [stream_of(raw) async for raw in newest]

    @call
    async def live_totals(self) -> tuple[int, int]:
        # By their viewers, as FerretDB fills only the first sum of a group.
        grouped = {"_id": "$viewers", "streams": {"$sum": 1}}
        steps: list[Document] = [{"$match": {"isLive": True}}, {"$group": grouped}]
        found = await (await self._in(STREAMS).aggregate(steps)).to_list()
        watched = [one for one in found if isinstance(one["_id"], int | float)]
        return (
            sum(int(one["streams"]) for one in found),
            sum(max(0, int(one["_id"])) * int(one["streams"]) for one in watched),
        )

    @call
    async def end_stream(
        self, stream_id: str, *, at: datetime, reason: str, by: str, event: Event
    ) -> Stream | None:
        ended = {
            "isLive": False,
            "endedAt": at,
            "endReason": reason,
            "endedBy": by,
            "viewers": 0,
            "teardownOwed": True,
            "updatedAt": at,
        }
        with_ingress = {"isLive": True, "ingress": _IS_OBJECT}
        without = {"isLive": True, "ingress": {"$not": _IS_OBJECT}}
        raw = await self._change_stream(
            stream_id,
            event,
            (with_ingress, _next(ended | {"ingress.enabled": False})),
            (without, _next(ended)),
            # Again, for an ingress that came between the two.
            (with_ingress, _next(ended | {"ingress.enabled": False})),
        )
        return stream_of(raw) if raw else None

    @call
    async def owe_teardown(self, stream_id: str, event: Event) -> bool:
        settled = {"isLive": {"$ne": True}, "teardownOwed": {"$ne": True}}
        owed = _next({"teardownOwed": True, "updatedAt": event.at})
        return bool(await self._change_stream(stream_id, event, (settled, owed)))

    @call
    async def settle_teardown(self, stream_id: str, event: Event) -> bool:
        settled = _next({"teardownOwed": False, "updatedAt": event.at})
        return bool(await self._change_stream(stream_id, event, ({"teardownOwed": True}, settled)))

    @call
    async def block_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        forms = forms_of(user_id)
        more = _next({"updatedAt": event.at}) | {"$push": {"blockedUserIds": forms[0]}}
        first = _next({"updatedAt": event.at, "blockedUserIds": forms[:1]})
        ways = (
            ({"blockedUserIds": _IS_LIST | {"$nin": forms}}, more),
            ({"blockedUserIds": {"$not": _IS_LIST}}, first),
        )
        return bool(await self._change_stream(stream_id, event, *ways))

    @call
    async def unblock_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        forms = forms_of(user_id)
        less = _next({"updatedAt": event.at}) | {"$pullAll": {"blockedUserIds": forms}}
        blocked = {"blockedUserIds": _IS_LIST | {"$in": forms}}
        return bool(await self._change_stream(stream_id, event, (blocked, less)))

    @call
    async def set_audience(
        self, stream_id: str, *, rev: int, viewers: int, peak: int, event: Event | None
    ) -> bool:
        counted = _next({"viewers": viewers, "peakViewers": peak})
        return bool(await self._change_stream(stream_id, event, (at_rev(rev), counted)))

    @call
    async def pin_message(
        self, stream_id: str, pin: dict[str, Any], event: Event
    ) -> list[dict[str, Any]] | None:
        def with_pin(pins: list[Any]) -> list[Any]:
            if any(_pins(one, pin["messageId"]) for one in pins):
                return pins
            return [*pins, bson_pin(pin)][-PINNED_MAX:]

        pinned = await self._set_pins(stream_id, event, with_pin)
        return pinned and pinned[0]

    @call
    async def unpin_message(self, stream_id: str, message_id: str, event: Event) -> bool:
        def without(pins: list[Any]) -> list[Any]:
            return [pin for pin in pins if not _pins(pin, message_id)]

        pinned = await self._set_pins(stream_id, event, without)
        return pinned is not None and pinned[1]

    @call
    async def add_sightings(self, sightings: Sequence[Sighting]) -> None:
        for stream_id, facts in _by_stream(sightings, merged=True).items():
            await self._write_sightings(stream_id, [_merging(fact) for fact in facts])

    @call
    async def overrule_sightings(self, sightings: Sequence[Sighting]) -> None:
        for stream_id, facts in _by_stream(sightings, merged=False).items():
            await self._write_sightings(stream_id, [put_sighting(fact) for fact in facts])

    @call
    async def sightings(self, stream_id: str) -> list[Sighting]:
        return [sighting_of(raw) async for raw in self._in(SIGHTINGS).find({"streamId": stream_id})]

    @call
    async def present_viewers(self, stream_id: str) -> int:
        steps: list[Document] = [
            {"$match": {"streamId": stream_id, "joinedAt": {"$gte": EPOCH}, "leftAt": None}},
            {"$group": {"_id": "$userId"}},
            {"$count": "users"},
        ]
        found = await (await self._in(SIGHTINGS).aggregate(steps)).to_list()
        return int(found[0]["users"]) if found else 0

    async def _change_stream(
        self, stream_id: str, event: Event | None, *ways: tuple[Document, Document]
    ) -> Document | None:
        return await self._change(STREAMS, key_of(stream_id), event, *ways)

    async def _show_parts(
        self, stream_id: str, at: datetime, parts_of: Callable[[Document], Awaitable[Document]]
    ) -> None:
        """Let a stream, where there is such a one, show parts of what is kept elsewhere. `parts_of`
        reads that, and makes them for the stream's document; a part that is None goes.

        The stream's `rev` grows even where nothing changes: so whoever read before another one
        wrote reads again, and what stands there at the end was made of the latest.
        """
        while raw := await self._in(STREAMS).find_one({"_id": key_of(stream_id)}):
            parts = await parts_of(raw)
            shown = {name: value for name, value in parts.items() if value is not None}
            update = replacing({**shown, "updatedAt": at}, parts) | {"$inc": {"rev": 1}}
            if await self._change_stream(stream_id, None, (at_rev(stream_of(raw).rev), update)):
                return

    async def _write_sightings(
        self, stream_id: str, writes: Sequence[UpdateOne | ReplaceOne[Document]]
    ) -> None:
        await self._write_all(SIGHTINGS, f"{SIGHTINGS}/{stream_id}", writes)

    async def _set_pins(
        self, stream_id: str, event: Event, wanted: Callable[[list[Any]], list[Any]]
    ) -> tuple[list[Document], bool] | None:
        """Make the pins what `wanted` says they should be: all of them then, and whether they
        changed. None where there is no such stream."""
        while raw := await self._in(STREAMS).find_one({"_id": key_of(stream_id)}):
            stream, pins = stream_of(raw), raw.get("pinnedMessages")
            pins = pins if isinstance(pins, list) else []
            if (kept := wanted(pins)) == pins:
                return stream.pinned_messages, False
            update = _next({"pinnedMessages": kept, "updatedAt": event.at})
            if changed := await self._change_stream(stream_id, event, (at_rev(stream.rev), update)):
                return stream_of(changed).pinned_messages, True
        return None


def at_rev(rev: int) -> Document:
    """The condition that a stream is still at a revision. Documents that this program has not
    changed yet have none."""
    return {"rev": {"$in": [0, None]} if rev == 0 else rev}


def _pins(pin: Any, message_id: str) -> bool:
    """Whether an element of pinnedMessages, of whatever age, is the pin of a message."""
    return isinstance(pin, dict) and pin.get("messageId") == message_id


def sighting_of(raw: Document) -> Sighting:
    return Sighting(
        stream_id=raw["streamId"],
        sid=raw["sid"],
        user_id=raw["userId"],
        joined_at=raw.get("joinedAt"),
        left_at=raw.get("leftAt"),
    )


def sighting_document(seen: Sighting) -> Document:
    """A sighting with the names that documents have."""
    fields = {
        "streamId": seen.stream_id,
        "sid": seen.sid,
        "userId": seen.user_id,
        "joinedAt": seen.joined_at,
        "leftAt": seen.left_at,
    }
    return {name: value for name, value in fields.items() if value is not None}


def put_sighting(seen: Sighting) -> ReplaceOne[Document]:
    return ReplaceOne({"_id": sighting_key(seen)}, sighting_document(seen), upsert=True)


def _merging(fact: Sighting) -> UpdateOne:
    """`domain.presence.merge`, done by the server: the earliest join, the earliest leave."""
    document = sighting_document(fact)
    times = {name: document.pop(name) for name in ("joinedAt", "leftAt") if name in document}
    update: Document = {"$setOnInsert": document}
    if times:
        update["$min"] = times
    return UpdateOne({"_id": sighting_key(fact)}, update, upsert=True)


def sighting_key(seen: Sighting) -> str:
    return f"{seen.stream_id}/{seen.sid}"


def _by_stream(sightings: Iterable[Sighting], *, merged: bool) -> dict[str, list[Sighting]]:
    """Each session once (the facts together, or the last of them), grouped by stream."""
    sessions: dict[str, Sighting] = {}
    for fact in sightings:
        key = sighting_key(fact)
        sessions[key] = merge(sessions.get(key), fact) if merged else fact
    grouped = defaultdict(list)
    for seen in sessions.values():
        grouped[seen.stream_id].append(seen)
    return grouped


def _next(fields: Document) -> Document:
    """Set fields, as the next revision."""
    return {"$set": fields, "$inc": {"rev": 1}}


def _conditions(query: StreamQuery) -> Iterable[Document]:
    """The conditions of a query. Fields that old documents lack are taken for what they are read
    as: not live, nothing owed, started in 1970."""
    if query.live is not None:
        yield {"isLive": True if query.live else {"$ne": True}}
    if query.teardown_owed is not None:
        yield {"teardownOwed": True if query.teardown_owed else {"$ne": True}}
    if query.with_replay:
        yield {"vod.status": "available", "enableReplay": {"$ne": False}}
    if query.owner_id is not None:
        yield {"ownerId": {"$in": forms_of(query.owner_id)}}
    if query.tag is not None:
        yield {"tags": query.tag}
    if query.since is not None:
        yield {"startedAt": {"$gte": query.since}}
    if query.until is not None:
        yield {"$or": _started_before(query.until)}
    if query.ended_since is not None:
        yield {"endedAt": {"$gte": query.ended_since}}
    if query.before is not None:
        at, id_ = query.before
        same = {"startedAt": {"$in": [at, None]} if at == EPOCH else at}
        yield {"$or": [*_started_before(at), {**same, "_id": {"$lt": key_of(id_)}}]}
    if query.ref is not None:
        yield {"$or": _referred(query.ref)}
    if query.title is not None:
        yield {"title": {"$regex": literally(query.title), "$options": "i"}}


def _started_before(at: datetime) -> list[Document]:
    before: list[Document] = [{"startedAt": {"$lt": at}}]
    return [*before, {"startedAt": None}] if at > EPOCH else before


def _referred(ref: str) -> list[Document]:
    by_name: list[Document] = [{"roomName": ref}]
    if not re.fullmatch(r"[0-9a-f]{0,24}", ref):
        return by_name
    first, last = ObjectId(ref.ljust(24, "0")), ObjectId(ref.ljust(24, "f"))
    return [{"_id": {"$gte": first, "$lte": last}}, *by_name]


def literally(text: str) -> str:
    """A pattern for just this text. No pattern may hold a NUL: it is written out."""
    return re.escape(text).replace("\0", r"\x00")

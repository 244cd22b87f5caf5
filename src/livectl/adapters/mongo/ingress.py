"""Ingress keys, in MongoDB. What the stream that a key belongs to shows of it is brought there in
the way of `recordings`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from livectl.adapters.mongo.connection import INGRESS_KEYS, Document, call
from livectl.adapters.mongo.documents import OUTBOX_AT, whole_document
from livectl.adapters.mongo.log import IN_FORCE
from livectl.adapters.mongo.revised import RevisedPart
from livectl.domain.event import Event
from livectl.domain.ingress import IngressKey, part_after
from livectl.errors import Conflict
from livectl.ports.ingress import IngressQuery

# What a key is found by beside its own fields: those of all its lines, and when it is due.
INGRESS_IDS = "ingressIds"
DIGESTS = "digests"
DUE_AT = "dueAt"

_FIELDS = {field.encode_name for field in msgspec.structs.fields(IngressKey)} - {"id"} | {DUE_AT}


class IngressPart(RevisedPart):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._before_telling[INGRESS_KEYS] = self._show_ingress_key

    @call
    async def add_ingress_key(self, key: IngressKey, event: Event) -> None:
        await self._add_revised(INGRESS_KEYS, key_document(key), event, taken=_taken(key))

    @call
    async def ingress_key(self, key_id: str) -> IngressKey | None:
        return await self._find_ingress_key({"_id": key_id})

    @call
    async def ingress_keys(self, query: IngressQuery) -> list[IngressKey]:
        wanted = {"$and": [IN_FORCE, *_conditions(query)]}
        found = self._in(INGRESS_KEYS).find(wanted).sort([("createdAt", -1), ("_id", -1)])
        return [key_from(raw) async for raw in found.limit(query.limit)]

    @call
    async def save_ingress_key(self, key: IngressKey, event: Event | None) -> IngressKey | None:
        saved = msgspec.structs.replace(key, rev=key.rev + 1)
        changed = await self._save_revised(
            INGRESS_KEYS, key_document(saved), event, names=_FIELDS, taken=_taken(key)
        )
        return saved if changed else None

    @call
    async def remove_ingress_key(self, key: IngressKey, event: Event) -> bool:
        return await self._remove_revised(INGRESS_KEYS, key.id, key.rev, event)

    async def _show_ingress_key(self, key_id: str) -> None:
        """Let the stream that it belongs to show what it is to show after a change of a key."""
        raw = await self._in(INGRESS_KEYS).find_one({"_id": key_id})
        if raw is None or OUTBOX_AT not in raw:
            return  # whoever told of the change has seen to this before
        changed = key_from(raw)
        if changed.stream_id is None:
            return

        async def parts_of(document: Document) -> Document:
            current = await self._find_ingress_key({"slot": changed.stream_id})
            return part_after(document, changed, current)

        await self._show_parts(changed.stream_id, raw[OUTBOX_AT], parts_of)

    async def _find_ingress_key(self, which: Document) -> IngressKey | None:
        raw = await self._in(INGRESS_KEYS).find_one({**IN_FORCE, **which})
        return key_from(raw) if raw else None


def key_from(raw: Document) -> IngressKey:
    return msgspec.convert({**raw, "id": raw["_id"]}, IngressKey)


def key_document(key: IngressKey) -> Document:
    fields = whole_document(key)
    raw = {
        "_id": fields.pop("id"),
        **fields,
        "slot": key.stream_id or key.id,
        INGRESS_IDS: [line.ingress_id for line in key.lines],
        DIGESTS: [line.digest for line in key.lines],
    }
    return raw if key.due_at is None else {**raw, DUE_AT: key.due_at}


def _taken(key: IngressKey) -> Conflict:
    return Conflict(
        f"There is an ingress key {key.id} already"
        + (f", or one of stream {key.stream_id}." if key.stream_id else ".")
    )


def _conditions(query: IngressQuery) -> Iterable[Document]:
    given = {
        "ownerId": query.owner_id,
        "streamId": query.stream_id,
        "slot": query.stream_id,  # the one of the two that has an index
        "liveStreamId": query.live_stream_id,
        "enabled": query.enabled,
        "nextRoom": query.room,
        INGRESS_IDS: query.ingress_id,
        DIGESTS: query.digest,
    }
    yield from ({name: value} for name, value in given.items() if value is not None)
    if query.standing is not None:
        yield {"streamId": None if query.standing else {"$ne": None}}
    if query.ref is not None:
        # "g" follows the last hex digit: the range holds just the ids that start so.
        yield {"_id": {"$gte": query.ref, "$lt": query.ref + "g"}}
    if query.due_at is not None:
        yield {DUE_AT: {"$lte": query.due_at}}
    if query.before is not None:
        at, id_ = query.before
        yield {"$or": [{"createdAt": {"$lt": at}}, {"createdAt": at, "_id": {"$lt": id_}}]}

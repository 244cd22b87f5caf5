"""The event log, and the outboxes that lead to it.

A change and its event are one update of one document: the event is pushed to the document's
`outbox`. From there it goes to the log, by whoever comes next: the one who made the change, or
whoever opens the store or reads the log after that one died. A unique index on the events' ids
lets any number do so at once and the log have each event once.

The log's `_id` is the place in it, the last one plus one: two who try for the same place are told
apart by the unique `_id`. So an entry stands only where all lower ones can be seen.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern

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
    STREAMS,
    Connected,
    Document,
    call,
)
from livectl.adapters.mongo.documents import OUTBOX, OUTBOX_AT, struct_document
from livectl.domain.clock import EPOCH
from livectl.domain.event import Event
from livectl.ports.store import EventQuery

log = logging.getLogger(__name__)

WITH_OUTBOX = (
    STREAMS,
    BANS,
    REPORTS,
    INBOX,
    CHAT,
    RULES,
    RESTRICTIONS,
    RECORDINGS,
    INGRESS_KEYS,
)

# A document that is taken away stays until its event is in the log, and counts for nothing
# meanwhile.
IN_FORCE = {"lifted": {"$ne": True}}
LIFTED = {"lifted": True}

_CHANGED_TOGETHER = (INBOX, CHAT)  # many documents at a time

_DRAIN_PAGE = 500
_PAUSE = 0.003  # seconds

Update = dict[str, dict[str, Any]]


def entry_of(event: Event) -> Document:
    """An event as outbox and log have it. What it tells is JSON text: such data may have names
    and numbers that documents cannot."""
    entry = struct_document(msgspec.structs.replace(event, seq=0, data={}))
    return {**entry, "data": msgspec.json.encode(event.data).decode()}


def event_of(raw: Document) -> Event:
    """An event of the log."""
    return msgspec.convert(
        {**raw, "seq": raw["_id"], "data": msgspec.json.decode(raw["data"])}, Event
    )


def telling(update: Update, event: Event | None) -> Update:
    """An update that puts the event of the change into the document as well."""
    if event is None:
        return update
    return {
        **update,
        "$push": {**update.get("$push", {}), OUTBOX: entry_of(event)},
        "$set": {**update.get("$set", {}), OUTBOX_AT: event.at},
    }


def replacing(fields: Document, names: Iterable[str]) -> Update:
    """An update to these fields; those of `names` that are not among them go."""
    gone = {name: "" for name in names if name not in fields}
    return {"$set": fields, "$unset": gone} if gone else {"$set": fields}


@contextmanager
def left_to_others(collection: str) -> Iterator[None]:
    """For draining after a change: the change holds whether this works or not, so where it does
    not, that is left to whoever comes next."""
    try:
        yield
    except PyMongoError as error:
        told = type(error).__name__
        log.warning("%s: an event will reach the log later: %s", collection, told)


class LogPart(Connected):
    """The log, and how the other parts change a document together with it."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._appending = asyncio.Lock()
        self._last_seq: int | None = None
        # By collection: what a change of a document, given its `_id`, brings to another one. Done
        # before the event is told, so that a crash in between leaves it to whoever comes next.
        self._before_telling: dict[str, Callable[[Any], Awaitable[None]]] = {}

    @call
    async def append_event(self, event: Event) -> None:
        await self._append(entry_of(event))

    @call
    async def events(self, query: EventQuery) -> list[Event]:
        await self._drain_all()
        wanted: Document = {"_id": {"$gt": query.after}}
        if query.stream_id is not None:
            wanted["streamId"] = query.stream_id
        if query.type is not None or query.types:
            wanted["type"] = _of_types(query)
        if query.since is not None:
            wanted["at"] = {"$gte": query.since}
        # Majority: what a failover could take back is not shown.
        entries = self._in(EVENTS).with_options(read_concern=ReadConcern("majority"))
        found = entries.find(wanted).sort("_id", 1).limit(query.limit)
        return [event_of(raw) async for raw in found]

    @call
    async def last_event_seq(self) -> int:
        return await self._find_last_seq()

    async def _change(
        self,
        collection: str,
        id_: Any,
        event: Event | None,
        *ways: tuple[Mapping[str, Any], Update],
    ) -> Document | None:
        """Change one document by the first way whose condition holds; the changed document, or
        None where no condition does."""
        async with self._alone_with(collection, id_):
            changed = await self._first_way(collection, id_, event, ways)
        await self._deliver(collection, changed)
        return changed

    async def _first_way(
        self,
        collection: str,
        id_: Any,
        event: Event | None,
        ways: Sequence[tuple[Mapping[str, Any], Update]],
    ) -> Document | None:
        for condition, update in ways:
            changed: Document | None = await self._in(collection).find_one_and_update(
                {"_id": id_, **condition},
                telling(update, event),
                return_document=ReturnDocument.AFTER,
            )
            if changed is not None:
                return changed
        return None

    def _alone_with(self, collection: str, id_: Any) -> AbstractAsyncContextManager[None]:
        together = collection in _CHANGED_TOGETHER
        return self._alone(collection if together else f"{collection}/{id_}")

    async def _add(self, collection: str, raw: Document, event: Event) -> None:
        """A new document. Raises DuplicateKeyError where one of its unique fields is taken."""
        raw = {**raw, OUTBOX: [entry_of(event)], OUTBOX_AT: event.at}
        await self._in(collection).insert_one(raw)
        await self._deliver(collection, raw)

    async def _put(self, collection: str, id_: str, event: Event, update: Update) -> None:
        """Change the document, or make it."""
        async with self._alone_with(collection, id_):
            changed = await self._in(collection).find_one_and_update(
                {"_id": id_},
                telling(update, event),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        await self._deliver(collection, changed)

    async def _lift(
        self,
        collection: str,
        id_: str,
        event: Event,
        which: Document = IN_FORCE,
        fields: Document = LIFTED,
    ) -> bool:
        """Take a document away; False where there is none."""
        lifted = await self._change(collection, id_, event, (which, {"$set": fields}))
        if lifted is not None:
            await self._forget_lifted(collection)
        return lifted is not None

    async def _forget_lifted(self, collection: str) -> None:
        """Remove what was taken away and of which the log has the event."""
        told = {**LIFTED, OUTBOX_AT: None}
        async for raw in self._in(collection).find(told, {"_id": 1}):
            async with self._alone_with(collection, raw["_id"]):
                await self._in(collection).delete_one({"_id": raw["_id"], **told})

    async def _deliver(self, collection: str, raw: Document | None) -> None:
        """Drain a document that was just changed."""
        if raw is not None and OUTBOX in raw:
            with left_to_others(collection):
                await self._drain(collection, raw)

    async def _drain_all(self) -> None:
        """Bring to the log what those have left who died between a change and this."""
        found = await asyncio.gather(*(self._undrained(collection) for collection in WITH_OUTBOX))
        for collection, left in zip(WITH_OUTBOX, found, strict=True):
            for raw in left:
                await self._drain(collection, raw)

    async def _undrained(self, collection: str) -> list[Document]:
        # A range of dates, not $exists: that is what the index can answer alone.
        found = self._in(collection).find({OUTBOX_AT: {"$gte": EPOCH}}, {OUTBOX: 1})
        return await found.sort(OUTBOX_AT, 1).limit(_DRAIN_PAGE).to_list()

    async def _drain(self, collection: str, raw: Document) -> None:
        entries: list[Document] = raw.get(OUTBOX) or []
        if (first := self._before_telling.get(collection)) is not None:
            await first(raw["_id"])
        for entry in entries:
            await self._append(entry)
        await self._empty_outbox(collection, raw["_id"], entries)

    async def _empty_outbox(self, collection: str, id_: Any, entries: Sequence[Document]) -> None:
        documents = self._in(collection)
        clear = {"$unset": {OUTBOX: "", OUTBOX_AT: ""}}
        async with self._alone_with(collection, id_):
            emptied = await documents.update_one({"_id": id_, OUTBOX: entries}, clear)
            if not emptied.matched_count:  # others pushed, or drained, at the same time
                await documents.update_one({"_id": id_}, {"$pullAll": {OUTBOX: entries}})
                await documents.update_one({"_id": id_, OUTBOX: []}, clear)

    async def _append(self, entry: Document) -> None:
        """Put an entry at the end of the log, unless it is there already."""
        entries = self._in(EVENTS)
        async with self._appending:
            if self._last_seq is None:
                self._last_seq = await self._find_last_seq()
            while True:
                seq = self._last_seq + 1
                try:
                    await entries.insert_one({"_id": seq, **entry})
                except DuplicateKeyError:
                    # The place, or the entry's own id? Servers do not all say which.
                    if await entries.find_one({"id": entry["id"]}, {"_id": 1}):
                        return
                    await asyncio.sleep(_PAUSE * random.random())  # noqa: S311
                    self._last_seq = await self._find_last_seq()
                else:
                    self._last_seq = seq
                    return

    async def _find_last_seq(self) -> int:
        last = await self._in(EVENTS).find_one({}, {"_id": 1}, sort=[("_id", -1)])
        return int(last["_id"]) if last else 0


def _of_types(query: EventQuery) -> Document:
    either: Document = {"$in": list(query.types)} if query.types else {}
    return either if query.type is None else {**either, "$eq": query.type}

"""What is said in the rooms, in MongoDB.

A gift is in two documents: its own, and the stream whose totalGifts it adds to. It is inserted
first, marked `uncounted`; its unique `once` lets a client id in only once. Then the stream's total
grows by all that are uncounted, in one update that also writes their ids into the stream
(`countedGifts`), and only while the stream's `rev` is still what it was before they were looked
for. Then the marks go, then the ids. That is exact, whoever counts at once and whoever dies when:

- Ids in the stream are in its total. Whoever counts first takes their marks away, and then looks
  for what is marked; so nothing that is in the total is looked at again.
- Of two who found the same gifts, `rev` lets one write. The other looks again.
- What is marked and in no stream is in no total: the next one who counts there, or `open`, finds
  it by its mark.

A total is only ever added to, so what older programs counted stays in it, and what is pruned as
well. A gift that comes by `add_entries` or a load is history, and adds to no total.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from pymongo import ReturnDocument

from livectl.adapters.mongo.batches import Batches, insert_new
from livectl.adapters.mongo.connection import CHAT, STREAMS, Document, call
from livectl.adapters.mongo.documents import (
    COUNTED_GIFTS,
    OUTBOX_AT,
    key_of,
    stream_of,
    struct_document,
)
from livectl.adapters.mongo.log import LogPart, Update, telling
from livectl.adapters.mongo.streams import at_rev, literally
from livectl.domain.chat import ChatEntry
from livectl.domain.event import Event
from livectl.ports.chat import ChatQuery

UNCOUNTED = "uncounted"
"""The stream of a gift that may not be in its total yet."""
ONCE = "once"
"""What makes a gift with a client id the only one."""
SHOWN_BY = "shownBy"
"""The event that showed an entry again."""

_TOGETHER_MAX = 200
_PRUNE_PAGE = 2000
_IS_NUMBER = {"$type": "number"}

_Gifts = Batches[ChatEntry, tuple[ChatEntry, bool]]


class ChatPart(LogPart):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._gifts: WeakValueDictionary[str, _Gifts] = WeakValueDictionary()

    @call
    async def add_entries(self, entries: Sequence[ChatEntry]) -> None:
        if not entries:
            return
        for outcome in await insert_new(self._in(CHAT), [entry_document(one) for one in entries]):
            if isinstance(outcome, Exception):
                raise outcome

    @call
    async def add_gift(self, gift: ChatEntry) -> tuple[ChatEntry, bool]:
        """Those that come while others of the stream are being counted are counted together."""
        stream_id = gift.stream_id
        gifts = self._gifts.get(stream_id)
        if gifts is None:
            gifts = Batches(partial(self._add_gifts, stream_id), _TOGETHER_MAX)
            self._gifts[stream_id] = gifts
        return await gifts.add(gift)

    @call
    async def entries(self, query: ChatQuery) -> list[ChatEntry]:
        order = 1 if query.oldest_first else -1
        found = self._in(CHAT).find(_which(query, hidden=query.hidden)).sort("_id", order)
        return [chat_entry_of(raw) async for raw in found.limit(query.limit)]

    @call
    async def hide_entries(self, query: ChatQuery, *, event: Event) -> list[str]:
        """The oldest is hidden first, and carries the event. A crash after that leaves the event
        told and some of the others still shown; a repeat hides those, with an event of its own."""
        await self._change_entries(
            _which(query, hidden=False),
            {"$set": {"hiddenBy": event.id}, "$unset": {SHOWN_BY: ""}},
            event,
        )
        return await self._ids({"hiddenBy": event.id})

    @call
    async def restore_entries(
        self, *, ids: Sequence[str] = (), hidden_by: str | None = None, event: Event
    ) -> list[str]:
        """In the order of `hide_entries`, with what that leaves after a crash."""
        which: list[Document] = [{"_id": {"$in": list(ids)}}] if ids else []
        if hidden_by is not None:
            which.append({"hiddenBy": hidden_by})
        if not which:
            return []
        await self._change_entries(
            {"$or": which, "hiddenBy": {"$ne": None}},
            {"$set": {SHOWN_BY: event.id}, "$unset": {"hiddenBy": ""}},
            event,
        )
        return await self._ids({SHOWN_BY: event.id})

    @call
    async def count_messages(self, *, since: datetime, until: datetime) -> int:
        return await self._in(CHAT).count_documents(
            {"at": {"$gte": since, "$lt": until}, "kind": "message"}
        )

    @call
    async def prune_entries(self, *, before: datetime) -> int:
        await self._count_left()
        # None that is live now was not before: entries of one that starts after this are newer.
        live = self._in(STREAMS).find({"isLive": True}, {"_id": 1})
        old: Document = {
            "at": {"$lt": before},
            "streamId": {"$nin": [str(raw["_id"]) async for raw in live]},
            OUTBOX_AT: None,
            UNCOUNTED: None,
        }
        pruned = 0
        while ids := await self._ids(old, limit=_PRUNE_PAGE):
            async with self._alone(CHAT):
                deleted = await self._in(CHAT).delete_many({"_id": {"$in": ids}, **old})
            pruned += deleted.deleted_count
        return pruned

    async def _count_left(self) -> None:
        """Count the gifts of those who died before they had."""
        left = self._in(CHAT).find({UNCOUNTED: {"$gte": ""}}, {UNCOUNTED: 1})
        for stream_id in {raw[UNCOUNTED] async for raw in left}:
            await self._count_gifts(stream_id)

    async def _gifts_settled(self) -> None:
        for gifts in list(self._gifts.values()):
            await gifts.settled()

    async def _add_gifts(
        self, stream_id: str, gifts: list[ChatEntry]
    ) -> list[tuple[ChatEntry, bool] | Exception]:
        raws = [{**entry_document(gift), UNCOUNTED: stream_id} for gift in gifts]
        outcomes = await insert_new(self._in(CHAT), raws)
        await self._count_gifts(stream_id)
        known = [raw for raw, outcome in zip(raws, outcomes, strict=True) if outcome is False]
        firsts = await self._firsts_of(known) if known else {}
        return [
            outcome if isinstance(outcome, Exception) else (firsts.get(gift.id, gift), outcome)
            for gift, outcome in zip(gifts, outcomes, strict=True)
        ]

    async def _firsts_of(self, raws: Sequence[Document]) -> dict[str, ChatEntry]:
        """By the id of each the gift that stands where it would have: with its client id, or with
        its id."""
        which = [
            {field: {"$in": [raw[field] for raw in raws if field in raw]}}
            for field in (ONCE, "_id")
        ]
        found = await self._in(CHAT).find({"$or": which}).to_list()
        standing = {key: chat_entry_of(raw) for raw in found for key in _keys(raw)}
        # Of two keys of one gift the later one stays.
        return {raw["_id"]: standing[key] for raw in raws for key in _keys(raw) if key in standing}

    async def _count_gifts(self, stream_id: str) -> None:
        """Comes back when every gift that was inserted before is in the stream's total."""
        while await self._count_some(stream_id):
            pass

    async def _count_some(self, stream_id: str) -> bool:
        """Whether there may be more to count."""
        raw = await self._in(STREAMS).find_one({"_id": key_of(stream_id)})
        await self._forget_counted(stream_id, (raw or {}).get(COUNTED_GIFTS))
        uncounted = self._in(CHAT).find({UNCOUNTED: stream_id}, {"value": 1})
        values = {
            gift["_id"]: gift.get("value", 0) async for gift in uncounted.limit(_TOGETHER_MAX)
        }
        if not values:
            return False
        if raw is not None and not await self._add_to_total(raw, values):
            return True
        await self._forget_counted(stream_id, list(values))
        return len(values) == _TOGETHER_MAX

    async def _add_to_total(self, raw: Document, values: dict[str, int]) -> bool:
        """False where the stream is not any more as it was read."""
        value, ids = sum(values.values()), list(values)
        unchanged = at_rev(stream_of(raw).rev)
        changed = await self._change(
            STREAMS,
            raw["_id"],
            None,
            (
                {**unchanged, "totalGifts": _IS_NUMBER},
                {"$inc": {"totalGifts": value, "rev": 1}, "$set": {COUNTED_GIFTS: ids}},
            ),
            (
                {**unchanged, "totalGifts": {"$not": _IS_NUMBER}},
                {"$inc": {"rev": 1}, "$set": {"totalGifts": value, COUNTED_GIFTS: ids}},
            ),
        )
        return changed is not None

    async def _forget_counted(self, stream_id: str, ids: list[str] | None) -> None:
        """Take the marks off gifts that are in the total, then their ids out of the stream."""
        if not ids:
            return
        async with self._alone(CHAT):
            await self._in(CHAT).update_many({"_id": {"$in": ids}}, {"$unset": {UNCOUNTED: ""}})
        key = key_of(stream_id)
        async with self._alone_with(STREAMS, key):
            await self._in(STREAMS).update_one(
                {"_id": key, COUNTED_GIFTS: ids}, {"$unset": {COUNTED_GIFTS: ""}}
            )

    async def _change_entries(self, which: Document, update: Update, event: Event) -> None:
        chat = self._in(CHAT)
        async with self._alone(CHAT):
            first = await chat.find_one_and_update(
                which,
                telling(update, event),
                sort=[("_id", 1)],
                return_document=ReturnDocument.AFTER,
            )
            if first is not None:
                await chat.update_many(which, update)
        await self._deliver(CHAT, first)

    async def _ids(self, which: Document, limit: int = 0) -> list[str]:
        found = self._in(CHAT).find(which, {"_id": 1}).sort("_id", 1).limit(limit)
        return [raw["_id"] async for raw in found]


def chat_entry_of(raw: Document) -> ChatEntry:
    return msgspec.convert({**raw, "id": raw["_id"]}, ChatEntry)


def entry_document(entry: ChatEntry) -> Document:
    fields = struct_document(entry)
    raw = {"_id": fields.pop("id"), **fields}
    if entry.kind == "gift" and entry.client_id is not None:
        # As JSON, in which no part can be taken for two.
        parts = (entry.stream_id, entry.user_id, entry.client_id)
        raw[ONCE] = msgspec.json.encode(parts).decode()
    return raw


def _keys(raw: Document) -> list[str]:
    """What a gift is unique by: its id, then its client id, if it has one."""
    return [raw["_id"], raw[ONCE]] if ONCE in raw else [raw["_id"]]


def _which(query: ChatQuery, *, hidden: bool) -> Document:
    """The conditions of a query."""
    wanted: dict[str, Any] = {
        "streamId": _any_of(query.stream_ids),
        "userId": query.user_id,
        "kind": query.kind,
        "_id": _given({"$in": query.ids or None, "$lt": query.before, "$gt": query.after}),
        "at": _given({"$gte": query.since, "$lt": query.until}),
        "content": query.text and {"$regex": literally(query.text), "$options": "i"},
    }
    shown = {} if hidden else {"hiddenBy": None}
    return {**shown, **{name: value for name, value in wanted.items() if value}}


def _any_of(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else _given({"$in": values or None})


def _given(operators: Document) -> Document:
    return {name: value for name, value in operators.items() if value is not None}

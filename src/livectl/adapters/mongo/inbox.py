"""Webhooks kept before they are answered, in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from bson import ObjectId

from livectl.adapters.mongo.batches import Batches, insert_new
from livectl.adapters.mongo.connection import INBOX, Document, call
from livectl.adapters.mongo.documents import OUTBOX, OUTBOX_AT, struct_document
from livectl.adapters.mongo.log import LogPart, Update, entry_of, left_to_others, telling
from livectl.domain.event import Event
from livectl.domain.webhook import InboxEntry
from livectl.ports.inbox import InboxDepth, InboxQuery

_BATCH_MAX = 500


class InboxPart(LogPart):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._arrivals = Batches(self._write_webhooks, _BATCH_MAX)

    @call
    async def add_webhook(self, entry: InboxEntry) -> bool:
        return await self._arrivals.add(entry_document(entry))

    @call
    async def claim_webhooks(
        self, *, now: datetime, until: datetime, limit: int
    ) -> list[InboxEntry]:
        due = {"status": "pending", "nextAt": {"$lte": now}}
        # The mark tells this caller's from those that another took in the same moment.
        mark = ObjectId()
        hold = {"$set": {"nextAt": until, "claim": mark}, "$inc": {"attempts": 1}}
        oldest = [("receivedAt", 1), ("_id", 1)]
        inbox = self._in(INBOX)
        async with self._alone(INBOX):
            ids = [
                raw["_id"] async for raw in inbox.find(due, {"_id": 1}).sort(oldest).limit(limit)
            ]
            if not ids:
                return []
            await inbox.update_many({"_id": {"$in": ids}, **due}, hold)
        claimed = inbox.find({"_id": {"$in": ids}, "claim": mark}).sort(oldest)
        return [entry_from(raw) async for raw in claimed]

    @call
    async def finish_webhooks(self, ids: Sequence[str], *, at: datetime) -> None:
        done = {"$set": {"status": "done", "handledAt": at}, "$unset": {"error": "", "claim": ""}}
        async with self._alone(INBOX):
            await self._in(INBOX).update_many(
                {"_id": {"$in": list(ids)}, "status": {"$ne": "done"}}, done
            )

    @call
    async def retry_webhook(self, webhook_id: str, *, next_at: datetime, error: str) -> None:
        # Only a pending one: whoever was slow must not bring back what another has finished.
        async with self._alone(INBOX):
            await self._in(INBOX).update_one(
                {"_id": webhook_id, "status": "pending"},
                {"$set": {"nextAt": next_at, "error": error}},
            )

    @call
    async def park_webhook(self, webhook_id: str, *, error: str, event: Event) -> None:
        parked: Update = {"$set": {"status": "parked", "error": error}, "$unset": {"claim": ""}}
        await self._change_webhooks(
            {"_id": {"$in": [webhook_id]}, "status": "pending"}, parked, event
        )

    @call
    async def requeue_webhooks(self, ids: Sequence[str], *, now: datetime, event: Event) -> int:
        pending: Update = {
            "$set": {"status": "pending", "attempts": 0, "nextAt": now},
            "$unset": {"handledAt": "", "error": "", "claim": ""},
        }
        return await self._change_webhooks({"_id": {"$in": list(ids)}}, pending, event)

    @call
    async def webhook(self, webhook_id: str) -> InboxEntry | None:
        raw = await self._in(INBOX).find_one({"_id": webhook_id})
        return entry_from(raw) if raw else None

    @call
    async def webhooks(self, query: InboxQuery) -> list[InboxEntry]:
        given = {"status": query.status, "room": query.room, "type": query.type}
        wanted: Document = {name: value for name, value in given.items() if value is not None}
        if query.since is not None:
            wanted["receivedAt"] = {"$gte": query.since}
        found = self._in(INBOX).find(wanted).sort([("receivedAt", -1), ("_id", -1)])
        return [entry_from(raw) async for raw in found.limit(query.limit)]

    @call
    async def inbox_depth(self) -> InboxDepth:
        inbox = self._in(INBOX)
        pending = await inbox.count_documents({"status": "pending"})
        parked = await inbox.count_documents({"status": "parked"})
        oldest = await inbox.find_one(
            {"status": "pending"}, {"receivedAt": 1}, sort=[("receivedAt", 1)]
        )
        return InboxDepth(
            pending=pending, parked=parked, oldest=oldest["receivedAt"] if oldest else None
        )

    @call
    async def prune_webhooks(self, *, before: datetime) -> int:
        old = {"status": "done", "handledAt": {"$lt": before}, OUTBOX_AT: None}
        async with self._alone(INBOX):
            return (await self._in(INBOX).delete_many(old)).deleted_count

    async def _write_webhooks(self, documents: list[Document]) -> list[bool | Exception]:
        return await insert_new(self._in(INBOX), documents)

    async def _change_webhooks(self, which: Document, update: Update, event: Event) -> int:
        """Change any number of webhooks, with one event for all. Each carries it in its outbox, so
        that it is told whichever was reached before a crash; the log takes it once."""
        inbox = self._in(INBOX)
        async with self._alone(INBOX):
            changed = await inbox.update_many(which, telling(update, event))
        if changed.matched_count:
            with left_to_others(INBOX):
                entry = entry_of(event)
                await self._append(entry)
                emptied = {"$unset": {OUTBOX: "", OUTBOX_AT: ""}}
                async with self._alone(INBOX):
                    await inbox.update_many({"_id": which["_id"], OUTBOX: [entry]}, emptied)
        return changed.matched_count


def entry_document(entry: InboxEntry) -> Document:
    fields = struct_document(entry)
    return {"_id": fields.pop("id"), **fields}


def entry_from(raw: Document) -> InboxEntry:
    return msgspec.convert({**raw, "id": raw["_id"]}, InboxEntry)

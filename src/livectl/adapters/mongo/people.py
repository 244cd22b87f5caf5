"""Bans, reports and the keys of repeated starts, in MongoDB."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pymongo.errors import DuplicateKeyError

from livectl.adapters.mongo.connection import BANS, REPORTS, START_KEYS, Document, call
from livectl.adapters.mongo.documents import struct_document, struct_record
from livectl.adapters.mongo.log import IN_FORCE, LogPart
from livectl.domain.event import Event
from livectl.domain.people import Ban, Report


class StartKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the first start with a key left."""

    owner_id: str
    key: str
    digest: str
    stream_id: str
    at: datetime


class PeoplePart(LogPart):
    @call
    async def ban(self, ban: Ban, event: Event) -> None:
        fields = ban_document(ban)
        user_id = fields.pop("_id")
        gone = {name: "" for name in ("reason", "lifted") if name not in fields}
        await self._put(BANS, user_id, event, {"$set": fields, "$unset": gone})

    @call
    async def ban_of(self, user_id: str) -> Ban | None:
        raw = await self._in(BANS).find_one({"_id": user_id, **IN_FORCE})
        return ban_of(raw) if raw else None

    @call
    async def bans(self) -> list[Ban]:
        found = self._in(BANS).find(IN_FORCE).sort([("at", -1), ("_id", 1)])
        return [ban_of(raw) async for raw in found]

    @call
    async def lift_ban(self, user_id: str, event: Event) -> bool:
        return await self._lift(BANS, user_id, event)

    @call
    async def add_report(self, report: Report, event: Event) -> None:
        fields = report_document(report)
        report_id = fields.pop("_id")
        await self._put(REPORTS, report_id, event, {"$set": fields})

    @call
    async def remember_start(
        self, owner_id: str, key: str, *, digest: str, stream_id: str, at: datetime
    ) -> tuple[str, str]:
        start = StartKey(owner_id=owner_id, key=key, digest=digest, stream_id=stream_id, at=at)
        raw = start_document(start)
        try:
            await self._in(START_KEYS).insert_one(raw)
        except DuplicateKeyError:
            raw = await self._in(START_KEYS).find_one({"_id": raw["_id"]}) or raw
        return raw["digest"], raw["streamId"]

    async def forget_start(self, owner_id: str, key: str, *, stream_id: str) -> None:
        await self._in(START_KEYS).delete_one({"_id": f"{owner_id}/{key}", "streamId": stream_id})


def ban_of(raw: Document) -> Ban:
    return msgspec.convert({**raw, "userId": raw["_id"]}, Ban)


def ban_document(ban: Ban) -> Document:
    return _keyed(struct_document(ban), "userId")


def report_of(raw: Document) -> Report:
    return msgspec.convert({**raw, "id": raw["_id"]}, Report)


def report_record(raw: Document) -> Document:
    record = struct_record(report_of(raw))
    if not record["messages"]:  # as it was before reports had any
        del record["messages"]
    return record


def report_document(report: Report) -> Document:
    return _keyed(struct_document(report), "id")


def start_of(raw: Document) -> StartKey:
    return msgspec.convert(raw, StartKey)


def start_document(start: StartKey) -> Document:
    return {"_id": f"{start.owner_id}/{start.key}", **struct_document(start)}


def _keyed(document: Document, name: str) -> Document:
    """The same with the field `name` as its `_id`."""
    key: Any = document.pop(name)
    return {"_id": key, **document}

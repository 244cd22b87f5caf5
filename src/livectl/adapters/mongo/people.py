"""Bans, reports and the keys of repeated starts, in MongoDB."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pymongo.errors import DuplicateKeyError

from livectl.adapters.mongo.connection import BANS, REPORTS, START_KEYS, Document, call
from livectl.adapters.mongo.documents import OUTBOX_AT, struct_document
from livectl.adapters.mongo.log import LogPart
from livectl.domain.event import Event
from livectl.domain.people import Ban, Report

# A ban that is lifted stays until its event is in the log, and is no ban meanwhile.
IN_FORCE = {"lifted": {"$ne": True}}


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
        lifted = await self._change(BANS, user_id, event, (IN_FORCE, {"$set": {"lifted": True}}))
        if lifted is not None:
            await self._forget_lifted()
        return lifted is not None

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

    async def _forget_lifted(self) -> None:
        """Remove lifted bans of which the log has the event."""
        told = {"lifted": True, OUTBOX_AT: None}
        async for raw in self._in(BANS).find(told, {"_id": 1}):
            async with self._alone_with(BANS, raw["_id"]):
                await self._in(BANS).delete_one({"_id": raw["_id"], **told})


def ban_of(raw: Document) -> Ban:
    return msgspec.convert({**raw, "userId": raw["_id"]}, Ban)


def ban_document(ban: Ban) -> Document:
    return _keyed(struct_document(ban), "userId")


def report_of(raw: Document) -> Report:
    return msgspec.convert({**raw, "id": raw["_id"]}, Report)


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

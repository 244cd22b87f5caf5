"""Chat rules, restrictions, the queue of reports, and where people came from, in MongoDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from livectl.adapters.mongo.connection import (
    ADDRESSES,
    REPORTS,
    RESTRICTIONS,
    RULES,
    Document,
    call,
)
from livectl.adapters.mongo.documents import struct_document
from livectl.adapters.mongo.log import IN_FORCE, LogPart
from livectl.adapters.mongo.people import report_of
from livectl.domain.event import Event
from livectl.domain.moderation import ChatRules, Restriction
from livectl.domain.people import Report
from livectl.ports.moderation import ReportQuery, RestrictionQuery, SeenAddress

_ADDRESSES_MAX = 20


class ModerationPart(LogPart):
    @call
    async def chat_rules(self, scopes: Sequence[str]) -> dict[str, ChatRules]:
        found = self._in(RULES).find({"_id": {"$in": list(scopes)}})
        return {raw["_id"]: rules_of(raw) async for raw in found}

    @call
    async def set_chat_rules(self, scope: str, rules: ChatRules, event: Event) -> bool:
        raw = rules_document(scope, msgspec.structs.replace(rules, rev=rules.rev + 1))
        update = {"$set": {"rev": raw["rev"], "rules": raw["rules"]}}
        if await self._change(RULES, scope, event, ({"rev": rules.rev}, update)):
            return True
        return rules.rev == 0 and await self._add_first_rules(raw, event)

    @call
    async def restrict(self, restriction: Restriction, event: Event) -> None:
        fields = restriction_document(restriction)
        key = fields.pop("_id")
        gone = {name: "" for name in ("until", "reason", "lifted") if name not in fields}
        await self._put(RESTRICTIONS, key, event, {"$set": fields, "$unset": gone})

    @call
    async def lift_restriction(self, key: str, event: Event) -> bool:
        return await self._lift(RESTRICTIONS, key, event)

    @call
    async def restrictions(self, query: RestrictionQuery) -> list[Restriction]:
        wanted = {"$and": [IN_FORCE, *_conditions(query)]}
        newest = self._in(RESTRICTIONS).find(wanted).sort([("at", -1), ("_id", 1)])
        return [restriction_of(raw) async for raw in newest.limit(query.limit)]

    @call
    async def report(self, report_id: str) -> Report | None:
        raw = await self._in(REPORTS).find_one({"_id": report_id})
        return report_of(raw) if raw else None

    @call
    async def reports(self, query: ReportQuery) -> list[Report]:
        given = {"status": query.status, "streamId": query.stream_id}
        wanted: Document = {name: value for name, value in given.items() if value is not None}
        if query.before is not None:
            at, id_ = query.before
            wanted["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": id_}}]
        newest = self._in(REPORTS).find(wanted).sort([("at", -1), ("_id", -1)])
        return [report_of(raw) async for raw in newest.limit(query.limit)]

    @call
    async def resolve_report(
        self, report_id: str, *, resolution: str, by: str, at: datetime, event: Event
    ) -> bool:
        resolved = {
            "status": "resolved",
            "resolution": resolution,
            "resolvedBy": by,
            "resolvedAt": at,
        }
        changed = await self._change(
            REPORTS, report_id, event, ({"status": "open"}, {"$set": resolved})
        )
        return changed is not None

    @call
    async def remember_addresses(self, seen: Sequence[SeenAddress]) -> None:
        latest: dict[tuple[str, str], SeenAddress] = {}
        for one in sorted(seen, key=lambda one: one.at):
            latest[one.user_id, one.address] = one
        await self._write_all(ADDRESSES, ADDRESSES, [_remembering(one) for one in latest.values()])

    @call
    async def addresses_of(self, user_id: str) -> list[str]:
        found = self._in(ADDRESSES).find({"userId": user_id}).sort([("at", -1), ("address", 1)])
        return [raw["address"] async for raw in found.limit(_ADDRESSES_MAX)]

    @call
    async def forget_addresses(self, *, before: datetime) -> int:
        async with self._alone(ADDRESSES):
            old = await self._in(ADDRESSES).delete_many({"at": {"$lt": before}})
        return old.deleted_count

    async def _add_first_rules(self, raw: Document, event: Event) -> bool:
        try:
            await self._add(RULES, raw, event)
        except DuplicateKeyError:
            return False
        return True


def rules_of(raw: Document) -> ChatRules:
    return msgspec.convert({**raw["rules"], "rev": raw["rev"]}, ChatRules)


def rules_document(scope: str, rules: ChatRules) -> Document:
    fields = struct_document(msgspec.structs.replace(rules, rev=0))
    return {"_id": scope, "rev": rules.rev, "rules": fields}


def restriction_of(raw: Document) -> Restriction:
    return msgspec.convert(raw, Restriction)


def restriction_document(restriction: Restriction) -> Document:
    return {"_id": restriction.key, **struct_document(restriction)}


def _remembering(seen: SeenAddress) -> UpdateOne:
    return UpdateOne(
        {"_id": f"{seen.user_id}/{seen.address}"},
        {
            "$max": {"at": seen.at},
            "$setOnInsert": {"userId": seen.user_id, "address": seen.address},
        },
        upsert=True,
    )


def _conditions(query: RestrictionQuery) -> Iterable[Document]:
    if query.scopes:
        yield {"scope": {"$in": list(query.scopes)}}
    if query.kind is not None:
        yield {"kind": query.kind}
    if query.subject is not None:
        yield {"subject": query.subject}
    if query.holding_at is not None:
        yield {"$or": [{"until": None}, {"until": {"$gt": query.holding_at}}]}
    if query.over_at is not None:
        yield {"until": {"$lte": query.over_at}}

"""The store on MongoDB, in a database of the product's own programs or an empty one.

What it does is in the modules beside it, by capability: `streams`, `chat`, `moderation`, `people`,
`inbox`, `recordings`, `ingress`, `log`, `records`. Streams are in the collection `livestreams` as
the contract has them (Data), everything else in collections whose names begin with `livectl_`.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from livectl.adapters.mongo.chat import ChatPart
from livectl.adapters.mongo.connection import (
    ADDRESSES,
    BANS,
    CHAT,
    EVENTS,
    INBOX,
    INGRESS_KEYS,
    LEASES,
    META,
    RECORDINGS,
    REPORTS,
    RESTRICTIONS,
    RULES,
    SAMPLES,
    SIGHTINGS,
    START_KEYS,
    STREAMS,
    call,
)
from livectl.adapters.mongo.inbox import InboxPart
from livectl.adapters.mongo.indexes import make_indexes, present_indexes
from livectl.adapters.mongo.ingress import IngressPart
from livectl.adapters.mongo.moderation import ModerationPart
from livectl.adapters.mongo.people import PeoplePart
from livectl.adapters.mongo.recordings import RecordingsPart
from livectl.adapters.mongo.records import RecordsPart
from livectl.adapters.mongo.samples import SamplesPart
from livectl.adapters.mongo.streams import StreamsPart
from livectl.errors import BadSettings, Unavailable
from livectl.ports.store import Store, StoreCheck

SCHEMA_VERSION = 1

_COLLECTIONS = (
    STREAMS,
    SIGHTINGS,
    EVENTS,
    INBOX,
    BANS,
    REPORTS,
    START_KEYS,
    LEASES,
    CHAT,
    RULES,
    RESTRICTIONS,
    ADDRESSES,
    RECORDINGS,
    INGRESS_KEYS,
    SAMPLES,
)


class MongoStore(
    RecordingsPart,
    IngressPart,
    StreamsPart,
    ModerationPart,
    PeoplePart,
    InboxPart,
    RecordsPart,
    ChatPart,
    SamplesPart,
    Store,
):
    """The `Store` port in the database that `uri` names, or else in `livectl`; opened by `open` and
    not before. For one event loop.

    Raises Unavailable when MongoDB cannot be reached or refuses, TimedOutside when it does not
    answer in time; BadSettings from `open` when the URI is none, a newer livectl wrote the
    database, or its documents rule out a unique index.
    """

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        async with self._opening:
            if self._opened is not None:
                return
            try:
                await self._open()
            except BaseException:
                await self._disconnect()
                raise

    async def close(self) -> None:
        async with self._opening:
            await self._arrivals.settled()
            await self._gifts_settled()
            await self._disconnect()

    @call
    async def ping(self) -> None:
        meta = self._in(META)
        async with self._alone(f"{META}/ping"):
            await meta.update_one({"_id": "ping"}, {"$inc": {"count": 1}}, upsert=True)
        if await meta.find_one({"_id": "ping"}) is None:
            raise Unavailable("MongoDB, ping: what was written cannot be read.")

    @call
    async def check(self) -> StoreCheck:
        counts = {name: await self._in(name).estimated_document_count() for name in _COLLECTIONS}
        return StoreCheck(
            backend="mongodb",
            schema_version=await self._schema_version(),
            expected_schema_version=SCHEMA_VERSION,
            indexes=await present_indexes(self._in(META).database),
            counts=counts,
        )

    @call
    async def take_lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        free = [{"holder": holder}, {"until": {"$lte": now}}]
        try:
            async with self._alone(f"{LEASES}/{name}"):
                # Where another holds it, this tries to make a second of its name, and cannot.
                await self._in(LEASES).update_one(
                    {"_id": name, "$or": free},
                    {"$set": {"holder": holder, "until": until}},
                    upsert=True,
                )
        except DuplicateKeyError:
            return False
        return True

    @call
    async def drop_lease(self, name: str, holder: str) -> None:
        async with self._alone(f"{LEASES}/{name}"):
            await self._in(LEASES).delete_one({"_id": name, "holder": holder})

    @call
    async def lease_held(self, name: str, *, now: datetime) -> bool:
        held = {"_id": name, "until": {"$gt": now}}
        return await self._in(LEASES).find_one(held) is not None

    @call
    async def prune_leases(self, *, before: datetime) -> int:
        return (await self._in(LEASES).delete_many({"until": {"$lt": before}})).deleted_count

    @call
    async def _open(self) -> None:
        await self._connect()
        await self._settle_schema()
        await make_indexes(self._in(META).database)
        await self._drain_all()
        await self._count_left()
        for collection in (BANS, RESTRICTIONS, RECORDINGS, INGRESS_KEYS):
            await self._forget_lifted(collection)

    async def _settle_schema(self) -> None:
        version = await self._schema_version()
        if version > SCHEMA_VERSION:
            raise BadSettings(
                f"The database has schema version {version}, this livectl knows up to"
                f" {SCHEMA_VERSION}.",
                hint="Upgrade livectl to the version that last used this database, or newer.",
            )
        if version < SCHEMA_VERSION:
            async with self._alone(f"{META}/schema"):
                await self._in(META).update_one(
                    {"_id": "schema"}, {"$set": {"version": SCHEMA_VERSION}}, upsert=True
                )

    async def _schema_version(self) -> int:
        schema = await self._in(META).find_one({"_id": "schema"})
        return int(schema["version"]) if schema else 0

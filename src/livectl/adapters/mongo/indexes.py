"""The indexes of the MongoDB store: which there should be, and making those that are missing.

An index of another name with the same keys will do: the product's own programs make some. Names
are those that MongoDB gives by itself, so that such a program later finds its index made.
"""

from __future__ import annotations

from typing import NamedTuple

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from livectl.adapters.mongo.chat import ONCE, SHOWN_BY, UNCOUNTED
from livectl.adapters.mongo.connection import (
    ADDRESSES,
    BANS,
    CHAT,
    EVENTS,
    INBOX,
    INGRESS_KEYS,
    RECORDINGS,
    REPORTS,
    RESTRICTIONS,
    RULES,
    SIGHTINGS,
    STREAMS,
    Document,
    is_taken,
)
from livectl.adapters.mongo.documents import OUTBOX_AT
from livectl.adapters.mongo.ingress import DIGESTS, DUE_AT, INGRESS_IDS
from livectl.errors import BadSettings


class Index(NamedTuple):
    collection: str
    keys: list[tuple[str, int]]
    unique: bool = False
    sparse: bool = False

    @property
    def name(self) -> str:
        return "_".join(f"{field}_{order}" for field, order in self.keys)

    @property
    def model(self) -> IndexModel:
        options = {name: True for name in ("unique", "sparse") if getattr(self, name)}
        return IndexModel(self.keys, name=self.name, **options)

    @property
    def label(self) -> str:
        """How a check lists it."""
        return f"{self.collection}.{self.name}"


def _outbox(collection: str) -> Index:
    return Index(collection, [(OUTBOX_AT, 1)], sparse=True)


INDEXES = (
    Index(STREAMS, [("roomName", 1)], unique=True),
    # The newest first, all of them or those of a state or an owner.
    Index(STREAMS, [("startedAt", -1), ("_id", -1)]),
    Index(STREAMS, [("isLive", 1), ("startedAt", -1), ("_id", -1)]),
    Index(STREAMS, [("ownerId", 1), ("startedAt", -1), ("_id", -1)]),
    Index(STREAMS, [("vod.status", 1), ("startedAt", -1), ("_id", -1)]),
    Index(STREAMS, [("teardownOwed", 1)], sparse=True),
    Index(STREAMS, [("endedAt", 1)]),
    _outbox(STREAMS),
    # All that counting those who are there needs.
    Index(SIGHTINGS, [("streamId", 1), ("leftAt", 1), ("joinedAt", 1), ("userId", 1)]),
    # Claims go by the oldest of a status, lists by the newest.
    Index(INBOX, [("status", 1), ("nextAt", 1)]),
    Index(INBOX, [("status", 1), ("receivedAt", 1), ("_id", 1)]),
    Index(INBOX, [("status", 1), ("handledAt", 1)]),
    Index(INBOX, [("room", 1), ("receivedAt", 1)]),
    Index(INBOX, [("receivedAt", 1), ("_id", 1)]),
    _outbox(INBOX),
    _outbox(BANS),
    _outbox(REPORTS),
    Index(REPORTS, [("streamId", 1)]),
    Index(REPORTS, [("at", -1), ("_id", -1)]),
    Index(REPORTS, [("status", 1), ("at", -1), ("_id", -1)]),
    Index(CHAT, [("streamId", 1), ("_id", 1)]),
    Index(CHAT, [("userId", 1), ("_id", 1)]),
    Index(CHAT, [("at", 1)]),
    # What makes a gift count once.
    Index(CHAT, [(ONCE, 1)], unique=True, sparse=True),
    Index(CHAT, [(UNCOUNTED, 1)], sparse=True),
    Index(CHAT, [("hiddenBy", 1)], sparse=True),
    Index(CHAT, [(SHOWN_BY, 1)], sparse=True),
    _outbox(CHAT),
    _outbox(RULES),
    Index(RESTRICTIONS, [("scope", 1), ("subject", 1)]),
    Index(RESTRICTIONS, [("subject", 1)]),
    Index(RESTRICTIONS, [("until", 1)], sparse=True),
    Index(RESTRICTIONS, [("lifted", 1)], sparse=True),
    _outbox(RESTRICTIONS),
    Index(ADDRESSES, [("userId", 1), ("at", -1)]),
    Index(ADDRESSES, [("at", 1)]),
    # What makes a stream have one recording that runs.
    Index(RECORDINGS, [("streamId", 1), ("slot", 1)], unique=True),
    Index(RECORDINGS, [("requestedAt", -1), ("_id", -1)]),
    Index(RECORDINGS, [("streamId", 1), ("requestedAt", -1), ("_id", -1)]),
    Index(RECORDINGS, [("ownerId", 1), ("requestedAt", -1), ("_id", -1)]),
    Index(RECORDINGS, [("state", 1), ("requestedAt", -1), ("_id", -1)]),
    Index(RECORDINGS, [("vod.status", 1), ("requestedAt", -1), ("_id", -1)]),
    Index(RECORDINGS, [("vod.deleting", 1)], sparse=True),
    Index(RECORDINGS, [("egressId", 1)], sparse=True),
    Index(RECORDINGS, [("path", 1)]),
    Index(RECORDINGS, [("storage.path", 1)], sparse=True),
    Index(RECORDINGS, [("lifted", 1)], sparse=True),
    _outbox(RECORDINGS),
    # What makes a stream have one key.
    Index(INGRESS_KEYS, [("slot", 1)], unique=True),
    Index(INGRESS_KEYS, [("createdAt", -1), ("_id", -1)]),
    Index(INGRESS_KEYS, [("ownerId", 1), ("createdAt", -1), ("_id", -1)]),
    Index(INGRESS_KEYS, [("liveStreamId", 1)], sparse=True),
    Index(INGRESS_KEYS, [("nextRoom", 1)], sparse=True),
    Index(INGRESS_KEYS, [(INGRESS_IDS, 1)]),
    Index(INGRESS_KEYS, [(DIGESTS, 1)]),
    Index(INGRESS_KEYS, [(DUE_AT, 1)], sparse=True),
    Index(INGRESS_KEYS, [("lifted", 1)], sparse=True),
    _outbox(INGRESS_KEYS),
    # What makes an event be in the log once.
    Index(EVENTS, [("id", 1)], unique=True),
    Index(EVENTS, [("streamId", 1), ("_id", 1)]),
    Index(EVENTS, [("type", 1), ("_id", 1)]),
    Index(EVENTS, [("at", 1)]),
)


_IN_THE_WAY = (85, 86)  # IndexOptionsConflict, IndexKeySpecsConflict


async def make_indexes(database: AsyncDatabase[Document]) -> None:
    """Make those that are missing; any number of processes may do so at once.

    Raises BadSettings where documents or indexes that are there rule one out.
    """
    there = await present_indexes(database)
    missing = [index for index in INDEXES if not there[index.label]]
    for index in missing:  # one by one: FerretDB loses a connection over several at once
        await _make(database, index)
    if missing:
        there = await present_indexes(database)
    for index in missing:
        if not there[index.label]:  # FerretDB takes one with other options for the same
            raise _in_its_way(index)


async def present_indexes(database: AsyncDatabase[Document]) -> dict[str, bool]:
    """Each index that there should be, and whether it or one like it is there."""
    found = {
        collection: list((await database[collection].index_information()).values())
        for collection in {index.collection for index in INDEXES}
    }
    return {
        index.label: any(_serves(one, index) for one in found[index.collection])
        for index in INDEXES
    }


def _serves(found: Document, index: Index) -> bool:
    keys = [(field, int(order)) for field, order in found["key"] if isinstance(order, int | float)]
    whole = "partialFilterExpression" not in found and "collation" not in found
    return whole and keys == index.keys and (not index.unique or found.get("unique") is True)


async def _make(database: AsyncDatabase[Document], index: Index) -> None:
    try:
        await database[index.collection].create_indexes([index.model])
    except OperationFailure as error:
        fields = " and ".join(field for field, _ in index.keys)
        if is_taken(error):
            raise BadSettings(
                f"The unique index {index.label} cannot be made: documents in"
                f" {index.collection} have the same {fields}.",
                hint=f"Find them by grouping {index.collection} by {fields}, and mend or remove"
                " all but one of each.",
            ) from error
        if error.code in _IN_THE_WAY:
            raise _in_its_way(index) from error
        raise


def _in_its_way(index: Index) -> BadSettings:
    return BadSettings(
        f"The index {index.label} cannot be made: one of the same name or keys, with other"
        " options, is in its way.",
        hint=f"Drop it, then start again: db.{index.collection}.dropIndex({index.name!r})",
    )

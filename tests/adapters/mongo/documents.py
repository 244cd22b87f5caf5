"""Documents as the product's own programs write them, and what is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from livectl.adapters.mongo.store import MongoStore
from livectl.ports.store import EventQuery
from tests.contract.examples import HEX_USER, NOON

ROOT = Path(__file__).parents[3]
Raw = dict[str, Any]


@contextmanager
def reported(error: type[Exception], *words: str) -> Iterator[None]:
    with pytest.raises(error) as caught:
        yield
    assert type(caught.value) is error
    for word in words:
        assert word in str(caught.value)


def from_mongoose(**fields: Any) -> Raw:
    """A document as the product's own programs write it."""
    owner = ObjectId(HEX_USER)
    return {
        "_id": ObjectId(),
        "__v": 3,
        "ownerId": owner,
        "roomName": f"live_{HEX_USER}_{ObjectId()}",
        "title": "Old times",
        "isLive": True,
        "startedAt": NOON,
        "createdAt": NOON,
        "updatedAt": NOON,
        "viewers": 2,
        "tags": ["music"],
        "blockedUserIds": [ObjectId("5" * 24)],
        "ingress": {"enabled": True, "ingressId": "IN_1", "_id": ObjectId()},
        "pinnedMessages": [
            {
                "_id": ObjectId("6" * 24),
                "messageId": "m1",
                "authorId": owner,
                "content": "hi",
                "timestamp": NOON,
            }
        ],
        "coverUrl": None,
        **fields,
    }


def fresh(database: Database[Raw], raw: Raw) -> Raw:
    found = database.livestreams.find_one({"_id": raw["_id"]})
    assert found is not None
    return found


async def seqs(store: MongoStore) -> list[int]:
    return [entry.seq for entry in await store.events(EventQuery(limit=10_000))]

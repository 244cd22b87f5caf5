"""Servers that do not change a document atomically."""

from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId
from pymongo.database import Database

from livectl.adapters.mongo import guard as mongo_guard
from livectl.adapters.mongo.store import MongoStore
from tests.adapters.mongo.documents import Raw, from_mongoose, seqs
from tests.contract.examples import NOON, a_sighting, an_event, together


@pytest.fixture
async def guard(store: MongoStore) -> mongo_guard.Guard:
    return mongo_guard.Guard(store._in("livectl_locks"))


async def test_the_guard_lets_in_one_at_a_time(store: MongoStore, guard: mongo_guard.Guard) -> None:
    others = [guard, mongo_guard.Guard(store._in("livectl_locks"))]
    inside = 0

    async def go_in(through: mongo_guard.Guard) -> None:
        nonlocal inside
        async with through.alone("x"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.002)
            inside -= 1

    await together(go_in(others[number % 2]) for number in range(20))
    assert await store._in("livectl_locks").count_documents({}) == 0


async def test_a_crowd_does_not_stop_the_server(store: MongoStore, database: Database[Raw]) -> None:
    raws = [from_mongoose() for _ in range(101)]
    database.livestreams.insert_many(raws)
    blocked = [store.block_user(str(raw["_id"]), "bob", an_event()) for raw in raws]
    assert all(await together(blocked))
    seen = [a_sighting("x", f"PA_{n}", f"user{n}", joined_at=NOON) for n in range(101)]
    await store.add_sightings(seen)
    assert await store.present_viewers("x") == 101
    assert await seqs(store) == list(range(1, 102))


async def test_the_guard_gives_up_on_a_holder_that_died(
    guard: mongo_guard.Guard, database: Database[Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_guard, "_HELD_AT_MOST", 0.1)
    database.livectl_locks.insert_one({"_id": "x", "holder": ObjectId()})
    async with asyncio.timeout(5), guard.alone("x"):
        pass
    assert database.livectl_locks.count_documents({}) == 0

"""Indexes, versions and addresses of databases, and errors without passwords."""

from __future__ import annotations

import re

import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import NetworkTimeout, OperationFailure, ServerSelectionTimeoutError

from livectl.adapters.mongo.indexes import INDEXES
from livectl.adapters.mongo.store import MongoStore
from livectl.errors import BadSettings, Conflict, NotReady, TimedOutside, Unavailable
from livectl.ports.streams import StreamQuery
from tests.adapters.mongo.documents import Raw, from_mongoose, reported
from tests.contract.examples import a_stream, added, an_event, event_types, together
from tests.parts.ferretdb import Databases

PASSWORD = "s3cr3t/h1dden"


async def test_an_existing_database_is_opened_as_it_is(uri: str, database: Database[Raw]) -> None:
    raws = [from_mongoose(), from_mongoose(isLive=False), {"_id": ObjectId(), "roomName": "old"}]
    database.livestreams.insert_many(raws)
    database.livestreams.create_index("roomName", unique=True, name="by_room")
    database.livestreams.create_index("isLive")
    before = list(database.livestreams.find().sort("_id"))
    store = MongoStore(uri)
    await store.open()
    assert list(database.livestreams.find().sort("_id")) == before
    names = database.livestreams.index_information().keys()
    assert {"by_room", "isLive_1"} <= names
    assert "roomName_1" not in names
    assert all((await store.check()).indexes.values())
    assert len(await store.find_streams(StreamQuery())) == 3
    await store.close()


async def test_any_number_may_open_at_once(uri: str) -> None:
    stores = [MongoStore(uri) for _ in range(4)]
    await together(store.open() for store in stores)
    await stores[0].open()
    check = await stores[0].check()
    assert check.indexes == {index.label: True for index in INDEXES}
    assert check.schema_version == check.expected_schema_version == 1
    await together(store.close() for store in stores)
    with reported(NotReady, "livestreams"):
        await stores[0].stream("5" * 24)


async def test_a_missing_index_is_told_and_made_again(
    store: MongoStore, twin: MongoStore, database: Database[Raw], uri: str
) -> None:
    database.livestreams.drop_index("roomName_1")
    assert (await store.check()).indexes["livestreams.roomName_1"] is False
    other = MongoStore(uri)
    await other.open()
    assert (await store.check()).indexes["livestreams.roomName_1"] is True
    await other.close()


async def test_duplicates_that_rule_out_an_index_are_told(
    uri: str, database: Database[Raw]
) -> None:
    database.livestreams.insert_many([from_mongoose(roomName="same"), from_mongoose()])
    database.livestreams.insert_one(from_mongoose(roomName="same"))
    with reported(BadSettings, "livestreams.roomName_1", "same roomName"):
        await MongoStore(uri).open()


async def test_an_index_with_other_options_is_told(uri: str, database: Database[Raw]) -> None:
    database.livestreams.create_index("roomName")
    with reported(BadSettings, "livestreams.roomName_1"):
        await MongoStore(uri).open()


async def test_a_database_of_a_newer_livectl_is_refused(uri: str, database: Database[Raw]) -> None:
    database.livectl_meta.insert_one({"_id": "schema", "version": 99})
    with reported(BadSettings, "99"):
        await MongoStore(uri).open()


async def test_without_a_name_the_database_is_livectl(mongodb: Databases) -> None:
    store = MongoStore(mongodb.server)
    await store._connect()
    assert store._in("x").database.name == "livectl"
    await store.close()


async def test_time_limits_in_the_uri_go_first(uri: str) -> None:
    store = MongoStore(f"{uri}?socketTimeoutMS=1234")
    await store._connect()
    options = store._in("x").database.client.options
    assert options.pool_options.socket_timeout == 1.234
    assert options.pool_options.connect_timeout == 5
    assert options.server_selection_timeout == 5
    await store.close()


# Errors


async def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    quoted = PASSWORD.replace("/", "%2F")
    options = "serverSelectionTimeoutMS=100"
    store = MongoStore(f"mongodb://someone:{quoted}@127.0.0.1:1/db?{options}")
    with pytest.raises(Unavailable) as caught:
        await store.open()
    told = f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"
    assert "MongoDB, open" in told
    assert "127.0.0.1:1" in told
    assert PASSWORD not in told
    assert quoted not in told


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://someone:{PASSWORD}@127.0.0.1/db",
        f"mongodb://someone:a:{PASSWORD}@127.0.0.1/db",
        f"http://someone:{PASSWORD}@127.0.0.1/db",
        "mongodb://",
    ],
)
async def test_an_unusable_uri_is_told_without_any_of_it(uri: str) -> None:
    with pytest.raises(BadSettings) as caught:
        await MongoStore(uri).open()
    told = f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert not re.search("s3cr3t|h1dden", told)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NetworkTimeout("slow"), TimedOutside),
        (OperationFailure("too slow", 50), TimedOutside),
        (ServerSelectionTimeoutError("none"), Unavailable),
        (OperationFailure(f"no {PASSWORD}", 18), Unavailable),
    ],
)
def test_errors_tell_the_call(error: Exception, told: type[Unavailable]) -> None:
    explained = MongoStore(f"mongodb://me:{PASSWORD}@host/")._explained("find_streams", error)
    assert type(explained) is told
    assert str(explained).startswith("MongoDB, find_streams: ")
    assert PASSWORD not in str(explained)


async def test_a_taken_room_is_a_conflict_and_tells_nothing(store: MongoStore) -> None:
    stream = await added(store)
    with reported(Conflict, stream.room_name):
        await store.add_stream(a_stream(room_name=stream.room_name), an_event("not.told"))
    assert await event_types(store) == []

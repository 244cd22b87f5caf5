"""Types and age of documents."""

from __future__ import annotations

import pytest
from bson import Binary, Code, Decimal128, Int64, ObjectId, Regex
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database

from livectl.adapters.mongo.documents import bson_stream, plain_stream, stream_of
from livectl.adapters.mongo.store import MongoStore
from livectl.ports.streams import StreamQuery
from tests.adapters.mongo.documents import Raw, fresh, from_mongoose
from tests.contract.examples import HEX_USER, NOON, added, an_event, at, dumped, read


async def test_a_stream_is_written_with_the_products_types(
    store: MongoStore, database: Database[Raw]
) -> None:
    pin = {"messageId": "m", "authorId": HEX_USER, "content": "c", "timestamp": at(1)}
    stream = await added(
        store,
        owner_id=HEX_USER,
        blocked_user_ids=["5" * 24, "bob"],
        pinned_messages=[pin],
        recording={"status": "recording", "startedAt": at(2)},
    )
    raw = fresh(database, {"_id": ObjectId(stream.id)})
    assert raw["ownerId"] == ObjectId(HEX_USER)
    assert raw["blockedUserIds"] == [ObjectId("5" * 24), "bob"]
    assert raw["pinnedMessages"] == [{**pin, "authorId": ObjectId(HEX_USER)}]
    assert raw["recording"]["startedAt"] == at(2)
    assert raw["startedAt"] == NOON
    assert not {"outbox", "outboxAt", "id"} & raw.keys()


async def test_a_document_of_mongoose_is_read(store: MongoStore, database: Database[Raw]) -> None:
    raw = from_mongoose()
    database.livestreams.insert_one(raw)
    stream = await read(store, str(raw["_id"]))
    assert stream.owner_id == HEX_USER
    assert stream.blocked_user_ids == ["5" * 24]
    assert stream.pinned_messages[0]["authorId"] == HEX_USER
    assert stream.pinned_messages[0]["timestamp"] == "2026-03-01T12:00:00.000Z"
    assert (stream.rev, stream.cover_url, stream.extra) == (0, None, {"__v": 3})


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"viewers": None, "tags": None, "blockedUserIds": None, "ingress": None},
        {"startedAt": "2020-01-01T00:00:00Z", "viewers": "many", "tags": "music"},
        {"startedAt": 1_600_000_000_000, "endedAt": 1e300, "viewers": -1.5},
        {"endedAt": DatetimeMS(2**60), "totalGifts": Int64(2**40)},
        {"ownerId": 7, "title": None, "pinnedMessages": ["?"], "vod": [], "extra": Regex("x")},
    ],
)
async def test_odd_documents_are_read_and_exported_without_error(
    store: MongoStore, database: Database[Raw], odd: Raw
) -> None:
    raw = {"_id": ObjectId(), **odd}
    database.livestreams.insert_one(raw)
    assert (await read(store, str(raw["_id"]))).id == str(raw["_id"])
    assert [one.id for one in await store.find_streams(StreamQuery())] == [str(raw["_id"])]
    assert [record.key for record in await dumped(store)] == [str(raw["_id"])]


async def test_changes_touch_nothing_else_in_a_document(
    store: MongoStore, database: Database[Raw]
) -> None:
    raw = from_mongoose(custom={"deep": [ObjectId(), b"\1"]})
    database.livestreams.insert_one(raw)
    id_ = str(raw["_id"])
    assert await store.set_audience(id_, rev=0, viewers=5, peak=6, event=an_event())
    assert await store.block_user(id_, "bob", an_event())
    assert await store.end_stream(id_, at=at(9), reason="over", by="me", event=an_event())
    assert await store.settle_teardown(id_, an_event())
    changed = fresh(database, raw)
    ours = {"isLive", "viewers", "peakViewers", "blockedUserIds", "ingress", "updatedAt"}
    ours |= {"endedAt", "endReason", "endedBy", "teardownOwed", "rev"}
    assert {k: v for k, v in changed.items() if k not in ours} == {
        k: v for k, v in raw.items() if k not in ours
    }
    assert changed["ingress"] == {**raw["ingress"], "enabled": False}
    assert changed["blockedUserIds"] == [ObjectId("5" * 24), "bob"]
    assert changed["rev"] == 4


@pytest.mark.parametrize("ingress", [None, "nothing"])
async def test_an_end_makes_no_ingress_where_there_is_none(
    store: MongoStore, database: Database[Raw], ingress: str | None
) -> None:
    raw = from_mongoose(ingress=ingress)
    database.livestreams.insert_one(raw)
    assert await store.end_stream(
        str(raw["_id"]), at=at(9), reason="over", by="me", event=an_event()
    )
    assert fresh(database, raw)["ingress"] == ingress


@pytest.mark.parametrize("form", [HEX_USER, ObjectId(HEX_USER)])
async def test_users_are_found_in_either_form(
    store: MongoStore, database: Database[Raw], form: str | ObjectId
) -> None:
    raw = from_mongoose(ownerId=form, blockedUserIds=[form])
    database.livestreams.insert_one(raw)
    id_ = str(raw["_id"])
    assert [one.id for one in await store.find_streams(StreamQuery(owner_id=HEX_USER))] == [id_]
    assert not await store.block_user(id_, HEX_USER, an_event())
    assert await store.unblock_user(id_, HEX_USER, an_event())
    assert fresh(database, raw)["blockedUserIds"] == []


@pytest.mark.parametrize("blocked", [None, "nothing"])
async def test_a_user_is_blocked_where_the_list_is_missing(
    store: MongoStore, database: Database[Raw], blocked: str | None
) -> None:
    raw = from_mongoose(blockedUserIds=blocked)
    if blocked:
        del raw["blockedUserIds"]
    database.livestreams.insert_one(raw)
    assert await store.block_user(str(raw["_id"]), HEX_USER, an_event())
    assert fresh(database, raw)["blockedUserIds"] == [ObjectId(HEX_USER)]


async def test_streams_without_a_start_are_listed_last_and_once(
    store: MongoStore, database: Database[Raw]
) -> None:
    raws = [from_mongoose(startedAt=at(number)) for number in range(3)]
    raws += [from_mongoose(startedAt=None), from_mongoose()]
    del raws[-1]["startedAt"]
    database.livestreams.insert_many(raws)
    found: list[str] = []
    query = StreamQuery(limit=2)
    while page := await store.find_streams(query):
        found += [stream.id for stream in page]
        query = StreamQuery(limit=2, before=(page[-1].started_at, page[-1].id))
    assert sorted(found) == sorted(str(raw["_id"]) for raw in raws)
    assert found[:3] == [str(raw["_id"]) for raw in reversed(raws[:3])]


async def test_what_is_typed_for_a_title_is_no_pattern(store: MongoStore) -> None:
    for title in ("a.c*(", "abc", "Zoë & Co #1"):
        await added(store, title=title)
    for part, count in (("A.C*(", 1), ("zoë & co #", 1), ("[", 0), ("\0", 0), ("", 3)):
        assert len(await store.find_streams(StreamQuery(title=part))) == count


def test_types_that_json_lacks_survive_an_export() -> None:
    raw = from_mongoose(
        custom={
            "id": ObjectId("7" * 24),
            "at": NOON,
            "bytes": Binary(b"\1\2", 5),
            "price": Decimal128("1.10"),
            "big": Int64(2**60),
            "pattern": Regex("^a", "i"),
            "far": DatetimeMS(2**60),
            "list": [ObjectId("8" * 24), {"at": at(1)}],
        }
    )
    raw.pop("coverUrl")
    plain = plain_stream(raw)
    assert plain["custom"]["id"] == {"$oid": "7" * 24}
    assert plain["custom"]["at"] == {"$date": "2026-03-01T12:00:00.000Z"}
    assert plain["pinnedMessages"][0]["_id"] == {"$oid": "6" * 24}
    assert bson_stream(plain) == raw
    assert plain_stream(bson_stream(plain)) == plain


def test_text_that_only_looks_like_a_time_or_a_mark_stays_text() -> None:
    plain = {
        "id": "7" * 24,
        "recording": {"startedAt": "yesterday", "completedAt": "2026-03-01"},
        "custom": [{"$date": "soon"}, {"$nothing": 1}, {"$oid": "short"}],
    }
    assert plain_stream(bson_stream(plain)) == plain


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal128("3"), Code("x")])
def test_values_that_not_every_server_takes_are_read(value: object) -> None:
    raw = {"_id": ObjectId(), "viewers": value, "startedAt": value, "custom": value}
    assert stream_of(raw).viewers == 0
    assert str(bson_stream(plain_stream(raw))) == str(raw)


def test_an_unusable_document_still_has_an_id() -> None:
    stream = stream_of({"_id": "not-an-object-id"})
    assert (stream.id, stream.owner_id, stream.room_name) == ("not-an-object-id", "", "")

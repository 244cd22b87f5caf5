"""What is MongoDB's own: types and age of documents, the outbox, indexes, locks, and its errors."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Code, Decimal128, Int64, ObjectId, Regex
from bson.datetime_ms import DatetimeMS
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import NetworkTimeout, OperationFailure, ServerSelectionTimeoutError

from livectl.adapters.mongo import guard as mongo_guard
from livectl.adapters.mongo import inbox as mongo_inbox
from livectl.adapters.mongo.chat import entry_document
from livectl.adapters.mongo.documents import bson_stream, plain_stream, stream_of
from livectl.adapters.mongo.indexes import INDEXES
from livectl.adapters.mongo.log import entry_of
from livectl.adapters.mongo.people import report_document
from livectl.adapters.mongo.store import MongoStore
from livectl.domain.chat import ChatEntry
from livectl.domain.event import Event
from livectl.domain.people import Ban
from livectl.errors import BadSettings, Conflict, NotReady, TimedOutside, Unavailable
from livectl.ports.chat import ChatQuery
from livectl.ports.moderation import ReportQuery, RestrictionQuery
from livectl.ports.store import EventQuery
from livectl.ports.streams import StreamQuery
from tests.contract.examples import (
    HEX_USER,
    NOON,
    a_gift,
    a_message,
    a_report,
    a_restriction,
    a_sighting,
    a_stream,
    a_webhook,
    added,
    an_event,
    at,
    dumped,
    event_types,
    read,
    together,
)
from tests.parts.ferretdb import Databases

ROOT = Path(__file__).parents[2]
PASSWORD = "s3cr3t/h1dden"
Raw = dict[str, Any]


@pytest.fixture
def uri(mongodb: Databases) -> str:
    return mongodb.fresh_uri()


@pytest.fixture
def database(uri: str) -> Iterator[Database[Raw]]:
    """The store's database, as another program sees it."""
    with MongoClient[Raw](uri, tz_aware=True) as client:
        yield client.get_default_database()


@contextmanager
def reported(error: type[Exception], *words: str) -> Iterator[None]:
    with pytest.raises(error) as caught:
        yield
    assert type(caught.value) is error
    for word in words:
        assert word in str(caught.value)


@pytest.fixture
async def store(uri: str) -> AsyncIterator[MongoStore]:
    store = MongoStore(uri)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def twin(store: MongoStore, uri: str) -> AsyncIterator[MongoStore]:
    twin = MongoStore(uri)
    await twin.open()
    yield twin
    await twin.close()


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


# Documents


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


# The outbox


def left_behind(database: Database[Raw], event: Event, **fields: Any) -> Raw:
    """A stream whose change was made by someone who died before its event was in the log."""
    raw = from_mongoose(outbox=[entry_of(event)], outboxAt=event.at, **fields)
    database.livestreams.insert_one(raw)
    return raw


async def test_an_event_left_behind_is_logged_when_the_store_is_opened(
    uri: str, database: Database[Raw]
) -> None:
    event = an_event("stream.ended", stream_id="x", why="a crash")
    raw = left_behind(database, event)
    store = MongoStore(uri)
    await store.open()
    assert database.livectl_events.count_documents({}) == 1
    (logged,) = await store.events(EventQuery())
    assert (logged.id, logged.seq, logged.data) == (event.id, 1, {"why": "a crash"})
    assert not {"outbox", "outboxAt"} & fresh(database, raw).keys()
    await store.close()


async def test_an_event_left_behind_is_logged_when_the_log_is_read(
    store: MongoStore, database: Database[Raw]
) -> None:
    left_behind(database, an_event("stream.ended"))
    others = ("bans", "chat", "chat_rules", "inbox", "reports", "restrictions")
    for name in others:
        raw = {"_id": "1", "outbox": [entry_of(an_event(f"{name}.changed"))], "outboxAt": NOON}
        database[f"livectl_{name}"].insert_one(raw)
    assert sorted(await event_types(store)) == [
        *(f"{name}.changed" for name in others),
        "stream.ended",
    ]
    assert await seqs(store) == list(range(1, len(others) + 2))


async def test_an_event_logged_by_one_who_died_before_clearing_is_not_logged_again(
    store: MongoStore, database: Database[Raw]
) -> None:
    event = an_event("stream.ended")
    await store.append_event(event)
    raw = left_behind(database, event)
    assert await event_types(store) == ["stream.ended"]
    assert "outbox" not in fresh(database, raw)


async def test_any_number_may_drain_at_once(
    store: MongoStore, twin: MongoStore, database: Database[Raw]
) -> None:
    for number in range(12):
        left_behind(database, an_event(f"number.{number}"))
    await together(each.events(EventQuery()) for each in (store, twin, store, twin))
    logged = await store.events(EventQuery())
    assert sorted(entry.type for entry in logged) == sorted(f"number.{n}" for n in range(12))
    assert [entry.seq for entry in logged] == list(range(1, 13))
    assert database.livestreams.count_documents({"outboxAt": {"$exists": True}}) == 0


async def test_events_that_come_while_one_drains_are_kept(
    store: MongoStore, twin: MongoStore, database: Database[Raw]
) -> None:
    stream = await added(store)
    users = [f"user{number}" for number in range(20)]
    await together(
        each.block_user(stream.id, user, an_event("user.blocked", user=user))
        for user, each in zip(users, [store, twin] * 10, strict=True)
    )
    logged = await store.events(EventQuery(type="user.blocked"))
    assert sorted(entry.data["user"] for entry in logged) == sorted(users)
    assert await seqs(store) == list(range(1, 22))
    assert "outbox" not in fresh(database, {"_id": ObjectId(stream.id)})


async def test_a_process_killed_between_change_and_log_loses_no_event(
    store: MongoStore, uri: str
) -> None:
    stream = await added(store)
    script = """
import asyncio, os, signal, sys
from livectl.adapters.mongo.store import MongoStore
from tests.contract.examples import NOON, an_event

async def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(uri, stream_id):
    store = MongoStore(uri)
    await store.open()
    store._drain = die
    event = an_event("stream.ended", stream_id=stream_id)
    await store.end_stream(stream_id, at=NOON, reason="killed", by="test", event=event)

asyncio.run(main(*sys.argv[1:]))
"""
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, uri, stream.id], cwd=ROOT, check=False
    )
    assert child.returncode == -9
    assert (await read(store, stream.id)).end_reason == "killed"
    assert await event_types(store) == ["stream.ended"]
    assert await event_types(store) == ["stream.ended"]
    assert not await store.end_stream(
        stream.id, at=NOON, reason="again", by="test", event=an_event()
    )


async def test_a_change_holds_where_its_event_cannot_be_logged_yet(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await added(store)

    async def fail(_: Raw) -> None:
        raise NetworkTimeout("gone")

    with monkeypatch.context() as patched:
        patched.setattr(store, "_append", fail)
        assert await store.settle_teardown(stream.id, an_event()) is False
        assert await store.block_user(stream.id, "bob", an_event("user.blocked"))
    assert await event_types(store) == ["user.blocked"]


async def test_a_ban_that_is_being_lifted_is_none(
    store: MongoStore, database: Database[Raw], uri: str
) -> None:
    await store.ban(Ban(user_id="bob", until=at(60), by="me", at=NOON), an_event("user.banned"))
    lifted = entry_of(an_event("user.unbanned"))
    died = {"$set": {"lifted": True, "outbox": [lifted], "outboxAt": NOON}}
    database.livectl_bans.update_one({"_id": "bob"}, died)
    assert await store.ban_of("bob") is None
    assert await store.bans() == []
    assert not await store.lift_ban("bob", an_event())
    other = MongoStore(uri)
    await other.open()
    await other.close()
    assert database.livectl_bans.count_documents({}) == 0
    assert await event_types(store) == ["user.banned", "user.unbanned"]


async def test_a_restriction_that_is_being_lifted_is_none(
    store: MongoStore, database: Database[Raw], uri: str
) -> None:
    restriction = a_restriction()
    await store.restrict(restriction, an_event("user.blocked"))
    died = {"lifted": True, "outbox": [entry_of(an_event("user.unblocked"))], "outboxAt": NOON}
    database.livectl_restrictions.update_one({"_id": restriction.key}, {"$set": died})
    assert await store.restrictions(RestrictionQuery()) == []
    assert not await store.lift_restriction(restriction.key, an_event())
    other = MongoStore(uri)
    await other.open()
    await other.close()
    assert database.livectl_restrictions.count_documents({}) == 0
    assert await event_types(store) == ["user.blocked", "user.unblocked"]


async def test_many_webhooks_requeued_make_one_event(
    store: MongoStore, database: Database[Raw]
) -> None:
    ids = [f"EV_{number}" for number in range(5)]
    await together(store.add_webhook(a_webhook(id=id_)) for id_ in ids)
    assert await store.requeue_webhooks(ids, now=NOON, event=an_event("webhook.replayed")) == 5
    assert await event_types(store) == ["webhook.replayed"]
    assert database.livectl_inbox.count_documents({"outboxAt": {"$exists": True}}) == 0


# The inbox


async def test_webhooks_that_come_together_are_written_together(
    store: MongoStore, database: Database[Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    insert = mongo_inbox.insert_new

    async def counted(inbox: Any, documents: list[Raw]) -> Any:
        sizes.append(len(documents))
        return await insert(inbox, documents)

    monkeypatch.setattr(mongo_inbox, "insert_new", counted)
    entries = [a_webhook(id=f"EV_{number % 50}") for number in range(100)]
    new = await together(store.add_webhook(entry) for entry in entries)
    assert new == [True] * 50 + [False] * 50
    assert len(sizes) <= 2
    assert database.livectl_inbox.count_documents({}) == 50


async def test_one_who_stops_waiting_takes_no_other_webhook_along(store: MongoStore) -> None:
    impatient = asyncio.create_task(store.add_webhook(a_webhook(id="EV_1")))
    patient = asyncio.create_task(store.add_webhook(a_webhook(id="EV_2")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient
    assert await store.webhook("EV_2") is not None


# Chat


async def test_a_pin_is_written_with_the_products_types_beside_those_of_others(
    store: MongoStore, database: Database[Raw]
) -> None:
    raw = from_mongoose()
    database.livestreams.insert_one(raw)
    pin = {"messageId": "m2", "authorId": "7" * 24, "content": "c", "timestamp": at(1)}
    assert await store.pin_message(str(raw["_id"]), pin, an_event())
    pins = [*raw["pinnedMessages"], {**pin, "authorId": ObjectId("7" * 24)}]
    changed = fresh(database, raw)
    assert changed["pinnedMessages"] == pins
    assert (changed["rev"], changed["updatedAt"]) == (1, NOON)
    assert await store.unpin_message(str(raw["_id"]), "m1", an_event())
    assert fresh(database, raw)["pinnedMessages"] == pins[1:]


async def test_gifts_are_added_to_what_another_program_counts(
    store: MongoStore, database: Database[Raw]
) -> None:
    raw = from_mongoose(totalGifts=500.0)
    database.livestreams.insert_one(raw)
    await store.add_gift(a_gift(str(raw["_id"]), 3))
    database.livestreams.update_one({"_id": raw["_id"]}, {"$inc": {"totalGifts": 100}})
    await store.add_gift(a_gift(str(raw["_id"]), 4))
    changed = fresh(database, raw)
    assert (changed["totalGifts"], changed["rev"]) == (607, 2)
    assert changed.keys() == raw.keys() | {"totalGifts", "rev"}
    assert not database.livectl_chat.find_one({"uncounted": {"$exists": True}})


async def test_gifts_that_come_together_are_counted_together(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await added(store)
    sizes: list[int] = []
    add_to_total = store._add_to_total

    async def counted(raw: Raw, values: dict[str, int]) -> bool:
        sizes.append(len(values))
        return await add_to_total(raw, values)

    monkeypatch.setattr(store, "_add_to_total", counted)
    await together(store.add_gift(a_gift(stream.id, 1)) for _ in range(100))
    assert sum(sizes) == 100
    assert len(sizes) <= 2
    assert (await read(store, stream.id)).rev == len(sizes)


# What a crash leaves of a gift of 10 on a total of 5: the gift's mark, the ids in the stream, and
# whether the total has it.
LEFT = {
    "before it was counted": (True, False, False),
    "before the mark was taken off": (True, True, True),
    "before the id was taken out": (False, True, True),
}


def gift_left_behind(database: Database[Raw], raw: Raw, left: str) -> ChatEntry:
    marked, in_stream, in_total = LEFT[left]
    stream_id = str(raw["_id"])
    gift = a_gift(stream_id, 10, client_id="c")
    mark = {"uncounted": stream_id} if marked else {}
    database.livectl_chat.insert_one({**entry_document(gift), **mark})
    ids = {"countedGifts": [gift.id]} if in_stream else {}
    database.livestreams.insert_one({**raw, "totalGifts": 15 if in_total else 5, **ids})
    return gift


@pytest.mark.parametrize("left", LEFT)
async def test_a_gift_that_a_crash_left_is_counted_with_the_next(
    store: MongoStore, database: Database[Raw], left: str
) -> None:
    raw = from_mongoose()
    first = gift_left_behind(database, raw, left)
    again, new = await store.add_gift(a_gift(str(raw["_id"]), 10, client_id="c"))
    assert (again.id, new) == (first.id, False)
    assert (await read(store, str(raw["_id"]))).total_gifts == 15
    await store.add_gift(a_gift(str(raw["_id"]), 1))
    assert (await read(store, str(raw["_id"]))).total_gifts == 16
    assert "countedGifts" not in fresh(database, raw)
    assert not database.livectl_chat.find_one({"uncounted": {"$exists": True}})


@pytest.mark.parametrize("left", LEFT)
async def test_a_gift_that_a_crash_left_is_counted_when_the_store_is_opened(
    uri: str, database: Database[Raw], left: str
) -> None:
    raw = from_mongoose()
    gift_left_behind(database, raw, left)
    store = MongoStore(uri)
    await store.open()
    stream = await read(store, str(raw["_id"]))
    assert (stream.total_gifts, stream.extra) == (15, {"__v": 3})
    assert not database.livectl_chat.find_one({"uncounted": {"$exists": True}})
    await store.close()


@pytest.mark.parametrize("left", LEFT)
async def test_a_gift_that_a_crash_left_is_counted_before_it_is_pruned_or_exported(
    store: MongoStore, database: Database[Raw], left: str
) -> None:
    one, two = from_mongoose(isLive=False), from_mongoose(isLive=False)
    gift_left_behind(database, one, left)
    (record, *_) = await dumped(store)
    assert record.document["totalGifts"] == 15
    assert "countedGifts" not in record.document
    gift_left_behind(database, two, left)
    assert await store.prune_entries(before=at(1)) == 2
    assert (await read(store, str(two["_id"]))).total_gifts == 15


async def test_a_process_killed_between_gift_and_total_loses_no_gift(
    store: MongoStore, uri: str
) -> None:
    stream = await added(store)
    script = """
import asyncio, os, signal, sys
from livectl.adapters.mongo.store import MongoStore
from tests.contract.examples import a_gift

async def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(uri, stream_id):
    store = MongoStore(uri)
    await store.open()
    await store.add_gift(a_gift(stream_id, 10))
    store._add_to_total = die
    await store.add_gift(a_gift(stream_id, 20, client_id="c"))

asyncio.run(main(*sys.argv[1:]))
"""
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, uri, stream.id], cwd=ROOT, check=False
    )
    assert child.returncode == -9
    assert (await read(store, stream.id)).total_gifts == 10
    _, new = await store.add_gift(a_gift(stream.id, 20, client_id="c"))
    assert not new
    assert (await read(store, stream.id)).total_gifts == 30


async def test_where_a_gift_cannot_be_counted_its_sender_is_told_and_may_try_again(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await added(store)

    async def fail(*_: Any) -> bool:
        raise NetworkTimeout("gone")

    gifts = [a_gift(stream.id, 5, client_id=str(number)) for number in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(store, "_add_to_total", fail)
        for gift in gifts:
            with reported(TimedOutside, "add_gift"):
                await store.add_gift(gift)
    answers = await together(store.add_gift(gift) for gift in gifts)
    assert answers == [(gift, False) for gift in gifts]
    assert (await read(store, stream.id)).total_gifts == 15


async def test_what_a_crash_left_shown_is_hidden_by_a_repeat(
    store: MongoStore, database: Database[Raw]
) -> None:
    entries = [a_message("s", str(number), at=at(number)) for number in range(3)]
    await store.add_entries(entries)
    event = an_event("first")
    died = {"hiddenBy": event.id, "outbox": [entry_of(event)], "outboxAt": NOON}
    database.livectl_chat.update_one({"_id": entries[0].id}, {"$set": died})
    query = ChatQuery(stream_ids=("s",))
    hidden = await store.hide_entries(query, event=an_event("second"))
    assert hidden == [entry.id for entry in entries[1:]]
    assert await store.entries(query) == []
    assert sorted(await event_types(store)) == ["first", "second"]


async def test_entries_of_which_the_event_is_not_told_yet_are_not_pruned(
    store: MongoStore, database: Database[Raw]
) -> None:
    entry = a_message("s")
    await store.add_entries([entry])
    died = {"outbox": [entry_of(an_event("hidden"))], "outboxAt": NOON}
    database.livectl_chat.update_one({"_id": entry.id}, {"$set": died})
    assert await store.prune_entries(before=at(1)) == 0
    assert await event_types(store) == ["hidden"]
    assert await store.prune_entries(before=at(1)) == 1


async def test_a_report_of_an_older_version_is_read_and_resolved(
    store: MongoStore, database: Database[Raw]
) -> None:
    report = a_report(evidence=["https://example.com/1.png"])
    raw = {**report_document(report), "lawful": True}
    del raw["messages"]
    database.livectl_reports.insert_one(raw)
    assert await store.reports(ReportQuery(status="open")) == [report]
    assert await store.resolve_report(
        report.id, resolution="done", by="eve", at=at(1), event=an_event()
    )
    (record,) = [record for record in await dumped(store) if record.kind == "report"]
    assert (record.document["status"], "messages" in record.document) == ("resolved", False)


# Opening


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


# Servers that do not change a document atomically


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

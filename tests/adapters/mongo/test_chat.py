"""Gifts and pins in the documents of others, and what a crash leaves of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import NetworkTimeout

from livectl.adapters.mongo.chat import entry_document
from livectl.adapters.mongo.log import entry_of
from livectl.adapters.mongo.people import report_document
from livectl.adapters.mongo.store import MongoStore
from livectl.domain.chat import ChatEntry
from livectl.errors import TimedOutside
from livectl.ports.chat import ChatQuery
from livectl.ports.moderation import ReportQuery
from tests.adapters.mongo.documents import ROOT, Raw, fresh, from_mongoose, reported
from tests.contract.examples import (
    NOON,
    a_gift,
    a_message,
    a_report,
    added,
    an_event,
    at,
    dumped,
    event_types,
    read,
    together,
)


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

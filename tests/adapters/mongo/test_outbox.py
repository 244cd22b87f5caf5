"""Changes and their events, which are one document first; the inbox and its batches."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import NetworkTimeout

from livectl.adapters.mongo import inbox as mongo_inbox
from livectl.adapters.mongo.log import entry_of
from livectl.adapters.mongo.store import MongoStore
from livectl.domain.event import Event
from livectl.domain.people import Ban
from livectl.ports.moderation import RestrictionQuery
from livectl.ports.store import EventQuery
from tests.adapters.mongo.documents import ROOT, Raw, fresh, from_mongoose, seqs
from tests.contract.examples import (
    NOON,
    a_restriction,
    a_webhook,
    added,
    an_event,
    at,
    event_types,
    read,
    together,
)


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

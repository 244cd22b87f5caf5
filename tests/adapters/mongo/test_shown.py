"""What streams show of their recordings and keys, where that is two documents, and what a crash
between the two leaves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import NetworkTimeout

from livectl.adapters.mongo.ingress import key_document
from livectl.adapters.mongo.log import entry_of
from livectl.adapters.mongo.recordings import recording_document
from livectl.adapters.mongo.store import MongoStore
from livectl.domain.recording import Recording, Vod
from livectl.errors import Conflict
from livectl.ports.ingress import IngressQuery
from livectl.ports.recordings import RecordingQuery
from tests.adapters.mongo.documents import ROOT, Raw
from tests.contract.examples import (
    a_key,
    a_line,
    a_recording,
    a_replay,
    added,
    an_event,
    at,
    event_types,
    read,
)


async def reopened(uri: str) -> None:
    """A process that opens the store, and no more."""
    store = MongoStore(uri)
    await store.open()
    await store.close()


def fresh(database: Database[Raw], stream_id: str) -> Raw:
    found = database.livestreams.find_one({"_id": ObjectId(stream_id)})
    assert found is not None
    return found


def died_after(database: Database[Raw], changed: Recording, **fields: Any) -> None:
    """A change of a recording by someone who died before the stream showed it."""
    died = {"outbox": [entry_of(an_event("recording.changed"))], "outboxAt": at(9), **fields}
    raw = {**recording_document(changed), **died}
    database.livectl_recordings.replace_one({"_id": changed.id}, raw, upsert=True)


async def test_parts_are_written_with_the_products_types(
    store: MongoStore, database: Database[Raw]
) -> None:
    stream = await added(store)
    theirs: Raw = {
        "recording": {"_id": ObjectId(), "codec": "h264"},
        "vod": None,
        "ingress": "none",
    }
    database.livestreams.update_one({"_id": ObjectId(stream.id)}, {"$set": theirs})
    vod = Vod(status="available", uploaded_at=at(3))
    replay = a_replay(stream.id, started_at=at(1), completed_at=at(2), vod=vod)
    await store.add_recording(replay, an_event())
    assert await store.save_recording(replay, an_event(at=at(4)))
    await store.add_ingress_key(a_key(stream_id=stream.id), an_event(at=at(5)))
    raw = fresh(database, stream.id)
    assert raw["recording"]["_id"] == theirs["recording"]["_id"]
    assert raw["recording"]["codec"] == "h264"
    assert (raw["recording"]["startedAt"], raw["recording"]["completedAt"]) == (at(1), at(2))
    assert raw["vod"]["uploadedAt"] == at(3)
    assert raw["ingress"]["enabled"] is True
    assert (raw["updatedAt"], raw["rev"]) == (at(5), 3)
    kept = database.livectl_recordings.find_one({"_id": replay.id})
    assert kept is not None
    assert kept["requestedAt"] == replay.requested_at
    assert not {"outbox", "outboxAt", "hint"} & kept.keys()


async def test_a_recording_left_behind_is_shown_when_the_store_is_opened(
    store: MongoStore, database: Database[Raw], uri: str
) -> None:
    stream = await added(store)
    recording = a_recording(stream.id)
    died_after(database, recording)
    await reopened(uri)
    raw = fresh(database, stream.id)
    assert raw["recording"] == {"recordingId": recording.id, "status": "recording"}
    assert (raw["updatedAt"], raw["rev"]) == (at(9), 1)
    assert await event_types(store) == ["recording.changed"]
    await reopened(uri)
    assert fresh(database, stream.id) == raw


async def test_a_recording_left_behind_is_shown_when_it_is_changed_next(
    store: MongoStore, database: Database[Raw]
) -> None:
    stream = await added(store)
    recording = a_recording(stream.id)
    died_after(database, recording)
    grown = msgspec.structs.replace(recording, size=5)
    assert await store.save_recording(grown, None)
    assert ((await read(store, stream.id)).recording or {})["recordingId"] == recording.id
    assert await event_types(store) == ["recording.changed"]


async def test_one_left_behind_does_not_take_the_place_of_what_came_after(
    store: MongoStore, database: Database[Raw], uri: str
) -> None:
    stream = await added(store)
    died_after(database, a_replay(stream.id, requested_at=at(1)))
    newer = a_replay(stream.id, requested_at=at(2))
    await store.add_recording(newer, an_event("recording.added"))
    await reopened(uri)
    shown = await read(store, stream.id)
    assert (shown.recording or {})["recordingId"] == newer.id
    assert (shown.vod or {})["vodId"] == newer.id


async def test_a_recording_that_is_being_removed_is_none(
    store: MongoStore, database: Database[Raw], uri: str
) -> None:
    stream = await added(store)
    older = a_replay(stream.id, requested_at=at(1))
    newer = a_recording(stream.id, requested_at=at(2))
    for recording in (older, newer):
        await store.add_recording(recording, an_event("recording.added"))
    died_after(database, newer, lifted=True, slot=newer.id)
    assert await store.recording(newer.id) is None
    assert await store.recordings(RecordingQuery()) == [older]
    assert await store.save_recording(newer, None) is None
    assert not await store.remove_recording(newer, an_event("late"))
    await reopened(uri)
    assert ((await read(store, stream.id)).recording or {})["recordingId"] == older.id
    assert database.livectl_recordings.count_documents({}) == 1
    assert await event_types(store) == ["recording.added"] * 2 + ["recording.changed"]


async def test_where_one_is_being_removed_the_next_may_begin(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await added(store)
    recording, key = a_recording(stream.id), a_key(stream_id=stream.id)
    await store.add_recording(recording, an_event())
    await store.add_ingress_key(key, an_event())

    async def fail(*_: Any) -> None:
        raise NetworkTimeout("gone")

    next_one, next_key = a_recording(stream.id), a_key(stream_id=stream.id)
    with monkeypatch.context() as patched:
        patched.setattr(store, "_show_parts", fail)
        assert await store.remove_recording(recording, an_event())
        assert await store.remove_ingress_key(key, an_event())
        await store.add_recording(next_one, an_event())
        await store.add_ingress_key(next_key, an_event())
    with pytest.raises(Conflict):
        await store.add_recording(a_recording(stream.id), an_event())
    await event_types(store)
    shown = await read(store, stream.id)
    assert (shown.recording or {})["recordingId"] == next_one.id
    assert (shown.ingress or {})["ingressId"] == next_key.line.ingress_id


async def test_a_key_left_behind_is_shown_or_taken_away_when_the_store_is_opened(
    store: MongoStore, database: Database[Raw], uri: str
) -> None:
    stream = await added(store)
    key = a_key(stream_id=stream.id, lines=[a_line(), a_line()])
    died = {"outbox": [entry_of(an_event("ingress.changed"))], "outboxAt": at(9)}
    database.livectl_ingress_keys.insert_one({**key_document(key), **died})
    await reopened(uri)
    assert ((await read(store, stream.id)).ingress or {})["ingressId"] == key.line.ingress_id
    gone = {**died, "lifted": True, "slot": key.id}
    database.livectl_ingress_keys.update_one({"_id": key.id}, {"$set": gone})
    assert await store.ingress_keys(IngressQuery()) == []
    await reopened(uri)
    assert (await read(store, stream.id)).ingress is None
    assert database.livectl_ingress_keys.count_documents({}) == 0


KILLED = {
    "adding": "await store.add_recording(replace(recording, id='b' * 24, state='failed'), event)",
    "changing": "await store.save_recording(replace(recording, state='failed'), event)",
    "removing": "await store.remove_recording(recording, event)",
}


@pytest.mark.parametrize("what", KILLED)
async def test_a_process_killed_between_a_change_and_what_the_stream_shows_loses_neither(
    store: MongoStore, uri: str, what: str
) -> None:
    stream = await added(store)
    recording = a_recording(stream.id, state="uploading", id="a" * 24)
    await store.add_recording(recording, an_event("recording.added"))
    script = f"""
import asyncio, os, signal, sys
from msgspec.structs import replace
from livectl.adapters.mongo.store import MongoStore
from tests.contract.examples import an_event

async def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(uri, recording_id):
    store = MongoStore(uri)
    await store.open()
    store._show_parts = die
    recording = await store.recording(recording_id)
    event = an_event("recording.changed")
    {KILLED[what]}

asyncio.run(main(*sys.argv[1:]))
"""
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, uri, recording.id], cwd=ROOT, check=False
    )
    assert child.returncode == -9
    assert (await read(store, stream.id)).recording_status == "uploading"
    await reopened(uri)
    status = "none" if what == "removing" else "failed"
    assert (await read(store, stream.id)).recording_status == status
    assert await event_types(store) == ["recording.added", "recording.changed"]

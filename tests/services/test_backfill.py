from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from livectl.adapters.prober import AvProber
from livectl.domain.ids import new_id
from livectl.domain.recording import Recording
from livectl.errors import BadInput, Conflict
from livectl.ports.objects import Objects
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import Store
from livectl.services.backfill import Backfill, Item, Wish
from livectl.services.vods import Vods
from tests.services.conftest import NOON, TestClock
from tests.services.films import BROKEN, film, hls
from tests.services.vod_helpers import (
    OPERATOR,
    PREFIX,
    Failing,
    add_hls,
    add_recording,
    add_stream,
    known,
    on_each,
    paths_in,
)

pytestmark = on_each


@pytest.fixture
def vods(store: Store, objects: Objects, clock: TestClock) -> Vods:
    return Vods(store, objects, AvProber(), clock)


@pytest.fixture
def backfill(store: Store, objects: Objects, vods: Vods, clock: TestClock) -> Backfill:
    return Backfill(store, objects, vods, clock, prefix=PREFIX)


async def run(backfill: Backfill, name: str = "run", **wish: Any) -> list[Item]:
    """All of it, page after page."""
    asked = Wish(run=name, **wish)
    items: list[Item] = []
    for _ in range(100):
        page = await backfill.page(asked, by="test")
        items += page.items
        if page.next_cursor is None:
            return items
        asked = msgspec.structs.replace(asked, cursor=page.next_cursor)
    raise AssertionError("it never ends")


def results(items: list[Item]) -> list[tuple[str, str | None]]:
    return sorted((one.result, one.recording_id) for one in items)


async def test_finished_recordings_without_a_vod_get_one_and_a_second_run_finds_nothing(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    stream, closed = await add_stream(store), await add_stream(store, enable_replay=False)
    made = [await add_recording(store, objects, stream, film()) for _ in range(3)]
    await add_recording(store, objects, closed, film())
    items = await run(backfill)
    assert results(items) == sorted(("published", one.id) for one in made)
    assert await run(backfill) == []


async def test_a_vod_that_lacks_something_or_failed_is_repaired(
    store: Store, objects: Objects, backfill: Backfill, vods: Vods
) -> None:
    stream = await add_stream(store)
    bare, failed = [await add_recording(store, objects, stream, film()) for _ in range(2)]
    published = await vods.publish(bare)
    assert published.vod is not None
    lacking = msgspec.structs.replace(published.vod, duration=None, poster=None)
    await store.save_recording(msgspec.structs.replace(published, vod=lacking), None)
    await objects.delete([failed.path])
    await vods.publish(failed)
    await objects.put(failed.path, film(), content_type="video/mp4")
    items = await run(backfill)
    assert results(items) == sorted([("repaired", bare.id), ("repaired", failed.id)])
    after = (await known(store, bare)).vod
    assert after == published.vod


async def test_a_vod_whose_object_is_gone_is_failed_and_its_return_repairs_it(
    store: Store, objects: Objects, backfill: Backfill, vods: Vods
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), film())
    await vods.publish(recording)
    await objects.delete([recording.path])
    (item,) = await run(backfill)
    assert (item.result, item.why) == ("failed", "its object is gone")
    gone = (await known(store, recording)).vod
    assert gone is not None
    assert gone.status == "failed"
    await objects.put(recording.path, film(), content_type="video/mp4")
    assert results(await run(backfill)) == [("repaired", recording.id)]


async def test_objects_that_no_recording_knows_are_matched_to_their_streams_by_their_path(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    stream, other = await add_stream(store), await add_stream(store, owner_id="bert")
    id_ = new_id()
    mine = f"{PREFIX}/2026/03/{stream.id}/{id_}.mp4"
    by_room = f"{PREFIX}/old/{other.room_name}-2026.mp4"
    nobodys = f"{PREFIX}/2026/03/{new_id()}/{new_id()}.mp4"
    for path in (mine, by_room, nobodys, f"{PREFIX}/notes.txt"):
        await objects.put(path, film(), content_type="video/mp4")
    items = {one.path: one for one in await run(backfill)}
    assert {path: one.result for path, one in items.items()} == {
        mine: "adopted",
        by_room: "adopted",
        nobodys: "unmatched",
    }
    assert items[mine].recording_id == id_
    (found,) = await store.recordings(RecordingQuery(stream_id=other.id))
    assert (found.recorder, found.state, found.owner_id) == ("found", "completed", "bert")
    assert found.vod is not None
    assert found.vod.status == "available"
    assert [one.result for one in await run(backfill)] == ["unmatched"]
    assert nobodys in await paths_in(objects)


async def test_the_segments_of_hls_are_no_recordings_of_their_own(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    stream = await add_stream(store)
    folder = f"{PREFIX}/2026/03/{stream.id}/{new_id()}"
    for name, content in hls().items():
        await objects.put(f"{folder}/{name}", content, content_type="video/mp4")
    await objects.put(f"{folder}/init.mp4", film(), content_type="video/mp4")
    (item,) = await run(backfill)
    assert (item.result, item.path) == ("adopted", f"{folder}/index.m3u8")
    assert await run(backfill) == []


async def test_what_is_still_being_recorded_or_failed_is_not_adopted(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    running = await add_recording(
        store, objects, await add_stream(store), film(), state="uploading"
    )
    failed = await add_recording(store, objects, await add_stream(store), film(), state="failed")
    (item,) = await run(backfill)
    assert (item.result, item.recording_id) == ("failed", failed.id)
    assert "livectl recordings retry" in (item.why or "")
    assert (await known(store, running)).vod is None


def legacy(objects: Objects, path: str, **storage: Any) -> dict[str, Any]:
    """The fields of a document of an older version (contract, Data)."""
    kept = {"type": objects.type, "path": path, "bucket": objects.bucket, "size": 1, **storage}
    return {
        "recording": {"status": "completed", "egressId": "EG_old", "storage": kept},
        "vod": {"vodId": "old", "url": "https://old.example/a.mp4", "status": "available"},
    }


async def test_streams_of_older_versions_are_adopted_by_what_their_documents_say(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    path, lost = "live/anna/a.mp4", "live/anna/lost.mp4"
    await objects.put(path, film(), content_type="video/mp4")
    stream = await add_stream(store, **legacy(objects, path))
    gone = await add_stream(store, **legacy(objects, lost))
    await add_stream(store, **legacy(objects, "a.mp4", type="GCS", bucket="theirs"))
    await add_stream(store, recording={"status": "completed"})
    items = {one.stream_id: one for one in await run(backfill)}
    assert {id_: one.result for id_, one in items.items()} == {
        stream.id: "adopted",
        gone.id: "failed",
    }
    (recording,) = await store.recordings(RecordingQuery(stream_id=stream.id))
    assert recording.storage is not None
    assert (recording.storage.path, recording.storage.size) == (path, len(film()))
    shown = await store.stream(stream.id)
    assert shown is not None
    assert shown.recording is not None
    assert shown.vod is not None
    assert (shown.recording["recordingId"], shown.vod["vodId"]) == (recording.id, recording.id)
    assert [one.result for one in await run(backfill)] == ["failed"]


async def test_a_document_that_knows_a_url_only_is_understood(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    if objects.bucket is None:
        return  # a directory has no URLs
    await objects.put("old/a b.mp4", film(), content_type="video/mp4")
    fields = legacy(
        objects, "", url=f"https://{objects.bucket}.s3.eu-west-1.amazonaws.com/old/a%20b.mp4"
    )
    await add_stream(store, **fields)
    (item,) = await run(backfill)
    assert (item.result, item.path) == ("adopted", "old/a b.mp4")


async def test_a_dry_run_says_the_same_and_does_nothing(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    stream = await add_stream(store)
    recording = await add_recording(store, objects, stream, film())
    path = f"{PREFIX}/2026/03/{stream.id}/{new_id()}.mp4"
    await objects.put(path, film(), content_type="video/mp4")
    planned = await run(backfill, dry_run=True)
    assert [one.result for one in planned] == ["published", "adopted"]
    assert await known(store, recording) == recording
    assert await paths_in(objects) == sorted([recording.path, path])
    assert [one.result for one in await run(backfill)] == ["published", "adopted"]


async def test_it_can_be_narrowed(store: Store, objects: Objects, backfill: Backfill) -> None:
    old = await add_stream(store, started_at=NOON - timedelta(days=9))
    anna, bert = await add_stream(store), await add_stream(store, owner_id="bert")
    first, second, third = [
        await add_recording(store, objects, one, film()) for one in (old, anna, bert)
    ]

    async def found(**wish: Any) -> set[str | None]:
        return {one.recording_id for one in await run(backfill, dry_run=True, **wish)}

    assert await found(owner_id="bert") == {third.id}
    assert await found(stream_id=anna.id) == {second.id}
    assert await found(since=NOON - timedelta(days=1)) == {second.id, third.id}
    assert await found(until=NOON - timedelta(days=1)) == {first.id}
    assert await found(source="bucket") == set()


async def test_a_limit_ends_a_page_and_its_cursor_goes_on_behind_it(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    stream = await add_stream(store)
    made = {(await add_recording(store, objects, stream, film())).id for _ in range(5)}
    wish = Wish(run="run", source="recordings", limit=2)
    seen: list[str | None] = []
    while True:
        page = await backfill.page(wish, by="test")
        assert page.tried <= 2
        seen += [one.recording_id for one in page.items]
        if page.next_cursor is None:
            break
        wish = msgspec.structs.replace(wish, cursor=page.next_cursor)
    assert len(seen) == 5
    assert set(seen) == made
    with pytest.raises(BadInput, match="cursor"):
        await backfill.page(Wish(run="run", cursor="nonsense"), by="test")


async def test_a_second_run_is_refused_while_the_first_is_at_it_and_says_since_when(
    store: Store, objects: Objects, backfill: Backfill, clock: TestClock
) -> None:
    stream = await add_stream(store)
    for _ in range(2):
        await add_recording(store, objects, stream, film())
    wish = Wish(run="one", source="recordings")
    begun = await backfill.page(wish, by="operator:a")
    part = msgspec.structs.replace(wish, cursor=begun.next_cursor, limit=1)
    assert (await backfill.page(part, by="operator:a")).next_cursor is not None
    with pytest.raises(Conflict, match="since 12:00:00 UTC, by operator:a"):
        await backfill.page(Wish(run="two"), by="operator:b")
    # It was killed: a minute later the next may begin, and finds what is left.
    clock.advance(61)
    assert [one.result for one in await run(backfill, "two")] == ["published"]
    # One that is over, or was given up, keeps nobody waiting.
    await backfill.page(Wish(run="three", limit=1), by="operator:a")
    await backfill.give_up("three")
    assert await run(backfill, "four") == []


async def test_a_run_that_is_made_twice_at_once_makes_each_vod_once(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    stream = await add_stream(store)
    for _ in range(3):
        await add_recording(store, objects, stream, film())
        path = f"{PREFIX}/2026/03/{stream.id}/{new_id()}.mp4"
        await objects.put(path, film(), content_type="video/mp4")
    await asyncio.gather(*(run(backfill, "one") for _ in range(2)))
    found = await store.recordings(RecordingQuery(stream_id=stream.id))
    assert len(found) == 6
    assert len({one.path for one in found}) == 6
    assert all(one.vod and one.vod.status == "available" for one in found)
    assert len(await paths_in(objects)) == 6 * 4


async def test_a_run_that_is_cut_off_anywhere_is_finished_by_the_next(
    store: Store, objects: Objects, backfill: Backfill, vods: Vods, clock: TestClock
) -> None:
    stream = await add_stream(store)
    made = [await add_recording(store, objects, stream, film()) for _ in range(3)]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await run(backfill, "one", at_once=2)
    clock.advance(61)
    await run(backfill, "two")
    for recording in made:
        vod = (await known(store, recording)).vod
        assert vod is not None
        assert vod.status == "available"
    assert len(await paths_in(objects)) == 3 * 4


async def test_a_bucket_that_fails_is_told_for_each_and_the_next_run_does_them(
    store: Store, objects: Objects, backfill: Backfill, clock: TestClock
) -> None:
    stream = await add_stream(store)
    for _ in range(2):
        await add_recording(store, objects, stream, film())
    failing: Any = Failing(objects, "put")
    away = Backfill(store, failing, Vods(store, failing, AvProber(), clock), clock, prefix=PREFIX)
    items = await run(away)
    assert [(one.result, one.why) for one in items] == [
        ("failed", "S3, put: it does not answer")
    ] * 2
    assert [one.result for one in await run(backfill)] == ["published"] * 2


async def test_a_deletion_that_was_cut_off_is_finished(
    store: Store, objects: Objects, backfill: Backfill, vods: Vods
) -> None:
    recording = await vods.publish(
        await add_recording(store, objects, await add_stream(store), film())
    )
    assert recording.vod is not None
    deleting = msgspec.structs.replace(recording.vod, deleting=True)
    await store.save_recording(msgspec.structs.replace(recording, vod=deleting), None)
    assert results(await run(backfill)) == [("deleted", recording.id)]
    assert await paths_in(objects) == []
    assert await store.recording(recording.id) is None


async def test_what_was_deleted_does_not_come_back(
    store: Store, objects: Objects, backfill: Backfill, vods: Vods
) -> None:
    stream = await add_stream(store)
    for recording in (
        await add_recording(store, objects, stream, film()),
        await add_hls(store, objects, stream),
    ):
        await vods.publish(recording)
        await vods.delete(recording.id, by=OPERATOR)
    assert await run(backfill) == []


async def test_a_copy_of_a_recording_elsewhere_is_one_of_its_own(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    stream = await add_stream(store)
    recording = await add_recording(store, objects, stream, film())
    copy = f"{PREFIX}/copies/{stream.id}/{recording.id}.mp4"
    await objects.put(copy, film(), content_type="video/mp4")
    items = {one.path: one for one in await run(backfill)}
    assert items[copy].result == "adopted"
    assert items[copy].recording_id != recording.id
    assert await run(backfill) == []


async def test_broken_files_are_told_on_every_run(
    store: Store, objects: Objects, backfill: Backfill
) -> None:
    make, told = BROKEN["no moov"]
    stream = await add_stream(store)
    broken: Recording = await add_recording(store, objects, stream, make())
    for _ in range(2):
        (item,) = await run(backfill)
        assert (item.result, item.recording_id) == ("failed", broken.id)
        assert told in (item.why or "")

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from livectl.adapters.prober import AvProber
from livectl.domain.recording import Vod
from livectl.domain.signature import Signer
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.objects import Objects
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import EventQuery, Store
from livectl.services.replays import Replays
from livectl.services.vods import Vods
from tests.services.conftest import TestClock
from tests.services.films import BROKEN, SECONDS, film
from tests.services.vod_helpers import (
    OPERATOR,
    Failing,
    add_hls,
    add_recording,
    add_stream,
    known,
    on_each,
    paths_in,
)

pytestmark = on_each


class NoMedia:
    """The prober where the media extra is missing."""

    async def facts(self, *_: Any) -> Any:
        raise NotReady("reading media files needs the media extra")

    pictures = decode = facts


@pytest.fixture
def vods(store: Store, objects: Objects, clock: TestClock) -> Vods:
    return Vods(store, objects, AvProber(), clock)


async def events_of(store: Store) -> list[str]:
    found = await store.events(EventQuery())
    return [one.type for one in found if one.type.startswith("vod.")]


async def test_a_completed_recording_becomes_a_vod_with_what_is_read_from_the_file(
    store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    stream = await add_stream(store)
    recording = await add_recording(store, objects, stream, film())
    vod = (await vods.publish(recording)).vod
    stem = recording.path.removesuffix(".mp4")
    assert vod is not None
    assert vod.duration == pytest.approx(SECONDS, abs=0.1)
    assert vod == Vod(
        status="available",
        duration=vod.duration,
        size=len(film()),
        width=320,
        height=180,
        video_codec="h264",
        audio_codec="aac",
        poster=f"{stem}.poster.jpg",
        sprite=f"{stem}.sprite.jpg",
        thumbnails=f"{stem}.thumbnails.vtt",
        uploaded_at=clock.at,
    )
    made = [f"{stem}.{kind}" for kind in ("mp4", "poster.jpg", "sprite.jpg", "thumbnails.vtt")]
    assert await paths_in(objects) == made
    sprite = f"{stem.rpartition('/')[2]}.sprite.jpg#xywh="
    assert sprite in (await objects.get(made[-1])).decode()
    shown = await store.stream(stream.id)
    assert shown is not None
    assert shown.vod_status == "available"
    assert await events_of(store) == ["vod.available"]


async def test_publishing_twice_or_at_once_makes_one_vod(
    store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), film())
    await asyncio.gather(*(vods.publish(recording) for _ in range(3)))
    first = await known(store, recording)
    clock.advance(60)
    assert await vods.publish(await known(store, recording)) == first
    assert await events_of(store) == ["vod.available"]


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_file_is_failed_with_the_reason_and_available_once_it_is_whole(
    kind: str, store: Store, objects: Objects, vods: Vods
) -> None:
    make, told = BROKEN[kind]
    recording = await add_recording(store, objects, await add_stream(store), make())
    failed = await vods.publish(recording)
    assert failed.vod is not None
    assert failed.vod.status == "failed"
    assert told in (failed.vod.error or "")
    assert await paths_in(objects) == [recording.path]
    await vods.publish(failed)
    assert await events_of(store) == ["vod.failed"]


async def test_an_object_that_is_gone_fails_the_vod_and_its_return_makes_it_available(
    store: Store, objects: Objects, vods: Vods
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), film())
    published = await vods.publish(recording)
    await objects.delete([recording.path])
    gone = await vods.publish(published)
    assert gone.vod is not None
    assert (gone.vod.status, gone.vod.error) == ("failed", "its object is gone")
    await objects.put(recording.path, film(), content_type="video/mp4")
    back = await vods.publish(gone)
    assert back.vod == published.vod


async def test_a_file_of_another_size_than_was_stored_is_failed(
    store: Store, objects: Objects, vods: Vods
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), film())
    await objects.put(recording.path, film() + b"more", content_type="video/mp4")
    failed = await vods.publish(recording)
    assert failed.vod is not None
    assert failed.vod.error == f"it has {len(film()) + 4} bytes, and {len(film())} were stored"


async def test_hls_is_one_film_and_its_playlist_says_how_long_it_is(
    store: Store, objects: Objects, vods: Vods
) -> None:
    recording = await add_hls(store, objects, await add_stream(store))
    vod = (await vods.publish(recording)).vod
    assert vod is not None
    assert (vod.status, vod.error, vod.format) == ("available", None, "hls")
    assert vod.duration == pytest.approx(SECONDS, abs=0.2)
    assert (vod.width, vod.video_codec, vod.audio_codec) == (320, "h264", "aac")
    assert vod.poster == recording.path.replace(".m3u8", ".poster.jpg")
    assert vod.poster in await paths_in(objects)


async def test_hls_with_a_missing_segment_or_without_an_end_is_failed(
    store: Store, objects: Objects, vods: Vods
) -> None:
    recording = await add_hls(store, objects, await add_stream(store))
    whole = await objects.get(recording.path)
    running = whole.replace(b"#EXT-X-ENDLIST", b"")
    await objects.put(recording.path, running, content_type="application/x-mpegurl")
    vod = (await vods.publish(recording)).vod
    assert vod is not None
    assert vod.error == "its playlist has no end: it was never finished"
    await objects.put(recording.path, whole, content_type="application/x-mpegurl")
    segment = recording.path.replace("index.m3u8", "index1.ts")
    await objects.delete([segment])
    vod = (await vods.publish(recording)).vod
    assert vod is not None
    assert vod.error == f"1 of its 3 segments are missing, {segment} first"


async def test_there_is_no_vod_where_no_replay_is_offered_or_nothing_is_complete(
    store: Store, objects: Objects, vods: Vods
) -> None:
    closed = await add_stream(store, enable_replay=False)
    assert (await vods.publish(await add_recording(store, objects, closed, film()))).vod is None
    stream = await add_stream(store)
    running = await add_recording(store, objects, stream, film(), state="recording")
    assert (await vods.publish(running)).vod is None
    assert await events_of(store) == []


async def test_without_the_media_extra_it_is_available_and_completed_later(
    store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), film())
    bare = await Vods(store, objects, NoMedia(), clock).publish(recording)
    assert bare.vod == Vod(status="available", size=len(film()), uploaded_at=clock.at)
    whole = (await vods.publish(bare)).vod
    assert whole is not None
    assert None not in (whole.duration, whole.poster, whole.sprite)


@pytest.mark.parametrize("call", ["head", "put"])
async def test_a_bucket_that_is_away_changes_nothing_and_the_next_time_it_is_done(
    call: str, store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), film())
    failing: Any = Failing(objects, call)
    with pytest.raises(Unavailable):
        await Vods(store, failing, AvProber(), clock).publish(recording)
    assert (await known(store, recording)).vod is None
    assert (await vods.publish(recording)).vod is not None


async def test_a_publisher_that_was_overtaken_by_a_deletion_leaves_nothing(
    store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), film())
    await vods.publish(recording)
    await vods.delete(recording.id, by=OPERATOR)
    await objects.put(recording.path, film(), content_type="video/mp4")  # as it was read before
    await vods.publish(recording)
    assert await paths_in(objects) == [recording.path]
    assert await store.recording(recording.id) is None


async def test_a_deletion_takes_everything_and_the_entry(
    store: Store, objects: Objects, vods: Vods
) -> None:
    stream = await add_stream(store)
    film_ = await vods.publish(await add_recording(store, objects, stream, film()))
    hls = await vods.publish(await add_hls(store, objects, stream))
    for one in (film_, hls):
        await vods.delete(one.id, by=OPERATOR)
        assert await store.recording(one.id) is None
    assert await paths_in(objects) == []
    shown = await store.stream(stream.id)
    assert shown is not None
    assert (shown.vod, shown.recording) == (None, None)
    with pytest.raises(NotFound):
        await vods.delete(film_.id, by=OPERATOR)


async def test_a_deletion_that_fails_at_first_takes_nothing(
    store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    published = await vods.publish(
        await add_recording(store, objects, await add_stream(store), film())
    )
    before = await paths_in(objects)
    failing: Any = Failing(objects, "delete")
    with pytest.raises(Unavailable):
        await Vods(store, failing, AvProber(), clock).delete(published.id, by=OPERATOR)
    assert await paths_in(objects) == before
    assert (await known(store, published)).vod == published.vod
    assert await events_of(store) == ["vod.available", "vod.deleting", "vod.kept"]


async def test_a_deletion_that_was_cut_off_stays_one_and_can_be_finished(
    store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    published = await vods.publish(
        await add_recording(store, objects, await add_stream(store), film())
    )

    class CutOff(Failing):
        async def delete(self, paths: list[str]) -> None:
            if published.path not in paths:
                raise Unavailable("S3, delete_objects: it does not answer")
            await objects.delete(paths)

    cut_off: Any = CutOff(objects)
    with pytest.raises(Unavailable):
        await Vods(store, cut_off, AvProber(), clock).delete(published.id, by=OPERATOR)
    half = await known(store, published)
    assert half.vod is not None
    assert half.vod.deleting
    assert await vods.find(RecordingQuery(deleting=True)) == [half]
    await vods.finish_deletion(half, by="test")
    assert await store.recording(published.id) is None
    assert await paths_in(objects) == []


async def test_what_is_on_hold_is_not_deleted_until_it_is_let_go(
    store: Store, objects: Objects, vods: Vods
) -> None:
    stream = await add_stream(store)
    one, other = [
        await vods.publish(await add_recording(store, objects, stream, film())) for _ in range(2)
    ]
    held = await vods.hold(one.id, reason="evidence", by=OPERATOR)
    assert held.vod is not None
    assert held.vod.hold is not None
    assert (held.vod.hold.reason, held.vod.hold.by) == ("evidence", "operator:root")
    with pytest.raises(Conflict, match="evidence"):
        await vods.delete(one.id, by=OPERATOR)
    assert one.path in await paths_in(objects)
    assert [found.id for found in await vods.find(RecordingQuery(), on_hold=True)] == [one.id]
    assert [found.id for found in await vods.find(RecordingQuery(), on_hold=False)] == [other.id]
    assert (await vods.publish(held)).vod == held.vod
    await vods.let_go(one.id, by=OPERATOR)
    with pytest.raises(NotFound, match="not on hold"):
        await vods.let_go(one.id, by=OPERATOR)
    await vods.delete(one.id, by=OPERATOR)


async def test_a_hold_and_a_deletion_at_once_end_with_one_of_them(
    store: Store, objects: Objects, vods: Vods
) -> None:
    stream = await add_stream(store)
    for _ in range(4):
        vod = await vods.publish(await add_recording(store, objects, stream, film()))
        both = vods.delete(vod.id, by=OPERATOR), vods.hold(vod.id, reason="x", by=OPERATOR)
        await asyncio.gather(*both, return_exceptions=True)
        left = await store.recording(vod.id)
        assert (left is None) is (vod.path not in await paths_in(objects))


async def test_pictures_are_made_anew_and_not_of_what_is_broken(
    store: Store, objects: Objects, vods: Vods
) -> None:
    stream = await add_stream(store)
    published = await vods.publish(await add_recording(store, objects, stream, film()))
    assert published.vod is not None
    assert published.vod.poster is not None
    await objects.delete([published.vod.poster])
    await vods.remake_pictures(published.id, by=OPERATOR)
    assert published.vod.poster in await paths_in(objects)
    make, _ = BROKEN["no moov"]
    broken = await vods.publish(await add_recording(store, objects, stream, make()))
    with pytest.raises(BadInput, match="no moov"):
        await vods.remake_pictures(broken.id, by=OPERATOR)


async def test_a_deletion_that_cannot_read_the_playlist_takes_nothing_and_marks_nothing(
    store: Store, objects: Objects, vods: Vods, clock: TestClock
) -> None:
    published = await vods.publish(await add_hls(store, objects, await add_stream(store)))
    failing: Any = Failing(objects, "get")
    with pytest.raises(Unavailable):
        await Vods(store, failing, AvProber(), clock).delete(published.id, by=OPERATOR)
    assert await known(store, published) == published


async def test_an_archived_vod_has_no_link_until_it_is_brought_back(
    store: Store, objects: Objects, vods: Vods, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await add_stream(store)
    published = await vods.publish(await add_recording(store, objects, stream, film()))
    replays = Replays(store, objects, clock, Signer(b"k" * 32), cdn="", seconds=60)

    async def moved(*_: Any) -> None:
        return None

    monkeypatch.setattr(objects, "set_storage_class", moved)
    archived = await vods.archive(published.id, "GLACIER", by=OPERATOR)
    assert archived.vod is not None
    assert (archived.vod.status, archived.vod.storage_class) == ("available", "GLACIER")
    shown = await replays.of_stream(stream, "http://here")
    assert (shown.url, shown.status) == (None, "available")
    with pytest.raises(Conflict, match="GLACIER"):
        replays.link(archived, "http://here")
    await vods.archive(published.id, "STANDARD_IA", by=OPERATOR)
    assert (await replays.of_stream(stream, "http://here")).url is not None
    await vods.archive(published.id, "GLACIER", by=OPERATOR)
    assert (await vods.publish(await known(store, published))).vod == published.vod

"""Recordings and their VOD, and what their streams show of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from livectl.domain.ids import new_id
from livectl.domain.recording import STATES, Hold, Recording, Storage, Vod
from livectl.errors import Conflict
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import Store
from tests.contract.examples import (
    HEX_USER,
    NOON,
    a_recording,
    a_replay,
    added,
    an_event,
    at,
    event_types,
    read,
    together,
)

FULL: dict[str, Any] = {
    "owner_id": HEX_USER,
    "recorder": "embedded",
    "layout": "room",
    "format": "hls",
    "state": "completed",
    "path": "live/2026/03/s/r/index.m3u8",
    "egress_id": "EG_1",
    "by": "user:alice",
    "started_at": at(1),
    "ended_at": at(61.5),
    "completed_at": at(70),
    "seen_at": at(61),
    "size": 5_000_000_000,
    "duration": 60.5,
    "stop_asked": True,
    "error": "none",
    "hint": "wait",
    "spool_host": "one",
    "restarts": 2,
    "tries": 3,
    "retry_at": at(100),
    "storage": Storage(
        type="S3",
        path="live/2026/03/s/r/index.m3u8",
        bucket="b",
        url="s3://b/p",
        size=5_000_000_000,
        duration=60,
        format="hls",
        sha256="ab" * 32,
    ),
    "vod": Vod(
        status="available",
        format="hls",
        duration=60.5,
        size=5_000_000_000,
        width=1280,
        height=720,
        video_codec="h264",
        audio_codec="aac",
        poster="p.jpg",
        sprite="s.jpg",
        thumbnails="t.vtt",
        uploaded_at=at(70),
        error="odd",
        hold=Hold(by="operator:eve", at=at(80), reason="$evidence"),
        deleting=True,
    ),
}


def replace(recording: Recording, **fields: Any) -> Recording:
    return msgspec.structs.replace(recording, **fields)


async def put(store: Store, *recordings: Recording) -> None:
    for recording in recordings:
        await store.add_recording(recording, an_event("recording.added"))


async def save(store: Store, recording: Recording, **fields: Any) -> Recording:
    saved = await store.save_recording(replace(recording, **fields), an_event("recording.saved"))
    assert saved is not None
    return saved


async def found(store: Store, **query: Any) -> list[Recording]:
    return await store.recordings(RecordingQuery(**query))


# --- one recording


@pytest.mark.parametrize("fields", [{}, FULL])
async def test_a_recording_is_read_back_as_it_was(
    store: Store, twin: Store, fields: dict[str, Any]
) -> None:
    recording = a_recording(new_id(), **fields)
    await put(store, recording)
    assert await twin.recording(recording.id) == recording
    assert await found(twin) == [recording]
    assert await twin.recording(new_id()) is None
    assert await event_types(twin) == ["recording.added"]


@pytest.mark.parametrize("before", [{}, FULL])
@pytest.mark.parametrize("after", [{}, FULL])
async def test_a_change_is_the_next_revision_and_leaves_nothing_of_the_one_before(
    store: Store, twin: Store, before: dict[str, Any], after: dict[str, Any]
) -> None:
    recording = a_recording(new_id(), **before)
    await put(store, recording)
    changed = a_recording(recording.stream_id, id=recording.id, **after)
    saved = await store.save_recording(changed, an_event("recording.saved"))
    assert saved == replace(changed, rev=1) == await twin.recording(recording.id)
    assert await event_types(twin) == ["recording.added", "recording.saved"]


async def test_a_change_of_another_revision_changes_nothing(store: Store) -> None:
    recording = a_recording(new_id())
    await put(store, recording)
    now = await save(store, recording, state="recording")
    for rev in (0, 2):
        late = replace(recording, rev=rev, state="failed")
        assert await store.save_recording(late, an_event("late")) is None
        assert await store.save_recording(late, None) is None
        assert not await store.remove_recording(late, an_event("late"))
    assert await store.save_recording(a_recording(new_id()), an_event("late")) is None
    assert not await store.remove_recording(a_recording(new_id()), an_event("late"))
    assert await found(store) == [now]
    assert await event_types(store) == ["recording.added", "recording.saved"]


async def test_of_changes_that_race_each_comes_on_the_newest(store: Store, twin: Store) -> None:
    recording = a_recording(new_id())
    await put(store, recording)

    async def grow(handle: Store) -> None:
        while known := await handle.recording(recording.id):
            changed = replace(known, size=known.size + 1)
            if await handle.save_recording(changed, None):
                return

    await together(grow(handle) for handle in (store, twin) * 6)
    assert await store.recording(recording.id) == replace(recording, size=12, rev=12)


async def test_a_recording_is_removed_once(store: Store, twin: Store) -> None:
    recording = a_recording(new_id())
    await put(store, recording)
    removed = await together(
        handle.remove_recording(recording, an_event("recording.removed"))
        for handle in (store, twin) * 3
    )
    assert sorted(removed) == [False] * 5 + [True]
    assert await store.recording(recording.id) is None
    assert await found(store) == []
    assert await store.save_recording(recording, an_event("late")) is None
    await put(store, recording)
    assert await store.recording(recording.id) == recording


# --- one that runs


async def test_of_recordings_that_race_to_begin_one_does(store: Store, twin: Store) -> None:
    stream = await added(store)
    recordings = [a_recording(stream.id) for _ in range(20)]

    async def begin(handle: Store, recording: Recording) -> bool:
        try:
            await handle.add_recording(recording, an_event("recording.added"))
        except Conflict:
            return False
        return True

    began = await together(
        begin(handle, recording)
        for handle, recording in zip((store, twin) * 10, recordings, strict=True)
    )
    assert sorted(began) == [False] * 19 + [True]
    winner = recordings[began.index(True)]
    assert await found(twin) == [winner]
    assert ((await read(twin, stream.id)).recording or {})["recordingId"] == winner.id
    assert await event_types(twin) == ["recording.added"]


async def test_the_next_may_begin_when_the_one_before_runs_no_more(store: Store) -> None:
    stream_id = new_id()
    recording = a_recording(stream_id)
    await put(store, recording, a_recording(new_id()))
    for state in STATES:
        recording = await save(store, recording, state=state)
        if recording.running:
            with pytest.raises(Conflict, match=stream_id):
                await put(store, a_recording(stream_id))
        else:
            await put(store, a_recording(stream_id, state="completed"))
    after = a_recording(stream_id)
    await put(store, after)
    with pytest.raises(Conflict, match=stream_id):
        await store.save_recording(replace(recording, state="recording"), an_event("late"))
    assert await store.recording(recording.id) == recording
    assert await store.remove_recording(after, an_event("recording.removed"))
    assert (await save(store, recording, state="recording")).running
    assert "late" not in await event_types(store)


async def test_an_id_is_given_once(store: Store) -> None:
    recording = a_recording(new_id())
    await put(store, recording)
    with pytest.raises(Conflict, match=recording.id):
        await store.add_recording(a_recording(new_id(), id=recording.id), an_event("late"))
    assert await found(store) == [recording]
    assert await event_types(store) == ["recording.added"]


# --- queries


async def test_each_condition_finds_its_recordings_and_no_others(store: Store) -> None:
    there = Storage(type="S3", path="there.mp4")
    one = a_recording("s", id="aa1", requested_at=at(1), path="one.mp4", egress_id="EG_1")
    two = a_recording("s", id="aa2", requested_at=at(2), state="failed", storage=there, path="x")
    three = a_replay("t", id="ab3", requested_at=at(3), owner_id=HEX_USER, path="three.mp4")
    deleting = Vod(status="failed", deleting=True)
    four = a_replay("t", id="b44", requested_at=at(3), vod=deleting, state="uploading", path="y")
    await put(store, two, four, one, three)
    for query, expected in (
        ({}, [four, three, two, one]),
        ({"limit": 2}, [four, three]),
        ({"stream_id": "s"}, [two, one]),
        ({"stream_id": "x"}, []),
        ({"owner_id": HEX_USER}, [three]),
        ({"states": ("starting",)}, [one]),
        ({"states": ("starting", "uploading", "recording")}, [four, one]),
        ({"states": ("completed", "failed"), "limit": 1}, [three]),
        ({"vod_statuses": ("available",)}, [three]),
        ({"vod_statuses": ("available", "failed", "uploading")}, [four, three]),
        ({"has_vod": True}, [four, three]),
        ({"has_vod": False}, [two, one]),
        ({"deleting": True}, [four]),
        ({"deleting": False}, [three, two, one]),
        ({"ref": "a"}, [three, two, one]),
        ({"ref": "aa"}, [two, one]),
        ({"ref": "ab3"}, [three]),
        ({"ref": "ab34"}, []),
        ({"ref": "*"}, []),
        ({"egress_id": "EG_1"}, [one]),
        ({"egress_id": "EG_2"}, []),
        ({"paths": ("one.mp4", "three.mp4", "none")}, [three, one]),
        ({"paths": ("there.mp4", "y")}, [four, two]),
        ({"since": at(2)}, [four, three, two]),
        ({"until": at(2)}, [one]),
        ({"since": at(2), "until": at(3)}, [two]),
        ({"before": (at(3), "b44")}, [three, two, one]),
        ({"before": (at(3), "ab3")}, [two, one]),
        ({"before": (at(1), "a")}, []),
        ({"stream_id": "t", "has_vod": True, "deleting": False, "states": ("completed",)}, [three]),
    ):
        assert await found(store, **query) == expected, query


async def test_pages_go_on_where_many_were_asked_for_at_the_same_time(store: Store) -> None:
    recordings = [a_replay(new_id(), requested_at=at(number // 4)) for number in range(9)]
    await put(store, *recordings)
    newest = sorted(recordings, key=lambda one: (one.requested_at, one.id), reverse=True)
    seen: list[Recording] = []
    while page := await found(
        store, limit=2, before=(seen[-1].requested_at, seen[-1].id) if seen else None
    ):
        seen += page
    assert seen == newest


# --- what the stream shows


async def test_a_stream_shows_its_recording_through_all_its_states(store: Store) -> None:
    stream = await added(store)
    recording = a_recording(stream.id)
    await put(store, recording)
    for rev, (state, status) in enumerate(
        (
            ("starting", "recording"),
            ("recording", "recording"),
            ("ending", "recording"),
            ("uploading", "uploading"),
            ("failed", "failed"),
            ("completed", "completed"),
        ),
        start=2,
    ):
        recording = await save(store, recording, state=state)
        shown = await read(store, stream.id)
        assert shown.recording == {"recordingId": recording.id, "status": status}
        assert (shown.rev, shown.vod) == (rev, None)


async def test_a_stream_shows_what_the_contract_names(store: Store, twin: Store) -> None:
    stream = await added(store)
    recording = a_recording(stream.id, **FULL)
    await put(store, recording)
    shown = await read(twin, stream.id)
    assert shown.recording == {
        "recordingId": recording.id,
        "status": "completed",
        "egressId": "EG_1",
        "storage": {
            "type": "S3",
            "path": "live/2026/03/s/r/index.m3u8",
            "bucket": "b",
            "url": "s3://b/p",
            "size": 5_000_000_000,
            "duration": 60,
            "format": "hls",
            "sha256": "ab" * 32,
        },
        "startedAt": "2026-03-01T12:00:01.000Z",
        "completedAt": "2026-03-01T12:01:10.000Z",
        "error": "none",
    }
    assert shown.vod == {
        "vodId": recording.id,
        "status": "available",
        "url": "s3://b/p",
        "thumbnailUrl": "p.jpg",
        "duration": 60.5,
        "format": "hls",
        "size": 5_000_000_000,
        "uploadedAt": "2026-03-01T12:01:10.000Z",
        "error": "odd",
    }


async def test_a_change_that_tells_nothing_leaves_the_stream_alone(store: Store) -> None:
    stream = await added(store)
    recording = a_recording(stream.id)
    await put(store, recording)
    before = await read(store, stream.id)
    grown = replace(recording, size=9, state="recording", error="odd")
    assert await store.save_recording(grown, None) == replace(grown, rev=1)
    assert await read(store, stream.id) == before
    assert await event_types(store) == ["recording.added"]


async def test_a_change_of_a_recording_is_one_of_the_stream(store: Store) -> None:
    stream = await added(store)
    await store.add_recording(a_recording(stream.id), an_event("recording.added", at=at(7)))
    shown = await read(store, stream.id)
    assert (shown.rev, shown.updated_at) == (stream.rev + 1, at(7))
    assert not await store.set_audience(stream.id, rev=stream.rev, viewers=1, peak=1, event=None)
    assert await store.set_audience(stream.id, rev=shown.rev, viewers=1, peak=1, event=None)


async def test_fields_that_are_not_ours_stay(store: Store) -> None:
    stream = await added(
        store,
        recording={"status": "failed", "error": "old", "codec": "h264", "deep": {"a": [1]}},
        vod={"vodId": "old", "url": "https://old", "views": 7},
        title="A title",
    )
    recording = a_replay(stream.id)
    await put(store, recording)
    shown = await read(store, stream.id)
    assert shown.recording == {
        "codec": "h264",
        "deep": {"a": [1]},
        "recordingId": recording.id,
        "status": "completed",
        "storage": {
            "type": "S3",
            "path": "a.mp4",
            "bucket": "b",
            "url": "s3://b/a.mp4",
            "format": "mp4",
        },
    }
    assert shown.vod == {
        "views": 7,
        "vodId": recording.id,
        "status": "available",
        "url": "s3://b/a.mp4",
        "format": "mp4",
    }
    assert shown.title == "A title"


async def shown_ids(store: Store, stream_id: str) -> tuple[Any, Any]:
    stream = await read(store, stream_id)
    return (stream.recording or {}).get("recordingId"), (stream.vod or {}).get("vodId")


async def test_an_older_recording_never_takes_the_place_of_a_newer_one(store: Store) -> None:
    stream = await added(store)
    older = a_replay(stream.id, id="b" * 24, requested_at=at(1))
    newer = a_recording(stream.id, id="c" * 24, requested_at=at(2))
    await put(store, older)
    assert await shown_ids(store, stream.id) == (older.id, older.id)
    await put(store, newer)
    assert await shown_ids(store, stream.id) == (newer.id, older.id)
    older = await save(store, older, error="odd", vod=Vod(status="failed", error="no moov"))
    assert await shown_ids(store, stream.id) == (newer.id, older.id)
    stands = await read(store, stream.id)
    assert (stands.recording_status, stands.vod_status) == ("recording", "failed")

    newer = await save(
        store, newer, state="completed", storage=older.storage, vod=Vod(status="uploading")
    )
    assert await shown_ids(store, stream.id) == (newer.id, newer.id)
    await save(store, older, vod=Vod(status="available"))
    await put(store, a_replay(stream.id, id="d" * 24, requested_at=at(0)))
    await put(store, a_replay(stream.id, id="a" * 24, requested_at=at(2)))
    assert await shown_ids(store, stream.id) == (newer.id, newer.id)
    last = a_replay(stream.id, id="e" * 24, requested_at=at(2))
    await put(store, last)
    assert await shown_ids(store, stream.id) == (last.id, last.id)


async def test_a_vod_without_its_file_is_not_shown(store: Store) -> None:
    stream = await added(store)
    await put(store, a_recording(stream.id, state="completed", vod=Vod(status="uploading")))
    assert (await read(store, stream.id)).vod is None


async def test_a_stream_shows_no_recording_that_was_removed(store: Store) -> None:
    stream = await added(store)
    one, two, three = (
        a_replay(stream.id, requested_at=at(1)),
        a_replay(stream.id, requested_at=at(2)),
        a_recording(stream.id, requested_at=at(3)),
    )
    await put(store, one, two, three)
    for removed, shown in (
        (two, (three.id, one.id)),
        (three, (one.id, one.id)),
        (one, (None, None)),
    ):
        assert await store.remove_recording(removed, an_event("recording.removed", at=at(9)))
        assert await shown_ids(store, stream.id) == shown
    stands = await read(store, stream.id)
    assert (stands.recording, stands.vod, stands.updated_at) == (None, None, at(9))
    assert await event_types(store) == ["recording.added"] * 3 + ["recording.removed"] * 3


async def test_a_vod_that_is_gone_gives_way_to_the_one_before(store: Store) -> None:
    stream = await added(store)
    older = a_replay(stream.id, requested_at=at(1))
    newer = a_replay(stream.id, requested_at=at(2))
    await put(store, older, newer)
    newer = await save(store, newer, vod=None)
    assert await shown_ids(store, stream.id) == (newer.id, older.id)
    await save(store, older, vod=None)
    assert await shown_ids(store, stream.id) == (newer.id, None)


async def test_what_another_program_left_goes_with_no_recording_of_ours(store: Store) -> None:
    theirs = {"recording": {"status": "completed"}, "vod": {"vodId": "old", "url": "https://old"}}
    stream = await added(store, **theirs)
    recording = a_recording(stream.id)
    await put(store, recording)
    await save(store, recording, state="failed")
    assert (await read(store, stream.id)).vod == theirs["vod"]
    other = await added(store, **theirs)
    gone = a_recording(new_id())
    await put(store, gone)
    assert await store.remove_recording(gone, an_event("recording.removed"))
    stands = await read(store, other.id)
    assert {"recording": stands.recording, "vod": stands.vod} == theirs


async def test_a_recording_of_a_stream_that_is_not_kept_here_is_kept(store: Store) -> None:
    recording = a_recording(new_id())
    await put(store, recording)
    saved = await save(store, recording, state="recording")
    assert await store.remove_recording(saved, an_event("recording.removed"))
    assert await event_types(store) == ["recording.added", "recording.saved", "recording.removed"]


async def test_at_the_end_of_a_race_the_stream_shows_what_is_kept(
    store: Store, twin: Store
) -> None:
    stream = await added(store)
    recordings = [
        a_replay(stream.id, requested_at=at(number), state="uploading") for number in range(4)
    ]
    await put(store, *recordings)

    async def change(handle: Store, recording: Recording, number: int) -> None:
        while True:
            known = await handle.recording(recording.id)
            assert known is not None
            changed = replace(known, error=str(number), started_at=at(number))
            if await handle.save_recording(changed, an_event("changed", at=NOON)):
                return

    async def be_watched(handle: Store) -> None:
        for number in range(5):
            known = await read(handle, stream.id)
            await handle.set_audience(
                stream.id, rev=known.rev, viewers=number, peak=number, event=None
            )

    await together(
        [
            *(
                change(handle, recording, number)
                for number in range(2)
                for recording in recordings
                for handle in (store, twin)
            ),
            be_watched(twin),
        ]
    )
    newest = await store.recording(recordings[-1].id)
    assert newest is not None
    shown = await read(store, stream.id)
    assert shown.recording is not None
    assert shown.recording["recordingId"] == newest.id
    assert shown.recording["error"] == newest.error
    assert await event_types(store) == ["recording.added"] * 4 + ["changed"] * 16
